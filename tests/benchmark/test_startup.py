"""Commands are timed from being typed to their answer."""

from pathlib import Path

import pytest

from clone import ROOT
from siamese.benchmark import startup


def test_every_command_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(startup, "RECIPES", ("quick",))
    importing, helping, verifying = startup.measure(tmp_path, 1)
    assert [row["command"] for row in (importing, helping, verifying)] == [
        "`python -c 'import torch'`",
        "`siamese --help`",
        "`siamese verify a.jpg b.jpg`, quick",
    ]
    # One imports torch, one does not: no machine is so busy that these swap.
    assert helping["seconds"] < min(importing["seconds"], verifying["seconds"])
