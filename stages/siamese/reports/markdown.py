"""Tables as Markdown."""

from collections.abc import Sequence

NOT_MEASURED = "not yet measured"


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with a header; without rows, one that says that nothing was measured."""
    rows = rows or [(NOT_MEASURED, *[""] * (len(columns) - 1))]
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in [columns, ("---",) * len(columns), *rows]
    )
