"""README's tables are what the committed figures say, and nobody's hand."""

import json
import sys
from pathlib import Path
from typing import Any

import dvc.api
import pytest
from dvc.exceptions import DvcException

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

    def figures(a: float, pairs: int) -> dict[str, Any]:
        """Return figures of which no two are alike, nor like those of another split."""
        return {
            "pairs": pairs, "accuracy_at_threshold": a, "accuracy": a - 0.011,
            "accuracy_low": a - 0.021, "accuracy_high": a + 0.023, "loss": 1.2 - a, "auc": a + 0.03,
            "equal_error_rate": 0.7 * a, "brier_score": 0.6 * a, "false_reject_rate": 0.9 * a,
            "false_accept_rate": 0.8 * a, "tar_at_far": {"0.1": 0.5 * a, "0.01": 0.3 * a},
        }  # fmt: skip

    train = {
        "epochs": 9, "best_epoch": 6, "collapsed_epoch": None, "convergence_seconds": 60,
        "seconds": 90, "threads": 2, "processor": "one", "torch": "2",
    }  # fmt: skip
    evaluation = {
        "train": figures(accuracy + 0.1, 1870),
        "val": figures(accuracy + 0.05, 330),
        "test": figures(accuracy, 1000),
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
        "| nothing | 9 (6), 9 (6), 9 (6) | 75.0% | 70.0% (67.1% to 72.8%) | 68.0% to 72.0% "
        "|  |  | 63.0% | 56.0% | 49.0% | 0.730 |"
    )
    assert second.startswith("| augmentation koch, crop 140 | 9 (6), 9 (6), 9 (6) | 65.0% | 60.0% ")
    assert second.endswith("| 54.0% | 48.0% | 42.0% | 0.630 |")


def test_a_difference_is_of_the_same_pairs_and_the_same_seeds() -> None:
    first = seeds(0.70, 0.72, 0.68)
    # 200, 120 and no pairs that only the first judged rightly; none that only the second did.
    second = seeds(0.50, 0.60, 0.68, crop=140)
    points, p_values = tables._difference(second, first)
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


def test_seeds_are_compared_with_the_same_seeds_whatever_their_order() -> None:
    first, second = seeds(0.70, 0.72, 0.68), seeds(0.50, 0.60, 0.68, crop=140)
    in_order = tables.questions_table([*first, *second])
    assert f"{2 * 0.5**200:.2g}, {2 * 0.5**120:.2g}, 1 |" in in_order
    assert tables.questions_table([*first, *second[::-1]]) == in_order


def test_each_table_shows_its_own_splits_figures() -> None:
    variants = [
        *seeds(0.70),
        *seeds(0.60, weight_decay=1.0),
        *seeds(0.65, scheduler="step"),
        *seeds(0.55, scheduler="step", schedule="step_size 1, gamma 0.5"),  # is left out
        *seeds(0.80, 0.90, recipe="contrastive"),
    ]
    assert tables.splits_table(variants).splitlines()[2:] == [
        "| training | 1,870 | 0.400 | 78.9% (77.9% to 82.3%) | 0.830 |",
        "| holdout | 330 | 0.450 | 73.9% (72.9% to 77.3%) | 0.780 |",
        "| test | 1,000 | 0.500 | 68.9% (67.9% to 72.3%) | 0.730 |",
    ]
    assert tables.weight_decay_table(variants).splitlines()[2:] == [
        "| 0 | 6 | 0.4500 | 73.9% (72.9% to 77.3%) | 0.780 |",
        "| 1 | 6 | 0.5500 | 63.9% (62.9% to 67.3%) | 0.680 |",
    ]
    schedulers = tables.schedulers_table(variants)
    assert [row for row in schedulers.splitlines() if "| step | 0 |" in row] == [
        "| step | 0 | measured | 1.0 | 9 (6) | 0.500 | 68.9% (67.9% to 72.3%) "
        "| 0.550 | 63.9% (62.9% to 67.3%) | 0.680 |"
    ]
    assert tables.recipes_table(variants).splitlines()[3] == (
        "| contrastive | none | none | 0, 1 | 1.5 | 9 (6), 9 (6) | 90.0% | 85.0% (82.7% to 87.1%) "
        "| 80.0% to 90.0% | 0.880 | 42.5% | 25.5% | 0.510 |"
    )


def test_every_recipes_protocol_is_named() -> None:
    assert tables.PROTOCOLS.keys() == set(parameters.RECIPES)


