"""From JPEG files to one array of images, the network's input."""

import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from siamese import atomic, progress
from siamese.dataset import tables
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.parameters import Image

Pixels = NDArray[np.uint8]

# Enough to keep every core busy, few enough that JPEG files waiting their turn take no memory.
CHUNK = 512


def decode(name: str, jpeg: bytes, settings: Image) -> Pixels:
    """Return one image cropped about its centre and resized, with antialiasing.

    Args:
        name: the image's name, for error messages.
        jpeg: content of a JPEG file.
        settings: crop, size and colour. Gray is luminance (ITU-R BT.601, as JPEG stores it).

    Returns:
        (size, size) uint8, or (size, size, 3) in colour.

    Raises:
        InputError: not a whole JPEG file, or smaller than the crop.
    """
    mode, crop, size = "L" if settings.grayscale else "RGB", settings.crop, settings.size
    try:
        with PIL.Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            width, height = image.size
            if min(width, height) < crop or max(width, height) > 4096:
                raise InputError(
                    f"{name}: {width}×{height} pixels; image.crop is {crop}, at most 4096 allowed"
                )
            left, top = (width - crop) / 2, (height - crop) / 2
            image.draft(mode, image.size)  # gray comes straight from the file's luminance
            pixels = image.convert(mode).resize(
                (size, size),
                PIL.Image.Resampling.BILINEAR,
                box=(left, top, left + crop, top + crop),
            )
            return np.asarray(pixels)
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise InputError(f"{name}: does not decode as JPEG: {error}") from None


def decode_all(
    images: Iterable[tuple[str, bytes]], settings: Image
) -> Iterator[tuple[str, Pixels]]:
    """Decode a stream of (name, JPEG) on all cores, in order; see `decode`."""
    images = iter(images)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while chunk := list(islice(images, CHUNK)):
            names, jpegs = zip(*chunk, strict=True)
            decoded = pool.map(lambda name, jpeg: decode(name, jpeg, settings), names, jpegs)
            yield from zip(names, decoded, strict=True)


def write(
    images: Iterable[tuple[str, bytes]], settings: Image, array: Path, index: Path
) -> list[Face]:
    """Decode all images into one array; write it, and which image each of its rows is.

    Args:
        images: ("NAME/NAME_0001.jpg", JPEG bytes).
        settings: crop, size and colour.
        array: file to write, (images, size, size[, 3]) uint8 as `numpy.save` writes it.
        index: CSV to write.

    Returns:
        Whom each row shows.

    Raises:
        InputError: there is no image, or see `decode`.
    """
    bar = progress.bar(images, title=array.stem, unit=" images")
    decoded = list(decode_all(bar, settings))
    if not decoded:
        raise InputError(f"{array}: there is no image to decode")
    shown = (Path(name).stem.rsplit("_", 1) for name, _ in decoded)
    faces = [Face(person, int(number)) for person, number in shown]
    with atomic.writing(array) as partial, partial.open("wb") as file:
        np.save(file, np.stack([pixels for _, pixels in decoded]))
    tables.write_index(faces, index)
    return faces
