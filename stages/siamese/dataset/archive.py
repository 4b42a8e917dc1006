"""Image archives, read without trust and written so that equal images make equal bytes."""

import gzip
import hashlib
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self

from siamese.atomic import writing
from siamese.errors import InputError

# Far above LFW (13,233 images, 250 MB in all), far below what would hurt.
IMAGE_BYTES = 2**20
IMAGES = 20_000
MEMBERS = 100_000
UNPACKED_BYTES = 2**30

IMAGE_NAME = re.compile(r"([\w-]+)/\1_\d{4}\.jpg", re.ASCII)
STORED_BYTES = 2**28  # of an image in an archive of `packing`
GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")  # of the second, an empty one
# What tarfile, zipfile, gzip and zlib raise on damaged input; ValueError and RecursionError (a
# RuntimeError) come from damaged extended headers, RuntimeError from an archive with a password.
DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, OSError, EOFError, zlib.error, ValueError),
    *(NotImplementedError, RuntimeError),
)


class Member(NamedTuple):
    """A file of an archive or folder.

    Attributes:
        name: path in it, with "/" between the parts.
        size: in bytes, as the archive claims.
        read: returns its content; of a tar archive, before the next member is asked for.
    """

    name: str
    size: int
    read: Callable[[], bytes]


class Header(tarfile.TarInfo):
    """A member's header; damage is an error, where `TarFile` would quietly end the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> Self:
        """Return the header in 512 bytes; raise ReadError if they hold none."""
        try:
            header = super().frombuf(buf, encoding or "utf-8", errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"truncated or corrupt ({error})") from error
        # tarfile holds the body of an extended header in memory, whatever its size.
        if header.size < 0 or (header.size > IMAGE_BYTES and not header.isreg()):
            raise tarfile.ReadError(f"{header.name!r} claims {header.size:,} bytes")
        return header


class Bounded(io.BufferedIOBase):
    """A stream that ends in InputError after `most` bytes."""

    def __init__(self, stream: io.BufferedIOBase, path: Path, most: int) -> None:
        self.stream, self.path, self.most, self.total = stream, path, most, 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""
        chunk = self.stream.read(size)
        self.total += len(chunk)
        if self.total > self.most:
            raise InputError(f"{self.path}: more than {self.most:,} bytes unpacked")
        return chunk


def is_zip(path: Path) -> bool:
    """Return whether a file begins as a zip archive does."""
    with path.open("rb") as file:
        return file.read(4) in ZIP_MAGIC


def read_images(path: Path, folder: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield ("NAME/NAME_0001.jpg", JPEG bytes) for each image of an archive or an unpacked one.

    They come in the archive's order; of a folder, in that of their paths. Files of other names are
    skipped; nothing is unpacked to disk. An archive is known to be sound only when the iterator has
    ended.

    Args:
        path: tar archive, plain or compressed with gzip, zip archive or folder.
        folder: yield only images whose NAME folder lies directly in a folder of this name.

    Raises:
        InputError: the archive is damaged or truncated, has absolute names, "..", links, devices
            or one image twice, or exceeds IMAGE_BYTES, IMAGES, MEMBERS or UNPACKED_BYTES.
    """
    seen: set[str] = set()
    for member in members(path):
        parts = [part for part in member.name.split("/") if part not in ("", ".")]
        name = "/".join(parts[-2:])
        if not IMAGE_NAME.fullmatch(name):
            continue
        if folder is not None and parts[-3:-2] != [folder]:
            continue
        if name in seen:
            raise InputError(f"{path}: {member.name!r} is a second {name}")
        if member.size > IMAGE_BYTES:
            raise InputError(f"{path}: {member.name!r} is over {IMAGE_BYTES:,} bytes")
        if len(seen) == IMAGES:
            raise InputError(f"{path}: more than {IMAGES:,} images")
        seen.add(name)
        yield name, member.read()


