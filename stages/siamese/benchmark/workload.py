"""What is timed: drawn faces as JPEG files, as an archive, and pairs of them."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from siamese.dataset import archive
from siamese.dataset.protocol import Face
from siamese.lfw import drawn_faces
from siamese.parameters import IMAGE_SIDE, Image

SIZE = 105  # of the Koch network's input, in pixels
BATCH_SIZE = 32  # pairs
Rows = list[list[int]]


def settings(size: int) -> Image:
    """Return whole gray images of a size."""
    return Image(crop=IMAGE_SIDE, size=size, grayscale=True)


@dataclass(frozen=True)
class Workload:
    """Images and pairs of them.

    Attributes:
        folder: with a folder for each person, for ImageFolder.
        tar: the same images as the stage `download` leaves them.
        faces: whom each image shows, in the archive's order.
        training: rows of both images of each training pair.
        training_labels: 1 for different persons.
        test: rows of both images of each test pair.
        size: side of the network's input, in pixels.
        batch_size: pairs in a batch.
    """

    folder: Path
    tar: Path
    faces: list[Face]
    training: Rows
    training_labels: list[int]
    test: Rows
    size: int = SIZE
    batch_size: int = BATCH_SIZE

    @property
    def files(self) -> list[Path]:
        """Return the JPEG file of each image."""
        return [self.folder / face.file for face in self.faces]

    def file_pairs(self, rows: Rows) -> list[tuple[Path, Path]]:
        """Return the files of pairs."""
        files = self.files
        return [(files[first], files[second]) for first, second in rows]

    @classmethod
    def write(cls, root: Path, training: int, test: int) -> None:
        """Write drawn faces and as many pairs into a folder, drawn with a fixed seed."""
        images = drawn_faces.make().images
        for name, jpeg in images.items():
            path = root / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg)
        archive.pack(images, root / "images.tar")
        random = np.random.default_rng(0)
        values = {
            "training": random.integers(len(images), size=(training, 2)).tolist(),
            "labels": random.integers(2, size=training).tolist(),
            "test": random.integers(len(images), size=(test, 2)).tolist(),
        }
        (root / "pairs.json").write_text(json.dumps(values), encoding="utf-8")

    @classmethod
    def load(cls, root: Path) -> "Workload":
        """Return what `write` left in a folder."""
        values = json.loads((root / "pairs.json").read_text(encoding="utf-8"))
        folder, tar = root / "images", root / "images.tar"
        names = [name for name, _ in archive.read_images(tar)]
        faces = [Face.of(name) for name in names]
        return cls(folder, tar, faces, values["training"], values["labels"], values["test"])
