"""The workspace's network on other photographs of the same pairs, such as LFW's original images.

As they are, aligned, and by the whole path that a photograph takes: the face is looked for as well.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from siamese import atomic, machine, parameters, progress
from siamese.alignment import network
from siamese.dataset import images, tables
from siamese.dataset.archive import read_images
from siamese.dataset.pairs import PairRows
from siamese.dataset.protocol import Face
from siamese.errors import InputError
from siamese.evaluation.verification import Labels, figures
from siamese.networks import model_file
from siamese.networks.model_file import Model
from siamese.networks.scoring import score_pairs
from siamese.photos import detection, loading
from siamese.photos.verifier import Portrait, Verifier

PARAMS = Path("params.yaml")
TEST = Path("data/pairs/test.csv")
MODEL = Path("data/model.safetensors")
EVALUATION = Path("data/evaluation.json")
KEPT = Path("metrics/unaligned.json")
Row = dict[str, Any]


def measure(archive: Path) -> Row:
    """Return accuracy and AUC of the test pairs, of the run's own images and of an archive's.

    The threshold is the network's own, from the validation pairs of the images that it was trained
    on.

    Args:
        archive: .tar or .tgz with the images of the test pairs as NAME/NAME_0001.jpg.

    Raises:
        InputError: nothing has been trained, or the archive lacks an image.
    """
    for path in (MODEL, TEST, EVALUATION):
        if not path.exists():
            raise InputError(f"{path} is missing; `dvc repro` makes it")
    model = model_file.load_all(MODEL)
    settings = model.settings
    names = tables.read_names(TEST)
    wanted = {Face.of(name).file for pair in names for name in pair}
    found = {name: jpeg for name, jpeg in read_images(archive) if name in wanted}
    if missing := sorted(wanted - found.keys()):
        raise InputError(
            f"{archive}: lacks {len(missing):,} images of {TEST}, such as {missing[0]}"
        )
    faces = [Face.of(name) for name in sorted(found)]
    rows = {face: row for row, face in enumerate(faces)}
    pairs = PairRows(
        rows=np.array([[rows[Face.of(name)] for name in pair] for pair in names], dtype=np.int64),
        labels=tables.read_pairs(TEST).labels,
    )

    def evaluate(transforms: np.ndarray | None) -> dict[str, float]:
        array = images.read(sorted(found.items()), faces, settings.image, transforms)
        scores = score_pairs(model.network, torch.from_numpy(array), pairs.rows)
        return _short(figures(scores, pairs.labels, settings.threshold))

    own = json.loads(EVALUATION.read_text(encoding="utf-8"))
    row = {"dataset": own["dataset"], "own": _short(own["test"]), "as_they_are": evaluate(None)}
    if "outside_data" in settings.trained:
        row["outside_data"] = settings.trained["outside_data"]
    if model.aligner is not None:
        gray = torch.from_numpy(images.read(sorted(found.items()), faces, network.INPUT))
        row["aligned"] = evaluate(model.aligner.align(gray).transforms.numpy())
    row["photographs"] = _by_the_whole_path(model, found, names, pairs.labels)
    return row


def _by_the_whole_path(
    model: Model, found: dict[str, bytes], names: list[tuple[str, str]], labels: Labels
) -> dict[str, Any]:
    """Return the figures of photographs in which the largest face is looked for.

    A pair counts as wrong where no face is found; the other figures are of the other pairs.
    """
    asking = Verifier(model)
    portraits: dict[str, Portrait] = {}
    for name, jpeg in progress.bar(found.items(), title="photographs", unit=" photographs"):
        photo = loading.decode(jpeg, name)
        if seen := detection.find(photo):
            portraits[name] = asking.embed(name, photo, seen[0])
    files = [(Face.of(first).file, Face.of(second).file) for first, second in names]
    known = np.array([first in portraits and second in portraits for first, second in files])
    both = (pair for pair, is_known in zip(files, known, strict=True) if is_known)
    scores = np.array([asking.score(portraits[a], portraits[b]) for a, b in both])
    values = figures(scores, labels[known], model.settings.threshold)
    values["accuracy_at_threshold"] *= known.mean()
    counts = {"photographs": len(found), "without_face": len(found) - len(portraits)}
    return {**_short(values), **counts}


def _short(values: dict[str, Any]) -> dict[str, float]:
    names = ("accuracy_at_threshold", "auc", "loss", "brier_score")
    return {name: round(values[name], 4) for name in names}


def update(archive: Path) -> Row:
    """Measure, and keep the figures by recipe and seed; return them."""
    machine.prepare()
    params = parameters.read(PARAMS)
    row = measure(archive)
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    kept.setdefault(params.recipe, {})[str(params.seed)] = row
    kept[params.recipe] = dict(sorted(kept[params.recipe].items()))
    atomic.write_json(KEPT, kept)
    return row
