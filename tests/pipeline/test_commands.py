"""Every command in README and docs, typed in their order in a clone with drawn faces."""

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from clone import ROOT, Clone
from siamese.commands import COMMANDS
from siamese.lfw import drawn_faces

pytestmark = pytest.mark.pipeline
PAGES = ("README.md", "docs/experiments.md")
# What takes hours, real images or the tests is marked so before its block.
MARK = "<!-- [^\\n]+ -->"
BLOCK = re.compile(rf"({MARK}\n)?```sh\n(.*?)```", re.DOTALL)
WIDTH = 120


def marked(page: str, mark: str) -> list[str]:
    """Return the command lines of the block with a mark."""
    text = (ROOT / page).read_text(encoding="utf-8")
    [block] = [block for found, block in BLOCK.findall(text) if found == f"<!-- {mark} -->\n"]
    return str(block).splitlines()


def commands(page: str) -> list[str]:
    """Return the command lines of a page that can be typed in the tests."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [
        line.partition("  #")[0].strip()
        for mark, block in BLOCK.findall(text)
        if not mark
        for line in block.splitlines()
    ]
    return [line.removeprefix("pip install -e . && ") for line in lines if line]


@pytest.fixture(scope="module")
def committed(first_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone whose first run is committed, to look at; other recipes are of one epoch."""
    clone = first_run.copy(tmp_path_factory.mktemp("commands") / "clone")
    clone.set({f"recipes.{name}.max_epochs": "1" for name in ("contrastive", "large")})
    clone.env["COLUMNS"] = str(WIDTH)
    clone.type("dvc repro && git add -A && git commit -q -m 'other recipes of one epoch'")
    return clone


@pytest.fixture
def clone(committed: Clone, tmp_path: Path) -> Clone:
    """Return a copy of that clone, to change things in."""
    return committed.copy(tmp_path / "clone")


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_the_page_works(clone: Clone, page: str) -> None:
    printed = {command: clone.type(command) for command in commands(page)}
    assert len(printed) > 5

    [table] = [output for command, output in printed.items() if command.startswith("dvc exp show")]
    lines = table.splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert "…" not in table
    if page == "README.md":
        header = next(line for line in lines if "Experiment" in line).split()
        # not `minutes`: runs this short can take the same, rounded, and then the column is hidden
        assert {"accuracy", "auc", "scheduler"} <= set(header)
        for scheduler in ("none", "step", "multistep", "exponential"):
            assert any(scheduler in line.split() for line in lines), scheduler

    difference = printed["dvc metrics diff"]
    assert len(difference.splitlines()) <= 1 + 15
    if "dvc queue start" in printed:
        clone.type("dvc queue stop --kill")
        clone.type("dvc queue remove --all")


def test_quick_runs_on_drawn_faces_as_readme_says_with_its_own_settings(clone: Clone) -> None:
    shutil.copy(ROOT / "params.yaml", clone.path)
    clone.set({"alignment.steps": "100"})  # whose own 1500 take minutes
    output = clone.type("dvc exp run -S dataset=synthetic -S recipe=quick -S scheduler=onecycle")
    assert "collapsed" not in output
    assert clone.json("metrics/test.json")["auc"] > 0.9

    # The network is asked about photographs, behind the alignment that it was trained with.
    pairs = clone.csv("data/pairs/test.csv")
    with tarfile.open(clone.path / "data/images.tar") as archive:
        archive.extractall(clone.path / ".venv", filter="data")  # a folder that Git ignores
    verdicts = []
    for pair in pairs[:3] + pairs[-3:]:
        people = (name.rsplit("_", 1)[0] for name in (pair["first"], pair["second"]))
        names = zip(people, (pair["first"], pair["second"]), strict=True)
        files = " ".join(f".venv/{person}/{name}.jpg" for person, name in names)
        command = f"siamese verify --aligned --json {files} 2> /dev/null || [ $? = 1 ]"
        answer = json.loads(clone.type(command))
        assert answer["model"]["dataset"] == "synthetic"
        verdicts.append(answer["verified"] is (pair["label"] == "0"))
    assert sum(verdicts) >= 5
    picture = clone.path / "docs" / "alignment.png"
    picture.unlink()
    assert "docs/alignment.png shows the workspace's run" in clone.type("siamese example")
    assert picture.stat().st_size > 50_000


def test_a_scheduler_that_does_not_suit_is_told_before_anything_starts(clone: Clone) -> None:
    output = clone.type("dvc exp run -S recipe=quick -S recipes.quick.patience=1")
    note = output.index("note: recipe quick was tuned for scheduler onecycle")
    assert note < output.index("stages/train.py")
    assert "-S scheduler=onecycle" in output
    # It learns little, but the ensemble is calibrated: no alarm.
    assert "collapsed" not in output


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_says_what_it_takes(committed: Clone, command: str) -> None:
    output = committed.type(f"siamese {command} --help")
    assert output.startswith(f"usage: siamese {command}".strip())
    assert committed.type(f"python -m siamese {command} --help") == output


