"""Tables say what the figures say."""

import json
from typing import Any

from made_up import CONTRASTIVE, ROOT, seeds
from siamese.reports import documents, published, tables

# The machine of View 2's folds.
CPU = {"device": "cpu", "processor": "Any", "threads": "2"}


def committed() -> list[dict[str, Any]]:
    """Return the experiments that Git holds."""
    variants: list[dict[str, Any]] = json.loads((ROOT / documents.VARIANTS).read_text("utf-8"))
    return variants


def test_every_reported_variant_is_measured_at_both_weight_decays() -> None:
    lines = tables.schedulers_table(committed()).splitlines()
    for name in published.REPORTED:
        for decay in tables.shown_decays(committed()):
            start = f"| {name} | {decay:g} | measured"
            assert len([line for line in lines if line.startswith(start)]) == 1


def test_questions_are_answered_by_means_over_the_seeds_of_the_first() -> None:
    variants = [
        *seeds(0.70, 0.72, 0.68),
        *seeds(0.50, 0.60, 0.70, augmentation="koch", crop=140),
        *seeds(0.90, 0.90, weight_decay=1.0),  # a seed is missing
        *seeds(0.95, 0.95, 0.95, recipe="quick", objective="contrastive"),
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
    # 200, 120 and no pairs that only the first classified correctly; none that only the second did.
    second = seeds(0.50, 0.60, 0.68, crop=140)
    points, p_values = tables._difference(second, first)
    assert points.startswith("-10.7 (-1")
    low, high = map(float, points[points.index("(") + 1 : -1].split(" to "))
    assert low < -10.7 < high < -8
    assert p_values == f"{2 * 0.5**200:.2g}, {2 * 0.5**120:.2g}, 1"


def test_one_shot_identification_is_given_beside_chance() -> None:
    chance, _, other = tables.one_shot_table(
        [*seeds(0.70), *seeds(0.8, 0.9, **CONTRASTIVE)]
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
        *seeds(0.55, scheduler="step", schedule={"gamma": 0.5}),  # is left out
        *seeds(0.80, 0.90, **CONTRASTIVE),
    ]
    assert tables.splits_table(variants).splitlines()[2:] == [
        "| training | 1,870 | 0.400 | 78.9% (77.9% to 82.3%) | 0.830 |",
        "| validation | 330 | 0.450 | 73.9% (72.9% to 77.3%) | 0.780 |",
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
        *seeds(0.80, 0.90, **CONTRASTIVE),
        *seeds(0.85, **CONTRASTIVE, crop=140),
    ]
    rows = tables.published_table(variants, None).splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows]
    values = {row[0]: row[-1] for row in cells if row[-2] == published.VIEW_1}
    assert values["**`koch`**"] == "70.0 (67.1 to 72.8)"
    assert values["**`contrastive`**"] == "85.0 (mean of 2 seeds, 82.7 to 87.1)"
    assert not any("crop 140" in name for name in values)
    recipes = tables.recipes_table(variants)
    assert "| contrastive | none | none | 0, 1 | 1.5 |" in recipes
    assert "| contrastive, crop 140 | none | none | 0 | 1.5 |" in recipes

    view2 = {
        "recipe": "contrastive",
        "scheduler": "onecycle",
        "seconds": 9000,
        **CPU,
        "accuracy": 0.9,
        "standard_error": 0.0123,
        "auc": 0.96,
        "tar_at_far": {"0.1": 0.9, "0.01": 0.7, "0.001": 0.4},
        "accuracies": [0.89, 0.88, 0.93],
    }
    assert tables.view2_table(variants, view2).splitlines()[-1] == (
        "| contrastive | onecycle | 150 | 2 threads of an Any | 90.00 ± 1.23 | 88.0% to 93.0% "
        "| 0.960 | 90.0% | 70.0% | 40.0% |"
    )
    assert "| not yet measured |" in tables.view2_table(variants, None)
    assert (
        "| **`contrastive`** | unrestricted | none | View 2 | 90.00 ± 1.23 |"
        in tables.published_table(variants, view2)
    )


