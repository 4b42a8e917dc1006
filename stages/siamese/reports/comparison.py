"""Two runs compared on the same test pairs, at probability 0.5 and at their own thresholds."""

from siamese.errors import InputError
from siamese.evaluation.verification import EVEN, best_threshold, is_correct
from siamese.reports.significance import mcnemar, paired_bootstrap
from siamese.reports.stored import in_order, read_predictions


def compare(first: str | None, second: str | None) -> list[str]:
    """Return what to print of two revisions, None being the workspace, as lines.

    Raises:
        InputError: their test pairs differ, or see `stored.read_text`.
    """
    revisions = (first, second)
    names = [revision or "workspace" for revision in revisions]
    tests = [read_predictions("test", revision) for revision in revisions]
    if tests[0].keys() != tests[1].keys():
        raise InputError(
            f"{names[0]} and {names[1]} have different test pairs: "
            f"{len(tests[0].keys() & tests[1].keys()):,} are common to both"
        )
    scores, (labels, _) = zip(*map(in_order, tests), strict=True)
    own = [best_threshold(*in_order(read_predictions("val", revision))) for revision in revisions]
    lines = [f"A: {names[0]}, B: {names[1]}; {len(labels):,} test pairs"]
    for name, thresholds in (
        ("probability 0.5", [EVEN, EVEN]),
        ("threshold from validation", own),
    ):
        a, b = (
            is_correct(score, labels, threshold)
            for score, threshold in zip(scores, thresholds, strict=True)
        )
        low, high = paired_bootstrap(a, b)
        lines.append(
            f"accuracy at {name}: A {a.mean():.1%}, B {b.mean():.1%}; "
            f"B less A {100 * (b.mean() - a.mean()):+.1f} points "
            f"({100 * low:+.1f} to {100 * high:+.1f}), McNemar p = {mcnemar(a, b):.2g}"
        )
    return lines
