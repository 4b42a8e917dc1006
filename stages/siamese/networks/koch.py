"""The Siamese network of the experiment, with batch normalisation and a fourth pooling.

Source: Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition" (2015),
section 3.1, in the variant that was evaluated on LFW.
"""

import torch
from torch import Tensor, nn

from siamese.networks.contract import Network
from siamese.networks.fourier import FourierConv2d
from siamese.parameters import Variant

EMBEDDING_SIZE = 4096  # of an image
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


def _block(channels: int, filters: int, kernel: int, normalisation: str) -> list[nn.Module]:
    fourier = kernel >= FOURIER_KERNEL and channels > 1
    convolution = (FourierConv2d if fourier else nn.Conv2d)(channels, filters, kernel)
    normal = nn.BatchNorm2d(filters)
    if normalisation == "after_relu":
        return [convolution, nn.ReLU(inplace=True), normal, nn.MaxPool2d(2)]
    # Maximum and ReLU commute, values and gradients: pooled first, ReLU has a quarter to do.
    return [convolution, normal, nn.MaxPool2d(2), nn.ReLU(inplace=True)]


def _scaled(images: Tensor, scaling: str) -> Tensor:
    """Return images (n, channels, size, size) in [0, 1] as the variant takes them."""
    if scaling == "bytes":
        return images * 255
    if scaling == "standardised":
        deviation, mean = torch.std_mean(images, dim=(1, 2, 3), keepdim=True)
        return (images - mean) / (deviation + 1e-3)
    return images


@torch.no_grad()
def _initialise(module: nn.Module) -> None:
    """Draw a layer's parameters as section 3.2 of the paper says."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01 if isinstance(module, nn.Conv2d) else 0.2)
        if module.bias is not None:
            nn.init.normal_(module.bias, 0.5, 0.01)


class KochNetwork(Network):
    """Twin networks with shared weights; the L1 distance of their embeddings decides.

    Args:
        image_size: side of the square images in pixels, at least 73.
        channels: 1 for grayscale images, 3 for colour.
        variant: what the report leaves open.
    """

    def __init__(
        self, image_size: int = 105, channels: int = 1, variant: Variant | None = None
    ) -> None:
        super().__init__()
        self.variant = variant or Variant()
        blocks: list[nn.Module] = []
        inputs = channels
        for filters, kernel in CONVOLUTIONS:
            blocks += _block(inputs, filters, kernel, self.variant.normalisation)
            inputs = filters
        features = inputs * feature_map_size(image_size) ** 2
        self.twin = nn.Sequential(
            *blocks, nn.Flatten(), nn.Linear(features, EMBEDDING_SIZE), nn.Sigmoid()
        )
        self.decision = nn.Linear(EMBEDDING_SIZE, 1)
        if self.variant.initialisation == "koch":
            self.apply(_initialise)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 4096) in (0, 1) of images (n, channels, size, size), float32."""
        embeddings: Tensor = self.twin(_scaled(images, self.variant.scaling))
        return embeddings

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 4096) and (n, 4096)."""
        logits: Tensor = self.decision((first - second).abs())
        return logits.squeeze(1)
