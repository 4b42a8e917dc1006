"""Fisher vectors are gradients of the likelihood of an image's patches."""

import torch

from siamese.features.fisher_vectors import FisherVectors
from siamese.features.patches import GRADIENTS

COMPONENTS, GAUSSIANS = 64, 512
POINT = COMPONENTS + 2


def made() -> FisherVectors:
    return FisherVectors(GRADIENTS, COMPONENTS, GAUSSIANS)


def images(number: int = 20, size: int = 32) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(number, 1, size, size)


def test_differences_are_gradients_of_the_log_likelihood() -> None:
    points = torch.randn(1, 30, POINT)
    vectors = made()
    torch.manual_seed(0)
    vectors.mixture.means.copy_(0.3 * torch.randn(GAUSSIANS, POINT))
    vectors.mixture.variances.copy_(torch.rand(GAUSSIANS, POINT) + 0.3)
    found = vectors.differences(points).unflatten(1, (GAUSSIANS, 2 * POINT))

    means = vectors.mixture.means.double().requires_grad_()
    deviations = vectors.mixture.variances.double().sqrt().requires_grad_()
    normal = torch.distributions.Normal(means, deviations)
    log_density = normal.log_prob(points[0, :, None].double()).sum(dim=2)
    log_likelihood = (log_density + vectors.mixture.log_shares).logsumexp(dim=1).sum()
    by_mean, by_deviation = torch.autograd.grad(log_likelihood, (means, deviations))
    gradients = torch.cat([by_mean * deviations, by_deviation * deviations / 2**0.5], dim=1)
    rooted = gradients.sign() * gradients.abs().sqrt()
    expected = torch.nn.functional.normalize(rooted, dim=1).float()
    large = log_density.softmax(dim=1).sum(dim=0) > 1e-3  # others are noise of float32
    assert large.sum() > 20
    torch.testing.assert_close(found[0, large], expected[large], atol=2e-3, rtol=0)


def test_points_are_principal_components_and_places_of_both_mirror_images() -> None:
    vectors = made()
    vectors.fit(images())
    points = vectors.points(images(3, 26))
    assert points.shape == (3, 2, POINT)  # a single patch, in the middle
    mirrored = vectors.points(images(3, 26).flip(3))
    torch.testing.assert_close(points.flip(1), mirrored, atol=1e-4, rtol=1e-4)
    assert points[:, :, -2:].abs().max() < 1e-6
    larger = vectors.points(images(1, 32))[0]
    own, other = larger.chunk(2)
    torch.testing.assert_close(own[:, -2:] * torch.tensor([1, -1]), other[:, -2:])
    (grid,) = GRADIENTS.grids(images(3, 26))
    descriptor = grid.project(GRADIENTS.kernels(torch.eye(GRADIENTS.size)))[:, :, 0]
    expected = (descriptor - vectors.mean) @ vectors.basis
    torch.testing.assert_close(points[:, 0, :-2], expected, atol=1e-4, rtol=1e-4)


def test_an_image_and_its_mirror_image_have_one_vector() -> None:
    vectors = made()
    vectors.fit(images())
    torch.testing.assert_close(
        vectors(images(3, 26)), vectors(images(3, 26).flip(3)), atol=2e-2, rtol=0
    )


def test_a_vector_does_not_depend_on_the_other_images_of_the_batch() -> None:
    vectors = made()
    vectors.fit(images())
    together = vectors(images(7))
    assert together.shape == (7, vectors.size)
    lengths = together.unflatten(1, (GAUSSIANS, -1)).norm(dim=2)
    some = lengths > 0.5  # a Gaussian that no patch belongs to gives zeros
    assert some.sum(dim=1).min() > 1
    torch.testing.assert_close(lengths[some], torch.ones(int(some.sum())))
    alone = torch.cat([vectors(image[None]) for image in images(7)])
    torch.testing.assert_close(together, alone, atol=1e-2, rtol=0)


def test_a_seed_repeats_the_mixture() -> None:
    fitted = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        vectors = made()
        drawn = torch.rand(20, 1, 32, 32, generator=torch.Generator().manual_seed(0))
        vectors.fit(drawn)
        fitted.append(vectors.mixture.means)
    assert torch.equal(fitted[0], fitted[1])
    assert not torch.equal(fitted[0], fitted[2])
