"""What training learns from: listed pairs, or people's names."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from siamese.augmentation import Augmentation
from siamese.model import Network
from siamese.pairs import PairRows
from siamese.residual import ResidualNetwork
from siamese.scoring import to_input
from siamese.streams import EMBEDDING_SIZE
from siamese.verification import EVEN_ODDS

TEMPERATURE = 0.1  # of the similarities in the contrastive loss
IMAGES_OF_ONE = 3  # of one person in a batch, at most


class Judged(NamedTuple):
    """A batch's mean loss, how many answers of it were right, and how many there were."""

    loss: Tensor
    right: int
    answers: int


class Objective(Protocol):
    """What a network is trained for.

    Attributes:
        batches: number of batches in an epoch.
        unit: what an epoch goes through.
        size: how many of them.
        chance_loss: no more than the loss of a network that answers always the same, in nats.
    """

    batches: int
    unit: str
    size: int
    chance_loss: float

    def prepare(self, network: Network) -> None:
        """Set what the network does not learn step by step, before the first epoch."""

    def epoch(self, order: torch.Generator) -> Iterator[Tensor]:
        """Yield an epoch's batches, drawn with a generator."""

    def judge(self, network: Network, batch: Tensor) -> Judged:
        """Return the loss of a batch, to be differentiated."""

    def optimizer(self, network: Network, rate: float, decay: float) -> torch.optim.Optimizer:
        """Return the optimizer that suits."""


class PairObjective:
    """Binary cross-entropy of listed pairs: the experiment's own, image-restricted.

    Args:
        faces: all images, (images, size, size[, 3]) uint8.
        pairs: those to learn.
        batch_size: pairs a batch.
        augment: varies the images, or None.
    """

    unit = "pairs"
    chance_loss = math.log(2)

    def __init__(
        self, faces: Tensor, pairs: PairRows, batch_size: int, augment: Augmentation | None
    ) -> None:
        self.faces = faces
        self.rows = torch.from_numpy(pairs.rows)
        self.labels = torch.from_numpy(pairs.labels)
        self.batch_size = batch_size
        self.augment = augment
        self.size = len(pairs.labels)
        self.batches = -(-self.size // batch_size)

    def prepare(self, network: Network) -> None:
        """Do nothing: all is learned."""

    def epoch(self, order: torch.Generator) -> Iterator[Tensor]:
        """Yield the indices (n,) of pairs; each pair comes once."""
        yield from torch.randperm(self.size, generator=order).split(self.batch_size)

    def judge(self, network: Network, batch: Tensor) -> Judged:
        """Return the loss of a batch of pairs; an answer is right on its side of even odds."""
        first, second = self.faces[self.rows[batch].T.to(self.faces.device)]
        different = self.labels[batch].to(self.faces.device)
        images = to_input(first), to_input(second)
        if self.augment:
            images = self.augment(images[0]), self.augment(images[1])
        logits = network(*images)
        loss = F.binary_cross_entropy_with_logits(logits, different.float())
        right = int(((logits >= EVEN_ODDS) == different).sum())
        return Judged(loss, right, len(batch))

    def optimizer(self, network: Network, rate: float, decay: float) -> torch.optim.Optimizer:
        """Return Adam, whose weight decay is an L2 penalty in the loss."""
        return torch.optim.Adam(network.parameters(), lr=rate, weight_decay=decay, fused=True)


class ContrastiveObjective:
    """Supervised contrastive loss: people's names form the pairs, unrestricted.

    Each image is to be more alike to those of its person than to all others of its batch.

    Source: Khosla et al., "Supervised Contrastive Learning" (2020), equation 2.

    Args:
        faces: all images, (images, size, size[, 3]) uint8.
        rows: (n,) int64, the images to learn from.
        people: (n,) the names of their people.
        batch_size: people with two images or more in a batch; as many of those with a single
            image are added, which only say who is somebody else.
        augment: varies the images, or None.
    """

    unit = "people"

    def __init__(
        self,
        faces: Tensor,
        rows: NDArray[np.int64],
        people: Sequence[str],
        batch_size: int,
        augment: Augmentation | None,
    ) -> None:
        self.faces = faces
        numbers = np.unique(people, return_inverse=True)[1]
        self.rows, self.people = torch.from_numpy(rows), torch.from_numpy(numbers)
        self.batch_size = batch_size
        self.augment = augment
        indices = [torch.from_numpy(np.flatnonzero(numbers == n)) for n in np.unique(numbers)]
        self.several = [images for images in indices if len(images) > 1]
        self.single = torch.cat([images for images in indices if len(images) == 1])
        self.size = len(self.several)
        self.batches = -(-self.size // batch_size)
        # Of that many images at least is one to be told from the others in a full batch.
        self.chance_loss = math.log(2 * min(batch_size, self.size))

    def prepare(self, network: Network) -> None:
        """Set the network's linear streams by the images to learn from."""
        if isinstance(network, ResidualNetwork):
            network.set_linear(self._load, self.people)

    def _load(self, indices: Tensor) -> Tensor:
        return to_input(self.faces[self.rows[indices].to(self.faces.device)])

    def epoch(self, order: torch.Generator) -> Iterator[Tensor]:
        """Yield the indices (n,) of images; everybody with two images or more comes once."""
        for people in torch.randperm(self.size, generator=order).split(self.batch_size):
            chosen = []
            for person in people:
                images = self.several[person]
                shuffled = torch.randperm(len(images), generator=order)
                chosen.append(images[shuffled[:IMAGES_OF_ONE]])
            others = torch.randperm(len(self.single), generator=order)[: len(people)]
            yield torch.cat([*chosen, self.single[others]])

    def judge(self, network: Network, batch: Tensor) -> Judged:
        """Return the loss of a batch of images.

        Each image with another of its person in the batch is asked; its answer is the image most
        alike to it, by the mean of the streams.
        """
        images = self._load(batch)
        if self.augment:
            images = self.augment(images)
        people = self.people[batch].to(self.faces.device)
        # Each stream that is learned has a loss of its own: (streams, n, 256).
        embeddings = network.learned(images).unflatten(1, (-1, EMBEDDING_SIZE)).transpose(0, 1)
        itself = torch.eye(len(batch), dtype=torch.bool, device=images.device)
        alike = (embeddings @ embeddings.mT / TEMPERATURE).masked_fill(itself, -torch.inf)
        same = (people[:, None] == people) & ~itself
        anchors = same.any(dim=1)
        log_share = (alike - alike.logsumexp(dim=2, keepdim=True)).masked_fill(~same, 0)
        loss = -(log_share.sum(dim=2) / same.sum(dim=1).clamp(min=1))[:, anchors].mean()
        right = same.gather(1, alike.mean(dim=0).argmax(dim=1, keepdim=True)).sum()
        return Judged(loss, int(right), int(anchors.sum()))

    def optimizer(self, network: Network, rate: float, decay: float) -> torch.optim.Optimizer:
        """Return AdamW, which decays weights apart from the loss."""
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)
