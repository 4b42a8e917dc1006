"""The state of an unfinished run on disk, from which it continues after it was killed."""

import hashlib
import io
import json
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import torch

from siamese import atomic

DIGEST = hashlib.sha256
UNFINISHED = Path(".training")  # not among DVC's outputs, which it deletes before a run


def loaded_code() -> list[Path]:
    """Return the files of this project's modules that the process has imported, and its script."""
    modules = [
        module
        for name, module in sys.modules.items()
        if name == "__main__" or name.split(".")[0] == __package__.split(".")[0]
    ]
    return sorted({Path(file) for each in modules if (file := getattr(each, "__file__", None))})


@cache
def _digest(path: Path, time: int, size: int) -> bytes:
    """Return a file's digest; time and size tell whether it is still the same file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, DIGEST).digest()


class Checkpoint:
    """The state of one run, in files of its own.

    The files' name is a digest of all that decides the run's result, so that a run never finds
    another's state: settings, inputs, and the code that is loaded when the checkpoint is made. A
    file holds a digest of its content, then the content as `torch.save` writes it, and is replaced
    as a whole.

    Args:
        folder: where checkpoints are kept.
        settings: what the run is told, as JSON takes it.
        inputs: files that the run reads.
    """

    def __init__(self, folder: Path, settings: Any, inputs: Iterable[Path]) -> None:
        run = DIGEST(json.dumps(settings, sort_keys=True).encode())
        for path in [*inputs, *loaded_code()]:
            status = path.stat()
            run.update(_digest(path.resolve(), status.st_mtime_ns, status.st_size))
        self.path = folder / f"{run.hexdigest()[:16]}.checkpoint"
        self.constants = self.path.with_suffix(".constants")

    def save(self, state: dict[str, Any]) -> None:
        """Replace the state that is kept: numbers, text and tensors in dicts and lists."""
        _write(self.path, state)

    def load(self) -> dict[str, Any] | None:
        """Return the state that is kept, on the CPU, or None if there is none or it is damaged."""
        return _read(self.path)

    def save_constants(self, state: dict[str, Any]) -> None:
        """Keep a state that does not change any more, in a file of its own."""
        _write(self.constants, state)

    def load_constants(self) -> dict[str, Any] | None:
        """Return what `save_constants` kept, or None if there is none or it is damaged."""
        return _read(self.constants)

    def remove(self) -> None:
        """Delete what is kept, and the folder if no other run keeps anything there."""
        for path in (self.path, self.constants):
            path.unlink(missing_ok=True)
            for killed in path.parent.glob(f".{path.name}.*"):  # while it was written
                killed.unlink(missing_ok=True)
        if self.path.parent.exists() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()


def _write(path: Path, state: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    with atomic.writing(path) as partial, partial.open("wb") as file:
        file.write(DIGEST(content).digest())
        file.write(content)


def _read(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    file = path.read_bytes()
    size = DIGEST().digest_size
    digest, content = file[:size], file[size:]
    if DIGEST(content).digest() != digest:
        print(f"{path} is damaged and is not used; what it held is computed again", flush=True)
        return None
    state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return state
