"""Differences of runs are tested as statistics libraries test them."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap

from siamese.reports import significance


def runs(seed: int, n: int = 1000) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of n pairs two runs classified correctly; they agree more often than not."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    return hard + rng.normal(0, 0.1, n) < 0.66, hard + rng.normal(0, 0.1, n) < 0.69


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_the_exact_binomial_test_of_the_pairs_classified_differently(seed: int) -> None:
    first, second = runs(seed)
    apart = int(np.sum(first != second))
    expected = binomtest(int(np.sum(first & ~second)), apart).pvalue
    assert significance.mcnemar(first, second) == pytest.approx(expected)
    assert significance.mcnemar(second, first) == pytest.approx(expected)


def test_runs_that_decide_alike_do_not_differ() -> None:
    first, _ = runs(0)
    assert significance.mcnemar(first, first) == 1
    assert significance.paired_bootstrap(first, first) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
def test_interval_is_scipys_paired_bootstrap(seed: int) -> None:
    first, second = runs(seed)
    expected = bootstrap(
        (second.astype(float), first.astype(float)),
        lambda b, a, axis: b.mean(axis=axis) - a.mean(axis=axis),
        paired=True,
        method="percentile",
        n_resamples=5000,
        rng=np.random.default_rng(0),
    ).confidence_interval
    found = significance.paired_bootstrap(first, second)
    assert found == pytest.approx((expected.low, expected.high), abs=0.002)
    assert found[0] < second.mean() - first.mean() < found[1]
