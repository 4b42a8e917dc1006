"""View 1: no test person is learned from or chosen on; training refuses to learn from one."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import scripts
from siamese import atomic, parameters
from siamese.dataset import protocol, tables
from siamese.errors import InputError
from siamese.lfw import drawn_faces

ROOT = Path(__file__).parents[2]
split, train, evaluate = (scripts.load(name) for name in ("split", "train", "evaluate"))
recipes = pytest.mark.parametrize("recipe", ["koch", "contrastive"])
# What each recipe learns from.
LEARNED = {"koch": "train.csv", "contrastive": "images.csv"}


@pytest.fixture
def drawn(dataset: drawn_faces.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stay where the drawn faces' lists and the index of the images have been made."""
    monkeypatch.chdir(tmp_path)
    split.PROTOCOL.mkdir(parents=True)
    for name, text in dataset.texts.items():
        (split.PROTOCOL / name).write_text(text, encoding="utf-8")
    images = [Path(name).stem.rsplit("_", 1) for name in sorted(dataset.images)]
    table = [(row, person, int(number)) for row, (person, number) in enumerate(images)]
    atomic.write_csv(split.INDEX, ("row", "person", "number"), table)


def divide(recipe: str) -> parameters.Recipe:
    """Run the stage `split` for a recipe; return the recipe."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("\nrecipe: koch\n", f"\nrecipe: {recipe}\n")
    Path("params.yaml").write_text(text, encoding="utf-8")
    split.main()
    return parameters.read(Path("params.yaml")).recipe_settings


def read(recipe: parameters.Recipe) -> None:
    """Read what is learned from, as the stage `train` does before it trains."""
    train.read_examples(train.PAIRS, train.TEST_PEOPLE, recipe.objective)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")


@pytest.mark.usefixtures("drawn")
@recipes
def test_nobody_who_is_learned_or_chosen_on_is_a_test_person(recipe: str) -> None:
    read(divide(recipe))
    test = set(protocol.read_people(train.TEST_PEOPLE))
    assert tables.read_people(split.PAIRS / "test.csv") <= test
    for name in ("train.csv", "val.csv"):
        assert not tables.read_people(split.PAIRS / name) & test
    if recipe == "contrastive":
        names = set(tables.read_images(split.PAIRS / "images.csv").people)
        assert not names & test
        assert not names & tables.read_people(split.PAIRS / "val.csv")
        assert names >= tables.read_people(split.PAIRS / "train.csv")


@pytest.mark.usefixtures("drawn")
@recipes
def test_a_person_of_a_test_pair_among_those_to_learn_is_refused(recipe: str) -> None:
    chosen = divide(recipe)
    stolen = rows(split.PAIRS / "test.csv")[0]
    person = stolen["first"].rsplit("_", 1)[0]
    lines = {"koch": ",".join(stolen.values()), "contrastive": f"0,{person}"}
    append(split.PAIRS / LEARNED[recipe], lines[recipe])
    with pytest.raises(InputError, match=rf"test\.csv: {person}.* among the people to train on"):
        read(chosen)


@pytest.mark.usefixtures("drawn")
@recipes
def test_so_is_a_test_person_who_is_in_no_pair(recipe: str) -> None:
    chosen = divide(recipe)
    person = sorted(tables.read_people(split.PAIRS / "train.csv"))[0]
    count, *others = train.TEST_PEOPLE.read_text(encoding="utf-8").splitlines()
    lines = [str(int(count) + 1), *others, f"{person}\t1"]
    train.TEST_PEOPLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"peopleDevTest\.txt: {person} is among the people"):
        read(chosen)


@pytest.mark.usefixtures("drawn")
def test_one_shot_trials_show_test_people_with_all_their_images() -> None:
    assert {
        person: len(images) for person, images in evaluate.images_of_test_people().items()
    } == protocol.read_people(evaluate.TEST_PEOPLE)
    index = tables.read_index(evaluate.INDEX)
    for person, images in evaluate.images_of_test_people().items():
        assert np.isin(images, [index[face] for face in index if face.person == person]).all()


def divide_with(validate_on: str) -> dict[str, list[tuple[str, str]]]:
    """Run the stage `split` for the listed pairs; return the names of each part's pairs."""
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    changed = text.replace("validate_on: held_out", f"validate_on: {validate_on}")
    Path("params.yaml").write_text(changed, encoding="utf-8")
    split.main()
    return {
        name: tables.read_names(split.PAIRS / f"{name}.csv") for name in ("train", "val", "test")
    }


@pytest.mark.usefixtures("drawn")
def test_validation_pairs_are_held_out_unless_the_split_says_otherwise() -> None:
    held_out = divide_with("held_out")
    assert not set(held_out["train"]) & set(held_out["val"])
    training = divide_with("training")
    assert training["train"] == held_out["train"] + held_out["val"]
    assert training["val"] == held_out["val"]
    test = divide_with("test")
    assert test["train"] == held_out["train"]
    assert test["val"] == test["test"] == held_out["test"]
    read(parameters.read(Path("params.yaml")).recipe_settings)  # no test person is learned from


@pytest.mark.usefixtures("drawn")
def test_pairs_that_are_learned_from_and_validated_on_are_counted_as_shared() -> None:
    divide_with("training")
    shared = json.loads(split.DATASET.read_text(encoding="utf-8"))["shared"]["train_val"]
    val = tables.read_pairs(split.PAIRS / "val.csv")
    assert shared["pairs_with_seen_images"] == len(val.labels)
