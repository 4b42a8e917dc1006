"""A mixture of Gaussians, fitted by expectation and maximization.

Source: Dempster, Laird, Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm"
(1977).
"""

import math

import torch
from torch import Tensor, nn

ROUNDS = 15  # of fitting
LEAST_VARIANCE = 0.01  # of a Gaussian, as a share of that of all points
LEAST_TOTAL = 1e-6  # variance of all points: where they agree, nothing may be divided by 0


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
        variances = points.var(dim=0).clamp(min=LEAST_TOTAL)
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
