"""README's tables are what the committed figures say, and nobody's hand."""

import json
from pathlib import Path

from siamese import report
from siamese.parameters import SCHEDULERS

ROOT = Path(__file__).parents[1]


def committed() -> list[dict[str, object]]:
    variants: list[dict[str, object]] = json.loads((ROOT / report.VARIANTS).read_text())
    return variants


def test_readme_shows_the_committed_figures() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for _, name, _ in report.TABLE.findall(readme)] == list(report.TABLES)
    assert report.fill_in(readme, committed()) == readme


def test_every_reported_variant_was_measured_at_the_default_weight_decay_and_at_1() -> None:
    measured = {(variant["scheduler"], variant["weight_decay"]) for variant in committed()}
    assert {name for name, _ in measured} == set(report.REPORTED)
    for name in report.REPORTED:
        assert (name, 1.0) in measured
        assert len({decay for other, decay in measured if other == name}) >= 2


def test_reported_variants_are_schedulers_that_params_offer() -> None:
    assert report.REPORTED.keys() <= SCHEDULERS.keys()


def test_the_default_runs_committed_metrics_are_the_tables() -> None:
    default = next(
        variant
        for variant in committed()
        if variant["scheduler"] == "none" and variant["weight_decay"] != 1.0
    )
    evaluation = json.loads((ROOT / "metrics/evaluation.json").read_text())
    assert evaluation["dataset"] == "lfw-deepfunneled"
    assert isinstance(default["evaluation"], dict)
    for split in ("val", "test"):
        assert evaluation[split] == default["evaluation"][split]
