"""What the run looks like: plots/*.csv, data/predictions -> plots/*.png."""

import csv
import json
from pathlib import Path

import numpy as np

from siamese import branch, parameters
from siamese.dataset import tables
from siamese.dataset.protocol import DIFFERENT, SAME
from siamese.drawing import curves, gallery
from siamese.errors import run
from siamese.evaluation.verification import is_correct, probability

PARAMS = Path("params.yaml")
FACES = Path("data/faces.npy")
PAIRS = Path("data/pairs/test.csv")
PREDICTIONS = Path("data/predictions/test.csv")
EVALUATION = Path("data/evaluation.json")
PLOTS = Path("plots")
PAIRS_IN_A_ROW = 5


def most_confident() -> dict[str, list[gallery.ScoredPair]]:
    """Return the most confident correct and wrong test pairs of each class."""
    faces = np.load(FACES, mmap_mode="r")
    rows = tables.read_pairs(PAIRS).rows
    with PREDICTIONS.open(encoding="utf-8", newline="") as file:
        predictions = list(csv.DictReader(file))
    scores = np.array([float(row["score"]) for row in predictions])
    labels = np.array([int(row["label"]) for row in predictions])
    correct, probabilities = is_correct(scores, labels), probability(scores)
    groups = {}
    for label, name in ((SAME, "same person"), (DIFFERENT, "different persons")):
        for wanted in (True, False):
            members = np.flatnonzero((labels == label) & (correct == wanted))
            order = members[np.argsort(-np.abs(scores[members]), kind="stable")]
            groups[f"{name}, {'correct' if wanted else 'wrong'}"] = [
                gallery.ScoredPair(
                    images=(faces[rows[i, 0]], faces[rows[i, 1]]),
                    names=(predictions[i]["first"], predictions[i]["second"]),
                    probability=float(probabilities[i]),
                )
                for i in order[:PAIRS_IN_A_ROW]
            ]
    return groups


def main() -> None:
    """Draw training curves, ROC, score histogram and a gallery of confident decisions."""
    params = parameters.read(PARAMS)
    evaluation = json.loads(EVALUATION.read_text(encoding="utf-8"))
    run_name = f"{params.dataset}, recipe {params.recipe}, scheduler {params.scheduler}"
    read = curves.read_columns
    curves.training({"": read(PLOTS / "training.csv")}, PLOTS / "training.png", run_name)
    title = f"{run_name}: test pairs"
    roc = {"": (read(PLOTS / "roc.csv"), evaluation["test"]["auc"])}
    curves.roc(roc, PLOTS / "roc.png", title)
    curves.reliability(read(PLOTS / "reliability.csv"), PLOTS / "reliability.png", title)
    threshold = evaluation["threshold"]
    curves.scores(read(PLOTS / "scores.csv"), threshold, PLOTS / "scores.png", title)
    title = f"{run_name}: most confident test pairs (p: probability of different persons)"
    gallery.draw(most_confident(), PLOTS / "gallery.png", title)
    branch.remark()  # here, since a run ends here: this is when a person commits


if __name__ == "__main__":
    run(main)
