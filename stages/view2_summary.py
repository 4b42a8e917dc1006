"""All folds of View 2 together: view2/fold-*.json -> metrics/view2.json, plots/view2-roc.csv."""

import json
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from siamese import atomic, protocol, verification
from siamese.errors import InputError, run

FOLDS = [Path(f"view2/fold-{number}.json") for number in range(1, 11)]
METRICS = Path("metrics/view2.json")
ROC = Path("plots/view2-roc.csv")
COMMON = ("dataset", "recipe", "scheduler")


def read_folds() -> list[dict[str, Any]]:
    """Return the folds' figures and scores, in order.

    Raises:
        InputError: a file holds another fold, or one of another dataset, recipe or scheduler than
            the first.
    """
    folds: list[dict[str, Any]] = []
    for number, path in enumerate(FOLDS, start=1):
        fold = json.loads(path.read_text(encoding="utf-8"))
        expected = {"fold": number, **{name: (folds or [fold])[0][name] for name in COMMON}}
        for name, value in expected.items():
            if fold[name] != value:
                raise InputError(
                    f"{path}: {name} is {fold[name]}; it should be {value} "
                    "(`dvc repro view2/dvc.yaml` makes all folds alike)"
                )
        folds.append(fold)
    return folds


def main() -> None:
    """Give mean accuracy and its standard error, and the ROC of all folds' scores."""
    folds = read_folds()
    same, different = (
        np.concatenate([fold[f"{name}_scores"] for fold in folds]) for name in ("same", "different")
    )
    scores = np.concatenate([same, different])
    labels = np.repeat([protocol.SAME, protocol.DIFFERENT], [len(same), len(different)])
    curve = verification.roc(scores, labels)
    accuracies = [fold["accuracy_at_threshold"] for fold in folds]
    summary = {
        **{name: folds[0][name] for name in COMMON},
        "folds": len(folds),
        "pairs": len(scores),
        "accuracy": mean(accuracies),
        # LFW's own: the folds' sample standard deviation by the root of their number.
        "standard_error": stdev(accuracies) / sqrt(len(accuracies)),
        "auc": curve.area,
        "equal_error_rate": curve.equal_error_rate,
        "tar_at_far": verification.tars(curve, len(different)),
        "brier_score": verification.brier_score(scores, labels),
        "seconds": round(sum(fold["seconds"] for fold in folds), 2),
        "collapsed_folds": [
            fold["fold"] for fold in folds if fold["collapsed_epoch"] or fold["diverged_epoch"]
        ],
        # Folds need not have been run on one machine.
        **{
            name: ", ".join(dict.fromkeys(str(fold[name]) for fold in folds))
            for name in ("device", "processor", "threads", "torch")
        },
        # A list, which DVC's tables of metrics leave out: ten columns would hide the others.
        "accuracies": accuracies,
    }
    atomic.write_json(METRICS, summary)
    atomic.write_csv(
        ROC,
        ("far", "tar"),
        ((f"{far:g}", f"{tar:g}") for far, tar in zip(curve.far, curve.tar, strict=True)),
    )
    print(f"View 2: accuracy {summary['accuracy']:.2%} ± {summary['standard_error']:.2%}")


if __name__ == "__main__":
    run(main)
