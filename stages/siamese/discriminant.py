"""Linear discriminant analysis: what tells people apart, by how images of one person vary.

Source: Belhumeur, Hespanha, Kriegman, "Eigenfaces vs. Fisherfaces" (1997): principal components
first, then the directions in which people differ most against how their own images do.
"""

import torch
from torch import Tensor

COMPONENTS = 500  # principal ones
SHRINKAGE = 0.1  # share of the mean variance within people that every direction gets on top
IMAGES_OF_ONE = 10  # that count: a few people have so many images that they would be all


def scatter_within(features: Tensor, people: Tensor) -> Tensor:
    """Return the covariance (k, k) of images about their person's mean, unbiased.

    Each person counts by the number of images, up to a limit.

    Args:
        features: (n, k) float.
        people: (n,) int64, numbers from 0; those with a single image say nothing here.
    """
    counts = torch.bincount(people)
    means = torch.zeros(len(counts), features.shape[1], dtype=features.dtype)
    means = means.index_add_(0, people, features) / counts[:, None]
    several = counts > 1
    share = counts.clamp(max=IMAGES_OF_ONE) * several
    # A person's own unbiased covariance is the sum of squares by images less one.
    weights = (share / (counts - 1).clamp(min=1))[people]
    aside = features - means[people]
    return (aside * weights[:, None]).T @ aside / share.sum()


def analyse(features: Tensor, people: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return the mean (d,) of features and the projection (d, size) that tells people apart.

    Directions are scaled by their reliability, the root of the share of their variance that is
    between people. Columns beyond what the features hold are zero.

    Args:
        features: (n, d) float32.
        people: (n,) int64, numbers from 0; some with two images or more.
        size: number of directions to keep.
    """
    mean = features.mean(dim=0)
    rank = min(COMPONENTS, *features.shape)
    _, _, basis = torch.pca_lowrank(features, rank, niter=4)
    basis = basis.double()
    components = (features - mean).double() @ basis

    within = scatter_within(components, people)
    level = within.diagonal().mean().clamp(min=1e-12)
    within = within + SHRINKAGE * level * torch.eye(len(within), dtype=torch.float64)
    # In these coordinates images of one person vary alike in all directions.
    whiten = torch.linalg.inv(torch.linalg.cholesky(within)).T
    white = components @ whiten
    total, directions = torch.linalg.eigh(white.T @ white / len(white))
    total, directions = total.flip(0)[:size], directions.flip(1)[:, :size]
    reliability = ((total - 1).clamp(min=0) / total.clamp(min=1)).sqrt()
    found = (basis @ whiten @ directions * reliability).float()
    projection = torch.zeros(features.shape[1], size)
    projection[:, : found.shape[1]] = found
    return mean, projection
