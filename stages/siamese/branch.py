"""Which branch Git was taken off by a `dvc exp run` that was stopped hard.

Such a run checks its commit out, without a branch, and returns as it ends. If it is killed it does
not, and later runs return to where they began: to no branch. Commits then belong to none.
"""

import os
import re
import subprocess
import sys
from itertools import pairwise

_LEFT = re.compile(r"checkout: moving from (.+) to [0-9a-f]{40}")


def remark() -> None:
    """Print a line on standard error if Git was left on no branch, with the way back."""
    if branch := left("DVC_EXP_NAME" in os.environ):
        print(
            f"note: Git is on no branch: a `dvc exp run` that was killed has left {branch}. To "
            "return with all commits and changes: "
            f"git fetch . HEAD:{branch} && git switch {branch}",
            file=sys.stderr,
        )


def left(in_experiment: bool) -> str | None:
    """Return the branch that a killed `dvc exp run` left, or None.

    None where Git is on a branch, or on none for another reason: DVC is running an experiment
    now, or a person or a CI has checked a commit out.

    Args:
        in_experiment: whether DVC runs this process for an experiment, and so has left the branch.
    """
    if _git("symbolic-ref", "--quiet", "HEAD"):
        return None
    log = _git("log", "-g", "-200", "--date=unix", "--format=%gd %gs", "HEAD").splitlines()
    matches = (re.fullmatch(r"HEAD@\{(\d+)\} (.*)", line) for line in log)
    entries = [(int(match[1]), match[2]) for match in matches if match]
    for (time, what), (_, before) in pairwise(entries):  # newest first
        if what.startswith("checkout: "):
            leaving = _LEFT.fullmatch(what)
            # Each run leaves its branch twice, the second time right after it came back.
            if leaving is None or before != f"dvc: Restore HEAD to '{leaving[1]}'":
                return None
            if in_experiment:  # the run under way stashes its changes first, then leaves
                stashed = _git("log", "-1", "--format=%ct", "refs/exps/exec/EXEC_MERGE")
                if not stashed or time >= int(stashed):
                    return None
            return leaving[1]
    return None


def _git(*arguments: str) -> str:
    """Return what Git prints; nothing where it fails or is missing."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
