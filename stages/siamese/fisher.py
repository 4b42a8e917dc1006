"""Fisher vectors: how the many small patches of an image differ from those of all faces.

Each patch is described by its gradients; a mixture of Gaussians knows what patches look like and
where on a face; and each Gaussian tells how an image's patches that are like it differ from it. No
patch has to be at the same place in two images, so that a face may be turned a little.

Source: Simonyan, Parkhi, Vedaldi, Zisserman, "Fisher Vector Faces in the Wild" (2013), for the
whole; Lowe (2004) and Arandjelović, Zisserman (2012) for the patches (SIFT and its root);
Arandjelović, Zisserman, "All about VLAD" (2013) for the norm by each Gaussian.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from siamese.orientation import by_direction

DIRECTIONS = 8
SQUARINGS = 3  # of the cosine that a direction answers with: half of its height 23° aside
CELLS = 4  # along the side of a patch
SPACING = 6  # pixels from cell to cell
POOL = 8  # pixels along the side of a cell: neighbours overlap
PATCH = (CELLS - 1) * SPACING + POOL  # pixels along its side
STEP = 3  # pixels from patch to patch
SCALES = tuple(2 ** (-i / 2) for i in range(5))  # of the image, in which patches are seen
FAINT = 2.0 / 255  # of what gradients are set against: there is no direction where all is even

COMPONENTS = 64  # principal ones of a patch's description
POINT = COMPONENTS + 2  # and its place
GAUSSIANS = 512
SAMPLE = 240_000  # patches that the mixture is fitted to, about
ROUNDS = 15  # of fitting
LEAST_VARIANCE = 0.01  # of a Gaussian, as a share of that of all patches
AT_ONCE = 4  # images: what fits a processor's cache


def describe(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the descriptions (n, patches, 128) of images' patches and their places (patches, 2).

    A place is that of the patch's middle, 0 in the middle of the image and 1 side long.

    Args:
        images: (n, 1, size, size) float32 in [0, 1], at least 26 pixels along the side.
    """
    descriptions, places = [], []
    for scale in SCALES:
        size = round(images.shape[3] * scale)
        if size < PATCH:
            break
        seen = images
        if scale < 1:
            seen = F.interpolate(images, size, mode="bilinear", antialias=True)
        maps = by_direction(seen, DIRECTIONS, SQUARINGS)
        cells = F.avg_pool2d(maps, POOL, STEP)
        apart = SPACING // STEP
        side = cells.shape[3] - (CELLS - 1) * apart
        starts = [i * apart for i in range(CELLS)]
        found = torch.cat(
            [cells[:, :, y : y + side, x : x + side] for y in starts for x in starts], dim=1
        )
        found = found.flatten(2).transpose(1, 2)
        descriptions.append((found / (found.sum(dim=2, keepdim=True) + FAINT)).sqrt())
        middles = (torch.arange(side, device=images.device) * STEP + PATCH / 2) / size - 0.5
        places.append(torch.cartesian_prod(middles, middles))
    return torch.cat(descriptions, dim=1), torch.cat(places)


class Mixture(nn.Module):
    """A mixture of Gaussians with diagonal covariances."""

    def __init__(self, gaussians: int, size: int) -> None:
        super().__init__()
        self.means: Tensor
        self.variances: Tensor
        self.log_shares: Tensor
        self.register_buffer("means", torch.zeros(gaussians, size))
        self.register_buffer("variances", torch.ones(gaussians, size))
        self.register_buffer("log_shares", torch.full((gaussians,), -math.log(gaussians)))

    def log_densities(self, squared: Tensor) -> Tensor:
        """Return each Gaussian's log density (..., gaussians), its share counted, but a constant.

        Args:
            squared: (..., 2·size), points and their squares.
        """
        precisions = 1 / self.variances
        slopes = torch.cat([self.means * precisions, -0.5 * precisions], dim=1)
        height = (self.variances.log() + self.means.square() * precisions).sum(dim=1)
        return squared @ slopes.T + (self.log_shares - 0.5 * height)

    def sums(self, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sums of what belongs to each Gaussian: share, points, squared points.

        Args:
            points: (n, m, size) of n sets.

        Returns:
            (n, gaussians, 1) and twice (n, gaussians, size).
        """
        squared = torch.cat([points, points.square()], dim=2)
        belongs = self.log_densities(squared).softmax(dim=2).transpose(1, 2)
        first, second = (belongs @ squared).chunk(2, dim=2)
        return belongs.sum(dim=2, keepdim=True), first, second

    def fit(self, points: Tensor) -> None:
        """Fit to points (m, size) by expectation and maximization, from a random start."""
        gaussians = len(self.means)
        variances = points.var(dim=0)
        self.means.copy_(points[torch.randint(len(points), (gaussians,)).to(points.device)])
        self.variances.copy_(variances.expand_as(self.variances) / 4)
        self.log_shares.fill_(-math.log(gaussians))
        for _ in range(ROUNDS):
            parts = [self.sums(part[None]) for part in points.split(8192)]
            share, first, second = (
                torch.stack(sums).sum(dim=0)[0] for sums in zip(*parts, strict=True)
            )
            share = share.clamp(min=1e-6)
            self.means.copy_(first / share)
            spread = second / share - self.means.square()
            self.variances.copy_(spread.maximum(LEAST_VARIANCE * variances))
            self.log_shares.copy_((share / share.sum()).log()[:, 0])


class FisherVectors(nn.Module):
    """Fisher vectors of gray images, by a mixture that is fitted to training images first."""

    size = 2 * GAUSSIANS * POINT  # of a Fisher vector

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.basis: Tensor
        self.register_buffer("mean", torch.zeros(DIRECTIONS * CELLS**2))
        self.register_buffer("basis", torch.zeros(DIRECTIONS * CELLS**2, COMPONENTS))
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
