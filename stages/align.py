"""A network that aligns faces, and each image's transform: data/images.tar -> data/alignment."""

import time
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from numpy.typing import NDArray

from siamese import atomic, machine, parameters
from siamese.alignment import learning, network, transforms
from siamese.checkpoint import UNFINISHED, Checkpoint
from siamese.dataset import examples, images, tables
from siamese.dataset.archive import read_packed
from siamese.dataset.people import first_of_each
from siamese.errors import run

PARAMS = Path("params.yaml")
ARCHIVE = Path("data/images.tar")
INDEX = Path("data/images.csv")
PAIRS = Path("data/pairs")
TEST_PEOPLE = Path("data/protocol/peopleDevTest.txt")
FOLDER = Path("data/alignment")
TRANSFORMS = FOLDER / "transforms.csv"
NETWORK = FOLDER / "network.safetensors"
DETAILS = FOLDER / "training.json"
MEAN = FOLDER / "mean.png"


def main() -> None:
    """Train on the training people's images; align all images, if the recipe wants them aligned."""
    params = parameters.read(PARAMS)
    if not params.recipe_settings.image.align:
        tables.write_transforms([], np.empty((0, 4)), np.empty(0, dtype=bool), TRANSFORMS)
        print(f"recipe {params.recipe} takes the images as they are")
        return
    machine.prepare()
    device = machine.pick_device(params.deterministic)
    faces = list(tables.read_index(INDEX))
    learned = examples.read_images(PAIRS, TEST_PEOPLE, params.recipe_settings.objective)
    rows = first_of_each(learned, params.alignment.images_per_person, learning.IMAGES, params.seed)
    decoded = images.read_mapped(read_packed(ARCHIVE), faces, network.INPUT, UNFINISHED)
    gray = torch.from_numpy(decoded)

    settings = [params.in_use(), machine.describe(device)]
    checkpoint = Checkpoint(UNFINISHED, settings, [ARCHIVE, INDEX, *sorted(PAIRS.iterdir())])
    start = time.perf_counter()
    trained = learning.fit(gray[rows].to(device), params.alignment, params.seed, checkpoint)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    aligned = trained.align(gray)
    each = (time.perf_counter() - start) / len(gray)
    validation = tables.read_images_of_pairs(PAIRS / "val.csv").rows
    errors = learning.errors(trained, gray[validation], params.seed)
    parameters.refuse_edited(params, parameters.read(PARAMS), PARAMS)

    network.save(trained, NETWORK)
    found, clamped = aligned.transforms, aligned.clamped.numpy()
    tables.write_transforms(faces, found.numpy(), clamped, TRANSFORMS)
    details = {
        "dataset": params.dataset,
        "images": len(rows),
        "people": len(set(learned.people)),
        "error_before": errors["before"],
        "error_after": errors["after"],
        "clamped": int(clamped.sum()),
        "seconds": round(seconds, 2),
        "milliseconds_per_image": round(1000 * each, 3),
        **machine.describe(device),
    }
    atomic.write_json(DETAILS, details)
    means = [mean_image(gray, torch.zeros_like(found)), mean_image(gray, found)]
    with atomic.writing(MEAN) as partial:
        PIL.Image.fromarray(np.concatenate(means, axis=1)).save(partial, "PNG")
    checkpoint.remove()
    print(describe(errors, int(clamped.sum()), len(faces)))


def mean_image(gray: torch.Tensor, found: torch.Tensor) -> NDArray[np.uint8]:
    """Return the mean of images (n, side, side), each transformed: how alike their framing is."""
    total = torch.zeros(gray.shape[1:])
    for some, each in zip(gray.split(network.BATCH), found.split(network.BATCH), strict=True):
        seen = transforms.view(some[:, None].float(), each, 1.0, gray.shape[-1])
        total += seen.sum(dim=(0, 1))
    return (total / len(gray)).round().to(torch.uint8).numpy()


def describe(errors: learning.Errors, clamped: int, images: int) -> str:
    """Return the alignment's error on validation images, and how many estimates were clamped."""
    before, after = (
        f"{each['angle_degrees']:.1f}°, scale {each['scale_percent']:.1f} %, "
        f"shift {each['shift_percent']:.1f} %"
        for each in (errors["before"], errors["after"])
    )
    return (
        f"displaced validation images: angle {before}; aligned: angle {after}\n"
        f"{clamped:,} of {images:,} images need more than the range learned and are clamped "
        f"({TRANSFORMS})"
    )


if __name__ == "__main__":
    run(main)
