"""People are divided into training and validation, and pairs formed of their images."""

from collections import Counter

import numpy as np
import pytest

from siamese.dataset import people
from siamese.dataset.protocol import DIFFERENT, SAME, Face
from siamese.errors import InputError

IMAGES = {f"Person_{i}": 1 + (i % 4) * (i % 3) for i in range(100)} | {"Famous": 200}


def test_validation_takes_whole_people_in_the_share_asked() -> None:
    learned, validation = people.hold_out(IMAGES, 0.2, seed=0)
    assert learned | validation == IMAGES
    assert not learned.keys() & validation.keys()
    for several in (False, True):
        everybody = sum((count > 1) is several for count in IMAGES.values())
        assert sum((n > 1) is several for n in validation.values()) == round(0.2 * everybody)


def test_a_seed_decides_who_validates_and_which_pairs_are_formed() -> None:
    assert people.hold_out(IMAGES, 0.2, 0) == people.hold_out(IMAGES, 0.2, 0)
    assert people.hold_out(IMAGES, 0.2, 0) != people.hold_out(IMAGES, 0.2, 1)
    assert people.form_pairs(IMAGES, 0) == people.form_pairs(IMAGES, 0)
    assert people.form_pairs(IMAGES, 0) != people.form_pairs(IMAGES, 1)


def test_pairs_are_balanced_all_different_and_of_images_that_exist() -> None:
    pairs = people.form_pairs(IMAGES, 0)
    labels = Counter(pair.label for pair in pairs)
    assert labels[SAME] == labels[DIFFERENT] > 0
    assert len({pair[:2] for pair in pairs}) == len(pairs)
    for first, second, label in pairs:
        assert (first.person == second.person) is (label == SAME)
        assert first != second
        for face in (first, second):
            assert 1 <= face.number <= IMAGES[face.person]


def test_one_person_never_gives_more_than_ten_same_pairs() -> None:
    same = Counter(p.first.person for p in people.form_pairs(IMAGES, 0) if p.label == SAME)
    assert max(same.values()) == same["Famous"] == people.PAIRS_OF_ONE


def test_a_person_with_very_many_images_costs_no_more_memory() -> None:
    images = {"Famous": 100_000} | {f"Person {number}": 2 for number in range(20)}
    pairs = people.form_pairs(images, 0, per_person=3)
    same = Counter(p.first.person for p in pairs if p.label == SAME)
    assert same == {"Famous": 3} | {f"Person {number}": 1 for number in range(20)}
    assert len(pairs) == 2 * same.total()


def test_few_people_give_as_many_same_pairs_as_there_are_different_ones() -> None:
    for images in ({"A": 5, "B": 1}, {"A": 9, "B": 2}, {"A": 2, "B": 2}):
        labels = Counter(pair.label for pair in people.form_pairs(images, 0))
        assert 0 < labels[SAME] == labels[DIFFERENT] <= images["A"] * images["B"]


def test_there_are_no_more_pairs_than_can_be_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "PAIRS", 7)
    labels = Counter(pair.label for pair in people.form_pairs(IMAGES, 0))
    assert labels == {SAME: 7, DIFFERENT: 7}


def test_people_are_described_by_how_many_images_they_have() -> None:
    assert people.describe({"A": 1, "B": 1, "C": 5}) == {
        "people": 3, "images": 7, "images_per_person_median": 1, "images_per_person_max": 5,
        "people_with_one_image": 2,
    }  # fmt: skip


def test_people_of_whom_no_pair_can_be_formed_are_bad_input() -> None:
    for images in ({}, {"A": 1, "B": 1}, {"A": 2}):
        with pytest.raises(InputError, match=r"split\.validation"):
            people.form_pairs(images, 0)


def test_all_images_of_people_are_named() -> None:
    assert people.faces_of_people({"A": 2, "B": 1}) == [("A", 1), ("A", 2), ("B", 1)]


def test_images_of_people_are_found_by_row_or_named() -> None:
    rows = {Face("A", 1): 7, Face("A", 2): 5, Face("B", 1): 2}
    found = people.to_images(list(rows), rows)
    assert (found.rows.tolist(), found.people) == ([7, 5, 2], ["A", "A", "B"])
    assert found.rows.dtype == np.int64
    with pytest.raises(InputError, match=r"B/B_0002\.jpg: counted in the list of people"):
        people.to_images([Face("B", 2)], rows)


def test_at_most_so_many_images_of_a_person_are_taken_the_first_ones() -> None:
    images = people.ImagesOfPeople(np.array([4, 9, 1, 7, 2]), ["A", "B", "A", "A", "C"])
    assert people.first_of_each(images, 2, 10, 0).tolist() == [4, 9, 1, 2]
    assert people.first_of_each(images, 1, 10, 0).tolist() == [4, 9, 2]


def test_of_too_many_images_some_are_drawn_by_the_seed() -> None:
    images = people.ImagesOfPeople(np.arange(100), [f"p{i}" for i in range(100)])
    drawn = people.first_of_each(images, 1, 7, seed=0).tolist()
    assert len(set(drawn)) == 7
    assert drawn == people.first_of_each(images, 1, 7, seed=0).tolist()
    assert drawn != people.first_of_each(images, 1, 7, seed=1).tolist()
