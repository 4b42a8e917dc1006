"""The tables of README and docs, as Markdown, of experiments and of View 2."""

from statistics import mean

import numpy as np

from siamese.evaluation.identification import WAYS
from siamese.evaluation.verification import wilson_interval
from siamese.reports import explanation, significance
from siamese.reports.experiments import (
    Row,
    by_recipe,
    changes,
    differing,
    find,
    main_settings,
    seeds_together,
    streams_as_now,
    text_of,
)
from siamese.reports.markdown import NOT_MEASURED, markdown
from siamese.reports.published import (
    BEST_PUBLISHED,
    PUBLISHED,
    REPORTED,
    REPORTED_WEIGHT_DECAY,
    VIEW_1,
    VIEW_2,
)

# What each objective learns from, in LFW's words.
PROTOCOLS = {"pairs": "image-restricted", "contrastive": "unrestricted"}


def make(
    variants: list[Row], view2: Row | None, ablation: Row, unaligned: Row, benchmark: Row
) -> dict[str, str]:
    """Return the tables by name.

    Args:
        variants: each experiment's figures.
        view2: View 2's, where it has been run.
        ablation: by recipe, what each stream of its ensemble contributes.
        unaligned: by recipe and seed, what its network gives on the original images.
        benchmark: how fast the pipeline and the plain way are, and on what machine.
    """
    return {
        "summary": summary_table(variants, view2),
        "conditions": conditions(variants),
        "schedulers": schedulers_table(variants),
        "weight decay": weight_decay_table(variants),
        "splits": splits_table(variants),
        "questions": questions_table(variants),
        "recipes": recipes_table(variants),
        "one-shot": one_shot_table(variants),
        "view 2": view2_table(variants, view2),
        "published": published_table(variants, view2),
        "ablation": ablation_table(ablation),
        "alignment": alignment_table(variants),
        "alignment error": alignment_error_table(variants),
        "unaligned": unaligned_table(unaligned),
        "benchmark": benchmark_table(benchmark),
        "commands": commands_table(benchmark),
        "growth": growth_table(benchmark),
        **explanation.make(variants),
    }


def conditions(variants: list[Row]) -> str:
    """Return on what machines the experiments ran, as a sentence."""
    machines = dict.fromkeys(
        f"{train['threads']} thread{'' if train['threads'] == 1 else 's'} of an "
        f"{train['processor']} (torch {train['torch']})"
        for train in (variant["train"] for variant in variants)
    )
    *others, last = machines
    return (
        f"The runs of all tables were made on {', '.join(others)}{' or ' if others else ''}{last}."
    )


def schedulers_table(variants: list[Row]) -> str:
    """Return, for each scheduler, what was reported, then what was measured, as Markdown."""
    columns = (
        *("scheduler", "weight decay", "", "minutes", "epochs (best)", "validation loss"),
        *("validation accuracy", "test loss", "test accuracy", "test AUC"),
    )
    rows: list[tuple[str, ...]] = []
    for name, (minutes, val_loss, val_accuracy, test_loss, test_accuracy) in REPORTED.items():
        reported = (f"{val_loss:.3f}", f"{val_accuracy:.1%}", f"{test_loss:.3f}")
        decay_reported = f"{REPORTED_WEIGHT_DECAY:g}"
        rows.append(
            (
                name,
                decay_reported,
                "*reported*",
                f"{minutes}",
                "",
                *reported,
                f"{test_accuracy:.1%}",
                "",
            )
        )
        for decay in shown_decays(variants):
            variant = find(variants, scheduler=name, weight_decay=decay)
            cells = _measured(variant) if variant else (NOT_MEASURED, *[""] * 7)
            rows.append((name, f"{decay:g}", *cells))
    return markdown(columns, rows)


