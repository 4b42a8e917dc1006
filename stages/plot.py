"""What the run looks like: plots/*.csv, data/predictions -> plots/*.png."""

import csv
import json
from pathlib import Path

import numpy as np

from siamese import figures, pairs, parameters
from siamese.errors import run
from siamese.protocol import DIFFERENT, SAME
from siamese.verification import EVEN_ODDS, probability

FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs/test.csv")
PREDICTIONS = Path("data/predictions/test.csv")
METRICS = Path("metrics/evaluation.json")
PLOTS = Path("plots")
PAIRS_IN_A_ROW = 5


def judged_pairs() -> dict[str, list[figures.JudgedPair]]:
    """Return the most confident right and wrong test pairs of each class."""
    faces = np.load(FACES, mmap_mode="r")
    rows = pairs.read_csv(PAIRS).rows
    with PREDICTIONS.open(encoding="utf-8", newline="") as file:
        predictions = list(csv.DictReader(file))
    scores = np.array([float(row["score"]) for row in predictions])
    labels = np.array([int(row["label"]) for row in predictions])
    probabilities = probability(scores)
    groups = {}
    for label, name in ((SAME, "same person"), (DIFFERENT, "different persons")):
        for right in (True, False):
            judged_different = (label == DIFFERENT) == right
            members = np.flatnonzero(
                (labels == label) & ((scores >= EVEN_ODDS) == judged_different)
            )
            order = members[np.argsort(-np.abs(scores[members]), kind="stable")]
            groups[f"{name}, judged {'right' if right else 'wrong'}"] = [
                figures.JudgedPair(
                    faces=(faces[rows[i, 0]], faces[rows[i, 1]]),
                    names=(predictions[i]["first"], predictions[i]["second"]),
                    probability=float(probabilities[i]),
                )
                for i in order[:PAIRS_IN_A_ROW]
            ]
    return groups


def main() -> None:
    """Draw training curves, ROC, score histogram and a gallery of confident judgements."""
    params = parameters.load(Path("params.yaml"))
    evaluation = json.loads(METRICS.read_text(encoding="utf-8"))
    run_name = f"{params.dataset}, recipe {params.recipe}, scheduler {params.scheduler}"
    figures.training_curves(
        {"": figures.read_columns(PLOTS / "training.csv")}, PLOTS / "training.png", run_name
    )
    figures.roc_curves(
        {"": (figures.read_columns(PLOTS / "roc.csv"), evaluation["test"]["auc"])},
        PLOTS / "roc.png",
        f"{run_name}: test pairs",
    )
    figures.reliability_curve(
        figures.read_columns(PLOTS / "reliability.csv"),
        PLOTS / "reliability.png",
        f"{run_name}: test pairs",
    )
    figures.score_histogram(
        figures.read_columns(PLOTS / "scores.csv"),
        evaluation["threshold"],
        PLOTS / "scores.png",
        f"{run_name}: test pairs",
    )
    figures.gallery(
        judged_pairs(),
        PLOTS / "gallery.png",
        f"{run_name}: most confident test pairs (p: probability of different persons)",
    )


if __name__ == "__main__":
    run(main)
