"""An ensemble of streams, whose similarities of two images are calibrated to one probability.

Few of the streams are learned step by step; most are set in closed form, and those give most of the
accuracy. Streams err on different pairs, so that together they verify better than any alone.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from siamese import progress
from siamese.networks import calibration
from siamese.networks.contract import Network
from siamese.networks.streams import KINDS
from siamese.networks.streams.closed_form import BATCH, ClosedFormStream
from siamese.networks.streams.view import STREAM_SIZE

# Images that closed-form streams are set from, at most: all of LFW's, and what takes some 6 GB for
# Fisher vectors. Memory grows with their number, and the matrix of their products with its square.
SAMPLE = 12_000
OF_ONE = 20  # of them of one person, at most


class Ensemble(Network):
    """Streams, the similarity that each gives to two images, and their logistic regression.

    Args:
        image_size: side of the square images in pixels, at least 32.
        channels: 1 for grayscale images, 3 for colour.
        streams: by kind, see `siamese.networks.streams`, the share of the image's side that each
            stream sees.
    """

    def __init__(
        self, image_size: int, channels: int, streams: Mapping[str, Sequence[float]]
    ) -> None:
        super().__init__()
        if unknown := streams.keys() - KINDS.keys():
            raise ValueError(f"unknown kind of streams {min(unknown)!r}")
        self.names: list[str] = []
        self.learned, self.closed_form = nn.ModuleList(), nn.ModuleList()
        for kind, needs in KINDS.items():
            for zoom in streams.get(kind, ()):
                if needs.colour and channels == 1:
                    raise ValueError(f"streams of {kind} need colour images")
                module = import_module(f"siamese.networks.streams.{kind}")
                part = self.learned if needs.learned else self.closed_form
                part.append(module.Stream(image_size, zoom))
                self.names.append(f"{kind} {zoom:g}")
        # The logit of "different persons" is slopes · similarities + intercept; see `calibrate`.
        self.slopes: Tensor
        self.intercept: Tensor
        self.register_buffer("slopes", torch.zeros(len(self.names)))
        self.register_buffer("intercept", torch.tensor(0.0))

    def constants(self) -> set[str]:
        """Return the names of the closed-form streams' state."""
        return {name for name in self.state_dict() if name.startswith("closed_form.")}

    @torch.no_grad()
    def set_closed_form(self, load: Callable[[Tensor], Tensor], people: Tensor) -> None:
        """Set the closed-form streams; see `EmbeddingNetwork`.

        Of more than `SAMPLE` images, those of some people are taken, drawn with torch's generator.
        """
        sample = draw(people, SAMPLE)
        people = torch.unique(people[sample], return_inverse=True)[1]
        batches = torch.arange(len(sample)).split(BATCH)
        for number, each in enumerate(self.closed_form, start=1):
            stream = cast(ClosedFormStream, each)
            stream.prepare(lambda numbers: load(sample[numbers]), len(sample))
            # On the CPU if the device lacks float64, which the analysis needs (Apple's does).
            device = stream.mean.device if stream.mean.is_cuda else torch.device("cpu")
            shape = len(people), len(stream.mean)
            features = torch.empty(shape, dtype=stream.stored_as, device=device)
            title = f"closed-form stream {number} of {len(self.closed_form)}"
            for batch in progress.bar(batches, title=title, unit=" batches"):
                features[batch] = stream.features(load(sample[batch])).to(features)
            stream.set(features, people.to(device))

    def embed_learned(self, images: Tensor) -> Tensor:
        """Return the learned streams' embeddings (n, streams, 256), each of length 1.

        In evaluation mode they are those of the images and their mirror images together.
        """
        embeddings = [stream(images)[:, None] for stream in self.learned]
        return torch.cat([images.new_empty(images.shape[0], 0, STREAM_SIZE), *embeddings], dim=1)

    def embed_closed_form(self, images: Tensor) -> Tensor:
        """Return the closed-form streams' embeddings (n, streams · 257), side by side."""
        embeddings = [stream(images) for stream in self.closed_form]
        return torch.cat([images.new_empty(images.shape[0], 0), *embeddings], dim=1)

    def embed(self, images: Tensor) -> Tensor:
        """Return all streams' embeddings (n, width), those of the learned ones first."""
        return torch.cat([self.embed_learned(images).flatten(1), self.embed_closed_form(images)], 1)

    def similarities(self, first: Tensor, second: Tensor) -> Tensor:
        """Return each stream's similarities (n, streams) for embeddings (n, width) twice.

        Those of learned streams are cosines; those of closed-form ones are cosines less the mean
        cosine of the two images with their cohort.
        """
        learned = STREAM_SIZE * len(self.learned)
        cosines = (first[:, :learned] * second[:, :learned]).unflatten(1, (-1, STREAM_SIZE))
        found = [cosines.sum(dim=2)]
        if len(self.closed_form) > 0:
            rest = (each[:, learned:] for each in (first, second))
            a, b = (each.unflatten(1, (len(self.closed_form), -1)) for each in rest)
            found.append((a * b)[:, :, :-1].sum(dim=2) - (a + b)[:, :, -1] / 2)
        return torch.cat(found, dim=1)

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, width) and (n, width)."""
        return self.similarities(first, second) @ self.slopes + self.intercept

    def calibrate(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> None:
        """Fit slopes and intercept by logistic regression; see `EmbeddingNetwork`."""
        slopes, intercept = calibration.fit(self.similarities(first, second), labels)
        self.slopes.copy_(slopes)
        self.intercept.copy_(intercept)


def draw(people: Tensor, at_most: int) -> Tensor:
    """Return the numbers of images, (m,) int64 in order: all, or some of people drawn at random.

    Images of one person are what discriminant analysis learns from, so that people are drawn, not
    images.

    Args:
        people: (n,) int64, whom each image shows, as numbers from 0.
        at_most: number of images to return, 20 at least.
    """
    if len(people) <= at_most:
        return torch.arange(len(people))
    counts = torch.bincount(people)
    images = torch.randperm(len(people))
    images = images[people[images].argsort(stable=True)]  # of one person after the other
    ranks = torch.arange(len(people)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    order = torch.randperm(len(counts))
    enough = counts.clamp(max=OF_ONE)[order].cumsum(0) > at_most
    taken = torch.ones_like(counts, dtype=torch.bool)
    taken[order[enough]] = False
    return images[(ranks < OF_ONE) & taken[people[images]]].sort().values
