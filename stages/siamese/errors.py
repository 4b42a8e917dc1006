"""What a person is told when an input is wrong: one line and a non-zero exit, no traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Bad input; the message names what is wrong, where, and what would be right."""


def run(stage: Callable[[], None]) -> None:
    """Run a stage; end with exit status 1 and one line on standard error on bad input."""
    try:
        stage()
    except InputError as error:
        sys.exit(f"error: {error}")
