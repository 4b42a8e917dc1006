"""README's tables and figures of the variants and recipes, from DVC's experiments.

    python -m siamese.report EXPERIMENT [EXPERIMENT ...]

reads the named experiments (or other revisions) out of DVC into metrics/variants.json,
plots/variants.csv and plots/variants-roc.csv, in place of those kept there of the same settings;
then makes README.md's tables and the figures from these files and from View 2's. Without names it
makes them again.
"""

import csv
import hashlib
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import dvc.api
import numpy as np
from dvc.exceptions import DvcException

from siamese import atomic, figures, parameters, significance
from siamese.errors import InputError, run
from siamese.identification import WAYS
from siamese.protocol import DIFFERENT
from siamese.verification import best_threshold, wilson_interval

VARIANTS = Path("metrics/variants.json")
CURVES = Path("plots/variants.csv")
ROCS = Path("plots/variants-roc.csv")
VIEW2 = Path("metrics/view2.json")
VIEW2_ROC = Path("plots/view2-roc.csv")
README = Path("README.md")
DATASET = "lfw-deepfunneled"
# What tells experiments apart.
SETTINGS = (
    *("recipe", "scheduler", "initial_learning_rate", "schedule", "weight_decay", "augmentation"),
    *("crop", "size", "grayscale", "deep_zooms", "linear_zooms", "hue_zooms"),
    *("batch_size", "max_epochs", "patience", "validation", "person_disjoint", "seed"),
)
Row = dict[str, Any]
TABLE = re.compile(r"(<!-- table: ([\w -]+) -->\n).*?(<!-- end -->)", re.DOTALL)

REPORTED_WEIGHT_DECAY = 1.0
# As reported for the experiment that is reproduced, one run each on a GPU: minutes to
# convergence; holdout loss and accuracy; test loss and accuracy.
REPORTED = {
    "none": (1.5, 0.538, 0.992, 0.667, 0.785),
    "step": (2.5, 0.767, 0.581, 0.750, 0.581),
    "multistep": (2.5, 0.742, 0.611, 0.750, 0.577),
    "exponential": (3.0, 0.781, 0.412, 0.747, 0.615),
}
# What each recipe may learn from, in LFW's words.
PROTOCOLS = {
    "koch": "image-restricted",
    "contrastive": "unrestricted",
    "quick": "unrestricted",
    "large": "unrestricted",
}
NOT_MEASURED = "not yet measured"
VIEW_1 = "View 1, test"
VIEW_2 = "View 2"
# As published, all without outside data: method, protocol, judged on, accuracy in percent. View 2
# from LFW's page of results; View 1 as the authors of such networks report them.
PUBLISHED = (
    ("Eigenfaces", "image-restricted", VIEW_2, "60.02 ± 0.79"),
    ("Nowak (funneled)", "image-restricted", VIEW_2, "73.93 ± 0.49"),
    ("V1-like/MKL", "image-restricted", VIEW_2, "79.35 ± 0.55"),
    ("Fisher vector faces", "image-restricted", VIEW_2, "87.47 ± 1.49"),
    ("POP-PEP", "image-restricted", VIEW_2, "91.10 ± 1.47"),
    ("MRF-Fusion-CSKDA", "image-restricted", VIEW_2, "95.89 ± 1.94"),
    ("Siamese networks trained from nothing", "image-restricted", VIEW_1, "65 to 77"),
    ("the same with names and a triplet loss", "unrestricted", VIEW_1, "79.8 ± 0.7"),
)


def settings_of(params: parameters.Parameters) -> Row:
    """Return what tells an experiment apart, by the names in SETTINGS."""
    recipe, image = params.recipe_settings, params.recipe_settings.image
    schedule = dict(params.scheduler_settings)
    rate = float(schedule.pop("learning_rate"))
    return {
        "recipe": params.recipe,
        "scheduler": params.scheduler,
        "initial_learning_rate": rate,
        "schedule": _text(f"{name} {_text(value)}" for name, value in schedule.items()),
        "weight_decay": float(recipe.weight_decay),
        "augmentation": recipe.augmentation,
        "crop": image.crop,
        "size": image.size,
        "grayscale": image.grayscale,
        "deep_zooms": _text(image.deep_zooms),
        "linear_zooms": _text(image.linear_zooms),
        "hue_zooms": _text(image.hue_zooms),
        "batch_size": recipe.batch_size,
        "max_epochs": recipe.max_epochs,
        "patience": recipe.patience,
        "validation": params.split.validation,
        "person_disjoint": params.split.person_disjoint,
        "seed": params.seed,
    }


