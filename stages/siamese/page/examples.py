"""Drawn faces to try the page with: two photographs of one person, one of another, a gallery."""

from pathlib import Path
from typing import NamedTuple

from siamese.lfw import drawn_faces

# One face is found in each, and networks trained on drawn and on real faces tell them apart.
FIRST, SAME, DIFFERENT = "Felix_Pixel_0002", "Felix_Pixel_0003", "Hugo_Drawn_0002"
KNOWN = ("Felix_Invented_0001", "Felix_Pixel_0001", "Hugo_Drawn_0001")


class Examples(NamedTuple):
    """Files of drawn faces.

    Attributes:
        first: a photograph of a person.
        same: another one of that person.
        different: one of another person.
        gallery: folder with a folder for each person; of the first person's a third photograph.
    """

    first: str
    same: str
    different: str
    gallery: str


def draw(folder: Path, dataset: drawn_faces.Dataset | None = None) -> Examples:
    """Write drawn faces into a folder.

    Args:
        folder: to write into.
        dataset: of seed 0; if it is not given, it is drawn, which takes some seconds.
    """
    images = (dataset or drawn_faces.make()).images
    paths = []
    for name in (FIRST, SAME, DIFFERENT):
        path = folder / f"{name}.jpg"
        path.write_bytes(images[_file(name)])
        paths.append(str(path))
    for name in KNOWN:
        path = folder / "gallery" / _file(name)
        path.parent.mkdir(parents=True)
        path.write_bytes(images[_file(name)])
    return Examples(paths[0], paths[1], paths[2], str(folder / "gallery"))


def _file(name: str) -> str:
    return f"{name.rsplit('_', 1)[0]}/{name}.jpg"