def _measured(variant: Row) -> tuple[str, ...]:
    train, evaluation = variant["train"], variant["evaluation"]
    val, test = evaluation["val"], evaluation["test"]
    return (
        "measured",
        f"{train['convergence_seconds'] / 60:.1f}",
        f"{train['epochs']} ({train['best_epoch']})"
        + (", collapsed" if train["collapsed_epoch"] is not None else ""),
        f"{val['loss']:.3f}",
        _accuracy(val),
        f"{test['loss']:.3f}",
        _accuracy(test),
        f"{test['auc']:.3f}",
    )


def shown_decays(variants: list[Row]) -> list[float]:
    """Return the weight decays compared: the first experiment's and the reported one."""
    return sorted({variants[0]["settings"]["weight_decay"], REPORTED_WEIGHT_DECAY})


def weight_decay_table(variants: list[Row]) -> str:
    """Return what each weight decay gave on the validation pairs, no scheduler, as Markdown."""
    columns = (
        "weight decay",
        "best epoch",
        "validation loss",
        "validation accuracy",
        "validation AUC",
    )
    decays = dict.fromkeys(variant["settings"]["weight_decay"] for variant in variants)
    chosen = [v for decay in decays if (v := find(variants, weight_decay=decay))]
    rows = [
        (
            f"{variant['settings']['weight_decay']:g}",
            f"{variant['train']['best_epoch']}",
            f"{variant['evaluation']['val']['loss']:.4f}",
            _accuracy(variant["evaluation"]["val"]),
            f"{variant['evaluation']['val']['auc']:.3f}",
        )
        for variant in sorted(
            chosen, key=lambda variant: float(variant["settings"]["weight_decay"])
        )
    ]
    return markdown(columns, rows)


def splits_table(variants: list[Row]) -> str:
    """Return what the first experiment gave on the pairs of each split, as Markdown."""
    columns = ("pairs", "number", "loss", "accuracy", "AUC")
    evaluation = variants[0]["evaluation"]
    rows = [
        (
            name,
            f"{evaluation[split]['pairs']:,}",
            f"{evaluation[split]['loss']:.3f}",
            _accuracy(evaluation[split]),
            f"{evaluation[split]['auc']:.3f}",
        )
        for name, split in (("training", "train"), ("validation", "val"), ("test", "test"))
    ]
    return markdown(columns, rows)


def questions_table(variants: list[Row]) -> str:
    """Return what changes to the first experiment gave, means over the same seeds, as Markdown.

    All figures but EER and AUC are at the threshold from the validation pairs.
    """
    columns = (
        *("changed", "epochs (best)", "validation accuracy", "test accuracy"),
        *("lowest to highest seed", "difference, points", "p of each seed"),
        *("same pairs missed", "different pairs accepted", "EER", "test AUC"),
    )
    first, *_ = variants
    groups = [
        sorted(group, key=lambda variant: int(variant["settings"]["seed"]))
        for group in seeds_together(variants)
    ]
    seeds = {variant["settings"]["seed"] for variant in groups[0]}
    rows: list[tuple[str, ...]] = []
    for group in groups:
        settings = group[0]["settings"]
        alike = all(
            settings[name] == first["settings"][name] for name in ("recipe", "scheduler", "device")
        )
        if (
            not alike
            or len(seeds) == 1
            or {variant["settings"]["seed"] for variant in group} != seeds
        ):
            continue
        tests = [variant["evaluation"]["test"] for variant in group]
        accuracies, accuracy, low, high = _test_accuracy(group)
        changed = changes(group[0], first)
        rows.append(
            (
                changed or "nothing",
                _epochs(group),
                f"{mean(v['evaluation']['val']['accuracy_at_threshold'] for v in group):.1%}",
                f"{accuracy:.1%} ({low:.1%} to {high:.1%})",
                f"{min(accuracies):.1%} to {max(accuracies):.1%}",
                *(_difference(group, groups[0]) if changed else ("", "")),
                f"{mean(test['false_reject_rate'] for test in tests):.1%}",
                f"{mean(test['false_accept_rate'] for test in tests):.1%}",
                f"{mean(test['equal_error_rate'] for test in tests):.1%}",
                f"{mean(test['auc'] for test in tests):.3f}",
            )
        )
    return markdown(columns, rows)


