"""A run's state comes back as it was, to that run and its code alone, or not at all."""

import json
import shutil
from pathlib import Path

import pytest
import torch

import new_process
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


def test_constants_are_kept_beside_the_state_and_apart_from_it(
    tmp_path: Path, inputs: list[Path]
) -> None:
    checkpoint = Checkpoint(tmp_path / "kept", 0, inputs)
    assert checkpoint.load_constants() is None
    checkpoint.save_constants({"mean": torch.arange(3.0)})
    assert checkpoint.load() is None
    written = checkpoint.constants.stat().st_mtime_ns
    checkpoint.save(STATE)
    assert checkpoint.constants.stat().st_mtime_ns == written
    constants, state = checkpoint.load_constants(), checkpoint.load()
    assert constants is not None
    assert constants.keys() == {"mean"}
    assert torch.equal(constants["mean"], torch.arange(3.0))
    assert state is not None
    assert state.keys() == STATE.keys()


def test_after_removal_nothing_is_left(tmp_path: Path, inputs: list[Path]) -> None:
    kept = tmp_path / "kept"
    first, second = Checkpoint(kept, 1, inputs), Checkpoint(kept, 2, inputs)
    first.remove()  # nothing there yet
    for each in (first, second):
        each.save(STATE)
    first.save_constants(STATE)
    for path in (first.path, first.constants):
        path.with_name(f".{path.name}.123.partial").write_text("left by a killed process")
    first.remove()
    assert (first.load(), list(kept.iterdir())) == (None, [second.path])
    second.remove()
    assert not kept.exists()


@pytest.mark.parametrize("damage", ["truncated", "empty", "one bit", "other content"])
@pytest.mark.parametrize("file", ["state", "constants"])
def test_a_damaged_file_is_reported_and_not_used(
    tmp_path: Path,
    inputs: list[Path],
    file: str,
    damage: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = Checkpoint(tmp_path / "kept", 0, inputs)
    checkpoint.save(STATE)
    checkpoint.save_constants(STATE)
    path = checkpoint.path if file == "state" else checkpoint.constants
    content = bytearray(path.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    if damage == "truncated":
        content.pop()
    if damage == "empty":
        content.clear()
    if damage == "other content":
        content = bytearray(b"x" * 999)
    path.write_bytes(content)
    damaged, sound = checkpoint.load, checkpoint.load_constants
    if file == "constants":
        damaged, sound = sound, damaged
    assert damaged() is None
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"{path} is damaged and is not used")
    assert sound() is not None  # the other file
    assert capsys.readouterr().out == ""


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


# Run in a process of its own, with a copy of the library: prints the files of the loaded code, and
# how the checkpoint's name changes when one of several files does.
SCRIPT = """
import json
import sys
from pathlib import Path

from siamese.checkpoint import Checkpoint, loaded_code


def name():
    return Checkpoint(Path("kept"), 0, []).path.name


library = Path(sys.argv[1])
before = [str(path) for path in loaded_code()]
from siamese.networks.ensemble import Ensemble

Ensemble(32, 1, {"residual": (1.0,), "gradients": (0.7,)})
after = [str(path) for path in loaded_code()]
changed = {}
for file in sys.argv[2:]:
    path, first = library / file, name()
    content = path.read_text(encoding="utf-8")
    path.write_text(content + "# changed", encoding="utf-8")
    changed[file] = name() != first
    path.write_text(content, encoding="utf-8")
    assert name() == first
print(json.dumps({"before": before, "after": after, "changed": changed}))
"""
LOADED = (
    "script.py",
    "siamese/__init__.py",
    "siamese/atomic.py",
    "siamese/checkpoint.py",
    "siamese/networks/ensemble.py",
    "siamese/networks/streams/residual.py",
    "siamese/networks/streams/gradients.py",
)
NOT_LOADED = (
    "siamese/rules.py",
    "siamese/reports/tables.py",
    "siamese/drawing/curves.py",
    "siamese/networks/streams/fisher.py",
)


def test_a_checkpoint_belongs_to_the_code_that_is_loaded_and_no_other(tmp_path: Path) -> None:
    shutil.copytree(new_process.STAGES / "siamese", tmp_path / "siamese")
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    arguments = (str(script), str(tmp_path), *LOADED, *NOT_LOADED)
    found = json.loads(new_process.run(*arguments, library=tmp_path))
    assert found["changed"] == dict.fromkeys(LOADED, True) | dict.fromkeys(NOT_LOADED, False)
    before, after = (
        {str(Path(path).relative_to(tmp_path)) for path in found[name]}
        for name in ("before", "after")
    )
    assert set(LOADED[:4]) <= before
    streams = {"siamese/networks/streams/residual.py", "siamese/networks/streams/gradients.py"}
    assert not streams & before  # modules are imported for an ensemble that has such streams
    assert set(LOADED) <= after
    assert not set(NOT_LOADED) & after
    assert not any(path.startswith("siamese/reports/") for path in after)
