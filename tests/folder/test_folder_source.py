"""The files of a folder and of its archives are the same ones; hostile archives are refused."""

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from own_people import fill
from siamese.errors import InputError
from siamese.folder import source

FILES = {"Ada/1.jpg": b"one", "Ada/more/2.png": b"two", "Zoë B/x": bytes(3000)}
HIDDEN = dict.fromkeys(
    (
        *(".git/config", "Ada/.hidden/1.jpg", "Ada/._1.jpg", ".DS_Store", "Ada/Thumbs.db"),
        *("__MACOSX/Ada/1.jpg", "Ada/desktop.ini"),
    ),
    b"skipped",
)


def packed(folder: Path, kind: str) -> Path:
    """Return a folder as it is, or an archive of it beside it."""
    path = folder.with_suffix(f".{kind}")
    if kind == "folder":
        return folder
    if kind == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for each in sorted(folder.rglob("*")):
                file.write(each, each.relative_to(folder))
    else:
        with tarfile.open(path, "w:gz" if kind == "tgz" else "w") as file:
            file.add(folder, ".")
    return path


def read(path: Path, scratch: Path, most: int = 2**20) -> dict[str, bytes]:
    with source.open_source(path, scratch) as opened:
        assert opened.problems == []
        return {name: opened.read(name, most) for name in opened.files}


@pytest.mark.parametrize("kind", ["folder", "zip", "tar", "tgz"])
def test_files_are_found_in_a_folder_and_in_archives_without_hidden_ones(
    tmp_path: Path, kind: str
) -> None:
    path = packed(fill(tmp_path / "people", FILES | HIDDEN), kind)
    assert read(path, tmp_path / "scratch") == FILES
    assert read(path, tmp_path / "scratch", most=2)["Zoë B/x"] == bytes(2)
    assert not list(tmp_path.glob("scratch/*"))


@pytest.mark.parametrize("kind", ["folder", "zip", "tar"])
def test_folders_without_files_are_known(tmp_path: Path, kind: str) -> None:
    folder = fill(tmp_path / "people", FILES)
    (folder / "Empty").mkdir()
    with source.open_source(packed(folder, kind), tmp_path) as opened:
        assert opened.folders == {"Ada", "Ada/more", "Zoë B", "Empty"}


def test_links_are_followed_but_not_in_a_circle_and_what_is_no_file_is_named(
    tmp_path: Path,
) -> None:
    folder = fill(tmp_path / "people", FILES)
    fill(tmp_path / "elsewhere", {"3.jpg": b"three"})
    (folder / "Cy").symlink_to(tmp_path / "elsewhere")
    (folder / "Ada" / "up").symlink_to(folder)
    (folder / "Ada" / "broken.jpg").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "Ada" / "pipe")
    with source.open_source(folder, tmp_path) as opened:
        assert opened.files == sorted([*FILES, "Cy/3.jpg"])
        assert dict(opened.problems) == {
            "Ada/up": "a link to a folder that it lies in",
            "Ada/broken.jpg": "cannot be read: No such file or directory",
            "Ada/pipe": "neither a file nor a folder",
        }


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fill(tmp_path / "people", FILES)
    scandir = os.scandir

    def locked(path: Path) -> object:
        if path == tmp_path / "people" / "Ada":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    with source.open_source(folder, tmp_path) as opened:
        assert opened.files == ["Zoë B/x"]
        assert opened.problems == [("Ada/", "cannot be read: Permission denied")]
    with pytest.raises(InputError, match=r"folder: .*Ada: Permission denied"):
        read(folder / "Ada", tmp_path)


