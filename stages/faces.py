"""All images as one array: data/images.tar -> data/faces.npy, data/faces.csv."""

from pathlib import Path

from siamese import parameters
from siamese.dataset import images
from siamese.errors import run
from siamese.lfw.archive import read_images

PARAMS = Path("params.yaml")
ARCHIVE = Path("data/images.tar")
FACES = Path("data/faces.npy")
INDEX = Path("data/faces.csv")


def main() -> None:
    """Decode, crop and resize every image; one row of the array and of the index for each."""
    settings = parameters.read(PARAMS).recipe_settings.image
    faces = images.write(read_images(ARCHIVE), settings, FACES, INDEX)
    print(f"{len(faces):,} images of {len({face.person for face in faces}):,} people")


if __name__ == "__main__":
    run(main)
