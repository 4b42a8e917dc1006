"""A mixture of Gaussians is that of scikit-learn."""

import numpy as np
import torch
from sklearn.mixture import GaussianMixture

from siamese.features.mixture import Mixture


def mixture(gaussians: int = 3, size: int = 4) -> Mixture:
    torch.manual_seed(0)
    made = Mixture(gaussians, size)
    made.means.copy_(torch.randn(gaussians, size))
    made.variances.copy_(torch.rand(gaussians, size) + 0.3)
    made.log_shares.copy_(torch.randn(gaussians).log_softmax(dim=0))
    return made


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


def test_a_coordinate_in_which_all_points_agree_changes_nothing() -> None:
    torch.manual_seed(0)
    points = torch.randn(200, 2)
    more = torch.cat([points, torch.full((200, 1), 1 / 28)], dim=1)  # as the place of a lone patch
    without, made = Mixture(3, 2), Mixture(3, 3)
    for each, given in ((without, points), (made, more)):
        torch.manual_seed(0)
        each.fit(given)
    torch.testing.assert_close(made.means[:, :2], without.means, atol=1e-2, rtol=0)
    torch.testing.assert_close(made.variances[:, :2], without.variances, atol=1e-2, rtol=0)
    torch.testing.assert_close(made.log_shares, without.log_shares, atol=1e-2, rtol=0)
