"""Code run in a new Python process, which has imported nothing yet."""

import os
import subprocess
import sys
from pathlib import Path

STAGES = Path(__file__).parents[1] / "stages"


def run(*arguments: str, library: Path = STAGES) -> str:
    """Return what Python prints when it is started with arguments, such as "-c" and code.

    Args:
        arguments: of the command line.
        library: folder that holds the package `siamese`.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | {"PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
