"""All images as one array: data/images.tar -> data/faces.npy, data/faces.csv."""

from pathlib import Path

import numpy as np
from tqdm import tqdm

from siamese import atomic, parameters
from siamese.archive import read_images
from siamese.errors import InputError, run
from siamese.images import decode_all

ARCHIVE = Path("data/images.tar")
FACES = Path("data/faces.npy")
INDEX = Path("data/faces.csv")


def main() -> None:
    """Decode, crop and resize every image; one row of the array and of the index for each."""
    image = parameters.load(Path("params.yaml")).recipe_settings.image
    images = tqdm(read_images(ARCHIVE), unit=" images", desc="faces", leave=False)
    decoded = list(decode_all(images, image.crop, image.size, image.grayscale))
    if not decoded:
        raise InputError(f"{ARCHIVE}: holds no image")
    names, faces = zip(*decoded, strict=True)
    with atomic.writing(FACES) as partial, partial.open("wb") as file:
        np.save(file, np.stack(faces))
    index = (Path(name).stem.rsplit("_", 1) for name in names)
    atomic.write_csv(
        INDEX,
        ("row", "person", "number"),
        ((row, person, int(number)) for row, (person, number) in enumerate(index)),
    )
    print(f"{len(names):,} images of {len({Path(name).parent for name in names}):,} people")


if __name__ == "__main__":
    run(main)
