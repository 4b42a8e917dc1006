"""Figures are drawn of whatever a run can give."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamese import figures, verification


def assert_drawn(path: Path) -> None:
    with Image.open(path) as image:
        assert image.width > 100


def test_reliability_of_pairs_judged_without_error_is_drawn(tmp_path: Path) -> None:
    for n in range(1, 40):  # some of these intervals miss 0 or 1 by a rounding
        low, high = verification.wilson_interval(1.0, n)
        bins = {
            "probability": np.array([0.0, 1.0]),
            "different": np.array([0.0, 1.0]),
            "different_low": np.array([1 - high, low]),
            "different_high": np.array([1 - low, high]),
        }
        if n == 1 or bins["different_high"][1] < 1 or bins["different_low"][0] > 0:
            figures.reliability_curve(bins, tmp_path / "reliability.png", "test")
    assert_drawn(tmp_path / "reliability.png")


@pytest.mark.parametrize("runs", [1, 4])
def test_one_run_or_several_are_drawn_over_each_other(runs: int, tmp_path: Path) -> None:
    columns = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    run = {name: np.array([1.0, 2.0, 3.0]) for name in columns}
    drawn = {f"run {index}" if runs > 1 else "": run for index in range(runs)}
    figures.training_curves(drawn, tmp_path / "training.png", "test")
    assert_drawn(tmp_path / "training.png")


def test_minutes_of_runs_are_drawn(tmp_path: Path) -> None:
    points = {"koch": [(5.0, 0.66)], "contrastive": [(4.5, 0.85), (4.6, 0.86)]}
    figures.accuracy_by_minutes(points, tmp_path / "minutes.png")
    assert_drawn(tmp_path / "minutes.png")
