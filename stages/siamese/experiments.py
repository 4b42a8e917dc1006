"""Experiments as DVC keeps them, as rows of settings and figures, and which belong together."""

import csv
import hashlib
import json
from typing import Any

import dvc.api

from siamese import parameters, significance
from siamese.errors import InputError
from siamese.verification import best_threshold

Row = dict[str, Any]
DATASET = "lfw-deepfunneled"
# What tells experiments apart.
SETTINGS = (
    *("recipe", "scheduler", "initial_learning_rate", "schedule", "weight_decay", "augmentation"),
    *("crop", "size", "grayscale", "deep_zooms", "linear_zooms", "fisher_zooms", "hue_zooms"),
    "likeness_zooms",
    *("batch_size", "max_epochs", "patience", "validation", "person_disjoint", "seed"),
)


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
    right = significance.judge(*test, best_threshold(*val))
    return "".join("01"[each] for each in right.astype(int))


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
        "fisher_zooms": _text(image.fisher_zooms),
        "hue_zooms": _text(image.hue_zooms),
        "likeness_zooms": _text(image.likeness_zooms),
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


def find(variants: list[Row], **settings: Any) -> Row | None:
    """Return the variant with these settings, if there is one; all others are the first variant's.

    What a scheduler sets may be any: of several schedules, the first is returned.
    """
    free = ("initial_learning_rate", "schedule")
    wanted = _settings(variants[0] | settings, *free)
    return next((variant for variant in variants if _settings(variant, *free) == wanted), None)


def seeds_together(variants: list[Row]) -> list[list[Row]]:
    """Return the variants, seeds of one setting together."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for variant in variants:
        groups.setdefault(_settings(variant, "seed"), []).append(variant)
    return list(groups.values())


def changes(variant: Row, first: Row) -> str:
    """Return by which settings a variant differs from the first one, the seed aside."""
    return ", ".join(
        f"{name} {variant[name]:g}" if isinstance(variant[name], float)
        else f"{name} {str(variant[name]).lower()}"
        for name in SETTINGS
        if name != "seed" and variant[name] != first[name]
    )  # fmt: skip


def by_recipe(variants: list[Row]) -> dict[str, list[Row]]:
    """Return the first experiment and those of other recipes, seeds of one setting together.

    They are named by recipe; a recipe's later settings also by their changes.
    """
    first = variants[0]
    named: dict[str, list[Row]] = {}
    for group in seeds_together(variants):
        recipe = group[0]["recipe"]
        if group[0] is first or recipe != first["recipe"]:
            changed = changes(group[0], named[recipe][0]) if recipe in named else ""
            named[f"{recipe}, {changed}" if changed else recipe] = group
    return named
