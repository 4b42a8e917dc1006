"""All images as View 2's recipe takes them: data/images.tar -> data/view2-faces.npy, .csv."""

from pathlib import Path

from siamese import parameters
from siamese.dataset import images
from siamese.errors import run
from siamese.lfw.archive import read_images

PARAMS = Path("params.yaml")
ARCHIVE = Path("data/images.tar")
FACES = Path("data/view2-faces.npy")
INDEX = Path("data/view2-faces.csv")


def main() -> None:
    """Decode, crop and resize every image once, for all ten folds."""
    settings = parameters.read(PARAMS).for_view2().recipe_settings.image
    faces = images.write(read_images(ARCHIVE), settings, FACES, INDEX)
    print(f"{len(faces):,} images of {len({face.person for face in faces}):,} people")


if __name__ == "__main__":
    run(main)
