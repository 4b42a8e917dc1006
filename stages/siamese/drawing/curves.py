"""Curves of a run or of several, as PNG: training, ROC, reliability, scores, time."""

import csv
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter
from numpy.typing import NDArray

from siamese.drawing import style

Columns = Mapping[str, NDArray[np.float64]]


def read_columns(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns (rows,) float64 of a CSV of numbers, by name."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    return dict(zip(names, np.array(rows, dtype=np.float64).T, strict=True))


def training(runs: Mapping[str, Columns], path: Path, title: str) -> None:
    """Draw loss and accuracy by epoch of one run or several, training solid, validation dashed."""
    figure, [[losses, accuracies]] = style.figure(1, 2, 10, 4)
    for index, ((name, run), colour) in enumerate(
        zip(runs.items(), cycle(style.COLOURS), strict=False)
    ):
        # Narrower and narrower, so that equal runs are seen.
        width = 1.2 + 0.7 * (len(runs) - 1 - index)
        for split, label, line in (("train", "training", "-"), ("val", "validation", "--")):
            label = f"{name}, {label}" if name else label
            options: dict[str, Any] = {"color": colour, "linestyle": line, "label": label}
            options |= {"linewidth": width, "marker": ".", "markersize": 4 + width}
            losses.plot(run["epoch"], run[f"{split}_loss"], **options)
            accuracies.plot(run["epoch"], run[f"{split}_accuracy"], **options)
    for axes, ylabel in ((losses, "loss (nats)"), (accuracies, "accuracy")):
        axes.set(xlabel="epoch", ylabel=ylabel)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # From 0, so that the noise at chance level does not look like learning.
    losses.set_ylim(bottom=0)
    accuracies.set_ylim(0, 1)
    accuracies.yaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(*losses.get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(title)
    style.save(figure, path)


def roc(curves: Mapping[str, tuple[Columns, float]], path: Path, title: str) -> None:
    """Draw TAR against FAR beside chance, of one run or several, each with its AUC."""
    figure, [[axes]] = style.figure(1, 1, 5, 5)
    for (name, (curve, auc)), colour in zip(curves.items(), cycle(style.COLOURS), strict=False):
        label = f"{name}: AUC {auc:.3f}" if name else f"AUC {auc:.3f}"
        axes.plot(curve["far"], curve["tar"], color=colour, label=label)
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="chance")
    axes.set(
        xlabel="false accept rate (different pairs accepted)",
        ylabel="true accept rate (same pairs accepted)",
        title=title,
        aspect="equal",
    )
    axes.legend(loc="lower right")
    style.save(figure, path)


def accuracy_by_minutes(runs: Mapping[str, Sequence[tuple[float, float]]], path: Path) -> None:
    """Draw test accuracy against minutes of training; one point for each seed."""
    figure, [[axes]] = style.figure(1, 1, 6, 4)
    for (name, points), colour in zip(runs.items(), cycle(style.COLOURS), strict=False):
        minutes, accuracies = zip(*points, strict=True)
        axes.plot(minutes, accuracies, "o", color=colour, label=name)
    axes.set(xlabel="minutes of training", ylabel="test accuracy at the validation threshold")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend()
    style.save(figure, path)


def loss_by_accuracy(
    groups: Mapping[str, Sequence[tuple[float, float]]], bounds: tuple[float, float], path: Path
) -> None:
    """Draw losses against accuracies, with the range between two bounds shaded.

    Args:
        groups: (accuracy, loss) of each point, by what it is.
        bounds: of the losses that are to be explained, in nats.
        path: PNG to write.
    """
    figure, [[axes]] = style.figure(1, 1, 7, 4.5)
    axes.axhspan(*bounds, color="gray", alpha=0.15, label="possible through a second sigmoid")
    axes.axhline(np.log(2), color="gray", linestyle=":", label="chance level, ln 2")
    for (name, points), colour, mark in zip(
        groups.items(), cycle(style.COLOURS), cycle("*o^s"), strict=False
    ):
        if points:
            accuracies, losses = zip(*points, strict=True)
            size = 90 if mark == "*" else 30
            axes.scatter(accuracies, losses, size, color=colour, marker=mark, label=name)
    axes.set(xlabel="accuracy", ylabel="loss (nats)")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(loc="outside lower center", ncols=2)
    style.save(figure, path)


def reliability(bins: Columns, path: Path, title: str) -> None:
    """Draw how often pairs were different against the probability given for it."""
    figure, [[axes]] = style.figure(1, 1, 5, 5)
    x, y = bins["probability"], bins["different"]
    # An interval that ends at the share itself may miss it by a rounding.
    error = np.maximum(0, [y - bins["different_low"], bins["different_high"] - y])
    axes.errorbar(
        x, y, error, color=style.SAME_COLOUR, marker="o", capsize=2, label="95 % interval"
    )
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="calibrated")
    axes.set(
        xlabel="probability of different persons",
        ylabel="share of different persons",
        title=title,
        aspect="equal",
    )
    axes.legend(loc="upper left")
    style.save(figure, path)


def scores(bins: Columns, threshold: float, path: Path, title: str) -> None:
    """Draw how the two classes' probabilities are spread; the threshold is a probability too."""
    figure, [[axes]] = style.figure(1, 1, 7, 4)
    middles = bins["probability"]
    width = 1 / len(middles)
    for name, colour in (("same", style.SAME_COLOUR), ("different", style.DIFFERENT_COLOUR)):
        axes.bar(middles, bins[name], width, color=colour, alpha=0.55, label=f"{name} pairs")
    axes.axvline(0.5, color="black", linewidth=1, label="probability 0.5")
    axes.axvline(
        threshold, color="black", linewidth=1, linestyle="--", label="threshold from validation"
    )
    axes.set(xlabel="probability of different persons", ylabel="pairs", title=title, xlim=(0, 1))
    axes.legend()
    style.save(figure, path)
