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
    view2 = ROOT / report.VIEW2
    made = report.tables(committed(), json.loads(view2.read_text()) if view2.exists() else None)
    assert {name for _, name, _ in report.TABLE.findall(readme)} == made.keys()
    assert report.fill_in(readme, made) == readme


def test_every_reported_variant_is_measured_at_both_weight_decays() -> None:
    lines = report.schedulers_table(committed()).splitlines()
    for name in report.REPORTED:
        for decay in report.shown_decays(committed()):
            start = f"| {name} | {decay:g} | "
            found = [
                line
                for line in lines
                if line.startswith((f"{start}measured", f"{start}not yet measured"))
            ]
            assert len(found) == 1
            assert found[0].startswith(f"{start}measured")


def test_rows_of_the_same_settings_are_replaced_in_their_place() -> None:
    def row(scheduler: str, decay: float, value: int) -> dict[str, object]:
        other = dict.fromkeys(report.SETTINGS, 0)
        return other | {"scheduler": scheduler, "weight_decay": decay, "value": value}

    kept = [row("none", 0.0, 1), row("none", 0.0, 2), row("step", 0.0, 3)]
    new = [row("cosine", 0.0, 4), row("none", 0.0, 5)]
    merged = report.merge(kept, new)
    assert [(line["scheduler"], line["value"]) for line in merged] == [
        ("none", 5),
        ("step", 3),
        ("cosine", 4),
    ]


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
