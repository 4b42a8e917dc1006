"""Training with early stopping: one loop, seen whole."""

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from siamese.errors import InputError
from siamese.network import SiameseNetwork
from siamese.pairs import PairRows
from siamese.parameters import Parameters
from siamese.schedules import BY_BATCH, make_scheduler
from siamese.scoring import score_pairs, to_input
from siamese.verification import EVEN_ODDS, accuracy, cross_entropy


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave; the learning rate is that of its first batch.

    Training figures are means over the epoch's batches while the network was changing;
    validation figures are those of the network at the epoch's end.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
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

    def stop(self, epoch: int, loss: float, network: torch.nn.Module) -> bool:
        """Take note of an epoch's loss; return whether patience is at an end."""
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best_state = copy.deepcopy(network.state_dict())
        return epoch - self.best_epoch >= self.patience


def train(
    network: SiameseNetwork,
    faces: Tensor,
    training: PairRows,
    validation: PairRows,
    parameters: Parameters,
    stopping: EarlyStopping,
) -> Iterator[Epoch]:
    """Train until the validation loss has not fallen for `patience` epochs, or `max_epochs`.

    Yields each epoch as it ends. Afterwards the network holds the best epoch's parameters.

    Args:
        network: newly made, on the device of the faces.
        faces: all images, (images, size, size[, 3]) uint8.
        training: pairs to learn from.
        validation: pairs that decide when to stop and which epoch to keep.
        parameters: batch size, learning rate and so on.
        stopping: what it has kept at the end says which epoch was best.

    Raises:
        InputError: the validation loss was never a finite number.
    """
    pairs, size = len(training.labels), parameters.batch_size
    settings = parameters.scheduler_settings
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=settings["learning_rate"],
        weight_decay=parameters.weight_decay,
        fused=True,
    )
    scheduler = make_scheduler(
        parameters.scheduler, settings, optimizer, parameters.max_epochs, -(-pairs // size)
    )
    by_batch = parameters.scheduler in BY_BATCH
    order = torch.Generator().manual_seed(parameters.seed)
    rows = torch.from_numpy(training.rows)
    labels = torch.from_numpy(training.labels)
    for epoch in range(1, parameters.max_epochs + 1):
        start = time.perf_counter()
        learning_rate = float(scheduler.get_last_lr()[0])
        network.train()
        loss_sum = 0.0
        correct = seen = 0
        with tqdm(total=pairs, unit=" pairs", desc=f"epoch {epoch}", leave=False) as bar:
            for batch in torch.randperm(pairs, generator=order).split(size):
                first, second = faces[rows[batch].T.to(faces.device)]
                different = labels[batch].to(faces.device)
                logits = network(to_input(first), to_input(second))
                loss = F.binary_cross_entropy_with_logits(logits, different.float())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                if by_batch:
                    scheduler.step()
                seen += len(batch)
                loss_sum += loss.item() * len(batch)
                correct += int(((logits >= EVEN_ODDS) == different).sum())
                bar.update(len(batch))
                bar.set_postfix(loss=f"{loss_sum / seen:.3f}", accuracy=f"{correct / seen:.1%}")
        if not by_batch:
            scheduler.step()
        scores = score_pairs(network, faces, validation.rows)
        val_loss = cross_entropy(scores, validation.labels)
        stop = stopping.stop(epoch, val_loss, network)
        yield Epoch(
            epoch=epoch,
            train_loss=loss_sum / pairs,
            train_accuracy=correct / pairs,
            val_loss=val_loss,
            val_accuracy=accuracy(scores, validation.labels),
            learning_rate=learning_rate,
            seconds=round(time.perf_counter() - start, 2),
        )
        if stop:
            break
    if not stopping.best_state:
        raise InputError(
            "no epoch had a finite validation loss; "
            f"schedulers.{parameters.scheduler}.learning_rate is {settings['learning_rate']}: "
            "try a lower one"
        )
    network.load_state_dict(stopping.best_state)
