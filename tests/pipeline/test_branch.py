"""A killed `dvc exp run` leaves Git on no branch: whoever continues is told, and nobody else."""

import signal
from pathlib import Path

import pytest

from clone import Clone

pytestmark = pytest.mark.pipeline


def test_a_killed_experiment_is_told_of_where_it_left_git(first_run: Clone, tmp_path: Path) -> None:
    clone = first_run.copy(tmp_path / "clone")
    branch = clone.type("git branch --show-current").strip()
    back = f"git fetch . HEAD:{branch} && git switch {branch}"
    setting = "-S recipes.koch.weight_decay="

    # Neither an experiment on a branch nor one apart nor a checkout on purpose is warned.
    for command in (f"dvc exp run {setting}0.1", f"dvc exp run --temp {setting}0.2"):
        assert "note: Git" not in clone.type(f"{command} check")
    clone.type("git restore . && git checkout -q --detach && dvc checkout -q")
    for command in ("dvc repro -f -s check", f"dvc exp run {setting}0.3 check"):
        assert "note: Git" not in clone.type(command)
    clone.type(f"git restore . && git switch -q {branch} && dvc checkout -q")

    clone.interrupt(f"dvc exp run {setting}0.4 train", signal.SIGKILL, 0)
    assert clone.type("git branch --show-current") == ""
    assert back in clone.type("dvc repro")  # at its end
    assert back in clone.type(f"dvc exp run {setting}0.5 check")
    clone.type("git commit -q -a -m beside && echo more >> README.md")
    clone.type(back)
    assert clone.type("git log -1 --format=%s").strip() == "beside"
    changed = clone.type("git status --short --untracked-files=no")  # killed while it wrote a file?
    assert changed.split() == ["M", "README.md"]
    assert "note: Git" not in clone.type(f"dvc exp run {setting}0.6 check")
