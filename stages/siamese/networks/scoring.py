"""From images to embeddings to scores, without gradients.

A score is the logit of "different persons": the higher, the less similar.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from siamese.networks.contract import EmbeddingNetwork, Network

BATCH = 64  # images embedded at once: bounds memory, changes no result


def to_input(images: Tensor) -> Tensor:
    """Return the network's input, float32 in [0, 1], (n, channels, size, size), channels last.

    Args:
        images: (n, size, size) or (n, size, size, 3) uint8.
    """
    scaled = images.float().div_(255)
    scaled = scaled.unsqueeze(1) if scaled.ndim == 3 else scaled.permute(0, 3, 1, 2)
    return scaled.contiguous(memory_format=torch.channels_last)


def take(images: Tensor, rows: Tensor, device: torch.device) -> Tensor:
    """Return the network's input, see `to_input`, of some images, on its device.

    Args:
        images: all images, (images, size, size[, 3]) uint8, there or on the CPU.
        rows: (n,) int64, which of them.
        device: of the network.
    """
    return to_input(images[rows.to(images.device)].to(device))


def device_of(network: nn.Module) -> torch.device:
    """Return the device of a network."""
    return next(network.parameters()).device


@torch.inference_mode()
def embed_pairs(
    network: Network, images: Tensor, rows: NDArray[np.int64], before: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Return the embeddings of the pairs' images, (images, width), and their rows there, (n, 2).

    Each image is embedded once.

    Args:
        network: on the device of the images, or they are on the CPU.
        images: all images, (images, size, size[, 3]) uint8.
        rows: (n, 2) int64, which two images make each pair.
        before: what this returned for the same pairs after an earlier epoch; its part that is not
            learned is used again.
    """
    unique, positions = np.unique(rows, return_inverse=True)
    device, parts = device_of(network), torch.from_numpy(unique).split(BATCH)
    network.eval()
    if isinstance(network, EmbeddingNetwork):
        learned = torch.cat(
            [network.embed_learned(take(images, part, device)).flatten(1) for part in parts]
        )
        if before is None:
            rest = torch.cat(
                [network.embed_closed_form(take(images, part, device)) for part in parts]
            )
        else:
            rest = before[:, learned.shape[1] :]
        embeddings = torch.cat([learned, rest], dim=1)
    else:
        embeddings = torch.cat([network.embed(take(images, part, device)) for part in parts])
    pairs = torch.from_numpy(positions.reshape(-1, 2)).to(device)
    return embeddings, pairs


@torch.inference_mode()
def compare_pairs(network: Network, embeddings: Tensor, pairs: Tensor) -> NDArray[np.float32]:
    """Return the scores (n,) of pairs for what `embed_pairs` returned."""
    logits = [
        network.compare(embeddings[batch[:, 0]], embeddings[batch[:, 1]])
        for batch in torch.split(pairs, BATCH)
    ]
    scores: NDArray[np.float32] = torch.cat(logits).cpu().numpy()
    return scores


def score_pairs(network: Network, images: Tensor, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the scores (n,) of pairs; see `embed_pairs`."""
    return compare_pairs(network, *embed_pairs(network, images, rows))
