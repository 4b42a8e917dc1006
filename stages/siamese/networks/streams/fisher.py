"""A closed-form stream: discriminant directions of Fisher vectors."""

from collections.abc import Callable

import torch
from torch import Tensor

from siamese.features.fisher_vectors import FisherVectors
from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import Centre, luminance

MIXTURE_IMAGES = 1000  # whose patches the mixture is fitted to, at most


class Stream(ClosedFormStream):
    """A projection of Fisher vectors; see `Centre` for the arguments."""

    stored_as = torch.float16  # since there are many
    components = 2000
    shrinkage = 0.2

    def __init__(self, image_size: int, zoom: float) -> None:
        super().__init__(FisherVectors.size)
        self.centre = Centre(image_size, zoom)
        self.vectors = FisherVectors()

    def prepare(self, load: Callable[[Tensor], Tensor], number: int) -> None:
        """Fit the mixture behind the Fisher vectors to some of the images, drawn at random."""
        some = torch.randperm(number)[:MIXTURE_IMAGES]
        self.vectors.fit(luminance(self.centre(load(some))))

    def describe(self, images: Tensor) -> Tensor:
        """Return half the Fisher vectors, (n, 67584): those of two images are added."""
        vectors: Tensor = self.vectors(luminance(self.centre(images)))
        return vectors / 2
