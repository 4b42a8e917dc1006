"""The files of a folder, or of a zip or tar archive of one, listed and read one by one."""

import gzip
import hashlib
import io
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from siamese.dataset import archive
from siamese.dataset.archive import GZIP_MAGIC, Bounded, Header
from siamese.errors import InputError, describe
from siamese.project import absolute, project

# What systems leave beside photographs; names that begin with a dot are skipped as well.
SKIPPED = {"Thumbs.db", "desktop.ini", "__MACOSX"}
MOST_FILES = 20_000_000
# An archive may unpack to so many times its size; photographs hardly compress.
RATIO, SMALL_ARCHIVE = 100, 2**30


class Source(ABC):
    """Files by their paths in a folder or archive, with "/" between the parts.

    Attributes:
        path: of the folder or archive.
        files: paths of all files that are not hidden, sorted.
        folders: paths of folders, those without files among them.
        problems: what cannot be listed or is no file, and why.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files: list[str] = []
        self.folders: set[str] = set()
        self.problems: list[tuple[str, str]] = []

    @abstractmethod
    def read(self, name: str, most: int) -> bytes:
        """Return at most so many bytes of a file; several threads may call it."""


def locate(given: str, workspace: Path) -> Path:
    """Return the folder or archive that the parameter `folder` names.

    Args:
        given: the parameter; a relative path counts from the project's folder, also in a copy that
            DVC works in.
        workspace: the folder that holds dvc.yaml.

    Raises:
        InputError: it does not exist, lies in data/, or holds the project.
    """
    home = project(workspace)
    path = Path(absolute(given, home) or "")
    if given.startswith(("http://", "https://")) or not path.exists():
        raise InputError(
            f"folder: {given}: no such folder or archive; a relative path counts from {home}"
        )
    real = path.resolve()
    if any(real.is_relative_to((place / "data").resolve()) for place in (home, workspace)):
        raise InputError(
            f"folder: {given} lies in data/, which holds what the stages make and DVC may delete; "
            "move it elsewhere"
        )
    if home.resolve().is_relative_to(real):
        raise InputError(f"folder: {given} holds this project; name the folder of the people")
    return path


def fingerprint(path: Path, files: Iterable[str]) -> str:
    """Return a digest of names, sizes and times.

    Args:
        path: of a folder or archive.
        files: paths in the folder; of an archive, none: it is a file itself.
    """
    digest = hashlib.sha256()
    for name in ("", *files):
        try:
            status = (path / name).stat()
        except OSError:
            continue  # it has just gone
        # A folder's own time changes with files that are skipped.
        what = (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else ""
        digest.update(f"{name}\0{what}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


@contextmanager
def open_source(path: Path, scratch: Path) -> Iterator[Source]:
    """Give the files of a folder or archive.

    Args:
        path: of the folder, or of a zip, tar or tar.gz archive.
        scratch: folder for a compressed tar archive, unpacked as one file that has no name.

    Raises:
        InputError: it cannot be read, or the archive is not sound; see `archive.read_images`.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    with ExitStack() as stack:
        source: Source
        try:
            zipped = archive.is_zip(path)
        except OSError as error:
            raise InputError(describe(error)) from None
        if zipped:
            with archive.sound(path, "zip"):
                source = _Zip(path, stack.enter_context(zipfile.ZipFile(path)))
        else:
            with archive.sound(path, "tar"):
                source = _Tar(path, scratch, stack)
        yield source


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part in SKIPPED for part in name.split("/"))


def _refuse_many(files: int, path: Path) -> None:
    if files > MOST_FILES:
        raise InputError(f"{path}: more than {MOST_FILES:,} files")


