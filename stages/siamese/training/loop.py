"""Training with early stopping: one loop, seen whole."""

import dataclasses
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from siamese import atomic, machine, progress
from siamese.checkpoint import UNFINISHED, Checkpoint
from siamese.dataset.pairs import PairRows
from siamese.dataset.people import ImagesOfPeople
from siamese.errors import InputError
from siamese.evaluation.verification import accuracy, best_threshold, probability
from siamese.networks import model_file
from siamese.networks.contract import EmbeddingNetwork
from siamese.networks.scoring import compare_pairs, embed_pairs
from siamese.parameters import Parameters
from siamese.training import distributed, objectives
from siamese.training.run import Epoch, Run


def train(run: Run, images: Tensor, validation: PairRows) -> Iterator[Epoch]:
    """Train until the validation loss has not fallen for `patience` epochs, or `max_epochs`.

    Yields each epoch as it ends. A loss that is not a finite number ends the run at once: that
    epoch is not yielded, and `run.diverged_epoch` names it. Afterwards the network has the best
    epoch's parameters.

    An ensemble is calibrated on the validation pairs at each epoch's end, and the epoch is chosen
    by the loss of the same pairs: their loss is a little lower than that of other people's pairs,
    by as much as one slope for each stream can fit.

    Args:
        run: new and prepared, or with the state of one that was left.
        images: all images, (images, size, size[, 3]) uint8, on the network's device or the CPU.
        validation: pairs that decide when to stop and which epoch to keep.

    Raises:
        InputError: the loss was a finite number in no epoch.
    """
    if run.network.constants() and not run.prepared:
        raise ValueError("the network's closed-form streams are not set; see `prepare`")
    module = distributed.wrap(run.objective.module(run.network))
    embeddings: Tensor | None = None
    while not run.finished:
        number = len(run.epochs) + 1
        start = time.perf_counter()
        learning_rate = float(run.scheduler.get_last_lr()[0])
        train_loss, train_accuracy = _epoch(run, module)
        embeddings, pairs = embed_pairs(run.network, images, validation.rows, embeddings)
        if isinstance(run.network, EmbeddingNetwork) and embeddings.isfinite().all():
            first, second = embeddings[pairs.T]
            run.network.calibrate(first, second, validation.labels)
        # On other machines the last digits may differ, but all are to stop together.
        scores = distributed.from_first(compare_pairs(run.network, embeddings, pairs))
        val_loss = run.objective.validation_loss(scores, validation.labels)
        if not math.isfinite(train_loss + val_loss):
            run.diverged_epoch = number
            break
        if run.stopping.update(val_loss, run.network):
            run.best_scores = torch.from_numpy(scores)
        seconds = time.perf_counter() - start + (run.preparation_seconds if number == 1 else 0)
        run.epochs.append(
            Epoch(
                epoch=number,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val_loss,
                val_accuracy=accuracy(scores, validation.labels),
                val_threshold=best_threshold(scores, validation.labels),
                val_spread=float(probability(scores).std()),
                learning_rate=learning_rate,
                seconds=round(seconds, 2),
            )
        )
        yield run.epochs[-1]
    if not run.epochs:
        raise InputError(
            f"the loss of epoch {run.diverged_epoch} is not a finite number; {run.advice()}"
        )
    run.restore_best()


def _epoch(run: Run, module: nn.Module) -> tuple[float, float]:
    """Go through an epoch's batches; return mean loss and accuracy, or NaN as it appears."""
    run.network.train()
    loss_sum = 0.0
    correct = decisions = 0
    title, total = f"epoch {len(run.epochs) + 1}", run.objective.batches
    shown = distributed.is_first()
    with progress.bar(title=title, unit=" batches", total=total, shown=shown) as bar:
        for batch in run.objective.epoch(run.order):
            result = run.objective.loss(module, batch)
            run.optimizer.zero_grad()
            result.loss.backward()
            run.optimizer.step()
            if run.by_batch:
                run.scheduler.step()
            loss_sum += result.loss.item() * result.decisions
            correct += result.correct
            decisions += result.decisions
            if not math.isfinite(loss_sum):
                return math.nan, math.nan
            bar.update()
            bar.set_postfix(
                loss=f"{loss_sum / decisions:.3f}", accuracy=f"{correct / decisions:.1%}"
            )
    if not run.by_batch:
        run.scheduler.step()
    return loss_sum / decisions, correct / decisions


