"""Fisher vectors: patches described, a mixture fitted, and gradients of its likelihood."""

import math

import numpy as np
import pytest
import torch
from sklearn.mixture import GaussianMixture

from siamese import fisher, parameters
from siamese.fisher import CELLS, DIRECTIONS, PATCH, FisherVectors, Mixture, describe


def images(number: int = 20, size: int = 32) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(number, 1, size, size)


def mixture(gaussians: int = 3, size: int = 4) -> Mixture:
    torch.manual_seed(0)
    made = Mixture(gaussians, size)
    made.means.copy_(torch.randn(gaussians, size))
    made.variances.copy_(torch.rand(gaussians, size) + 0.3)
    made.log_shares.copy_(torch.randn(gaussians).log_softmax(dim=0))
    return made


def test_the_smallest_image_that_parameters_allow_is_one_patch() -> None:
    assert parameters.PATCH == PATCH
    descriptions, places = describe(images(2, PATCH))
    assert descriptions.shape == (2, 1, 128)
    assert places.tolist() == [[0, 0]]


def test_patches_are_seen_in_several_scales_and_inside_the_image() -> None:
    descriptions, places = describe(images(1, 160))
    steps = [(round(160 * scale) - PATCH) // fisher.STEP + 1 for scale in fisher.SCALES]
    assert descriptions.shape == (1, sum(step**2 for step in steps), 128)
    assert len(steps) == 5
    assert places.abs().max() <= 0.5 - 0.5 * PATCH / 160
    assert places.mean(dim=0).abs().max() < 0.01


@pytest.mark.parametrize("number", range(DIRECTIONS))
def test_a_patch_answers_to_the_direction_of_its_gradient(number: int) -> None:
    angle = 2 * math.pi * number / DIRECTIONS
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    ramp = (x * math.cos(angle) + y * math.sin(angle))[None, None] / 64
    found = describe(ramp)[0].unflatten(2, (CELLS**2, DIRECTIONS))[0, 4]
    assert (found.argmax(dim=1) == number).all()


def test_a_patch_is_described_cell_by_cell() -> None:
    # An edge in the image's upper left corner is in the first cell of the first patch, no other.
    image = torch.zeros(1, 1, 32, 32)
    image[:, :, :4, :4] = 1
    first = describe(image)[0][0, 0].unflatten(0, (CELLS**2, DIRECTIONS))
    assert first[0].max() > 0.1
    assert first[1:].max() < 0.01 * first[0].max()


def test_the_mirror_image_is_described_by_mirrored_patches() -> None:
    descriptions, places = describe(images(3))
    mirrored, there = describe(images(3).flip(3))
    swapped = [(DIRECTIONS // 2 - k) % DIRECTIONS for k in range(DIRECTIONS)]
    expected = descriptions.unflatten(2, (CELLS, CELLS, DIRECTIONS)).flip(3)[..., swapped]
    order = [i * 3 + 2 - j for i in range(3) for j in range(3)]  # nine patches, three a row
    torch.testing.assert_close(mirrored, expected.flatten(2)[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(there, places[order] * torch.tensor([1, -1]), atol=1e-6, rtol=0)


def test_light_changes_next_to_nothing_and_an_even_image_is_no_trouble() -> None:
    original = describe(images())[0]
    torch.testing.assert_close(describe(images() * 0.5 + 0.2)[0], original, atol=0.02, rtol=0)
    assert describe(torch.full((1, 1, 32, 32), 0.3))[0].abs().max() < 0.1


def test_densities_are_those_of_scikit_learn() -> None:
    made = mixture()
    reference = GaussianMixture(3, covariance_type="diag")
    reference.means_ = made.means.numpy().astype(float)
    reference.weights_ = made.log_shares.exp().numpy().astype(float)
    reference.precisions_cholesky_ = made.variances.numpy().astype(float) ** -0.5
    points = torch.randn(50, 4)
    squared = torch.cat([points, points.square()], dim=1)
    found = made.log_densities(squared).softmax(dim=1)
    np.testing.assert_allclose(found, reference.predict_proba(points.numpy()), atol=1e-4)


def test_fitting_finds_what_scikit_learn_finds() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 1.0], [6.0, -1.0]]).repeat_interleave(400, dim=0)
    points = centres + torch.randn(800, 2) * torch.tensor([1, 0.5])
    made = Mixture(2, 2)
    made.fit(points)
    reference = GaussianMixture(2, covariance_type="diag", random_state=0).fit(points.numpy())
    mine, theirs = made.means[:, 0].argsort(), reference.means_[:, 0].argsort()
    np.testing.assert_allclose(made.means[mine], reference.means_[theirs], atol=0.01)
    np.testing.assert_allclose(made.variances[mine], reference.covariances_[theirs], atol=0.01)
    np.testing.assert_allclose(made.log_shares[mine].exp(), reference.weights_[theirs], atol=0.01)


def test_more_gaussians_than_points_give_finite_numbers() -> None:
    made = Mixture(20, 2)
    made.fit(torch.randn(10, 2))
    for values in (made.means, made.variances, made.log_shares):
        assert torch.isfinite(values).all()
    assert (made.variances > 0).all()


def test_differences_are_gradients_of_the_log_likelihood(monkeypatch: pytest.MonkeyPatch) -> None:
    points = torch.randn(1, 30, fisher.POINT)
    vectors = FisherVectors()
    torch.manual_seed(0)
    vectors.mixture.means.copy_(0.3 * torch.randn(fisher.GAUSSIANS, fisher.POINT))
    vectors.mixture.variances.copy_(torch.rand(fisher.GAUSSIANS, fisher.POINT) + 0.3)
    vectors.basis.copy_(torch.eye(128, fisher.COMPONENTS))
    described = torch.zeros(1, 30, 128)
    described[..., : fisher.COMPONENTS] = points[..., : fisher.COMPONENTS]
    monkeypatch.setattr(fisher, "describe", lambda images: (described, points[0, :, -2:]))
    found = vectors(torch.zeros(1, 1, 32, 32)).unflatten(1, (fisher.GAUSSIANS, 2 * fisher.POINT))

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


def test_vectors_do_not_depend_on_what_is_asked_with_them() -> None:
    vectors = FisherVectors()
    vectors.fit(images())
    together = vectors(images(7))
    assert together.shape == (7, FisherVectors.size)
    lengths = together.unflatten(1, (fisher.GAUSSIANS, -1)).norm(dim=2)
    some = lengths > 0.5  # a Gaussian that no patch is like says nothing
    assert some.sum(dim=1).min() > 1
    torch.testing.assert_close(lengths[some], torch.ones(int(some.sum())))
    alone = torch.cat([vectors(image[None]) for image in images(7)])
    torch.testing.assert_close(together, alone, atol=1e-2, rtol=0)


def test_a_seed_gives_the_same_mixture_again() -> None:
    fitted = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        vectors = FisherVectors()
        drawn = torch.rand(20, 1, 32, 32, generator=torch.Generator().manual_seed(0))
        vectors.fit(drawn)
        fitted.append(vectors.mixture.means)
    assert torch.equal(fitted[0], fitted[1])
    assert not torch.equal(fitted[0], fitted[2])
