"""A small network whose embeddings of one person lie close together.

A fixed first layer of oriented gradients feeds two streams: residual blocks, learned step by step,
and a linear one, set once by discriminant analysis. They err on different pairs; together they
verify better than either. There may be several such views of an image, each of another part of it.

Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2016), for the blocks.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from siamese import discriminant, odds
from siamese.orientation import DIRECTIONS, OrientedGradients

EMBEDDING_SIZE = 256  # of each stream
VIEW_SIZE = 64  # side of what a view sees, in pixels, where images are not smaller
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


class _View(nn.Module):
    """Both streams on the centre of an image.

    Args:
        image_size: side of the square images in pixels.
        zoom: share of the side that is seen.
    """

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.side = round(image_size * zoom)
        self.start = (image_size - self.side) // 2
        self.size = min(image_size, VIEW_SIZE)
        self.orientation = OrientedGradients()
        blocks: list[nn.Module] = []
        inputs, side = DIRECTIONS, self.size // 2
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

    def _maps(self, images: Tensor) -> Tensor:
        """Return the oriented gradients of what is seen, in light and contrast of its own."""
        part = slice(self.start, self.start + self.side)
        seen = images[:, :, part, part]
        if self.side != self.size:
            seen = F.interpolate(seen, self.size, mode="bilinear", antialias=True)
        deviation, mean = torch.std_mean(seen, dim=(1, 2, 3), keepdim=True)
        maps: Tensor = self.orientation((seen - mean) / (deviation + 1e-3))
        return maps

    def _features(self, maps: Tensor) -> Tensor:
        """Return what the linear stream sees, (n, 3072), of an image's and its mirror's maps."""
        return F.adaptive_avg_pool2d(maps, GRID).flatten(1)

    @torch.no_grad()
    def set_linear(self, images: Tensor, people: Tensor) -> None:
        """Set the linear stream by discriminant analysis; see `ResidualNetwork.set_linear`."""
        features = torch.cat(
            [
                self._features(self._maps(batch) + self._maps(batch.flip(3)))
                for batch in images.split(BATCH)
            ]
        )
        mean, projection = discriminant.analyse(features.cpu(), people.cpu(), EMBEDDING_SIZE)
        self.mean.copy_(mean)
        self.projection.copy_(projection)

    def embed_deep(self, images: Tensor) -> Tensor:
        """Return the learned stream's embeddings (n, 256) of length 1."""
        return F.normalize(self.deep(self._maps(images)))

    def embed_both(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return both streams' embeddings, (n, 256) each, of images and their mirror images."""
        maps, mirrored = self._maps(images), self._maps(images.flip(3))
        deep = F.normalize(self.deep(maps)) + F.normalize(self.deep(mirrored))
        linear = (self._features(maps + mirrored) - self.mean) @ self.projection
        return F.normalize(deep), F.normalize(linear)


class ResidualNetwork(nn.Module):
    """Twin networks with shared weights; the cosines of their embeddings decide.

    Args:
        image_size: side of the square images in pixels, at least 32.
        channels: 1 for grayscale images, 3 for colour.
        zooms: what share of the image's side each view sees.
    """

    def __init__(
        self, image_size: int = 64, channels: int = 1, zooms: Sequence[float] = (1.0,)
    ) -> None:
        super().__init__()
        views = [_View(image_size, zoom) for zoom in zooms]
        self.views: Sequence[_View] = nn.ModuleList(views)  # type: ignore[assignment]
        # The logit of "different persons" is slopes · cosines + intercept; see `fit_odds`.
        self.slopes: Tensor
        self.intercept: Tensor
        self.register_buffer("slopes", torch.zeros(2 * len(zooms)))
        self.register_buffer("intercept", torch.tensor(0.0))
        self.forget_odds()

    def set_linear(self, images: Tensor, people: Tensor) -> None:
        """Set the linear streams by discriminant analysis of training images.

        Args:
            images: (n, channels, size, size) float32.
            people: (n,) int64, whom they show, as numbers from 0.
        """
        for view in self.views:
            view.set_linear(images, people)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings of images (n, channels, size, size), float32.

        In training, those of each view's deep stream side by side, (n, 256·views). In evaluation
        mode, of an image and its mirror image together, those of the deep streams, then those of
        the linear ones, (n, 512·views). Each stream's have length 1.
        """
        if self.training:
            return torch.cat([view.embed_deep(images) for view in self.views], dim=1)
        deep, linear = zip(*(view.embed_both(images) for view in self.views), strict=True)
        return torch.cat([*deep, *linear], dim=1)

    def similarities(self, first: Tensor, second: Tensor) -> Tensor:
        """Return each stream's cosines (n, k) for embeddings (n, 256·k) and (n, 256·k)."""
        cosines: Tensor = (first * second).unflatten(1, (-1, EMBEDDING_SIZE)).sum(dim=2)
        return cosines

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, k) and (n, k)."""
        return self.similarities(first, second) @ self.slopes + self.intercept

    def forget_odds(self) -> None:
        """Let the logits be the negative mean cosines of the deep streams, which are learned."""
        self.slopes.zero_()
        self.slopes[: len(self.views)] = -1 / len(self.views)
        self.intercept.zero_()

    def fit_odds(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> bool:
        """Fit slopes and intercept, so that the logits are those of the pairs' odds; return True.

        Args:
            first: (n, k) embeddings of validation pairs' first images.
            second: (n, k) those of the second ones.
            labels: (n,) the pairs' classes.
        """
        slopes, intercept = odds.fit(self.similarities(first, second), labels)
        self.slopes.copy_(slopes)
        self.intercept.copy_(intercept)
        return True

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, channels, size, size) twice."""
        return self.compare(*self.embed(torch.cat([first, second])).chunk(2))
