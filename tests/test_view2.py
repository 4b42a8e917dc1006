"""View 2: nobody is both learned and judged, and the folds are summed up as LFW's authors ask."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from ruamel.yaml import YAML
from scipy.stats import sem
from sklearn.metrics import roc_auc_score

import scripts
from clone import Clone, make_clone
from siamese import pairs, people, protocol, synthetic, verification
from siamese.errors import InputError

ROOT = Path(__file__).parents[1]
objectives = pytest.mark.parametrize("objective", ["pairs", "contrastive"])


fold, summary = scripts.load("view2_fold"), scripts.load("view2_summary")


def people_of(some: list[protocol.Pair]) -> set[str]:
    return {face.person for face in pairs.faces_of(some)}


def check_folds(objective: str) -> None:
    folds = protocol.read_folds(fold.PAIRS)
    people_folds = protocol.read_people_folds(fold.PEOPLE)
    judged: list[protocol.Pair] = []
    for number in range(1, 11):
        divided = fold.divide(number, objective, 0.15, 0)
        held_out, seen = people_of(divided.held_out), people_of(divided.judged)
        # All that the other nine folds have is learned, or held out.
        if isinstance(divided.learned, dict):
            learned = set(divided.learned)
            others = {name: n for part in people_folds for name, n in part.items()}
            for name in people_folds[number - 1]:
                del others[name]
            expected, spared = people.hold_out(others, 0.15, 0)
            assert divided.learned == expected
            assert held_out <= spared.keys()
        else:
            learned = people_of(divided.learned)
            listed = [pair for part in folds for pair in part]
            assert sorted(divided.learned + divided.held_out + divided.judged) == sorted(listed)
            assert len(divided.learned) > 4 * len(divided.held_out)
        assert not learned & held_out
        assert not (learned | held_out) & seen
        assert {pair.label for pair in divided.held_out} == {protocol.SAME, protocol.DIFFERENT}
        judged += divided.judged
    assert sorted(judged) == sorted(pair for part in folds for pair in part)


@pytest.fixture
def drawn(dataset: synthetic.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fold.PAIRS.parent.mkdir(parents=True)
    for name, text in dataset.texts.items():
        (fold.PAIRS.parent / name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("drawn")
@objectives
def test_nobody_is_in_two_parts_and_every_pair_is_judged_once(objective: str) -> None:
    check_folds(objective)


@pytest.mark.lfw
@objectives
def test_the_same_on_the_official_lists(objective: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = Path(os.environ["LFW_MIRROR"])
    monkeypatch.setattr(fold, "PAIRS", lists / "pairs.txt")
    monkeypatch.setattr(fold, "PEOPLE", lists / "people.txt")
    check_folds(objective)


@pytest.mark.usefixtures("drawn")
def test_a_fold_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match=r"fold 11: .* has the folds 1 to 10"):
        fold.divide(11, "pairs", 0.15, 0)


@pytest.mark.usefixtures("drawn")
def test_a_share_that_holds_nobody_out_is_refused() -> None:
    with pytest.raises(InputError, match=r"split.validation is 0.001, a larger share may do"):
        fold.divide(1, "pairs", 0.001, 0)


@pytest.mark.usefixtures("drawn")
@objectives
def test_a_fold_that_shows_people_of_others_is_refused(objective: str) -> None:
    lines = fold.PAIRS.read_text(encoding="utf-8").splitlines()
    count = int(lines[0].split("\t")[1])
    lines[1 + 2 * count] = lines[1]  # the second fold begins with the first one's first pair
    fold.PAIRS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="is among the people to train on"):
        fold.divide(2, objective, 0.15, 0)


@pytest.mark.usefixtures("drawn")
def test_the_threshold_is_the_best_one_for_the_pairs_held_out(
    dataset: synthetic.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = [Path(name).stem.rsplit("_", 1) for name in sorted(dataset.images)]
    rows = {protocol.Face(person, int(n)): row for row, (person, n) in enumerate(faces)}

    def score(network: object, faces: object, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return scores as good as any, the same for the same pairs."""
        return np.sin(pairs @ [1.0, 3.0]) + 2

    shutil.copy(ROOT / "params.yaml", "params.yaml")
    trained = SimpleNamespace(
        epochs=[], stopping=SimpleNamespace(best_epoch=1), collapsed_epoch=None, diverged_epoch=None
    )
    monkeypatch.setattr(fold, "read_faces", lambda image: (torch.zeros(1), rows))
    monkeypatch.setattr(fold.model, "make", lambda *network: torch.nn.Identity())
    monkeypatch.setattr(fold, "make_objective", lambda *learned: None)
    monkeypatch.setattr(fold, "Checkpoint", lambda *of: SimpleNamespace(remove=lambda: None))
    monkeypatch.setattr(fold, "fit", lambda *run: trained)
    monkeypatch.setattr(fold, "score_pairs", score)
    monkeypatch.setattr(sys, "argv", ["view2_fold.py", "3"])
    fold.main()

    made = json.loads(Path("view2/fold-3.json").read_text(encoding="utf-8"))
    divided = fold.divide(3, "contrastive", 0.15, 0)
    held_out, judged = (pairs.to_rows(part, rows) for part in (divided.held_out, divided.judged))
    threshold = verification.best_threshold(score(0, 0, held_out.rows), held_out.labels)
    assert made["threshold"] == threshold
    scores = score(0, 0, judged.rows)
    assert made["accuracy_at_threshold"] == verification.accuracy(scores, judged.labels, threshold)
    assert threshold != verification.best_threshold(scores, judged.labels)


