"""A photograph, decoded as it is meant to be seen: upright, 8 bits a channel."""

import io
import struct
import warnings

import numpy as np
import PIL.Image
import PIL.ImageOps
from numpy.typing import NDArray

from siamese.errors import InputError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
KNOWN = "JPEG, PNG, WebP, BMP, TIFF, GIF and HEIC"
MOST_BYTES = 200 * 2**20
MOST_PIXELS = 150_000_000
BACKGROUND = (128, 128, 128)  # behind what is transparent
HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")  # brands of the format


def decode(
    content: bytes, name: str, mode: str = "RGB", side: int | None = None
) -> PIL.Image.Image:
    """Return the photograph that a file's content holds.

    The content decides its format, not the name. The camera's orientation is applied, transparent
    parts become gray, 16 bits are scaled to 8, and of several images in a file the first is taken.

    Args:
        content: of the file.
        name: of the file, for messages.
        mode: "RGB", or "L" for luminance (ITU-R BT.601, as JPEG stores it).
        side: the shorter side that is enough, in pixels; a larger JPEG is read at a half, a
            quarter or an eighth of its size, which is faster. None reads it as it is.

    Raises:
        InputError: it is no photograph, damaged, or too large.
    """
    if not content:
        raise InputError(f"{name}: the file is empty")
    if len(content) > MOST_BYTES:
        raise InputError(f"{name}: more than {MOST_BYTES // 2**20} MB")
    formats = list(FORMATS)
    if content[4:8] == b"ftyp" and content[8:12] in HEIC:
        formats = [_heic(name)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large images, and of odd metadata
            image = PIL.Image.open(io.BytesIO(content), formats=formats)
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise InputError(
                    f"{name}: {width:,}×{height:,} pixels; at most {MOST_PIXELS:,} are allowed"
                )
            if side is not None:
                shorter = min(width, height)
                image.draft(mode, (-(-width * side // shorter), -(-height * side // shorter)))
            image.load()
            return upright(image, mode)
    except PIL.UnidentifiedImageError:
        raise InputError(f"{name}: not a photograph that can be read ({KNOWN})") from None
    except PIL.Image.DecompressionBombError:
        raise InputError(f"{name}: more than {MOST_PIXELS:,} pixels") from None
    # What Pillow raises on damaged files.
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, OverflowError) as error:
        raise InputError(f"{name}: damaged: {' '.join(str(error).split())}") from None


def upright(image: PIL.Image.Image, mode: str = "RGB") -> PIL.Image.Image:
    """Return an opened photograph upright, in RGB or as luminance, with 8 bits a channel."""
    turned = PIL.ImageOps.exif_transpose(image)
    return turned if turned.mode == mode else _flat(turned).convert(mode)


def _heic(name: str) -> str:
    try:
        import pillow_heif
    except ImportError:
        raise InputError(f"{name}: a HEIC file needs `pip install pillow-heif`") from None
    pillow_heif.register_heif_opener()
    return "HEIF"


def _flat(image: PIL.Image.Image) -> PIL.Image.Image:
    """Return an image of any mode as RGB, its transparent parts gray."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        image = PIL.Image.fromarray(_to_bytes(values, image.mode))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        behind = PIL.Image.new("RGBA", image.size, (*BACKGROUND, 255))
        image = PIL.Image.alpha_composite(behind, image)
    return image.convert("RGB")


def _to_bytes(values: NDArray[np.float64], mode: str) -> NDArray[np.uint8]:
    """Return gray values of 16 bits, or of floating point up to 1, 255 or 65,535, in 8 bits."""
    highest = values.max(initial=0)
    scale = 1 / 257
    if mode == "F" and highest <= 255:
        scale = 255 if highest <= 1 else 1
    return (values * scale).round().clip(0, 255).astype(np.uint8)
