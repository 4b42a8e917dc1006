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


def test_the_first_variant_is_the_committed_default_run() -> None:
    variant = committed()[0]
    assert variant["scheduler"] == "none"
    for name in ("train", "evaluation"):
        assert variant[name] == json.loads((ROOT / f"metrics/{name}.json").read_text())


def test_all_were_made_on_the_real_images() -> None:
    for variant in committed():
        assert isinstance(variant["train"], dict)
        assert variant["train"]["dataset"] == report.DATASET
