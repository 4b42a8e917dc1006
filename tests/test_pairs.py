"""The split is exact, repeatable and, where asked, disjoint in people; leaks are counted."""

import os
from pathlib import Path

import numpy as np
import pytest

from siamese import pairs, protocol
from siamese.errors import InputError
from siamese.protocol import DIFFERENT, SAME, Face, Pair


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


def test_csv_gives_back_rows_labels_and_names(tmp_path: Path) -> None:
    written = [
        Pair(Face("Ann", 1), Face("Ann", 2), SAME),
        Pair(Face("Zoë", 1), Face("Ann", 1), DIFFERENT),
    ]
    rows = {Face("Ann", 1): 0, Face("Ann", 2): 1, Face("Zoë", 1): 2}
    path = tmp_path / "train.csv"
    pairs.write_csv(written, rows, path)
    table = pairs.read_csv(path)
    assert table.rows.tolist() == [[0, 1], [2, 0]]
    assert table.labels.tolist() == [SAME, DIFFERENT]
    assert pairs.read_names(path) == [("Ann_0001", "Ann_0002"), ("Zoë_0001", "Ann_0001")]


def test_a_pair_whose_image_is_not_there_is_named_and_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    pair = Pair(Face("Ann", 1), Face("Ann", 2), SAME)
    with pytest.raises(InputError, match=r"Ann/Ann_0002\.jpg: named by a pair, but not among"):
        pairs.write_csv([pair], {Face("Ann", 1): 0}, path)
    assert not path.exists()


def test_leakage_counts_shared_people_images_and_the_pairs_they_touch() -> None:
    seen = [Pair(Face("A", 1), Face("A", 2), SAME), Pair(Face("B", 1), Face("C", 1), DIFFERENT)]
    judged = [
        Pair(Face("A", 2), Face("A", 3), SAME),  # person and image
        Pair(Face("D", 1), Face("D", 2), SAME),  # neither
        Pair(Face("B", 2), Face("D", 1), DIFFERENT),  # person
    ]
    assert pairs.leakage(pairs.faces_of(seen), judged) == {
        "people": 2,
        "images": 1,
        "same_pairs_of_seen_people": 1,
        "different_pairs_of_seen_people": 1,
        "pairs_with_seen_images": 1,
    }
    assert pairs.summarise({"judged": judged})["judged"] == {
        "same_pairs": 2,
        "different_pairs": 1,
        "people": 3,
        "images": 5,
    }


MIRROR = Path(os.environ.get("LFW_MIRROR", ""))


@pytest.fixture(scope="module")
def train_pairs() -> list[Pair]:
    return protocol.read_pairs(MIRROR / "pairsDevTrain.txt")


@pytest.mark.lfw
class TestOfficialPairs:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_person_disjoint_split_is_exact(self, train_pairs: list[Pair], seed: int) -> None:
        train, val = pairs.split(train_pairs, 0.15, seed, person_disjoint=True)
        assert sum(pair.label for pair in val) == len(val) - sum(p.label for p in val) == 165
        assert len(train) == 1870
        assert not people(train) & people(val)

    def test_a_random_split_leaks_as_documented(self, train_pairs: list[Pair]) -> None:
        train, val = pairs.split(train_pairs, 0.15, 0, person_disjoint=False)
        leak = pairs.leakage(pairs.faces_of(train), val)
        assert leak["same_pairs_of_seen_people"] / 165 == pytest.approx(0.66, abs=0.08)
        assert leak["pairs_with_seen_images"] / 330 == pytest.approx(0.59, abs=0.08)

    def test_nobody_of_the_training_pairs_is_in_the_test_pairs(
        self, train_pairs: list[Pair]
    ) -> None:
        test = protocol.read_pairs(MIRROR / "pairsDevTest.txt")
        assert not any(pairs.leakage(pairs.faces_of(train_pairs), test).values())


@pytest.mark.parametrize(("label", "missing"), [(SAME, "different persons"), (DIFFERENT, "one")])
def test_pairs_of_one_class_only_are_refused_by_name(
    label: int, missing: str, tmp_path: Path
) -> None:
    second = Face("A", 2) if label == SAME else Face("B", 1)
    rows = {Face("A", 1): 0, Face("A", 2): 1, Face("B", 1): 2}
    pairs.write_csv([Pair(Face("A", 1), second, label)], rows, tmp_path / "val.csv")
    with pytest.raises(InputError, match=rf"val\.csv: holds no pair of {missing}"):
        pairs.read_csv(tmp_path / "val.csv")


def test_a_test_person_among_those_to_learn_is_named() -> None:
    pairs.refuse_test_people({"A", "B"}, {"C"}, Path("test.csv"))
    with pytest.raises(InputError, match=r"test\.csv: B is among .* and so are 1 more"):
        pairs.refuse_test_people({"A", "B", "C"}, {"B", "C", "D"}, Path("test.csv"))


def test_images_of_people_come_back_with_their_names(tmp_path: Path) -> None:
    rows = {Face("A", 1): 7, Face("A", 2): 5, Face("B", 1): 2}
    pairs.write_images(list(rows), rows, tmp_path / "images.csv")
    found, names = pairs.read_images(tmp_path / "images.csv")
    assert (found.tolist(), names) == ([7, 5, 2], ["A", "A", "B"])
    with pytest.raises(InputError, match=r"B/B_0002\.jpg: counted in the list of people"):
        pairs.write_images([Face("B", 2)], rows, tmp_path / "images.csv")


def test_the_index_gives_back_each_images_row(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text("row,person,number\n0,A_B,2\n1,Zoë,10\n", encoding="utf-8")
    assert pairs.read_index(tmp_path / "faces.csv") == {Face("A_B", 2): 0, Face("Zoë", 10): 1}
