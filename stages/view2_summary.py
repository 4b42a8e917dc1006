"""All folds of View 2 together: view2/fold-*.json -> metrics/view2.json, plots/view2-roc.csv."""

import json
from math import sqrt
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from siamese import atomic, protocol, verification
from siamese.errors import run

FOLDS = [Path(f"view2/fold-{number}.json") for number in range(1, 11)]
METRICS = Path("metrics/view2.json")
ROC = Path("plots/view2-roc.csv")


def main() -> None:
    """Give mean accuracy and its standard error, and the ROC of all folds' scores."""
    folds = [json.loads(path.read_text(encoding="utf-8")) for path in FOLDS]
    same, different = (
        np.concatenate([fold[f"{name}_scores"] for fold in folds]) for name in ("same", "different")
    )
    scores = np.concatenate([same, different])
    labels = np.repeat([protocol.SAME, protocol.DIFFERENT], [len(same), len(different)])
    curve = verification.roc(scores, labels)
    accuracies = [fold["accuracy_at_threshold"] for fold in folds]
    summary = {
        **{name: folds[0][name] for name in ("dataset", "recipe", "scheduler")},
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
        "accuracies": {f"fold_{fold['fold']}": fold["accuracy_at_threshold"] for fold in folds},
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
