"""How a process is prepared; tried in new ones, since a process cannot go back."""

import subprocess
import sys

import pytest

# The smallest normal number is 1.2e-38. So many that several threads share them.
CODE = """
import torch
from siamese import process
{prepare}
print(int((torch.full((1_000_000,), 1e-38) / 10 > 0).sum()))
"""


def count(prepare: str) -> int:
    """Return how many of a million denormal numbers are above 0."""
    code = CODE.format(prepare=prepare)
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)


@pytest.mark.skipif("not __import__('torch').set_flush_denormal(False)", reason="can't flush")
def test_denormals_are_flushed_in_all_threads() -> None:
    assert count("") == 1_000_000
    assert count("process.prepare()") == 0
