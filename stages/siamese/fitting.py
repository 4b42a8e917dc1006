"""A training run from its start, or from where it was left, to its end."""

import csv
import dataclasses
from pathlib import Path

from torch import Tensor

from siamese import training
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
    epochs: Path,
) -> training.Run:
    """Train a network; return the run, with the network at its best epoch.

    Every epoch is printed, written to a CSV as it ends, and kept in the checkpoint, which stays
    until the caller has stored what it makes of the run.

    Args:
        network: newly made, on the device where it is to be trained.
        objective: what it is trained for.
        faces: all images, (images, size, size[, 3]) uint8, on the network's device.
        validation: pairs that decide when to stop and which epoch to keep.
        parameters: learning rate, patience and so on.
        checkpoint: of this run.
        epochs: CSV to write.

    Raises:
        InputError: the loss was a finite number in no epoch.
    """
    run = training.Run(network, objective, parameters)
    if (state := checkpoint.load()) is not None:
        run.load_state_dict(state)
        print(f"going on after epoch {len(run.epochs)}, from {checkpoint.path}", flush=True)
    epochs.parent.mkdir(parents=True, exist_ok=True)
    with epochs.open("w", newline="", encoding="utf-8") as file:
        columns = [field.name for field in dataclasses.fields(training.Epoch)]
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, run.epochs))
        file.flush()
        for epoch in training.train(run, faces, validation, parameters):
            checkpoint.save(run.state_dict())
            writer.writerow(dataclasses.asdict(epoch))
            file.flush()
            print(training.describe(run, epoch, parameters), flush=True)
    if run.diverged_epoch is not None:
        print(
            f"epoch {run.diverged_epoch}: the loss is no finite number; "
            f"epoch {run.stopping.best_epoch} is kept; {training.advice(parameters)}"
        )
    return run
