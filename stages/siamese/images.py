"""From JPEG files to one array of faces, the network's input."""

import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from siamese.errors import InputError
from siamese.protocol import Face

Faces = NDArray[np.uint8]

# Enough to keep every core busy, few enough that JPEG files waiting their turn take no memory.
CHUNK = 512


def decode(name: str, jpeg: bytes, crop: int, size: int, grayscale: bool) -> Faces:
    """Return one image cropped about its centre and resized, with antialiasing.

    Args:
        name: the image's name, for error messages.
        jpeg: content of a JPEG file.
        crop: side of the square taken from the centre, in pixels.
        size: side of the result, in pixels.
        grayscale: luminance only (ITU-R BT.601, as JPEG stores it), instead of RGB.

    Returns:
        (size, size) uint8, or (size, size, 3) in colour.

    Raises:
        InputError: not a whole JPEG file, or smaller than the crop.
    """
    mode = "L" if grayscale else "RGB"
    try:
        with PIL.Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as image:
            width, height = image.size
            if min(width, height) < crop or max(width, height) > 4096:
                raise InputError(
                    f"{name}: {width}×{height} pixels; image.crop is {crop}, at most 4096 allowed"
                )
            left, top = (width - crop) / 2, (height - crop) / 2
            image.draft(mode, image.size)  # gray comes straight from the file's luminance
            face = image.convert(mode).resize(
                (size, size),
                PIL.Image.Resampling.BILINEAR,
                box=(left, top, left + crop, top + crop),
            )
            return np.asarray(face)
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise InputError(f"{name}: does not decode as JPEG: {error}") from None


def stack(decoded: Iterable[tuple[str, Faces]], archive: Path) -> tuple[list[Face], Faces]:
    """Return whom each image shows, and all as one array (images, size, size[, 3]) uint8.

    Args:
        decoded: from `decode_all`.
        archive: where they are from, to be named.

    Raises:
        InputError: there is none.
    """
    if not (images := list(decoded)):
        raise InputError(f"{archive}: holds no image")
    shown = (Path(name).stem.rsplit("_", 1) for name, _ in images)
    return (
        [Face(person, int(number)) for person, number in shown],
        np.stack([face for _, face in images]),
    )


def decode_all(
    images: Iterable[tuple[str, bytes]], crop: int, size: int, grayscale: bool
) -> Iterator[tuple[str, Faces]]:
    """Decode a stream of (name, JPEG) on all cores, in order; see `decode`."""
    images = iter(images)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while chunk := list(islice(images, CHUNK)):
            names, jpegs = zip(*chunk, strict=True)
            faces = pool.map(
                lambda name, jpeg: decode(name, jpeg, crop, size, grayscale), names, jpegs
            )
            yield from zip(names, faces, strict=True)