def _difference(group: list[Row], first: list[Row]) -> tuple[str, str]:
    """Return how a group's accuracies differ from those of the same seeds in the first group.

    As text: the mean difference in points with its interval by a paired bootstrap of the pairs,
    then McNemar's p-value of each seed.
    """
    before, after = ([_correct(variant) for variant in some] for some in (first, group))
    means = [np.mean(correct, axis=0) for correct in (before, after)]
    low, high = significance.paired_bootstrap(*means)
    points = 100 * (means[1].mean() - means[0].mean())
    each = zip(before, after, strict=True)
    return (
        f"{points:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        ", ".join(f"{significance.mcnemar(*runs):.2g}" for runs in each),
    )


def _correct(variant: Row) -> significance.Correct:
    """Return which test pairs a variant classifies correctly, (pairs,) bool."""
    return np.array([each == "1" for each in variant["correct"]])


def recipes_table(variants: list[Row]) -> str:
    """Return what each recipe gave, means over its seeds, as Markdown.

    Accuracies are those at the threshold from the validation pairs.
    """
    columns = (
        *("recipe", "scheduler", "augmentation", "seeds", "minutes", "epochs (best)"),
        *("validation accuracy", "test accuracy"),
        *("lowest to highest seed", "test AUC", "TAR at FAR 10 %", "at 1 %", "Brier score"),
    )
    rows = []
    for recipe, group in by_recipe(variants).items():
        tests = [variant["evaluation"]["test"] for variant in group]
        validations = [variant["evaluation"]["val"]["accuracy_at_threshold"] for variant in group]
        accuracies, accuracy, low, high = _test_accuracy(group)
        rows.append(
            (
                recipe + _outside(group[0]["train"]),
                *(group[0]["settings"][name] for name in ("scheduler", "augmentation")),
                ", ".join(str(variant["settings"]["seed"]) for variant in group),
                f"{mean(variant['train']['seconds'] for variant in group) / 60:.1f}",
                _epochs(group),
                f"{mean(validations):.1%}",
                f"{accuracy:.1%} ({low:.1%} to {high:.1%})",
                f"{min(accuracies):.1%} to {max(accuracies):.1%}",
                f"{mean(test['auc'] for test in tests):.3f}",
                f"{mean(test['tar_at_far']['0.1'] for test in tests):.1%}",
                f"{mean(test['tar_at_far']['0.01'] for test in tests):.1%}",
                f"{mean(test['brier_score'] for test in tests):.3f}",
            )
        )
    return markdown(columns, rows)


def one_shot_table(variants: list[Row]) -> str:
    """Return how often each recipe knows one of N people, means over its seeds, as Markdown.

    Intervals are Wilson's on as many trials as there are: all seeds are asked the same.
    """
    columns = ("recipe", "seeds", *(f"one of {n}" for n in WAYS))
    rows = [("*chance*", "", *(f"{1 / n:.1%}" for n in WAYS))]
    for name, group in main_settings(variants).items():
        cells = []
        for n in WAYS:
            trials = [variant["evaluation"]["one_shot"][f"{n}_way"] for variant in group]
            accuracy = mean(trial["accuracy"] for trial in trials)
            low, high = wilson_interval(accuracy, trials[0]["trials"])
            cells.append(f"{accuracy:.1%} ({low:.1%} to {high:.1%})")
        seeds = ", ".join(str(variant["settings"]["seed"]) for variant in group)
        rows.append((name + _outside(group[0]["train"]), seeds, *cells))
    return markdown(columns, rows)


def _epochs(group: list[Row]) -> str:
    """Return how many epochs each run of a group had, and which was kept."""
    return ", ".join(f"{v['train']['epochs']} ({v['train']['best_epoch']})" for v in group)