def read_packed(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each image of a tar archive that `packing` wrote, in its order.

    Raises:
        InputError: the archive is damaged or truncated, has absolute names, "..", links or
            devices, or an image of more than STORED_BYTES.
    """
    for member in _tar_members(path, most=None, unpacked=None):
        if member.size > STORED_BYTES:
            raise InputError(f"{path}: {member.name!r} is over {STORED_BYTES:,} bytes")
        yield member.name, member.read()


def members(path: Path) -> Iterator[Member]:
    """Yield the files of an archive or folder; see `read_images`."""
    if path.is_dir():
        yield from _folder_members(path)
    elif path.is_file() and is_zip(path):
        yield from _zip_members(path)
    else:
        yield from _tar_members(path, MEMBERS, UNPACKED_BYTES)


@contextmanager
def sound(path: Path, kind: str) -> Iterator[None]:
    """Turn what damaged archives raise into InputError.

    Args:
        path: of the archive.
        kind: "tar" or "zip".
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except DAMAGE as error:
        raise InputError(f"{path}: not a sound {kind} archive: {error}") from error


def _folder_members(path: Path) -> Iterator[Member]:
    number = 0
    for folder, inner, names in os.walk(path):
        inner.sort()
        for name in sorted(names):
            file = Path(folder, name)
            if number == MEMBERS:
                raise InputError(f"{path}: more than {MEMBERS:,} files")
            number += 1
            if file.is_file():
                size = file.stat().st_size
                yield Member(file.relative_to(path).as_posix(), size, file.read_bytes)


def _zip_members(path: Path) -> Iterator[Member]:
    with sound(path, "zip"), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if len(infos) > MEMBERS:
            raise InputError(f"{path}: more than {MEMBERS:,} members")
        if sum(info.file_size for info in infos) > UNPACKED_BYTES:
            raise InputError(f"{path}: more than {UNPACKED_BYTES:,} bytes unpacked")
        for info in infos:
            refuse_unsafe_zip(info, path)
            if not info.is_dir():
                read = partial(_read_zip, archive, info, path)
                yield Member(info.filename, info.file_size, read)


def _read_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    with sound(path, "zip"):
        return archive.read(info)


def _tar_members(path: Path, most: int | None, unpacked: int | None) -> Iterator[Member]:
    with sound(path, "tar"), path.open("rb") as file:
        # Not tarfile's own "r|gz", which never compares gzip's checksum.
        compressed = file.peek(2).startswith(GZIP_MAGIC)
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=file) if compressed else file
        if unpacked is not None:
            stream = Bounded(stream, path, unpacked)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=Header) as archive:
            for number, member in enumerate(archive, start=1):
                if most is not None and number > most:
                    raise InputError(f"{path}: more than {most:,} members")
                refuse_unsafe(member, path)
                if member.isreg():
                    read = partial(_read_tar, archive, member, path)
                    yield Member(member.name, member.size, read)
                forget_headers(archive)
        # gzip's checksum stands at the very end.
        while stream.read(2**16):
            pass


def _read_tar(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    with sound(path, "tar"):
        content = archive.extractfile(member)
        assert content is not None  # it is a regular file
        return content.read()


def forget_headers(archive: tarfile.TarFile) -> None:
    """Free what an open archive keeps of its members, of which there may be a million."""
    archive.members = []  # type: ignore[attr-defined]


def refuse_unsafe(member: tarfile.TarInfo, path: Path) -> None:
    """Raise InputError if a member of a tar archive leads elsewhere, or is no file or folder."""
    _refuse_name(member.name, path)
    if not (member.isreg() or member.isdir()):
        raise InputError(f"{path}: {member.name!r} is a link or device, not a file or folder")


def refuse_unsafe_zip(info: zipfile.ZipInfo, path: Path) -> None:
    """Raise InputError if a member of a zip archive leads elsewhere, or is no file or folder."""
    _refuse_name(info.filename, path)
    kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive is not of a Unix
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"{path}: {info.filename!r} is a link or device, not a file or folder")


def _refuse_name(name: str, path: Path) -> None:
    if name.startswith("/"):
        raise InputError(f"{path}: {name!r} is an absolute name")
    if ".." in name.split("/"):
        raise InputError(f"{path}: {name!r} points out of the archive")


def fingerprint(images: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hexadecimal) that identifies a set of images, however it is packed.

    It is what `find . -name '*.jpg' | LC_ALL=C sort | xargs sha256sum | sha256sum` prints in a
    folder that holds them.

    Args:
        images: JPEG bytes by name, "NAME/NAME_0001.jpg".
    """
    lines = (f"{hashlib.sha256(images[name]).hexdigest()}  ./{name}\n" for name in sorted(images))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@contextmanager
def packing(path: Path) -> Iterator[Callable[[str, bytes], None]]:
    """Give a function that adds an image to an uncompressed tar archive (USTAR).

    Times and owners are zero: the same images in the same order give the same bytes anywhere.

    Args:
        path: archive to write; appears whole or not at all.
    """
    with (
        writing(path) as partial_path,
        tarfile.open(partial_path, "w", format=tarfile.USTAR_FORMAT, encoding="utf-8") as archive,
    ):

        def add(name: str, content: bytes) -> None:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            forget_headers(archive)

        yield add


def pack(images: Mapping[str, bytes], path: Path) -> None:
    """Write images to an archive, see `packing`, in the order of their names (C order).

    Args:
        images: JPEG bytes by name, "NAME/NAME_0001.jpg".
        path: archive to write; appears whole or not at all.
    """
    with packing(path) as add:
        for name in sorted(images):
            add(name, images[name])
