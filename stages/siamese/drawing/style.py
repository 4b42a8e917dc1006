"""What all drawings have in common: colours, fonts, and how a file is written."""

import warnings
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from siamese import atomic

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


def figure(rows: int, columns: int, width: float, height: float) -> tuple[Figure, Any]:
    """Return a figure of that many inches and its axes (rows, columns)."""
    with rc_context(STYLE):
        drawing = Figure(figsize=(width, height), layout="constrained", dpi=120)
        return drawing, drawing.subplots(rows, columns, squeeze=False)


def save(drawing: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    # Without the version of the library the file repeats byte for byte.
    with atomic.writing(path) as partial, rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # boxes stand for it
        drawing.savefig(partial, format="png", metadata={"Software": None})