def test_a_stage_with_arguments_says_what_it_takes(committed: Clone) -> None:
    assert "number" in committed.type("python stages/view2_fold.py --help")
    assert "the following arguments are required: number" in committed.type(
        "python stages/view2_fold.py", fails=True
    )


def test_the_picture_is_drawn_of_drawn_faces_only(clone: Clone) -> None:
    picture = clone.path / "docs" / "example.png"
    before = picture.read_bytes() if picture.exists() else b""
    assert "shows the workspace's run" in clone.type("siamese example")
    assert picture.read_bytes() != before
    clone.set({"dataset": "lfw"})
    [line] = clone.type("siamese example", fails=True).splitlines()
    assert line.startswith("error: params.yaml: dataset is 'lfw'; the picture shows drawn faces")


def test_the_card_has_the_runs_own_figures(clone: Clone) -> None:
    assert "model-card.md describes" in clone.type("siamese card")
    _, header, body = (clone.path / "data/model-card.md").read_text("utf-8").split("---\n", 2)
    test = clone.json("data/evaluation.json")["test"]
    [model] = yaml.safe_load(header)["model-index"]
    [result] = model["results"]
    assert result["metrics"][0]["value"] == round(test["accuracy_at_threshold"], 4)
    assert f"| test | {test['pairs']} | {test['accuracy_at_threshold']:.1%} (" in body
    assert "drawn faces of invented people" in body
    clone.set({"recipe": "quick"})
    [line] = clone.type("siamese card", fails=True).splitlines()
    assert line.startswith(
        "error: data/model.safetensors is of recipe koch, params.yaml says quick"
    )


def test_a_clone_without_a_network_says_which_command_makes_one(clone: Clone) -> None:
    (clone.path / "data/model.safetensors").unlink()
    [line] = clone.type("siamese ablation", fails=True).splitlines()
    assert line == "error: data/model.safetensors is missing; `dvc repro` makes it"


def test_a_download_without_git_runs_after_the_commands_that_docs_name(clone: Clone) -> None:
    unpacked = Clone(clone.path.parent / "unpacked")
    clone.type(f"git archive --prefix=unpacked/ HEAD | tar -x -C {clone.path.parent}")
    assert "is not a git repository" in unpacked.type("dvc repro --dry check", fails=True)
    unpacked.env["GIT_CEILING_DIRECTORIES"] = str(clone.path.parent)
    for command in marked("docs/robustness.md", "in a ZIP"):
        unpacked.type(command)
    assert "check" in unpacked.ran(unpacked.type("dvc exp run -S seed=1 check"))


def test_a_store_takes_results_to_another_clone(clone: Clone) -> None:
    other = Clone(clone.path.parent / "other")
    clone.type(f"git clone -q . {other.path}")
    assert "No remote provided and no default remote set" in other.type("dvc pull", fails=True)
    store = clone.path.parent / "store"
    for command in marked("docs/robustness.md", "with a store"):
        clone.type(command.replace("/path/to/store", str(store)).replace("push", "push dvc.yaml"))
    clone.type("dvc remote remove --local store")
    other.type(f"dvc remote add --local -d store {store} && dvc pull dvc.yaml")
    model = "data/model.safetensors"
    assert (other.path / model).read_bytes() == (clone.path / model).read_bytes()
    assert other.ran(other.type("dvc repro")) == []


def test_a_published_network_is_one_command_away(clone: Clone, tmp_path: Path) -> None:
    public = tmp_path / "public.git"
    clone.type(f"git clone -q --bare . {public} && git remote set-url origin {public}")
    for command in marked("docs/photos.md", "a published network"):
        clone.type(command.replace("/path/to/store", str(tmp_path / "store")))
    away = Clone(tmp_path / "away")
    away.path.mkdir()
    away.env["PYTHONPATH"] = clone.env["PYTHONPATH"]  # networks of fewer filters
    get, verify = marked("docs/photos.md", "elsewhere")
    away.type(get.replace("https://example.org/your/clone", str(public)))
    model = (clone.path / "data" / "model.safetensors").read_bytes()
    assert (away.path / "model.safetensors").read_bytes() == model
    away.type(f"dvc artifacts get {public} face-verifier -o tagged.safetensors")
    assert (away.path / "tagged.safetensors").read_bytes() == model
    for name, person in (("a.jpg", 0), ("b.jpg", 1)):
        image = sorted(drawn_faces.make().images.items())[person][1]
        (away.path / name).write_bytes(image)
    printed = away.type(f"{verify} --aligned; test $? -lt 2")
    assert "network: dataset synthetic, recipe koch" in printed
