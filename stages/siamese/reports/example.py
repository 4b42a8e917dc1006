"""Pictures of drawn faces for README and docs: decisions on pairs, and faces that are aligned."""

import json
from pathlib import Path

import numpy as np
import torch

from siamese import parameters
from siamese.alignment import network, transforms
from siamese.dataset import images, tables
from siamese.dataset.archive import read_packed
from siamese.dataset.protocol import DIFFERENT, SAME
from siamese.drawing import gallery
from siamese.errors import InputError
from siamese.evaluation.verification import probability
from siamese.parameters import IMAGE_SIDE, Image
from siamese.reports import stored

PARAMS = Path("params.yaml")
FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs/test.csv")
EVALUATION = Path("data/evaluation.json")
PICTURE = Path("docs/example.png")
COLUMNS, ROWS = 4, 2
ARCHIVE, INDEX = Path("data/images.tar"), Path("data/images.csv")
ALIGNMENT = Path("data/alignment/network.safetensors")
ALIGNED_PICTURE = Path("docs/alignment.png")
SHOWN, DISPLACED_SEED = 7, 1
FRAME = Image(crop=170, size=120, grayscale=False)  # what the picture shows of an image


def draw() -> list[Path]:
    """Draw what the workspace's run shows; return which pictures that are.

    Raises:
        InputError: the run is not on drawn faces: others' photographs are not for publication.
    """
    params = parameters.read(PARAMS)
    dataset = params.dataset
    if dataset != "synthetic":
        raise InputError(
            f"params.yaml: dataset is {dataset!r}; the picture shows drawn faces: "
            "`dvc exp run -S dataset=synthetic` first"
        )
    if params.recipe_settings.image.align:
        draw_alignment()
        return [ALIGNED_PICTURE]
    draw_decisions()
    return [PICTURE]


def draw_decisions() -> None:
    """Draw test pairs, from a low to a high score within each class."""
    predictions = stored.read_predictions("test", None)
    pairs, names = tables.read_pairs(PAIRS), tables.read_names(PAIRS)
    scores = np.array([predictions[each][1] for each in names])
    probabilities = probability(scores)
    faces = np.load(FACES, mmap_mode="r")
    chosen = []
    for label in (SAME, DIFFERENT):
        members = np.flatnonzero(pairs.labels == label)
        order = members[np.argsort(scores[members], kind="stable")]
        # The medians of equal parts, so that errors are shown as often as they occur.
        parts = np.array_split(order, COLUMNS * ROWS // 2)
        chosen += [(int(part[len(part) // 2]), label == DIFFERENT) for part in parts]
    threshold = json.loads(EVALUATION.read_text(encoding="utf-8"))["threshold"]
    drawn = []
    for index, different in chosen:
        first, second = pairs.rows[index]
        pair = gallery.ScoredPair(
            images=(faces[first], faces[second]),
            names=names[index],
            probability=float(probabilities[index]),
        )
        drawn.append((pair, different))
    gallery.decisions(drawn, PICTURE, COLUMNS, threshold)


def draw_alignment() -> None:
    """Draw test people's faces, displaced at random and aligned; in each row the mean of all."""
    index = tables.read_index(INDEX)
    people = sorted(tables.read_people(PAIRS))
    rows = [row for face, row in index.items() if face.person in people]
    stored_images = read_packed(ARCHIVE)
    whole = images.read(stored_images, list(index), Image(IMAGE_SIDE, IMAGE_SIDE, False))[rows]
    aligner = network.load(ALIGNMENT)
    generator = torch.Generator().manual_seed(DISPLACED_SEED)
    drawn = torch.rand(len(rows), transforms.SIZE, generator=generator) * 2 - 1
    displaced = drawn * aligner.limits * 0.7
    gray = torch.from_numpy(images.reframe(whole, network.INPUT))
    aligned = aligner.align(gray, displaced).transforms
    chosen = np.linspace(0, len(rows) - 1, SHOWN).astype(int)
    lines = {}
    for name, each in (("displaced\nat random", displaced), ("aligned", aligned)):
        framed = images.reframe(whole, FRAME, each.numpy())
        mean = framed.mean(axis=0).round().astype(np.uint8)
        lines[name] = [*framed[chosen], mean]
    gallery.rows(lines, ALIGNED_PICTURE)
