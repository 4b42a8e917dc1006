"""What is missing or full is named in one line: packages, Git, the disk."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import scripts
from clone import ROOT

check = scripts.load("check")


def test_check_names_every_package_that_the_stages_import() -> None:
    imported = set()
    folders = {"benchmark", "commands", "export", "page", "photos", "reports"}  # outside the graph
    for path in (ROOT / "stages").rglob("*.py"):
        if folders & set(path.parts):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                imported.add(node.module.split(".")[0])
    optional = {"pillow_heif"}  # asked for where it is needed
    assert imported - sys.stdlib_module_names - {"siamese"} - optional == set(check.NEEDED)


def test_an_environment_without_the_packages_is_named_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-E", str(ROOT / "stages" / "check.py")]  # no site-packages
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(
        f"error: {sys.executable} has no PIL, matplotlib, numpy, safetensors, to"
    )
    assert line.endswith("install it there: pip install -e .")


WRITER = """
import resource, sys, numpy as np
from pathlib import Path
from siamese import atomic, errors
resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, 2**16))
def write():
    with atomic.writing(Path(sys.argv[1])) as partial, partial.open("wb") as file:
        np.save(file, np.zeros(2**20)) if sys.argv[2] == "array" else file.write(bytes(2**20))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
errors.run(write)
"""


@pytest.mark.parametrize("kind", ["array", "bytes"])
def test_a_full_disk_is_reported_with_the_files_name_and_leaves_nothing(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "faces.npy"
    done = subprocess.run(
        [sys.executable, "-c", WRITER, path, kind], capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT / "stages")},
    )  # fmt: skip
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error: {path}: ")
    assert list(tmp_path.iterdir()) == []