class _Folder(Source):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            status = path.stat()
            os.scandir(path).close()
        except OSError as error:
            raise InputError(f"folder: {describe(error)}") from None
        self._list("", {(status.st_dev, status.st_ino)})
        self.files.sort()

    def _list(self, folder: str, above: set[tuple[int, int]]) -> None:
        """List a folder and those in it, links followed; `above` are those that it lies in."""
        try:
            entries = list(os.scandir(self.path / folder))
        except OSError as error:
            self.problems.append((f"{folder}/", f"cannot be read: {error.strerror}"))
            return
        for entry in entries:
            if _is_hidden(entry.name):
                continue
            name = f"{folder}/{entry.name}" if folder else entry.name
            try:
                status = entry.stat()
            except OSError as error:
                self.problems.append((name, f"cannot be read: {error.strerror}"))
                continue
            this = (status.st_dev, status.st_ino)
            if stat.S_ISREG(status.st_mode):
                self.files.append(name)
                _refuse_many(len(self.files), self.path)
            elif not stat.S_ISDIR(status.st_mode):
                self.problems.append((name, "neither a file nor a folder"))
            elif this in above:
                self.problems.append((name, "a link to a folder that it lies in"))
            else:
                self.folders.add(name)
                self._list(name, above | {this})

    def read(self, name: str, most: int) -> bytes:
        with (self.path / name).open("rb") as file:
            # What is asked for is allocated, however small the file is.
            return file.read(min(most, os.fstat(file.fileno()).st_size + 1))


class _Archive(Source):
    def _add(self, name: str, is_folder: bool) -> str | None:
        """Note a member; return its path if it is a file that counts."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        name = "/".join(parts)
        if not parts or _is_hidden(name):
            return None
        self.folders.update("/".join(parts[:end]) for end in range(1, len(parts)))
        if is_folder:
            self.folders.add(name)
            return None
        self.files.append(name)
        _refuse_many(len(self.files), self.path)
        return name

    def _finish(self) -> None:
        self.files.sort()
        for name, following in zip(self.files, self.files[1:], strict=False):
            if name == following:
                raise InputError(f"{self.path}: has {name!r} twice")


class _Zip(_Archive):
    def __init__(self, path: Path, opened: zipfile.ZipFile) -> None:
        super().__init__(path)
        self.archive = opened
        self.members: dict[str, zipfile.ZipInfo] = {}
        for info in opened.infolist():
            archive.refuse_unsafe_zip(info, path)
            if name := self._add(info.filename, info.is_dir()):
                self.members[name] = info
        unpacked = sum(info.file_size for info in self.members.values())
        if unpacked > (most := _most_bytes(path)):
            raise InputError(f"{path}: more than {most:,} bytes unpacked")
        self._finish()

    def read(self, name: str, most: int) -> bytes:
        with archive.sound(self.path, "zip"), self.archive.open(self.members[name]) as file:
            return file.read(most)


class _Tar(_Archive):
    """A plain tar archive, read where the members lie; a compressed one is unpacked first."""

    def __init__(self, path: Path, scratch: Path, stack: ExitStack) -> None:
        super().__init__(path)
        packed = stack.enter_context(path.open("rb"))
        self.file: io.BufferedIOBase = packed
        if packed.peek(2).startswith(GZIP_MAGIC):
            scratch.mkdir(parents=True, exist_ok=True)
            unpacked = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115
            self.file = stack.enter_context(unpacked)
            stream = Bounded(gzip.GzipFile(fileobj=packed), path, _most_bytes(path))
            shutil.copyfileobj(stream, self.file, 2**20)
            self.file.seek(0)
        self.members: dict[str, tuple[int, int]] = {}
        with tarfile.open(fileobj=self.file, mode="r|", tarinfo=Header) as opened:
            for member in opened:
                archive.refuse_unsafe(member, path)
                if name := self._add(member.name, member.isdir()):
                    if member.issparse():
                        raise InputError(f"{path}: {name!r} is a sparse file")
                    self.members[name] = (member.offset_data, member.size)
                archive.forget_headers(opened)
        self._finish()

    def read(self, name: str, most: int) -> bytes:
        offset, size = self.members[name]
        return os.pread(self.file.fileno(), min(size, most), offset)


def _most_bytes(path: Path) -> int:
    return max(SMALL_ARCHIVE, RATIO * path.stat().st_size)
