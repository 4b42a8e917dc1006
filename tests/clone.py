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
from filelock import FileLock

ROOT = Path(__file__).parents[1]
STAGES = ("check", "download", "split", "align", "faces", "train", "evaluate", "plot")
# Images small and epochs few: what is tested is the graph, not how well it learns.
SMALL = {
    "dataset": "synthetic",
    "alignment.steps": "20",
    "alignment.batch_size": "16",
    "recipes.koch.image.size": "73",
    "recipes.koch.batch_size": "8",
    "recipes.koch.max_epochs": "2",
    "recipes.contrastive.image.size": "40",
    "recipes.contrastive.batch_size": "16",
    "recipes.contrastive.max_epochs": "2",
    "recipes.large.image.size": "40",
    "recipes.resnet18.image.size": "32",
    "recipes.resnet18.max_epochs": "1",
}

# The same layers with fewer filters and Gaussians, which params.yaml does not set, take a tenth of
# the time. For each file of the library: what is there, and what a clone has instead.
SMALL_NETWORKS = {
    "networks/koch.py": {
        "((64, 10), (128, 7), (128, 4), (256, 4))": "((16, 10), (32, 7), (32, 4), (64, 4))",
        "EMBEDDING_SIZE = 4096": "EMBEDDING_SIZE = 1024",
    },
    "networks/streams/fisher.py": {"GAUSSIANS = 512": "GAUSSIANS = 16"},
    "networks/streams/colour.py": {"GAUSSIANS = 256": "GAUSSIANS = 16"},
    "networks/streams/phase.py": {"GRID = 10": "GRID = 2"},
}


class Clone:
    """A clone in which commands are typed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = os.environ | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(path / "stages"),  # its own library, not the installed one
            "GIT_AUTHOR_NAME": "tester",
            "GIT_AUTHOR_EMAIL": "tester@example.org",
            "GIT_COMMITTER_NAME": "tester",
            "GIT_COMMITTER_EMAIL": "tester@example.org",
        }
        self.env.pop("LFW_MIRROR", None)

    def copy(self, path: Path) -> "Clone":
        """Return a copy of this clone with all that was made in it, to change things in."""

        def copy(source: str, target: str) -> None:
            # What is named by its content is never written again.
            named = re.search(r"/\.git/objects/|/\.dvc/cache/files/", source)
            (os.link if named else shutil.copy2)(source, target)

        shutil.copytree(self.path, path, symlinks=True, copy_function=copy)
        made = Clone(path)
        made.env = self.env | {"PYTHONPATH": made.env["PYTHONPATH"]}
        return made

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


def make_clone(path: Path) -> Clone:
    """Clone the project as it stands, uncommitted changes included, with small settings."""
    clone = Clone(path)
    subprocess.run(["git", "clone", "-q", ROOT, path], check=True)
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    files = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in files.split("\0"):
        if name and (ROOT / name).is_file():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name)
    for name, changes in SMALL_NETWORKS.items():
        module = path / "stages" / "siamese" / name
        text = module.read_text(encoding="utf-8")
        for old, new in changes.items():
            assert text.count(old) == 1, f"{name}: {old}"
            text = text.replace(old, new)
        module.write_text(text, encoding="utf-8")
    clone.set(SMALL)
    clone.type("git add -A && git commit -q --allow-empty -m 'small settings'")
    return clone


def finished(folder: Path) -> Clone:
    """Return a clone in which `dvc repro` has run and its results are committed.

    Args:
        folder: of this and other processes, of which the first one makes it.
    """
    clone, made = Clone(folder / "clone"), folder / "made"
    with FileLock(folder / "lock"):
        if not made.exists():
            shutil.rmtree(clone.path, ignore_errors=True)
            output = make_clone(clone.path).type("dvc repro")
            assert tuple(clone.ran(output)) == STAGES
            clone.type("git add -A && git commit -q -m 'first run'")
            made.touch()
    return clone
