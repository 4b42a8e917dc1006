"""What a person is told when a stage cannot go on: one line and a non-zero exit, no traceback."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Bad input; the message names what is wrong, where, and what would be right."""


def run(stage: Callable[[], None]) -> None:
    """Run a stage; on bad input, a failing disk or Ctrl-C end with one line on standard error."""
    try:
        stage()
    except (InputError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted; `dvc repro` goes on from here", file=sys.stderr)
        sys.exit(130)  # 128 + SIGINT, as shells count
