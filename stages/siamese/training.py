"""Training with early stopping: one loop, seen whole."""

import copy
import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from siamese.errors import InputError
from siamese.model import Network
from siamese.objectives import Objective
from siamese.pairs import PairRows
from siamese.parameters import Parameters
from siamese.schedules import BY_BATCH, make_scheduler
from siamese.scoring import compare_pairs, embed_pairs
from siamese.verification import accuracy, cross_entropy, probability

# A loss that falls by less is the same loss: it is made of float32 numbers.
RESOLUTION = float(np.finfo(np.float32).eps)
# A network that answers the same for every pair: its answers hardly spread, and its training
# loss is no better than chance. (On its own, the spread can be small because batch normalisation's
# running averages lag behind a network that learns.)
COLLAPSED_SPREAD = 0.01
NO_BETTER = 0.01  # nats


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave; the learning rate is that of its first batch.

    Training figures are means over the epoch's answers while the network was changing, as the
    objective counts them; validation figures are those of the network at the epoch's end. The
    spread is the standard deviation of the validation pairs' probabilities, before odds are fitted.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_spread: float
    learning_rate: float
    seconds: float


@dataclass
class EarlyStopping:
    """Keeps the parameters of the epoch with the lowest validation loss.

    Attributes:
        patience: epochs in a row without a lower loss after which to stop.
    """

    patience: int
    best_loss: float = float("inf")
    best_epoch: int = 0
    best_state: dict[str, Tensor] = field(default_factory=dict)
    epoch: int = 0

    def note(self, loss: float, network: torch.nn.Module) -> None:
        """Take note of the next epoch's loss and, if it is the lowest, of the parameters."""
        self.epoch += 1
        if loss < self.best_loss * (1 - RESOLUTION):
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best_state = copy.deepcopy(network.state_dict())

    @property
    def over(self) -> bool:
        """Return whether patience is at an end."""
        return self.epoch - self.best_epoch >= self.patience


