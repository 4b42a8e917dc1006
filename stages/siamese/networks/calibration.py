"""Calibration: from similarities to a probability, by logistic regression (Platt scaling).

Source: Platt, "Probabilistic Outputs for Support Vector Machines" (1999), without his change of the
targets.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STEPS = 30
RIDGE = 1e-6  # keeps the slopes finite where the classes do not overlap


def fit(similarities: Tensor, labels: NDArray[np.integer]) -> tuple[Tensor, Tensor]:
    """Return slopes (d,) and intercept () of the logit of class 1, both float64.

    Args:
        similarities: (n, d) of pairs.
        labels: (n,), both classes.
    """
    x = similarities.double().cpu()
    y = torch.from_numpy(labels.astype(np.float64))
    # Newton's method on centred and scaled columns; convex, so that a few steps do.
    deviation, mean = torch.std_mean(x, dim=0)
    deviation = deviation.clamp(min=1e-12)
    features = torch.cat([(x - mean) / deviation, torch.ones(len(x), 1)], dim=1)
    ridge = RIDGE * torch.eye(features.shape[1], dtype=torch.float64)
    weights = torch.zeros(features.shape[1], dtype=torch.float64)
    for _ in range(STEPS):
        p = torch.sigmoid(features @ weights)
        gradient = features.T @ (p - y) / len(y) + ridge @ weights
        hessian = (features.T * (p * (1 - p))) @ features / len(y) + ridge
        weights = weights - torch.linalg.solve(hessian, gradient)
    slopes = weights[:-1] / deviation
    return slopes, weights[-1] - slopes @ mean
