"""The real graph on a folder of people's photographs, which a newcomer would have made."""

import shutil
from pathlib import Path

import pytest
import yaml

from clone import ROOT, STAGES, Clone, make_clone
from siamese import rules
from siamese.lfw import drawn_faces
from siamese.parameters import Parameters

pytestmark = pytest.mark.pipeline

SETTINGS = {
    "dataset": "lfw-deepfunneled",
    "recipe": "quick",
    "scheduler": "onecycle",
    "recipes.quick.image.align": "false",
    "recipes.quick.image.size": "32",
    "recipes.quick.max_epochs": "1",
    "recipes.quick.streams.gradients": "[]",
}


@pytest.fixture(scope="module")
def clone(dataset: drawn_faces.Dataset, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone beside a folder, people, of 60 drawn people."""
    root = tmp_path_factory.mktemp("own")
    people = sorted({name.split("/")[0] for name in dataset.images})[:60]
    for name, content in dataset.images.items():
        if name.split("/")[0] in people:
            path = root / "people" / name.replace("_", " ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    clone = make_clone(root / "clone")
    clone.set(SETTINGS)
    clone.type("git commit -q -a -m 'settings for people of our own'")
    return clone


def error(output: str) -> str:
    """Return the one line that says what is wrong."""
    [line] = [line for line in output.splitlines() if line.startswith("error: ")]
    return line


def test_a_folder_runs_and_a_change_of_it_is_noticed_also_in_a_copy(clone: Clone) -> None:
    people = clone.path.parent / "people"
    # Relative to the project, also where DVC works in a copy.
    output = clone.type("dvc exp run -S dataset=folder -S folder=../people")
    assert tuple(clone.ran(output)) == STAGES
    assert "Running stage 'watch/dvc.yaml:watch'" in output
    metrics = clone.json("metrics/test.json")
    assert (metrics["dataset"], metrics["folder"], metrics["people"]) == ("folder", "people", 60)
    assert metrics["images"] == clone.json("data/dataset.json")["images"]
    assert str(people) not in (clone.path / "dvc.lock").read_text(encoding="utf-8")
    shared = clone.json("data/dataset.json")["shared"]
    assert {count for both in shared.values() for count in both.values()} == {0}

    assert clone.ran(clone.type("dvc repro")) == []
    first = min(people.iterdir())
    shutil.copy(min(first.iterdir()), first / "again.jpg")
    output = clone.type("dvc exp run --temp --name changed")
    assert "Running stage 'download'" in output
    assert "files rejected: 1 (" in output
    assert "Stage 'split' didn't change, skipping" in output  # a second copy is not used

    before = (clone.path / "data/images.tar").stat().st_mtime_ns
    people.rename(people.with_name("gone"))
    assert "no such folder or archive" in error(clone.type("dvc repro", fails=True))
    assert (clone.path / "data/images.tar").stat().st_mtime_ns == before
    people.with_name("gone").rename(people)


def test_published_data_sets_have_nothing_to_watch() -> None:
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    assert "watch/${dataset}.txt" in graph["stages"]["download"]["deps"]
    takes = rules.RULES[Parameters]["dataset"].takes.removeprefix("one of ").split(", ")
    made = yaml.safe_load((ROOT / "watch/dvc.yaml").read_text(encoding="utf-8"))
    [out] = made["stages"]["watch"]["outs"]
    files = {str(path.relative_to(ROOT)) for path in Path(ROOT / "watch").glob("*.txt")}
    assert {f"watch/{name}.txt" for name in takes} == files | {*out}
