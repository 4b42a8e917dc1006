"""Photographs checked one by one on all cores, and stored as they are: none is trusted."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from siamese import atomic, progress
from siamese.dataset import archive, photograph
from siamese.dataset.parallel import map_in_order
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.folder import layout
from siamese.folder.division import refuse_too_few
from siamese.folder.layout import Layout, Person
from siamese.folder.source import Source, open_source
from siamese.parameters import People

SMALLEST_SIDE = 16  # of a photograph, in pixels: a face in fewer shows nobody
ASTRAY = "in no person's folder"
NOBODY = "no photograph of this person can be used"


class Checked(NamedTuple):
    """A file that was read: its content and SHA-256, or why it is rejected."""

    content: bytes
    digest: bytes
    reason: str | None


class Rejected(NamedTuple):
    """A file that is not used, and why."""

    file: str
    reason: str


def collect(path: Path, settings: People, images_path: Path, rejected_path: Path) -> dict[str, int]:
    """Store the photographs of a folder or archive as one tar archive; return who they show.

    At most a few of them are in memory at a time.

    Args:
        path: of the folder or archive, see `source.locate`.
        settings: what is needed.
        images_path: tar archive to write, see `archive.packing`: Face.file of each image, in the
            order of the people's names.
        rejected_path: CSV to write, also on an error: the files that are not used, and why.

    Returns:
        The number of images of each person, in the order of the archive.

    Raises:
        InputError: see `layout.find_people` and `archive.read_images`; or too many files are
            rejected, one image is stored under two names, or there are too few people.
    """
    rejected: list[Rejected] = []
    try:
        with open_source(path, images_path.parent) as source:
            found = find_enough_people(source, settings)
            rejected += [Rejected(*problem) for problem in source.problems]
            rejected += [Rejected(file, ASTRAY) for file in found.astray]
            images: Counter[str] = Counter()
            with archive.packing(images_path) as add:
                for person, content in screen(source, found.people, rejected):
                    images[person] += 1
                    add(Face(person, images[person]).file, content)
                if len(rejected) > settings.rejected * len(source.files):
                    raise InputError(_too_many(rejected, len(source.files), path, rejected_path))
                refuse_too_few(images, settings, path)
        return dict(images)
    finally:
        rows = [(layout.shown(file), reason) for file, reason in rejected]
        atomic.write_csv(rejected_path, ("file", "reason"), rows)


def find_enough_people(source: Source, settings: People) -> Layout:
    """Return who is in a source, by the names of its files alone.

    Raises:
        InputError: see `layout.find_people`, or there are too few people.
    """
    found = layout.find_people(source)
    files = {name: len(theirs) for name, theirs in found.people}
    refuse_too_few(files, settings, source.path)
    return found


def screen(
    source: Source, people: Sequence[Person], rejected: list[Rejected]
) -> Iterator[tuple[str, bytes]]:
    """Yield the person's name and the content of each photograph that can be used.

    Args:
        source: of the files.
        people: whose files they are.
        rejected: what is not used is added to it.

    Raises:
        InputError: an image is stored under two people's names.
    """
    first: dict[bytes, tuple[str, str]] = {}
    two_names: list[tuple[str, str]] = []
    files = [(name, file) for name, theirs in people for file in theirs]
    bar = progress.bar(files, title="photographs", unit=" photographs", total=len(files))
    left = {name: len(theirs) for name, theirs in people}
    for (name, file), checked in map_in_order(lambda each: check(source, each[1]), bar):
        reason = checked.reason
        if reason is None:
            known_name, known = first.setdefault(checked.digest, (name, file))
            if known != file:
                reason = f"the same image as {layout.shown(known)}"
                if known_name != name:
                    two_names.append((known, file))
        if reason is None:
            yield name, checked.content
        else:
            left[name] -= 1
            rejected.append(Rejected(file, reason))
    rejected += [Rejected(f"{name}/", NOBODY) for name, count in left.items() if not count]
    if two_names:
        known, file = map(layout.shown, two_names[0])
        raise InputError(
            f"{source.path}: {known} and {file} are the same image under two people's names "
            f"({len(two_names):,} such in all), so that a person could be in two parts; delete the "
            "wrong one"
        )


def check(source: Source, name: str) -> Checked:
    """Return a file's content, or why it cannot be used: only a full decoding proves it sound."""
    try:
        content = source.read(name, photograph.MOST_BYTES + 1)
    except OSError as error:
        if not source.path.exists():
            raise InputError(f"{source.path}: has gone while it was read") from None
        return Checked(b"", b"", f"cannot be read: {error.strerror or error}")
    try:
        width, height = photograph.decode(content, "").size
    except InputError as error:
        return Checked(b"", b"", str(error).removeprefix(": "))
    except MemoryError:
        return Checked(b"", b"", "too large for this machine's memory")
    if min(width, height) < SMALLEST_SIDE:
        return Checked(b"", b"", f"{width}×{height} pixels; at least {SMALLEST_SIDE} are needed")
    return Checked(content, hashlib.sha256(content).digest(), None)


def _too_many(rejected: Sequence[Rejected], files: int, path: Path, listed: Path) -> str:
    [(reason, times)] = Counter(each.reason for each in rejected).most_common(1)
    return (
        f"{path}: {len(rejected):,} of {files:,} files cannot be used ({times:,}: {reason}); "
        f"{listed} lists all of them; the parameter people.rejected is the share that is allowed"
    )
