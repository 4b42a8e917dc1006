"""Archives are read whole and safely, or refused; what is packed depends on the images alone."""

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from siamese.dataset import archive
from siamese.errors import InputError
from siamese.lfw import sources

IMAGES = {
    "Ada_Al-Ameri/Ada_Al-Ameri_0001.jpg": b"\xff\xd8 first",
    "Ada_Al-Ameri/Ada_Al-Ameri_0002.jpg": b"\xff\xd8 second",
    "Bo/Bo_0001.jpg": bytes(range(256)) * 3,
}


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type = kind
    header.linkname = target
    return header


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as file:
        for header, content in members:
            header.size = len(content)
            file.addfile(header, io.BytesIO(content))
    return buffer.getvalue()


def tar_of(images: dict[str, bytes], top: str = "lfw/") -> bytes:
    return tar(*((member(top + name), content) for name, content in images.items()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "archive.tgz"


def read(path: Path, content: bytes, folder: str | None = None) -> dict[str, bytes]:
    path.write_bytes(content)
    return dict(archive.read_images(path, folder))


@pytest.mark.parametrize("top", ["", "./", "lfw/", "site-main/images/"])
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_images_are_found_in_any_folder(
    path: Path, top: str, compress: Callable[[bytes], bytes]
) -> None:
    assert read(path, compress(tar_of(IMAGES, top))) == IMAGES


def test_images_come_in_the_order_of_the_archive(path: Path) -> None:
    backwards = dict(reversed(IMAGES.items()))
    assert list(read(path, tar_of(backwards))) == list(backwards)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_tar_format_is_read(path: Path, form: int) -> None:
    long = "folder/" * 20 + "Bo/Bo_0001.jpg"  # in need of an extended header
    if form == tarfile.USTAR_FORMAT:
        long = "folder/" * 12 + "Bo/Bo_0001.jpg"
    assert read(path, tar((member(long), b"x"), form=form)) == {"Bo/Bo_0001.jpg": b"x"}


@pytest.mark.parametrize(
    "name",
    [
        "lfw/pairs_01.txt",
        "lfw/Bo/Al_0001.jpg",
        "lfw/Bo/Bo_1.jpg",
        "lfw/Bo/Bo_0001.jpeg",
        "lfw/Bo/Bo_0001.jpg.txt",
        "lfw/Bo/Bo_\u0660\u0660\u0660\u0661.jpg",
        "Bo_0001.jpg",
        "lfw/Bo\n/Bo\n_0001.jpg",
    ],
)
def test_other_files_and_folders_are_skipped(path: Path, name: str) -> None:
    folder = (member("lfw/Bo", tarfile.DIRTYPE), b"")
    assert read(path, tar(folder, (member(name), b"x"))) == {}


def test_a_folder_chooses_the_images_directly_in_it(path: Path) -> None:
    content = tar(
        (member("site/images/Bo/Bo_0001.jpg"), b"original"),
        (member("site/images_deepfunneled/Bo/Bo_0001.jpg"), b"aligned"),
        (member("images_deepfunneled/images/Bo/Bo_0001.jpg"), b"not directly"),
    )
    assert read(path, content, "images_deepfunneled") == {"Bo/Bo_0001.jpg": b"aligned"}


def assert_refused(path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read(path, content)
    assert str(path) in str(caught.value)
    assert list(path.parent.iterdir()) == [path]  # nothing was unpacked


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/lfw/Bo/Bo_0001.jpg", "'/lfw/Bo/Bo_0001.jpg' is an absolute name"),
        ("//etc/passwd", "absolute name"),
        ("lfw/../../Bo/Bo_0001.jpg", "points out of the archive"),
        ("../pairs.txt", "points out of the archive"),
        ("lfw/..", "points out of the archive"),
    ],
)
def test_names_that_lead_out_of_the_archive_are_refused(path: Path, name: str, reason: str) -> None:
    assert_refused(path, tar((member(name), b"x")), reason)


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"],
)
def test_links_and_devices_are_refused(path: Path, kind: bytes) -> None:
    content = tar((member("lfw/Bo/Bo_0001.jpg", kind, target="/etc/passwd"), b""))
    assert_refused(path, content, "'lfw/Bo/Bo_0001.jpg' is a link or device")


def test_an_image_that_comes_twice_is_refused(path: Path) -> None:
    content = tar(*((member(f"{top}/Bo/Bo_0001.jpg"), b"x") for top in ("a", "b")))
    assert_refused(path, content, "'b/Bo/Bo_0001.jpg' is a second Bo/Bo_0001.jpg")


def test_an_image_over_the_limit_is_refused(path: Path) -> None:
    largest = bytes(archive.IMAGE_BYTES)
    assert read(path, tar_of({"Bo/Bo_0001.jpg": largest})) == {"Bo/Bo_0001.jpg": largest}
    assert_refused(path, tar_of({"Bo/Bo_0001.jpg": largest + b"\0"}), "'lfw/Bo/.*' is over")


def test_more_images_than_the_limit_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "IMAGES", 3)
    assert read(path, tar_of(IMAGES)) == IMAGES
    assert_refused(path, tar_of(IMAGES | {"Cy/Cy_0001.jpg": b""}), "more than 3 images")


