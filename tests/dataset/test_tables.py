"""The CSV files between the stages give back what was written, or say what they lack."""

from pathlib import Path

import numpy as np
import pytest

from siamese.dataset import tables
from siamese.dataset.people import ImagesOfPeople
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError


def test_the_index_gives_back_each_images_row(tmp_path: Path) -> None:
    path = tmp_path / "images.csv"
    tables.write_index([Face("A_B", 2), Face("Zoë", 10)], path)
    assert path.read_text(encoding="utf-8") == "row,person,number\n0,A_B,2\n1,Zoë,10\n"
    assert tables.read_index(path) == {Face("A_B", 2): 0, Face("Zoë", 10): 1}


def test_pairs_come_back_with_rows_labels_names_and_people(tmp_path: Path) -> None:
    written = [
        Pair(Face("Ann", 1), Face("Ann", 2), SAME),
        Pair(Face("Zoë_X", 1), Face("Ann", 1), DIFFERENT),
    ]
    rows = {Face("Ann", 1): 0, Face("Ann", 2): 1, Face("Zoë_X", 1): 2}
    path = tmp_path / "train.csv"
    tables.write_pairs(written, rows, path)
    table = tables.read_pairs(path)
    assert table.rows.tolist() == [[0, 1], [2, 0]]
    assert table.labels.tolist() == [SAME, DIFFERENT]
    assert tables.read_names(path) == [("Ann_0001", "Ann_0002"), ("Zoë_X_0001", "Ann_0001")]
    assert tables.read_people(path) == {"Ann", "Zoë_X"}


def test_a_pair_whose_image_is_not_there_is_named_and_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    pair = Pair(Face("Ann", 1), Face("Ann", 2), SAME)
    with pytest.raises(InputError, match=r"Ann/Ann_0002\.jpg: named by a pair, but not among"):
        tables.write_pairs([pair], {Face("Ann", 1): 0}, path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("label", "missing"), [(SAME, "different persons"), (DIFFERENT, "one")])
def test_pairs_of_one_class_only_are_refused_by_name(
    label: int, missing: str, tmp_path: Path
) -> None:
    second = Face("A", 2) if label == SAME else Face("B", 1)
    rows = {Face("A", 1): 0, Face("A", 2): 1, Face("B", 1): 2}
    tables.write_pairs([Pair(Face("A", 1), second, label)], rows, tmp_path / "val.csv")
    with pytest.raises(InputError, match=rf"val\.csv: holds no pair of {missing}"):
        tables.read_pairs(tmp_path / "val.csv")


def test_images_of_people_come_back_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "images.csv"
    tables.write_images(ImagesOfPeople(np.array([7, 5, 2]), ["A", "A", "Zoë"]), path)
    found = tables.read_images(path)
    assert (found.rows.tolist(), found.people) == ([7, 5, 2], ["A", "A", "Zoë"])
    assert found.rows.dtype == np.int64


def test_images_that_pairs_show_are_each_given_once(tmp_path: Path) -> None:
    ann, other, zoe = Face("Ann", 1), Face("Ann", 2), Face("Zoë_X", 1)
    pairs = [Pair(other, ann, SAME), Pair(zoe, other, DIFFERENT)]
    tables.write_pairs(pairs, {ann: 8, other: 3, zoe: 5}, tmp_path / "train.csv")
    found = tables.read_images_of_pairs(tmp_path / "train.csv")
    assert (found.rows.tolist(), found.people) == ([3, 5, 8], ["Ann", "Zoë_X", "Ann"])


def test_transforms_come_back_and_clamped_ones_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "transforms.csv"
    given = np.array([[0.1, -0.2, 1 / 3, 0.0], [-0.3, 0.2, 0.2, -0.2]])
    tables.write_transforms([Face("A", 1), Face("B", 12)], given, np.array([False, True]), path)
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["A_0001", "B_0012"]
    assert [line.split(",")[-1] for line in lines] == ["0", "1"]
    np.testing.assert_allclose(tables.read_transforms(path), given, atol=1e-6)
    tables.write_transforms([], np.empty((0, 4)), np.empty(0, dtype=bool), path)
    assert tables.read_transforms(path).shape == (0, 4)