def _text(value: Any) -> str:
    """Return a value, or several side by side, as text."""
    if isinstance(value, str | int | float):
        return str(value)
    return ", ".join(_text(part) for part in value or ())


def collect(revisions: list[str]) -> tuple[list[Row], list[Row], list[Row]]:
    """Return each experiment's figures, and the epochs and ROC points of all, as rows.

    Raises:
        InputError: an experiment was made on other images, two have the same settings, or an
            experiment's scores are not in DVC's cache.
    """
    variants: list[Row] = []
    curves: list[Row] = []
    rocs: list[Row] = []
    for revision in revisions:
        params = parameters.parse(dvc.api.read("params.yaml", rev=revision), revision)
        settings = settings_of(params)
        if params.dataset != DATASET:
            raise InputError(f"{revision}: made on {params.dataset}, not on {DATASET}")
        experiment = {"experiment": name_of(settings)}
        if any(experiment.items() <= variant.items() for variant in variants):
            raise InputError(f"{revision}: has the settings of an experiment named before it")
        train = json.loads(dvc.api.read("metrics/train.json", rev=revision))
        evaluation = json.loads(dvc.api.read("metrics/evaluation.json", rev=revision))
        variants.append(
            {
                **experiment,
                **settings,
                "train": train,
                "evaluation": evaluation,
                "judged": judged(revision),
            }
        )
        epochs = csv.DictReader(dvc.api.read("plots/training.csv", rev=revision).splitlines())
        curves += [{**experiment, **epoch} for epoch in epochs]
        points = csv.DictReader(dvc.api.read("plots/roc.csv", rev=revision).splitlines())
        rocs += [
            {**experiment, "far": f"{float(point['far']):g}", "tar": f"{float(point['tar']):g}"}
            for point in points
        ]
    return variants, curves, rocs


def judged(revision: str) -> str:
    """Return how the threshold from validation judges each test pair: 1 rightly, 0 wrongly.

    Pairs are in the order of their images' names, so that experiments can be compared pair by pair.
    """
    val, test = (
        significance.arrays(significance.read(revision, split)) for split in ("val", "test")
    )
    scores, labels = test
    right = (scores >= best_threshold(*val)) == (labels == DIFFERENT)
    return "".join("01"[each] for each in right.astype(int))


def name_of(settings: Row) -> str:
    """Return a short name of an experiment's settings, by which its rows are found again."""
    text = json.dumps([settings[name] for name in SETTINGS])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def merge(kept: list[Row], new: list[Row]) -> list[Row]:
    """Return rows in their order, those of new ones' experiments replaced, others added."""
    groups: dict[str, list[Row]] = {}
    for row in kept:
        groups.setdefault(row["experiment"], []).append(row)
    for replaced in {row["experiment"] for row in new} & groups.keys():
        groups[replaced] = []
    for row in new:
        groups.setdefault(row["experiment"], []).append(row)
    return [row for group in groups.values() for row in group]


def _settings(variant: Row, *free: str) -> tuple[Any, ...]:
    """Return a variant's settings, but for some that are free."""
    return tuple(variant[name] for name in SETTINGS if name not in free)


