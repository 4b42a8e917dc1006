"""A throw-away clone of the project, in which commands are typed as a person would."""

import csv
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from dvc.utils.hydra import apply_overrides

ROOT = Path(__file__).parents[1]
STAGES = ("check", "download", "split", "align", "faces", "train", "evaluate", "plot")
# Images small and epochs few: what is tested is the graph, not how well it learns.
SMALL = {
    "dataset": "synthetic",
    "alignment.steps": "20",
    "recipes.koch.image.size": "73",
    "recipes.koch.max_epochs": "2",
    "recipes.contrastive.image.size": "32",
    "recipes.contrastive.streams.fisher": "[]",
    "recipes.contrastive.batch_size": "16",
    "recipes.contrastive.max_epochs": "2",
    "recipes.resnet18.image.size": "32",
    "recipes.resnet18.max_epochs": "1",
    "recipes.large.image.size": "40",  # of which its closest Fisher vectors see 26
}


class Clone:
    """A clone in which commands are typed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "GIT_AUTHOR_NAME": "tester",
            "GIT_AUTHOR_EMAIL": "tester@example.org",
            "GIT_COMMITTER_NAME": "tester",
            "GIT_COMMITTER_EMAIL": "tester@example.org",
        }
        self.env.pop("LFW_MIRROR", None)

    def type(self, command: str, *, fails: bool = False) -> str:
        """Run a command line; return what it prints, on both streams."""
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.path,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command line in a process group of its own, to be interrupted.

        No shell stands between: a killed `dvc` whose parent is gone can linger as a zombie, and
        hold DVC's locks for as long.
        """
        return subprocess.Popen(
            shlex.split(command),
            cwd=self.path,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def checkpoints(self) -> dict[Path, int]:
        """Return the state files of unfinished training and when each was last written."""
        folder = self.path / ".training"
        return {path: path.stat().st_mtime_ns for path in folder.glob("*.checkpoint")}

    def interrupt(self, command: str, sign: signal.Signals, delay: float) -> str:
        """Start a command; some time after training has kept an epoch, send it a signal.

        Returns what it had printed.
        """
        before = self.checkpoints()
        process = self.start(command)
        deadline = time.monotonic() + 120
        while self.checkpoints() == before:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(delay)
        os.killpg(process.pid, sign)
        output, _ = process.communicate(timeout=60)
        assert process.returncode != 0, output
        return output

    def json(self, name: str) -> Any:
        """Return what a JSON file holds, such as "metrics/test.json"."""
        return json.loads((self.path / name).read_text(encoding="utf-8"))

    def csv(self, name: str) -> list[dict[str, str]]:
        """Return the rows of a CSV file."""
        with (self.path / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def set(self, changes: dict[str, str]) -> None:
        """Change values of params.yaml by key, such as "recipes.koch.max_epochs", as DVC does."""
        overrides = [f"{key}={value}" for key, value in changes.items()]
        apply_overrides(self.path / "params.yaml", overrides)

    def ran(self, output: str) -> list[str]:
        """Return the stages that DVC's output says were run."""
        return re.findall(r"Running stage '(\w+)'", output)


def make_clone(path: Path, changes: dict[str, str] | None = None) -> Clone:
    """Clone the project as it stands, uncommitted changes included, with small settings."""
    clone = Clone(path)
    subprocess.run(["git", "clone", "-q", ROOT, path], check=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.split("\0"):
        if name and (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    clone.set(SMALL | (changes or {}))
    clone.type("git add -A && git commit -q --allow-empty -m 'small settings'")
    return clone
