"""Interrupted runs continue, repeated ones repeat, and those side by side do not interfere.

Real processes of the real graph, killed, repeated and queued in a throw-away clone.
"""

import csv
import hashlib
import json
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from clone import Clone
from siamese import checkpoint

pytestmark = pytest.mark.pipeline

# Enough of them, and each long enough, that a run is stopped twice before its end.
SETTINGS = {"recipes.koch.batch_size": "4", "recipes.koch.patience": "5"}
EPOCHS = 5
# What the clock and not the run decides.
TIMES = ("seconds", "minutes")


@pytest.fixture(scope="module")
def clone(first_run: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Return a clone in which `dvc repro` has run and its results are committed."""
    clone = first_run.copy(tmp_path_factory.mktemp("interruption") / "clone")
    clone.set(SETTINGS | {"recipes.koch.max_epochs": str(EPOCHS)})
    clone.type("dvc repro && git add -A && git commit -q -m 'first run, longer'")
    return clone


def results(clone: Clone, revision: str | None = None) -> dict[str, Any]:
    """Return all that training gave in the workspace or an experiment, times aside."""

    def read(name: str) -> str:
        if revision is None:
            return (clone.path / name).read_text(encoding="utf-8")
        return clone.type(f"git show {revision}:{name}")

    epochs = list(csv.DictReader(read("plots/training.csv").splitlines()))
    train = json.loads(read("metrics/train.json"))
    for table in (*epochs, train):
        for name in TIMES:
            table.pop(name, None)
    if revision is None:
        model = hashlib.md5((clone.path / "data/model.safetensors").read_bytes()).hexdigest()
    else:
        lock = yaml.safe_load(read("dvc.lock"))
        [model] = (out["md5"] for out in lock["stages"]["train"]["outs"] if "model" in out["path"])
    return {"model": model, "epochs": epochs, "train": train}


def forget_runs(clone: Clone) -> None:
    """Go back to the first run, and leave the run cache nothing to restore."""
    clone.type("rm -rf .dvc/cache/runs && git checkout -q . && dvc checkout -q")


@pytest.fixture(scope="module")
def whole(clone: Clone) -> dict[str, Any]:
    """Return what training at weight decay 0.001 gives when nothing interrupts it."""
    forget_runs(clone)
    clone.set({"recipes.koch.weight_decay": "0.001"})
    clone.type("dvc repro train")
    assert not (clone.path / ".training").exists()
    return results(clone)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_training_ends_as_if_it_had_not_been(
    clone: Clone, whole: dict[str, Any], sign: signal.Signals
) -> None:
    forget_runs(clone)
    clone.set({"recipes.koch.weight_decay": "0.001"})
    moment = random.Random(int(sign))
    for _ in range(2):
        output = clone.interrupt("dvc repro train", sign, moment.uniform(0, 0.3))
        assert not (clone.path / "data/model.safetensors").exists()
        assert len(clone.checkpoints()) == 1
        if sign == signal.SIGINT:
            assert "interrupted; `dvc repro` continues" in output
    output = clone.type("dvc repro train")
    assert "continuing after epoch" in output
    assert results(clone) == whole
    assert not (clone.path / ".training").exists()


def test_a_run_with_other_parameters_takes_up_nobody_elses_state(clone: Clone) -> None:
    forget_runs(clone)
    clone.set({"recipes.koch.weight_decay": "0.002"})
    clone.interrupt("dvc repro train", signal.SIGKILL, 0)
    [left] = clone.checkpoints()

    clone.set({"recipes.koch.weight_decay": "0.003"})
    output = clone.type("dvc repro train")
    assert "train" in clone.ran(output)
    assert "continuing after" not in output
    assert len(clone.csv("plots/training.csv")) == EPOCHS
    assert list(clone.checkpoints()) == [left]

    # Nor does an experiment in a folder of its own, even with the same parameters.
    output = clone.type("dvc exp run --temp -n apart -S recipes.koch.weight_decay=0.002 train")
    assert "train" in clone.ran(output)
    assert "continuing after" not in output
    assert list(clone.checkpoints()) == [left]

    clone.set({"recipes.koch.weight_decay": "0.002"})
    clone.type("rm -rf .dvc/cache/runs")
    assert "continuing after epoch" in clone.type("dvc repro train")
    assert not (clone.path / ".training").exists()
    [apart] = clone.type("git for-each-ref refs/exps --format='%(refname)' | grep /apart$").split()
    assert results(clone, apart) == results(clone)


def test_params_edited_while_training_runs_are_not_taken_for_those_of_its_result(
    clone: Clone,
) -> None:
    # DVC notes the parameters of a stage as they are when it ends.
    forget_runs(clone)
    clone.set({"recipes.koch.weight_decay": "0.005"})
    before = clone.checkpoints()
    process = clone.start("dvc repro train")
    while clone.checkpoints() == before:
        assert process.poll() is None
        time.sleep(0.01)
    clone.set({"recipes.koch.weight_decay": "0.006"})
    output, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "error: params.yaml was edited while training ran" in output
    assert not (clone.path / "data/model.safetensors").exists()
    clone.set({"recipes.koch.weight_decay": "0.005"})
    assert f"continuing after epoch {EPOCHS}" in clone.type("dvc repro train")
    continued = results(clone)
    clone.type("dvc repro --force --single-item train")
    assert results(clone) == continued


def test_a_damaged_state_costs_the_epochs_and_nothing_else(clone: Clone) -> None:
    forget_runs(clone)
    before = results(clone)
    clone.type("rm data/model.safetensors")
    clone.interrupt("dvc repro --force --single-item train", signal.SIGKILL, 0)
    [path] = clone.checkpoints()
    path.write_bytes(path.read_bytes()[:-1])
    output = clone.type("dvc repro --force --single-item train")
    assert f"{path.relative_to(clone.path)} is damaged and is not used" in output
    assert results(clone) == before


def test_a_run_repeats_itself_in_another_process(clone: Clone) -> None:
    forget_runs(clone)
    first = results(clone)
    figures = clone.json("data/evaluation.json"), clone.csv("data/predictions/test.csv")
    for stage in ("split", "train", "evaluate"):
        output = clone.type(f"PYTHONHASHSEED=7 dvc repro --force --single-item {stage}")
        assert clone.ran(output) == [stage]
    assert results(clone) == first
    assert (clone.json("data/evaluation.json"), clone.csv("data/predictions/test.csv")) == figures


def test_experiments_in_a_queue_keep_apart(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two jobs that both want every core wait for each other most of the time.
    monkeypatch.setitem(clone.env, "OMP_NUM_THREADS", "1")
    forget_runs(clone)
    names = ("none", "step", "multistep", "exponential")
    grid = f"-S scheduler={','.join(names)} -S recipes.koch.weight_decay=0.004"
    clone.type(f"dvc exp run --queue {grid} train")
    clone.type("dvc queue start --jobs 2")
    deadline = time.monotonic() + 300
    while (status := clone.type("dvc queue status")).count("Success") < len(names):
        assert "Failed" not in status, clone.type(
            "dvc queue logs $(dvc queue status | awk '/Fail/{print $1}')"
        )
        assert time.monotonic() < deadline, status
        time.sleep(1)

    found = {}
    for ref in clone.type("git for-each-ref refs/exps --format='%(refname)'").split():
        if re.search(
            r"^ *weight_decay: 0.004$", params := clone.type(f"git show {ref}:params.yaml"), re.M
        ):
            [scheduler] = re.findall(r"(?m)^scheduler: (\w+)$", params)
            found[scheduler] = results(clone, ref)
            ran = clone.ran(clone.type(f"dvc queue logs {ref.split('/')[-1]}"))
            assert set(ran) <= {"check", "train"}
    assert found.keys() == set(names)
    rates = {
        name: [float(epoch["learning_rate"]) for epoch in result["epochs"]]
        for name, result in found.items()
    }
    assert rates["none"] == [1e-4] * EPOCHS
    assert rates["step"] == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
    assert rates["multistep"] == pytest.approx([1e-2, 1e-3, 1e-3, 1e-4, 1e-4])
    # The same schedule under two names, which the model files hold.
    step, exponential = (
        {name: value for name, value in found[scheduler].items() if name != "model"}
        for scheduler in ("step", "exponential")
    )
    assert step == exponential
    assert found["none"]["model"] != found["step"]["model"]

    # Alone, it gives what it gave beside the others.
    forget_runs(clone)
    clone.type("dvc exp run -f -S scheduler=multistep -S recipes.koch.weight_decay=0.004 train")
    assert results(clone) == found["multistep"]


WRITER = """
import sys, torch
from pathlib import Path
from siamese.checkpoint import Checkpoint
checkpoint, number = Checkpoint(Path(sys.argv[1]), "run", []), 0
while True:
    number += 1
    checkpoint.save({"number": number, "tensor": torch.full((500_000,), number)})
    print(number, flush=True)
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_state_file_is_whole_whenever_its_writer_is_killed(tmp_path: Path, seed: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.2))
        process.kill()
        *_, last = ["1", *process.stdout.read().split()]
    [path] = tmp_path.glob("*.checkpoint")
    state = checkpoint._read(path)
    assert state is not None
    assert int(last) <= state["number"] <= int(last) + 1
    assert (state["tensor"] == state["number"]).all()
