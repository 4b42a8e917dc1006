"""How a process is prepared; tried in new ones, since a process cannot go back."""

import pytest
import torch

import new_process
from siamese import machine

# The smallest normal number is 1.2e-38. So many that several threads share them.
CODE = """
import torch
from siamese import machine
{prepare}
print(int((torch.full((1_000_000,), 1e-38) / 10 > 0).sum()))
"""


def count(prepare: str) -> int:
    """Return how many of a million denormal numbers are above 0."""
    return int(new_process.run("-c", CODE.format(prepare=prepare)))


@pytest.mark.skipif("not __import__('torch').set_flush_denormal(False)", reason="can't flush")
def test_denormals_are_flushed_in_all_threads() -> None:
    assert count("") == 1_000_000
    assert count("machine.prepare()") == 0


def test_a_machine_is_described_by_what_a_runs_time_and_last_digits_depend_on() -> None:
    described = machine.describe(torch.device("cpu"))
    assert described["device"] == "cpu"
    assert described["processor"]
    assert described["threads"] == torch.get_num_threads()
    assert described["torch"] == torch.__version__


def test_images_stay_where_they_are_if_a_gpu_cannot_hold_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = torch.zeros(10, 8, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (160, 1000))
    assert machine.place(images, torch.device("cuda")) is images
    assert machine.place(images, torch.device("meta")).device.type == "meta"