def _by_seed(variants: list[Row]) -> list[list[Row]]:
    """Return the variants, seeds of one setting together."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for variant in variants:
        groups.setdefault(_settings(variant, "seed"), []).append(variant)
    return list(groups.values())


def _changes(variant: Row, first: Row) -> str:
    """Return by which settings a variant differs from the first one, the seed aside."""
    return ", ".join(
        f"{name} {variant[name]:g}" if isinstance(variant[name], float)
        else f"{name} {str(variant[name]).lower()}"
        for name in SETTINGS
        if name != "seed" and variant[name] != first[name]
    )  # fmt: skip


def _only(variants: list[Row], **settings: Any) -> list[Row]:
    """Return the variants with these settings; what a scheduler sets may be any.

    All others are those of the first variant.
    """
    free = ("initial_learning_rate", "schedule")
    wanted = _settings(variants[0] | settings, *free)
    return [variant for variant in variants if _settings(variant, *free) == wanted]


def _markdown(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(
        f"| {' | '.join(cells)} |" for cells in [columns, ("---",) * len(columns), *rows]
    )


def _accuracy(figures: dict[str, float]) -> str:
    low, high = figures["accuracy_low"], figures["accuracy_high"]
    return f"{figures['accuracy']:.1%} ({low:.1%} to {high:.1%})"


def shown_decays(variants: list[Row]) -> list[float]:
    """Return the weight decays compared: the first experiment's and the reported one."""
    return sorted({variants[0]["weight_decay"], REPORTED_WEIGHT_DECAY})


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


def schedulers_table(variants: list[Row]) -> str:
    """Return, for each scheduler, what was reported, then what was measured, as Markdown."""
    columns = (
        *("scheduler", "weight decay", "", "minutes", "epochs (best)", "holdout loss"),
        *("holdout accuracy", "test loss", "test accuracy", "test AUC"),
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
            measured = _only(variants, scheduler=name, weight_decay=decay)
            for cells in [_measured(variant) for variant in measured] or [
                (NOT_MEASURED, *[""] * 7)
            ]:
                rows.append((name, f"{decay:g}", *cells))
    return _markdown(columns, rows)


def weight_decay_table(variants: list[Row]) -> str:
    """Return what each weight decay gave on the holdout pairs without a scheduler, as Markdown."""
    columns = ("weight decay", "best epoch", "holdout loss", "holdout accuracy", "holdout AUC")
    decays = dict.fromkeys(variant["weight_decay"] for variant in variants)
    chosen = [v for decay in decays for v in _only(variants, weight_decay=decay)]
    rows = [
        (
            f"{variant['weight_decay']:g}",
            f"{variant['train']['best_epoch']}",
            f"{variant['evaluation']['val']['loss']:.4f}",
            _accuracy(variant["evaluation"]["val"]),
            f"{variant['evaluation']['val']['auc']:.3f}",
        )
        for variant in sorted(chosen, key=lambda variant: float(variant["weight_decay"]))
    ]
    return _markdown(columns, rows)


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
        for name, split in (("training", "train"), ("holdout", "val"), ("test", "test"))
    ]
    return _markdown(columns, rows)


def _test_accuracy(group: list[Row]) -> tuple[list[float], float, float, float]:
    """Return the seeds' test accuracies at the holdout threshold, their mean, and its interval.

    The interval (low, high) is Wilson's on as many pairs as there are, since all seeds are judged
    on the same ones.
    """
    tests = [variant["evaluation"]["test"] for variant in group]
    accuracies = [test["accuracy_at_threshold"] for test in tests]
    return accuracies, mean(accuracies), *wilson_interval(mean(accuracies), tests[0]["pairs"])


def _by_recipe(variants: list[Row]) -> list[list[Row]]:
    """Return the first experiment and those of other recipes, seeds of one setting together."""
    first = variants[0]
    return [
        group
        for group in _by_seed(variants)
        if group[0] is first or group[0]["recipe"] != first["recipe"]
    ]


def _named_by_recipe(variants: list[Row]) -> dict[str, list[Row]]:
    """Return the same by recipe, and by what differs where a recipe was run in two ways."""
    named: dict[str, list[Row]] = {}
    for group in _by_recipe(variants):
        recipe = group[0]["recipe"]
        changes = _changes(group[0], named[recipe][0]) if recipe in named else ""
        named[f"{recipe}, {changes}" if changes else recipe] = group
    return named


