"""A photograph from a file or from standard input."""

import sys
from pathlib import Path

import PIL.Image

from siamese.dataset.photograph import MOST_BYTES, decode, upright
from siamese.errors import InputError

__all__ = ["MOST_BYTES", "STANDARD_INPUT", "decode", "load", "read", "upright"]

STANDARD_INPUT = "-"


def load(source: str | Path) -> PIL.Image.Image:
    """Return the photograph in a file, in RGB; see `siamese.dataset.photograph.decode`.

    Args:
        source: path of the file; "-" for standard input.

    Raises:
        InputError: it cannot be read, is no photograph, or is too large.
    """
    name = "standard input" if str(source) == STANDARD_INPUT else str(source)
    return decode(read(source), name)


def read(source: str | Path) -> bytes:
    """Return the content of a file, or of standard input; see `load`."""
    if str(source) == STANDARD_INPUT:
        return sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with Path(source).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{source}: {error.strerror or error}") from None
