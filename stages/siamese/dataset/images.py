"""From image files to one array of images, the network's input."""

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat, zip_longest
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from siamese import atomic, progress
from siamese.dataset import photograph
from siamese.dataset.parallel import map_in_order
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.parameters import IMAGE_SIDE, Image

Pixels = NDArray[np.uint8]
Transform = NDArray[np.floating]  # (4,), see `siamese.alignment.transforms`


def decode(
    name: str, content: bytes, settings: Image, transform: Transform | None = None
) -> Pixels:
    """Return one image as the network takes it; see `crop_and_resize`.

    Args:
        name: the image's name, for error messages.
        content: of its file, see `photograph.decode`.
        settings: crop, size and colour. The crop counts in pixels of LFW's 250; of an image of
            another size it is the same share of its shorter side.
        transform: aligns the image, or None.

    Returns:
        (size, size) uint8, or (size, size, 3) in colour.

    Raises:
        InputError: it is no photograph, damaged, or too large.
    """
    mode = "L" if settings.grayscale else "RGB"
    image = photograph.decode(content, name, mode, IMAGE_SIDE)
    crop = max(1, round(settings.crop * min(image.size) / IMAGE_SIDE))
    return crop_and_resize(image, dataclasses.replace(settings, crop=crop), transform)


def crop_and_resize(
    image: PIL.Image.Image, settings: Image, transform: Transform | None = None
) -> Pixels:
    """Return the centre of an image, resampled once, with antialiasing.

    Args:
        image: gray or RGB.
        settings: crop and size.
        transform: by which the image is aligned first, or None.

    Returns:
        (size, size) uint8, or (size, size, 3) in colour.
    """
    crop, size = settings.crop, settings.size
    if transform is not None:
        unit = min(image.size) / 2
        return resample(image, image.width / 2, image.height / 2, unit, crop / 2, size, transform)
    left, top = (image.width - crop) / 2, (image.height - crop) / 2
    box = (left, top, left + crop, top + crop)
    return np.asarray(image.resize((size, size), PIL.Image.Resampling.BILINEAR, box=box))


def resample(
    image: PIL.Image.Image,
    x: float,
    y: float,
    unit: float,
    reach: float,
    size: int,
    transform: Transform,
) -> Pixels:
    """Return a square of an image, transformed, with antialiasing.

    Beyond the image's edge its outermost pixels are repeated.

    Args:
        image: gray or RGB.
        x: where the transform's origin is, in pixels from the left.
        y: the same from the top.
        unit: pixels of what the transform's shifts count in.
        reach: half the side of the square before the transform, in pixels.
        size: side of the result, in pixels.
        transform: (4,), see `siamese.alignment.transforms`.

    Returns:
        (size, size) uint8, or (size, size, 3) in colour.
    """
    angle, log_scale, right, down = (float(number) for number in transform)
    cosine, sine = np.exp(log_scale) * np.cos(angle), np.exp(log_scale) * np.sin(angle)
    x, y = x + unit * right, y + unit * down
    corner = (abs(cosine) + abs(sine)) * reach
    beyond = corner - min(x, y, image.width - x, image.height - y)
    if beyond > 0:
        # Only what is seen of the image, so that a large one does not become larger.
        box = [max(0, int(x - corner) - 1), max(0, int(y - corner) - 1)]
        box += [min(image.width, int(x + corner) + 2), min(image.height, int(y + corner) + 2)]
        pixels = np.asarray(image.crop((box[0], box[1], box[2], box[3])))
        margin = int(np.ceil(beyond)) + 1
        pads = [(margin, margin)] * 2 + [(0, 0)] * (pixels.ndim - 2)
        image = PIL.Image.fromarray(np.pad(pixels, pads, mode="edge"))
        x, y = x + margin - box[0], y + margin - box[1]
    times = max(1, int(np.ceil(2 * reach / size)))  # samples along the side of a pixel's square
    step = 2 * reach / (times * size)
    # What Pillow takes: rows of the matrix from a pixel of the result to one of the image.
    coefficients = (
        *(cosine * step, -sine * step, x - reach * (cosine - sine)),
        *(sine * step, cosine * step, y - reach * (sine + cosine)),
    )
    large = image.transform(
        (times * size, times * size),
        PIL.Image.Transform.AFFINE,
        coefficients,
        PIL.Image.Resampling.BILINEAR,
    )
    return np.asarray(large.reduce(times) if times > 1 else large)


