"""View 2: nobody is both learned from and tested, and folds are averaged as LFW's authors ask."""

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
import yaml
from numpy.typing import NDArray
from scipy.stats import sem
from sklearn.metrics import roc_auc_score

import scripts
from clone import Clone
from siamese import parameters
from siamese.dataset import pairs, people, protocol, tables
from siamese.errors import InputError
from siamese.evaluation import verification
from siamese.folder import division
from siamese.lfw import drawn_faces
from siamese.parameters import Parameters

ROOT = Path(__file__).parents[2]
PARAMS = parameters.read(ROOT / "params.yaml").for_view2()
objectives = pytest.mark.parametrize("objective", ["pairs", "contrastive"])


fold, summary = scripts.load("view2_fold"), scripts.load("view2_summary")


def people_of(some: list[protocol.Pair]) -> set[str]:
    return {face.person for face in pairs.faces_of(some)}


def check_folds(objective: str) -> None:
    folds = protocol.read_folds(fold.PAIRS)
    people_folds = protocol.read_people_folds(fold.PEOPLE)
    tested: list[protocol.Pair] = []
    for number in range(1, 11):
        divided = fold.divide(number, objective, 0.15, 0)
        validation, test = people_of(divided.validation), people_of(divided.test)
        # All that the other nine folds have is learned, or held out.
        if isinstance(divided.learned, dict):
            learned = set(divided.learned)
            others = {name: n for part in people_folds for name, n in part.items()}
            for name in people_folds[number - 1]:
                del others[name]
            expected, spared = people.hold_out(others, 0.15, 0)
            assert divided.learned == expected
            assert validation <= spared.keys()
        else:
            learned = people_of(divided.learned)
            listed = [pair for part in folds for pair in part]
            assert sorted(divided.learned + divided.validation + divided.test) == sorted(listed)
            assert len(divided.learned) > 4 * len(divided.validation)
        assert not learned & validation
        assert not (learned | validation) & test
        assert {pair.label for pair in divided.validation} == {protocol.SAME, protocol.DIFFERENT}
        tested += divided.test
    assert sorted(tested) == sorted(pair for part in folds for pair in part)


