"""What the closed-form streams share: a projection of features, set from all training images."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese.features import discriminant
from siamese.networks import cohort
from siamese.networks.streams.view import STREAM_SIZE

BATCH = 256  # images whose features are computed at once: bounds memory, changes no result


class ClosedFormStream(nn.Module):
    """A projection of features, by default the directions of a linear discriminant analysis.

    Its similarity of two images is the cosine of their embeddings, less the mean cosine with the
    most similar images of a cohort.

    Args:
        features: number of features.
    """

    stored_as = torch.float32  # type of the training images' features
    components = 500  # principal ones, in which discriminant directions are looked for
    shrinkage = 0.1

    def __init__(self, features: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.projection: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("projection", torch.zeros(features, STREAM_SIZE))
        self.cohort = cohort.Cohort(STREAM_SIZE)

    def describe(self, images: Tensor) -> Tensor:
        """Return what is projected, (n, ...), of images (n, channels, size, size), float32."""
        raise NotImplementedError

    def features(self, images: Tensor) -> Tensor:
        """Return the features (n, d) of images and their mirror images together."""
        return (self.describe(images) + self.describe(images.flip(3))).flatten(1)

    def prepare(self, load: Callable[[Tensor], Tensor], number: int) -> None:
        """Set what the features need, if anything, from training images.

        Args:
            load: returns images (n, channels, size, size), float32, by their numbers (n,) from 0.
            number: of images.
        """

    def project(self, features: Tensor, people: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean (d,) of features and a projection (d, 256); see `set`."""
        return discriminant.analyse(features, people, STREAM_SIZE, self.components, self.shrinkage)

    def set(self, features: Tensor, people: Tensor) -> None:
        """Set projection and cohort.

        Args:
            features: (n, d) of training images, on a device that has float64.
            people: (n,) int64, whom they show, on the same.
        """
        mean, projection = self.project(features, people)
        self.mean.copy_(mean)
        self.projection.copy_(projection)
        chosen = cohort.choose(people.cpu()).split(BATCH)
        self.cohort.set(torch.cat([self._embed(features[part]) for part in chosen]))

    def _embed(self, features: Tensor) -> Tensor:
        return F.normalize((features.to(self.mean) - self.mean) @ self.projection)

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 257) of images and their mirror images together.

        The first 256 numbers have length 1; the last one is their mean cosine with the most similar
        images of the cohort.
        """
        embeddings = self._embed(self.features(images))
        return torch.cat([embeddings, self.cohort(embeddings)[:, None]], dim=1)