def test_machines_are_named_once_each() -> None:
    def on(threads: int, torch: str) -> dict[str, Any]:
        return {"train": {"threads": threads, "processor": "AMD EPYC", "torch": torch}}

    two = on(2, "2.14.1")
    assert tables.conditions([two, two]) == (
        "The runs of all tables were made on 2 threads of an AMD EPYC (torch 2.14.1)."
    )
    assert tables.conditions([two, on(2, "2.15.0"), two, on(1, "2.14.1")]) == (
        "The runs of all tables were made on 2 threads of an AMD EPYC (torch 2.14.1), "
        "2 threads of an AMD EPYC (torch 2.15.0) or 1 thread of an AMD EPYC (torch 2.14.1)."
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
    assert "| contrastive, crop 140 | none | none | 0 | 1.5 |" in recipes
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
        "accuracies": [0.89, 0.88, 0.93],
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


@pytest.fixture
def report_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with README alone, where DVC holds the runs "zero" and "one", by seed."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    evaluation = json.loads((ROOT / "metrics/evaluation.json").read_text())

    def read(path: str, rev: str) -> str:
        if rev not in ("zero", "one"):
            raise DvcException(f"unknown Git revision '{rev}'")
        seed = ("zero", "one").index(rev)
        evaluation["test"]["auc"] = (0.7, 0.8)[seed]
        made = {
            "params.yaml": text.replace("seed: 0", f"seed: {seed}", 1),
            "metrics/train.json": json.dumps(made_up(0.7)["train"] | {"torch": rev}),
            "metrics/evaluation.json": json.dumps(evaluation),
            "plots/training.csv": "epoch,train_loss,val_loss,train_accuracy,val_accuracy\n"
            f"1,0.{seed},0.5,0.5,0.5\n",
            "plots/roc.csv": f"threshold,far,tar\n0,0,0\n0.5,0.{seed + 2},0.9\n1,1,1\n",
        }
        return made.get(path, "first,second,label,score\na,b,0,-1\nc,d,1,1\n")

    monkeypatch.setattr(dvc.api, "read", read)
    report.README.write_text((ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    for folder in ("metrics", "plots"):
        Path(folder).mkdir()
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.usefixtures("report_folder")
def test_the_command_makes_tables_and_figures_of_each_revisions_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "argv", ["report", "zero"])
    report.main()
    monkeypatch.setattr(sys, "argv", ["report", "one"])
    report.main()
    variants = json.loads(report.VARIANTS.read_text())
    assert [variant["evaluation"]["test"]["auc"] for variant in variants] == [0.7, 0.8]
    assert [variant["train"]["torch"] for variant in variants] == ["zero", "one"]
    assert [variant["judged"] for variant in variants] == ["11", "11"]
    assert [line.split(",")[2] for line in report.CURVES.read_text().splitlines()[1:]] == [
        "0.0",
        "0.1",
    ]
    # Of several seeds, the first one's ROC is drawn, and kept.
    assert [line.split(",")[1] for line in report.ROCS.read_text().splitlines()[1:]] == [
        *("0", "0.2", "1")
    ]
    readme = report.README.read_text(encoding="utf-8")
    assert "(torch zero) or 2 threads of an one (torch one)." in readme
    assert "| koch | none | none | 0, 1 |" in readme
    for name in ("recipes-roc", "recipes-minutes", "variants-weight-decay-0"):
        assert Path(f"plots/{name}.png").stat().st_size > 0
    made = contents(Path.cwd())
    monkeypatch.setattr(sys, "argv", ["report"])
    report.main()
    assert contents(Path.cwd()) == made


def test_a_report_that_cannot_be_made_changes_nothing(
    report_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["report", "zero"])
    report.main()
    made = contents(report_folder)
    monkeypatch.setattr(sys, "argv", ["report", "two"])
    with pytest.raises(InputError, match=r"'two'; `dvc exp list --all-commits` shows each exp"):
        report.main()
    assert contents(report_folder) == made

    monkeypatch.setattr(sys, "argv", ["report", "one"])
    text = report.README.read_text(encoding="utf-8")
    report.README.write_text(text.replace("table: splits", "table: spilts"), encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md: no table is named spilts; it may be cond"):
        report.main()
    report.README.write_text(text, encoding="utf-8")
    assert contents(report_folder) == made

    report.VIEW2.write_text('{"dataset": "synthetic"}', encoding="utf-8")
    report.VIEW2_ROC.write_text("far,tar\n0,0\n1,1\n", encoding="utf-8")
    made = contents(report_folder)
    with pytest.raises(InputError, match=r"view2\.json: made on synthetic, not on lfw-deep"):
        report.main()
    assert contents(report_folder) == made


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
