"""Figures of face verification from scores and labels.

A score is the network's logit of "different persons": the higher, the less similar. A pair is
accepted as one person when its score is below the threshold. Labels are 0 for the same person and 1
for different persons. TAR, the true accept rate, is the share of same pairs accepted; FAR,
the false accept rate, the share of different pairs accepted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from siamese.dataset.protocol import DIFFERENT, SAME

Scores = NDArray[np.floating]
Labels = NDArray[np.integer]
Array = TypeVar("Array")  # NumPy's, or a tensor

EVEN = 0.0  # the logit of probability 0.5
Z_95 = 1.959963984540054  # 97.5 % quantile of the standard normal distribution
FALSE_ACCEPT_RATES = (0.1, 0.01, 0.001)  # at which true accept rates are given


def is_different(scores: Array, threshold: float = EVEN) -> Array:
    """Return which scores (n,) mean different persons; the threshold itself does.

    Args:
        scores: an array of NumPy, or a tensor, to whose precision the threshold is rounded.
        threshold: a logit, by default that of probability 0.5.
    """
    # NumPy would round the threshold to the scores' own precision.
    values: Any = scores.astype(np.float64) if isinstance(scores, np.ndarray) else scores
    decisions: Array = values >= threshold
    return decisions


def cross_entropy(scores: Scores, labels: Labels) -> float:
    """Return the mean binary cross-entropy in nats of logits (n,) and labels (n,)."""
    logits = scores.astype(np.float64)
    with np.errstate(invalid="ignore"):  # a network that diverged gives NaN, and so does this
        return float(np.mean(np.logaddexp(0, logits) - logits * (labels == DIFFERENT)))


def second_sigmoid_loss(scores: Scores, labels: Labels) -> float:
    """Return the loss of `cross_entropy` where probabilities are taken for logits.

    PyTorch's `BCEWithLogitsLoss` gives it to a network that ends in a sigmoid of its own. It is
    0.503 for a perfect network, ln 2 for one that is always certain of the same person, and 0.724
    for one that always gives probability 0.5.
    """
    return cross_entropy(probability(scores), labels)


def is_correct(scores: Scores, labels: Labels, threshold: float = EVEN) -> NDArray[np.bool_]:
    """Return which pairs (n,) a threshold classifies correctly, of scores (n,) and labels (n,)."""
    return np.asarray(is_different(scores, threshold) == (labels == DIFFERENT))


def accuracy(scores: Scores, labels: Labels, threshold: float = EVEN) -> float:
    """Return the share of pairs that a threshold classifies correctly."""
    return float(np.mean(is_correct(scores, labels, threshold)))


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share observed on n independent trials.

    Source: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference",
    JASA 22 (1927).
    """
    centre = share + Z_95**2 / (2 * n)
    margin = Z_95 * sqrt(share * (1 - share) / n + Z_95**2 / (4 * n**2))
    scale = 1 + Z_95**2 / n
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic: (points,) float64 each, from (0, 0) to (1, 1).

    At each threshold the pairs with lower scores are accepted.
    """

    far: NDArray[np.float64]
    tar: NDArray[np.float64]
    thresholds: NDArray[np.float64]

    @property
    def area(self) -> float:
        """Return the area under the curve."""
        return float(np.trapezoid(self.tar, self.far))

    @property
    def equal_error_rate(self) -> float:
        """Return where FAR equals 1 - TAR, on straight lines between the points."""
        gap = self.far - (1 - self.tar)  # rises from -1 to 1
        after = int(np.argmax(gap >= 0))
        before = after - 1
        share = -gap[before] / (gap[after] - gap[before])
        return float(self.far[before] + share * (self.far[after] - self.far[before]))

    def tar_at_far(self, far: float) -> float:
        """Return the highest TAR of a threshold whose FAR is at most that."""
        return float(self.tar[np.searchsorted(self.far, far, side="right") - 1])


def roc(scores: Scores, labels: Labels) -> Roc:
    """Return the ROC of scores (n,) and labels (n,) that hold both classes."""
    values = np.unique(scores.astype(np.float64))
    thresholds = np.append(values, np.inf)
    same = np.sort(scores[labels == SAME])
    different = np.sort(scores[labels == DIFFERENT])
    return Roc(
        far=np.searchsorted(different, thresholds) / len(different),
        tar=np.searchsorted(same, thresholds) / len(same),
        thresholds=thresholds,
    )


def tars(curve: Roc, different: int) -> dict[str, float | None]:
    """Return TAR by FAR; None where there are too few different pairs for it.

    That is where not one of them may be accepted.
    """
    return {
        f"{far:g}": curve.tar_at_far(far) if far * different >= 1 else None
        for far in FALSE_ACCEPT_RATES
    }


def best_threshold(scores: Scores, labels: Labels) -> float:
    """Return the threshold of the highest accuracy, midway between two scores.

    Of several, the one closest to probability 0.5.
    """
    values = np.unique(scores.astype(np.float64))
    middles = (values[1:] + values[:-1]) / 2
    candidates = np.concatenate([[values[0] - 1], middles, [values[-1] + 1]])
    same = np.sort(scores[labels == SAME].astype(np.float64))
    different = np.sort(scores[labels == DIFFERENT].astype(np.float64))
    right = (
        np.searchsorted(same, candidates) + len(different) - np.searchsorted(different, candidates)
    )
    best = candidates[right == right.max()]
    return float(best[np.argmin(np.abs(best - EVEN))])


def brier_score(scores: Scores, labels: Labels) -> float:
    """Return the mean squared difference of probabilities and outcomes; 0.25 is chance level.

    Source: Brier, "Verification of Forecasts Expressed in Terms of Probability" (1950), for one
    of two classes.
    """
    return float(np.mean((probability(scores) - (labels == DIFFERENT)) ** 2))


def reliability(
    scores: Scores, labels: Labels, bins: int = 10
) -> list[tuple[float, float, float, float, int]]:
    """Return how often pairs were different, beside the probability given for it.

    Returns:
        For each of the equal intervals of probability that holds a pair: mean probability of its
        pairs, share of different ones with its 95 % Wilson interval (low, high), number of pairs.
    """
    values = probability(scores)
    bin_of = np.minimum((values * bins).astype(int), bins - 1)
    rows = []
    for members in (bin_of == number for number in range(bins)):
        if n := int(members.sum()):
            share = float(np.mean(labels[members] == DIFFERENT))
            rows.append((float(values[members].mean()), share, *wilson_interval(share, n), n))
    return rows


def figures(scores: Scores, labels: Labels, threshold: float) -> dict[str, Any]:
    """Return the figures of one set of pairs.

    Args:
        scores: (n,) logits.
        labels: (n,), both classes.
        threshold: chosen on other pairs, or at least on validation.

    Returns:
        Loss, and the same through a second sigmoid; accuracy at probability 0.5 and at the
        threshold, each with its 95 % Wilson interval (low, high); the shares of different pairs
        accepted (FAR) and of same pairs rejected (FRR) at the threshold; the area under the ROC;
        the equal error rate; TAR by FAR, see `tars`; the Brier score; the number of pairs.
    """
    curve = roc(scores, labels)
    even, tuned = accuracy(scores, labels), accuracy(scores, labels, threshold)
    rejected = np.asarray(is_different(scores, threshold))
    (even_low, even_high), (tuned_low, tuned_high) = (
        wilson_interval(share, len(labels)) for share in (even, tuned)
    )
    return {
        "pairs": len(labels),
        "loss": cross_entropy(scores, labels),
        "second_sigmoid_loss": second_sigmoid_loss(scores, labels),
        "accuracy": even,
        "accuracy_low": even_low,
        "accuracy_high": even_high,
        "accuracy_at_threshold": tuned,
        "accuracy_at_threshold_low": tuned_low,
        "accuracy_at_threshold_high": tuned_high,
        "false_accept_rate": float(np.mean(~rejected[labels == DIFFERENT])),
        "false_reject_rate": float(np.mean(rejected[labels == SAME])),
        "auc": curve.area,
        "equal_error_rate": curve.equal_error_rate,
        "tar_at_far": tars(curve, int(np.sum(labels == DIFFERENT))),
        "brier_score": brier_score(scores, labels),
    }


def probability(scores: Scores) -> NDArray[np.float64]:
    """Return the probabilities (n,) of "different persons" of logits (n,)."""
    return np.asarray(np.exp(-np.logaddexp(0, -scores.astype(np.float64))))


def histogram(scores: Scores, labels: Labels, bins: int = 20) -> list[tuple[float, int, int]]:
    """Return each bin's middle probability, number of same pairs and number of different pairs."""
    edges = np.linspace(0, 1, bins + 1)
    values = probability(scores)
    same, different = (np.histogram(values[labels == c], edges)[0] for c in (SAME, DIFFERENT))
    middles = (edges[1:] + edges[:-1]) / 2
    return [
        (round(float(m), 6), int(s), int(d))
        for m, s, d in zip(middles, same, different, strict=True)
    ]


def rounded(figures: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return figures with the four decimals that some thousand pairs can support, at most."""
    return {name: None if value is None else round(value, 4) for name, value in figures.items()}
