"""What training and scoring expect of a network."""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Network(nn.Module):
    """Twin networks with shared weights: embeddings, and a comparison of two of them.

    Enough for scoring, and for training by listed pairs.

    Attributes:
        outside_data: what it has learned from before its training; None for nothing.
    """

    outside_data: str | None = None

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, width) of images (n, channels, size, size), float32."""
        raise NotImplementedError

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, width) twice."""
        raise NotImplementedError

    def constants(self) -> set[str]:
        """Return the names of the state that training sets once, before the first epoch."""
        return set()

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for images (n, channels, size, size) twice.

        Both images of all pairs are embedded in one pass, so that batch normalisation sees them
        together.
        """
        return self.compare(*self.embed(torch.cat([first, second])).chunk(2))


@runtime_checkable
class EmbeddingNetwork(Protocol):
    """A network that learns embeddings, and is fitted to decide on pairs afterwards.

    What training by people's names needs besides `Network`.
    """

    def set_closed_form(self, load: Callable[[Tensor], Tensor], people: Tensor) -> None:
        """Set what is not learned step by step.

        Args:
            load: returns training images (n, channels, size, size), float32, by their numbers
                (n,) from 0.
            people: (all,) int64, whom they show, as numbers from 0.
        """

    def embed_learned(self, images: Tensor) -> Tensor:
        """Return the learned embeddings (n, streams, 256), each of length 1, of images."""

    def embed_closed_form(self, images: Tensor) -> Tensor:
        """Return the embeddings (n, rest) of images that training does not change."""

    def calibrate(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> None:
        """Fit the logits to pairs.

        Args:
            first: (n, width) embeddings of the pairs' first images.
            second: (n, width) those of the second ones.
            labels: (n,) the pairs' classes, both of them.
        """
