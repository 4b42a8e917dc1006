"""Image archives, read without trust and written so that equal images make equal bytes."""

import gzip
import hashlib
import io
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from siamese.atomic import writing
from siamese.errors import InputError

# Far above LFW (13,233 images, 250 MB in all), far below what would hurt.
IMAGE_BYTES = 2**20
IMAGES = 20_000
MEMBERS = 100_000
UNPACKED_BYTES = 2**30

IMAGE_NAME = re.compile(r"([\w-]+)/\1_\d{4}\.jpg", re.ASCII)
GZIP_MAGIC = b"\x1f\x8b"
# What tarfile, gzip and zlib raise on damaged input; ValueError and RecursionError come from
# damaged extended headers.
DAMAGE = (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError)


class _Header(tarfile.TarInfo):
    """A member's header; damage is an error, where `TarFile` would quietly end the archive."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str | None, errors: str) -> Self:
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


class _Bounded(io.BufferedIOBase):
    """A stream that ends in InputError after UNPACKED_BYTES."""

    def __init__(self, stream: io.BufferedIOBase, path: Path) -> None:
        self.stream, self.path, self.total = stream, path, 0

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = self.stream.read(size)
        self.total += len(chunk)
        if self.total > UNPACKED_BYTES:
            raise InputError(f"{self.path}: more than {UNPACKED_BYTES:,} bytes unpacked")
        return chunk


def read_images(path: Path, folder: str | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield ("NAME/NAME_0001.jpg", JPEG bytes) for each image of a .tar or .tgz, in its order.

    Members of other names are skipped; nothing is unpacked to disk. The archive is known to be
    sound only when the iterator has ended.

    Args:
        path: tar archive, plain or compressed with gzip.
        folder: yield only images whose NAME folder lies directly in a folder of this name.

    Raises:
        InputError: the archive is damaged or truncated, has absolute names, "..", links, devices
            or one image twice, or exceeds IMAGE_BYTES, IMAGES, MEMBERS or UNPACKED_BYTES.
    """
    try:
        yield from _read_images(path, folder)
    except FileNotFoundError:
        raise InputError(f"{path} is missing") from None
    except DAMAGE as error:
        raise InputError(f"{path}: not a sound tar archive: {error}") from error


def _read_images(path: Path, folder: str | None) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    with path.open("rb") as file:
        # Not tarfile's own "r|gz", which never compares gzip's checksum.
        compressed = file.peek(2).startswith(GZIP_MAGIC)
        stream = _Bounded(gzip.GzipFile(fileobj=file) if compressed else file, path)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
            for number, member in enumerate(archive, start=1):
                if number > MEMBERS:
                    raise InputError(f"{path}: more than {MEMBERS:,} members")
                _refuse_unsafe(member, path)
                parts = [part for part in member.name.split("/") if part not in ("", ".")]
                name = "/".join(parts[-2:])
                if not member.isreg() or not IMAGE_NAME.fullmatch(name):
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
                content = archive.extractfile(member)
                assert content is not None  # it is a regular file
                yield name, content.read()
        # gzip's checksum stands at the very end.
        while stream.read(2**16):
            pass


def _refuse_unsafe(member: tarfile.TarInfo, path: Path) -> None:
    if member.name.startswith("/"):
        raise InputError(f"{path}: {member.name!r} is an absolute name")
    if ".." in member.name.split("/"):
        raise InputError(f"{path}: {member.name!r} points out of the archive")
    if not (member.isreg() or member.isdir()):
        raise InputError(f"{path}: {member.name!r} is a link or device, not a file or folder")


def fingerprint(images: Mapping[str, bytes]) -> str:
    """Return the SHA-256 (hexadecimal) that identifies a set of images, however it is packed.

    It is what `find . -name '*.jpg' | LC_ALL=C sort | xargs sha256sum | sha256sum` prints in a
    folder that holds them.

    Args:
        images: JPEG bytes by name, "NAME/NAME_0001.jpg".
    """
    lines = (f"{hashlib.sha256(images[name]).hexdigest()}  ./{name}\n" for name in sorted(images))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def pack(images: Mapping[str, bytes], path: Path) -> None:
    """Write images to an uncompressed tar archive (USTAR) that depends on nothing else.

    Names are in C order, times and owners zero: the same images give the same bytes anywhere.

    Args:
        images: JPEG bytes by name, "NAME/NAME_0001.jpg".
        path: archive to write; appears whole or not at all.
    """
    with (
        writing(path) as partial,
        tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT, encoding="utf-8") as archive,
    ):
        for name in sorted(images):
            member = tarfile.TarInfo(name)
            member.size = len(images[name])
            archive.addfile(member, io.BytesIO(images[name]))
