"""Photographs as PNG: pairs with what the network said of them, and rows of images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from siamese.drawing import style


@dataclass(frozen=True)
class ScoredPair:
    """A pair and its score.

    Attributes:
        images: two (size, size[, 3]) uint8 images.
        names: their names, "NAME_0001".
        probability: of "different persons".
    """

    images: tuple[NDArray[np.uint8], NDArray[np.uint8]]
    names: tuple[str, str]
    probability: float


def draw(groups: Mapping[str, Sequence[ScoredPair]], path: Path, title: str) -> None:
    """Draw a row of pairs for each group, both images of a pair side by side."""
    columns = max(1, *(len(pairs) for pairs in groups.values()))
    figure, grid = style.figure(len(groups), columns, 2.6 * columns, 2.1 * len(groups))
    for row, (name, pairs) in zip(grid, groups.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        heading = name if pairs else f"{name}: none"
        row[0].set_title(heading, loc="left", size=10, weight="bold", y=1.24)
        for axes, pair in zip(row, pairs, strict=False):
            axes.imshow(_side_by_side(pair), cmap="gray", vmin=0, vmax=255)
            names = "\n".join(name.replace("_", " ") for name in pair.names)
            axes.text(0, -4, names, fontsize=7, va="bottom", parse_math=False)
            axes.text(
                1, -0.02, f"p = {pair.probability:.3f}", fontsize=8, ha="right", va="top",
                transform=axes.transAxes,
            )  # fmt: skip
    figure.suptitle(title)
    style.save(figure, path)


def decisions(
    pairs: Sequence[tuple[ScoredPair, bool]], path: Path, columns: int, threshold: float
) -> None:
    """Draw pairs with the decision on each, and whether it is correct.

    Args:
        pairs: each with whether it shows different persons.
        path: PNG to write.
        columns: pairs in a row.
        threshold: the probability from which on a pair is classified as different.
    """
    rows = -(-len(pairs) // columns)
    drawing, grid = style.figure(rows, columns, 2.1 * columns, 1.55 * rows)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, (pair, different) in zip(grid.flat, pairs, strict=False):
        decided = pair.probability >= threshold
        axes.imshow(_side_by_side(pair), cmap="gray", vmin=0, vmax=255)
        said = "different persons" if decided else "same person"
        colour = style.DIFFERENT_COLOUR if decided else style.SAME_COLOUR
        mark = "" if decided == different else "  (wrong)"
        axes.set_title(f"{said}{mark}", size=10, color=colour, weight="bold")
        text = f"probability of the same person {1 - pair.probability:.0%}"
        axes.text(0.5, -0.03, text, size=8, ha="center", va="top", transform=axes.transAxes)
    style.save(drawing, path)


def rows(images: Mapping[str, Sequence[NDArray[np.uint8]]], path: Path) -> None:
    """Draw rows of images (side, side[, 3]) of the same number, each with its name."""
    columns = max(len(row) for row in images.values())
    drawing, grid = style.figure(len(images), columns, 1.05 * columns + 1.1, 1.1 * len(images))
    for axes in grid.flat:
        axes.set_axis_off()
    for line, (name, row) in zip(grid, images.items(), strict=True):
        line[0].text(-0.1, 0.5, name, size=9, ha="right", va="center", transform=line[0].transAxes)
        for axes, image in zip(line, row, strict=False):
            axes.imshow(image, cmap="gray", vmin=0, vmax=255)
    style.save(drawing, path)


def _side_by_side(pair: ScoredPair) -> NDArray[np.uint8]:
    """Return both images of a pair in one, with a white line between them."""
    first, second = pair.images
    line = np.full_like(first[:, : max(1, len(first) // 40)], 255)
    return np.concatenate([first, line, second], axis=1)
