"""A run under way, kept on disk, so that one that was killed goes on where it was."""

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from siamese import atomic

DIGEST = hashlib.sha256


class Checkpoint:
    """The state of one run in a file of its own.

    The file's name is a digest of all that decides the run's result, so that a run never finds
    another's state. The file holds a digest of its content, then the content as `torch.save`
    writes it, and is replaced whole.

    Args:
        folder: where checkpoints lie.
        settings: what the run is told, as JSON takes it.
        inputs: files that the run reads, its own code among them.
    """

    def __init__(self, folder: Path, settings: Any, inputs: Iterable[Path]) -> None:
        run = DIGEST(json.dumps(settings, sort_keys=True).encode())
        for path in inputs:
            with path.open("rb") as file:
                run.update(hashlib.file_digest(file, DIGEST).digest())
        self.path = folder / f"{run.hexdigest()[:16]}.checkpoint"

    def save(self, state: dict[str, Any]) -> None:
        """Replace what is kept by a state: numbers, text and tensors in dicts and lists."""
        buffer = io.BytesIO()
        torch.save(state, buffer)
        content = buffer.getbuffer()
        with atomic.writing(self.path) as partial, partial.open("wb") as file:
            file.write(DIGEST(content).digest())
            file.write(content)

    def load(self) -> dict[str, Any] | None:
        """Return the state kept, on the CPU, or None where there is none or it is damaged."""
        if not self.path.exists():
            return None
        file = self.path.read_bytes()
        size = DIGEST().digest_size
        digest, content = file[:size], file[size:]
        if DIGEST(content).digest() != digest:
            print(f"{self.path} is damaged; training starts from the beginning", flush=True)
            return None
        state: dict[str, Any] = torch.load(
            io.BytesIO(content), map_location="cpu", weights_only=True
        )
        return state

    def remove(self) -> None:
        """Delete what is kept, and the folder if no other run keeps anything there."""
        self.path.unlink(missing_ok=True)
        for killed in self.path.parent.glob(f".{self.path.name}.*"):  # while it was written
            killed.unlink(missing_ok=True)
        if self.path.parent.exists() and not any(self.path.parent.iterdir()):
            self.path.parent.rmdir()
