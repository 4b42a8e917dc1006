"""Pair lists: split into training and validation, stored as CSV, counted for what leaks."""

import csv
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamese import atomic
from siamese.errors import InputError
from siamese.protocol import DIFFERENT, SAME, Face, Pair


@dataclass(frozen=True)
class PairRows:
    """Pairs by position: which two rows of the faces make each, and its class.

    Attributes:
        rows: (n, 2) int64.
        labels: (n,) int64, SAME or DIFFERENT.
    """

    rows: NDArray[np.int64]
    labels: NDArray[np.int64]


def _groups(pairs: Sequence[Pair]) -> list[list[int]]:
    """Return the indices of pairs, grouped so that no two groups show a common person."""
    leader: dict[str, str] = {}

    def find(person: str) -> str:
        while leader.setdefault(person, person) != person:
            person = leader[person]
        return person

    for pair in pairs:
        leader[find(pair.first.person)] = find(pair.second.person)
    groups = defaultdict(list)
    for index, pair in enumerate(pairs):
        groups[find(pair.first.person)].append(index)
    return list(groups.values())


def split(
    pairs: Sequence[Pair], validation: float, seed: int, person_disjoint: bool
) -> tuple[list[Pair], list[Pair]]:
    """Divide pairs into training and validation, each shuffled, no pair dropped.

    Both classes give the same share to validation; at most that share in a person-disjoint split,
    where groups of pairs that are linked by common persons go to one side whole. LFW's DevTrain
    pairs fall into 1,032 such groups of 21 pairs at most, so that the shares come out exact there.

    Args:
        pairs: of both classes.
        validation: share of each class, between 0 and 1.
        seed: of the shuffle.
        person_disjoint: whether no person may appear on both sides.

    Returns:
        Training pairs and validation pairs.
    """
    generator = random.Random(seed)
    groups = _groups(pairs) if person_disjoint else [[index] for index in range(len(pairs))]
    generator.shuffle(groups)
    room = {
        label: round(validation * sum(pair.label == label for pair in pairs))
        for label in (SAME, DIFFERENT)
    }
    held_out = set()
    for group in groups:
        labels = [pairs[index].label for index in group]
        if all(labels.count(label) <= room[label] for label in room):
            held_out.update(group)
            for label in labels:
                room[label] -= 1
    order = list(range(len(pairs)))
    generator.shuffle(order)
    return (
        [pairs[index] for index in order if index not in held_out],
        [pairs[index] for index in order if index in held_out],
    )


def refuse_one_class(held_out: Sequence[Pair], share: float) -> None:
    """Raise InputError if pairs held out for validation lack one of the classes.

    Args:
        held_out: the pairs.
        share: split.validation, which gave so few.
    """
    for label, name in ((SAME, "same"), (DIFFERENT, "different")):
        if label not in {pair.label for pair in held_out}:
            raise InputError(
                f"no {name} pair is left for validation: split.validation is {share}, "
                "a larger share may do"
            )


def to_rows(pairs: Sequence[Pair], rows: Mapping[Face, int]) -> PairRows:
    """Return pairs by the rows of their images in the array of faces.

    Raises:
        InputError: a pair names an image that is not there.
    """
    for pair in pairs:
        for face in (pair.first, pair.second):
            if face not in rows:
                raise InputError(f"{face.file}: named by a pair, but not among the images")
    return PairRows(
        rows=np.array(
            [(rows[first], rows[second]) for first, second, _ in pairs], dtype=np.int64
        ).reshape(-1, 2),
        labels=np.array([pair.label for pair in pairs], dtype=np.int64),
    )


def write_csv(pairs: Sequence[Pair], rows: Mapping[Face, int], path: Path) -> None:
    """Write pairs with the rows of their images in the array of faces.

    Raises:
        InputError: a pair names an image that is not there.
    """
    atomic.write_csv(
        path,
        ("first_row", "second_row", "label", "first", "second"),
        (
            (*row, label, Path(first.file).stem, Path(second.file).stem)
            for row, (first, second, label) in zip(
                to_rows(pairs, rows).rows.tolist(), pairs, strict=True
            )
        ),
    )


