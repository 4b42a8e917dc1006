"""How a process is prepared; each test in one of its own, as a process cannot go back."""

import subprocess
import sys
import textwrap

import pytest

# The smallest normal number is 1.2e-38. So many that several threads share them.
SUM = """
import torch
from siamese import process
{prepare}
tiny = torch.full((1_000_000,), 1e-38)
print(int((tiny / 10 > 0).sum()), torch.get_num_threads())
"""


def count(prepare: str) -> int:
    """Return how many of a million denormal numbers are above 0."""
    code = textwrap.dedent(SUM.format(prepare=prepare))
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return int(output.stdout.split()[0])


@pytest.mark.skipif("not __import__('torch').set_flush_denormal(False)", reason="can't flush")
def test_denormals_are_flushed_in_all_threads() -> None:
    assert count("") == 1_000_000
    assert count("process.prepare()") == 0
