"""Oriented gradients (HOG): a fixed first layer that keeps edges and little of the lighting.

The effects of lighting would have to be learned from many images of each person, and LFW has few.
So this layer is not learned; with it, the same network verifies better after the same training.

Source: Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005): gradients
by direction, pooled, and normalised by their surroundings.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

DIRECTIONS = 12
SQUARINGS = 5  # of the cosine that a direction responds with: half of its height at 12°
POOL = 4  # pixels
SURROUNDINGS = 9  # points of the pooled maps


def by_direction(images: Tensor, directions: int, squarings: int) -> Tensor:
    """Return how strongly images change in each direction, (n, directions, size, size).

    Args:
        images: (n, 1, size, size), float32.
        directions: number of them, evenly spread over the circle.
        squarings: of the cosine that a direction responds with.
    """
    angles = torch.arange(directions, device=images.device) * (2 * math.pi / directions)
    weights = torch.stack([angles.cos(), angles.sin()], dim=1)[:, :, None, None]
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    right = padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]
    down = padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]
    length = (right.square() + down.square() + 1e-8).sqrt()
    maps = F.conv2d(torch.cat([right, down], dim=1) / length, weights).relu_()
    # In place, since nothing here is learned and memory decides how long it takes.
    for _ in range(squarings):
        maps.square_()
    maps *= length
    return maps


class OrientedGradients(nn.Module):
    """How strongly images change in each of twelve directions, at every other pixel."""

    def forward(self, images: Tensor) -> Tensor:
        """Return maps (n, 12, size // 2, size // 2) of gray images (n, 1, size, size), float32."""
        maps = by_direction(images, DIRECTIONS, SQUARINGS)
        maps = F.avg_pool2d(maps, POOL, 2, POOL // 2 - 1, count_include_pad=False)
        around = F.avg_pool2d(
            maps.mean(dim=1, keepdim=True), SURROUNDINGS, 1, SURROUNDINGS // 2,
            count_include_pad=False,
        )  # fmt: skip
        normal = (maps / (around + 1e-3) + 1e-6).sqrt()
        return normal.contiguous(memory_format=torch.channels_last)
