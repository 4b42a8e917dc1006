"""What two sets of pairs share is counted; a test person among those to learn is refused."""

import os
from pathlib import Path

import pytest

from siamese.dataset import leakage, pairs, protocol
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError


def test_shared_people_and_images_are_counted_with_the_pairs_that_show_them() -> None:
    seen = [Pair(Face("A", 1), Face("A", 2), SAME), Pair(Face("B", 1), Face("C", 1), DIFFERENT)]
    evaluated = [
        Pair(Face("A", 2), Face("A", 3), SAME),  # person and image
        Pair(Face("D", 1), Face("D", 2), SAME),  # neither
        Pair(Face("B", 2), Face("D", 1), DIFFERENT),  # person
    ]
    assert leakage.leakage(pairs.faces_of(seen), evaluated) == {
        "people": 2,
        "images": 1,
        "same_pairs_of_seen_people": 1,
        "different_pairs_of_seen_people": 1,
        "pairs_with_seen_images": 1,
    }
    assert leakage.summarise({"evaluated": evaluated}) == {
        "evaluated": {"same_pairs": 2, "different_pairs": 1, "people": 3, "images": 5}
    }


def test_a_test_person_among_those_to_learn_is_named_with_the_remedy() -> None:
    path, remedy = Path("test.csv"), "`dvc repro split` divides them"
    leakage.refuse_test_people({"A", "B"}, {"C"}, path, remedy)
    with pytest.raises(InputError, match=r"test\.csv: B is among [^,]*; nobody .*: `dvc repro sp"):
        leakage.refuse_test_people({"A", "B"}, {"B", "C"}, path, remedy)
    with pytest.raises(InputError, match=r"test\.csv: B is among .* and so are 1 more; nobody"):
        leakage.refuse_test_people({"A", "B", "C"}, {"B", "C", "D"}, path, remedy)


MIRROR = Path(os.environ.get("LFW_MIRROR", ""))


@pytest.mark.lfw
class TestOfficialPairs:
    def test_a_random_split_leaks_as_documented(self) -> None:
        official = protocol.read_pairs(MIRROR / "pairsDevTrain.txt")
        train, val = pairs.split(official, 0.15, 0, person_disjoint=False)
        leak = leakage.leakage(pairs.faces_of(train), val)
        assert leak["same_pairs_of_seen_people"] / 165 == pytest.approx(0.66, abs=0.08)
        assert leak["pairs_with_seen_images"] / 330 == pytest.approx(0.59, abs=0.08)

    def test_nobody_of_the_training_pairs_is_in_the_test_pairs(self) -> None:
        train = protocol.read_pairs(MIRROR / "pairsDevTrain.txt")
        test = protocol.read_pairs(MIRROR / "pairsDevTest.txt")
        assert not any(leakage.leakage(pairs.faces_of(train), test).values())
