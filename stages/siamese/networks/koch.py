"""The Siamese network of the experiment, with batch normalisation and a fourth pooling.

Source: Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition" (2015),
section 3.1, in the variant that was evaluated on LFW.
"""

from torch import Tensor, nn

from siamese.networks.contract import Network
from siamese.networks.fourier import FourierConv2d

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


class KochNetwork(Network):
    """Twin networks with shared weights; the L1 distance of their embeddings decides.

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

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 4096) in (0, 1) of images (n, channels, size, size), float32."""
        embeddings: Tensor = self.twin(images)
        return embeddings

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 4096) and (n, 4096)."""
        logits: Tensor = self.decision((first - second).abs())
        return logits.squeeze(1)
