"""The split is exact, repeatable and, where asked, disjoint in people; pairs are found by row."""

import os
from pathlib import Path

import numpy as np
import pytest

from siamese.dataset import pairs, protocol
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError


def made_up(people: int = 60, seed: int = 0) -> list[Pair]:
    """Return 40 same and 40 different pairs among people with four images each."""
    generator = np.random.default_rng(seed)
    names = [f"P{i}" for i in range(people)]
    same = [
        Pair(Face(names[i % people], 1 + i // people), Face(names[i % people], 4), SAME)
        for i in range(40)
    ]
    different: list[Pair] = []
    while len(different) < 40:
        a, b = generator.choice(people, 2, replace=False)
        different.append(Pair(Face(names[a], 1), Face(names[b], 2), DIFFERENT))
    return same + different


def people(split: list[Pair]) -> set[str]:
    return {face.person for pair in split for face in pair[:2]}


@pytest.mark.parametrize("person_disjoint", [False, True])
def test_every_pair_goes_to_exactly_one_side(person_disjoint: bool) -> None:
    all_pairs = made_up()
    train, val = pairs.split(all_pairs, 0.15, 0, person_disjoint)
    assert sorted(train + val) == sorted(all_pairs)


def test_validation_takes_its_share_of_each_class() -> None:
    _, val = pairs.split(made_up(), 0.15, 0, person_disjoint=False)
    assert sorted(pair.label for pair in val) == [SAME] * 6 + [DIFFERENT] * 6


@pytest.mark.parametrize("person_disjoint", [False, True])
def test_seed_decides_the_split(person_disjoint: bool) -> None:
    first, again, other = (
        pairs.split(made_up(), 0.15, seed, person_disjoint) for seed in (1, 1, 2)
    )
    assert first == again
    assert set(first[1]) != set(other[1])


def test_both_sides_are_shuffled() -> None:
    train, val = pairs.split(made_up(), 0.5, 0, person_disjoint=False)
    for side in (train, val):
        labels = [pair.label for pair in side]
        assert labels != sorted(labels)


@pytest.mark.parametrize("seed", range(5))
def test_a_person_disjoint_split_shares_no_person(seed: int) -> None:
    train, val = pairs.split(made_up(seed=seed), 0.15, seed, person_disjoint=True)
    assert not people(train) & people(val)
    assert {pair.label for pair in val} == {SAME, DIFFERENT}


def test_a_random_split_shares_people() -> None:
    train, val = pairs.split(made_up(people=12), 0.15, 0, person_disjoint=False)
    assert people(train) & people(val)


@pytest.mark.parametrize(("label", "name"), [(SAME, "same"), (DIFFERENT, "different")])
def test_a_validation_set_that_lacks_a_class_is_refused_by_the_parameter(
    label: int, name: str
) -> None:
    pairs.refuse_one_class(made_up(), 0.01)
    left = [pair for pair in made_up() if pair.label != label]
    with pytest.raises(InputError, match=rf"no {name} pair .* split\.validation is 0\.01"):
        pairs.refuse_one_class(left, 0.01)


def test_pairs_are_found_by_the_rows_of_their_images() -> None:
    rows = {Face("A", 1): 7, Face("A", 2): 5, Face("B", 1): 2}
    given = [
        Pair(Face("A", 1), Face("A", 2), SAME),
        Pair(Face("B", 1), Face("A", 1), DIFFERENT),
    ]
    found = pairs.to_rows(given, rows)
    assert (found.rows.tolist(), found.labels.tolist()) == ([[7, 5], [2, 7]], [SAME, DIFFERENT])
    assert found.rows.dtype == found.labels.dtype == np.int64
    assert pairs.to_rows([], rows).rows.shape == (0, 2)
    with pytest.raises(InputError, match=r"B/B_0002\.jpg: named by a pair, but not among"):
        pairs.to_rows([Pair(Face("B", 1), Face("B", 2), SAME)], rows)


MIRROR = Path(os.environ.get("LFW_MIRROR", ""))


@pytest.mark.lfw
class TestOfficialPairs:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_person_disjoint_split_is_exact(self, seed: int) -> None:
        official = protocol.read_pairs(MIRROR / "pairsDevTrain.txt")
        train, val = pairs.split(official, 0.15, seed, person_disjoint=True)
        assert sum(pair.label for pair in val) == len(val) - sum(p.label for p in val) == 165
        assert len(train) == 1870
        assert not people(train) & people(val)
