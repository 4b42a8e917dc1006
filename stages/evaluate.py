"""How well the network verifies: data/model.safetensors -> metrics/evaluation.json and curves."""

from pathlib import Path

import numpy as np
import torch

from siamese import allocation, atomic, devices, model, pairs, parameters, verification
from siamese.errors import run
from siamese.scoring import score_pairs

FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs")
MODEL = Path("data/model.safetensors")
PREDICTIONS = Path("data/predictions")
METRICS = Path("metrics/evaluation.json")
PLOTS = Path("plots")
# The training pairs too: how far their figures lie above the others' is how far it overfits.
SPLITS = ("train", "val", "test")


def main() -> None:
    """Score the pairs of each split; the threshold is chosen on validation alone."""
    allocation.keep_freed_memory()
    params = parameters.load(Path("params.yaml"))
    device = devices.pick_device(params.deterministic)
    network, _ = model.load(MODEL)
    network.to(device)
    faces = torch.from_numpy(np.load(FACES)).to(device)

    tables = {name: pairs.read_csv(PAIRS / f"{name}.csv") for name in SPLITS}
    labels = {name: table.labels for name, table in tables.items()}
    # All at once, so that an image that two splits use is embedded once.
    together = score_pairs(network, faces, np.concatenate([t.rows for t in tables.values()]))
    ends = np.cumsum([len(t.labels) for t in tables.values()])
    scores = dict(zip(SPLITS, np.split(together, ends[:-1]), strict=True))
    for name in SPLITS:
        atomic.write_csv(
            PREDICTIONS / f"{name}.csv",
            ("first", "second", "label", "score"),
            (
                (*names, label, f"{score:.9g}")
                for names, label, score in zip(
                    pairs.read_names(PAIRS / f"{name}.csv"), labels[name], scores[name], strict=True
                )
            ),
        )

    threshold = verification.best_threshold(scores["val"], labels["val"])
    figures = {name: verification.figures(scores[name], labels[name], threshold) for name in SPLITS}
    test = figures["test"]
    [probability] = verification.probability(np.array([threshold]))
    summary = {"dataset": params.dataset, "threshold": float(probability), **figures}
    atomic.write_json(METRICS, summary)

    curve = verification.roc(scores["test"], labels["test"])
    atomic.write_csv(
        PLOTS / "roc.csv",
        ("threshold", "far", "tar"),
        zip(verification.probability(curve.thresholds), curve.far, curve.tar, strict=True),
    )
    classes = np.array(["same", "different"])
    judged = (scores["test"] >= verification.EVEN_ODDS).astype(int)
    atomic.write_csv(
        PLOTS / "confusion.csv",
        ("actual", "predicted"),
        zip(classes[labels["test"]], classes[judged], strict=True),
    )
    atomic.write_csv(
        PLOTS / "scores.csv",
        ("probability", "same", "different"),
        verification.histogram(scores["test"], labels["test"]),
    )
    print(
        f"test accuracy {test['accuracy']:.1%} "
        f"({test['accuracy_low']:.1%} to {test['accuracy_high']:.1%}), "
        f"AUC {test['auc']:.3f}, equal error rate {test['equal_error_rate']:.1%}"
    )


if __name__ == "__main__":
    run(main)