def test_the_summary_has_our_figures_the_reported_and_the_best_published() -> None:
    view2 = {
        "recipe": "contrastive", "seconds": 9000, "accuracy": 0.9, "standard_error": 0.0123, **CPU,
    }  # fmt: skip
    variants = [*seeds(0.70, 0.72), *seeds(0.9, **CONTRASTIVE)]
    rows = tables.summary_table(variants, view2).splitlines()[2:]
    assert rows == [
        "| *as reported* | listed pairs | View 1, test | 78.5 | 1.5 (GPU) |",
        "| `koch` | listed pairs | View 1, test | 71.0 (68.1 to 73.7) | 1.5 |",
        "| `contrastive` | people's names | View 1, test | 90.0 (88.0 to 91.7) | 1.5 |",
        "| `contrastive` | people's names | View 2 | 90.00 ± 1.23 | 150 (ten networks) |",
        "| MRF-Fusion-CSKDA, the best published | listed pairs | View 2 | 95.89 ± 1.94 |  |",
    ]


def test_view_2_on_a_gpu_names_it() -> None:
    view2 = {
        "recipe": "contrastive", "scheduler": "onecycle", "seconds": 300, "accuracy": 0.9,
        "standard_error": 0.0123, "auc": 0.9, "accuracies": [0.9],
        "tar_at_far": dict.fromkeys(("0.1", "0.01", "0.001"), 0.5),
        **CPU, "device": "cuda", "processor": "Fast One",
    }  # fmt: skip
    variants = seeds(0.7, **CONTRASTIVE)
    assert "| 5 | Fast One | 90.00" in tables.view2_table(variants, view2)
    assert "| 5 (ten networks, Fast One) |" in tables.summary_table(variants, view2)


def test_view_2_with_streams_that_its_recipe_no_longer_has_says_so() -> None:
    variants = [*seeds(0.7), *seeds(0.8, **CONTRASTIVE, streams={"residual": [1.0]})]
    view2 = {
        "recipe": "contrastive", "scheduler": "onecycle", "seconds": 300, "accuracy": 0.9,
        "standard_error": 0.0123, "auc": 0.9, "accuracies": [0.9],
        "tar_at_far": dict.fromkeys(("0.1", "0.01", "0.001"), 0.5),
        **CPU, "streams": {"residual": [1.0]},
    }  # fmt: skip
    assert "other streams" not in tables.summary_table(variants, view2)
    assert "| contrastive | onecycle |" in tables.view2_table(variants, view2)
    view2["streams"] = {"residual": [1.0], "hue": [0.8]}
    assert "| `contrastive`, other streams | people's names | View 2 |" in tables.summary_table(
        variants, view2
    )
    assert "| **`contrastive`, other streams** |" in tables.published_table(variants, view2)
    named = "| contrastive, streams residual 1, hue 0.8 | onecycle |"
    assert named in tables.view2_table(variants, view2)


def test_outside_data_is_named_in_every_table_that_compares_networks() -> None:
    rows = seeds(0.8, 0.9, recipe="resnet18", objective="contrastive", pretrained=True)
    for row in rows:
        row["train"]["outside_data"] = "ImageNet-1K (weights)"
    measured = {"accuracy_at_threshold": 0.5, "auc": 0.5, "brier_score": 0.5}
    view2 = {
        "recipe": "resnet18", "scheduler": "onecycle", "seconds": 300, "accuracy": 0.9,
        "standard_error": 0.0123, "auc": 0.9, "accuracies": [0.9],
        "tar_at_far": dict.fromkeys(("0.1", "0.01", "0.001"), 0.5),
        **CPU, "outside_data": "ImageNet-1K (weights)",
    }  # fmt: skip
    unaligned = {"resnet18": {"0": {"own": measured, "outside_data": "ImageNet-1K (weights)"}}}
    variants = [*seeds(0.7), *rows]
    made = tables.make(variants, view2, {}, unaligned, {})
    counts = {
        "recipes": 1,
        "one-shot": 1,
        "summary": 2,
        "published": 2,
        "view 2": 1,
        "unaligned": 1,
    }
    for name, count in counts.items():
        named = [line for line in made[name].splitlines() if "ImageNet-1K (weights)" in line]
        assert len(named) == count, name
        assert all("resnet18" in line for line in named)
    assert "| resnet18, outside data: ImageNet-1K (weights) | none |" in made["recipes"]