def _test_accuracy(group: list[Row]) -> tuple[list[float], float, float, float]:
    """Return the seeds' test accuracies at the validation threshold, their mean, and its interval.

    The interval (low, high) is Wilson's on as many pairs as there are: all seeds are evaluated on
    the same ones.
    """
    tests = [variant["evaluation"]["test"] for variant in group]
    accuracies = [test["accuracy_at_threshold"] for test in tests]
    return accuracies, mean(accuracies), *wilson_interval(mean(accuracies), tests[0]["pairs"])


def view2_table(variants: list[Row], view2: Row | None) -> str:
    """Return View 2's figures, over all ten folds, as Markdown."""
    columns = (
        *("recipe", "scheduler", "minutes", "on", "accuracy, %", "lowest to highest fold", "AUC"),
        *("TAR at FAR 10 %", "at 1 %", "at 0.1 %"),
    )
    if view2 is None:
        return markdown(columns, [])
    folds = view2["accuracies"]
    changed = "" if streams_as_now(view2, variants) else f", streams {text_of(view2['streams'])}"
    row = (
        view2["recipe"] + changed + _outside(view2),
        view2["scheduler"],
        f"{view2['seconds'] / 60:.0f}",
        _hardware(view2),
        _with_error(view2),
        f"{min(folds):.1%} to {max(folds):.1%}",
        f"{view2['auc']:.3f}",
        *(f"{view2['tar_at_far'][far]:.1%}" for far in ("0.1", "0.01", "0.001")),
    )
    return markdown(columns, [row])


def _named(view2: Row, variants: list[Row]) -> str:
    return f"`{view2['recipe']}`" + ("" if streams_as_now(view2, variants) else ", other streams")


def _hardware(view2: Row) -> str:
    threads = f"{view2['threads']} threads of an "
    return ("" if view2["device"] == "cuda" else threads) + str(view2["processor"])


def _with_error(view2: Row) -> str:
    return f"{100 * view2['accuracy']:.2f} ± {100 * view2['standard_error']:.2f}"


def published_table(variants: list[Row], view2: Row | None) -> str:
    """Return our rows beside published ones, as Markdown; ours are set in bold."""
    columns = ("method", "protocol", "outside data", "evaluated on", "accuracy, %")
    rows = list(PUBLISHED)
    for name, group in main_settings(variants).items():
        _, accuracy, low, high = _test_accuracy(group)
        seeds = f"mean of {len(group)} seeds, " if len(group) > 1 else ""
        value = f"{accuracy:.1%} ({seeds}{low:.1%} to {high:.1%})".replace("%", "")
        protocol = PROTOCOLS[group[0]["settings"]["objective"]]
        outside = group[0]["train"].get("outside_data", "none")
        rows.append((f"**`{name}`**", protocol, outside, VIEW_1, value))
    if view2 is not None:
        name, outside = f"**{_named(view2, variants)}**", view2.get("outside_data", "none")
        protocol = _protocol(view2["recipe"], variants)
        rows.append((name, protocol, outside, VIEW_2, _with_error(view2)))
    rows.sort(key=lambda row: (row[3], row[1]))
    return markdown(columns, rows)


def alignment_table(variants: list[Row]) -> str:
    """Return what alignment gives each recipe, means over the same seeds, as Markdown.

    Accuracies are those at the threshold from the validation pairs.
    """
    columns = (
        *("recipe", "seeds", "validation loss", "test accuracy", "test AUC", "one of 20"),
        *("difference, points", "p of each seed"),
    )
    rows: list[tuple[str, ...]] = []
    for before, after in _with_and_without_alignment(variants):
        for group in (before, after):
            settings = group[0]["settings"]
            _, accuracy, low, high = _test_accuracy(group)
            aligned, evaluations = settings["align"], [each["evaluation"] for each in group]
            named = "aligned" if aligned else "as they are"
            if aligned and settings["streams"] != before[0]["settings"]["streams"]:
                named += ", other streams"
            rows.append(
                (
                    f"{settings['recipe']}, {named}",
                    ", ".join(str(variant["settings"]["seed"]) for variant in group),
                    f"{mean(each['val']['loss'] for each in evaluations):.3f}",
                    f"{accuracy:.1%} ({low:.1%} to {high:.1%})",
                    f"{mean(each['test']['auc'] for each in evaluations):.3f}",
                    f"{mean(each['one_shot']['20_way']['accuracy'] for each in evaluations):.1%}",
                    *(_difference(after, before) if aligned else ("", "")),
                )
            )
    return markdown(columns, rows)


