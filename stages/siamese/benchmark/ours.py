"""The pipeline's own way: what the stages call, on the same images."""

from pathlib import Path

import numpy as np
import torch

from siamese.benchmark.workload import settings
from siamese.dataset import archive, images
from siamese.dataset.images import Pixels
from siamese.dataset.pairs import PairRows
from siamese.dataset.protocol import Face
from siamese.networks.koch import KochNetwork
from siamese.networks.scoring import score_pairs
from siamese.training.objectives import PairObjective

LEARNING_RATE = 1e-4


def network(size: int) -> KochNetwork:
    """Return the network as `train` makes it."""
    made = KochNetwork(size)
    return made.to(memory_format=torch.channels_last)


def train(net: KochNetwork, array: torch.Tensor, pairs: PairRows, batch_size: int) -> None:
    """Train for one epoch, as `siamese.training.loop` does."""
    objective = PairObjective(array, pairs, batch_size, None)
    optimizer = objective.optimizer(net, LEARNING_RATE, 0.0)
    net.train()
    for batch in objective.epoch(torch.Generator().manual_seed(0)):
        result = objective.loss(net, batch)
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
        result.loss.item()


def evaluate(net: KochNetwork, array: torch.Tensor, pairs: PairRows) -> None:
    """Score pairs, as `evaluate` does."""
    score_pairs(net, array, pairs.rows)


def read(tar: Path, faces: list[Face], size: int) -> Pixels:
    """Return all images of an archive, (n, size, size) uint8."""
    return images.read(archive.read_packed(tar), faces, settings(size))


def decode_alone(jpegs: list[bytes], threads: int) -> None:
    """Decode with libjpeg-turbo by torchvision, to gray, and do nothing else."""
    from concurrent.futures import ThreadPoolExecutor

    from torchvision.io import ImageReadMode, decode_jpeg

    tensors = [torch.from_numpy(np.frombuffer(jpeg, np.uint8).copy()) for jpeg in jpegs]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda data: decode_jpeg(data, mode=ImageReadMode.GRAY), tensors):
            pass