class Run:
    """A training run: all that an epoch changes, to be left and gone on with at any epoch's end.

    Args:
        network: newly made, on the device where it is to be trained.
        objective: what it is trained for.
        parameters: learning rate, patience and so on.
    """

    def __init__(self, network: Network, objective: Objective, parameters: Parameters) -> None:
        recipe, settings = parameters.recipe_settings, parameters.scheduler_settings
        self.network = network
        self.objective = objective
        self.optimizer = objective.optimizer(
            network, settings["learning_rate"], recipe.weight_decay
        )
        self.scheduler = make_scheduler(
            parameters.scheduler, settings, self.optimizer, recipe.max_epochs, objective.batches
        )
        self.by_batch = parameters.scheduler in BY_BATCH
        self.stopping = EarlyStopping(recipe.patience)
        self.order = torch.Generator().manual_seed(parameters.seed)  # of the batches
        self.epochs: list[Epoch] = []
        self.max_epochs = recipe.max_epochs
        self.diverged_epoch: int | None = None

    @property
    def finished(self) -> bool:
        """Return whether no epoch is left to run."""
        return (
            self.stopping.over
            or len(self.epochs) == self.max_epochs
            or self.diverged_epoch is not None
        )

    @property
    def collapsed_epoch(self) -> int | None:
        """Return since which epoch the network that is kept answers the same for every pair."""
        since = None
        for epoch in self.epochs[: self.stopping.best_epoch]:
            since = (since or epoch.epoch) if self.collapsed(epoch) else None
        return since

    def collapsed(self, epoch: Epoch) -> bool:
        """Return whether the network answered the same for every validation pair."""
        no_better = epoch.train_loss > self.objective.chance_loss - NO_BETTER
        return epoch.val_spread < COLLAPSED_SPREAD and no_better

    def state_dict(self) -> dict[str, Any]:
        """Return the state as numbers, text and tensors, to be used before the next epoch."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "stopping": vars(self.stopping),
            "order": self.order.get_state(),
            "generator": torch.get_rng_state(),
            "cuda_generators": torch.cuda.get_rng_state_all(),
            "epochs": [dataclasses.asdict(epoch) for epoch in self.epochs],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take on a state that `state_dict` of a run with the same parameters returned."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.stopping = EarlyStopping(**state["stopping"])
        self.order.set_state(state["order"])
        torch.set_rng_state(state["generator"])
        torch.cuda.set_rng_state_all(state["cuda_generators"])
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]


def train(run: Run, faces: Tensor, validation: PairRows, parameters: Parameters) -> Iterator[Epoch]:
    """Train until the validation loss has not fallen for `patience` epochs, or `max_epochs`.

    Yields each epoch as it ends. A loss that is no finite number ends the run at once: that
    epoch is not yielded, and `run.diverged_epoch` names it. Afterwards the network holds the best
    epoch's parameters.

    Args:
        run: new, or with the state of one that was left.
        faces: all images, (images, size, size[, 3]) uint8, on the network's device.
        validation: pairs that decide when to stop and which epoch to keep.
        parameters: those that the run was made with.

    Raises:
        InputError: the loss was a finite number in no epoch.
    """
    embeddings: Tensor | None = None
    while not run.finished:
        number = len(run.epochs) + 1
        start = time.perf_counter()
        if number == 1:
            run.objective.prepare(run.network)
        learning_rate = float(run.scheduler.get_last_lr()[0])
        train_loss, train_accuracy = _learn(run)
        run.network.forget_odds()
        embeddings, pairs = embed_pairs(run.network, faces, validation.rows, embeddings)
        scores = compare_pairs(run.network, embeddings, pairs)
        if not math.isfinite(train_loss + cross_entropy(scores, validation.labels)):
            run.diverged_epoch = number
            break
        spread = float(probability(scores).std())
        first, second = embeddings[pairs.T]
        if run.network.fit_odds(first, second, validation.labels):
            scores = compare_pairs(run.network, embeddings, pairs)
        val_loss = cross_entropy(scores, validation.labels)
        run.stopping.note(val_loss, run.network)
        run.epochs.append(
            Epoch(
                epoch=number,
                train_loss=train_loss,
                train_accuracy=train_accuracy,
                val_loss=val_loss,
                val_accuracy=accuracy(scores, validation.labels),
                val_spread=spread,
                learning_rate=learning_rate,
                seconds=round(time.perf_counter() - start, 2),
            )
        )
        yield run.epochs[-1]
    if not run.epochs:
        raise InputError(
            f"the loss of epoch {run.diverged_epoch} is not a finite number; {advice(parameters)}"
        )
    run.network.load_state_dict(run.stopping.best_state)


def _learn(run: Run) -> tuple[float, float]:
    """Go through an epoch's batches; return mean loss and accuracy, or NaN as it appears."""
    run.network.train()
    loss_sum = 0.0
    right = answers = 0
    title = f"epoch {len(run.epochs) + 1}"
    with tqdm(total=run.objective.batches, unit=" batches", desc=title, leave=False) as bar:
        for batch in run.objective.epoch(run.order):
            judged = run.objective.judge(run.network, batch)
            run.optimizer.zero_grad()
            judged.loss.backward()
            run.optimizer.step()
            if run.by_batch:
                run.scheduler.step()
            loss_sum += judged.loss.item() * judged.answers
            right += judged.right
            answers += judged.answers
            if not math.isfinite(loss_sum):
                return math.nan, math.nan
            bar.update()
            bar.set_postfix(loss=f"{loss_sum / answers:.3f}", accuracy=f"{right / answers:.1%}")
    if not run.by_batch:
        run.scheduler.step()
    return loss_sum / answers, right / answers


def describe(run: Run, epoch: Epoch, parameters: Parameters) -> str:
    """Return an epoch's figures as one line, and a second one if the network has collapsed."""
    line = (
        f"epoch {epoch.epoch:2}: "
        f"train loss {epoch.train_loss:.4f}, accuracy {epoch.train_accuracy:.1%}; "
        f"val loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}; "
        f"{epoch.seconds:.0f} s"
    )
    if run.collapsed(epoch):
        line += (
            "\n          collapsed: the same answer for every validation pair "
            f"(spread {epoch.val_spread:.1e}); {advice(parameters)}"
        )
    return line


def advice(parameters: Parameters) -> str:
    """Return what to try where a network collapses or diverges."""
    rate = parameters.scheduler_settings["learning_rate"]
    tries = f"schedulers.{parameters.scheduler}.learning_rate (now {rate:g})"
    decay = parameters.recipe_settings.weight_decay
    if decay > 0:
        tries += f" or recipes.{parameters.recipe}.weight_decay (now {decay:g})"
    return f"try a lower {tries}"
