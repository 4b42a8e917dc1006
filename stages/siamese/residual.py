"""A small residual network whose embeddings of one person lie close together.

Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2016), for the blocks.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

EMBEDDING_SIZE = 256
STEM = 32
# (filters, stride) of each block, after a stem of stride 2.
BLOCKS = ((32, 1), (64, 2), (128, 2), (256, 2))


class _Block(nn.Module):
    """Two 3×3 convolutions beside a shortcut."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(channels, filters, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut: nn.Module = nn.Identity()
        if (channels, stride) != (filters, 1):
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels, filters, 1, stride, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.convolutions(maps) + self.shortcut(maps))


class ResidualNetwork(nn.Module):
    """Twin networks with shared weights; the cosine of their embeddings decides.

    Args:
        image_size: side of the square images in pixels, at least 32.
        channels: 1 for grayscale images, 3 for colour.
    """

    def __init__(self, image_size: int = 64, channels: int = 1) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs, side = STEM, -(-image_size // 2)
        for filters, stride in BLOCKS:
            blocks.append(_Block(inputs, filters, stride))
            inputs, side = filters, -(-side // stride)
        self.twin = nn.Sequential(
            nn.Conv2d(channels, STEM, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(STEM),
            nn.ReLU(inplace=True),
            *blocks,
            nn.Flatten(),
            nn.Linear(inputs * side**2, EMBEDDING_SIZE, bias=False),
            nn.BatchNorm1d(EMBEDDING_SIZE),
        )
        # The logit of "different persons" is slope × cosine + intercept; see `fit_odds`.
        self.slope: Tensor
        self.intercept: Tensor
        self.register_buffer("slope", torch.tensor(-1.0))
        self.register_buffer("intercept", torch.tensor(0.0))

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 256) of length 1 of images (n, channels, size, size), float32.

        In evaluation mode, of the sum of each image's embedding and its mirror image's.
        """
        deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        standard = (images - mean) / (deviation + 1e-3)
        embeddings = F.normalize(self.twin(standard))
        if not self.training:
            embeddings = F.normalize(embeddings + F.normalize(self.twin(standard.flip(3))))
        return embeddings

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 256) and (n, 256)."""
        return self.slope * (first * second).sum(dim=1) + self.intercept

    def forget_odds(self) -> None:
        """Let the logits be the negative cosines again."""
        self.slope.fill_(-1)
        self.intercept.zero_()

    def fit_odds(self, scores: NDArray[np.floating], labels: NDArray[np.integer]) -> bool:
        """Fit slope and intercept, so that the logits are those of the pairs' odds; return True.

        Source: Platt, "Probabilistic Outputs for Support Vector Machines" (1999), without his
        change of the targets.

        Args:
            scores: (n,) logits that this network gave validation pairs.
            labels: (n,) their classes.
        """
        x = torch.from_numpy(scores.astype(np.float64))
        y = torch.from_numpy(labels.astype(np.float64))
        # Newton's method on centred and scaled scores; convex, so that a few steps do.
        deviation, mean = torch.std_mean(x)
        deviation = deviation.clamp(min=1e-12)
        features = torch.stack([(x - mean) / deviation, torch.ones_like(x)], dim=1)
        weights = torch.zeros(2, dtype=torch.float64)
        for _ in range(30):
            p = torch.sigmoid(features @ weights)
            gradient = features.T @ (p - y) / len(y) + 1e-6 * weights
            hessian = (features.T * (p * (1 - p))) @ features / len(y) + 1e-6 * torch.eye(2)
            weights = weights - torch.linalg.solve(hessian, gradient)
        a = weights[0] / deviation
        b = weights[1] - a * mean
        self.intercept.fill_(float(b) + float(a) * float(self.intercept))
        self.slope.fill_(float(a) * float(self.slope))
        return True

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, channels, size, size) twice."""
        return self.compare(*self.embed(torch.cat([first, second])).chunk(2))
