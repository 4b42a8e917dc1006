"""Images are cropped, turned gray and resized as asked; what is no image is named."""

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from siamese.dataset import images
from siamese.dataset.images import crop_and_resize, decode, decode_all
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
    shades = [jpeg(np.full((16, 16), 10 * (i % 25), np.uint8), "L") for i in range(286)]
    small = Image(crop=16, size=73, grayscale=True)
    decoded = list(decode_all(((f"n{i}", s) for i, s in enumerate(shades)), small))
    assert [name for name, _ in decoded] == [f"n{i}" for i in range(286)]
    for i, (_, image) in enumerate(decoded):
        assert abs(int(image[36, 36]) - 10 * (i % 25)) <= 1


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>not found</html>", b"\xff\xd8\xff\xe0 torn", "truncated"],
)
def test_what_is_not_a_whole_image_is_named(content: bytes | str, photo: bytes) -> None:
    if content == "truncated":
        content = photo[: len(photo) // 2]
    assert isinstance(content, bytes)
    with pytest.raises(InputError) as complaint:
        decode("Ann/Ann_0001.jpg", content, WHOLE)
    message = str(complaint.value)
    assert message.startswith("Ann/Ann_0001.jpg: ")
    assert len(message.splitlines()) == 1


def test_the_crop_of_an_image_of_another_size_is_the_same_share_of_its_shorter_side() -> None:
    whole = ramps()
    settings = Image(crop=150, size=40, grayscale=False)
    expected = crop_and_resize(whole, settings).astype(int)
    for width, height in ((100, 100), (250, 250), (900, 900), (1400, 600), (300, 1000)):
        square = min(width, height)
        image = PIL.Image.new("RGB", (width, height))
        resized = whole.resize((square, square), PIL.Image.Resampling.BICUBIC)
        image.paste(resized, ((width - square) // 2, (height - square) // 2))
        file = io.BytesIO()
        image.save(file, "PNG")
        for content in (file.getvalue(), jpeg(np.asarray(image))):  # a large JPEG is read smaller
            found = decode("photo", content, settings).astype(int)
            assert np.abs(found - expected).mean() < 1.5, (width, height)


def test_an_image_of_lfws_size_gives_what_pillow_gives_bit_for_bit(photo: bytes) -> None:
    for crop, grayscale in ((250, True), (160, False), (112, True)):
        with PIL.Image.open(io.BytesIO(photo)) as image:
            image.draft("L" if grayscale else "RGB", image.size)
            box = ((250 - crop) / 2, (250 - crop) / 2, (250 + crop) / 2, (250 + crop) / 2)
            taken = image.convert("L" if grayscale else "RGB").resize(
                (64, 64), PIL.Image.Resampling.BILINEAR, box=box
            )
        found = decode("photo", photo, Image(crop, 64, grayscale))
        np.testing.assert_array_equal(found, np.asarray(taken))


def test_what_the_camera_turned_is_turned_back_also_where_it_is_gray(photo: bytes) -> None:
    with PIL.Image.open(io.BytesIO(photo)) as image:
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        file = io.BytesIO()
        image.transpose(PIL.Image.Transpose.ROTATE_90).save(file, "JPEG", quality=95, exif=exif)
    turned = decode("turned", file.getvalue(), WHOLE).astype(int)
    assert np.abs(turned - decode("photo", photo, WHOLE)).mean() < 2


def test_one_bad_image_ends_the_stream_with_its_name(photo: bytes) -> None:
    with pytest.raises(InputError, match=r"^bad: "):
        list(decode_all([("good", photo), ("bad", photo[:500]), ("good2", photo)], WHOLE))


NAMED = ("Ann/Ann_0001.jpg", "Bo_van_C/Bo_van_C_0012.jpg")
FACES = [Face("Ann", 1), Face("Bo_van_C", 12)]
TRANSFORMS = np.array([[0.0, 0.0, 0.0, 0.0], [0.1, -0.1, 0.05, 0.02]])


@pytest.mark.parametrize("transforms", [None, TRANSFORMS], ids=["as they are", "aligned"])
@pytest.mark.parametrize("grayscale", [True, False])
def test_the_array_has_a_row_for_each_image_of_the_index(
    tmp_path: Path, photo: bytes, grayscale: bool, transforms: np.ndarray | None
) -> None:
    array = tmp_path / "faces.npy"
    settings = Image(crop=250, size=73, grayscale=grayscale)
    named = list(zip(NAMED, (jpeg(np.zeros((250, 250, 3), np.uint8)), photo), strict=True))
    images.write(iter(named), FACES, settings, array, transforms)
    written = np.load(array)
    assert written.dtype == np.uint8
    each = [None, None] if transforms is None else transforms
    expected = [
        decode(*image, settings, transform) for image, transform in zip(named, each, strict=True)
    ]
    np.testing.assert_array_equal(written, expected)
    np.testing.assert_array_equal(images.read(named, FACES, settings, transforms), expected)


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        (NAMED[:1], "the archive has the end where the index has Bo_van_C/Bo_van_C_0012.jpg"),
        (NAMED[::-1], "the archive has Bo_van_C/Bo_van_C_0012.jpg where the index has Ann/Ann_"),
        ((*NAMED, "C/C_0001.jpg"), "the archive has C/C_0001.jpg where the index has its end"),
        ((), "the archive has the end where the index has Ann/Ann_0001.jpg"),
    ],
)
def test_an_archive_of_other_images_than_the_index_writes_nothing(
    tmp_path: Path, photo: bytes, named: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        images.write([(name, photo) for name in named], FACES, WHOLE, tmp_path / "faces.npy")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_image_writes_nothing(tmp_path: Path, photo: bytes) -> None:
    with pytest.raises(InputError, match=r"^Bo_van_C/Bo_van_C_0012\.jpg: the file is empty"):
        images.write(zip(NAMED, (photo, b""), strict=True), FACES, WHOLE, tmp_path / "faces.npy")
    assert list(tmp_path.iterdir()) == []


def ramps(side: int = 250) -> PIL.Image.Image:
    """Return an image whose red is the column and whose green is the row of a pixel."""
    across = np.tile(np.arange(side), (side, 1))
    pixels = np.stack([across, across.T, np.zeros_like(across)], axis=2)
    return PIL.Image.fromarray(pixels.astype(np.uint8))


def test_no_displacement_gives_what_cropping_gives() -> None:
    rng = np.random.default_rng(0)
    smooth = PIL.Image.fromarray(rng.integers(0, 256, (25, 25, 3)).astype(np.uint8))
    image = smooth.resize((250, 250), PIL.Image.Resampling.BICUBIC)
    for crop, size in ((250, 250), (160, 160), (160, 80), (112, 64), (250, 105)):
        settings = Image(crop=crop, size=size, grayscale=False)
        plain = crop_and_resize(image, settings).astype(int)
        aligned = crop_and_resize(image, settings, np.zeros(4)).astype(int)
        assert np.abs(plain - aligned).mean() < 1.5, (crop, size)


@pytest.mark.parametrize(("crop", "size"), [(100, 100), (100, 50), (100, 64)])
def test_a_transform_takes_a_point_of_the_result_to_its_place_in_the_image(
    crop: int, size: int
) -> None:
    angle, log_scale, right, down = transform = np.array([0.3, 0.1, 0.2, -0.1])
    pixels = crop_and_resize(ramps(), Image(crop, size, grayscale=False), transform).astype(float)
    # The pixels' centres, from the crop's centre, in half sides of the image.
    along = ((np.arange(size) + 0.5) / size - 0.5) * crop / 125
    x, y = np.meshgrid(along, along)
    scale = np.exp(log_scale)
    column = 125 * (1 + scale * (np.cos(angle) * x - np.sin(angle) * y) + right) - 0.5
    row = 125 * (1 + scale * (np.sin(angle) * x + np.cos(angle) * y) + down) - 0.5
    assert np.abs(pixels[..., 0] - column).max() < 1
    assert np.abs(pixels[..., 1] - row).max() < 1


def test_beyond_the_edge_the_pixels_at_the_edge_are_repeated() -> None:
    turned = np.array([0.3, 0.2, 0.2, 0.2])
    pixels = crop_and_resize(ramps(), Image(250, 250, grayscale=False), turned)
    assert tuple(pixels[-1, -1][:2]) == (249, 249)
    assert (pixels[..., 0] == 249).sum() > 2000
    # With the pads, whatever lies inside stays where it was.
    inner = crop_and_resize(ramps(), Image(100, 100, grayscale=False), turned)
    assert np.abs(pixels[75:175, 75:175].astype(int) - inner).max() <= 1


@pytest.mark.parametrize("grayscale", [True, False])
@pytest.mark.parametrize("transforms", [None, TRANSFORMS], ids=["as they are", "aligned"])
def test_images_decoded_before_are_framed_as_those_in_files(
    photo: bytes, grayscale: bool, transforms: np.ndarray | None
) -> None:
    whole = np.stack([decode("photo", photo, Image(250, 250, grayscale=False))] * 2)
    settings = Image(crop=160, size=73, grayscale=grayscale)
    framed = images.reframe(whole, settings, transforms)
    each = [None, None] if transforms is None else transforms
    for pixels, transform in zip(framed, each, strict=True):
        expected = decode("photo", photo, settings, transform)
        assert np.abs(pixels.astype(int) - expected).max() <= 2