def recipes_table(variants: list[Row]) -> str:
    """Return what each recipe gave, means over its seeds, as Markdown.

    Accuracies are those at the threshold from the holdout pairs.
    """
    columns = (
        *("recipe", "scheduler", "augmentation", "seeds", "minutes", "holdout accuracy"),
        "test accuracy",
        *("lowest to highest seed", "test AUC", "TAR at FAR 10 %", "at 1 %", "Brier score"),
    )
    rows = []
    for group in _by_recipe(variants):
        tests = [variant["evaluation"]["test"] for variant in group]
        holdouts = [variant["evaluation"]["val"]["accuracy_at_threshold"] for variant in group]
        accuracies, accuracy, low, high = _test_accuracy(group)
        rows.append(
            (
                *(group[0][name] for name in ("recipe", "scheduler", "augmentation")),
                ", ".join(str(variant["seed"]) for variant in group),
                f"{mean(variant['train']['seconds'] for variant in group) / 60:.1f}",
                f"{mean(holdouts):.1%}",
                f"{accuracy:.1%} ({low:.1%} to {high:.1%})",
                f"{min(accuracies):.1%} to {max(accuracies):.1%}",
                f"{mean(test['auc'] for test in tests):.3f}",
                f"{mean(test['tar_at_far']['0.1'] for test in tests):.1%}",
                f"{mean(test['tar_at_far']['0.01'] for test in tests):.1%}",
                f"{mean(test['brier_score'] for test in tests):.3f}",
            )
        )
    for recipe in sorted(PROTOCOLS.keys() - {row[0] for row in rows}):
        rows.append((recipe, NOT_MEASURED, *[""] * (len(columns) - 2)))
    return _markdown(columns, rows)


def one_shot_table(variants: list[Row]) -> str:
    """Return how often each recipe knows one of N people, means over its seeds, as Markdown.

    Intervals are Wilson's on as many trials as there are: all seeds are asked the same.
    """
    columns = ("recipe", "seeds", *(f"one of {n}" for n in WAYS))
    rows = [("*chance*", "", *(f"{1 / n:.1%}" for n in WAYS))]
    for name, group in _named_by_recipe(variants).items():
        cells = []
        for n in WAYS:
            trials = [variant["evaluation"]["one_shot"][f"{n}_way"] for variant in group]
            accuracy = mean(trial["accuracy"] for trial in trials)
            low, high = wilson_interval(accuracy, trials[0]["trials"])
            cells.append(f"{accuracy:.1%} ({low:.1%} to {high:.1%})")
        rows.append((name, ", ".join(str(variant["seed"]) for variant in group), *cells))
    return _markdown(columns, rows)


def _right(variant: Row) -> significance.Right:
    """Return which test pairs a variant judged rightly, (pairs,) bool."""
    return np.array([each == "1" for each in variant["judged"]])


def _difference(group: list[Row], first: list[Row]) -> tuple[str, str]:
    """Return how the accuracies of a group's seeds differ from those of the first group's.

    As text: the mean difference in points with its interval by a paired bootstrap of the pairs,
    then McNemar's p-value of each seed.
    """
    before, after = (
        [_right(variant) for variant in sorted(some, key=lambda variant: int(variant["seed"]))]
        for some in (first, group)
    )
    means = [np.mean(right, axis=0) for right in (before, after)]
    low, high = significance.paired_bootstrap(*means)
    points = 100 * (means[1].mean() - means[0].mean())
    each = zip(before, after, strict=True)
    return (
        f"{points:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        ", ".join(f"{significance.mcnemar(*runs):.2g}" for runs in each),
    )


