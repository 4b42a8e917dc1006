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

from siamese.features import patches
from siamese.features.mixture import Mixture

SAMPLE = 240_000  # patches that the mixture is fitted to, about
BATCH = 4  # images: what fits a processor's cache
GPU_BATCH = 64  # images: what keeps a GPU busy


class FisherVectors(nn.Module):
    """Fisher vectors of images, by a mixture that is fitted to training images first.

    Args:
        kind: what the patches are described by.
        components: principal ones of a descriptor; the mixture is of these and the place.
        gaussians: number of them in the mixture.
    """

    def __init__(self, kind: patches.Kind, components: int, gaussians: int) -> None:
        super().__init__()
        self.kind = kind
        self.size = 2 * gaussians * (components + 2)  # of a Fisher vector
        self.mean: Tensor
        self.basis: Tensor
        self.register_buffer("mean", torch.zeros(kind.size))
        self.register_buffer("basis", torch.zeros(kind.size, components))
        self.mixture = Mixture(gaussians, components + 2)

    def fit(self, images: Tensor) -> None:
        """Fit the mixture to patches of images (n, channels, size, size).

        They are drawn with torch's generator.
        """
        each = -(-SAMPLE // len(images))
        whole = self.kind.kernels(torch.eye(len(self.mean)).to(self.mean))
        sampled, where = [], []
        for part in _parts(images):
            grids = list(self.kind.grids(part))
            descriptors = torch.cat([grid.project(whole) for grid in grids], dim=2)
            places = torch.cat([grid.places() for grid in grids])
            drawn = torch.randint(len(places), (len(part), min(each, len(places))))
            drawn = drawn.to(images.device)
            wide = drawn[:, None].expand(-1, descriptors.shape[1], -1)
            sampled.append(descriptors.gather(2, wide).transpose(1, 2).flatten(0, 1))
            where.append(places[drawn].flatten(0, 1))
        descriptors = torch.cat(sampled)
        self.mean.copy_(descriptors.mean(dim=0))
        _, directions = torch.linalg.eigh(descriptors.T.cov().double())
        self.basis.copy_(directions.flip(1)[:, : self.basis.shape[1]])
        self.mixture.fit(
            torch.cat([(descriptors - self.mean) @ self.basis, torch.cat(where)], dim=1)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Return Fisher vectors (n, size) of images (n, channels, size, size).

        They are of the patches of each image and of its mirror image together. Each Gaussian gives
        2 (components + 2) numbers: how far the patches' mean and variance differ from its own, in
        units of its standard deviation; of these the signed roots, scaled to length 1.
        """
        if torch.compiler.is_compiling():
            return self.differences(self.points(images))  # an exported graph takes any number
        return torch.cat([self.differences(self.points(part)) for part in _parts(images)])

    def points(self, images: Tensor) -> Tensor:
        """Return what the mixture is of, (n, 2 · patches, components + 2): patches and mirrored.

        Descriptors are not computed twice: those of the mirror image are the same numbers in
        another order, and so principal components of them are another convolution.
        """
        own = self.kind.kernels(self.basis.T)
        kernels = torch.cat([own, self.kind.mirror(own)])
        found, places = [], []
        for grid in self.kind.grids(images):
            found.append(grid.project(kernels).unflatten(1, (2, -1)))
            places.append(grid.places())
        components = torch.cat(found, dim=3).transpose(2, 3) - self.mean @ self.basis
        down, right = torch.cat(places).unbind(dim=1)
        both = torch.stack([torch.stack([down, right], 1), torch.stack([down, -right], 1)])
        points = torch.cat([components, both.expand(images.shape[0], -1, -1, -1)], dim=3)
        return points.flatten(1, 2)

    def differences(self, points: Tensor) -> Tensor:
        """Return Fisher vectors (n, size) of n sets of points (n, m, components + 2)."""
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
