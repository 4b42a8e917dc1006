"""What each stream of an ensemble contributes: each alone, and all but each.

The calibration is fitted again for every selection of streams; the streams themselves stay as they
were trained.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from siamese import atomic, machine, parameters
from siamese.dataset import tables
from siamese.dataset.images import map_array
from siamese.errors import InputError
from siamese.evaluation.verification import (
    accuracy,
    best_threshold,
    cross_entropy,
    roc,
    wilson_interval,
)
from siamese.networks import calibration, model_file
from siamese.networks.ensemble import Ensemble
from siamese.networks.scoring import embed_pairs

PARAMS = Path("params.yaml")
FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs")
MODEL = Path("data/model.safetensors")
KEPT = Path("metrics/ablation.json")
Row = dict[str, Any]


def selections(names: Sequence[str], learned: int) -> dict[str, list[int]]:
    """Return which streams to use, by what the selection is called.

    Args:
        names: of the streams, the learned ones first.
        learned: number of learned streams.
    """
    every = list(range(len(names)))
    chosen = {"all streams": every}
    chosen |= {f"{name} alone": [index] for index, name in enumerate(names)}
    chosen |= {
        f"all but {name}": [i for i in every if i != index] for index, name in enumerate(names)
    }
    chosen["learned streams alone"] = every[:learned]
    chosen["closed-form streams alone"] = every[learned:]
    # With a single learned stream, say, some are the same selection under two names.
    unique: dict[tuple[int, ...], str] = {}
    for name, indices in chosen.items():
        unique.setdefault(tuple(indices), name)
    return {name: list(indices) for indices, name in unique.items() if indices}


def measure() -> list[Row]:
    """Return the figures of every selection of the workspace's streams.

    Accuracy is that of the test pairs at the threshold from the validation pairs, on which the
    calibration is fitted too.

    Raises:
        InputError: there is no trained ensemble, or no pairs.
    """
    for path in (MODEL, FACES, PAIRS / "val.csv", PAIRS / "test.csv"):
        if not path.exists():
            raise InputError(f"{path} is missing; `dvc repro` makes it")
    network, _ = model_file.load(MODEL)
    if not isinstance(network, Ensemble):
        raise InputError(f"{MODEL}: the network has no streams; choose a recipe that has")
    images = torch.from_numpy(map_array(FACES))
    similarities, labels = {}, {}
    for split in ("val", "test"):
        pairs = tables.read_pairs(PAIRS / f"{split}.csv")
        embeddings, positions = embed_pairs(network, images, pairs.rows)
        similarities[split] = network.similarities(*embeddings[positions.T].unbind())
        labels[split] = pairs.labels
    rows = []
    for name, indices in selections(network.names, len(network.learned)).items():
        slopes, intercept = calibration.fit(similarities["val"][:, indices], labels["val"])
        scores = {
            split: (values[:, indices].double() @ slopes + intercept).numpy()
            for split, values in similarities.items()
        }
        threshold = best_threshold(scores["val"], labels["val"])
        share = accuracy(scores["test"], labels["test"], threshold)
        low, high = wilson_interval(share, len(labels["test"]))
        rows.append(
            {
                "streams": name,
                "validation_loss": round(cross_entropy(scores["val"], labels["val"]), 4),
                "test_accuracy": round(share, 4),
                "test_accuracy_low": round(low, 4),
                "test_accuracy_high": round(high, 4),
                "test_auc": round(roc(scores["test"], labels["test"]).area, 4),
            }
        )
    return rows


def update() -> list[Row]:
    """Measure the workspace's ensemble, and keep its figures by recipe; return them."""
    machine.prepare()
    params = parameters.read(PARAMS)
    rows = measure()
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    kept[params.recipe] = {"dataset": params.dataset, "seed": params.seed, "rows": rows}
    atomic.write_json(KEPT, kept)
    return rows