def questions_table(variants: list[Row]) -> str:
    """Return what changes to the first experiment gave, means over the same seeds, as Markdown.

    All figures but EER and AUC are at the threshold from the holdout pairs.
    """
    columns = (
        *("changed", "epochs (best)", "holdout accuracy", "test accuracy"),
        *("lowest to highest seed", "difference, points", "p of each seed"),
        *("same pairs missed", "different pairs accepted", "EER", "test AUC"),
    )
    first, *_ = variants
    groups = _by_seed(variants)
    seeds = {variant["seed"] for variant in groups[0]}
    rows: list[tuple[str, ...]] = []
    for group in groups:
        alike = all(group[0][name] == first[name] for name in ("recipe", "scheduler"))
        if not alike or len(seeds) == 1 or {variant["seed"] for variant in group} != seeds:
            continue
        tests = [variant["evaluation"]["test"] for variant in group]
        accuracies, accuracy, low, high = _test_accuracy(group)
        changes = _changes(group[0], first)
        rows.append(
            (
                changes or "nothing",
                ", ".join(f"{v['train']['epochs']} ({v['train']['best_epoch']})" for v in group),
                f"{mean(v['evaluation']['val']['accuracy_at_threshold'] for v in group):.1%}",
                f"{accuracy:.1%} ({low:.1%} to {high:.1%})",
                f"{min(accuracies):.1%} to {max(accuracies):.1%}",
                *(_difference(group, groups[0]) if changes else ("", "")),
                f"{mean(test['false_reject_rate'] for test in tests):.1%}",
                f"{mean(test['false_accept_rate'] for test in tests):.1%}",
                f"{mean(test['equal_error_rate'] for test in tests):.1%}",
                f"{mean(test['auc'] for test in tests):.3f}",
            )
        )
    return _markdown(columns, rows or [(NOT_MEASURED, *[""] * (len(columns) - 1))])


def view2_table(view2: Row | None) -> str:
    """Return View 2's figures, over all ten folds, as Markdown."""
    columns = (
        *("recipe", "scheduler", "hours", "accuracy, %", "lowest to highest fold", "AUC"),
        *("TAR at FAR 10 %", "at 1 %", "at 0.1 %"),
    )
    if view2 is None:
        return _markdown(columns, [(NOT_MEASURED, *[""] * (len(columns) - 1))])
    folds = view2["accuracies"].values()
    row = (
        view2["recipe"],
        view2["scheduler"],
        f"{view2['seconds'] / 3600:.1f}",
        _with_error(view2),
        f"{min(folds):.1%} to {max(folds):.1%}",
        f"{view2['auc']:.3f}",
        *(f"{view2['tar_at_far'][far]:.1%}" for far in ("0.1", "0.01", "0.001")),
    )
    return _markdown(columns, [row])


def _with_error(view2: Row) -> str:
    return f"{100 * view2['accuracy']:.2f} ± {100 * view2['standard_error']:.2f}"


def published_table(variants: list[Row], view2: Row | None) -> str:
    """Return our rows beside published ones, as Markdown; ours are set in bold."""
    columns = ("method", "protocol", "outside data", "judged on", "accuracy, %")
    rows = [(method, protocol, "none", on, value) for method, protocol, on, value in PUBLISHED]
    for name, group in _named_by_recipe(variants).items():
        _, accuracy, low, high = _test_accuracy(group)
        seeds = f"mean of {len(group)} seeds, " if len(group) > 1 else ""
        value = f"{accuracy:.1%} ({seeds}{low:.1%} to {high:.1%})".replace("%", "")
        protocol = PROTOCOLS[group[0]["recipe"]]
        rows.append((f"**`{name}`**", protocol, "none", VIEW_1, value))
    recipe, value = "contrastive", NOT_MEASURED
    if view2 is not None:
        recipe = view2["recipe"]
        value = _with_error(view2)
    rows.append((f"**`{recipe}`**", PROTOCOLS[recipe], "none", VIEW_2, value))
    rows.sort(key=lambda row: (row[3], row[1]))
    return _markdown(columns, rows)


def conditions(variants: list[Row]) -> str:
    """Return on what machines the experiments ran, as a sentence."""
    machines = dict.fromkeys(
        f"{train['threads']} thread{'' if train['threads'] == 1 else 's'} of an "
        f"{train['processor']} (torch {train['torch']})"
        for train in (variant["train"] for variant in variants)
    )
    *others, last = machines
    return f"They ran on {', '.join(others)}{' and ' if others else ''}{last}."


def tables(variants: list[Row], view2: Row | None) -> dict[str, str]:
    """Return README's tables by name; View 2's figures where it has been run."""
    return {
        "conditions": conditions(variants),
        "schedulers": schedulers_table(variants),
        "weight decay": weight_decay_table(variants),
        "splits": splits_table(variants),
        "questions": questions_table(variants),
        "recipes": recipes_table(variants),
        "one-shot": one_shot_table(variants),
        "view 2": view2_table(view2),
        "published": published_table(variants, view2),
    }


