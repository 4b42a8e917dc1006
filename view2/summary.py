"""All folds of View 2 together: data/view2/fold-* -> metrics/view2.json, plots/view2-roc.csv."""

import csv
import json
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from siamese import atomic, verification
from siamese.errors import run

FOLDS = Path("data/view2")
METRICS = Path("metrics/view2.json")
ROC = Path("plots/view2-roc.csv")


def main() -> None:
    """Give mean accuracy and its standard error, and the ROC of all folds' scores."""
    folders = [FOLDS / f"fold-{number}" for number in range(1, 11)]
    folds = [json.loads((folder / "fold.json").read_text(encoding="utf-8")) for folder in folders]
    rows = []
    for folder in folders:
        with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
            rows += list(csv.DictReader(file))
    curve = verification.roc(
        np.array([float(row["score"]) for row in rows]),
        np.array([int(row["label"]) for row in rows]),
    )
    accuracies = [fold["accuracy_at_threshold"] for fold in folds]
    summary = {
        "dataset": folds[0]["dataset"],
        "recipe": folds[0]["recipe"],
        "folds": len(folds),
        "pairs": len(rows),
        "accuracy": mean(accuracies),
        # Huang et al. (2007), section III: the folds' sample standard deviation by their root.
        "standard_error": stdev(accuracies) / sqrt(len(accuracies)),
        "auc": curve.area,
        "equal_error_rate": curve.equal_error_rate,
        "tar_at_far": {f"{far:g}": curve.tar_at_far(far) for far in (0.1, 0.01, 0.001)},
        "seconds": round(sum(fold["seconds"] for fold in folds), 2),
        "accuracies": {f"fold_{fold['fold']}": fold["accuracy_at_threshold"] for fold in folds},
    }
    atomic.write_json(METRICS, summary)
    atomic.write_csv(ROC, ("far", "tar"), zip(curve.far, curve.tar, strict=True))
    print(f"View 2: accuracy {summary['accuracy']:.2%} ± {summary['standard_error']:.2%}")


if __name__ == "__main__":
    run(main)
