"""People and their images: divided into training and validation, and formed into pairs.

The unrestricted protocol of LFW allows any pairs inside the training set.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray

from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError

# Same pairs of one person, at most: a few people have so many images that theirs would be most.
PAIRS_OF_ONE = 10


@dataclass(frozen=True)
class ImagesOfPeople:
    """Images to learn from by whom they show.

    Attributes:
        rows: (n,) int64, of the array of images.
        people: (n,) names.
    """

    rows: NDArray[np.int64]
    people: Sequence[str]


def hold_out(
    images: Mapping[str, int], validation: float, seed: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Divide people into those to learn from and those to validate on.

    People with one image and people with several are divided alike.

    Args:
        images: number of images of each person.
        validation: share of the people held out, between 0 and 1.
        seed: of the choice.
    """
    generator = random.Random(seed)
    held_out: set[str] = set()
    for several in (False, True):
        names = sorted(name for name, count in images.items() if (count > 1) is several)
        held_out.update(generator.sample(names, round(validation * len(names))))
    return (
        {name: count for name, count in images.items() if name not in held_out},
        {name: count for name, count in images.items() if name in held_out},
    )


def faces_of_people(images: Mapping[str, int]) -> list[Face]:
    """Return all images of people, given the number that each has."""
    return [Face(name, i) for name, count in images.items() for i in range(1, count + 1)]


def to_images(faces: Sequence[Face], rows: Mapping[Face, int]) -> ImagesOfPeople:
    """Return images by their rows in the array of images.

    Raises:
        InputError: an image is not there.
    """
    for face in faces:
        if face not in rows:
            raise InputError(f"{face.file}: counted in the list of people, but not there")
    numbers = np.array([rows[face] for face in faces], dtype=np.int64)
    return ImagesOfPeople(numbers, [face.person for face in faces])


def first_of_each(images: ImagesOfPeople, count: int, at_most: int, seed: int) -> NDArray[np.int64]:
    """Return the rows of at most `count` images of each person, the first ones.

    Args:
        images: of people.
        count: of one person.
        at_most: of all; of more, as many are drawn.
        seed: of the draw.
    """
    seen: Counter[str] = Counter()
    rows = []
    for row, person in zip(images.rows.tolist(), images.people, strict=True):
        seen[person] += 1
        if seen[person] <= count:
            rows.append(row)
    if len(rows) > at_most:
        rows = sorted(random.Random(seed).sample(rows, at_most))
    return np.array(rows, dtype=np.int64)


def form_pairs(images: Mapping[str, int], seed: int) -> list[Pair]:
    """Return pairs of these people, as many same as different ones, shuffled.

    One person gives at most ten same pairs.

    Raises:
        InputError: nobody has two images, or there is nobody else.
    """
    generator = random.Random(seed)
    pairs = []
    for name, count in images.items():
        same = list(combinations(range(1, count + 1), 2))
        generator.shuffle(same)
        for i, j in islice(same, PAIRS_OF_ONE):
            pairs.append(Pair(Face(name, i), Face(name, j), SAME))
    if not pairs or len(images) < 2:
        raise InputError(
            f"no pairs can be formed of {len(images)} people: "
            "split.validation is too near to 0 or to 1"
        )
    names = sorted(images)
    different: set[tuple[Face, Face]] = set()
    while len(different) < min(len(pairs), len(names) * (len(names) - 1) // 2):
        a, b = sorted(generator.sample(names, 2))
        different.add(
            (
                Face(a, generator.randint(1, images[a])),
                Face(b, generator.randint(1, images[b])),
            )
        )
    pairs += [Pair(*faces, DIFFERENT) for faces in sorted(different)]
    generator.shuffle(pairs)
    return pairs
