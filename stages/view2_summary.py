"""All folds of View 2 together: view2/fold-*.json -> metrics/view2.json, plots/view2-roc.csv."""

import json
from collections.abc import Iterator, Mapping
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np

from siamese import atomic, parameters
from siamese.dataset import protocol
from siamese.errors import InputError, run
from siamese.evaluation import verification

PARAMS = Path("params.yaml")
FOLDS = [Path(f"view2/fold-{number}.json") for number in range(1, 11)]
METRICS = Path("metrics/view2.json")
DETAILS = Path("view2/summary.json")
ROC = Path("plots/view2-roc.csv")


def read_folds(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the folds' figures and scores, in order, without those that were left out.

    Args:
        settings: the parameters that they must have been run with.

    Raises:
        InputError: a file holds another fold, or one that was run with other parameters. DVC does
            not always notice: `dvc commit` and `dvc exp save` take any file for the stage's own.
    """
    folds: list[dict[str, Any]] = []
    wanted = dict(_leaves(settings))
    for number, path in enumerate(FOLDS, start=1):
        fold = json.loads(path.read_text(encoding="utf-8"))
        found = dict(_leaves(fold["parameters"])) | {"fold": fold["fold"]}
        for name, value in {"fold": number, **wanted}.items():
            if found.get(name) != value:
                raise InputError(
                    f"{path}: {name} is {found.get(name)!r}; it should be {value!r}, as params.yaml"
                    " says now (`dvc repro -f view2/dvc.yaml` runs all folds again)"
                )
        folds.append(fold)
    return [fold for fold in folds if "of" not in fold]


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings by dotted names, as JSON has them."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", list(value) if isinstance(value, tuple) else value


def main() -> None:
    """Compute mean accuracy and its standard error, and the ROC of all folds' scores."""
    params = parameters.read(PARAMS).for_view2()
    folds = read_folds(params.in_use())
    same, different = (
        np.concatenate([fold[f"{name}_scores"] for fold in folds]) for name in ("same", "different")
    )
    scores = np.concatenate([same, different])
    labels = np.repeat([protocol.SAME, protocol.DIFFERENT], [len(same), len(different)])
    curve = verification.roc(scores, labels)
    accuracies = [fold["accuracy_at_threshold"] for fold in folds]
    seconds = sum(fold["seconds"] for fold in folds)
    outside = {name: folds[0][name] for name in ("outside_data",) if name in folds[0]}
    details = {
        "dataset": params.dataset,
        "recipe": params.recipe,
        "scheduler": params.scheduler,
        **outside,
        "folds": len(folds),
        "pairs": len(scores),
        "accuracy": mean(accuracies),
        # LFW's own: the folds' sample standard deviation, divided by the root of their number.
        "standard_error": stdev(accuracies) / sqrt(len(accuracies)),
        "auc": curve.area,
        "equal_error_rate": curve.equal_error_rate,
        "tar_at_far": verification.tars(curve, len(different)),
        "brier_score": verification.brier_score(scores, labels),
        "seconds": round(seconds, 2),
        "collapsed_folds": [
            fold["fold"] for fold in folds if fold["collapsed_epoch"] or fold["diverged_epoch"]
        ],
        # Folds need not have been run on one machine.
        **{
            name: ", ".join(dict.fromkeys(str(fold[name]) for fold in folds))
            for name in ("device", "processor", "threads", "torch")
        },
        "accuracies": accuracies,
    }
    atomic.write_json(DETAILS, details)
    compared = {
        "accuracy": details["accuracy"],
        "standard_error": details["standard_error"],
        "auc": details["auc"],
        "equal_error_rate": details["equal_error_rate"],
        "tar_at_far_0.01": details["tar_at_far"]["0.01"],
        "tar_at_far_0.001": details["tar_at_far"]["0.001"],
        "hours": seconds / 3600,
    }
    # Below one key, so that the names are not those of View 1's figures.
    named = {name: details[name] for name in ("dataset", "recipe")} | outside
    atomic.write_json(METRICS, {"view2": {**named, **verification.rounded(compared)}})
    atomic.write_csv(
        ROC,
        ("far", "tar"),
        ((f"{far:g}", f"{tar:g}") for far, tar in zip(curve.far, curve.tar, strict=True)),
    )
    accuracy, error = details["accuracy"], details["standard_error"]
    print(f"{len(folds)} folds: accuracy {accuracy:.2%} ± {error:.2%}")


if __name__ == "__main__":
    run(main)
