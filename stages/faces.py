"""All images as one array, aligned or not: data/images.tar -> data/faces.npy."""

from pathlib import Path

from siamese import parameters
from siamese.dataset import images, tables
from siamese.dataset.archive import read_packed
from siamese.errors import run

PARAMS = Path("params.yaml")
ARCHIVE = Path("data/images.tar")
INDEX = Path("data/images.csv")
TRANSFORMS = Path("data/alignment/transforms.csv")
FACES = Path("data/faces.npy")


def main() -> None:
    """Decode, align, crop and resize every image; one row of the array for each."""
    settings = parameters.read(PARAMS).recipe_settings.image
    faces = list(tables.read_index(INDEX))
    transforms = tables.read_transforms(TRANSFORMS) if settings.align else None
    images.write(read_packed(ARCHIVE), faces, settings, FACES, transforms)
    print(f"{len(faces):,} images of {len({face.person for face in faces}):,} people")


if __name__ == "__main__":
    run(main)
