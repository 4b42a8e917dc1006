"""Two processes train as one does, and end together."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from siamese import machine
from siamese.training import distributed

ROOT = Path(__file__).parents[2]
OBJECTIVES = ("pairs", "contrastive")


def run(folder: Path, *cases: str) -> subprocess.CompletedProcess[str]:
    """Return what tests/two_processes.py printed, run in a folder."""
    path = os.pathsep.join([str(ROOT / "stages"), str(ROOT / "tests")])
    env = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, ROOT / "tests" / "two_processes.py", *cases],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what two processes found when they compared themselves with one."""
    folder = tmp_path_factory.mktemp("two")
    done = run(folder, "compare")
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    return values | {"out": done.stdout, "err": done.stderr}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_are_those_of_one_process_with_the_whole_batch(
    objective: str, found: dict[str, Any]
) -> None:
    steps = found[f"steps of {objective}"]
    assert len(steps) > 1
    for step in steps:
        assert step["gradients"] < 1e-5
        assert step["loss"] < 1e-5
        assert step["counts"]


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_running_averages_of_batch_normalisation_are_those_of_one_process(
    objective: str, found: dict[str, Any]
) -> None:
    assert all(step["buffers"] < 1e-5 for step in found[f"steps of {objective}"])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_curve_is_that_of_one_process_and_stops_where_it_does(
    objective: str, found: dict[str, Any]
) -> None:
    together, alone = found[f"epochs of {objective}"]
    assert together == alone < 9  # the most there can be
    assert max(found[f"curve of {objective}"]) < 1e-9


def test_rows_are_gathered_in_their_order_however_few(found: dict[str, Any]) -> None:
    assert found["gathered"] == [[], [0], [0, 1], [0, 1, 2]]
    assert found["from first"] == "first"


def test_a_run_continues_as_if_it_had_not_been_left(found: dict[str, Any]) -> None:
    assert found["out"].count("continuing after epoch 1") == 1
    assert found["epochs continued"] == [3, 3]
    assert found["continued"] == 0


def test_both_have_the_same_network_under_the_names_that_one_process_gives_it(
    found: dict[str, Any],
) -> None:
    first, second = found["sums of both"]
    assert first == second
    assert found["other names"] == []


def test_one_process_prints_for_both(found: dict[str, Any]) -> None:
    lines = [line.split(":")[0] for line in found["out"].splitlines()]
    assert [line for line in lines if line.startswith("epoch")] == [
        *("epoch  1", "epoch  2", "epoch  3", "epoch  1", "epoch  2", "epoch  3")
    ]
    assert lines.count("closed-form streams") == 2
    assert found["err"] == ""


def test_the_number_of_processes_is_part_of_what_a_run_depends_on(found: dict[str, Any]) -> None:
    assert found["described"]["processes"] == 2
    assert "processes" not in machine.describe(torch.device("cpu"))


def test_a_process_without_work_is_refused(found: dict[str, Any]) -> None:
    assert found["refused"] == (
        "2 processes are more than a batch of recipe contrastive has people; it takes 1 at most"
    )


def test_processes_that_fail_end_all_with_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "killed", "refused")
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "killed: error: process 2 of 2 was ended by SIGKILL, perhaps for lack of memory, and the "
        "others with it; finished epochs are kept",
        "error: both find that the input is bad",
        "refused: 1",
    ]


@pytest.mark.parametrize(
    ("environment", "by_torchrun", "threads"),
    [
        ({}, False, 4),
        ({}, True, 4),
        ({"OMP_NUM_THREADS": "1"}, True, 4),  # torchrun's own
        ({"OMP_NUM_THREADS": "1"}, False, 1),
        ({"OMP_NUM_THREADS": "3"}, True, 3),
        ({"LOCAL_WORLD_SIZE": "9"}, False, 1),
    ],
)
def test_processes_share_the_cores(
    environment: dict[str, str], by_torchrun: bool, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for name, value in ({"LOCAL_WORLD_SIZE": "2"} | environment).items():
        monkeypatch.setenv(name, value)
    parent = None if by_torchrun else object()
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: parent)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    taken = [int(environment.get("OMP_NUM_THREADS", 8))]
    monkeypatch.setattr(torch, "set_num_threads", taken.append)
    distributed._share_cores()
    assert taken[-1] == threads


@pytest.mark.parametrize("total", range(8))
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_row_is_in_one_part(total: int, size: int) -> None:
    parts = [range(total)[distributed._part(total, rank, size)] for rank in range(size)]
    assert [row for part in parts for row in part] == list(range(total))
    assert max(map(len, parts)) == -(-total // size)


def test_one_process_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, module = torch.arange(3), torch.nn.BatchNorm1d(3)
    assert distributed.part(3) == slice(0, 3)
    assert distributed.gather(rows, 3) is rows
    assert distributed.wrap(module) is module
    assert distributed.is_first()
    assert distributed.from_first(rows) is rows
    parent = torch.nn.Sequential(module)
    distributed.synchronise(parent)
    assert parent[0] is module
    for name, value in (("TORCHELASTIC_RUN_ID", "one"), ("WORLD_SIZE", "1")):
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGINT)
    with distributed.joined():
        assert not torch.distributed.is_initialized()
    assert signal.getsignal(signal.SIGINT) is before
