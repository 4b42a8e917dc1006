"""Whose photographs a folder has: a person's name is that of the folder that holds them."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from siamese.errors import InputError
from siamese.folder.source import Source

EXPECTED = "expected a folder for each person, with that person's photographs: PERSON/photo.jpg"
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".heic"}
NAME_BYTES = 80  # of a person's name in UTF-8: what a tar archive (USTAR) has room for
# Controls, what is no Unicode, and line and paragraph separators: the lists of people have a line
# for each, with tabs in it.
UNWRITABLE = ("Cc", "Cs", "Zl", "Zp")


class Person(NamedTuple):
    """A person's name (NFC), and the paths of the files in that person's folder."""

    name: str
    files: list[str]


class Layout(NamedTuple):
    """The people of a source, by name, and what lies in nobody's folder.

    Attributes:
        people: those without files among them.
        astray: paths of files.
    """

    people: list[Person]
    astray: list[str]


def shown(name: str) -> str:
    """Return a path as it can be printed and written, on one line."""
    if all(unicodedata.category(character) not in UNWRITABLE for character in name):
        return name
    return repr(name)


def find_people(source: Source) -> Layout:
    """Return who is in a source.

    Folders that hold nothing but one other folder are passed through, so that an archive that was
    unpacked into a folder of its name, once or twice, will do.

    Raises:
        InputError: there are no people, or only one; or a name cannot be written or differs from
            another only in case or Unicode normalisation.
    """
    root = _root(source.files)
    folders: dict[str, list[str]] = defaultdict(list)
    astray = []
    for file in source.files:
        folder, _, rest = file.removeprefix(root).partition("/")
        if not file.startswith(root) or not rest:
            astray.append(file)
        else:
            folders[folder].append(file)
    if not folders:
        what = f"{len(astray):,} files, none of them in a person's folder" if astray else "no files"
        raise InputError(f"{source.path}: {what}; {EXPECTED}")
    inner = (name.removeprefix(root) for name in source.folders if name.startswith(root))
    folders |= {name: [] for name in inner if "/" not in name and name not in folders}
    if len(folders) == 1:
        raise InputError(
            f"{source.path}: all photographs lie in one person's folder, {shown(*folders)}; "
            f"{EXPECTED}, of many people"
        )
    _refuse_names(folders, source)
    # In the order of the names in an archive, where "/" comes after the name.
    people = [Person(unicodedata.normalize("NFC", name), files) for name, files in folders.items()]
    return Layout(sorted(people, key=lambda person: f"{person.name}/"), astray)


def _root(files: Sequence[str]) -> str:
    """Return the path of the folder that holds the people's, "" or with "/" at its end."""
    pictures = [file for file in files if PurePosixPath(file).suffix.lower() in SUFFIXES] or files
    root = ""
    while True:
        rests = [file.removeprefix(root).split("/", 2) for file in pictures]
        # One folder, and nothing but folders in it: the people's, or one that holds it.
        if len({parts[0] for parts in rests}) != 1 or any(len(parts) < 3 for parts in rests):
            return root
        root += f"{rests[0][0]}/"


def _refuse_names(folders: Iterable[str], source: Source) -> None:
    seen: dict[str, str] = {}
    for folder in sorted(folders):
        if shown(folder) != folder:
            raise InputError(
                f"{source.path}: the folder {folder!r} has a character that no list of people can "
                "hold (a tab or line break, or no Unicode); rename it"
            )
        name = unicodedata.normalize("NFC", folder)
        if len(name.encode()) > NAME_BYTES:
            raise InputError(
                f"{source.path}: the folder {folder!r} has a name of {len(name.encode())} bytes; "
                f"at most {NAME_BYTES} are allowed"
            )
        key = unicodedata.normalize("NFC", name.casefold())
        if key in seen:
            raise InputError(
                f"{source.path}: the folders {seen[key]!a} and {folder!a} differ only in "
                "case or Unicode normalisation; rename one, or put their photographs together"
            )
        seen[key] = folder
