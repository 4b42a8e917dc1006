"""People and their images: divided into training and validation, and formed into pairs.

The unrestricted protocol of LFW allows any pairs inside the training set.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

import numpy as np
from numpy.typing import NDArray

from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError

# Same pairs of one person, at most: a few people have so many images that theirs would be most.
PAIRS_OF_ONE = 10
PAIRS = 10_000  # of each class, at most
MANY = 2000  # images of one person, of which all pairs are not listed


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


def form_pairs(images: Mapping[str, int], seed: int, per_person: int = PAIRS_OF_ONE) -> list[Pair]:
    """Return pairs of these people, as many same as different ones, shuffled.

    Args:
        images: number of images of each person.
        seed: of the choice.
        per_person: same pairs of one person, at most.

    Returns:
        At most PAIRS pairs of each class.

    Raises:
        InputError: nobody has two images, or there is nobody else.
    """
    generator = random.Random(seed)
    pairs = []
    for name, count in images.items():
        for i, j in _two_of(count, per_person, generator):
            pairs.append(Pair(Face(name, i), Face(name, j), SAME))
    if not pairs or len(images) < 2:
        raise InputError(
            f"no pairs can be formed of {len(images)} people: "
            "split.validation is too near to 0 or to 1"
        )
    total = sum(images.values())
    possible = (total**2 - sum(count**2 for count in images.values())) // 2
    if len(pairs) > (most := min(PAIRS, possible)):
        pairs = generator.sample(pairs, most)
    names = sorted(images)
    different: set[tuple[Face, Face]] = set()
    while len(different) < len(pairs):
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


def _two_of(count: int, most: int, generator: random.Random) -> list[tuple[int, int]]:
    """Return at most so many pairs of the numbers from 1 to `count`."""
    if count <= MANY:
        every = list(combinations(range(1, count + 1), 2))
        generator.shuffle(every)
        return every[:most]
    found: set[tuple[int, int]] = set()
    while len(found) < most:
        i, j = sorted(generator.sample(range(1, count + 1), 2))
        found.add((i, j))
    return sorted(found)


def describe(images: Mapping[str, int]) -> dict[str, float]:
    """Return how many images people have, given the number that each has.

    Returns:
        The numbers of people and images, the median and the largest number of images of a person,
        and how many people have a single one.
    """
    counts = list(images.values())
    return {
        "people": len(counts),
        "images": sum(counts),
        "images_per_person_median": median(counts),
        "images_per_person_max": max(counts),
        "people_with_one_image": counts.count(1),
    }
