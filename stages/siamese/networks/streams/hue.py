"""A closed-form stream: discriminant directions of hues."""

import torch
import torch.nn.functional as F
from torch import Tensor

from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import Centre

GRID = 16  # side of the maps
DARK = 0.05  # added to the brightness that hues are divided by: there is no hue in the dark


class Stream(ClosedFormStream):
    """A projection of hues: how much redder and bluer than green, relative to the brightness.

    The image's mean hue is subtracted: it depends on the lighting as much as on the person. See
    `Centre` for the arguments.
    """

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(2 * GRID**2)
        self.centre = Centre(image_size, zoom)

    def describe(self, images: Tensor) -> Tensor:
        """Return the hues of patches of colour images, (n, 2, 16, 16)."""
        patches = F.adaptive_avg_pool2d(self.centre(images), GRID)
        red, green, blue = patches.split(1, dim=1)
        hues = torch.cat([red - green, blue - green], dim=1)
        hues = hues / (patches.mean(dim=1, keepdim=True) + DARK)
        return hues - hues.mean(dim=(2, 3), keepdim=True)
