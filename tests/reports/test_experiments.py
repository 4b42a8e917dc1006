"""Experiments are told apart by their settings, and found again."""

import json
from pathlib import Path
from typing import Any

import dvc.api
import pytest

from made_up import CONTRASTIVE, ROOT, seeds, variant
from siamese import rules
from siamese.errors import InputError
from siamese.reports import documents, experiments, published

COMMITTED: list[dict[str, Any]] = json.loads((ROOT / documents.VARIANTS).read_text("utf-8"))


def test_rows_of_the_same_experiment_are_replaced_in_their_place() -> None:
    def row(experiment: str, value: int) -> dict[str, object]:
        return {"experiment": experiment, "value": value}

    kept = [row("none", 1), row("none", 2), row("step", 3)]
    merged = experiments.merge(kept, [row("cosine", 4), row("none", 5)])
    assert merged == [row("none", 5), row("step", 3), row("cosine", 4)]


def test_seeds_of_one_setting_are_together() -> None:
    first, second = seeds(0.7, 0.8), seeds(0.6, 0.5, crop=140)
    mixed = [first[0], second[0], first[1], second[1]]
    assert experiments.seeds_together(mixed) == [first, second]


def test_changes_are_named_as_in_params() -> None:
    default = variant(0.7)
    changed = variant(0.7, weight_decay=1.0, person_disjoint=True, schedule={"gamma": 0.5})
    assert experiments.changes(changed, default) == (
        "schedule gamma 0.5, weight_decay 1, person_disjoint true"
    )
    assert experiments.changes(variant(0.7, seed=4), default) == ""


def test_a_setting_that_an_older_row_lacks_is_a_difference() -> None:
    older, newer = variant(0.7), variant(0.7, new=True)
    assert experiments.changes(newer, older) == "new true"
    assert experiments.find([older, newer], new=True) is newer


def test_a_variant_is_found_whatever_its_schedule() -> None:
    variants = [*seeds(0.7), *seeds(0.6, scheduler="step", schedule={"gamma": 0.5})]
    assert experiments.find(variants, scheduler="step") is variants[1]
    assert experiments.find(variants, scheduler="cosine") is None


def test_recipes_are_named_and_their_later_settings_by_changes() -> None:
    variants = [
        *seeds(0.7, 0.7),
        *seeds(0.7, crop=140),  # of the first recipe: not shown
        *seeds(0.9, **CONTRASTIVE),
        *seeds(0.8, **CONTRASTIVE, crop=140),
    ]
    named = experiments.by_recipe(variants)
    assert list(named) == ["koch", "contrastive", "contrastive, crop 140"]
    assert named["koch"] == variants[:2]


def test_the_threshold_from_validation_decides_which_pairs_are_correct(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tables = {
        # From 0.5 on, pairs are different: the test pairs' own best threshold would be lower.
        "val": "a,b,0,0.4\nc,d,1,0.6\n",
        "test": "g,h,1,0.3\ne,f,0,0.1\ni,j,1,2\n",
    }

    def read(path: str, rev: str, encoding: str) -> str:
        return f"first,second,label,score\n{tables[Path(path).stem]}"

    monkeypatch.setattr(dvc.api, "read", read)
    assert experiments.correct("any") == "101"


def hold(monkeypatch: pytest.MonkeyPatch, params: dict[str, str]) -> None:
    """Let DVC hold experiments with made-up results, and these parameters by name."""
    files = {
        "training.json": json.dumps(variant(0.7)["train"]),
        "evaluation.json": json.dumps(variant(0.7)["evaluation"]),
        "training.csv": ",".join(experiments.EPOCH) + "\n1,0.5,0.5,0.5,0.5,0.1\n",
        "roc.csv": "threshold,far,tar\n0,0,0\n1,1,1\n",
    }

    def read(path: str, rev: str, encoding: str) -> str:
        if Path(path).parent.name == "predictions":
            return "first,second,label,score\na,b,0,-1\nc,d,1,1\n"
        return params[rev] if path == "params.yaml" else files[Path(path).name]

    monkeypatch.setattr(dvc.api, "read", read)


def test_settings_tell_experiments_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = text.replace("\nscheduler: none", "\nscheduler: step")
    params = {"a": text, "b": text.replace("gamma: 0.1", "gamma: 0.5", 1)}
    params["again"] = text.replace("batch_size: 48", "batch_size: 40")  # of another recipe
    hold(monkeypatch, params)
    variants, curves, rocs = experiments.collect(["a", "b"])
    assert [each["settings"]["schedule"] for each in variants] == [
        {"learning_rate": 0.01, "step_size": 1, "gamma": 0.1},
        {"learning_rate": 0.01, "step_size": 1, "gamma": 0.5},
    ]
    assert {row["experiment"] for row in curves} == {v["experiment"] for v in variants}
    assert {row["experiment"] for row in rocs} == {v["experiment"] for v in variants}
    with pytest.raises(InputError, match="again: has the settings of an experiment named before"):
        experiments.collect(["a", "again"])


def test_a_number_means_the_same_however_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    written = text.replace("weight_decay: 0.0\n", "weight_decay: 0\n")
    assert written != text
    hold(monkeypatch, {"a": text, "b": written})
    with pytest.raises(InputError, match="b: has the settings of an experiment named before"):
        experiments.collect(["a", "b"])


def test_an_experiment_on_drawn_faces_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    hold(monkeypatch, {"a": text.replace("dataset: lfw-deepfunneled", "dataset: synthetic")})
    with pytest.raises(InputError, match="a: made on synthetic, not on lfw-deepfunneled"):
        experiments.collect(["a"])


def test_reported_variants_are_schedulers_that_params_offer() -> None:
    assert published.REPORTED.keys() <= rules.SCHEDULERS.keys()


def test_the_first_committed_variant_is_the_committed_default_run() -> None:
    first = COMMITTED[0]
    train, test = (json.loads((ROOT / f"metrics/{n}.json").read_text()) for n in ("train", "test"))
    assert first["settings"]["scheduler"] == "none"
    assert train["epochs"] == first["train"]["epochs"]
    assert train["validation_loss"] == round(first["train"]["best_val_loss"], 4)
    assert train["minutes"] == round(first["train"]["seconds"] / 60, 2)
    for name in ("accuracy", "accuracy_at_threshold", "auc", "brier_score"):
        assert test[name] == round(first["evaluation"]["test"][name], 4)


def test_as_many_pairs_are_correct_as_the_accuracy_says() -> None:
    kept = [each for each in COMMITTED if "correct" in each]
    assert len(kept) >= 24
    for each in kept:
        test = each["evaluation"]["test"]
        assert len(each["correct"]) == test["pairs"]
        expected = round(test["accuracy_at_threshold"] * test["pairs"])
        assert each["correct"].count("1") == expected


def test_committed_experiments_are_found_by_their_settings_and_made_on_real_images() -> None:
    for each in COMMITTED:
        assert each["experiment"] == experiments.name_of(each["settings"])
        assert each["train"]["dataset"] == experiments.DATASET
