"""On CUDA: a run repeats itself and continues bit for bit, and scores agree with a CPU's.

The stages' scripts on drawn faces, one after the other, in folders of their own.
"""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from clone import ROOT, SMALL, Clone

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU")

EPOCHS = 4
RECIPES = {"koch": "none", "quick": "onecycle", "contrastive": "onecycle", "large": "onecycle"}


def start(folder: Path, stage: str, gpu: bool = True) -> subprocess.Popen[str]:
    """Start a stage in a folder; without its GPU, as on a machine that has none."""
    env = os.environ if gpu else os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(ROOT / "stages" / f"{stage}.py")]
    return subprocess.Popen(
        command, cwd=folder, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run(folder: Path, stage: str, gpu: bool = True) -> str:
    """Run a stage to its end and return what it printed."""
    process = start(folder, stage, gpu)
    output, errors = process.communicate()
    assert process.returncode == 0, errors
    return output


def scores(folder: Path) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the scores of the test pairs."""
    with (folder / "data/predictions/test.csv").open(newline="") as file:
        return np.array([float(row["score"]) for row in csv.DictReader(file)])


def trained(folder: Path) -> tuple[bytes, list[list[str]]]:
    """Return the network's file and the epochs' figures, times aside."""
    table = (folder / "plots/training.csv").read_text().splitlines()
    return (folder / "data/model.safetensors").read_bytes(), [row.split(",")[:-1] for row in table]


@pytest.fixture(scope="module", params=RECIPES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which a network was trained, deterministically, and evaluated."""
    folder = tmp_path_factory.mktemp(request.param)
    shutil.copy2(ROOT / "params.yaml", folder)
    recipe = f"recipes.{request.param}"
    settings = {"recipe": request.param, "scheduler": RECIPES[request.param]}
    epochs = {f"{recipe}.max_epochs": str(EPOCHS), f"{recipe}.patience": str(EPOCHS)}
    Clone(folder).set(SMALL | {"deterministic": "true"} | settings | epochs)
    for stage in ("download", "split", "align", "faces", "train", "evaluate"):
        run(folder, stage)
    assert '"device": "cuda"' in (folder / "data/training.json").read_text()
    return folder


def test_a_deterministic_run_repeats_itself(folder: Path) -> None:
    first, aligned = trained(folder), (folder / "data/alignment/transforms.csv").read_bytes()
    for stage in ("align", "faces", "train"):
        run(folder, stage)
    assert (folder / "data/alignment/transforms.csv").read_bytes() == aligned
    assert trained(folder) == first


def test_a_killed_deterministic_run_ends_as_if_it_had_not_been(folder: Path) -> None:
    whole = trained(folder)
    process = start(folder, "train")
    assert process.stdout is not None
    for line in process.stdout:
        if re.match("epoch +2:", line):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert "continuing after epoch" in run(folder, "train")
    assert trained(folder) == whole


def test_the_same_network_scores_alike_on_a_cpu(folder: Path) -> None:
    on_cuda = scores(folder)
    run(folder, "evaluate", gpu=False)
    np.testing.assert_allclose(scores(folder), on_cuda, rtol=1e-3, atol=1e-2)
