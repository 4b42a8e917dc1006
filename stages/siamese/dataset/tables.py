"""The CSV files between the stages: index of images, pairs, images of people, transforms.

An image's row is its position in the archive and in the array of images.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamese import atomic
from siamese.dataset.pairs import PairRows, to_rows
from siamese.dataset.people import ImagesOfPeople
from siamese.dataset.protocol import DIFFERENT, SAME, Face, Pair
from siamese.errors import InputError

TRANSFORM = ("angle", "log_scale", "right", "down")  # see `siamese.alignment.transforms`


def write_index(faces: Sequence[Face], path: Path) -> None:
    """Write whom the image of each row shows, and the number of the image."""
    rows = ((row, person, number) for row, (person, number) in enumerate(faces))
    atomic.write_csv(path, ("row", "person", "number"), rows)


def read_index(path: Path) -> dict[Face, int]:
    """Return the row of each image in the array of images, of a CSV that `write_index` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return {
            Face(row["person"], int(row["number"])): int(row["row"]) for row in csv.DictReader(file)
        }


def write_pairs(pairs: Sequence[Pair], rows: Mapping[Face, int], path: Path) -> None:
    """Write pairs with the rows of their images in the array of images.

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


def read_pairs(path: Path) -> PairRows:
    """Return the pairs of a CSV that `write_pairs` wrote.

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


def read_people(path: Path) -> set[str]:
    """Return the names of the people that the pairs of a CSV show."""
    return {name.rsplit("_", 1)[0] for pair in read_names(path) for name in pair}


def read_images_of_pairs(path: Path) -> ImagesOfPeople:
    """Return the images that the pairs of a CSV show, each once, in the order of their rows."""
    rows, names = read_pairs(path).rows.tolist(), read_names(path)
    pairs = zip(rows, names, strict=True)
    images = {row: name for both in pairs for row, name in zip(*both, strict=True)}
    people = [images[row].rsplit("_", 1)[0] for row in sorted(images)]
    return ImagesOfPeople(np.array(sorted(images), dtype=np.int64), people)


def write_images(images: ImagesOfPeople, path: Path) -> None:
    """Write the rows of images and the names of their people."""
    rows = zip(images.rows.tolist(), images.people, strict=True)
    atomic.write_csv(path, ("row", "person"), rows)


def read_images(path: Path) -> ImagesOfPeople:
    """Return the images of a CSV that `write_images` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        table = [(int(row["row"]), row["person"]) for row in csv.DictReader(file)]
    rows = np.array([row for row, _ in table], dtype=np.int64)
    return ImagesOfPeople(rows, [person for _, person in table])


def write_transforms(
    faces: Sequence[Face], transforms: NDArray[np.floating], clamped: NDArray[np.bool_], path: Path
) -> None:
    """Write the transform that aligns each image, (n, 4), and whether it was clamped, (n,)."""
    rows = zip(faces, transforms.tolist(), clamped.tolist(), strict=True)
    atomic.write_csv(
        path,
        ("image", *TRANSFORM, "clamped"),
        (
            (Path(face.file).stem, *(f"{number:.6f}" for number in transform), int(outside))
            for face, transform, outside in rows
        ),
    )


def read_transforms(path: Path) -> NDArray[np.float64]:
    """Return the transforms (n, 4) of a CSV that `write_transforms` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        table = [[float(row[name]) for name in TRANSFORM] for row in csv.DictReader(file)]
    return np.array(table, dtype=np.float64).reshape(-1, len(TRANSFORM))