def test_the_ablation_is_shown_by_recipe() -> None:
    row = {
        "streams": "all but hue 0.8", "validation_loss": 0.25, "test_accuracy": 0.9,
        "test_accuracy_low": 0.88, "test_accuracy_high": 0.92, "test_auc": 0.95,
    }  # fmt: skip
    table = tables.ablation_table({"quick": {"seed": 3, "rows": [row]}})
    assert table.splitlines()[-1] == (
        "| `quick`, seed 3 | all but hue 0.8 | 0.250 | 90.0% (88.0% to 92.0%) | 0.950 |"
    )
    assert "not yet measured" in tables.ablation_table({})


def aligned(accuracy: float, **settings: object) -> list[dict[str, Any]]:
    """Return two seeds of a recipe that aligns."""
    rows = seeds(accuracy, accuracy, **settings, align=True)
    for row in rows:
        row["alignment"] = {
            "images": 4961, "seconds": 57.4, "milliseconds_per_image": 0.622, "clamped": 3,
            "error_before": {"angle_degrees": 4.04, "scale_percent": 4.7, "shift_percent": 2.4},
            "error_after": {"angle_degrees": 0.44, "scale_percent": 0.7, "shift_percent": 0.13},
        }  # fmt: skip
    return rows


def test_alignment_is_compared_where_nothing_else_differs() -> None:
    variants = [
        *seeds(0.7),
        *aligned(0.9, **CONTRASTIVE),
        *seeds(0.8, 0.8, **CONTRASTIVE),
        *seeds(0.6, 0.6, **CONTRASTIVE, crop=140),
        *aligned(0.6, **CONTRASTIVE, size=64),
    ]
    other_streams = aligned(0.9, **CONTRASTIVE, streams={"hue": [0.5]})
    assert "aligned, other streams" in tables.alignment_table([*variants, *other_streams])
    _, _, before, after = tables.alignment_table(variants).splitlines()
    assert before.startswith("| contrastive, as they are | 0, 1 | 0.350 | 80.0% (77.4% to 82.4%) |")
    assert before.endswith("|  |  |")
    assert after.startswith("| contrastive, aligned | 0, 1 | 0.250 | 90.0% (88.0% to 91.7%) |")
    assert "| +10.0 (" in after


def test_the_error_of_the_alignment_is_that_of_each_seed() -> None:
    lines = tables.alignment_error_table([*seeds(0.7), *aligned(0.9)]).splitlines()[2:]
    assert lines[:2] == [
        "| 0 | 4,961 | displaced | 4.0° | 4.7% | 2.4% |  |  |  |",
        "|  |  | aligned | 0.4° | 0.7% | 0.1% | 3 | 57 | 0.62 |",
    ]
    assert len(lines) == 4
    assert "not yet measured" in tables.alignment_error_table(seeds(0.7))


def test_a_recipe_is_summed_up_by_its_first_settings() -> None:
    variants = [*seeds(0.7), *aligned(0.9, **CONTRASTIVE), *seeds(0.8, 0.8, **CONTRASTIVE)]
    assert "80.0" not in tables.summary_table(variants, None)
    assert "contrastive, align false" in tables.recipes_table(variants)


def test_the_original_images_are_beside_the_runs_own() -> None:
    own, other = (
        {"accuracy_at_threshold": a, "auc": a + 0.05, "brier_score": 1 - a} for a in (0.9, 0.8)
    )
    rows = {"0": {"own": own, "as_they_are": other, "aligned": own, "photographs": own}}
    koch = {"1": {"own": own, "as_they_are": other, "photographs": other}}
    lines = tables.unaligned_table({"quick": rows, "koch": koch}).splitlines()[2:]
    assert lines == [
        "| `quick` | 0 | deep-funneled, aligned | 90.0% | 0.950 | 0.100 |",
        "| `quick` | 0 | original | 80.0% | 0.850 | 0.200 |",
        "| `quick` | 0 | original, aligned | 90.0% | 0.950 | 0.100 |",
        "| `quick` | 0 | original, the face looked for | 90.0% | 0.950 | 0.100 |",
        "| `koch` | 1 | deep-funneled | 90.0% | 0.950 | 0.100 |",
        "| `koch` | 1 | original | 80.0% | 0.850 | 0.200 |",
        "| `koch` | 1 | original, the face looked for | 80.0% | 0.850 | 0.200 |",
    ]
