"""Small folders of people's photographs, for tests."""

import io
from pathlib import Path

import numpy as np
import PIL.Image


def photograph(number: int, kind: str = "PNG", side: int = 20) -> bytes:
    """Return an image file; no two numbers give the same one."""
    pixels = np.random.default_rng(number).integers(0, 256, (side, side, 3)).astype(np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder; return it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    folder.mkdir(exist_ok=True)
    return folder


def people(count: int, images: int = 2) -> dict[str, bytes]:
    """Return the files of people with so many images each."""
    return {
        f"Person {person:02d}/{image}.png": photograph(100 * person + image)
        for person in range(count)
        for image in range(images)
    }
