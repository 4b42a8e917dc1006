"""All images as one array: data/images.tar -> data/faces.npy, data/faces.csv."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from siamese import atomic, parameters
from siamese.archive import read_images
from siamese.errors import run
from siamese.images import decode_all, stack

ARCHIVE = Path("data/images.tar")
FACES = Path("data/faces.npy")
INDEX = Path("data/faces.csv")


def main() -> None:
    """Decode, crop and resize every image; one row of the array and of the index for each."""
    image = parameters.load(Path("params.yaml")).recipe_settings.image
    images = tqdm(read_images(ARCHIVE), unit=" images", desc="faces", leave=False)
    names, faces = stack(decode_all(images, image.crop, image.size, image.grayscale), ARCHIVE)
    with atomic.writing(FACES) as partial, partial.open("wb") as file:
        np.save(file, faces)
    atomic.write_csv(
        INDEX,
        ("row", "person", "number"),
        ((row, person, number) for row, (person, number) in enumerate(names)),
    )
    print(f"{len(names):,} images of {len({face.person for face in names}):,} people")


if __name__ == "__main__":
    run(main)
