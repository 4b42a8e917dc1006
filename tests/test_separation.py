"""View 1: no test person is learned or chosen on; training refuses to learn one."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

import scripts
from siamese import atomic, pairs, parameters, protocol, synthetic
from siamese.errors import InputError

ROOT = Path(__file__).parents[1]
split, train, evaluate = (scripts.load(name) for name in ("split", "train", "evaluate"))
recipes = pytest.mark.parametrize("recipe", ["koch", "contrastive"])
# What each recipe learns from.
LEARNED = {"koch": "train.csv", "contrastive": "images.csv"}


@pytest.fixture
def drawn(dataset: synthetic.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the synthetic lists and the index of the images have been made."""
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
    return parameters.load(Path("params.yaml")).recipe_settings


def make(recipe: parameters.Recipe) -> None:
    """Make the objective, as the stage `train` does before it trains."""
    train.make_objective(recipe, torch.zeros(1, 8, 8, dtype=torch.uint8))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def append(path: Path, line: str) -> None:
    path.write_text(f"{path.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")


@pytest.mark.usefixtures("drawn")
@recipes
def test_nobody_who_is_learned_or_chosen_on_is_a_test_person(recipe: str) -> None:
    make(divide(recipe))
    test = set(protocol.read_people(train.TEST_PEOPLE))
    assert pairs.read_people(split.PAIRS / "test.csv") <= test
    for name in ("train.csv", "val.csv"):
        assert not pairs.read_people(split.PAIRS / name) & test
    if recipe == "contrastive":
        _, names = pairs.read_images(split.PAIRS / "images.csv")
        assert not set(names) & test
        assert not set(names) & pairs.read_people(split.PAIRS / "val.csv")
        assert set(names) >= pairs.read_people(split.PAIRS / "train.csv")


@pytest.mark.usefixtures("drawn")
@recipes
def test_a_person_of_a_test_pair_among_those_to_learn_is_refused(recipe: str) -> None:
    made = divide(recipe)
    stolen = rows(split.PAIRS / "test.csv")[0]
    person = stolen["first"].rsplit("_", 1)[0]
    lines = {"koch": ",".join(stolen.values()), "contrastive": f"0,{person}"}
    append(split.PAIRS / LEARNED[recipe], lines[recipe])
    with pytest.raises(InputError, match=rf"test\.csv: {person}.* among the people to train on"):
        make(made)


@pytest.mark.usefixtures("drawn")
@recipes
def test_so_is_a_test_person_who_is_in_no_pair(recipe: str) -> None:
    made = divide(recipe)
    person = sorted(pairs.read_people(split.PAIRS / "train.csv"))[0]
    count, *others = train.TEST_PEOPLE.read_text(encoding="utf-8").splitlines()
    lines = [str(int(count) + 1), *others, f"{person}\t1"]
    train.TEST_PEOPLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"peopleDevTest\.txt: {person} is among the people"):
        make(made)


@pytest.mark.usefixtures("drawn")
def test_one_shot_trials_show_test_people_with_all_their_images() -> None:
    assert {
        person: len(images) for person, images in evaluate.images_of_test_people().items()
    } == protocol.read_people(evaluate.TEST_PEOPLE)
    index = pairs.read_index(evaluate.INDEX)
    for person, images in evaluate.images_of_test_people().items():
        assert np.isin(images, [index[face] for face in index if face.person == person]).all()
