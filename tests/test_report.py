"""README's tables are what the committed figures say, and nobody's hand."""

import json
from pathlib import Path
from typing import Any

import dvc.api
import pytest

from siamese import experiments, parameters, published, report, tables
from siamese.errors import InputError
from siamese.parameters import SCHEDULERS

ROOT = Path(__file__).parents[1]


def committed() -> list[dict[str, object]]:
    variants: list[dict[str, object]] = json.loads((ROOT / report.VARIANTS).read_text())
    return variants


def test_readme_shows_the_committed_figures() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    view2 = ROOT / report.VIEW2
    made = tables.make(committed(), json.loads(view2.read_text()) if view2.exists() else None)
    assert {name for _, name, _ in report.TABLE.findall(readme)} == made.keys()
    assert report.fill_in(readme, made) == readme


def test_every_reported_variant_is_measured_at_both_weight_decays() -> None:
    lines = tables.schedulers_table(committed()).splitlines()
    for name in published.REPORTED:
        for decay in tables.shown_decays(committed()):
            start = f"| {name} | {decay:g} | "
            found = [
                line
                for line in lines
                if line.startswith((f"{start}measured", f"{start}not yet measured"))
            ]
            assert len(found) == 1
            assert found[0].startswith(f"{start}measured")


def test_rows_of_the_same_experiment_are_replaced_in_their_place() -> None:
    def row(experiment: str, value: int) -> dict[str, object]:
        return {"experiment": experiment, "value": value}

    kept = [row("none", 1), row("none", 2), row("step", 3)]
    merged = experiments.merge(kept, [row("cosine", 4), row("none", 5)])
    assert merged == [row("none", 5), row("step", 3), row("cosine", 4)]


def made_up(accuracy: float, **settings: object) -> dict[str, Any]:
    """Return a variant as `collect` would, with figures that follow from its accuracy."""
    params = parameters.parse((ROOT / "params.yaml").read_text(), "params.yaml")
    row = experiments.settings_of(params) | settings
    figures = {
        "pairs": 1000, "loss": 1 - accuracy, "auc": accuracy, "tar_at_far": {"0.1": 0, "0.01": 0},
        "equal_error_rate": 0.7 * accuracy, "brier_score": 0.6 * accuracy,
        "accuracy": accuracy, "accuracy_low": accuracy, "accuracy_high": accuracy,
        "accuracy_at_threshold": accuracy, "false_reject_rate": 0.9 * accuracy,
        "false_accept_rate": 0.8 * accuracy,
    }  # fmt: skip
    train = {
        "epochs": 9, "best_epoch": 6, "collapsed_epoch": None, "convergence_seconds": 60,
        "seconds": 90, "threads": 2, "processor": "one", "torch": "2",
    }  # fmt: skip
    evaluation = {
        "train": figures, "val": figures, "test": figures,
        "one_shot": {f"{n}_way": {"accuracy": accuracy, "trials": 400} for n in (2, 5, 10, 20)},
    }  # fmt: skip
    right = round(1000 * accuracy)
    return {
        "experiment": experiments.name_of(row), **row, "train": train, "evaluation": evaluation,
        "judged": "1" * right + "0" * (1000 - right),
    }  # fmt: skip


def seeds(*accuracies: float, **settings: object) -> list[dict[str, Any]]:
    return [made_up(a, seed=seed, **settings) for seed, a in enumerate(accuracies)]


def test_questions_are_answered_by_means_over_the_seeds_of_the_first() -> None:
    variants = [
        *seeds(0.70, 0.72, 0.68),
        *seeds(0.50, 0.60, 0.70, augmentation="koch", crop=140),
        *seeds(0.90, 0.90, weight_decay=1.0),  # a seed is missing
        *seeds(0.95, 0.95, 0.95, recipe="large"),
    ]
    _, _, first, second = tables.questions_table(variants).splitlines()
    assert first == (
        "| nothing | 9 (6), 9 (6), 9 (6) | 70.0% | 70.0% (67.1% to 72.8%) | 68.0% to 72.0% "
        "|  |  | 63.0% | 56.0% | 49.0% | 0.700 |"
    )
    assert second.startswith("| augmentation koch, crop 140 | 9 (6), 9 (6), 9 (6) | 60.0% | 60.0% ")
    assert second.endswith("| 54.0% | 48.0% | 42.0% | 0.600 |")


def test_a_difference_is_of_the_same_pairs_and_the_same_seeds() -> None:
    first = seeds(0.70, 0.72, 0.68)
    # 200, 120 and no pairs that only the first judged rightly; none that only the second did.
    second = seeds(0.50, 0.60, 0.68, crop=140)
    points, p_values = tables._difference(second[::-1], first)
    assert points.startswith("-10.7 (-1")
    low, high = map(float, points[points.index("(") + 1 : -1].split(" to "))
    assert low < -10.7 < high < -8
    assert p_values == f"{2 * 0.5**200:.2g}, {2 * 0.5**120:.2g}, 1"


def test_experiments_scores_give_which_pairs_were_judged_rightly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = {
        # From 0.5 on, pairs are different: the test pairs' own best threshold would be lower.
        "val": "a,b,0,0.4\nc,d,1,0.6\n",
        "test": "g,h,1,0.3\ne,f,0,0.1\ni,j,1,2\n",
    }
    monkeypatch.setattr(
        dvc.api, "read", lambda path, rev: f"first,second,label,score\n{tables[Path(path).stem]}"
    )
    assert experiments.judged("any") == "101"


