"""The residual network: twins, unit length, mirror images, and odds fitted on validation pairs."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from siamese.parameters import NETWORKS
from siamese.residual import EMBEDDING_SIZE, ResidualNetwork


def network(size: int = 32, channels: int = 1) -> ResidualNetwork:
    torch.manual_seed(0)
    return ResidualNetwork(size, channels).eval()


@pytest.mark.parametrize(("size", "channels"), [(NETWORKS["residual"], 1), (33, 3), (64, 1)])
def test_embeddings_have_length_one(size: int, channels: int) -> None:
    with torch.no_grad():
        embeddings = network(size, channels).embed(torch.rand(3, channels, size, size))
    assert embeddings.shape == (3, EMBEDDING_SIZE)
    torch.testing.assert_close(embeddings.norm(dim=1), torch.ones(3))


def test_twins_are_interchangeable_and_an_image_is_most_like_itself() -> None:
    first, second = torch.rand(2, 4, 1, 32, 32)
    with torch.no_grad():
        scores = network()(first, second)
        torch.testing.assert_close(scores, network()(second, first))
        assert (network()(first, first) < scores).all()


def test_a_mirrored_or_relit_image_is_the_same_face() -> None:
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        embeddings = network().embed(images)
        torch.testing.assert_close(network().embed(images.flip(3)), embeddings)
        relit = network().embed(images * 0.5 + 0.3)
    torch.testing.assert_close(relit, embeddings, atol=0.02, rtol=0)


def test_fitted_odds_are_those_of_logistic_regression_and_keep_the_order() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    cosines = rng.normal(0.4 - 0.3 * labels, 0.2)
    made = network()
    made.fit_odds(-cosines, labels)  # as slope -1 and intercept 0 give them
    expected = LogisticRegression(C=1e6, tol=1e-9).fit(cosines[:, None], labels)
    assert float(made.slope) == pytest.approx(expected.coef_[0, 0], rel=1e-3)
    assert float(made.intercept) == pytest.approx(expected.intercept_[0], rel=1e-3)
    # Fitted again on what it gives now, it stays as it is.
    slope = float(made.slope)
    made.fit_odds(float(made.slope) * cosines + float(made.intercept), labels)
    assert float(made.slope) == pytest.approx(slope, rel=1e-4)


def test_odds_that_are_forgotten_leave_the_negative_cosine() -> None:
    made = network()
    made.fit_odds(np.array([-0.9, -0.3, -0.4, 0.0]), np.array([0, 0, 1, 1]))
    made.forget_odds()
    first, second = torch.rand(2, 3, 1, 32, 32)
    with torch.no_grad():
        a, b = made.embed(first), made.embed(second)
        torch.testing.assert_close(made.compare(a, b), -(a * b).sum(dim=1))


def test_classes_that_are_told_apart_without_error_give_finite_odds() -> None:
    made = network()
    made.fit_odds(np.array([-0.9, -0.8, -0.1, 0.0]), np.array([0, 0, 1, 1]))
    assert torch.isfinite(made.slope)
    assert made.slope < 0
