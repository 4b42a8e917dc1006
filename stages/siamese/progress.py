"""Progress bars on a terminal; nothing in a log, where each update would be a line."""

import threading
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")
# By default one for all processes, which a process that is killed leaves behind.
tqdm.set_lock(threading.RLock())


def bar(
    iterable: Iterable[Item] | None = None,
    *,
    title: str,
    unit: str,
    total: int | None = None,
    shown: bool = True,
) -> Any:
    """Return tqdm's progress bar, which disappears at its end.

    Args:
        iterable: to go through; None for a bar that is updated by hand.
        title: before the bar.
        unit: what is counted, such as " images".
        total: number of them, where the iterable does not know it.
        shown: false where another process shows the same.
    """
    # None: not where standard error is no terminal.
    disable = None if shown else True
    return tqdm(iterable, desc=title, unit=unit, total=total, leave=False, disable=disable)
