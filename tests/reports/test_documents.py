"""README and docs show the committed figures, as the command makes them."""

import json
from pathlib import Path

import dvc.api
import pytest
from dvc.exceptions import DvcException

from made_up import ROOT, variant
from siamese.errors import InputError
from siamese.reports import documents, experiments, tables


def test_readme_and_docs_show_the_committed_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    variants, _, _ = documents.read_kept()
    view2, _ = documents.read_view2()
    made = tables.make(
        variants,
        view2,
        documents.read_ablation(),
        documents.read_unaligned(),
        documents.read_benchmark(),
    )
    shown = set()
    for path in documents.documents():
        text = path.read_text(encoding="utf-8")
        assert documents.fill_in(path, made) == text
        shown |= {name for _, name, _ in documents.TABLE.findall(text)}
    assert shown == made.keys()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stay in a folder with README and docs, where DVC holds the runs "zero" and "one", by seed."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    evaluation = variant(0.7)["evaluation"]

    def read(path: str, rev: str, encoding: str) -> str:
        if rev not in ("zero", "one"):
            raise DvcException(f"unknown Git revision '{rev}'")
        seed = ("zero", "one").index(rev)
        evaluation["test"]["auc"] = (0.7, 0.8)[seed]
        made = {
            "params.yaml": text.replace("seed: 0", f"seed: {seed}", 1),
            "data/training.json": json.dumps(variant(0.7)["train"] | {"torch": rev}),
            "data/evaluation.json": json.dumps(evaluation),
            "plots/training.csv": ",".join(experiments.EPOCH) + f"\n1,0.{seed},0.5,0.5,0.5,0.1\n",
            "plots/roc.csv": f"threshold,far,tar\n0,0,0\n0.5,0.{seed + 2},0.9\n1,1,1\n",
        }
        return made.get(path, "first,second,label,score\na,b,0,-1\nc,d,1,1\n")

    monkeypatch.setattr(dvc.api, "read", read)
    for name in ("docs", "metrics", "plots", "view2"):
        Path(name).mkdir()
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        copy = Path(path.relative_to(ROOT))
        copy.write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tables_and_drawings_are_of_each_revisions_own_figures(folder: Path) -> None:
    documents.update(["zero"])
    documents.update(["one"])
    variants = json.loads(documents.VARIANTS.read_text())
    assert [each["evaluation"]["test"]["auc"] for each in variants] == [0.7, 0.8]
    assert [each["train"]["torch"] for each in variants] == ["zero", "one"]
    assert [each["correct"] for each in variants] == ["11", "11"]
    losses = [line.split(",")[2] for line in documents.CURVES.read_text().splitlines()[1:]]
    assert losses == ["0.0", "0.1"]
    # Of several seeds, the first one's ROC is drawn, and kept.
    fars = [line.split(",")[1] for line in documents.ROCS.read_text().splitlines()[1:]]
    assert fars == ["0", "0.2", "1"]
    text = "".join(path.read_text(encoding="utf-8") for path in documents.documents())
    assert "(torch zero) or 2 threads of an one (torch one)." in text
    assert "| koch | none | none | 0, 1 |" in text
    for name in ("recipes-roc", "recipes-minutes", "variants-weight-decay-0"):
        assert Path(f"plots/{name}.png").stat().st_size > 0
    made = contents(folder)
    documents.update([])
    assert contents(folder) == made


def test_a_report_that_cannot_be_made_changes_nothing(folder: Path) -> None:
    documents.update(["zero"])
    made = contents(folder)
    with pytest.raises(InputError, match=r"'two'; `dvc exp list --all-commits` shows each exp"):
        documents.update(["two"])
    assert contents(folder) == made

    page = folder / "docs" / "results.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace("table: recipes", "table: recipies"), encoding="utf-8")
    with pytest.raises(InputError, match=r"results\.md: no table is named recipies; it may be s"):
        documents.update(["one"])
    page.write_text(text, encoding="utf-8")
    assert contents(folder) == made


def test_figures_on_drawn_faces_are_refused(folder: Path) -> None:
    documents.update(["zero"])
    documents.VIEW2.write_text('{"dataset": "synthetic"}', encoding="utf-8")
    made = contents(folder)
    with pytest.raises(InputError, match=r"summary\.json: made on synthetic, not on lfw-deep"):
        documents.update(["one"])
    documents.VIEW2.unlink()
    ablation = {"quick": {"dataset": "synthetic", "seed": 0, "rows": []}}
    documents.ABLATION.write_text(json.dumps(ablation), encoding="utf-8")
    with pytest.raises(InputError, match=r"ablation\.json: quick was measured on synthetic"):
        documents.update([])
    documents.ABLATION.unlink()
    documents.VIEW2.write_text('{"dataset": "synthetic"}', encoding="utf-8")
    assert contents(folder) == made


def test_a_summary_of_view_2_has_the_streams_of_its_folds_and_no_others(folder: Path) -> None:
    view2 = {"dataset": experiments.DATASET, "accuracies": [0.9]}
    settings = {"recipe_settings": {"streams": {"residual": [1.0], "hue": []}}}
    fold = {"accuracy_at_threshold": 0.9, "parameters": settings}
    documents.VIEW2.write_text(json.dumps(view2), encoding="utf-8")
    documents.VIEW2_ROC.write_text("threshold,far,tar\n", encoding="utf-8")
    found, _ = documents.read_view2()
    assert found == view2  # no folds lie there
    documents.VIEW2_FOLD.write_text(json.dumps(fold), encoding="utf-8")
    found, _ = documents.read_view2()
    assert found == view2 | {"streams": {"residual": [1.0]}}
    # The first fold was run again, and then the run was stopped.
    fold["accuracy_at_threshold"] = 0.95
    documents.VIEW2_FOLD.write_text(json.dumps(fold), encoding="utf-8")
    with pytest.raises(InputError, match=r"summary\.json: not of view2/fold-1\.json, which was"):
        documents.read_view2()
