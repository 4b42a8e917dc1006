"""Progress is shown on a terminal, and only there."""

import io
import sys

import pytest

from siamese import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_no_line_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(progress.bar(range(3), title="epoch 1", unit=" batches")) == [0, 1, 2]
    with progress.bar(title="epoch 2", unit=" batches", total=2) as bar:
        for _ in range(2):
            bar.update()
            bar.set_postfix(loss="0.5")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_terminal_shows_a_bar_that_disappears_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert list(progress.bar(range(3), title="epoch 1", unit=" batches")) == [0, 1, 2]
    written = terminal.getvalue()
    assert "epoch 1:" in written
    assert "\n" not in written
    assert written.endswith("\r")
    assert written.split("\r")[-2].strip() == ""  # overwritten with spaces
