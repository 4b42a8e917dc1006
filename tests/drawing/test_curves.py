"""Curves are drawn of whatever a run can give."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from siamese import atomic
from siamese.drawing import curves
from siamese.evaluation import verification


def assert_drawn(path: Path) -> None:
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 100


def test_columns_of_numbers_are_read_by_name(tmp_path: Path) -> None:
    rows = [(1, 0.5), (2, 1e-9), (3, float("inf"))]
    atomic.write_csv(tmp_path / "table.csv", ("epoch", "loss"), rows)
    columns = curves.read_columns(tmp_path / "table.csv")
    assert list(columns) == ["epoch", "loss"]
    assert columns["epoch"].tolist() == [1, 2, 3]
    assert columns["loss"].tolist() == [0.5, 1e-9, float("inf")]


def test_reliability_of_pairs_classified_without_error_is_drawn(tmp_path: Path) -> None:
    for n in range(1, 40):  # some of these intervals miss 0 or 1 by a rounding
        low, high = verification.wilson_interval(1.0, n)
        bins = {
            "probability": np.array([0.0, 1.0]),
            "different": np.array([0.0, 1.0]),
            "different_low": np.array([1 - high, low]),
            "different_high": np.array([1 - low, high]),
        }
        if n == 1 or bins["different_high"][1] < 1 or bins["different_low"][0] > 0:
            curves.reliability(bins, tmp_path / "reliability.png", "test")
    assert_drawn(tmp_path / "reliability.png")


@pytest.mark.parametrize("runs", [1, 4])
def test_one_run_or_several_are_drawn_over_each_other(runs: int, tmp_path: Path) -> None:
    columns = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    run = {name: np.array([1.0, 2.0, 3.0]) for name in columns}
    drawn = {f"run {index}" if runs > 1 else "": run for index in range(runs)}
    curves.training(drawn, tmp_path / "training.png", "test")
    assert_drawn(tmp_path / "training.png")


@pytest.mark.parametrize("runs", [1, 8])  # more than there are colours
def test_roc_curves_of_one_run_or_several_are_drawn(runs: int, tmp_path: Path) -> None:
    curve = {"far": np.array([0.0, 0.0, 1.0]), "tar": np.array([0.0, 1.0, 1.0])}
    drawn = {f"run {index}" if runs > 1 else "": (curve, 1.0) for index in range(runs)}
    curves.roc(drawn, tmp_path / "roc.png", "test")
    assert_drawn(tmp_path / "roc.png")


@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.0])
def test_scores_are_drawn_with_any_threshold(threshold: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = verification.histogram(rng.normal(size=50), np.arange(50) % 2)
    names = ("probability", "same", "different")
    bins = dict(zip(names, np.array(rows, dtype=np.float64).T, strict=True))
    curves.scores(bins, threshold, tmp_path / "scores.png", "test")
    assert_drawn(tmp_path / "scores.png")


def test_minutes_of_runs_are_drawn(tmp_path: Path) -> None:
    points = {"koch": [(5.0, 0.66)], "contrastive": [(4.5, 0.85), (4.6, 0.86)]}
    curves.accuracy_by_minutes(points, tmp_path / "minutes.png")
    assert_drawn(tmp_path / "minutes.png")


def test_a_drawing_repeats_byte_for_byte(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        curves.accuracy_by_minutes({"koch": [(5.0, 0.66)]}, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
