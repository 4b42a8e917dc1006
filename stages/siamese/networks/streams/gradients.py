"""A closed-form stream: discriminant directions of oriented gradients."""

import torch.nn.functional as F
from torch import Tensor

from siamese.features.oriented_gradients import DIRECTIONS
from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import GradientView

GRID = 16  # side of the maps


class Stream(ClosedFormStream):
    """A projection of oriented gradients; see `Centre` for the arguments."""

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(DIRECTIONS * GRID**2)
        self.view = GradientView(image_size, zoom)

    def describe(self, images: Tensor) -> Tensor:
        """Return the maps of gradients, averaged to a grid, (n, 12, 16, 16)."""
        return F.adaptive_avg_pool2d(self.view(images), GRID)