def _with_and_without_alignment(variants: list[Row]) -> list[tuple[list[Row], list[Row]]]:
    """Return groups of the same seeds of a recipe, as the images are and aligned.

    Their streams may differ too.
    """
    free = ("align", "alignment", "streams", "seed")
    groups = [
        sorted(group, key=lambda variant: int(variant["settings"]["seed"]))
        for group in seeds_together(variants)
    ]
    return [
        (before, after)
        for after in groups
        for before in groups
        if after[0]["settings"]["align"] and not before[0]["settings"]["align"]
        if not differing(before[0]["settings"], after[0]["settings"], *free)
        if [v["settings"]["seed"] for v in before] == [v["settings"]["seed"] for v in after]
    ]


def unaligned_table(unaligned: Row) -> str:
    """Return what each recipe's network gives on the original images, as Markdown.

    Means over the seeds; all at the threshold from the validation pairs of the run itself.
    """
    images = {
        "own": "deep-funneled, aligned",
        "as_they_are": "original",
        "aligned": "original, aligned",
        "photographs": "original, the face looked for",
    }
    columns = ("recipe", "seeds", "test images", "test accuracy", "test AUC", "Brier score")
    rows: list[tuple[str, ...]] = []
    for recipe, measured in unaligned.items():
        for key, name in images.items():
            found = [row[key] for row in measured.values() if key in row]
            if not found:
                continue
            if "aligned" not in next(iter(measured.values())):
                name = name.removesuffix(", aligned")
            rows.append(
                (
                    f"`{recipe}`" + _outside(next(iter(measured.values()))),
                    ", ".join(measured),
                    name,
                    f"{mean(each['accuracy_at_threshold'] for each in found):.1%}",
                    f"{mean(each['auc'] for each in found):.3f}",
                    f"{mean(each['brier_score'] for each in found):.3f}",
                )
            )
    return markdown(columns, rows)


def alignment_error_table(variants: list[Row]) -> str:
    """Return by how far displaced validation images are off, and what it costs, as Markdown.

    Of the first recipe that aligns, each seed; the others' alignment networks are the same.
    """
    columns = (
        *("seed", "images learned from", "", "angle", "scale", "shift"),
        *("clamped", "training, s", "ms an image"),
    )
    aligned = [variant for variant in variants if variant["settings"]["align"]]
    if not aligned:
        return markdown(columns, [])
    first = next(g for g in seeds_together(aligned) if g[0] is aligned[0])
    rows: list[tuple[str, ...]] = []
    for variant in first:
        figures, seed = variant["alignment"], str(variant["settings"]["seed"])
        cost = (
            f"{figures['clamped']}",
            f"{figures['seconds']:.0f}",
            f"{figures['milliseconds_per_image']:.2f}",
        )
        rows += [
            (seed, f"{figures['images']:,}", "displaced", *_error(figures, "before"), "", "", ""),
            ("", "", "aligned", *_error(figures, "after"), *cost),
        ]
    return markdown(columns, rows)


def _error(figures: Row, name: str) -> tuple[str, ...]:
    error = figures[f"error_{name}"]
    return (
        f"{error['angle_degrees']:.1f}°",
        f"{error['scale_percent']:.1f}%",
        f"{error['shift_percent']:.1f}%",
    )


def benchmark_table(benchmark: Row) -> str:
    """Return what the command `benchmark` measured, as Markdown, and the machine below it."""
    columns = ("task", "unit", "this project", "the other way", "", "ratio", "lowest to highest")
    rows = []
    for row in benchmark.get("rows", []):
        both = [f"{row[name]:,.0f}" for name in ("our_value", "other_value")]
        spread = f"{row['ratio_low']:.1f} to {row['ratio_high']:.1f}" if "ratio_low" in row else ""
        rows.append((row["task"], row["unit"], *both, row["other"], f"{row['ratio']:.1f}", spread))
    table = markdown(columns, rows)
    if not rows:
        return table
    return (
        f"{table}\n\n{benchmark['threads']} threads of an {benchmark['processor']}, torch "
        f"{benchmark['torch']}."
    )


