"""Verification figures agree with scikit-learn, scipy and hand-made cases."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score, roc_curve

from siamese.evaluation import verification
from siamese.evaluation.verification import Labels, Scores


def sample(seed: int, n: int = 200, ties: bool = False) -> tuple[Scores, Labels]:
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n // 2)
    scores = generator.normal(labels * 1.2, 1.0)
    return (np.round(scores, 1) if ties else scores), labels


def brute_force_best_accuracy(scores: Scores, labels: Labels) -> float:
    candidates = np.concatenate([[-np.inf, np.inf], scores, np.nextafter(scores, np.inf)])
    return max(verification.accuracy(scores, labels, t) for t in candidates)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_auc_is_scikit_learns(seed: int, ties: bool) -> None:
    scores, labels = sample(seed, ties=ties)
    assert verification.roc(scores, labels).area == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize("seed", range(5))
def test_roc_points_are_scikit_learns(seed: int) -> None:
    scores, labels = sample(seed, ties=True)
    curve = verification.roc(scores, labels)
    # scikit-learn accepts at or above a threshold; low scores are similar here, hence the sign.
    far, tar, _ = roc_curve(1 - labels, -scores, drop_intermediate=False)
    np.testing.assert_allclose(curve.far, far)
    np.testing.assert_allclose(curve.tar, tar)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_equal_error_rate_is_where_scikit_learns_curve_crosses_the_diagonal(
    seed: int, ties: bool
) -> None:
    scores, labels = sample(seed, ties=ties)
    far, tar, _ = roc_curve(1 - labels, -scores, drop_intermediate=False)
    grid = np.linspace(0, 1, 2_000_001)
    gap = np.abs(np.interp(grid, far, tar) - (1 - grid))
    rate = verification.roc(scores, labels).equal_error_rate
    assert rate == pytest.approx(grid[np.argmin(gap)], abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_best_threshold_reaches_the_best_accuracy_there_is(seed: int, ties: bool) -> None:
    scores, labels = sample(seed, n=60, ties=ties)
    threshold = verification.best_threshold(scores, labels)
    assert verification.accuracy(scores, labels, threshold) == brute_force_best_accuracy(
        scores, labels
    )


def test_among_equally_good_thresholds_the_one_nearest_to_probability_one_half_is_taken() -> None:
    scores, labels = np.array([-3.0, -2.0, 4.0, 5.0]), np.array([0, 0, 1, 1])
    assert verification.best_threshold(scores, labels) == 1.0


@given(st.lists(st.tuples(st.floats(-5, 5, width=32), st.integers(0, 1)), min_size=2, max_size=30))
def test_any_scores_give_figures_in_range(rows: list[tuple[float, int]]) -> None:
    scores = np.array([score for score, _ in rows], dtype=np.float32)
    labels = np.array([label for _, label in rows])
    labels[:2] = 0, 1  # both classes
    curve = verification.roc(scores, labels)
    assert curve.area == pytest.approx(roc_auc_score(labels, scores))
    assert 0 <= curve.equal_error_rate <= 1
    threshold = verification.best_threshold(scores, labels)
    assert verification.accuracy(scores, labels, threshold) == brute_force_best_accuracy(
        scores, labels
    )


@pytest.mark.parametrize(
    ("correct", "n"), [(0, 10), (10, 10), (500, 1000), (680, 1000), (199, 330)]
)
def test_interval_is_scipys_wilson_interval(correct: int, n: int) -> None:
    expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
    low, high = verification.wilson_interval(correct / n, n)
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_cross_entropy_is_scikit_learns_and_stays_finite() -> None:
    scores, labels = sample(0)
    expected = log_loss(labels, verification.probability(scores))
    assert verification.cross_entropy(scores, labels) == pytest.approx(expected)
    extreme = verification.cross_entropy(np.array([-1e4, 1e4]), np.array([1, 1]))
    assert extreme == pytest.approx(5e3)


def test_at_the_threshold_itself_a_pair_is_different() -> None:
    assert verification.accuracy(np.array([0.0]), np.array([1])) == 1
    assert verification.accuracy(np.array([0.0]), np.array([0])) == 0
    assert verification.is_different(torch.tensor([-0.1, 0.0, 0.1])).tolist() == [False, True, True]
    decisions = verification.is_different(torch.tensor([0.5, 1.0]), threshold=1.0)
    assert decisions.tolist() == [False, True]


def test_a_threshold_is_not_rounded_to_the_precision_of_the_scores() -> None:
    score = np.float32(0.1)  # a little more than 0.1
    scores = np.array([score])
    for threshold in (float(score), np.nextafter(float(score), 0)):
        assert verification.is_different(scores, threshold).tolist() == [True]
    above = float(np.nextafter(float(score), 1))
    assert np.float32(above) == score
    assert verification.is_different(scores, above).tolist() == [False]
    # As accuracy, ROC and the rates at a threshold have it.
    assert verification.accuracy(scores, np.array([0]), above) == 1
    two, labels = np.array([score, score + np.float32(1)]), np.array([0, 1])
    figures = verification.figures(two, labels, above)
    assert (figures["false_reject_rate"], figures["accuracy_at_threshold"]) == (0, 1)


def test_pairs_classified_correctly_are_those_that_accuracy_counts() -> None:
    scores, labels = np.array([-1.0, 1.0, 0.5, -0.5]), np.array([0, 1, 0, 1])
    assert verification.is_correct(scores, labels).tolist() == [True, True, False, False]
    assert verification.is_correct(scores, labels, 0.7).tolist() == [True, True, True, False]
    assert verification.accuracy(scores, labels, 0.7) == 0.75


def test_figures_are_rounded_to_four_decimals_and_missing_ones_stay_missing() -> None:
    figures = {"auc": 0.123456, "loss": 2, "tar": None}
    assert verification.rounded(figures) == {"auc": 0.1235, "loss": 2, "tar": None}


def test_histogram_counts_every_pair_once() -> None:
    scores, labels = sample(0)
    bins = verification.histogram(scores * 100, labels)
    assert sum(same for _, same, _ in bins) == sum(different for *_, different in bins) == 100
    assert [middle for middle, *_ in bins] == sorted(middle for middle, *_ in bins)


def test_figures_hold_what_the_single_functions_give() -> None:
    scores, labels = sample(0)
    figures = verification.figures(scores, labels, threshold=0.7)
    assert figures["accuracy"] == verification.accuracy(scores, labels, 0.0)
    assert figures["accuracy_at_threshold"] == verification.accuracy(scores, labels, 0.7)
    assert figures["accuracy_low"] < figures["accuracy"] < figures["accuracy_high"]
    assert figures["pairs"] == len(labels)
    assert figures["false_accept_rate"] == np.mean(scores[labels == 1] < 0.7)
    assert figures["false_reject_rate"] == np.mean(scores[labels == 0] >= 0.7)
    errors = figures["false_accept_rate"] + figures["false_reject_rate"]
    assert 1 - errors / 2 == pytest.approx(figures["accuracy_at_threshold"])  # 100 of each class


def test_true_accept_rate_is_the_best_among_thresholds_within_the_false_accept_rate() -> None:
    scores, labels = sample(0)
    curve = verification.roc(scores, labels)
    for far in (0.0, 0.01, 0.0149, 0.1, 0.5, 1.0):
        best = 0.0
        for threshold in [*scores, np.inf]:
            accepted = scores < threshold
            if accepted[labels == 1].mean() <= far:
                best = max(best, accepted[labels == 0].mean())
        assert curve.tar_at_far(far) == best


def test_a_false_accept_rate_that_so_few_pairs_cannot_show_has_no_figure() -> None:
    scores, labels = sample(0)  # 100 different pairs
    rates = verification.figures(scores, labels, 0.0)["tar_at_far"]
    assert list(rates) == ["0.1", "0.01", "0.001"]
    assert rates["0.1"] > rates["0.01"] > 0
    assert rates["0.001"] is None


def test_brier_score_is_scikit_learns() -> None:
    scores, labels = sample(1)
    expected = brier_score_loss(labels, verification.probability(scores))
    assert verification.brier_score(scores, labels) == pytest.approx(expected)


def test_reliability_counts_every_pair_once_where_its_probability_lies() -> None:
    scores = np.array([-99.0, -0.01, 0.01, 0.02, 99.0])
    rows = verification.reliability(scores, np.array([0, 1, 0, 1, 1]))
    means, shares, lows, highs, counts = zip(*rows, strict=True)
    assert means == pytest.approx([0, 0.4975, 0.50375, 1], abs=1e-4)
    assert shares == (0, 1, 0.5, 1)
    assert counts == (1, 1, 2, 1)
    assert all(low <= share <= high for low, share, high in zip(lows, shares, highs, strict=True))


def test_loss_through_a_second_sigmoid_is_that_of_torch_which_takes_probabilities_for_logits() -> (
    None
):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=50), rng.integers(0, 2, 50)
    expected = torch.nn.BCEWithLogitsLoss()(
        torch.from_numpy(scores).sigmoid(), torch.from_numpy(labels).double()
    )
    assert verification.second_sigmoid_loss(scores, labels) == pytest.approx(float(expected))


@pytest.mark.parametrize(
    ("scores", "loss"),
    [([-99, 99], 0.503), ([0, 0], 0.724), ([99, 99], 0.813), ([-99, -99], math.log(2))],
)
def test_a_second_sigmoid_leaves_a_perfect_network_half_a_nat(
    scores: list[float], loss: float
) -> None:
    found = verification.second_sigmoid_loss(np.array(scores, dtype=float), np.array([0, 1]))
    assert found == pytest.approx(loss, abs=5e-4)
