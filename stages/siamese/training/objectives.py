"""What training learns from: listed pairs, or people's names."""

import math
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese.dataset.pairs import PairRows
from siamese.dataset.people import ImagesOfPeople
from siamese.evaluation.verification import (
    Labels,
    Scores,
    cross_entropy,
    is_different,
    second_sigmoid_loss,
)
from siamese.networks.contract import EmbeddingNetwork, Network
from siamese.networks.scoring import device_of, take
from siamese.parameters import Recipe
from siamese.training import distributed
from siamese.training.augmentation import AUGMENTATIONS, Augmentation

TEMPERATURE = 0.1  # of the similarities in the contrastive loss
IMAGES_OF_ONE = 3  # of one person in a batch, at most


class BatchResult(NamedTuple):
    """A batch's mean loss, how many decisions in it were correct, and how many there were."""

    loss: Tensor
    correct: int
    decisions: int


class Objective(Protocol):
    """What a network is trained for.

    Attributes:
        batches: number of batches in an epoch.
        unit: what an epoch goes through.
        size: number of them.
        chance_loss: at most the loss of a network that gives the same score always, in nats.
    """

    batches: int
    unit: str
    size: int
    chance_loss: float

    def prepare(self, network: Network) -> None:
        """Set what the network does not learn step by step, before the first epoch."""

    def epoch(self, order: torch.Generator) -> Iterator[Tensor]:
        """Yield an epoch's batches, drawn with a generator."""

    def module(self, network: Network) -> nn.Module:
        """Return what `loss` calls: the network, or a part of it as a module of its own."""

    def loss(self, module: nn.Module, batch: Tensor) -> BatchResult:
        """Return the loss of a batch, to be differentiated.

        Of several processes each calls the module with its part of the batch, and each returns the
        result of the whole.
        """

    def validation_loss(self, scores: Scores, labels: Labels) -> float:
        """Return the loss of validation pairs with scores (n,) and labels (n,), in nats."""

    def optimizer(self, network: Network, rate: float, decay: float) -> torch.optim.Optimizer:
        """Return the optimizer of this objective."""


def make(recipe: Recipe, images: Tensor, examples: PairRows | ImagesOfPeople) -> Objective:
    """Return a recipe's objective.

    Args:
        recipe: its objective, batch size and augmentation.
        images: all images, (images, size, size[, 3]) uint8.
        examples: what to learn from: pairs for "pairs", images of people for "contrastive".
    """
    augment = AUGMENTATIONS[recipe.augmentation]
    if recipe.objective == "pairs" and isinstance(examples, PairRows):
        return PairObjective(images, examples, recipe.batch_size, augment, recipe.second_sigmoid)
    if recipe.objective == "contrastive" and isinstance(examples, ImagesOfPeople):
        return ContrastiveObjective(images, examples, recipe.batch_size, augment)
    raise ValueError(
        f"objective {recipe.objective!r} does not learn from {type(examples).__name__}"
    )


