"""A closed-form stream: principal components of oriented gradients.

Its directions are those in which images vary most, whomever they show. Two images can be similar
because of the lighting, say; this stream measures how much, and the calibration subtracts it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from siamese.features import discriminant
from siamese.networks.streams import gradients
from siamese.networks.streams.view import STREAM_SIZE


class Stream(gradients.Stream):
    """A projection of oriented gradients on their principal components."""

    def project(self, features: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean (d,) of features and their principal components (d, 256)."""
        mean = discriminant.mean_of(features)
        rank = min(STREAM_SIZE, *features.shape)
        _, back = discriminant.principal(features, mean, rank)
        projection = back(torch.eye(rank).double().to(features.device))
        return mean, F.pad(projection, (0, STREAM_SIZE - rank))