def read_csv(path: Path) -> PairRows:
    """Return the pairs of a CSV that `write_csv` wrote.

    Raises:
        InputError: one of the classes has no pair.
    """
    table = np.loadtxt(
        path,
        delimiter=",",
        skiprows=1,
        usecols=(0, 1, 2),
        dtype=np.int64,
        ndmin=2,
        encoding="utf-8",
    )
    labels = table[:, 2]
    for label, name in ((SAME, "one person"), (DIFFERENT, "different persons")):
        if label not in labels:
            raise InputError(f"{path}: holds no pair of {name}; both classes are needed")
    return PairRows(rows=table[:, :2], labels=labels)


def read_names(path: Path) -> list[tuple[str, str]]:
    """Return the names ("NAME_0001") of the pairs' images of a CSV."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["first"], row["second"]) for row in csv.DictReader(file)]


def _people(pairs: Sequence[Pair]) -> set[str]:
    return {face.person for pair in pairs for face in pair[:2]}


def faces_of(pairs: Sequence[Pair]) -> set[Face]:
    """Return the images that pairs are made of."""
    return {face for pair in pairs for face in pair[:2]}


def summarise(splits: Mapping[str, Sequence[Pair]]) -> dict[str, dict[str, int]]:
    """Return, for each named split, its numbers of pairs by class, of people and of images."""
    return {
        name: {
            "same_pairs": sum(pair.label == SAME for pair in pairs),
            "different_pairs": sum(pair.label == DIFFERENT for pair in pairs),
            "people": len(_people(pairs)),
            "images": len(faces_of(pairs)),
        }
        for name, pairs in splits.items()
    }


def leakage(seen: set[Face], judged: Sequence[Pair]) -> dict[str, int]:
    """Count what pairs to be judged share with images already seen.

    Returns:
        Shared people and images; the judged pairs of each class that show a person already
        seen, and those that use an image already seen.
    """
    people = {face.person for face in seen}
    known = [pair for pair in judged if {pair.first.person, pair.second.person} & people]
    return {
        "people": len(people & _people(judged)),
        "images": len(seen & faces_of(judged)),
        "same_pairs_of_seen_people": sum(pair.label == SAME for pair in known),
        "different_pairs_of_seen_people": sum(pair.label == DIFFERENT for pair in known),
        "pairs_with_seen_images": sum(bool({*pair[:2]} & seen) for pair in judged),
    }


def read_index(path: Path) -> dict[Face, int]:
    """Return the row of each image in the array of faces, from the index beside it."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            Face(row["person"], int(row["number"])): int(row["row"]) for row in csv.DictReader(file)
        }


def rows_of(faces: Sequence[Face], rows: Mapping[Face, int]) -> NDArray[np.int64]:
    """Return the rows (n,) of people's images in the array of faces.

    Raises:
        InputError: an image is not there.
    """
    for face in faces:
        if face not in rows:
            raise InputError(f"{face.file}: counted in the list of people, but not there")
    return np.array([rows[face] for face in faces], dtype=np.int64)


def write_images(faces: Sequence[Face], rows: Mapping[Face, int], path: Path) -> None:
    """Write the rows of images and the names of their people.

    Raises:
        InputError: an image is not there.
    """
    people = (face.person for face in faces)
    atomic.write_csv(
        path, ("row", "person"), zip(rows_of(faces, rows).tolist(), people, strict=True)
    )


def read_images(path: Path) -> tuple[NDArray[np.int64], list[str]]:
    """Return the rows (n,) and people's names of the images of a CSV that `write_images` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        table = [(int(row["row"]), row["person"]) for row in csv.DictReader(file)]
    return np.array([row for row, _ in table], dtype=np.int64), [name for _, name in table]


def read_people(path: Path) -> set[str]:
    """Return the names of the people that the pairs of a CSV show."""
    return {name.rsplit("_", 1)[0] for pair in read_names(path) for name in pair}


def refuse_test_people(learned: set[str], test: set[str], path: Path) -> None:
    """Raise InputError if a person of the test pairs is among those to learn from."""
    if both := sorted(learned & test):
        raise InputError(
            f"{path}: {both[0]} is among the people to train on"
            + (f", and so are {len(both) - 1} more" if both[1:] else "")
            + "; nobody may be in both (`dvc repro split` divides them)"
        )
