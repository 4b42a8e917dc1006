"""What a stream sees of an image: its centre, in luminance, as oriented gradients."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese.features.oriented_gradients import OrientedGradients

STREAM_SIZE = 256  # of the embedding of a stream
VIEW_SIZE = 64  # side of what oriented gradients are taken of, in pixels, or smaller images' own
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


class Centre(nn.Module):
    """The centre of an image.

    Args:
        image_size: side of the square images in pixels.
        zoom: share of the side that is seen.
    """

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.side = round(image_size * zoom)
        self.start = (image_size - self.side) // 2

    def forward(self, images: Tensor) -> Tensor:
        """Return the centre (n, channels, side, side) of images."""
        part = slice(self.start, self.start + self.side)
        return images[:, :, part, part]


def luminance(images: Tensor) -> Tensor:
    """Return gray images (n, 1, size, size) of gray or colour ones."""
    if images.shape[1] == 1:
        return images
    return sum((share * images[:, [i]] for i, share in enumerate(LUMINANCE)), torch.tensor(0.0))


class GradientView(nn.Module):
    """Oriented gradients of the centre of an image, whose contrast is standardised.

    See `Centre` for the arguments.
    """

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__()
        self.centre = Centre(image_size, zoom)
        self.size = min(image_size, VIEW_SIZE)
        self.gradients = OrientedGradients()

    def forward(self, images: Tensor) -> Tensor:
        """Return maps (n, 12, size // 2, size // 2) of images (n, channels, size, size)."""
        seen = luminance(self.centre(images))
        if seen.shape[2] != self.size:
            seen = F.interpolate(seen, self.size, mode="bilinear", antialias=True)
        deviation, mean = torch.std_mean(seen, dim=(1, 2, 3), keepdim=True)
        maps: Tensor = self.gradients((seen - mean) / (deviation + 1e-3))
        return maps
