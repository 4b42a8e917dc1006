"""LFW's protocol files: lists of pairs and of people, in their published format.

Source: Huang et al., "Labeled Faces in the Wild", UMass TR 07-49 (2007), and the files' README.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from siamese.errors import InputError

SAME = 0
DIFFERENT = 1


class Face(NamedTuple):
    """One image: a person's name and the image's number, from 1."""

    person: str
    number: int

    @property
    def file(self) -> str:
        """Return the image's path in the archive, "NAME/NAME_0001.jpg"."""
        return f"{self.person}/{self.person}_{self.number:04d}.jpg"

    @classmethod
    def of(cls, file: str) -> "Face":
        """Return the face of a path in the archive."""
        person, number = Path(file).stem.rsplit("_", 1)
        return cls(person, int(number))


class Pair(NamedTuple):
    """Two images and their class: SAME person (0) or DIFFERENT persons (1)."""

    first: Face
    second: Face
    label: int


@dataclass(frozen=True)
class _Lines:
    """The lines of a protocol file, read one by one; complaints name file and line."""

    path: Path
    lines: Iterator[tuple[int, str]]

    def next(self, expected: str) -> tuple[int, list[str]]:
        number, line = next(self.lines, (0, None))
        if line is None:
            raise InputError(f"{self.path}: ends early; expected {expected}")
        return number, line.split("\t")

    def error(self, number: int, fields: list[str], expected: str) -> InputError:
        found = "\t".join(fields)
        return InputError(f"{self.path}, line {number}: {found!r}; expected {expected}")

    def counts(self, how_many: int, expected: str) -> list[int]:
        number, fields = self.next(expected)
        if len(fields) != how_many or not all(map(_is_count, fields)):
            raise self.error(number, fields, expected)
        return [int(field) for field in fields]

    def end(self) -> None:
        for number, line in self.lines:
            raise self.error(number, [line], "the end of the file")


def _is_count(field: str) -> bool:
    return field.isascii() and field.isdecimal() and 0 < int(field) < 10**6


def _open(path: Path) -> _Lines:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; `dvc repro download` brings it") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from None
    return _Lines(path, iter(enumerate(text.removesuffix("\n").split("\n"), start=1)))


def _read_pairs(lines: _Lines, count: int) -> list[Pair]:
    """Read `count` pairs of one person, then as many of different persons."""
    pairs = []
    for _ in range(count):
        expected = "a pair of one person: name, number, other number, with tabs between"
        number, fields = lines.next(expected)
        match fields:
            case [name, i, j] if name and _is_count(i) and _is_count(j) and i != j:
                pairs.append(Pair(Face(name, int(i)), Face(name, int(j)), SAME))
            case _:
                raise lines.error(number, fields, expected)
    for _ in range(count):
        expected = "a pair of different persons: name, number, name, number, with tabs between"
        number, fields = lines.next(expected)
        match fields:
            case [a, i, b, j] if a and b and a != b and _is_count(i) and _is_count(j):
                pairs.append(Pair(Face(a, int(i)), Face(b, int(j)), DIFFERENT))
            case _:
                raise lines.error(number, fields, expected)
    return pairs


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of pairsDevTrain.txt or pairsDevTest.txt (View 1) in file order.

    Raises:
        InputError: the file is missing or departs from the format; names file and line.
    """
    lines = _open(path)
    [count] = lines.counts(1, "the number of pairs of each class")
    pairs = _read_pairs(lines, count)
    lines.end()
    return pairs


def read_folds(path: Path) -> list[list[Pair]]:
    """Return the folds of pairs.txt (View 2), each a list of pairs in file order.

    Raises:
        InputError: the file is missing or departs from the format; names file and line.
    """
    lines = _open(path)
    folds, count = lines.counts(2, "the number of folds, a tab, the pairs of each class in a fold")
    result = [_read_pairs(lines, count) for _ in range(folds)]
    lines.end()
    return result


def _read_people(lines: _Lines, people: int) -> dict[str, int]:
    images: dict[str, int] = {}
    for _ in range(people):
        expected = "a new person: name, a tab, number of images"
        number, fields = lines.next(expected)
        match fields:
            case [name, count] if name and name not in images and _is_count(count):
                images[name] = int(count)
            case _:
                raise lines.error(number, fields, expected)
    return images


def read_people(path: Path) -> dict[str, int]:
    """Return each person's number of images from peopleDevTrain.txt or peopleDevTest.txt.

    Raises:
        InputError: the file is missing or departs from the format; names file and line.
    """
    lines = _open(path)
    [count] = lines.counts(1, "the number of people")
    people = _read_people(lines, count)
    lines.end()
    return people


def read_people_folds(path: Path) -> list[dict[str, int]]:
    """Return each fold's people with their number of images from people.txt (View 2).

    Raises:
        InputError: the file is missing or departs from the format; names file and line.
    """
    lines = _open(path)
    [folds] = lines.counts(1, "the number of folds")
    result = []
    for _ in range(folds):
        [count] = lines.counts(1, "the number of people in a fold")
        result.append(_read_people(lines, count))
    lines.end()
    return result
