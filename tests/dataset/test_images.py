"""Images are cropped, turned gray and resized as asked; what is no image is named."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from siamese.dataset import images, tables
from siamese.dataset.images import CHUNK, decode, decode_all
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.parameters import Image

WHOLE = Image(crop=250, size=105, grayscale=True)


def jpeg(pixels: np.ndarray, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    PIL.Image.fromarray(pixels, mode).save(file, "JPEG", quality=95, subsampling=0)
    return file.getvalue()


@pytest.fixture(scope="module")
def photo() -> bytes:
    """A 250×250 image: a gray square of 50 pixels in the centre of a coloured ramp."""
    ramp = np.linspace(0, 255, 250)
    pixels = np.stack([np.tile(ramp, (250, 1)), np.tile(ramp, (250, 1)).T, np.full((250, 250), 60)])
    pixels[:, 100:150, 100:150] = 128
    return jpeg(pixels.transpose(1, 2, 0).astype(np.uint8))


def test_gray_is_the_luminance_that_pillow_gives(photo: bytes) -> None:
    image = decode("photo", photo, Image(crop=250, size=250, grayscale=True))
    reference = np.asarray(PIL.Image.open(io.BytesIO(photo)).convert("L"))
    assert image.shape == (250, 250)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - reference).max() <= 2


def test_colour_keeps_three_channels(photo: bytes) -> None:
    image = decode("photo", photo, Image(crop=250, size=105, grayscale=False))
    assert image.shape == (105, 105, 3)
    left, right = image[:, :20, 0].mean(), image[:, -20:, 0].mean()
    assert right > left + 150


def test_crop_is_taken_from_the_centre(photo: bytes) -> None:
    image = decode("photo", photo, Image(crop=40, size=105, grayscale=True))
    assert np.abs(image.astype(int) - 128).max() <= 4


def test_whole_image_keeps_its_corners(photo: bytes) -> None:
    image = decode("photo", photo, WHOLE)
    assert image[0, 0] < 30
    assert image[-1, -1] > 200


def test_gray_files_are_read_too() -> None:
    gray = jpeg(np.full((250, 250), 77, np.uint8), "L")
    assert (decode("gray", gray, WHOLE) == 77).all()


def test_stream_keeps_order_and_names() -> None:
    shades = [jpeg(np.full((16, 16), 10 * (i % 25), np.uint8), "L") for i in range(CHUNK + 30)]
    small = Image(crop=16, size=73, grayscale=True)
    decoded = list(decode_all(((f"n{i}", s) for i, s in enumerate(shades)), small))
    assert [name for name, _ in decoded] == [f"n{i}" for i in range(CHUNK + 30)]
    for i, (_, image) in enumerate(decoded):
        assert abs(int(image[36, 36]) - 10 * (i % 25)) <= 1


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", b"\xff\xd8\xff\xe0 torn", "truncated", "png"],
)
def test_what_is_not_a_whole_jpeg_is_named(content: bytes | str, photo: bytes) -> None:
    if content == "truncated":
        content = photo[: len(photo) // 2]
    if content == "png":
        file = io.BytesIO()
        PIL.Image.new("L", (250, 250)).save(file, "PNG")
        content = file.getvalue()
    assert isinstance(content, bytes)
    with pytest.raises(InputError) as complaint:
        decode("Ann/Ann_0001.jpg", content, WHOLE)
    message = str(complaint.value)
    assert message.startswith("Ann/Ann_0001.jpg: does not decode as JPEG")
    assert len(message.splitlines()) == 1


def test_an_image_smaller_than_the_crop_or_of_absurd_size_is_refused() -> None:
    with pytest.raises(InputError, match=r"small: 20×20 pixels; image.crop is 250"):
        decode("small", jpeg(np.zeros((20, 20), np.uint8), "L"), WHOLE)
    with pytest.raises(InputError, match=r"5000×250 pixels"):
        decode("wide", jpeg(np.zeros((250, 5000), np.uint8), "L"), WHOLE)


def test_one_bad_image_ends_the_stream_with_its_name(photo: bytes) -> None:
    with pytest.raises(InputError, match=r"^bad: "):
        list(decode_all([("good", photo), ("bad", photo[:500]), ("good2", photo)], WHOLE))


@pytest.mark.parametrize("grayscale", [True, False])
def test_the_index_says_which_image_each_row_of_the_array_is(
    tmp_path: Path, photo: bytes, grayscale: bool
) -> None:
    array, index = tmp_path / "faces.npy", tmp_path / "faces.csv"
    settings = Image(crop=250, size=73, grayscale=grayscale)
    dark = jpeg(np.zeros((250, 250, 3), np.uint8))
    named = [("Bo_van_C/Bo_van_C_0012.jpg", photo), ("Ann/Ann_0001.jpg", dark)]
    faces = images.write(iter(named), settings, array, index)
    assert faces == [Face("Bo_van_C", 12), Face("Ann", 1)]
    assert tables.read_index(index) == {Face("Bo_van_C", 12): 0, Face("Ann", 1): 1}
    written = np.load(array)
    assert written.dtype == np.uint8
    np.testing.assert_array_equal(written, [decode(*image, settings) for image in named])


def test_no_image_or_a_bad_one_writes_nothing(tmp_path: Path, photo: bytes) -> None:
    array, index = tmp_path / "faces.npy", tmp_path / "faces.csv"
    with pytest.raises(InputError, match=r"faces\.npy: there is no image"):
        images.write([], WHOLE, array, index)
    with pytest.raises(InputError, match=r"^B/B_0001\.jpg: does not decode"):
        images.write([("A/A_0001.jpg", photo), ("B/B_0001.jpg", b"")], WHOLE, array, index)
    assert list(tmp_path.iterdir()) == []
