"""Experiments as rows of settings and figures, and which of them belong together."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from siamese.errors import InputError
from siamese.evaluation.verification import best_threshold, is_correct
from siamese.parameters import Parameters, given
from siamese.reports import stored

Row = dict[str, Any]
DATASET = "lfw-deepfunneled"


def collect(revisions: list[str]) -> tuple[list[Row], list[Row], list[Row]]:
    """Return each experiment's figures, and the epochs and ROC points of all, as rows.

    Raises:
        InputError: an experiment was made on other images, two have the same settings, or see
            `stored.read_text`.
    """
    variants: list[Row] = []
    curves: list[Row] = []
    rocs: list[Row] = []
    for revision in revisions:
        params = stored.read_parameters(revision)
        train = stored.read_json("data/training.json", revision)
        # Another device gives other last digits, and other minutes.
        settings = settings_of(params) | {"device": train["device"]}
        if params.dataset != DATASET:
            raise InputError(f"{revision}: made on {params.dataset}, not on {DATASET}")
        if any(settings == variant["settings"] for variant in variants):
            raise InputError(f"{revision}: has the settings of an experiment named before it")
        experiment = {"experiment": name_of(settings)}
        aligned = (
            {"alignment": stored.read_json("data/alignment/training.json", revision)}
            if settings["align"]
            else {}
        )
        variants.append(
            {
                **experiment,
                "settings": settings,
                **aligned,
                "train": train,
                "evaluation": stored.read_json("data/evaluation.json", revision),
                "correct": correct(revision),
            }
        )
        epochs = stored.read_table("plots/training.csv", revision)
        curves += [{**experiment, **{name: epoch[name] for name in EPOCH}} for epoch in epochs]
        points = stored.read_table("plots/roc.csv", revision)
        rocs += [
            {**experiment, "far": f"{float(point['far']):g}", "tar": f"{float(point['tar']):g}"}
            for point in points
        ]
    return variants, curves, rocs


# What is kept of an epoch.
EPOCH = ("epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "learning_rate")


def correct(revision: str) -> str:
    """Return which test pairs the threshold from validation classifies correctly: 1, wrongly: 0.

    Pairs are in the order of their images' names, so that experiments can be compared pair by pair.
    """
    val, test = (
        stored.in_order(stored.read_predictions(split, revision)) for split in ("val", "test")
    )
    return "".join("01"[int(each)] for each in is_correct(*test, best_threshold(*val)))


def settings_of(params: Parameters) -> Row:
    """Return what distinguishes an experiment, by the names of its keys in params.yaml."""
    recipe = given(params.recipe_settings)
    image, streams = recipe.pop("image"), recipe.pop("streams", {})
    variant = recipe.pop("variant", {})
    image = {"align": False, **image}
    flat = {"recipe": params.recipe, **recipe, **image, **variant, **given(params.split)}
    alignment = given(params.alignment) if image["align"] else {}
    return {
        "scheduler": params.scheduler,
        "schedule": _plain(params.scheduler_settings),
        **_plain(flat),
        "streams": {kind: list(zooms) for kind, zooms in streams.items() if zooms},
        **({"alignment": _plain(alignment)} if alignment else {}),
        "seed": params.seed,
    }


def _plain(values: Mapping[str, Any]) -> Row:
    """Return values as JSON gives them back, with numbers of one type whatever was written."""
    plain: Row = json.loads(json.dumps(values))
    return {
        name: float(value) if name in ("weight_decay", "learning_rate") else value
        for name, value in plain.items()
    }


def name_of(settings: Row) -> str:
    """Return a short name of an experiment's settings, by which its rows are found again."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


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


def differing(settings: Row, others: Row, *free: str) -> list[str]:
    """Return the names of the settings in which two experiments differ, but for those free."""
    names = dict.fromkeys([*settings, *others])
    return [name for name in names if name not in free and settings.get(name) != others.get(name)]


def find(variants: list[Row], **settings: Any) -> Row | None:
    """Return the variant with these settings, if there is one; all others are the first variant's.

    The settings of its scheduler may be any: of several, the first is returned.
    """
    wanted = variants[0]["settings"] | settings
    found = (each for each in variants if not differing(each["settings"], wanted, "schedule"))
    return next(found, None)


def seeds_together(variants: list[Row]) -> list[list[Row]]:
    """Return the variants, seeds of one setting together."""
    groups: list[list[Row]] = []
    for variant in variants:
        same = (g for g in groups if not differing(g[0]["settings"], variant["settings"], "seed"))
        if (group := next(same, None)) is None:
            groups.append([variant])
        else:
            group.append(variant)
    return groups


def changes(variant: Row, first: Row) -> str:
    """Return by which settings a variant differs from the first one, the seed aside."""
    settings = variant["settings"]
    return ", ".join(
        f"{name} {text_of(settings.get(name))}"
        for name in differing(first["settings"], settings, "seed")
    )


def text_of(value: Any) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {text_of(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def by_recipe(variants: list[Row]) -> dict[str, list[Row]]:
    """Return the first experiment and those of other recipes, seeds of one setting together.

    They are named by recipe; a recipe's later settings also by their changes.
    """
    first = variants[0]
    named: dict[str, list[Row]] = {}
    for group in seeds_together(variants):
        recipe = group[0]["settings"]["recipe"]
        if group[0] is first or recipe != first["settings"]["recipe"]:
            changed = changes(group[0], named[recipe][0]) if recipe in named else ""
            named[f"{recipe}, {changed}" if changed else recipe] = group
    return named


def main_settings(variants: list[Row]) -> dict[str, list[Row]]:
    """Return, for each recipe, the experiments of its first settings."""
    return {
        name: group
        for name, group in by_recipe(variants).items()
        if name == group[0]["settings"]["recipe"]
    }


def streams_as_now(view2: Row, variants: list[Row]) -> bool:
    """Return whether View 2's networks had the streams that its recipe has on View 1."""
    main = main_settings(variants).get(view2["recipe"])
    if main is None or "streams" not in view2:
        return True
    return bool(main[0]["settings"]["streams"] == view2["streams"])
