"""Pairs of images: divided into training and validation, and located in the array of images."""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError


@dataclass(frozen=True)
class PairRows:
    """Pairs by position: which two rows of the array of images make each, and its class.

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
    """Return pairs by the rows of their images in the array of images.

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


def faces_of(pairs: Sequence[Pair]) -> set[Face]:
    """Return the images that pairs are made of."""
    return {face for pair in pairs for face in pair[:2]}