class PairObjective:
    """Binary cross-entropy of listed pairs: the experiment's own, image-restricted.

    Args:
        images: all images, (images, size, size[, 3]) uint8.
        pairs: those to learn from.
        batch_size: pairs in a batch.
        augment: varies the images, or None.
        second_sigmoid: the loss takes the network's probability for a logit; see
            `verification.second_sigmoid_loss`.
    """

    unit = "pairs"
    chance_loss = math.log(2)

    def __init__(
        self,
        images: Tensor,
        pairs: PairRows,
        batch_size: int,
        augment: Augmentation | None,
        second_sigmoid: bool = False,
    ) -> None:
        self.images = images
        self.second_sigmoid = second_sigmoid
        self.rows = torch.from_numpy(pairs.rows)
        self.labels = torch.from_numpy(pairs.labels)
        self.batch_size = batch_size
        self.augment = augment
        self.size = len(pairs.labels)
        self.batches = -(-self.size // batch_size)

    def prepare(self, network: Network) -> None:
        """Do nothing: all is learned step by step."""

    def epoch(self, order: torch.Generator) -> Iterator[Tensor]:
        """Yield the indices (n,) of pairs; each pair comes once."""
        yield from torch.randperm(self.size, generator=order).split(self.batch_size)

    def module(self, network: Network) -> nn.Module:
        """Return the network itself."""
        return network

    def loss(self, module: nn.Module, batch: Tensor) -> BatchResult:
        """Return the loss of a batch of pairs; decisions are those at probability 0.5."""
        part, total = distributed.part(len(batch)), len(batch)
        device = device_of(module)
        different = self.labels[batch].to(device)
        first, second = self.rows[batch[part]].T
        images = take(self.images, first, device), take(self.images, second, device)
        if self.augment:
            images = self.augment(images[0], part, total), self.augment(images[1], part, total)
        logits = distributed.gather(module(*images), total)
        taken = logits.sigmoid() if self.second_sigmoid else logits
        loss = F.binary_cross_entropy_with_logits(taken, different.float())
        correct = int((is_different(logits) == different).sum())
        return BatchResult(loss, correct, total)

    def validation_loss(self, scores: Scores, labels: Labels) -> float:
        """Return the cross-entropy, through the second sigmoid if there is one."""
        loss = second_sigmoid_loss if self.second_sigmoid else cross_entropy
        return loss(scores, labels)

    def optimizer(self, network: Network, rate: float, decay: float) -> torch.optim.Optimizer:
        """Return Adam, whose weight decay is an L2 penalty in the loss."""
        return torch.optim.Adam(network.parameters(), lr=rate, weight_decay=decay, fused=True)


class ContrastiveObjective:
    """Supervised contrastive loss: people's names form the pairs, unrestricted.

    Each image is to be more similar to those of its person than to all others of its batch.

    Source: Khosla et al., "Supervised Contrastive Learning" (2020), equation 2.

    Args:
        images: all images, (images, size, size[, 3]) uint8.
        examples: those to learn from, and whom they show.
        batch_size: people with two images or more in a batch; as many of those with a single
            image are added, which serve as different persons only.
        augment: varies the images, or None.
    """

    unit = "people"

    def __init__(
        self,
        images: Tensor,
        examples: ImagesOfPeople,
        batch_size: int,
        augment: Augmentation | None,
    ) -> None:
        self.images = images
        numbers = np.unique(examples.people, return_inverse=True)[1]
        self.rows, self.people = torch.from_numpy(examples.rows), torch.from_numpy(numbers)
        self.batch_size = batch_size
        self.augment = augment
        indices = [torch.from_numpy(np.flatnonzero(numbers == n)) for n in np.unique(numbers)]
        self.several = [each for each in indices if len(each) > 1]
        single = [each for each in indices if len(each) == 1]
        self.single = torch.cat([torch.empty(0, dtype=torch.int64), *single])
        self.size = len(self.several)
        self.batches = -(-self.size // batch_size)
        # Each image is compared with all others of its batch: two at least of every person with
        # several, and as many single ones as there are.
        sizes = [min(batch_size, self.size - first) for first in range(0, self.size, batch_size)]
        others = [2 * people - 1 + min(people, len(self.single)) for people in sizes]
        losses = [people * math.log(n) for people, n in zip(sizes, others, strict=True)]
        self.chance_loss = sum(losses) / max(1, self.size)

    def prepare(self, network: Network) -> None:
        """Set the network's closed-form streams from the images to learn from."""
        load = partial(self._load, device=device_of(network))
        _embedding(network).set_closed_form(load, self.people)

    def _load(self, indices: Tensor, device: torch.device) -> Tensor:
        return take(self.images, self.rows[indices], device)

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

    def module(self, network: Network) -> nn.Module:
        """Return the network's learned embeddings."""
        return _LearnedEmbeddings(network)

    def loss(self, module: nn.Module, batch: Tensor) -> BatchResult:
        """Return the loss of a batch of images.

        There is a decision for each image with another of its person in the batch: the image most
        similar to it, by the mean of the learned streams.
        """
        part, total = distributed.part(len(batch)), len(batch)
        device = device_of(module)
        images = self._load(batch[part], device)
        if self.augment:
            images = self.augment(images, part, total)
        people = self.people[batch].to(device)
        # Each learned stream has a loss of its own: (streams, n, 256).
        embeddings = distributed.gather(module(images), total).transpose(0, 1)
        itself = torch.eye(total, dtype=torch.bool, device=images.device)
        similarities = (embeddings @ embeddings.mT / TEMPERATURE).masked_fill(itself, -torch.inf)
        same = (people[:, None] == people) & ~itself
        anchors = same.any(dim=1)
        log_share = similarities - similarities.logsumexp(dim=2, keepdim=True)
        of_same = log_share.masked_fill(~same, 0).sum(dim=2)
        loss = -(of_same / same.sum(dim=1).clamp(min=1))[:, anchors].mean()
        correct = same.gather(1, similarities.mean(dim=0).argmax(dim=1, keepdim=True)).sum()
        return BatchResult(loss, int(correct), int(anchors.sum()))

    def validation_loss(self, scores: Scores, labels: Labels) -> float:
        """Return the cross-entropy."""
        return cross_entropy(scores, labels)

    def optimizer(self, network: Network, rate: float, decay: float) -> torch.optim.Optimizer:
        """Return AdamW, whose weight decay is separate from the loss."""
        return torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)


class _LearnedEmbeddings(nn.Module):
    """The learned embeddings of a network as a module, whose `forward` training calls."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = _embedding(network)

    def forward(self, images: Tensor) -> Tensor:
        """Return the learned embeddings (n, streams, 256) of images."""
        return self.network.embed_learned(images)


def _embedding(network: Network) -> EmbeddingNetwork:
    """Return the network if it has learned embeddings to contrast; raise TypeError if not."""
    if not isinstance(network, EmbeddingNetwork):
        name = type(network).__name__
        raise TypeError(f"objective contrastive takes an EmbeddingNetwork; {name} is none")
    return network
