"""The real graph, run by DVC in a throw-away clone on the synthetic images, as a person would."""

import io
import re
import shutil
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from clone import STAGES, Clone
from siamese import parameters
from siamese.evaluation import verification

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def clone(first_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone after its first run, to look at."""
    return first_run.copy(tmp_path_factory.mktemp("pipeline") / "clone")


@pytest.fixture
def workspace(first_run: Clone, tmp_path: Path) -> Clone:
    """Return a clone after its first run, to change things in."""
    return first_run.copy(tmp_path / "clone")


def test_one_command_makes_everything(clone: Clone) -> None:
    for name in (
        "data/images.tar",
        "data/faces.npy",
        "data/model.safetensors",
        "data/predictions/test.csv",
        "plots/training.csv",
        "plots/roc.csv",
        "plots/confusion.csv",
        "plots/reliability.csv",
        "plots/training.png",
        "plots/roc.png",
        "plots/reliability.png",
        "plots/scores.png",
        "plots/gallery.png",
    ):
        assert (clone.path / name).stat().st_size > 0, name
    assert clone.json("metrics/train.json")["epochs"] == 2
    assert clone.json("data/training.json")["device"] in ("cpu", "cuda", "mps")
    details = clone.json("data/evaluation.json")
    assert {"loss", "accuracy", "auc", "equal_error_rate"} <= details["test"].keys()


def test_results_say_that_they_were_made_on_synthetic_images(clone: Clone) -> None:
    for name in (
        *("metrics/train.json", "metrics/test.json"),
        *("data/dataset.json", "data/training.json", "data/evaluation.json"),
    ):
        assert clone.json(name)["dataset"] == "synthetic"


def test_metrics_are_the_figures_that_people_compare_with_no_more_digits_than_they_have(
    clone: Clone,
) -> None:
    train, test = clone.json("metrics/train.json"), clone.json("metrics/test.json")
    assert len(train) + len(test) <= 15
    details = clone.json("data/evaluation.json")
    assert test["one_of_20"] == details["one_shot"]["20_way"]["accuracy"]
    assert test["tar_at_far_0.01"] == pytest.approx(details["test"]["tar_at_far"]["0.01"], abs=5e-5)
    for value in [*train.values(), *test.values()]:
        assert not isinstance(value, dict)
        assert not isinstance(value, float) or round(value, 4) == value


def test_even_this_little_training_ranks_pairs_above_chance(clone: Clone) -> None:
    assert clone.json("metrics/test.json")["auc"] > 0.6


def test_nothing_big_and_no_face_goes_into_git(clone: Clone) -> None:
    tracked = clone.type("git ls-files").splitlines()
    assert not [name for name in tracked if name.endswith((".jpg", ".npy", ".tar", ".safetensors"))]
    assert "plots/gallery.png" not in tracked
    assert [name for name in tracked if name.startswith("data/")] == ["data/.gitignore"]
    sizes = {name: (clone.path / name).stat().st_size for name in tracked}
    sizes.pop(".dvc/plots-page/page.html")  # with the libraries that draw the charts
    assert max(sizes.values()) < 1_000_000, max(sizes, key=sizes.__getitem__)


def predictions(clone: Clone, split: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the scores and the labels of a split's pairs."""
    rows = clone.csv(f"data/predictions/{split}.csv")
    return np.array([float(row["score"]) for row in rows]), np.array(
        [int(row["label"]) for row in rows]
    )


def test_predictions_give_the_figures_again(clone: Clone) -> None:
    evaluation = clone.json("data/evaluation.json")
    scores, labels = predictions(clone, "test")
    assert np.mean((scores >= 0) == (labels == 1)) == evaluation["test"]["accuracy"]
    threshold = verification.best_threshold(*predictions(clone, "val"))
    assert evaluation["threshold"] == pytest.approx(1 / (1 + np.exp(-threshold)))
    assert threshold != pytest.approx(verification.best_threshold(scores, labels))
    right = verification.accuracy(scores, labels, threshold)
    assert evaluation["test"]["accuracy_at_threshold"] == pytest.approx(right)


def test_with_nothing_to_do_it_does_nothing(clone: Clone) -> None:
    start = time.perf_counter()
    output = clone.type("dvc repro")
    assert clone.ran(output) == []
    assert "up to date" in output
    assert time.perf_counter() - start < 20  # 3 s on an idle machine


def test_the_graph_is_shown(clone: Clone) -> None:
    drawing = clone.type("dvc dag")
    for stage in STAGES:
        assert stage in drawing


def test_an_experiment_runs_only_what_the_scheduler_changes(workspace: Clone) -> None:
    output = workspace.type("dvc exp run -n tenth -S scheduler=exponential")
    assert workspace.ran(output) == ["check", "train", "evaluate", "plot"]
    rates = [float(row["learning_rate"]) for row in workspace.csv("plots/training.csv")]
    assert rates == pytest.approx([0.01, 0.001])

    [header, *rows] = workspace.type("dvc metrics diff").splitlines()
    assert header.split() == ["Path", "Metric", "HEAD", "workspace", "Change"]
    assert 0 < len(rows) <= 15

    runs_compared = workspace.type("siamese significance HEAD tenth")
    assert "A: HEAD, B: tenth; 160 test pairs" in runs_compared
    assert "McNemar p = " in runs_compared
    assert workspace.type("siamese significance HEAD") == runs_compared.replace(
        "B: tenth", "B: workspace"
    )
    unknown = workspace.type("siamese significance eleventh", fails=True)
    assert unknown.startswith("error: eleventh: ")

    workspace.type("dvc plots diff HEAD workspace")
    page = (workspace.path / "dvc_plots/index.html").read_text(encoding="utf-8")
    for title in ("Loss and accuracy by epoch", "ROC of the test pairs", "Test pairs at"):
        assert title in page

    # Going back takes the first run's results from the cache.
    workspace.type("git checkout -q params.yaml")
    output = workspace.type("dvc repro")
    assert "train" not in workspace.ran(output)
    assert workspace.type("git status --porcelain metrics plots") == ""


def test_experiments_of_one_name_are_told_apart_by_their_hashes(clone: Clone) -> None:
    commits = [clone.type(f"git commit-tree -p HEAD -m {n} 'HEAD^{{tree}}'").strip() for n in "12"]
    for n, commit in zip("12", commits, strict=True):  # as DVC keeps experiments of old commits
        clone.type(f"git update-ref refs/exps/{n}0/{38 * n}/twice {commit}")
    [line] = clone.type("siamese significance twice", fails=True).splitlines()
    assert line.startswith("error: twice: ambiguous Git revision 'twice'; `dvc exp list --all")
    listed = clone.type("dvc exp list --all-commits")
    for commit in commits:
        assert f"{commit[:7]} [twice]" in listed
    by_hash = clone.type(f"siamese significance {commits[0][:7]} {commits[1][:7]}")
    assert by_hash.startswith(f"A: {commits[0][:7]}, B: {commits[1][:7]}; 160 test pairs")


def test_scores_of_a_run_made_elsewhere_are_said_to_be_missing(clone: Clone) -> None:
    elsewhere = Clone(clone.path.parent / "elsewhere")
    clone.type(f"git clone -q . {elsewhere.path}")
    [line] = elsewhere.type("siamese significance HEAD", fails=True).splitlines()
    assert line.startswith("error: HEAD: ")
    assert line.endswith("Files of runs made elsewhere are not in this machine's cache")


def test_another_recipe_is_one_flag(workspace: Clone) -> None:
    output = workspace.type("dvc exp run -S recipe=contrastive -S scheduler=onecycle")
    assert workspace.ran(output) == [stage for stage in STAGES if stage != "download"]
    aligned = workspace.json("data/alignment/training.json")
    assert aligned["error_after"].keys() == {"angle_degrees", "scale_percent", "shift_percent"}
    assert len(workspace.csv("data/alignment/transforms.csv")) == 306
    shared = workspace.json("data/dataset.json")["shared"]
    for pair in ("train_val", "train_test", "val_test"):
        assert set(shared[pair].values()) == {0}
    assert workspace.json("metrics/train.json")["epochs"] == 2
    assert workspace.json("metrics/test.json")["auc"] > 0.6
    # Streams are part of the network: other ones decode no image again.
    workspace.set({"recipes.contrastive.streams.colour": "[]"})
    ran = workspace.ran(workspace.type("dvc repro --dry"))
    assert "train" in ran
    assert "faces" not in ran
    workspace.type("git checkout -q params.yaml")
    assert "no-such-recipe" in workspace.type("dvc exp run -S recipe=no-such-recipe", fails=True)


def test_a_test_person_among_those_to_learn_is_refused(workspace: Clone) -> None:
    pairs = workspace.path / "data/pairs"
    stolen = (pairs / "test.csv").read_text(encoding="utf-8").splitlines()[1]
    learned = (pairs / "train.csv").read_text(encoding="utf-8")
    (pairs / "train.csv").unlink()
    (pairs / "train.csv").write_text(learned + stolen + "\n", encoding="utf-8")
    [line] = workspace.type("python stages/train.py", fails=True).splitlines()
    assert line.startswith("error: data/pairs/test.csv: ")
    assert "is among the people to train on" in line


def test_plots_are_shown(clone: Clone) -> None:
    assert "index.html" in clone.type("dvc plots show")
    page = (clone.path / "dvc_plots/index.html").read_text(encoding="utf-8")
    for text in ("Loss and accuracy", "false accept rate", "classified as", "gallery.png"):
        assert text in page


def test_editing_another_schedulers_settings_runs_nothing_again(workspace: Clone) -> None:
    workspace.set(
        {"schedulers.multistep.milestones": "[2, 4]", "recipes.contrastive.batch_size": "17"}
    )
    assert set(workspace.ran(workspace.type("dvc repro"))) == {"check"}
    workspace.type("git checkout -q params.yaml")
    path = workspace.path / "params.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("learning_rate: 0.0001", "learning_rate: 0.0002", 1))
    assert "schedulers.none" in workspace.type("dvc status train")


def test_small_numbers_stay_numbers(workspace: Clone) -> None:
    numbers = {"recipes.koch.weight_decay": "6e-05", "schedulers.none.learning_rate": "1e-4"}
    change = " ".join(f"-S {key}={number}" for key, number in numbers.items())
    workspace.type(f"dvc exp run --queue {change}")
    workspace.type("dvc queue remove --all")
    workspace.type(f"dvc exp run {change} check")
    assert "check" not in workspace.ran(workspace.type("dvc repro check"))
    params = parameters.parse((workspace.path / "params.yaml").read_text(), "params.yaml")
    assert params["recipes"]["koch"]["weight_decay"] == 6e-5
    assert params["schedulers"]["none"]["learning_rate"] == 1e-4


def test_a_wrong_parameter_ends_before_any_work_and_loses_nothing(workspace: Clone) -> None:
    output = workspace.type("dvc exp run -S scheduler=exponental", fails=True)
    assert workspace.ran(output) == ["check"]
    [line] = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "scheduler is 'exponental'; it takes one of none, step" in line
    assert workspace.type("git status --porcelain").split() == ["M", "params.yaml"]


def rewrite_archive(path: Path, change: str) -> None:
    """Damage data/images.tar in place, as a failing disk or a careless hand might."""
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            members.append((member, file.read()))
    content = path.read_bytes()
    path.unlink()  # it may be a link into DVC's cache
    if change == "truncated":
        path.write_bytes(content[: len(content) // 2])
        return
    with tarfile.open(path, "w") as archive:
        for index, (member, content) in enumerate(members):
            if change == "bad image" and index == 5:
                content = content[:200]
                member.size = len(content)
            if change == "traversal" and index == 5:
                member.name = "../" + member.name
            archive.addfile(member, io.BytesIO(content))


def when_written(clone: Clone) -> dict[Path, int]:
    """Return all files of data/ and when each was last written."""
    return {path: path.stat().st_mtime_ns for path in (clone.path / "data").rglob("*")}


def test_a_damaged_archive_is_named_and_mending_it_is_enough(workspace: Clone) -> None:
    path = workspace.path / "data/images.tar"
    whole = path.read_bytes()
    path.unlink()
    for change, says in (
        ("truncated", "data/images.tar"),
        ("bad image", ": damaged: "),
        ("traversal", "'../"),
    ):
        path.write_bytes(whole)
        rewrite_archive(path, change)
        before = when_written(workspace)
        output = workspace.type("python stages/faces.py", fails=True)
        assert says in output.strip().splitlines()[-1]
        assert when_written(workspace) == before
    workspace.type("dvc checkout -q --force")
    assert workspace.ran(workspace.type("dvc repro")) == []


def test_a_damaged_pair_file_is_named_with_its_line_and_mending_it_is_enough(
    workspace: Clone,
) -> None:
    path = workspace.path / "data/protocol/pairsDevTrain.txt"
    text = path.read_text(encoding="utf-8")
    path.unlink()
    pair = r"\n(\w+)\t(\d+)\t\d+\n"
    for old, new, says in (
        (r"\A\d+\n", "many\n", "pairsDevTrain.txt, line 1: 'many'; expected the number of pairs"),
        (pair, r"\n\1\t\2\n", "pairsDevTrain.txt, line 2: "),
        (pair, r"\n\1\t\2\t999\n", "_0999.jpg: named by a pair, but not among"),
    ):
        path.write_text(re.sub(old, new, text, count=1), encoding="utf-8")
        before = when_written(workspace)
        [line] = workspace.type("python stages/split.py", fails=True).strip().splitlines()
        assert line.startswith("error: ")
        assert says in line
        assert when_written(workspace) == before
    workspace.type("dvc checkout -q --force")
    assert workspace.ran(workspace.type("dvc repro")) == []


def test_deleted_outputs_come_back_from_the_cache(workspace: Clone) -> None:
    deleted = [path for path in (workspace.path / "data").iterdir() if path.name != ".gitignore"]
    for path in deleted:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    start = time.perf_counter()
    workspace.type("dvc checkout")
    assert time.perf_counter() - start < 20  # 2 s on an idle machine
    assert all(path.exists() for path in deleted)
    assert workspace.ran(workspace.type("dvc repro")) == []


def test_two_processes_give_the_loss_curve_of_one_and_stop_with_it(workspace: Clone) -> None:
    # A low rate: the rounding of float32 grows with each step, and soon to more than 1e-4.
    settings = "-S schedulers.none.learning_rate=1e-6 -S recipes.koch.patience=1"
    curves = []
    for processes in (1, 2):
        output = workspace.type(
            f"dvc exp run {settings} -S recipes.koch.max_epochs=5 -S processes={processes} train"
        )
        assert workspace.ran(output)[-1] == "train"
        assert workspace.json("data/training.json").get("processes", 1) == processes
        epochs = workspace.csv("plots/training.csv")
        assert output.count("training loss") == len(epochs) < 5
        curves.append([float(e[name]) for e in epochs for name in ("train_loss", "val_loss")])
    one, two = curves
    assert two == pytest.approx(one, abs=1e-4)
    assert two != one
    assert not (workspace.path / ".training").exists()