@pytest.fixture
def drawn(dataset: drawn_faces.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fold.PAIRS.parent.mkdir(parents=True)
    for name, text in dataset.texts.items():
        (fold.PAIRS.parent / name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("drawn")
@objectives
def test_nobody_is_in_two_parts_and_every_pair_is_tested_once(objective: str) -> None:
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


def use_own_people(folds: int) -> None:
    """Put the lists of a folder of people in place of the drawn ones."""
    images = {f"Zoë {number}": 1 + number % 3 for number in range(60)}
    for name, text in division.divide(images, parameters.People(folds=folds)).items():
        (fold.PAIRS.parent / name).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("drawn")
@objectives
def test_people_of_a_folder_are_cross_validated_with_nobody_in_two_parts(objective: str) -> None:
    use_own_people(3)
    tested: set[str] = set()
    for number in (1, 2, 3):
        divided = fold.divide(number, objective, 0.15, 0, "folder")
        learned = divided.learned
        names = set(learned) if isinstance(learned, dict) else people_of(learned)
        validation, test = people_of(divided.validation), people_of(divided.test)
        assert names
        assert not names & validation
        assert not (names | validation) & test
        assert not tested & test
        tested |= test


@pytest.mark.usefixtures("drawn")
def test_folds_that_there_are_not_are_left_out_of_the_summary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use_own_people(4)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    monkeypatch.setattr(fold.machine, "prepare", lambda: None)  # it is for the whole process
    for number in range(1, 11):
        monkeypatch.setattr(sys, "argv", ["view2_fold.py", str(number)])
        if number > 4:
            fold.main()
        else:
            made = json.dumps({"parameters": PARAMS.in_use(), "fold": number})
            (fold.FOLDS / f"fold-{number}.json").parent.mkdir(exist_ok=True)
            (fold.FOLDS / f"fold-{number}.json").write_text(made)
    found = summary.read_folds(PARAMS.in_use())
    assert [each["fold"] for each in found] == [1, 2, 3, 4]
    assert len(summary.FOLDS) == fold.MOST_FOLDS


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
def test_the_threshold_is_from_the_validation_pairs(
    dataset: drawn_faces.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = [Path(name).stem.rsplit("_", 1) for name in sorted(dataset.images)]
    rows = {protocol.Face(person, int(n)): row for row, (person, n) in enumerate(faces)}
    tables.write_index(list(rows), fold.INDEX)
    np.save(fold.FACES, np.zeros((len(rows), 2, 2), dtype=np.uint8))
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    given: dict[str, Any] = {}

    def fit(
        params: Parameters, images: object, learned: object, val: pairs.PairRows, *rest: object,
        fold: int, device: object,
    ) -> tuple[SimpleNamespace, SimpleNamespace]:  # fmt: skip
        given.update(learned=learned, validation=val, fold=fold)
        best = SimpleNamespace(val_threshold=1.75, epoch=2)
        run = SimpleNamespace(
            network=SimpleNamespace(outside_data=None), epochs=[], best=best,
            collapsed_epoch=None, diverged_epoch=None,
        )  # fmt: skip
        return run, SimpleNamespace(remove=lambda: None)

    def aligned(images: people.ImagesOfPeople) -> NDArray[np.uint8]:
        given["aligned by"] = set(images.people)
        return np.zeros((len(rows), 2, 2), dtype=np.uint8)

    def score(network: object, faces: object, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return scores as good as any, the same for the same pairs."""
        return np.sin(pairs @ [1.0, 3.0]) + 2

    monkeypatch.setattr(fold.machine, "prepare", lambda: None)  # it is for the whole process
    monkeypatch.setattr(fold.loop, "fit", fit)
    monkeypatch.setattr(fold, "align", lambda params, whole, images, *rest: aligned(images))
    monkeypatch.setattr(fold, "score_pairs", score)
    monkeypatch.setattr(sys, "argv", ["view2_fold.py", "3"])
    fold.main()

    made = json.loads(Path("view2/fold-3.json").read_text(encoding="utf-8"))
    divided = fold.divide(3, "contrastive", 0.15, 0)
    validation, test = (pairs.to_rows(part, rows) for part in (divided.validation, divided.test))
    assert given["fold"] == 3
    assert (given["validation"].rows == validation.rows).all()
    assert set(given["learned"].people) == given["aligned by"] == set(divided.learned)
    assert made["threshold"] == 1.75
    scores = score(0, 0, test.rows)
    assert made["accuracy_at_threshold"] == verification.accuracy(scores, test.labels, 1.75)


@pytest.fixture
def folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Stay beside ten folds' files; return what they hold."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", "params.yaml")
    rng = np.random.default_rng(0)
    labels = np.repeat([protocol.SAME, protocol.DIFFERENT], 300)
    made: list[dict[str, Any]] = []
    for number, path in enumerate(summary.FOLDS, start=1):
        scores = rng.normal(labels, 1.0)
        figures = {
            "parameters": PARAMS.in_use(), "fold": number,
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
    result = json.loads(summary.DETAILS.read_text())
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


def test_what_is_compared_of_view_2_is_below_a_key_of_its_own(folds: list[dict[str, Any]]) -> None:
    summary.main()
    [(key, compared)] = json.loads(summary.METRICS.read_text()).items()
    details = json.loads(summary.DETAILS.read_text())
    assert key == "view2"
    assert compared["accuracy"] == round(details["accuracy"], 4)
    assert compared["dataset"] == PARAMS.dataset
    assert len(compared) <= 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fold", 6),
        ("recipe", "quick"),
        ("scheduler", "step"),
        ("dataset", "synthetic"),
        ("seed", 1),
        ("recipe_settings.weight_decay", 1.0),
        ("recipe_settings.image.size", 64),
        ("recipe_settings.streams.fisher", []),
        ("scheduler_settings.warmup", 0.5),
    ],
)
def test_a_fold_of_another_run_is_refused(
    folds: list[dict[str, Any]], name: str, value: object
) -> None:
    made = json.loads(json.dumps(folds[6]))
    *path, last = name.split(".")
    target = made if name == "fold" else made["parameters"]
    for part in path:
        target = target[part]
    target[last] = value
    summary.FOLDS[6].write_text(json.dumps(made))
    with pytest.raises(InputError, match=rf"fold-7\.json: {name} is .*; it should be "):
        summary.main()
    assert not summary.METRICS.exists()


def test_the_committed_folds_are_those_of_the_committed_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(ROOT)
    assert len(summary.read_folds(PARAMS.in_use())) == 10


def test_the_summary_depends_on_every_fold() -> None:
    stages = yaml.safe_load((ROOT / "view2" / "dvc.yaml").read_text("utf-8"))["stages"]
    numbers = stages["view2_fold"]["matrix"]["number"]
    names = {f"view2/fold-{number}.json" for number in numbers}
    assert names == {str(path) for path in summary.FOLDS}
    assert names <= set(stages["view2_summary"]["deps"])


def test_the_lock_is_of_the_parameters_that_the_folds_were_made_with() -> None:
    # `dvc commit` and `dvc exp save` would write any other ones into it.
    lock = yaml.safe_load((ROOT / "view2" / "dvc.lock").read_text("utf-8"))["stages"]
    for number in range(1, 11):
        noted = lock[f"view2_fold@{number}"]["params"]["params.yaml"]
        fold = json.loads((ROOT / f"view2/fold-{number}.json").read_text("utf-8"))["parameters"]
        assert noted["dataset"] == fold["dataset"]
        assert noted["seed"] == fold["seed"]
        assert noted["view2"] == {name: fold[name] for name in ("recipe", "scheduler")}
        recipe = noted[f"recipes.{fold['recipe']}"]
        assert recipe["streams"] == fold["recipe_settings"]["streams"]


@pytest.fixture(scope="module")
def clone(first_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone with nothing of View 2, in which the images have been made."""
    clone = first_run.copy(tmp_path_factory.mktemp("view2") / "clone")
    # A small recipe, with time enough to be stopped in between.
    clone.set({"view2.recipe": "contrastive", "recipes.contrastive.max_epochs": "4"})
    for path in (clone.path / "view2").iterdir():
        if path.name != "dvc.yaml":
            path.unlink()
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
    assert output.count("continuing after epoch") == 1
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
    result = clone.json("view2/summary.json")
    assert result["folds"] == 10
    assert result["dataset"] == "synthetic"
    assert result["auc"] > 0.6

    # The main graph runs no fold, and a checkout misses no fold.
    assert "view2" not in clone.type("dvc dag plot")
    (clone.path / "view2" / "fold-1.json").unlink()
    assert "view2" not in clone.type("dvc checkout")


@pytest.mark.pipeline
def test_figures_of_other_data_are_not_taken_for_those_of_the_parameters(clone: Clone) -> None:
    # `dvc exp save` and `dvc commit` take over the locks of all graphs, whatever the files hold.
    for path in (ROOT / "view2").glob("fold-*.json"):
        shutil.copy(path, clone.path / "view2" / path.name)  # LFW's, beside `dataset: synthetic`
    clone.type("dvc repro view2/dvc.yaml:view2_faces")
    for name in ("view2/summary.json", "metrics/view2.json", "plots/view2-roc.csv"):
        shutil.copy(ROOT / name, clone.path / name)
    clone.type("dvc commit --force view2/dvc.yaml")
    folds = "view2/dvc.yaml:view2_fold"
    assert "didn't change, skipping" in clone.type(f"dvc repro --single-item {folds}@1")
    output = clone.type("dvc repro view2/dvc.yaml", fails=True)
    [line] = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "view2/fold-1.json: dataset is 'lfw-deepfunneled'; it should be 'synthetic'" in line
    assert "`dvc repro -f view2/dvc.yaml` runs all folds again" in line