def commands_table(benchmark: Row) -> str:
    """Return how long commands take from being typed to their answer, as Markdown."""
    rows = [
        (
            row["command"],
            f"{row['seconds']:.2f}",
            f"{row['seconds_low']:.2f} to {row['seconds_high']:.2f}",
        )
        for row in benchmark.get("commands", [])
    ]
    return markdown(("command", "seconds", "lowest to highest"), rows)


def growth_table(benchmark: Row) -> str:
    """Return how long an image takes, and the memory, for numbers of images, as Markdown."""
    rows = [
        (f"{row['images']:,}", f"{row['milliseconds']:.2f}", f"{row['memory']:,.0f}")
        for row in benchmark.get("growth", [])
    ]
    return markdown(("images", "milliseconds each", "memory at most, MiB"), rows)


def ablation_table(ablation: Row) -> str:
    """Return what selections of each recipe's streams give, as Markdown."""
    columns = ("recipe", "streams", "validation loss", "test accuracy", "test AUC")
    rows: list[tuple[str, ...]] = []
    for recipe, measured in ablation.items():
        for row in measured["rows"]:
            low, high = row["test_accuracy_low"], row["test_accuracy_high"]
            rows.append(
                (
                    f"`{recipe}`, seed {measured['seed']}",
                    row["streams"],
                    f"{row['validation_loss']:.3f}",
                    f"{row['test_accuracy']:.1%} ({low:.1%} to {high:.1%})",
                    f"{row['test_auc']:.3f}",
                )
            )
    return markdown(columns, rows)


def _outside(measured: Row) -> str:
    """Return what outside data a network has seen, to follow its name; nothing where it is none."""
    return f", outside data: {measured['outside_data']}" if "outside_data" in measured else ""


def _protocol(recipe: str, variants: list[Row]) -> str:
    """Return what a recipe learns from, in LFW's words."""
    objectives = (v["settings"]["objective"] for v in variants if v["settings"]["recipe"] == recipe)
    return PROTOCOLS[next(objectives)]


def summary_table(variants: list[Row], view2: Row | None) -> str:
    """Return the main figures beside the report's and the best published, as Markdown."""
    columns = ("network", "learns from", "evaluated on", "accuracy, %", "training, minutes")
    minutes, _, _, _, accuracy = REPORTED["none"]
    rows = [("*as reported*", "listed pairs", VIEW_1, f"{100 * accuracy:.1f}", f"{minutes} (GPU)")]
    for name, group in main_settings(variants).items():
        _, accuracy, low, high = _test_accuracy(group)
        learns = {"pairs": "listed pairs", "contrastive": "people's names"}
        rows.append(
            (
                f"`{name}`",
                learns[group[0]["settings"]["objective"]] + _outside(group[0]["train"]),
                VIEW_1,
                f"{accuracy:.1%} ({low:.1%} to {high:.1%})".replace("%", ""),
                f"{mean(variant['train']['seconds'] for variant in group) / 60:.1f}",
            )
        )
    if view2 is not None:
        hardware = "" if view2["device"] == "cpu" else f", {_hardware(view2)}"
        hours = f"{view2['seconds'] / 60:.0f} (ten networks{hardware})"
        names = f"people's names{_outside(view2)}"
        rows.append((_named(view2, variants), names, VIEW_2, _with_error(view2), hours))
    for method, protocol, on, value in BEST_PUBLISHED:
        rows.append((method, protocol, on, value, ""))
    return markdown(columns, rows)


def _accuracy(figures: dict[str, float]) -> str:
    low, high = figures["accuracy_low"], figures["accuracy_high"]
    return f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"
