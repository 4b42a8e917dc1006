"""A person is a folder; its name is one that lists can hold, and no other's."""

import re
import unicodedata
from pathlib import Path

import pytest

from siamese.errors import InputError
from siamese.folder import layout
from siamese.folder.source import Source


class Listed(Source):
    """Files that are names only."""

    def __init__(self, *files: str, folders: tuple[str, ...] = ()) -> None:
        super().__init__(Path("/people"))
        self.files = sorted(files)
        self.folders = set(folders)

    def read(self, name: str, most: int) -> bytes:
        return b""


def found(*files: str, folders: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return dict(layout.find_people(Listed(*files, folders=folders)).people)


@pytest.mark.parametrize("top", ["", "lfw/", "lfw-deepfunneled/lfw-deepfunneled/", "a/b/c/"])
def test_people_are_found_below_any_folders_that_hold_nothing_else(top: str) -> None:
    files = (f"{top}Ada/1.jpg", f"{top}Bo/1.jpg", f"{top}Bo/x/2.png")
    assert found(*files) == {"Ada": [files[0]], "Bo": list(files[1:])}


def test_other_files_beside_the_only_folder_do_not_hide_the_people() -> None:
    people = layout.find_people(Listed("lfw/lfw/Ada/1.jpg", "lfw/lfw/Bo/1.JPG", "pairs.csv"))
    assert [person.name for person in people.people] == ["Ada", "Bo"]
    assert people.astray == ["pairs.csv"]


def test_names_of_files_need_no_suffix() -> None:
    assert found("Ada/1", "Bo/2") == {"Ada": ["Ada/1"], "Bo": ["Bo/2"]}


def test_somebody_without_files_is_known() -> None:
    folders = ("top", "top/Ada", "top/Cy", "top/Ada/more")
    assert found("top/Ada/1.jpg", "top/Bo/1.jpg", folders=folders)["Cy"] == []


def test_people_come_in_the_order_of_their_names_in_an_archive() -> None:
    names = list(found("Ada/1.jpg", "Ada B/1.jpg", "Ada-C/1.jpg", "Ada2/1.jpg"))
    assert names == sorted(names, key=lambda name: f"{name}/{name}_0001.jpg")


def test_names_are_normalised() -> None:
    decomposed = unicodedata.normalize("NFD", "Zoë")
    assert list(found(f"{decomposed}/1.jpg", "Ada/1.jpg")) == ["Ada", "Zoë"]


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ((), "/people: no files; expected a folder for each person"),
        (("1.jpg", "2.jpg"), "2 files, none of them in a person's folder"),
        (("Ada/1.jpg", "Ada/2.jpg"), "all photographs lie in one person's folder, Ada;"),
        (("Ada/1.jpg", "ada/1.jpg"), "'Ada' and 'ada' differ only in case"),
        (("Zoë/1.jpg", "Zoe\u0308/1.jpg"), r"differ only in case or Unicode normalisation"),
        (("A\tB/1.jpg", "C/1.jpg"), r"'A\\tB' has a character that no list"),
        (("A\u2028B/1.jpg", "C/1.jpg"), "has a character that no list"),
        (("A\udcffB/1.jpg", "C/1.jpg"), "has a character that no list"),
        (("é" * 41 + "/1.jpg", "C/1.jpg"), "a name of 82 bytes; at most 80"),
    ],
)
def test_what_is_no_folder_of_people_is_refused_in_one_line(
    files: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        found(*files)
    assert len(str(caught.value).splitlines()) == 1
    str(caught.value).encode()  # can be printed


def test_what_cannot_be_printed_is_shown_escaped() -> None:
    assert layout.shown("Zoë 李/1.jpg") == "Zoë 李/1.jpg"
    for name in ("a\nb", "a\udcffb"):
        assert re.fullmatch(r"'a\\(n|udcff)b'", layout.shown(name))
