"""Experiments as the reports keep them, made up for tests."""

from pathlib import Path
from typing import Any

from siamese import parameters
from siamese.reports import experiments

ROOT = Path(__file__).parents[1]
# In place of the settings of the default run.
CONTRASTIVE = {"recipe": "contrastive", "objective": "contrastive"}


def variant(accuracy: float, **settings: object) -> dict[str, Any]:
    """Return a variant as `collect` would, with figures that follow from its accuracy."""
    row = experiments.settings_of(parameters.read(ROOT / "params.yaml")) | {"device": "cpu"}
    row |= settings

    def figures(a: float, pairs: int) -> dict[str, Any]:
        """Return figures of which no two are alike, nor like those of another split."""
        return {
            "pairs": pairs, "accuracy_at_threshold": a, "accuracy": a - 0.011,
            "accuracy_low": a - 0.021, "accuracy_high": a + 0.023, "loss": 1.2 - a, "auc": a + 0.03,
            "equal_error_rate": 0.7 * a, "brier_score": 0.6 * a, "false_reject_rate": 0.9 * a,
            "false_accept_rate": 0.8 * a, "tar_at_far": {"0.1": 0.5 * a, "0.01": 0.3 * a},
        }  # fmt: skip

    train = {
        "epochs": 9, "best_epoch": 6, "collapsed_epoch": None, "convergence_seconds": 60,
        "seconds": 90, "threads": 2, "processor": "one", "torch": "2", "device": row["device"],
    }  # fmt: skip
    evaluation = {
        "train": figures(accuracy + 0.1, 1870),
        "val": figures(accuracy + 0.05, 330),
        "test": figures(accuracy, 1000),
        "one_shot": {f"{n}_way": {"accuracy": accuracy, "trials": 400} for n in (2, 5, 10, 20)},
    }  # fmt: skip
    correct = round(1000 * accuracy)
    return {
        "experiment": experiments.name_of(row), "settings": row, "train": train,
        "evaluation": evaluation, "correct": "1" * correct + "0" * (1000 - correct),
    }  # fmt: skip


def seeds(*accuracies: float, **settings: object) -> list[dict[str, Any]]:
    """Return variants of seeds 0, 1, ... that differ in nothing else."""
    return [variant(a, seed=seed, **settings) for seed, a in enumerate(accuracies)]
