"""The Siamese network, with batch normalisation and a fourth pooling.

Source: Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition" (2015),
section 3.1, in the variant that was evaluated on LFW.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from siamese.fourier import FourierConv2d

EMBEDDING_SIZE = 4096
# (filters, kernel) of each convolution; a 2×2 max pooling follows each.
CONVOLUTIONS = ((64, 10), (128, 7), (128, 4), (256, 4))
# From this kernel size on, and with many input channels, the frequency domain is faster on a CPU.
FOURIER_KERNEL = 7


def feature_map_size(image_size: int) -> int:
    """Return the side in pixels of the last feature map."""
    size = image_size
    for _, kernel in CONVOLUTIONS:
        size = (size - kernel + 1) // 2
    return size


def _block(channels: int, filters: int, kernel: int) -> list[nn.Module]:
    fourier = kernel >= FOURIER_KERNEL and channels > 1
    convolution = FourierConv2d if fourier else nn.Conv2d
    # Maximum and ReLU commute, values and gradients: pooled first, ReLU has a quarter to do.
    return [
        convolution(channels, filters, kernel),
        nn.BatchNorm2d(filters),
        nn.MaxPool2d(2),
        nn.ReLU(inplace=True),
    ]


class SiameseNetwork(nn.Module):
    """Twin networks with shared weights; the distance of their embeddings decides.

    Args:
        image_size: side of the square images in pixels, at least 73.
        channels: 1 for grayscale images, 3 for colour.
    """

    def __init__(self, image_size: int = 105, channels: int = 1) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = channels
        for filters, kernel in CONVOLUTIONS:
            blocks += _block(inputs, filters, kernel)
            inputs = filters
        features = inputs * feature_map_size(image_size) ** 2
        self.twin = nn.Sequential(
            *blocks, nn.Flatten(), nn.Linear(features, EMBEDDING_SIZE), nn.Sigmoid()
        )
        self.decision = nn.Linear(EMBEDDING_SIZE, 1)

    def learned(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 4096) in (0, 1) of images (n, channels, size, size), float32."""
        embeddings: Tensor = self.twin(images)
        return embeddings

    def fixed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 0) of images: nothing but what is learned decides."""
        return images.new_empty(len(images), 0)

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 4096) and (n, 4096)."""
        logits: Tensor = self.decision((first - second).abs())
        return logits.squeeze(1)

    def forget_odds(self) -> None:
        """Do nothing: the decision is learned in training."""

    def fit_odds(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> bool:
        """Leave the logits as they are and return False: the decision is learned in training."""
        return False

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, channels, size, size) twice.

        Both images of all pairs go through the twin in one pass, so that batch normalisation sees
        them together.
        """
        return self.compare(*self.learned(torch.cat([first, second])).chunk(2))
