"""The plain way: what a user would write with PyTorch and Pillow alone.

The network is the Koch network layer by layer, each twin computed by itself; images are opened,
turned gray and resized whenever a pair needs them.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from siamese.networks.koch import CONVOLUTIONS, EMBEDDING_SIZE, feature_map_size

LEARNING_RATE = 1e-4


def open_image(path: Path, size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a gray image (size, size) uint8 of a JPEG file."""
    with PIL.Image.open(path) as image:
        small = image.convert("L").resize((size, size), PIL.Image.Resampling.BILINEAR)
        return np.asarray(small)


class Pairs(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Pairs of JPEG files, opened whenever they are asked for.

    Args:
        files: (first, second) of each pair.
        labels: 1 for different persons.
        size: side of the network's input, in pixels.
    """

    def __init__(self, files: list[tuple[Path, Path]], labels: list[int], size: int) -> None:
        self.files, self.labels, self.size = files, labels, size

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        first, second = (
            torch.from_numpy(open_image(path, self.size).copy())[None].float() / 255
            for path in self.files[number]
        )
        return first, second, torch.tensor(float(self.labels[number]))


class Network(nn.Module):
    """The Koch network as its paper draws it.

    Args:
        image_size: side of the square gray images, in pixels.
    """

    def __init__(self, image_size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for filters, kernel in CONVOLUTIONS:
            layers += [
                nn.Conv2d(inputs, filters, kernel),
                nn.BatchNorm2d(filters),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            inputs = filters
        self.layers = nn.Sequential(*layers)
        self.embedding = nn.Linear(inputs * feature_map_size(image_size) ** 2, EMBEDDING_SIZE)
        self.decision = nn.Linear(EMBEDDING_SIZE, 1)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 4096) of images (n, 1, size, size)."""
        return torch.sigmoid(self.embedding(self.layers(images).flatten(1)))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, 1, size, size) twice."""
        logits: Tensor = self.decision((self.embed(first) - self.embed(second)).abs())
        return logits.squeeze(1)


def train(network: Network, pairs: Pairs, batch_size: int) -> None:
    """Train for one epoch."""
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    network.train()
    for first, second, labels in DataLoader(pairs, batch_size, shuffle=True):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(network(first, second), labels)
        loss.backward()
        optimizer.step()


@torch.no_grad()
def evaluate(network: Network, pairs: Pairs) -> list[float]:
    """Return the logits of pairs, one after the other."""
    network.eval()
    return [network(first[None], second[None]).item() for first, second, _ in pairs]  # type: ignore[attr-defined]


def decode(files: list[Path], size: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return all images (n, size, size), one after the other."""
    return np.stack([open_image(path, size) for path in files])


def image_folder(folder: Path, size: int, workers: int) -> float:
    """Return the seconds that torchvision's ImageFolder takes for all images of a folder."""
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    steps = [transforms.Grayscale(), transforms.Resize((size, size)), transforms.PILToTensor()]
    images = ImageFolder(folder, transforms.Compose(steps))
    start = time.perf_counter()
    for _ in DataLoader(images, 64, num_workers=workers):
        pass
    return time.perf_counter() - start
