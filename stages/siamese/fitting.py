"""A training run from its start, or from where it was left, to its end."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from siamese import atomic, training
from siamese.checkpoint import Checkpoint
from siamese.model import Network
from siamese.objectives import Objective
from siamese.pairs import PairRows
from siamese.parameters import Parameters


def fit(
    network: Network,
    objective: Objective,
    faces: Tensor,
    validation: PairRows,
    parameters: Parameters,
    checkpoint: Checkpoint,
    table: Path | None = None,
) -> training.Run:
    """Train a network; return the run, with the network at its best epoch.

    Every epoch is printed, written to a table as it ends, and kept in the checkpoint, which stays
    until the caller has stored what it makes of the run.

    Args:
        network: newly made, on the device where it is to be trained.
        objective: what it is trained for.
        faces: all images, (images, size, size[, 3]) uint8, on the network's device.
        validation: pairs that decide when to stop and which epoch to keep.
        parameters: learning rate, patience and so on.
        checkpoint: of this run.
        table: CSV to write, if any.

    Raises:
        InputError: the loss was a finite number in no epoch.
    """
    run = training.Run(network, objective, parameters)
    if (state := checkpoint.load()) is not None:
        run.load_state_dict(state)
        print(f"going on after epoch {len(run.epochs)}, from {checkpoint.path}", flush=True)
    _write(run.epochs, table)
    for epoch in training.train(run, faces, validation, parameters):
        checkpoint.save(run.state_dict())
        _write(run.epochs, table)
        print(training.describe(run, epoch, parameters), flush=True)
    if run.diverged_epoch is not None:
        print(
            f"epoch {run.diverged_epoch}: the loss is no finite number; "
            f"epoch {run.stopping.best_epoch} is kept; {training.advice(parameters)}"
        )
    return run


def _write(epochs: Sequence[training.Epoch], table: Path | None) -> None:
    if table is not None:
        columns = [field.name for field in dataclasses.fields(training.Epoch)]
        atomic.write_csv(table, columns, map(dataclasses.astuple, epochs))
