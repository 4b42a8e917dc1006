"""A run's state comes back as it was, to that run alone, or not at all."""

from pathlib import Path

import pytest
import torch

from siamese.checkpoint import Checkpoint

STATE = {"weights": torch.arange(5.0), "epochs": [{"loss": 0.1}], "best": None}


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    for name in ("faces", "pairs"):
        (tmp_path / name).write_text(name)
    return [tmp_path / "faces", tmp_path / "pairs"]


def test_a_state_comes_back(tmp_path: Path, inputs: list[Path]) -> None:
    Checkpoint(tmp_path / "kept", {"rate": 0.1}, inputs).save(STATE)
    state = Checkpoint(tmp_path / "kept", {"rate": 0.1}, inputs).load()
    assert state is not None
    assert torch.equal(state["weights"], STATE["weights"])  # type: ignore[arg-type]
    assert (state["epochs"], state["best"]) == (STATE["epochs"], None)


def test_a_run_with_other_settings_or_inputs_finds_nothing(
    tmp_path: Path, inputs: list[Path]
) -> None:
    Checkpoint(tmp_path / "kept", {"rate": 0.1}, inputs).save(STATE)
    assert Checkpoint(tmp_path / "kept", {"rate": 0.2}, inputs).load() is None
    assert Checkpoint(tmp_path / "kept", {"rate": 0.1}, inputs[::-1]).load() is None
    inputs[1].write_text("other pairs")
    assert Checkpoint(tmp_path / "kept", {"rate": 0.1}, inputs).load() is None


def test_after_removal_nothing_is_left(tmp_path: Path, inputs: list[Path]) -> None:
    kept = tmp_path / "kept"
    first, second = Checkpoint(kept, 1, inputs), Checkpoint(kept, 2, inputs)
    first.remove()  # nothing there yet
    first.save(STATE)
    second.save(STATE)
    (kept / f".{first.path.name}.123.partial").write_text("left by a process that was killed")
    first.remove()
    assert (first.load(), list(kept.iterdir())) == (None, [second.path])
    second.remove()
    assert not kept.exists()


@pytest.mark.parametrize("damage", ["truncated", "empty", "one bit", "other content"])
def test_a_damaged_state_is_said_to_be_and_not_used(
    tmp_path: Path, inputs: list[Path], damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = Checkpoint(tmp_path / "kept", 0, inputs)
    checkpoint.save(STATE)
    content = bytearray(checkpoint.path.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    if damage == "truncated":
        content.pop()
    if damage == "empty":
        content.clear()
    if damage == "other content":
        content = bytearray(b"x" * 999)
    checkpoint.path.write_bytes(content)
    assert checkpoint.load() is None
    assert f"{checkpoint.path} is damaged" in capsys.readouterr().out


def test_a_failure_while_saving_keeps_the_state_before(
    tmp_path: Path, inputs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(tmp_path / "kept", 0, inputs)
    checkpoint.save(STATE)

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("siamese.atomic._sync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save({"other": 1})
    monkeypatch.undo()
    state = checkpoint.load()
    assert state is not None
    assert state["epochs"] == STATE["epochs"]
    assert [path.name for path in checkpoint.path.parent.iterdir()] == [checkpoint.path.name]
