"""A closed-form stream: discriminant directions of Fisher vectors of colours."""

from torch import Tensor

from siamese.features.fisher_vectors import FisherVectors
from siamese.features.patches import COLOURS
from siamese.networks.streams import fisher

COMPONENTS = 48
GAUSSIANS = 256


class Stream(fisher.Stream):
    """A projection of Fisher vectors of colour images; see `Centre` for the arguments."""

    def make(self) -> FisherVectors:
        """Return what computes the Fisher vectors."""
        return FisherVectors(COLOURS, COMPONENTS, GAUSSIANS)

    def seen(self, images: Tensor) -> Tensor:
        """Return the centre of images (n, 3, size, size)."""
        centre: Tensor = self.centre(images)
        return centre
