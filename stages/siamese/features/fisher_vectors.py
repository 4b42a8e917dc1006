"""Fisher vectors: how the patches of an image differ from those of all faces.

A mixture of Gaussians models what patches look like and where on the face they are. The vector
holds, for each Gaussian, how the image's patches that belong to it differ from it. No patch has to
be at the same place in two images, so that a face may be turned a little.

Source: Simonyan, Parkhi, Vedaldi, Zisserman, "Fisher Vector Faces in the Wild" (2013);
Arandjelović, Zisserman, "All about VLAD" (2013), for the norm by each Gaussian.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese.features.mixture import Mixture
from siamese.features.patches import DESCRIPTOR, describe

COMPONENTS = 64  # principal ones of a patch's descriptor
POINT = COMPONENTS + 2  # and its place
GAUSSIANS = 512
SAMPLE = 240_000  # patches that the mixture is fitted to, about
BATCH = 4  # images: what fits a processor's cache
GPU_BATCH = 64  # images: what keeps a GPU busy


class FisherVectors(nn.Module):
    """Fisher vectors of gray images, by a mixture that is fitted to training images first."""

    size = 2 * GAUSSIANS * POINT  # of a Fisher vector

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.basis: Tensor
        self.register_buffer("mean", torch.zeros(DESCRIPTOR))
        self.register_buffer("basis", torch.zeros(DESCRIPTOR, COMPONENTS))
        self.mixture = Mixture(GAUSSIANS, POINT)

    def fit(self, images: Tensor) -> None:
        """Fit the mixture to patches of images (n, 1, size, size), drawn with torch's generator."""
        each = -(-SAMPLE // len(images))
        sampled, where = [], []
        for part in _parts(images):
            descriptors, places = describe(part)
            drawn = torch.randint(len(places), (len(part), min(each, len(places))))
            drawn = drawn.to(images.device)
            wide = drawn[:, :, None].expand(-1, -1, descriptors.shape[2])
            sampled.append(descriptors.gather(1, wide).flatten(0, 1))
            where.append(places[drawn].flatten(0, 1))
        descriptors = torch.cat(sampled)
        self.mean.copy_(descriptors.mean(dim=0))
        _, directions = torch.linalg.eigh(descriptors.T.cov().double())
        self.basis.copy_(directions.flip(1)[:, :COMPONENTS])
        self.mixture.fit(
            torch.cat([(descriptors - self.mean) @ self.basis, torch.cat(where)], dim=1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return Fisher vectors (n, 67584) of images (n, 1, size, size).

        Each Gaussian gives 132 numbers: how far the patches' mean and variance differ from its own,
        in units of its standard deviation; of these the signed roots, scaled to length 1.
        """
        if torch.compiler.is_compiling():
            return self._differences(images)  # an exported graph takes any number at once
        return torch.cat([self._differences(part) for part in _parts(images)])

    def _differences(self, images: Tensor) -> Tensor:
        descriptors, places = describe(images)
        places = places.expand(images.shape[0], -1, -1)
        points = torch.cat([(descriptors - self.mean) @ self.basis, places], dim=2)
        share, first, second = self.mixture.sums(points)
        means, variances = self.mixture.means, self.mixture.variances
        beside = (first - share * means) / variances.sqrt()
        wider = second - 2 * means * first + share * (means.square() - variances)
        wider = wider / variances / math.sqrt(2)
        both = torch.cat([beside, wider], dim=2)
        return F.normalize(both.sign() * both.abs().sqrt(), dim=2).flatten(1)


def _parts(images: Tensor) -> tuple[Tensor, ...]:
    parts: tuple[Tensor, ...] = images.split(GPU_BATCH if images.is_cuda else BATCH)
    return parts
