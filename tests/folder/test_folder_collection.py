"""Photographs are stored as they are, each once; what cannot be used is listed with the reason."""

import csv
import dataclasses
import shutil
import tracemalloc
from pathlib import Path

import pytest

from own_people import fill, people, photograph
from siamese.dataset import archive
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.folder import collection, source
from siamese.folder.collection import collect
from siamese.parameters import People

SETTINGS = People()
PEOPLE = people(25)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "people", PEOPLE)


def run(path: Path, settings: People = SETTINGS) -> dict[str, int]:
    out = path.parent / "out"
    return collect(path, settings, out / "images.tar", out / "rejected.csv")


def rejected(folder: Path) -> dict[str, str]:
    with (folder.parent / "out" / "rejected.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["reason"] for row in csv.DictReader(file)}


def test_images_are_stored_as_they_are_in_the_order_of_names(folder: Path) -> None:
    counts = run(folder)
    stored = list(archive.read_packed(folder.parent / "out" / "images.tar"))
    assert counts == {f"Person {number:02d}": 2 for number in range(25)}
    assert [name for name, _ in stored] == [
        Face(name, number).file for name in counts for number in (1, 2)
    ]
    assert [content for _, content in stored] == [PEOPLE[name] for name in sorted(PEOPLE)]
    assert rejected(folder) == {}


def test_content_decides_the_type_and_every_format_is_taken(folder: Path) -> None:
    kinds = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF")
    fill(folder, {f"Person 00/{kind}.txt": photograph(9999, kind) for kind in kinds})
    assert run(folder)["Person 00"] == 2 + len(kinds)


def test_every_file_that_cannot_be_used_is_listed_with_its_reason(folder: Path) -> None:
    whole = photograph(7, "JPEG", 60)
    bad = {
        "Person 00/text.jpg": b"no image",
        "Person 00/torn.jpg": whole[: len(whole) // 2],
        "Person 01/empty.jpg": b"",
        "Person 02/tiny.png": photograph(8, side=9),
        "Person 03/again.png": PEOPLE["Person 03/0.png"],
        "notes.txt": b"notes",
    }
    fill(folder, bad)
    (folder / "Nobody").mkdir()
    counts = run(folder, dataclasses.replace(SETTINGS, rejected=0.2))
    assert set(counts.values()) == {2}
    reasons = rejected(folder)
    assert reasons.keys() == {*bad, "Nobody/"}
    assert reasons["Person 00/text.jpg"].startswith("not a photograph that can be read")
    assert reasons["Person 00/torn.jpg"].startswith("damaged: ")
    assert reasons["Person 01/empty.jpg"] == "the file is empty"
    assert reasons["Person 02/tiny.png"] == "9×9 pixels; at least 16 are needed"
    assert reasons["Person 03/again.png"] == "the same image as Person 03/0.png"
    assert reasons["notes.txt"] == "in no person's folder"
    assert reasons["Nobody/"] == "no photograph of this person can be used"


def test_too_many_that_cannot_be_used_are_an_error_that_says_where_they_are_listed(
    folder: Path,
) -> None:
    fill(folder, {f"Person 00/{number}.txt": b"text" for number in range(9)})
    with pytest.raises(
        InputError, match=r"9 of 59 files cannot be used \(9: not a photo"
    ) as caught:
        run(folder)
    assert "rejected.csv lists all of them" in str(caught.value)
    assert "people.rejected" in str(caught.value)
    assert len(rejected(folder)) == 9
    assert [path.name for path in (folder.parent / "out").iterdir()] == ["rejected.csv"]


def test_an_image_of_two_people_is_refused_with_both_names(folder: Path) -> None:
    fill(folder, {"Person 09/copy.png": PEOPLE["Person 03/0.png"]})
    with pytest.raises(
        InputError, match=r": Person 03/0\.png and Person 09/copy\.png are the same"
    ):
        run(folder)
    assert rejected(folder)["Person 09/copy.png"] == "the same image as Person 03/0.png"
    assert not (folder.parent / "out" / "images.tar").exists()


def test_too_few_people_are_refused_before_any_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "check", None)
    folder = fill(tmp_path / "people", people(5))
    with pytest.raises(InputError, match="10 photographs of 5 people, of whom 5 have two or more"):
        run(folder)


def test_people_with_one_image_each_are_refused_at_once(tmp_path: Path) -> None:
    class Many(source.Source):
        def read(self, name: str, most: int) -> bytes:
            raise AssertionError

    listed = Many(tmp_path)
    listed.files = [f"{number}/x.jpg" for number in range(20_000)]
    with pytest.raises(InputError, match="20,000 people, of whom 0 have two or more; 25 such"):
        collection.find_enough_people(listed, SETTINGS)


def test_too_few_that_can_be_used_are_refused_too(folder: Path) -> None:
    fill(folder, {"Person 00/0.png": b"text"})
    with pytest.raises(InputError, match="of whom 24 have two or more; 25 such people would be"):
        run(folder)
    assert not (folder.parent / "out" / "images.tar").exists()


def test_a_file_that_cannot_be_read_is_listed_and_a_folder_that_has_gone_is_an_error(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with source.open_source(folder, folder.parent) as opened:
        (folder / "Person 00/0.png").unlink()
        unread = collection.check(opened, "Person 00/0.png")
        assert unread.reason == "cannot be read: No such file or directory"
        shutil.rmtree(folder)
        with pytest.raises(InputError, match="people: has gone while it was read"):
            collection.check(opened, "Person 00/1.png")


def test_photographs_stream_through_memory(tmp_path: Path) -> None:
    large = {name: content + bytes(2**20) for name, content in people(25, 3).items()}
    folder = fill(tmp_path / "people", large)
    del large
    tracemalloc.start()
    run(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30 * 2**20  # of 75 MiB