def tar_of(name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
        file.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def zip_of(name: str, mode: int = 0, times: int = 1) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for _ in range(times):
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            file.writestr(member, b"x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tar_of("/Ada/1.jpg"), "is an absolute name"),
        (tar_of("Ada/../../1.jpg"), "points out of the archive"),
        (tar_of("Ada/1.jpg", tarfile.SYMTYPE, b""), "is a link or device"),
        (tar_of("Ada/1.jpg")[:700], "not a sound tar archive"),
        (gzip.compress(tar_of("Ada/1.jpg"))[:-4], "not a sound tar archive"),
        (tar_of("Ada/1.jpg")[:1024] * 2 + bytes(1024), "has 'Ada/1.jpg' twice"),
        (zip_of("../1.jpg"), "points out of the archive"),
        (zip_of("/Ada/1.jpg"), "is an absolute name"),
        (zip_of("Ada/1.jpg", 0o120777), "is a link or device"),
        (zip_of("Ada/1.jpg")[:-8], "not a sound zip archive"),
        (b"GIF89a no archive", "not a sound tar archive"),
    ],
)
def test_hostile_and_damaged_archives_are_refused(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "people.archive"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read(path, tmp_path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_comes_twice_in_a_zip_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.zip").write_bytes(zip_of("Ada/1.jpg", times=2))
    with pytest.raises(InputError, match=r"has 'Ada/1\.jpg' twice"):
        read(tmp_path / "people.zip", tmp_path)


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_bomb_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "SMALL_ARCHIVE", 2**16)
    path = packed(fill(tmp_path / "people", {"Ada/1.png": bytes(2**21)}), kind)
    with pytest.raises(InputError, match="bytes unpacked"):
        read(path, tmp_path)


def test_more_files_than_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MOST_FILES", 2)
    for kind in ("folder", "zip", "tar"):
        with pytest.raises(InputError, match="more than 2 files"):
            read(packed(fill(tmp_path / "people", FILES), kind), tmp_path)


def test_a_path_counts_from_the_project_also_in_a_copy_and_home_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    copy = project / ".dvc" / "tmp" / "exps" / "tmp1"
    copy.mkdir(parents=True)
    folder = fill(tmp_path / "people", FILES)
    fill(project / "faces", FILES)
    monkeypatch.setenv("HOME", str(tmp_path))
    for workspace in (project, copy):
        assert source.locate("faces", workspace) == project / "faces"
        assert source.locate("../people", workspace).resolve() == folder
        assert source.locate("~/people", workspace) == folder
        assert source.locate(str(folder), workspace) == folder
        assert source.locate(folder.as_uri(), workspace) == folder


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("nowhere", "folder: nowhere: no such folder or archive; a relative path counts from /"),
        ("https://host/people.zip", "no such folder or archive"),
        ("data", "lies in data/"),
        ("data/people", "lies in data/"),
        ("link", "lies in data/"),
        (".", "holds this project"),
        ("..", "holds this project"),
    ],
)
def test_a_path_of_no_use_is_refused(tmp_path: Path, given: str, reason: str) -> None:
    project = tmp_path / "project"
    fill(project / "data" / "people", FILES)
    (project / "link").symlink_to(project / "data" / "people")
    with pytest.raises(InputError, match=reason):
        source.locate(given, project)


def digest(path: Path) -> str:
    with source.open_source(path, path.parent) as opened:
        return source.fingerprint(path, opened.files if path.is_dir() else [])


def test_the_fingerprint_changes_with_any_file_and_not_with_hidden_ones(tmp_path: Path) -> None:
    folder = fill(tmp_path / "people", FILES)
    seen = [digest(folder)]
    fill(folder, HIDDEN)
    assert digest(folder) == seen[0]
    fill(folder, {"Ada/3.jpg": b""})
    seen.append(digest(folder))
    (folder / "Ada/3.jpg").rename(folder / "Ada/4.jpg")
    seen.append(digest(folder))
    fill(folder, {"Ada/4.jpg": b"longer"})
    seen.append(digest(folder))
    os.utime(folder / "Ada/4.jpg", (10**9, 10**9))
    seen.append(digest(folder))
    assert len(set(seen)) == len(seen)
    path = packed(folder, "zip")
    before = digest(path)
    os.utime(path, ns=(0, 0))
    assert digest(path) != before
