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
def embed_pairs(
    network: Network, faces: Tensor, rows: NDArray[np.int64], before: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the embeddings of the pairs' images, (images, k), and their rows there, (n, 2).

    Each image is embedded once.

    Args:
        network: on the device of the faces.
        faces: all images, (images, size, size[, 3]) uint8.
        rows: (n, 2) int64, which two images make each pair.
        before: embeddings of the same pairs after an earlier epoch, which spare the part that is
            not learned.
    """
    unique, positions = np.unique(rows, return_inverse=True)
    batches = faces[torch.from_numpy(unique).to(faces.device)].split(BATCH)
    network.eval()
    learned = torch.cat([network.learned(to_input(batch)) for batch in batches])
    if before is None:
        fixed = torch.cat([network.fixed(to_input(batch)) for batch in batches])
    else:
        fixed = before[:, learned.shape[1] :]
    pairs = torch.from_numpy(positions.reshape(-1, 2)).to(faces.device)
    return torch.cat([learned, fixed], dim=1), pairs


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
