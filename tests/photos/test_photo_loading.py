"""Photographs are read by their content, upright and in RGB; what is none is named in one line."""

import io
import re
import struct
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import PIL.Image
import pytest
from numpy.typing import NDArray

from siamese.dataset import photograph
from siamese.errors import InputError
from siamese.photos import loading

# Left half red, upper half bright: any turn or mirror image shows.
PIXELS = np.zeros((40, 60, 3), np.uint8)
PIXELS[:, :30, 0] = 200
PIXELS[:20, :, 1] = 180
EVERY_FORMAT = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")


def encoded(image: PIL.Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seen(content: bytes, name: str = "photo") -> NDArray[np.int64]:
    image = loading.decode(content, name)
    assert image.mode == "RGB"
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("kind", EVERY_FORMAT)
def test_every_format_is_read_whatever_the_name_says(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "Zoë's photo (1).txt"
    path.write_bytes(encoded(PIL.Image.fromarray(PIXELS), kind))
    pixels = np.asarray(loading.load(path)).astype(int)
    assert pixels.shape == PIXELS.shape
    assert np.abs(pixels[5:15, 5:25] - (200, 180, 0)).max() < 20
    assert np.abs(pixels[25:35, 35:55]).max() < 20


@pytest.mark.parametrize("orientation", range(1, 9))
def test_what_the_camera_turned_is_turned_back(orientation: int) -> None:
    # The inverse of each orientation, so that what is shown is always PIXELS.
    turn = {
        1: None, 2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
        6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270",
    }[orientation]  # fmt: skip
    image = PIL.Image.fromarray(PIXELS)
    if turn is not None:
        image = image.transpose(PIL.Image.Transpose[turn])
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    pixels = seen(encoded(image, "PNG", exif=exif))
    np.testing.assert_array_equal(pixels, PIXELS)


def test_transparent_parts_become_gray() -> None:
    alpha = np.full((40, 60), 255, np.uint8)
    alpha[:, 30:] = 0
    rgba = PIL.Image.fromarray(np.dstack([PIXELS, alpha]))
    palette = PIL.Image.fromarray(PIXELS).quantize(8)
    corner = palette.getpixel((59, 39))
    for content in (
        encoded(rgba, "PNG"),
        encoded(rgba, "WEBP", lossless=True),
        encoded(rgba.convert("LA"), "PNG"),
        encoded(palette, "PNG", transparency=corner),
    ):
        pixels = seen(content)
        assert np.abs(pixels[35, 55] - 128).max() <= 1
        assert np.abs(pixels[35, 5] - 128).max() > 20


def test_palettes_cmyk_and_black_and_white_are_read() -> None:
    image = PIL.Image.fromarray(PIXELS)
    for content in (
        encoded(image.quantize(8), "PNG"),
        encoded(image.convert("CMYK"), "JPEG", quality=95),
        encoded(image.convert("CMYK"), "TIFF"),
    ):
        assert np.abs(seen(content)[10, 10] - (200, 180, 0)).max() < 12
    assert set(np.unique(seen(encoded(image.convert("1"), "PNG")))) == {0, 255}


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_are_scaled_to_8(kind: str) -> None:
    deep = np.linspace(0, 65_535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = seen(encoded(PIL.Image.fromarray(deep), kind))
    assert np.abs(pixels - (deep / 257)[..., None]).max() <= 1


@pytest.mark.parametrize("highest", [1.0, 255.0, 65_535.0])
def test_floating_point_is_scaled_by_its_range(highest: float) -> None:
    values = np.linspace(0, highest, 64 * 64, dtype=np.float32).reshape(64, 64)
    pixels = seen(encoded(PIL.Image.fromarray(values), "TIFF"))
    assert np.abs(pixels[..., 0] - values / highest * 255).max() <= 1


def test_of_several_images_the_first_is_taken() -> None:
    first, second = (PIL.Image.new("RGB", (9, 9), shade) for shade in ("red", "blue"))
    for kind in ("GIF", "TIFF", "WEBP"):
        content = encoded(first, kind, save_all=True, append_images=[second])
        assert seen(content)[4, 4].argmax() == 0


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(PIL.Image.fromarray(PIXELS), "PNG")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content)))
    np.testing.assert_array_equal(np.asarray(loading.load("-")), PIXELS)


def huge_png(side: int) -> bytes:
    """Return a PNG that claims to be as large, and is not."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100)), (b"IEND", b"")]
    written = [
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)
        for kind, content in chunks
        for crc in (zlib.crc32(kind + content),)
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def refused(content: bytes) -> str:
    with pytest.raises(InputError) as error:
        loading.decode(content, "a photo.jpg")
    message = str(error.value)
    assert message.startswith("a photo.jpg: ")
    assert len(message.splitlines()) == 1
    return message


def test_what_is_no_photograph_is_named_with_the_reason() -> None:
    jpeg = encoded(PIL.Image.fromarray(PIXELS).resize((600, 400)), "JPEG")
    assert "the file is empty" in refused(b"")
    assert "not a photograph that can be read (JPEG, PNG" in refused(b"just text\n")
    assert "not a photograph" in refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>")
    for torn in (jpeg[: len(jpeg) // 2], jpeg[:-200]):
        assert "damaged: " in refused(torn)
    assert "more than 150,000,000 pixels" in refused(huge_png(30_000))
    assert "13,000×13,000 pixels; at most" in refused(huge_png(13_000))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.jpg", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=rf"^{re.escape(str(path))}: {reason}"):
            loading.load(path)


def test_a_file_of_too_many_bytes_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (loading, photograph):
        monkeypatch.setattr(module, "MOST_BYTES", 2**20)
    path = tmp_path / "large.jpg"
    path.write_bytes(b"\xff\xd8\xff" * 400_000)
    with pytest.raises(InputError, match=r"large\.jpg: more than 1 MB"):
        loading.load(path)


def test_heic_is_read_or_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert photograph.HEIC
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    message = refused(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    assert "a HEIC file needs `pip install pillow-heif`" in message
    monkeypatch.undo()
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    pillow_heif.from_pillow(PIL.Image.fromarray(PIXELS).resize((120, 80))).save(file, quality=90)
    pixels = seen(file.getvalue())
    assert np.abs(pixels[15, 15] - (200, 180, 0)).max() < 25
