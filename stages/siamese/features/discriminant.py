"""Linear discriminant analysis: directions that differ between people more than within one.

Source: Belhumeur, Hespanha, Kriegman, "Eigenfaces vs. Fisherfaces" (1997): principal components
first, then the directions in which people differ most against how their own images do. Halko,
Martinsson, Tropp, "Finding Structure with Randomness" (2011), for the principal components.
"""

from collections.abc import Callable

import torch
from torch import Tensor

IMAGES_OF_ONE = 10  # at most count: a few people have so many that they would outweigh all
BLOCK = 512  # images whose features are read at once: bounds memory
RESOLUTION = 1e-6  # what is smaller beside the largest square is noise of float32
EXACT = 2048  # images, for as many of which principal components are computed exactly
ROUNDS = 3  # of multiplication, after which a random subspace is close to the principal one


def scatter_within(features: Tensor, people: Tensor) -> Tensor:
    """Return the covariance (k, k) of images about their person's mean, unbiased.

    Each person counts by the number of images, up to a limit.

    Args:
        features: (n, k) float.
        people: (n,) int64, numbers from 0; those with a single image say nothing here.
    """
    counts = torch.bincount(people)
    means = features.new_zeros(len(counts), features.shape[1])
    means = means.index_add_(0, people, features) / counts[:, None]
    several = counts > 1
    share = counts.clamp(max=IMAGES_OF_ONE) * several
    # A person's own unbiased covariance is the sum of squares by images less one.
    weights = (share / (counts - 1).clamp(min=1))[people]
    aside = features - means[people]
    return (aside * weights[:, None]).T @ aside / share.sum()


def mean_of(features: Tensor) -> Tensor:
    """Return the mean (d,) float32 of features (n, d), of which no copy is made."""
    total = torch.zeros(features.shape[1], dtype=torch.float64, device=features.device)
    for block in features.split(BLOCK):
        total += block.float().sum(dim=0)
    return (total / len(features)).float()


def _about(mean: Tensor, features: Tensor) -> Tensor:
    """Return features (n, d), float32 or float16, about their mean, as float32."""
    return features.to(mean, copy=True).sub_(mean)


def _gram(features: Tensor, mean: Tensor) -> Tensor:
    """Return the inner products (n, n) float32 of features about their mean."""
    gram = torch.zeros(len(features), len(features), device=features.device)
    starts = range(0, len(features), BLOCK)
    for i in starts:
        block = _about(mean, features[i : i + BLOCK])
        for j in starts[: i // BLOCK + 1]:
            products = block @ _about(mean, features[j : j + BLOCK]).T
            gram[i : i + BLOCK, j : j + BLOCK] = products
            gram[j : j + BLOCK, i : i + BLOCK] = products.T
    return gram


def _largest(gram: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return the largest eigenvalues (k,) and their vectors (n, k) of a Gram matrix, float64.

    Those of a large matrix are close to the largest: that takes a tenth of the time.
    """
    if len(gram) <= EXACT:
        squares, vectors = torch.linalg.eigh(gram)
        return squares.flip(0)[:rank].double(), vectors.flip(1)[:, :rank].double()
    basis = torch.randn(len(gram), rank).to(gram)
    for _ in range(ROUNDS):
        basis = torch.linalg.qr(gram @ basis).Q
    squares, among = torch.linalg.eigh((basis.T @ (gram @ basis)).double())
    return squares.flip(0), (basis @ among.flip(1).float()).double()


def principal(
    features: Tensor, mean: Tensor, rank: int
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Return the first principal components of features, and what takes directions back.

    Args:
        features: (n, d) float32 or float16.
        mean: (d,) float32, of the features.
        rank: number k of components.

    Returns:
        The features' components, (n, k) float64, and a function from directions among the
        components (k, m) float64 to those among the features (d, m) float32.
    """
    if len(features) >= len(mean):
        basis = torch.pca_lowrank(features, rank, niter=4)[2].double()
        return (features - mean).double() @ basis, lambda among: (basis @ among).float()
    # Fewer images than features: the components are sums of images, each with a weight.
    gram = _gram(features, mean)
    squares, vectors = _largest(gram, rank)
    weights = vectors / squares.clamp(min=max(float(squares[0]) * RESOLUTION, 1e-12)).sqrt()

    def back(among: Tensor) -> Tensor:
        shares = (weights @ among).float()
        total = torch.zeros(len(mean), among.shape[1], device=features.device)
        for i in range(0, len(features), BLOCK):
            total.addmm_(_about(mean, features[i : i + BLOCK]).T, shares[i : i + BLOCK])
        return total

    return torch.cat([block.double() @ weights for block in gram.split(BLOCK)]), back


def analyse(
    features: Tensor, people: Tensor, size: int, components: int, shrinkage: float
) -> tuple[Tensor, Tensor]:
    """Return the mean (d,) of features and the projection (d, size) that separates people.

    Directions are scaled by their reliability, the share of their variance that is between people.
    Columns beyond what the features hold are zero.

    Args:
        features: (n, d) float32 or float16.
        people: (n,) int64, numbers from 0; some with two images or more.
        size: number of directions to keep.
        components: number of principal ones, at most, to look for them in.
        shrinkage: share of the mean variance within people that every direction gets on top.
    """
    mean = mean_of(features)
    found, back = principal(features, mean, min(components, *features.shape))
    within = scatter_within(found, people)
    level = within.diagonal().mean().clamp(min=1e-12)
    within = within + shrinkage * level * torch.eye(len(within)).double().to(within.device)
    # In these coordinates images of one person vary alike in all directions.
    whiten = torch.linalg.inv(torch.linalg.cholesky(within)).T
    white = found @ whiten
    total, directions = torch.linalg.eigh(white.T @ white / len(white))
    total, directions = total.flip(0)[:size], directions.flip(1)[:, :size]
    reliability = (total - 1).clamp(min=0) / total.clamp(min=1)
    projection = torch.zeros(len(mean), size, device=features.device)
    projection[:, : directions.shape[1]] = back(whiten @ directions * reliability)
    return mean, projection