def fill_in(text: str, made: dict[str, str]) -> str:
    """Return a Markdown text with every table between its marks made anew."""
    return TABLE.sub(lambda found: f"{found[1]}{made[found[2]]}\n{found[3]}", text)


def draw(
    variants: list[Row], curves: list[Row], rocs: list[Row], view2: Row | None, folds: list[Row]
) -> None:
    """Draw the variants' epochs for each weight decay; the recipes' ROCs, accuracies, minutes.

    Args:
        variants: each experiment's figures.
        curves: their epochs.
        rocs: the points of their ROCs.
        view2: View 2's figures, if it has been run.
        folds: the points of its ROC.
    """
    columns = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    for decay in shown_decays(variants):
        runs = {}
        for name in REPORTED:
            asked = {v["experiment"] for v in _only(variants, scheduler=name, weight_decay=decay)}
            if rows := [row for row in curves if row["experiment"] in asked]:
                runs[name] = {
                    column: np.array([float(row[column]) for row in rows]) for column in columns
                }
        path = CURVES.with_name(f"variants-weight-decay-{decay:g}.png")
        figures.training_curves(runs, path, f"weight decay {decay:g}")

    recipes = _named_by_recipe(variants)
    drawn, title = {}, "Test pairs of View 1"
    for name, [first, *_] in recipes.items():
        points = [row for row in rocs if row["experiment"] == first["experiment"]]
        drawn[f"{name}, seed {first['seed']}"] = _curve(points, first["evaluation"]["test"]["auc"])
    if view2 is not None:
        drawn[f"{view2['recipe']}, View 2"] = _curve(folds, view2["auc"])
        title += ", or all folds' of View 2"
    figures.roc_curves(drawn, ROCS.with_name("recipes-roc.png"), title)
    minutes = {
        name: [
            (row["train"]["seconds"] / 60, row["evaluation"]["test"]["accuracy_at_threshold"])
            for row in group
        ]
        for name, group in recipes.items()
    }
    reported, _, _, _, accuracy = REPORTED["none"]
    minutes["koch as reported"] = [(reported, accuracy)]
    figures.accuracy_by_minutes(minutes, ROCS.with_name("recipes-minutes.png"))


def _curve(points: list[Row], auc: float) -> tuple[figures.Columns, float]:
    return {
        axis: np.array([float(point[axis]) for point in points]) for axis in ("far", "tar")
    }, auc


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[Row]) -> None:
    columns = list(rows[0])
    atomic.write_csv(path, columns, [[row[name] for name in columns] for row in rows])


def main() -> None:
    """Collect the experiments named on the command line, if any; make tables and figures."""
    if revisions := sys.argv[1:]:
        try:
            variants, curves, rocs = collect(revisions)
        except DvcException as error:
            raise InputError(f"{error}; `dvc exp list` names the experiments") from None
        if VARIANTS.exists():
            variants = merge(json.loads(VARIANTS.read_text(encoding="utf-8")), variants)
            curves, rocs = merge(_read(CURVES), curves), merge(_read(ROCS), rocs)
        drawn = [first["experiment"] for [first, *_] in _by_recipe(variants)]
        rocs = [row for row in rocs if row["experiment"] in drawn]
    else:
        variants = json.loads(VARIANTS.read_text(encoding="utf-8"))
        curves, rocs = _read(CURVES), _read(ROCS)
    view2, folds = None, []
    if VIEW2.exists():
        view2, folds = json.loads(VIEW2.read_text(encoding="utf-8")), _read(VIEW2_ROC)
    # All is made before anything is written.
    try:
        text = fill_in(README.read_text(encoding="utf-8"), tables(variants, view2))
    except KeyError as missing:
        raise InputError(
            f"{missing} is not among an experiment's figures: it was run by earlier code; run it "
            "again"
        ) from None
    if revisions:
        atomic.write_json(VARIANTS, variants)
        _write(CURVES, curves)
        _write(ROCS, rocs)
    draw(variants, curves, rocs, view2, folds)
    with atomic.writing(README) as partial:
        partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    run(main)
