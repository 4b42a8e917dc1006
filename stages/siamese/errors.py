"""What a person is told when a command cannot go on: one line and a non-zero exit status."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn


class InputError(Exception):
    """Bad input; the message names what is wrong, where, and what would be right."""


def run(
    command: Callable[[], int | None],
    after_interrupt: str = "`dvc repro` continues",
    status: int = 1,
) -> None:
    """Run a command; end with one line on standard error where it cannot go on.

    That is on bad input, a failing disk or Ctrl-C. With SIAMESE_DEBUG=1 in the environment the
    traceback is printed instead.

    Args:
        command: what to run; it may return the status that the process ends with.
        after_interrupt: how a person continues after Ctrl-C, for the message.
        status: what the process ends with on an error.
    """
    if os.environ.get("SIAMESE_DEBUG", "0") != "0":
        if ended := command():
            sys.exit(ended)
        return
    try:
        ended = command()
    except InputError as error:
        _end(f"error: {error}", status)
    except OSError as error:
        _end(f"error: {describe(error)}; SIAMESE_DEBUG=1 shows where", status)
    except KeyboardInterrupt:
        print(f"interrupted; {after_interrupt}", file=sys.stderr)
        sys.exit(130)  # 128 + SIGINT, as shells count
    else:
        if ended:
            sys.exit(ended)


def _end(message: str, status: int) -> NoReturn:
    if status == 1:
        sys.exit(message)  # which prints it, and has this status
    print(message, file=sys.stderr)
    sys.exit(status)


def describe(error: OSError) -> str:
    """Return what the system complained of, with the file that it was about where it is known."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason
