"""A small network whose embeddings of one person lie close together.

A fixed first layer of oriented gradients feeds two streams: residual blocks, learned step by step,
and a linear one, set once by discriminant analysis. They err on different pairs; together they
verify better than either.

Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2016), for the blocks.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from siamese import discriminant, odds
from siamese.orientation import DIRECTIONS, OrientedGradients

STREAMS = 2
EMBEDDING_SIZE = 256  # of each stream
FILTERS = (64, 128, 256)  # of the blocks, each of stride 2
GRID = 16  # side of the maps that the linear stream sees
BATCH = 256  # images at once where features are gathered: bounds memory


class _Block(nn.Module):
    """Two 3×3 convolutions, the first of stride 2, beside a shortcut."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(channels, filters, 1, stride=2, bias=False), nn.BatchNorm2d(filters)
        )

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.convolutions(maps) + self.shortcut(maps))


class ResidualNetwork(nn.Module):
    """Twin networks with shared weights; the cosines of their embeddings decide.

    Args:
        image_size: side of the square images in pixels, at least 32.
        channels: 1 for grayscale images, 3 for colour.
    """

    def __init__(self, image_size: int = 64, channels: int = 1) -> None:
        super().__init__()
        self.orientation = OrientedGradients()
        blocks: list[nn.Module] = []
        inputs, side = DIRECTIONS, image_size // 2
        for filters in FILTERS:
            blocks.append(_Block(inputs, filters))
            inputs, side = filters, -(-side // 2)
        self.deep = nn.Sequential(
            *blocks,
            nn.Flatten(),
            nn.Linear(inputs * side**2, EMBEDDING_SIZE, bias=False),
            nn.BatchNorm1d(EMBEDDING_SIZE),
        )
        self.mean: Tensor
        self.projection: Tensor
        features = DIRECTIONS * GRID**2
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("projection", torch.zeros(features, EMBEDDING_SIZE))
        # The logit of "different persons" is slopes · cosines + intercept; see `fit_odds`.
        self.slopes: Tensor
        self.intercept: Tensor
        self.register_buffer("slopes", torch.tensor([-1.0, 0.0]))
        self.register_buffer("intercept", torch.tensor(0.0))

    def _maps(self, images: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        maps: Tensor = self.orientation((images - mean) / (deviation + 1e-3))
        return maps

    def _features(self, images: Tensor) -> Tensor:
        """Return what the linear stream sees of images and their mirror images, (n, 3072)."""
        maps = self._maps(images) + self._maps(images.flip(3))
        return F.adaptive_avg_pool2d(maps, GRID).flatten(1)

    @torch.no_grad()
    def set_linear(self, images: Tensor, people: Tensor) -> None:
        """Set the linear stream by discriminant analysis of training images.

        Args:
            images: (n, channels, size, size) float32.
            people: (n,) int64, whom they show, as numbers from 0.
        """
        features = torch.cat([self._features(batch) for batch in images.split(BATCH)])
        mean, projection = discriminant.analyse(features.cpu(), people.cpu(), EMBEDDING_SIZE)
        self.mean.copy_(mean)
        self.projection.copy_(projection)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings of images (n, channels, size, size), float32.

        In training, those of the deep stream, (n, 256), of length 1. In evaluation mode those of
        both streams, (n, 512), each of length 1, of an image and its mirror image together.
        """
        if self.training:
            return F.normalize(self.deep(self._maps(images)))
        maps, mirrored = self._maps(images), self._maps(images.flip(3))
        deep = F.normalize(F.normalize(self.deep(maps)) + F.normalize(self.deep(mirrored)))
        features = F.adaptive_avg_pool2d(maps + mirrored, GRID).flatten(1)
        return torch.cat([deep, F.normalize((features - self.mean) @ self.projection)], dim=1)

    def similarities(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the cosines (n, 2) of both streams for embeddings (n, 512) and (n, 512)."""
        return (first * second).unflatten(1, (STREAMS, EMBEDDING_SIZE)).sum(dim=2)

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 512) and (n, 512)."""
        return self.similarities(first, second) @ self.slopes + self.intercept

    def forget_odds(self) -> None:
        """Let the logits be the negative cosines of the deep stream, the one that is learned."""
        self.slopes.copy_(torch.tensor([-1.0, 0.0]))
        self.intercept.zero_()

    def fit_odds(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> bool:
        """Fit slopes and intercept, so that the logits are those of the pairs' odds; return True.

        Args:
            first: (n, 512) embeddings of validation pairs' first images.
            second: (n, 512) those of the second ones.
            labels: (n,) the pairs' classes.
        """
        slopes, intercept = odds.fit(self.similarities(first, second), labels)
        self.slopes.copy_(slopes)
        self.intercept.copy_(intercept)
        return True

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, channels, size, size) twice."""
        return self.compare(*self.embed(torch.cat([first, second])).chunk(2))
