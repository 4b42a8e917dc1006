"""A training run: all that changes from epoch to epoch, and what is reported of an epoch."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import torch

from siamese.networks.contract import Network
from siamese.parameters import Parameters
from siamese.training.early_stopping import EarlyStopping, changing
from siamese.training.objectives import Objective
from siamese.training.schedules import BY_BATCH, make_scheduler

# Below this standard deviation of the validation pairs' probabilities, and with a training loss no
# better than chance, a network gives every pair the same score. (The deviation alone can be small
# because batch normalisation's running averages lag behind a network that learns.)
COLLAPSED_SPREAD = 0.01
NO_BETTER = 0.01  # nats


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave.

    Training figures are means over the epoch's decisions while the network was changing, as the
    objective counts them; validation figures are those of the network at the epoch's end.

    Attributes:
        epoch: its number, from 1.
        train_loss: of the objective, in nats.
        train_accuracy: of the objective's decisions.
        val_loss: cross-entropy of the validation pairs, in nats.
        val_accuracy: of the validation pairs at probability 0.5.
        val_threshold: the score at which the accuracy of the validation pairs is highest.
        val_spread: standard deviation of the validation pairs' probabilities.
        learning_rate: of the first batch.
        seconds: that it took, validation included.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    val_loss: float
    val_accuracy: float
    val_threshold: float
    val_spread: float
    learning_rate: float
    seconds: float


class Run:
    """A training run, which can be left and continued at any epoch's end.

    Args:
        network: new, on the device where it is to be trained.
        objective: what it is trained for.
        parameters: learning rate, patience and so on.
    """

    def __init__(self, network: Network, objective: Objective, parameters: Parameters) -> None:
        recipe, settings = parameters.recipe_settings, parameters.scheduler_settings
        self.network = network
        self.objective = objective
        self.parameters = parameters
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
        self.best_scores = torch.empty(0)  # of the validation pairs, in the best epoch
        self.diverged_epoch: int | None = None
        self.prepared = False
        self.preparation_seconds = 0.0

    @property
    def finished(self) -> bool:
        """Return whether no epoch is left to run."""
        return (
            self.stopping.over
            or len(self.epochs) == self.parameters.recipe_settings.max_epochs
            or self.diverged_epoch is not None
        )

    @property
    def best(self) -> Epoch:
        """Return the epoch whose parameters are kept."""
        return self.epochs[self.stopping.best_epoch - 1]

    @property
    def collapsed_epoch(self) -> int | None:
        """Return the epoch since which the network that is kept gives every pair the same score."""
        since = None
        for epoch in self.epochs[: self.stopping.best_epoch]:
            since = (since or epoch.epoch) if self.collapsed(epoch) else None
        return since

    def collapsed(self, epoch: Epoch) -> bool:
        """Return whether the network gave every validation pair the same score."""
        no_better = epoch.train_loss > self.objective.chance_loss - NO_BETTER
        return epoch.val_spread < COLLAPSED_SPREAD and no_better

    def restore_best(self) -> None:
        """Give the network the parameters of the best epoch."""
        self.network.load_state_dict(self.network.state_dict() | self.stopping.best_state)

    def constants(self) -> dict[str, Any]:
        """Return what is set before the first epoch and does not change afterwards."""
        names, state = self.network.constants(), self.network.state_dict()
        return {
            "network": {name: state[name] for name in names},
            "seconds": self.preparation_seconds,
            **self._generators(),
        }

    def load_constants(self, state: dict[str, Any]) -> None:
        """Take on what `constants` of a run with the same parameters returned."""
        self.network.load_state_dict(self.network.state_dict() | state["network"])
        self.preparation_seconds = state["seconds"]
        self._set_generators(state)
        self.prepared = True

    def state_dict(self) -> dict[str, Any]:
        """Return the rest of the state, to be used or stored before the next epoch."""
        return {
            "network": changing(self.network),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "stopping": vars(self.stopping),
            "order": self.order.get_state(),
            "best_scores": self.best_scores,
            "epochs": [dataclasses.asdict(epoch) for epoch in self.epochs],
            **self._generators(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take on a state that `state_dict` of a run with the same parameters returned."""
        self.network.load_state_dict(self.network.state_dict() | state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.stopping = EarlyStopping(**state["stopping"])
        self.order.set_state(state["order"])
        self._set_generators(state)
        self.best_scores = state["best_scores"]
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]

    @property
    def device(self) -> torch.device:
        """Return the device of the network."""
        return next(self.network.parameters()).device

    def _generators(self) -> dict[str, Any]:
        states = {"generator": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda_generator"] = torch.cuda.get_rng_state(self.device)
        return states

    def _set_generators(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(state["generator"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_generator"], self.device)

    def describe(self, epoch: Epoch) -> str:
        """Return an epoch's figures as one line, and a second one if the network has collapsed."""
        line = (
            f"epoch {epoch.epoch:2}: "
            f"training loss {epoch.train_loss:.4f}, accuracy {epoch.train_accuracy:.1%}; "
            f"validation loss {epoch.val_loss:.4f}, accuracy {epoch.val_accuracy:.1%}; "
            f"{epoch.seconds:.0f} s"
        )
        if self.collapsed(epoch):
            line += (
                "\n          collapsed: the same score for every validation pair "
                f"(spread {epoch.val_spread:.1e}); {self.advice()}"
            )
        return line

    def advice(self) -> str:
        """Return what to try where a network collapses or diverges."""
        params = self.parameters
        rate = params.scheduler_settings["learning_rate"]
        tries = f"schedulers.{params.scheduler}.learning_rate (now {rate:g})"
        decay = params.recipe_settings.weight_decay
        if decay > 0:
            tries += f" or recipes.{params.recipe}.weight_decay (now {decay:g})"
        return f"try a lower {tries}"