def prepare(run: Run, checkpoint: Checkpoint) -> None:
    """Set what is not learned step by step, or take it from the checkpoint.

    Of several processes the first one does, and the others take it on.
    """
    if distributed.is_first():
        _prepare(run, checkpoint)
    if machine.processes() > 1 and run.network.constants():
        kept = checkpoint.load_constants() if distributed.is_first() else None
        run.load_constants(distributed.from_first(kept))


def _prepare(run: Run, checkpoint: Checkpoint) -> None:
    if (constants := checkpoint.load_constants()) is not None:
        run.load_constants(constants)
        return
    start = time.perf_counter()
    run.objective.prepare(run.network)
    run.prepared = True
    run.preparation_seconds = time.perf_counter() - start
    if run.network.constants():
        print(f"closed-form streams: {run.preparation_seconds:.0f} s", flush=True)
        checkpoint.save_constants(run.constants())


def fit(
    parameters: Parameters,
    images: Tensor,
    examples: PairRows | ImagesOfPeople,
    validation: PairRows,
    inputs: list[Path],
    table: Path | None = None,
    fold: int | None = None,
    device: torch.device | None = None,
) -> tuple[Run, Checkpoint]:
    """Train the network of a recipe, from its start or from where it was left.

    Every epoch is printed, written to a table as it ends, and kept in the checkpoint: of several
    processes, by the first.

    Args:
        parameters: recipe, scheduler and seed.
        images: all images, (images, size, size[, 3]) uint8, see `machine.place`.
        examples: what to learn from.
        validation: pairs that decide when to stop and which epoch to keep.
        inputs: files that all of this is from: with other content, it is another run.
        table: CSV of the epochs to write, if any.
        fold: of View 2, if it is one.
        device: to train on, by default that of the images.

    Returns:
        The run, its network with the best epoch's parameters, and its checkpoint, to be removed
        when the caller has stored what it makes of the run.

    Raises:
        InputError: the loss was a finite number in no epoch, or there are more processes than a
            batch has pairs, or people.
    """
    torch.manual_seed(parameters.seed)
    recipe, first = parameters.recipe_settings, distributed.is_first()
    device = device or images.device
    network = model_file.make(recipe).to(device)
    distributed.synchronise(network)
    run = Run(network, objectives.make(recipe, images, examples), parameters)
    _refuse_idle_processes(run)
    settings = [fold, parameters.in_use(), machine.describe(device)]
    checkpoint = Checkpoint(UNFINISHED, settings, inputs)
    prepare(run, checkpoint)
    state = distributed.from_first(checkpoint.load() if first else None)
    if state is not None:
        run.load_state_dict(state)
        if first:
            print(f"continuing after epoch {len(run.epochs)}, from {checkpoint.path}", flush=True)
    if first:
        _write(run.epochs, table)
    for epoch in train(run, images, validation):
        if first:
            checkpoint.save(run.state_dict())
            _write(run.epochs, table)
            print(run.describe(epoch), flush=True)
    if first and run.diverged_epoch is not None:
        print(
            f"epoch {run.diverged_epoch}: the loss is not a finite number; "
            f"epoch {run.stopping.best_epoch} is kept; {run.advice()}"
        )
    return run, checkpoint


def _refuse_idle_processes(run: Run) -> None:
    recipe, unit = run.parameters.recipe, run.objective.unit
    most = min(run.parameters.recipe_settings.batch_size, run.objective.size)
    if (processes := machine.processes()) > most:
        raise InputError(
            f"{processes} processes are more than a batch of recipe {recipe} has {unit}; it takes "
            f"{most} at most"
        )


def _write(epochs: list[Epoch], table: Path | None) -> None:
    if table is not None:
        columns = [field.name for field in dataclasses.fields(Epoch)]
        atomic.write_csv(table, columns, map(dataclasses.astuple, epochs))
