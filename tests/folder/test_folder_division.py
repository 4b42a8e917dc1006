"""Nobody is in two parts; pairs are balanced and no person dominates; minima are stated."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from siamese.dataset import pairs, people, protocol
from siamese.dataset.protocol import SAME, Pair
from siamese.errors import InputError
from siamese.folder import division
from siamese.parameters import People

SETTINGS = People(folds=4)
IMAGES = {f"Zoë {number:02d}": 1 + number % 4 for number in range(80)} | {"Famous, A": 3000}


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    for name, text in division.divide(IMAGES, SETTINGS).items():
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path


def check_pairs(listed: list[Pair], members: dict[str, int]) -> None:
    labels = Counter(pair.label for pair in listed)
    assert len(labels) == 2
    assert len(set(labels.values())) == 1
    assert {face.person for face in pairs.faces_of(listed)} <= members.keys()
    same = Counter(pair.first.person for pair in listed if pair.label == SAME)
    assert max(same.values()) <= SETTINGS.pairs_per_person
    assert all(face.number <= members[face.person] for face in pairs.faces_of(listed))


def test_everybody_is_in_one_part_in_the_share_asked(lists: Path) -> None:
    training = protocol.read_people(lists / "peopleDevTrain.txt")
    test = protocol.read_people(lists / "peopleDevTest.txt")
    assert training | test == IMAGES
    assert not training.keys() & test.keys()
    several = sum(count > 1 for count in IMAGES.values())
    assert sum(count > 1 for count in test.values()) == round(SETTINGS.test * several)
    check_pairs(protocol.read_pairs(lists / "pairsDevTest.txt"), test)


def test_folds_divide_everybody_and_have_pairs_of_their_own_people(lists: Path) -> None:
    folds = protocol.read_people_folds(lists / "people.txt")
    listed = protocol.read_folds(lists / "pairs.txt")
    assert len(folds) == len(listed) == 4
    assert Counter(name for fold in folds for name in fold) == dict.fromkeys(IMAGES, 1)
    several = [sum(count > 1 for count in fold.values()) for fold in folds]
    assert max(several) - min(several) <= 1
    for fold, its_pairs in zip(folds, listed, strict=True):
        check_pairs(its_pairs, fold)


def test_the_seed_of_the_people_decides() -> None:
    assert division.divide(IMAGES, SETTINGS) == division.divide(IMAGES, SETTINGS)
    assert division.divide(IMAGES, SETTINGS) != division.divide(IMAGES, replace(SETTINGS, seed=1))


@pytest.mark.parametrize(("share", "enough"), [(0.2, 25), (0.3, 28), (0.5, 40), (0.05, 91)])
def test_what_would_be_enough_is_enough_and_one_less_is_not(share: float, enough: int) -> None:
    settings = replace(SETTINGS, test=share, folds=10)
    images = {str(number): 2 for number in range(enough)}
    division.refuse_too_few(images, settings, Path("people"))
    division.divide(images, settings)
    learned, held_out = people.hold_out(images, 0.15, 0)
    assert people.form_pairs(learned, 0)
    assert people.form_pairs(held_out, 0)
    del images["0"]
    with pytest.raises(InputError, match=f"have two or more; {enough} such people would be enough"):
        division.refuse_too_few(images, settings, Path("people"))
