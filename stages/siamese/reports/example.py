"""README's picture: what the network decides on pairs of drawn faces."""

import json
from pathlib import Path

import numpy as np

from siamese import parameters
from siamese.dataset import tables
from siamese.dataset.protocol import DIFFERENT, SAME
from siamese.drawing import gallery
from siamese.errors import InputError
from siamese.evaluation.verification import probability
from siamese.reports import stored

PARAMS = Path("params.yaml")
FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs/test.csv")
EVALUATION = Path("data/evaluation.json")
PICTURE = Path("docs/example.png")
COLUMNS, ROWS = 4, 2


def draw() -> None:
    """Draw test pairs of the workspace's run, from a low to a high score within each class.

    Raises:
        InputError: the run is not on drawn faces: others' photographs are not for publication.
    """
    dataset = parameters.read(PARAMS).dataset
    if dataset != "synthetic":
        raise InputError(
            f"params.yaml: dataset is {dataset!r}; the picture shows drawn faces: "
            "`dvc exp run -S dataset=synthetic` first"
        )
    predictions = stored.read_predictions("test", None)
    pairs, names = tables.read_pairs(PAIRS), tables.read_names(PAIRS)
    scores = np.array([predictions[each][1] for each in names])
    probabilities = probability(scores)
    images = np.load(FACES, mmap_mode="r")
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
            images=(images[first], images[second]),
            names=names[index],
            probability=float(probabilities[index]),
        )
        drawn.append((pair, different))
    gallery.decisions(drawn, PICTURE, COLUMNS, threshold)
