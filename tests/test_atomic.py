"""A file is written whole or not at all, and a failure names it."""

import errno
import json
import re
from pathlib import Path

import pytest

from siamese import atomic


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder" / "file.txt"


def test_a_file_appears_with_its_folder_when_it_is_whole(path: Path) -> None:
    with atomic.writing(path) as partial:
        partial.write_text("one", encoding="utf-8")
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "one"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("before", [None, "the file before"])
@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(5, "broken")])
def test_a_failure_leaves_what_was_there_before_and_nothing_else(
    path: Path, before: str | None, error: BaseException
) -> None:
    if before is not None:
        path.parent.mkdir()
        path.write_text(before, encoding="utf-8")

    def write() -> None:
        with atomic.writing(path) as partial:
            partial.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(type(error)):
        write()
    left = {each: each.read_text(encoding="utf-8") for each in path.parent.iterdir()}
    assert left == ({} if before is None else {path: before})


def test_a_failure_that_names_no_file_is_raised_again_with_its_name(path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left on device") as raised, atomic.writing(path):
        raise full
    assert raised.value.errno == errno.ENOSPC
    assert raised.value.filename == str(path)
    assert raised.value.__cause__ is full
    assert list(path.parent.iterdir()) == []


def test_so_is_one_that_has_neither_number_nor_reason(path: Path) -> None:
    with pytest.raises(OSError, match="the disk is gone") as raised, atomic.writing(path):
        raise OSError("the disk is gone")
    assert raised.value.filename == str(path)
    assert list(path.parent.iterdir()) == []


def test_a_failure_that_names_another_file_keeps_that_name(path: Path) -> None:
    missing = path.with_name("missing.txt")
    with pytest.raises(FileNotFoundError) as raised, atomic.writing(path):
        missing.read_bytes()
    assert raised.value.filename == str(missing)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="exists") as raised, atomic.writing(tmp_path / "file" / "x"):
        raise AssertionError
    assert raised.value.filename == str(tmp_path / "file")


def test_tables_and_json_are_text_with_one_newline_at_each_line_end(path: Path) -> None:
    atomic.write_csv(path, ("a", "b"), [(1, "x,y"), (0.5, "Zoë")])
    assert path.read_bytes() == 'a,b\n1,"x,y"\n0.5,Zoë\n'.encode()
    atomic.write_json(path, {"b": [1, None], "a": 0.5})
    assert path.read_bytes().endswith(b"}\n")
    assert list(json.loads(path.read_text(encoding="utf-8"))) == ["b", "a"]


def test_a_failure_of_the_temporary_file_names_the_file_itself(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(OSError, match=re.escape(f"'{folder}'")), atomic.writing(folder) as partial:
        partial.write_text("whole")
    assert list(tmp_path.iterdir()) == [folder]
