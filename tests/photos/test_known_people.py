"""A gallery is read from a folder, agrees with `verify`, and is kept by content and network."""

import shutil
from pathlib import Path

import PIL.Image
import pytest
import torch

import asked
from siamese.errors import InputError
from siamese.lfw import drawn_faces
from siamese.photos import gallery
from siamese.photos.gallery import Gallery
from siamese.photos.verifier import Verifier

pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def people(dataset: drawn_faces.Dataset) -> dict[str, PIL.Image.Image]:
    return asked.portraits(dataset, 4)


@pytest.fixture(scope="module")
def asking() -> Verifier:
    return Verifier(asked.model())


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the embeddings in a folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "siamese" / "gallery"


@pytest.fixture
def folder(tmp_path: Path, people: dict[str, PIL.Image.Image]) -> Path:
    """Return a gallery: two people with folders, one of them nested, and a loose file."""
    (first, second, third), _ = list(people)[:3], None
    root = tmp_path / "known"
    for path, name in (
        (root / first / "one.png", first),
        (root / second / "2020" / "zoë 1.png", second),
        (root / f"{third}.png", third),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        people[name].save(path)
    return root


def test_a_folder_or_a_file_is_a_person(
    folder: Path, asking: Verifier, people: dict[str, PIL.Image.Image]
) -> None:
    for junk in (".DS_Store", "._one.png", "Thumbs.db"):
        (folder / junk).write_text("no photograph")
    read = Gallery.read(folder, asking)
    assert sorted(read.people) == sorted(list(people)[:3])
    assert read.skipped == []


def test_a_ranking_agrees_with_verify(
    folder: Path, asking: Verifier, people: dict[str, PIL.Image.Image]
) -> None:
    read = Gallery.read(folder, asking)
    asked_for = people[list(people)[3]]
    portrait = asking.portrait(asked_for)
    found = read.identify(portrait, asking, asking.default())
    assert [each.name for each in found.candidates] == [
        each.name for each in sorted(found.candidates, key=lambda each: -each.probability)
    ]
    for candidate in found.candidates:
        answer = asking.verify(asked_for, people[candidate.name])
        assert candidate.probability == answer.probability
        assert candidate.verified is answer.verified


def test_the_name_is_unknown_below_the_threshold(
    folder: Path, asking: Verifier, people: dict[str, PIL.Image.Image]
) -> None:
    read, name = Gallery.read(folder, asking), next(iter(people))
    portrait = asking.portrait(people[name])
    assert read.identify(portrait, asking, asking.default()).name == name
    nobody = asking.at_probability(1.0)
    assert read.identify(portrait, asking, nobody).name == gallery.UNKNOWN


def test_of_several_photographs_the_mean_score_counts(
    folder: Path, asking: Verifier, people: dict[str, PIL.Image.Image]
) -> None:
    names = list(people)
    people[names[3]].save(folder / names[0] / "two.png")
    portrait = asking.portrait(people[names[1]])
    scores = [asking.score(portrait, asking.portrait(people[names[number]])) for number in (0, 3)]
    found = Gallery.read(folder, asking).identify(portrait, asking, asking.default())
    [candidate] = [each for each in found.candidates if each.name == names[0]]
    assert candidate.photographs == 2
    expected = torch.sigmoid(torch.tensor(-sum(scores) / 2, dtype=torch.float64))
    assert candidate.probability == pytest.approx(float(expected))


def test_bad_files_are_named_and_the_others_used(folder: Path, asking: Verifier) -> None:
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    PIL.Image.new("RGB", (200, 200)).save(folder / "blank.png")
    read = Gallery.read(folder, asking)
    assert len(read.people) == 3
    blank, torn = read.skipped
    assert blank.startswith(f"{folder}/blank.png: no face was found")
    assert torn.startswith(f"{folder}/torn.jpg: ")


def test_a_gallery_without_a_face_or_without_a_folder_is_an_error(
    tmp_path: Path, asking: Verifier
) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Gallery.read(tmp_path / "none", asking)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="no photograph with a face, of 0 files"):
        Gallery.read(empty, asking)
    (empty / "a.txt").write_text("text")
    with pytest.raises(InputError, match=r"no photograph with a face, of 1 files; .*a\.txt: not a"):
        Gallery.read(empty, asking)


def test_of_several_faces_the_largest_is_taken_and_that_is_said(
    folder: Path, asking: Verifier, people: dict[str, PIL.Image.Image]
) -> None:
    first, second, *_ = people.values()
    canvas = PIL.Image.new("RGB", (900, 500), (140, 140, 140))
    canvas.paste(first.resize((400, 400)), (20, 50))
    canvas.paste(second.resize((300, 300)), (520, 100))
    canvas.save(folder / "Both.png")
    for _ in range(2):  # the second time from the cache
        [portrait] = Gallery.read(folder, asking).people["Both"]
        assert portrait.face is not None
        assert portrait.face.x < 420
        assert f"{folder}/Both.png: 2 faces; the largest is taken" in portrait.warnings


def embedded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that the names of embedded photographs are added to."""
    names: list[str] = []
    embed = Verifier.embed

    def noted(asking: Verifier, name: str, *arguments: object) -> object:
        names.append(Path(name).name)
        return embed(asking, name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Verifier, "embed", noted)
    return names


def test_what_is_kept_is_used_until_the_photograph_or_the_network_changes(
    folder: Path,
    asking: Verifier,
    people: dict[str, PIL.Image.Image],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = embedded(monkeypatch)
    first = Gallery.read(folder, asking)
    assert len(names) == len(list(cache.iterdir())) == 3
    names.clear()
    again = Gallery.read(folder, asking)
    assert names == []
    for name, [portrait] in first.people.items():
        [kept] = again.people[name]
        assert torch.equal(kept.embedding, portrait.embedding)
        assert (kept.name, kept.face) == (portrait.name, portrait.face)
    # Another photograph under the same name, and the same one under another name.
    changed = folder / f"{list(people)[2]}.png"
    people[list(people)[3]].save(changed)
    shutil.copy(folder / next(iter(people)) / "one.png", folder / "Somebody.png")
    read = Gallery.read(folder, asking)
    assert names == [changed.name]
    assert read.people["Somebody"][0].name == f"{folder}/Somebody.png"
    names.clear()
    other = asked.model()
    other.network.state_dict()["intercept"].fill_(35.0)
    Gallery.read(folder, Verifier(other))
    assert len(names) == 3  # two of the four files hold the same photograph
    names.clear()
    Gallery.read(folder, asking, aligned=True)
    assert len(names) == 3  # two of the four files hold the same photograph


def test_a_damaged_cache_is_not_used_and_none_is_kept_where_none_is_wanted(
    folder: Path, asking: Verifier, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Gallery.read(folder, asking, keep=False)
    assert not cache.exists()
    Gallery.read(folder, asking)
    names = embedded(monkeypatch)
    for path in cache.iterdir():
        path.write_bytes(path.read_bytes()[:50])
    Gallery.read(folder, asking)
    assert len(names) == 3


def test_a_cache_that_cannot_be_written_does_no_harm(
    folder: Path, asking: Verifier, cache: Path
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    assert len(Gallery.read(folder, asking).people) == 3


def test_the_gallery_itself_is_left_as_it_is(folder: Path, asking: Verifier) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    Gallery.read(folder, asking)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
