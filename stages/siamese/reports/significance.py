"""Whether two accuracies on the same pairs differ by more than chance."""

from math import comb

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
SEED = 0
Correct = NDArray[np.bool_]


def paired_bootstrap(
    first: NDArray[np.floating] | Correct, second: NDArray[np.floating] | Correct
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the difference of two accuracies, second less first.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13; pairs are
    drawn, so that both runs are compared on the same ones.

    Args:
        first: (n,) bool, which pairs one run classified correctly; or the share of several runs
            that did.
        second: (n,), the other run or runs, the same pairs in the same order.
    """
    difference = second.astype(float) - first.astype(float)
    # A resample matters only by how many pairs it has of each difference.
    values, counts = np.unique(difference, return_counts=True)
    n = len(difference)
    drawn = np.random.default_rng(SEED).multinomial(n, counts / n, RESAMPLES)
    low, high = np.percentile(drawn @ values / n, [2.5, 97.5])
    return float(low), float(high)


def mcnemar(first: Correct, second: Correct) -> float:
    """Return the exact two-sided p-value of McNemar's test that both are correct equally often.

    Source: McNemar, "Note on the Sampling Error of the Difference between Correlated Proportions",
    Psychometrika 12 (1947), with the binomial distribution in place of chi-squared.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    n, k = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / (1 << n))
