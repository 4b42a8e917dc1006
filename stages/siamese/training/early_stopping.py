"""When training ends, and which epoch's parameters are kept."""

from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from siamese.networks.contract import Network

# A loss that falls by less is the same loss: it is made of float32 numbers.
RESOLUTION = float(np.finfo(np.float32).eps)


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

    def update(self, loss: float, network: Network) -> bool:
        """Take the next epoch's loss; keep the parameters if it is the lowest so far.

        Returns:
            Whether it is.
        """
        self.epoch += 1
        lower = loss < self.best_loss * (1 - RESOLUTION)
        if lower:
            self.best_loss, self.best_epoch = loss, self.epoch
            self.best_state = {name: each.clone() for name, each in changing(network).items()}
        return lower

    @property
    def over(self) -> bool:
        """Return whether patience has run out."""
        return self.epoch - self.best_epoch >= self.patience


def changing(network: Network) -> dict[str, Tensor]:
    """Return the network's state without what is set once, before the first epoch."""
    constants = network.constants()
    return {name: each for name, each in network.state_dict().items() if name not in constants}
