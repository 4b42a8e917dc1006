"""View 2: nobody is both learned and judged, and the folds are summed up as LFW's authors ask."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.stats import sem
from sklearn.metrics import roc_auc_score

from siamese import parameters, protocol, synthetic
from siamese.errors import InputError

ROOT = Path(__file__).parents[1]
RECIPES = parameters.load(ROOT / "params.yaml").recipes


def script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, ROOT / "view2" / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


fold = script("fold")


def people_of(pairs: list[protocol.Pair]) -> set[str]:
    return {face.person for pair in pairs for face in pair[:2]}


def check_folds(recipe: str) -> None:
    judged: list[protocol.Pair] = []
    for number in range(1, 11):
        divided = fold.divide(number, RECIPES[recipe], 0.15, 0)
        if isinstance(divided.learned, dict):
            learned = set(divided.learned)
        else:
            learned = people_of(divided.learned)
            assert len(divided.learned) > 4 * len(divided.held_out)
        held_out, seen = people_of(divided.held_out), people_of(divided.judged)
        assert learned
        assert not learned & held_out
        assert not (learned | held_out) & seen
        assert {pair.label for pair in divided.held_out} == {0, 1}
        judged += divided.judged
    every = [pair for part in protocol.read_folds(fold.PAIRS) for pair in part]
    assert sorted(judged) == sorted(every)


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fold.PAIRS.parent.mkdir(parents=True)
    for name, text in synthetic.make().texts.items():
        (fold.PAIRS.parent / name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("recipe", RECIPES)
def test_nobody_is_in_two_parts_and_every_pair_is_judged_once(recipe: str) -> None:
    check_folds(recipe)


@pytest.mark.lfw
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_same_on_the_official_lists(recipe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = Path(os.environ["LFW_MIRROR"])
    monkeypatch.setattr(fold, "PAIRS", lists / "pairs.txt")
    monkeypatch.setattr(fold, "PEOPLE", lists / "people.txt")
    check_folds(recipe)


@pytest.mark.usefixtures("drawn")
def test_a_fold_that_there_is_not_is_named() -> None:
    with pytest.raises(InputError, match=r"fold 11: .* has the folds 1 to 10"):
        fold.divide(11, RECIPES["koch"], 0.15, 0)


@pytest.mark.usefixtures("drawn")
def test_a_fold_that_shows_people_of_others_is_refused() -> None:
    lines = fold.PAIRS.read_text(encoding="utf-8").splitlines()
    count = int(lines[0].split("\t")[1])
    lines[1 + 2 * count] = lines[1]  # the second fold begins with the first one's first pair
    fold.PAIRS.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="is among the people to train on"):
        fold.divide(2, RECIPES["koch"], 0.15, 0)


def test_folds_are_summed_up_as_mean_and_standard_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    summary = script("summary")
    rng = np.random.default_rng(0)
    accuracies, labels, scores = [], [], []
    for number in range(1, 11):
        folder = summary.FOLDS / f"fold-{number}"
        folder.mkdir(parents=True)
        label = rng.permutation(np.repeat([0, 1], 300))
        score = rng.normal(label, 1.0)
        rows = "".join(f"a,b,{y},{x:.9g}\n" for y, x in zip(label, score, strict=True))
        (folder / "scores.csv").write_text("first,second,label,score\n" + rows)
        accuracies.append(float(np.mean((score >= 0.5) == label)))
        labels.append(label)
        scores.append(score)
        figures = {
            "dataset": "made up", "recipe": "koch", "fold": number, "seconds": 1.5,
            "accuracy_at_threshold": accuracies[-1],
        }  # fmt: skip
        (folder / "fold.json").write_text(json.dumps(figures))
    summary.main()
    result = json.loads(summary.METRICS.read_text())
    assert result["accuracy"] == pytest.approx(np.mean(accuracies))
    assert result["standard_error"] == pytest.approx(sem(accuracies))
    auc = roc_auc_score(np.concatenate(labels), np.concatenate(scores))
    assert result["auc"] == pytest.approx(auc, abs=1e-6)
    assert (result["pairs"], result["seconds"]) == (6000, 15)
