"""Calibration is logistic regression."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from siamese.networks import calibration


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_slopes_and_intercept_are_scikit_learns(columns: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    x = rng.normal(0.4 - 0.3 * labels[:, None], 0.2, (400, columns))
    slopes, intercept = calibration.fit(torch.from_numpy(x), labels)
    expected = LogisticRegression(C=1e6, tol=1e-9).fit(x, labels)
    np.testing.assert_allclose(slopes, expected.coef_[0], rtol=1e-3, atol=1e-3)
    assert float(intercept) == pytest.approx(expected.intercept_[0], rel=1e-3)


def test_classes_that_are_separated_without_error_give_finite_slopes() -> None:
    slopes, intercept = calibration.fit(
        torch.tensor([[0.9], [0.8], [0.1], [0.0]]), np.array([0, 0, 1, 1])
    )
    assert torch.isfinite(slopes).all()
    assert torch.isfinite(intercept)
    assert slopes < 0


def test_a_column_that_never_varies_gets_no_slope() -> None:
    labels = np.array([0, 0, 1, 1])
    alone = torch.tensor([[0.9], [0.2], [0.4], [0.0]])
    slopes, intercept = calibration.fit(torch.cat([alone, torch.full((4, 1), 0.7)], dim=1), labels)
    expected, level = calibration.fit(alone, labels)
    assert float(slopes[1]) == pytest.approx(0, abs=1e-6)
    assert float(slopes[0]) == pytest.approx(float(expected[0]), rel=1e-4)
    assert float(intercept) == pytest.approx(float(level), rel=1e-4)