def test_more_members_than_the_limit_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MEMBERS", 5)
    content = tar(*((member(f"{number}.txt"), b"") for number in range(6)))
    assert_refused(path, content, "more than 5 members")


def test_a_bomb_of_skipped_bytes_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "UNPACKED_BYTES", 2**20)
    assert_refused(path, gzip.compress(tar((member("zeros"), bytes(2**21)))), "unpacked")
    assert_refused(path, gzip.compress(tar_of(IMAGES) + bytes(2**21)), "unpacked")


def test_an_extended_header_too_large_for_memory_is_refused(path: Path) -> None:
    header = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    header.size = 2**40
    assert_refused(path, header.tobuf(tarfile.GNU_FORMAT), "claims 1,099,511,627,776 bytes")


def test_a_chain_of_extended_headers_is_refused(path: Path) -> None:
    header = member("././@LongLink", tarfile.GNUTYPE_LONGNAME)
    header.size = 1
    assert_refused(path, (header.tobuf() + bytes(512)) * 5000, "not a sound tar archive")


def test_every_truncation_of_a_compressed_archive_is_noticed(path: Path) -> None:
    content = gzip.compress(tar_of(IMAGES))
    for end in range(len(content)):
        with pytest.raises(InputError, match="not a sound tar archive"):
            read(path, content[:end])


def test_every_truncation_of_a_plain_archive_is_noticed(path: Path) -> None:
    content = tar_of(IMAGES)
    end_mark = len(content.rstrip(b"\0")) // 512 * 512 + 512
    for end in range(0, end_mark, 8):
        with pytest.raises(InputError, match="not a sound tar archive"):
            read(path, content[:end])


def test_every_damage_to_a_compressed_archive_is_noticed_or_harmless(path: Path) -> None:
    content = bytearray(gzip.compress(tar_of(IMAGES), mtime=0))
    refused = 0
    for position in range(len(content)):
        for mask in (0x01, 0xFF):
            content[position] ^= mask
            try:
                assert read(path, bytes(content)) == IMAGES  # as when gzip's date is hit
            except InputError:
                refused += 1
            content[position] ^= mask
    assert refused > 1.7 * len(content)


def test_damage_to_a_header_never_ends_an_archive_silently(path: Path) -> None:
    content = bytearray(tar_of(IMAGES))
    refused = 0
    for position in range(1024, 1536):  # the second member's header
        content[position] ^= 0x01
        try:
            assert read(path, bytes(content)) == IMAGES  # as when the checksum's padding is hit
        except InputError:
            refused += 1
        content[position] ^= 0x01
    assert refused >= 510


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"<!DOCTYPE html>", bytes(range(256)) * 9])
def test_what_is_no_archive_is_refused(path: Path, content: bytes) -> None:
    assert_refused(path, content, "not a sound tar archive")


def test_an_archive_that_does_not_exist_is_bad_input(path: Path) -> None:
    with pytest.raises(InputError, match=path.name):
        next(archive.read_images(path))


def test_the_fingerprint_is_what_the_shell_prints(tmp_path: Path) -> None:
    images = IMAGES | {"Ada/Ada_0001.jpg": b"", "ada/ada_0001.jpg": b"lower case comes last"}
    for name, content in images.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = "find . -name '*.jpg' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    printed = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True)
    assert archive.fingerprint(images) == printed.stdout.decode().split()[0]


def test_equal_images_are_packed_to_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "first.tar", tmp_path / "new folder" / "second.tar"
    archive.pack(IMAGES, first)
    archive.pack(dict(reversed(IMAGES.items())), second)
    assert first.read_bytes() == second.read_bytes()
    assert list(archive.read_images(first)) == sorted(IMAGES.items())
    # Pinned, so that another Python or machine can't quietly write other bytes.
    digest = hashlib.sha256(first.read_bytes()).hexdigest()
    assert digest == "8c880b68089b30d875568689e1512790081764de87f080ebabfda41df0085acd"


def test_a_failure_while_packing_leaves_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name is too long"):
        archive.pack(IMAGES | {"x" * 300: b""}, tmp_path / "images.tar")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def faces() -> dict[str, bytes]:
    mirror = os.environ.get("LFW_MIRROR", "")
    path = Path(mirror) / "lfw-deepfunneled.tgz"
    if not mirror or not path.is_file():
        pytest.skip("LFW_MIRROR is no folder with lfw-deepfunneled.tgz")
    return dict(archive.read_images(path))


@pytest.mark.lfw
def test_the_real_images_have_the_known_fingerprint(faces: dict[str, bytes]) -> None:
    assert archive.fingerprint(faces) == sources.VARIANTS["lfw-deepfunneled"].fingerprint


@pytest.mark.lfw
def test_the_real_images_survive_packing_and_pack_to_equal_bytes(
    faces: dict[str, bytes], tmp_path: Path
) -> None:
    first, second = tmp_path / "first.tar", tmp_path / "second.tar"
    archive.pack(faces, first)
    unpacked = dict(archive.read_images(first))
    assert unpacked == faces
    archive.pack(unpacked, second)
    with first.open("rb") as one, second.open("rb") as other:
        assert hashlib.file_digest(one, "sha256").digest() == (
            hashlib.file_digest(other, "sha256").digest()
        )
