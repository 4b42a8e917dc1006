"""How long commands take from being typed to their answer, beside what importing torch takes."""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from siamese import parameters
from siamese.alignment.network import AlignmentNetwork
from siamese.benchmark.workload import Workload
from siamese.networks import model_file
from siamese.networks.model_file import Settings

RECIPES = ("quick", "contrastive")
PARAMS = Path("params.yaml")


def measure(folder: Path, turns: int) -> list[dict[str, Any]]:
    """Return a row for each command, with the median of its turns in seconds.

    The networks are of the recipes in params.yaml and are not trained, which makes no difference.

    Args:
        folder: for the networks and two drawn faces.
        turns: each command has, after one that does not count.
    """
    params = parameters.read(PARAMS)
    Workload.write(folder, 1, 1)
    first, second = (str(path) for path in Workload.load(folder).files[:2])
    commands = {
        "`python -c 'import torch'`": [sys.executable, "-c", "import torch"],
        "`siamese --help`": [sys.executable, "-m", "siamese", "--help"],
    }
    for name in RECIPES:
        recipe = params.recipes[name]
        path = folder / f"{name}.safetensors"
        network = model_file.make(recipe).eval()
        aligner = AlignmentNetwork(params.alignment)
        model_file.save(network, Settings.of(recipe, 0.0), path, aligner)
        commands[f"`siamese verify a.jpg b.jpg`, {name}"] = [
            *(sys.executable, "-m", "siamese", "verify", first, second, "--aligned"),
            *("--model", str(path)),
        ]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(turns + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, check=False)
            seconds[name].append(time.perf_counter() - start)
            if done.returncode not in (0, 1):
                raise RuntimeError(f"{name}: {done.stderr.decode()}")
    return [
        {
            "command": name,
            "seconds": median(taken[1:]),
            "seconds_low": min(taken[1:]),
            "seconds_high": max(taken[1:]),
        }
        for name, taken in seconds.items()
    ]
