"""A cohort: images of other people, to which each similarity is compared.

Some images are similar to those of many other people: a common pose, lighting or expression. There
a high cosine means less. What counts is by how much it exceeds the cosines with the most similar
images of the cohort.

Source: Sturim, Reynolds, "Speaker adaptive cohort selection for Tnorm in text-independent speaker
verification" (2005), for the cohort and its nearest; Conneau, Lample, Ranzato, Denoyer, Jégou,
"Word translation without parallel data" (2018), for the difference (CSLS).
"""

import numpy as np
import torch
from torch import Tensor, nn

SIZE = 2048  # images of as many people
NEAREST = 64  # of them, the most similar ones, count


def choose(people: Tensor) -> Tensor:
    """Return the numbers of `SIZE` images, (2048,) int64, drawn with torch's generator.

    There is one of each person drawn; where there are fewer people, they are repeated.

    Args:
        people: (n,) int64, whom each image shows.
    """
    order = torch.randperm(len(people))
    _, first = np.unique(people[order].numpy(), return_index=True)
    one_each = order[torch.from_numpy(np.sort(first))]
    return one_each.repeat(-(-SIZE // len(one_each)))[:SIZE]


class Cohort(nn.Module):
    """The embeddings of a cohort.

    Args:
        width: of an embedding.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embeddings: Tensor
        self.register_buffer("embeddings", torch.zeros(SIZE, width))

    def set(self, embeddings: Tensor) -> None:
        """Store these embeddings, (2048, width), of length 1."""
        self.embeddings.copy_(embeddings)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the mean cosine (n,) of each embedding (n, width) with the nearest of these."""
        nearest: Tensor = (embeddings @ self.embeddings.T).topk(NEAREST, dim=1).values
        return nearest.mean(dim=1)
