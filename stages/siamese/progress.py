"""Progress bars on a terminal; nothing in a log, where each update would be a line."""

from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


def bar(
    iterable: Iterable[Item] | None = None, *, title: str, unit: str, total: int | None = None
) -> Any:
    """Return tqdm's progress bar, which disappears at its end.

    Args:
        iterable: to go through; None for a bar that is updated by hand.
        title: before the bar.
        unit: what is counted, such as " images".
        total: number of them, where the iterable does not know it.
    """
    # None: not where standard error is no terminal.
    return tqdm(iterable, desc=title, unit=unit, total=total, leave=False, disable=None)