def decode_all(
    images: Iterable[tuple[str, bytes]],
    settings: Image,
    transforms: NDArray[np.floating] | None = None,
) -> Iterator[tuple[str, Pixels]]:
    """Decode a stream of (name, JPEG) on all cores, in order; see `decode`.

    Args:
        images: names and JPEG files.
        settings: crop, size and colour.
        transforms: (images, 4), one for each image, or None.
    """
    each = repeat(None) if transforms is None else iter(transforms)

    def one(item: tuple[tuple[str, bytes], Transform | None]) -> Pixels:
        (name, content), transform = item
        return decode(name, content, settings, transform)

    for ((name, _), _), pixels in map_in_order(one, zip(images, each, strict=False)):
        yield name, pixels


def read(
    images: Iterable[tuple[str, bytes]],
    faces: Sequence[Face],
    settings: Image,
    transforms: NDArray[np.floating] | None = None,
) -> Pixels:
    """Return all images as one array, (images, size, size[, 3]) uint8; see `write`."""
    result = np.empty(shape(len(faces), settings), dtype=np.uint8)
    for row, pixels in enumerate(_expected(images, faces, settings, transforms)):
        result[row] = pixels
    return result


def write(
    images: Iterable[tuple[str, bytes]],
    faces: Sequence[Face],
    settings: Image,
    array: Path,
    transforms: NDArray[np.floating] | None = None,
) -> None:
    """Decode all images into one array; write it, image by image.

    Args:
        images: ("NAME/NAME_0001.jpg", JPEG bytes).
        faces: whom each of them shows, in the same order.
        settings: crop, size and colour.
        array: file to write, (images, size, size[, 3]) uint8 as `numpy.save` writes it.
        transforms: (images, 4), by which they are aligned first, or None.

    Raises:
        InputError: the images are not those of the faces, or see `decode`.
    """
    with atomic.writing(array) as partial, partial.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape(len(faces), settings)}
        np.lib.format.write_array_header_1_0(file, header)
        for pixels in _expected(images, faces, settings, transforms):
            file.write(pixels.tobytes())


def map_array(array: Path) -> Pixels:
    """Return an array that `write` wrote, mapped: what is used of it is read, and takes no memory.

    It can be written to, as torch asks for; what is written stays in memory.
    """
    mapped: Pixels = np.load(array, mmap_mode="c")
    return mapped


def read_mapped(
    images: Iterable[tuple[str, bytes]], faces: Sequence[Face], settings: Image, folder: Path
) -> Pixels:
    """Return what `read` returns, mapped from a file in a folder; see `map_array`.

    The file has no name any more when this returns; the system frees it with the array.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".images-", dir=folder) as temporary:
        array = Path(temporary) / "images.npy"
        write(images, faces, settings, array)
        return map_array(array)


def shape(images: int, settings: Image) -> tuple[int, ...]:
    """Return the shape of an array of images, (images, size, size[, 3])."""
    return (images, settings.size, settings.size, *([] if settings.grayscale else [3]))


def _expected(
    images: Iterable[tuple[str, bytes]],
    faces: Sequence[Face],
    settings: Image,
    transforms: NDArray[np.floating] | None,
) -> Iterator[Pixels]:
    """Yield the decoded images; raise InputError unless they are those of the faces, in order."""
    bar = progress.bar(images, title="images", unit=" images", total=len(faces))
    decoded = decode_all(bar, settings, transforms)
    names = (face.file for face in faces)
    for found, name in zip_longest(decoded, names):
        file, pixels = found or ("the end", None)
        if pixels is None or file != name:
            raise InputError(
                f"the archive has {file} where the index has {name or 'its end'}; "
                "`dvc repro download` brings both"
            )
        yield pixels


def reframe(
    images: NDArray[np.uint8],
    settings: Image,
    transforms: NDArray[np.floating] | None = None,
) -> NDArray[np.uint8]:
    """Return images that are decoded already, cropped and resized on all cores.

    Args:
        images: (n, side, side[, 3]) uint8, which may be mapped from a file.
        settings: crop, size and colour.
        transforms: (n, 4), by which they are aligned first, or None.

    Returns:
        (n, size, size[, 3]) uint8.
    """
    mode = "L" if settings.grayscale else "RGB"

    def one(row: int) -> Pixels:
        image = PIL.Image.fromarray(images[row]).convert(mode)
        return crop_and_resize(image, settings, None if transforms is None else transforms[row])

    result = np.empty(shape(len(images), settings), dtype=np.uint8)
    for row, pixels in map_in_order(one, range(len(images))):
        result[row] = pixels
    return result
