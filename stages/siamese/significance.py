"""Whether one run is better than another, on the same test pairs.

    python -m siamese.significance A [B]

takes two experiments (or other revisions of Git; without the second one, the workspace), reads
both runs' scores of the test pairs out of DVC, and prints the difference of their accuracies, B's
less A's, with a 95 % interval and McNemar's p-value: at probability 0.5, and at each run's own
threshold from validation.
"""

import csv
import sys
from math import comb

import dvc.api
import numpy as np
from dvc.exceptions import DvcException
from dvc_data.index import DataIndexDirError
from numpy.typing import NDArray

from siamese.errors import InputError, run
from siamese.protocol import DIFFERENT
from siamese.verification import EVEN_ODDS, best_threshold

RESAMPLES = 10_000
SEED = 0
# A name may be that of several experiments, each on a commit of its own; a hash is never.
EXPERIMENT_HINT = "`dvc exp list --all-commits` shows each experiment's hash and [name]"
Right = NDArray[np.bool_]


def paired_bootstrap(
    first: NDArray[np.floating] | Right, second: NDArray[np.floating] | Right
) -> tuple[float, float]:
    """Return the 95 % percentile interval of the difference of two accuracies, second less first.

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13; pairs are
    drawn, so that both runs are judged on the same ones.

    Args:
        first: (n,) bool, which pairs one run judged rightly; or the share of several runs that did.
        second: (n,), the other run or runs, the same pairs in the same order.
    """
    difference = second.astype(float) - first.astype(float)
    # A resample matters only by how many pairs it has of each difference.
    values, counts = np.unique(difference, return_counts=True)
    n = len(difference)
    drawn = np.random.default_rng(SEED).multinomial(n, counts / n, RESAMPLES)
    low, high = np.percentile(drawn @ values / n, [2.5, 97.5])
    return float(low), float(high)


def mcnemar(first: Right, second: Right) -> float:
    """Return the exact two-sided p-value of McNemar's test that both are right equally often.

    Source: McNemar, "Note on the Sampling Error of the Difference between Correlated Proportions",
    Psychometrika 12 (1947), with the binomial distribution in place of chi-squared.
    """
    only_first, only_second = int(np.sum(first & ~second)), int(np.sum(second & ~first))
    n, k = only_first + only_second, min(only_first, only_second)
    return min(1.0, 2 * sum(comb(n, i) for i in range(k + 1)) / (1 << n))


Predictions = dict[tuple[str, str], tuple[int, float]]


def read(revision: str | None, split: str) -> Predictions:
    """Return the class and the score of each pair of a split, by the names of its images.

    Raises:
        InputError: there is no such revision, or its scores are not in DVC's cache.
    """
    try:
        text = dvc.api.read(f"data/predictions/{split}.csv", rev=revision)
    except (DvcException, DataIndexDirError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{revision or 'workspace'}: {reason}; {EXPERIMENT_HINT}. "
            "Scores of runs made elsewhere are not in this machine's cache"
        ) from None
    rows = csv.DictReader(text.splitlines())
    return {(row["first"], row["second"]): (int(row["label"]), float(row["score"])) for row in rows}


def arrays(predictions: Predictions) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return scores (n,) and labels (n,) in the order of the pairs' names."""
    labels, scores = zip(*(predictions[names] for names in sorted(predictions)), strict=True)
    return np.array(scores, dtype=np.float64), np.array(labels, dtype=np.int64)


def judge(scores: NDArray[np.float64], labels: NDArray[np.int64], threshold: float) -> Right:
    """Return which pairs a threshold judges rightly (n,), of scores (n,) and labels (n,)."""
    return np.asarray((scores >= threshold) == (labels == DIFFERENT))


def compare(first: str | None, second: str | None) -> list[str]:
    """Return what to print of two revisions, None being the workspace, as lines.

    Raises:
        InputError: they were judged on different pairs, or see `read`.
    """
    revisions = (first, second)
    tests = [read(revision, "test") for revision in revisions]
    if tests[0].keys() != tests[1].keys():
        raise InputError(
            f"{first or 'workspace'} and {second or 'workspace'} were judged on different pairs: "
            f"{len(tests[0].keys() & tests[1].keys()):,} are common to both"
        )
    scores, (labels, _) = zip(*map(arrays, tests), strict=True)
    own = [best_threshold(*arrays(read(revision, "val"))) for revision in revisions]
    lines = [f"A: {first or 'workspace'}, B: {second or 'workspace'}; {len(labels):,} test pairs"]
    for name, thresholds in (
        ("probability 0.5", [EVEN_ODDS, EVEN_ODDS]),
        ("threshold from validation", own),
    ):
        a, b = (
            judge(score, labels, threshold)
            for score, threshold in zip(scores, thresholds, strict=True)
        )
        low, high = paired_bootstrap(a, b)
        lines.append(
            f"accuracy at {name}: A {a.mean():.1%}, B {b.mean():.1%}; "
            f"B less A {100 * (b.mean() - a.mean()):+.1f} points "
            f"({100 * low:+.1f} to {100 * high:+.1f}), McNemar p = {mcnemar(a, b):.2g}"
        )
    return lines


def main() -> None:
    """Compare the revisions named on the command line."""
    match sys.argv[1:]:
        case [first]:
            print(*compare(first, None), sep="\n")
        case [first, second]:
            print(*compare(first, second), sep="\n")
        case _:
            raise InputError("usage: python -m siamese.significance A [B], two runs to compare")


if __name__ == "__main__":
    run(main)