@pytest.fixture
def folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stand beside ten folds' files; return what they hold."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    labels = np.repeat([protocol.SAME, protocol.DIFFERENT], 300)
    made: list[dict[str, Any]] = []
    for number, path in enumerate(summary.FOLDS, start=1):
        scores = rng.normal(labels, 1.0)
        figures = {
            "dataset": "made up", "recipe": "koch", "scheduler": "none", "fold": number,
            "collapsed_epoch": 3 if number == 4 else None,
            "diverged_epoch": 2 if number == 9 else None,
            "seconds": 1.5, "device": "cpu", "processor": "one", "threads": 2,
            "torch": "3" if number > 8 else "2",
            "accuracy_at_threshold": float(np.mean((scores >= 0.5) == labels)),
            "same_scores": scores[:300].tolist(),
            "different_scores": scores[300:].tolist(),
        }  # fmt: skip
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(figures))
        made.append(figures)
    return made


def test_folds_are_summed_up_as_mean_and_standard_error(folds: list[dict[str, Any]]) -> None:
    summary.main()
    result = json.loads(summary.METRICS.read_text())
    accuracies = [each["accuracy_at_threshold"] for each in folds]
    assert result["accuracies"] == accuracies
    assert result["accuracy"] == pytest.approx(np.mean(accuracies))
    assert result["standard_error"] == pytest.approx(sem(accuracies))
    scores = np.concatenate([each["same_scores"] + each["different_scores"] for each in folds])
    auc = roc_auc_score(np.tile(np.repeat([0, 1], 300), 10), scores)
    assert result["auc"] == pytest.approx(auc, abs=1e-6)
    assert (result["pairs"], result["seconds"]) == (6000, 15)
    assert (result["collapsed_folds"], result["torch"]) == ([4, 9], "2, 3")
    assert result["tar_at_far"].keys() == {"0.1", "0.01", "0.001"}
    assert len(summary.ROC.read_text().splitlines()) > 1000


@pytest.mark.parametrize(
    ("name", "value"), [("fold", 6), ("recipe", "quick"), ("scheduler", "step"), ("dataset", "lfw")]
)
def test_a_fold_of_another_run_is_refused(
    folds: list[dict[str, Any]], name: str, value: object
) -> None:
    summary.FOLDS[6].write_text(json.dumps(folds[6] | {name: value}))
    with pytest.raises(InputError, match=rf"fold-7\.json: {name} is {value}; it should be "):
        summary.main()
    assert not summary.METRICS.exists()


def test_the_summary_depends_on_every_fold() -> None:
    stages = YAML(typ="safe", pure=True).load(ROOT / "view2" / "dvc.yaml")["stages"]
    numbers = stages["view2_fold"]["matrix"]["number"]
    names = {f"view2/fold-{number}.json" for number in numbers}
    assert names == {str(path) for path in summary.FOLDS}
    assert names <= set(stages["view2_summary"]["deps"])


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone with nothing of View 2, in which the images have been made."""
    small = {"recipes.contrastive.max_epochs": "4"}  # time enough to be stopped in between
    clone = make_clone(tmp_path_factory.mktemp("view2") / "clone", small)
    for path in (clone.path / "view2").iterdir():
        if path.name != "dvc.yaml":
            path.unlink()
    clone.type("dvc repro download")
    return clone


@pytest.mark.pipeline
def test_a_stopped_run_goes_on_with_the_next_fold_and_the_main_graph_stands_apart(
    clone: Clone,
) -> None:
    first, second = (f"view2/dvc.yaml:view2_fold@{number}" for number in (1, 2))
    clone.type(f"dvc repro {first}")
    clone.interrupt(f"dvc repro {second}", signal.SIGKILL, 0)
    output = clone.type(f"dvc repro {first} {second}")
    assert f"Stage '{first}' didn't change, skipping" in output
    assert f"Running stage '{second}'" in output
    assert output.count("going on after epoch") == 1
    assert not (clone.path / ".training").exists()
    assert "up to date" in clone.type(f"dvc repro {first} {second}")
    left = clone.type("dvc repro --dry view2/dvc.yaml:view2_fold")
    assert left.count("Running stage 'view2/dvc.yaml:view2_fold@") == 8

    # The threshold is from other pairs, so it is not the best one here.
    made = json.loads((clone.path / "view2/fold-2.json").read_text(encoding="utf-8"))
    scores = np.array(made["same_scores"] + made["different_scores"])
    labels = np.repeat(
        [protocol.SAME, protocol.DIFFERENT],
        [len(made["same_scores"]), len(made["different_scores"])],
    )
    right = verification.accuracy(scores, labels, made["threshold"])
    assert right == pytest.approx(made["accuracy_at_threshold"])
    assert made["threshold"] != pytest.approx(verification.best_threshold(scores, labels))

    # All ten would take minutes: copies stand for the other eight.
    for number in range(3, 11):
        copy = clone.path / f"view2/fold-{number}.json"
        copy.write_text(json.dumps(made | {"fold": number}), encoding="utf-8")
    clone.type("dvc repro --single-item view2/dvc.yaml:view2_summary")
    result = clone.json("view2")
    assert result["folds"] == 10
    assert result["dataset"] == "synthetic"
    assert result["auc"] > 0.6

    # The main graph runs no fold, and a checkout misses no fold, only what was never run here.
    assert "view2" not in clone.type("dvc dag plot")
    (clone.path / "view2" / "fold-1.json").unlink()
    assert "view2" not in clone.type("dvc checkout", fails=True)
