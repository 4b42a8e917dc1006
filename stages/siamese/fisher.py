"""Fisher vectors: how the patches of an image differ from those of all faces.

A mixture of Gaussians knows what patches look like and where on a face; each Gaussian tells how an
image's patches that are like it differ from it. No patch has to be at the same place in two images,
so that a face may be turned a little.

Source: Simonyan, Parkhi, Vedaldi, Zisserman, "Fisher Vector Faces in the Wild" (2013);
Arandjelović, Zisserman, "All about VLAD" (2013), for the norm by each Gaussian.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese.mixture import Mixture
from siamese.patches import DESCRIPTION, describe

COMPONENTS = 64  # principal ones of a patch's description
POINT = COMPONENTS + 2  # and its place
GAUSSIANS = 512
SAMPLE = 240_000  # patches that the mixture is fitted to, about
AT_ONCE = 4  # images: what fits a processor's cache


class FisherVectors(nn.Module):
    """Fisher vectors of gray images, by a mixture that is fitted to training images first."""

    size = 2 * GAUSSIANS * POINT  # of a Fisher vector

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.basis: Tensor
        self.register_buffer("mean", torch.zeros(DESCRIPTION))
        self.register_buffer("basis", torch.zeros(DESCRIPTION, COMPONENTS))
        self.mixture = Mixture(GAUSSIANS, POINT)

    def fit(self, images: Tensor) -> None:
        """Fit the mixture to patches of images (n, 1, size, size), drawn with torch's generator."""
        each = -(-SAMPLE // len(images))
        sampled, where = [], []
        for part in images.split(AT_ONCE):
            descriptions, places = describe(part)
            drawn = torch.randint(len(places), (len(part), min(each, len(places))))
            drawn = drawn.to(images.device)
            wide = drawn[:, :, None].expand(-1, -1, descriptions.shape[2])
            sampled.append(descriptions.gather(1, wide).flatten(0, 1))
            where.append(places[drawn].flatten(0, 1))
        descriptions = torch.cat(sampled)
        self.mean.copy_(descriptions.mean(dim=0))
        _, directions = torch.linalg.eigh(descriptions.T.cov().double())
        self.basis.copy_(directions.flip(1)[:, :COMPONENTS])
        self.mixture.fit(
            torch.cat([(descriptions - self.mean) @ self.basis, torch.cat(where)], dim=1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return Fisher vectors (n, 67584) of images (n, 1, size, size).

        Each Gaussian has 132 numbers: by how much the patches' mean lies beside its own, and their
        variance, in units of its standard deviation; of these the signed roots, of length 1.
        """
        return torch.cat([self._differences(part) for part in images.split(AT_ONCE)])

    def _differences(self, images: Tensor) -> Tensor:
        descriptions, places = describe(images)
        places = places.expand(len(images), -1, -1)
        points = torch.cat([(descriptions - self.mean) @ self.basis, places], dim=2)
        share, first, second = self.mixture.sums(points)
        means, variances = self.mixture.means, self.mixture.variances
        beside = (first - share * means) / variances.sqrt()
        wider = second - 2 * means * first + share * (means.square() - variances)
        wider = wider / variances / math.sqrt(2)
        both = torch.cat([beside, wider], dim=2)
        return F.normalize(both.sign() * both.abs().sqrt(), dim=2).flatten(1)
