"""All images as View 2's folds take them: data/images.tar -> data/view2-faces.npy."""

import dataclasses
from pathlib import Path

from siamese import parameters
from siamese.dataset import images, tables
from siamese.dataset.archive import read_packed
from siamese.errors import run
from siamese.parameters import IMAGE_SIDE

PARAMS = Path("params.yaml")
ARCHIVE = Path("data/images.tar")
INDEX = Path("data/images.csv")
FACES = Path("data/view2-faces.npy")


def main() -> None:
    """Decode every image once for all folds: cropped and resized, or whole, to be aligned."""
    settings = parameters.read(PARAMS).for_view2().recipe_settings.image
    if settings.align:  # by a network of the fold's own
        settings = dataclasses.replace(settings, crop=IMAGE_SIDE, size=IMAGE_SIDE)
    faces = list(tables.read_index(INDEX))
    images.write(read_packed(ARCHIVE), faces, settings, FACES)
    print(f"{len(faces):,} images of {len({face.person for face in faces}):,} people")


if __name__ == "__main__":
    run(main)
