"""A learned stream: residual blocks on oriented gradients.

Source: He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition" (2016), for the blocks.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from siamese.features.oriented_gradients import DIRECTIONS
from siamese.networks.streams.view import STREAM_SIZE, GradientView

FILTERS = (64, 128, 256)  # of the blocks, each of stride 2


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
            nn.Conv2d(channels, filters, 1, bias=False), nn.BatchNorm2d(filters)
        )

    def forward(self, maps: Tensor) -> Tensor:
        # As a 1×1 convolution of stride 2, but that one's gradient, of twelve channels, makes
        # PyTorch write to memory that is not its own where there is AVX-512 (oneDNN's issue 6035).
        every_other = maps[:, :, ::2, ::2]
        return F.relu(self.convolutions(maps) + self.shortcut(every_other))


class Stream(nn.Module):
    """Residual blocks on oriented gradients; see `Centre` for the arguments."""

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.view = GradientView(image_size, zoom)
        blocks: list[nn.Module] = []
        inputs, side = DIRECTIONS, self.view.size // 2
        for filters in FILTERS:
            blocks.append(_Block(inputs, filters))
            inputs, side = filters, -(-side // 2)
        self.layers = nn.Sequential(
            *blocks,
            nn.Flatten(),
            nn.Linear(inputs * side**2, STREAM_SIZE, bias=False),
            nn.BatchNorm1d(STREAM_SIZE),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 256) of length 1; in evaluation mode with the mirror images'."""
        embeddings = F.normalize(self.layers(self.view(images)))
        if self.training:
            return embeddings
        mirrored = F.normalize(self.layers(self.view(images.flip(3))))
        return F.normalize(embeddings + mirrored)
