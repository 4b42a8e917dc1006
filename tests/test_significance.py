"""Differences of runs are judged as statistics' libraries judge them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap

from siamese import significance
from siamese.errors import InputError


def runs(seed: int, n: int = 1000) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which of n pairs two runs judged rightly; they agree more often than not."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    return hard + rng.normal(0, 0.1, n) < 0.66, hard + rng.normal(0, 0.1, n) < 0.69


@pytest.mark.parametrize("seed", range(5))
def test_mcnemar_is_the_exact_binomial_test_of_the_pairs_judged_apart(seed: int) -> None:
    first, second = runs(seed)
    apart = int(np.sum(first != second))
    expected = binomtest(int(np.sum(first & ~second)), apart).pvalue
    assert significance.mcnemar(first, second) == pytest.approx(expected)
    assert significance.mcnemar(second, first) == pytest.approx(expected)


def test_runs_that_judge_alike_do_not_differ() -> None:
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


def test_scores_are_matched_by_names_and_thresholds_are_each_runs_own_from_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def table(*scores: float) -> list[str]:
        return [f"a{i},b{i},{i % 2},{score}" for i, score in enumerate(scores)]

    test = table(-1, 2, 3, 4, -5, 6)  # at 0 the third is wrong, at 3.5 the second
    tables = {
        "first": {"test": test, "val": table(-1, 1, -1, 1)},
        "second": {"test": test[::-1], "val": table(1, 6, 1, 6)},  # midway: 3.5
        "other": {"test": test[:-1], "val": table(-1, 1)},
    }

    def read(path: str, rev: str | None) -> str:
        return "\n".join(["first,second,label,score", *tables[rev or "first"][Path(path).stem]])

    monkeypatch.setattr("dvc.api.read", read)
    _, even, tuned = significance.compare("first", "second")
    assert "A 83.3%, B 83.3%; B less A +0.0 points (+0.0 to +0.0), McNemar p = 1" in even
    assert "threshold from validation: A 83.3%, B 83.3%; B less A +0.0 points (-50.0 to" in tuned
    with pytest.raises(InputError, match=r"different pairs: 5 are common"):
        significance.compare("first", "other")
