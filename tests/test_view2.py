"""View 2: nobody is both learned and judged, and the folds are summed up as LFW's authors ask."""

import importlib.util
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.stats import sem
from sklearn.metrics import roc_auc_score

from clone import Clone, make_clone
from siamese import pairs, protocol, synthetic
from siamese.errors import InputError

ROOT = Path(__file__).parents[1]
objectives = pytest.mark.parametrize("objective", ["pairs", "contrastive"])


def script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, ROOT / "stages" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


fold, summary = script("view2_fold"), script("view2_summary")


def people_of(some: list[protocol.Pair]) -> set[str]:
    return {face.person for face in pairs.faces_of(some)}


def check_folds(objective: str) -> None:
    judged: list[protocol.Pair] = []
    for number in range(1, 11):
        divided = fold.divide(number, objective, 0.15, 0)
        if isinstance(divided.learned, dict):
            learned = set(divided.learned)
        else:
            learned = people_of(divided.learned)
            assert len(divided.learned) > 4 * len(divided.held_out)
        held_out, seen = people_of(divided.held_out), people_of(divided.judged)
        assert learned
        assert not learned & held_out
        assert not (learned | held_out) & seen
        assert {pair.label for pair in divided.held_out} == {protocol.SAME, protocol.DIFFERENT}
        judged += divided.judged
    every = [pair for part in protocol.read_folds(fold.PAIRS) for pair in part]
    assert sorted(judged) == sorted(every)


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
def test_a_fold_that_shows_people_of_others_is_refused() -> None:
    lines = fold.PAIRS.read_text(encoding="utf-8").splitlines()
    count = int(lines[0].split("\t")[1])
    lines[1 + 2 * count] = lines[1]  # the second fold begins with the first one's first pair
    fold.PAIRS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="is among the people to train on"):
        fold.divide(2, "pairs", 0.15, 0)


def test_folds_are_summed_up_as_mean_and_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    accuracies, scores = [], []
    labels = np.repeat([protocol.SAME, protocol.DIFFERENT], 300)
    for number, path in enumerate(summary.FOLDS, start=1):
        scores.append(rng.normal(labels, 1.0))
        accuracies.append(float(np.mean((scores[-1] >= 0.5) == labels)))
        figures = {
            "dataset": "made up", "recipe": "koch", "scheduler": "none", "fold": number,
            "collapsed_epoch": 3 if number == 4 else None, "diverged_epoch": None,
            "seconds": 1.5, "device": "cpu", "processor": "one", "threads": 2,
            "torch": "3" if number > 8 else "2",
            "accuracy_at_threshold": accuracies[-1],
            "same_scores": scores[-1][:300].tolist(),
            "different_scores": scores[-1][300:].tolist(),
        }  # fmt: skip
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(figures))
    summary.main()
    result = json.loads(summary.METRICS.read_text())
    assert result["accuracy"] == pytest.approx(np.mean(accuracies))
    assert result["standard_error"] == pytest.approx(sem(accuracies))
    auc = roc_auc_score(np.tile(labels, 10), np.concatenate(scores))
    assert result["auc"] == pytest.approx(auc, abs=1e-6)
    assert (result["pairs"], result["seconds"]) == (6000, 15)
    assert (result["collapsed_folds"], result["torch"]) == ([4], "2, 3")
    assert result["tar_at_far"].keys() == {"0.1", "0.01", "0.001"}
    assert len(summary.ROC.read_text().splitlines()) > 1000


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

    # All ten would take minutes: copies stand for the other eight.
    for number in range(3, 11):
        shutil.copy(clone.path / "view2/fold-2.json", clone.path / f"view2/fold-{number}.json")
    clone.type("dvc repro --single-item view2/dvc.yaml:view2_summary")
    result = clone.json("view2")
    assert result["folds"] == 10
    assert result["dataset"] == "synthetic"
    assert result["auc"] > 0.6

    # The main graph runs no fold, and a checkout misses no fold, only what was never run here.
    assert "view2" not in clone.type("dvc dag plot")
    (clone.path / "view2" / "fold-1.json").unlink()
    assert "view2" not in clone.type("dvc checkout", fails=True)
