"""A closed-form stream: discriminant directions of Fisher vectors of gradients."""

from collections.abc import Callable

import torch
from torch import Tensor

from siamese.features.fisher_vectors import FisherVectors
from siamese.features.patches import GRADIENTS
from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import Centre, luminance

COMPONENTS = 64
GAUSSIANS = 512
MIXTURE_IMAGES = 1000  # whose patches the mixture is fitted to, at most


class Stream(ClosedFormStream):
    """A projection of Fisher vectors; see `Centre` for the arguments."""

    stored_as = torch.float16  # since there are many
    components = 2000
    shrinkage = 0.4

    def __init__(self, image_size: int, zoom: float) -> None:
        vectors = self.make()
        super().__init__(vectors.size)
        self.centre = Centre(image_size, zoom)
        self.vectors = vectors

    def make(self) -> FisherVectors:
        """Return what computes the Fisher vectors."""
        return FisherVectors(GRADIENTS, COMPONENTS, GAUSSIANS)

    def seen(self, images: Tensor) -> Tensor:
        """Return what is described of images (n, channels, size, size)."""
        return luminance(self.centre(images))

    def prepare(self, load: Callable[[Tensor], Tensor], number: int) -> None:
        """Fit the mixture behind the Fisher vectors to some of the images, drawn at random."""
        some = torch.randperm(number)[:MIXTURE_IMAGES]
        self.vectors.fit(self.seen(load(some)))

    def features(self, images: Tensor) -> Tensor:
        """Return the Fisher vectors (n, d) of images and their mirror images together."""
        vectors: Tensor = self.vectors(self.seen(images))
        return vectors