def test_one_shot_stands_beside_chance() -> None:
    chance, _, other = tables.one_shot_table(
        [*seeds(0.70), *seeds(0.8, 0.9, recipe="contrastive")]
    ).splitlines()[2:]
    assert chance == "| *chance* |  | 50.0% | 20.0% | 10.0% | 5.0% |"
    assert other.startswith("| contrastive | 0, 1 | 85.0% (81.2% to 88.2%) | 85.0% ")


def test_machines_are_named_once_each() -> None:
    def on(threads: int, torch: str) -> dict[str, Any]:
        return {"train": {"threads": threads, "processor": "AMD EPYC", "torch": torch}}

    two = on(2, "2.14.1")
    assert tables.conditions([two, two]) == "They ran on 2 threads of an AMD EPYC (torch 2.14.1)."
    assert tables.conditions([two, on(2, "2.15.0"), two, on(1, "2.14.1")]) == (
        "They ran on 2 threads of an AMD EPYC (torch 2.14.1), "
        "2 threads of an AMD EPYC (torch 2.15.0) and 1 thread of an AMD EPYC (torch 2.14.1)."
    )


def test_recipes_are_named_apart_and_their_seeds_averaged() -> None:
    variants = [
        *seeds(0.70),
        *seeds(0.80, 0.90, recipe="contrastive"),
        *seeds(0.85, recipe="contrastive", crop=140),
    ]
    rows = tables.published_table(variants, None).splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows]
    values = {row[0]: row[-1] for row in cells if row[-2] == published.VIEW_1}
    assert values["**`koch`**"] == "70.0 (67.1 to 72.8)"
    assert values["**`contrastive`**"] == "85.0 (mean of 2 seeds, 82.7 to 87.1)"
    assert values["**`contrastive, crop 140`**"] == "85.0 (82.7 to 87.1)"
    assert ["**`contrastive`**", published.VIEW_2, "not yet measured"] in [
        [row[0], *row[-2:]] for row in cells
    ]
    recipes = tables.recipes_table(variants)
    assert "| contrastive | none | none | 0, 1 | 1.5 |" in recipes
    assert "| large | not yet measured |" in recipes
    assert "| koch | not yet measured |" not in recipes

    view2 = {
        "recipe": "contrastive",
        "scheduler": "onecycle",
        "seconds": 9000,
        "accuracy": 0.9,
        "standard_error": 0.0123,
        "auc": 0.96,
        "tar_at_far": {"0.1": 0.9, "0.01": 0.7, "0.001": 0.4},
        "accuracies": {"fold_1": 0.89, "fold_2": 0.88, "fold_3": 0.93},
    }
    assert tables.view2_table(view2).splitlines()[-1] == (
        "| contrastive | onecycle | 2.5 | 90.00 ± 1.23 | 88.0% to 93.0% | 0.960 "
        "| 90.0% | 70.0% | 40.0% |"
    )
    assert "| not yet measured |" in tables.view2_table(None)
    assert (
        "| **`contrastive`** | unrestricted | none | View 2 | 90.00 ± 1.23 |"
        in tables.published_table(variants, view2)
    )


def experiment(monkeypatch: pytest.MonkeyPatch, params: dict[str, str]) -> None:
    """Let DVC hold experiments with the committed results, and these parameters by name."""

    def read(path: str, rev: str) -> str:
        if Path(path).parent.name == "predictions":  # which Git does not hold
            return "first,second,label,score\na,b,0,-1\nc,d,1,1\n"
        return params[rev] if path == "params.yaml" else (ROOT / path).read_text(encoding="utf-8")

    monkeypatch.setattr(dvc.api, "read", read)


def test_settings_tell_experiments_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("scheduler: none", "@", 1)
    text = text.replace("@", "scheduler: step", 1)
    params = {"a": text, "b": text.replace("gamma: 0.1", "gamma: 0.5", 1)}
    params["again"] = text.replace("batch_size: 48", "batch_size: 40")  # of another recipe
    experiment(monkeypatch, params)
    variants, curves, rocs = experiments.collect(["a", "b"])
    assert [variant["schedule"] for variant in variants] == [
        "step_size 1, gamma 0.1",
        "step_size 1, gamma 0.5",
    ]
    assert {row["experiment"] for row in curves} == {v["experiment"] for v in variants}
    assert {row["experiment"] for row in rocs} == {v["experiment"] for v in variants}
    with pytest.raises(InputError, match="again: has the settings of an experiment named before"):
        experiments.collect(["a", "again"])


def test_an_experiment_on_drawn_faces_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    experiment(monkeypatch, {"a": text.replace("dataset: lfw-deepfunneled", "dataset: synthetic")})
    with pytest.raises(InputError, match="a: made on synthetic, not on lfw-deepfunneled"):
        experiments.collect(["a"])


def test_reported_variants_are_schedulers_that_params_offer() -> None:
    assert published.REPORTED.keys() <= SCHEDULERS.keys()


def test_the_first_variant_is_the_committed_default_run() -> None:
    variant = committed()[0]
    assert variant["scheduler"] == "none"
    for name in ("train", "evaluation"):
        assert variant[name] == json.loads((ROOT / f"metrics/{name}.json").read_text())


def test_pairs_judged_rightly_are_as_many_as_the_accuracy_says() -> None:
    judged = [variant for variant in committed() if "judged" in variant]
    assert len(judged) >= 24
    for variant in judged:
        right = str(variant["judged"])
        test: dict[str, float] = variant["evaluation"]["test"]  # type: ignore[index]
        assert len(right) == test["pairs"]
        assert right.count("1") == round(test["accuracy_at_threshold"] * test["pairs"])


def test_all_were_made_on_the_real_images() -> None:
    for variant in committed():
        assert isinstance(variant["train"], dict)
        assert variant["train"]["dataset"] == experiments.DATASET
