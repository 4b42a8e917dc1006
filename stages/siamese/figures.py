"""Figures that people look at, as PNG."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter, ScalarFormatter
from numpy.typing import NDArray

from siamese import atomic

Columns = Mapping[str, NDArray[np.float64]]

# Okabe and Ito's palette, which colour-blind readers can tell apart.
SAME_COLOUR, DIFFERENT_COLOUR = "#0072b2", "#d55e00"
COLOURS = (SAME_COLOUR, DIFFERENT_COLOUR, "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
STYLE: dict[Any, Any] = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": 10,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class JudgedPair:
    """A pair for the gallery.

    Attributes:
        faces: two (size, size[, 3]) uint8 images.
        names: their names, "NAME_0001".
        probability: of "different persons".
    """

    faces: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    names: tuple[str, str]
    probability: float


def read_columns(path: Path) -> dict[str, NDArray[np.float64]]:
    """Return the columns (rows,) float64 of a CSV of numbers, by name."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    return dict(zip(names, np.array(rows, dtype=np.float64).T, strict=True))


def _figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure of that many inches and its axes (rows, columns)."""
    with rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
        return figure, figure.subplots(rows, columns, squeeze=False)


def _save(figure: Figure, path: Path) -> None:
    # Without the version of the library the file repeats byte for byte.
    with atomic.writing(path) as partial, rc_context(STYLE):
        figure.savefig(partial, format="png", metadata={"Software": None})


def training_curves(runs: Mapping[str, Columns], path: Path, title: str) -> None:
    """Draw loss and accuracy by epoch of one run or several, training solid, validation dashed."""
    figure, [[losses, accuracies]] = _figure(1, 2, 10, 4)
    for index, ((name, run), colour) in enumerate(zip(runs.items(), cycle(COLOURS), strict=False)):
        width = 1.2 + 0.7 * (
            len(runs) - 1 - index
        )  # narrower and narrower, so that equal runs are seen
        for split, label, style in (("train", "training", "-"), ("val", "validation", "--")):
            label = f"{name}, {label}" if name else label
            options: dict[str, Any] = {"color": colour, "linestyle": style, "label": label}
            options |= {"linewidth": width, "marker": ".", "markersize": 4 + width}
            losses.plot(run["epoch"], run[f"{split}_loss"], **options)
            accuracies.plot(run["epoch"], run[f"{split}_accuracy"], **options)
    for axes, ylabel in ((losses, "loss (nats)"), (accuracies, "accuracy")):
        axes.set(xlabel="epoch", ylabel=ylabel)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    # A coin's noise is not to look like learning.
    losses.set_ylim(bottom=0)
    accuracies.set_ylim(0, 1)
    accuracies.yaxis.set_major_formatter(PercentFormatter(1))
    figure.legend(*losses.get_legend_handles_labels(), loc="outside right center")
    figure.suptitle(title)
    _save(figure, path)


def roc_curves(curves: Mapping[str, tuple[Columns, float]], path: Path, title: str) -> None:
    """Draw TAR against FAR beside chance, of one run or several, each with its AUC."""
    figure, [[axes]] = _figure(1, 1, 5, 5)
    for (name, (curve, auc)), colour in zip(curves.items(), cycle(COLOURS), strict=False):
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
    _save(figure, path)


def accuracy_by_minutes(runs: Mapping[str, Sequence[tuple[float, float]]], path: Path) -> None:
    """Draw test accuracy against minutes of training; one point for each seed."""
    figure, [[axes]] = _figure(1, 1, 6, 4)
    for (name, points), colour in zip(runs.items(), cycle(COLOURS), strict=False):
        minutes, accuracies = zip(*points, strict=True)
        axes.plot(minutes, accuracies, "o", color=colour, label=name)
    axes.set(xlabel="minutes of training", ylabel="test accuracy at the holdout threshold")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend()
    _save(figure, path)


def reliability_curve(bins: Columns, path: Path, title: str) -> None:
    """Draw how often pairs were different against the probability given for it."""
    figure, [[axes]] = _figure(1, 1, 5, 5)
    x, y = bins["probability"], bins["different"]
    # An interval that ends at the share itself may miss it by a rounding.
    error = np.maximum(0, [y - bins["different_low"], bins["different_high"] - y])
    axes.errorbar(x, y, error, color=SAME_COLOUR, marker="o", capsize=2, label="95 % interval")
    axes.plot([0, 1], [0, 1], color="gray", linestyle=":", label="as often as said")
    axes.set(
        xlabel="probability of different persons",
        ylabel="share of different persons",
        title=title,
        aspect="equal",
    )
    axes.legend(loc="upper left")
    _save(figure, path)


def score_histogram(bins: Columns, threshold: float, path: Path, title: str) -> None:
    """Draw how the two classes' probabilities are spread; the threshold is a probability too."""
    figure, [[axes]] = _figure(1, 1, 7, 4)
    middles = bins["probability"]
    width = 1 / len(middles)
    for name, colour in (("same", SAME_COLOUR), ("different", DIFFERENT_COLOUR)):
        axes.bar(middles, bins[name], width, color=colour, alpha=0.55, label=f"{name} pairs")
    axes.axvline(0.5, color="black", linewidth=1, label="probability 0.5")
    axes.axvline(
        threshold, color="black", linewidth=1, linestyle="--", label="threshold from validation"
    )
    axes.set(xlabel="probability of different persons", ylabel="pairs", title=title, xlim=(0, 1))
    axes.legend()
    _save(figure, path)


def gallery(groups: Mapping[str, Sequence[JudgedPair]], path: Path, title: str) -> None:
    """Draw a row of pairs for each group, both images of a pair side by side."""
    columns = max(1, *(len(pairs) for pairs in groups.values()))
    figure, grid = _figure(len(groups), columns, 2.6 * columns, 2.1 * len(groups))
    for row, (name, pairs) in zip(grid, groups.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        heading = name if pairs else f"{name}: none"
        row[0].set_title(heading, loc="left", size=10, weight="bold", y=1.24)
        for axes, pair in zip(row, pairs, strict=False):
            axes.imshow(np.concatenate(pair.faces, axis=1), cmap="gray", vmin=0, vmax=255)
            names = "\n".join(name.replace("_", " ") for name in pair.names)
            axes.text(0, -4, names, fontsize=7, va="bottom")
            axes.text(
                1, -0.02, f"p = {pair.probability:.3f}", fontsize=8, ha="right", va="top",
                transform=axes.transAxes,
            )  # fmt: skip
    figure.suptitle(title)
    _save(figure, path)
