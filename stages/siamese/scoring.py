"""From faces to embeddings to scores, without gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from siamese.model import Network

BATCH = 64  # images embedded at once: bounds memory, changes no result


def to_input(faces: Tensor) -> Tensor:
    """Return the network's input, float32 in [0, 1], (n, channels, size, size), channels last.

    Args:
        faces: (n, size, size) or (n, size, size, 3) uint8.
    """
    images = faces.float().div_(255)
    images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return images.contiguous(memory_format=torch.channels_last)


@torch.inference_mode()
def embed(network: Network, faces: Tensor) -> Tensor:
    """Return the embeddings (n, k) float32 of faces (n, size, size[, 3]) uint8."""
    network.eval()
    return torch.cat([network.embed(to_input(batch)) for batch in torch.split(faces, BATCH)])


@torch.inference_mode()
def embed_pairs(network: Network, faces: Tensor, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
    """Return the embeddings of the pairs' images, (images, k), and their rows there, (n, 2).

    Each image is embedded once.

    Args:
        network: on the device of the faces.
        faces: all images, (images, size, size[, 3]) uint8.
        rows: (n, 2) int64, which two images make each pair.
    """
    unique, positions = np.unique(rows, return_inverse=True)
    index = torch.from_numpy(unique).to(faces.device)
    return embed(network, faces[index]), torch.from_numpy(positions.reshape(-1, 2)).to(faces.device)


@torch.inference_mode()
def compare_pairs(network: Network, embeddings: Tensor, pairs: Tensor) -> NDArray[np.float32]:
    """Return the logits (n,) of "different persons" for what `embed_pairs` returned."""
    logits = [
        network.compare(embeddings[batch[:, 0]], embeddings[batch[:, 1]])
        for batch in torch.split(pairs, BATCH)
    ]
    scores: NDArray[np.float32] = torch.cat(logits).cpu().numpy()
    return scores


def score_pairs(network: Network, faces: Tensor, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the logits (n,) of "different persons"; see `embed_pairs`."""
    return compare_pairs(network, *embed_pairs(network, faces, rows))
