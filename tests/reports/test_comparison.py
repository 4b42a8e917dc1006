"""Two runs are compared on the same pairs, each at its own threshold."""

from pathlib import Path

import pytest

from siamese.errors import InputError
from siamese.reports.comparison import compare


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

    def read(path: str, rev: str | None, encoding: str) -> str:
        return "\n".join(["first,second,label,score", *tables[rev or "first"][Path(path).stem]])

    monkeypatch.setattr("dvc.api.read", read)
    _, even, tuned = compare("first", "second")
    assert "A 83.3%, B 83.3%; B less A +0.0 points (+0.0 to +0.0), McNemar p = 1" in even
    assert "threshold from validation: A 83.3%, B 83.3%; B less A +0.0 points (-50.0 to" in tuned
    with pytest.raises(InputError, match=r"different test pairs: 5 are common"):
        compare("first", "other")
