"""What params.yaml may hold: the range of each value, and what must fit together.

Only the stage `check` reads this, so that a new range or a better message re-runs nothing else.
The keys themselves are those of the dataclasses in `siamese.parameters`.
"""

import dataclasses
import difflib
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from siamese import parameters
from siamese.errors import InputError
from siamese.lfw.sources import VARIANTS
from siamese.networks.streams import KINDS
from siamese.parameters import (
    FOLDER,
    IMAGE_SIDE,
    TORCHVISION,
    Alignment,
    Image,
    Parameters,
    People,
    Recipe,
    Split,
    Variant,
    View2,
)


class Rule(NamedTuple):
    """What a key takes, in words and as a test."""

    takes: str
    accepts: Callable[[Any], bool]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _number(low: float, high: float) -> Rule:
    return Rule(
        f"a number from {low:g} to {high:g}",
        lambda value: _is_number(value) and low <= value <= high,
    )


def _integer(low: int, high: int) -> Rule:
    return Rule(
        f"an integer from {low} to {high}",
        lambda value: type(value) is int and low <= value <= high,
    )


def _choice(*names: str) -> Rule:
    return Rule("one of " + ", ".join(names), lambda value: value in names)


BOOLEAN = Rule("true or false", lambda value: type(value) is bool)
SEED = _integer(0, 2**32 - 1)
PATH = Rule(
    "the path of a folder, or of a zip or tar archive, or null",
    lambda value: value is None or (isinstance(value, str) and value.strip() != ""),
)
LEARNING_RATE = _number(1e-9, 10)
FACTOR = _number(1e-9, 1)
EPOCHS = _integer(1, 10_000)
ZOOMS = Rule(
    "a list of shares of the image's side, such as [1.0, 0.7], each from 0.5 to 1, or []",
    lambda value: (
        isinstance(value, list)
        and len(value) <= 16
        and all(_is_number(zoom) and 0.5 <= zoom <= 1 for zoom in value)
    ),
)
MILESTONES = Rule(
    "a list of increasing epochs, such as [1, 3, 5]",
    lambda value: (
        isinstance(value, list)
        and all(type(epoch) is int and epoch > 0 for epoch in value)
        and value == sorted(set(value))
    ),
)

SCHEDULERS: dict[str, dict[str, Rule]] = {
    "none": {"learning_rate": LEARNING_RATE},
    "step": {"learning_rate": LEARNING_RATE, "step_size": EPOCHS, "gamma": FACTOR},
    "multistep": {"learning_rate": LEARNING_RATE, "milestones": MILESTONES, "gamma": FACTOR},
    "exponential": {"learning_rate": LEARNING_RATE, "gamma": FACTOR},
    "cosine": {"learning_rate": LEARNING_RATE, "final_learning_rate": _number(0, 10)},
    "onecycle": {"learning_rate": LEARNING_RATE, "warmup": _number(0.01, 0.99)},
}


class Network(NamedTuple):
    """What a network needs: its smallest input in pixels, and what it can be trained for."""

    smallest: int
    objectives: tuple[str, ...]


NETWORKS = {"koch": Network(73, ("pairs",)), "ensemble": Network(32, ("contrastive",))}
# Of torchvision's; the stage `check` compares names and sizes with torchvision itself.
BACKBONE = Network(32, ("pairs", "contrastive"))
NAMES = re.compile(rf"{'|'.join(NETWORKS)}|{TORCHVISION}\w+")
# The scheduler that a recipe of this objective was tuned for; the listed pairs go with any.
SUITABLE = {"contrastive": "onecycle"}

# Of each dataclass, the ranges of its values. What is not here is a mapping with rules of its own.
RULES: dict[type, dict[str, Rule]] = {
    Parameters: {
        "dataset": _choice(*VARIANTS, "synthetic", FOLDER),
        "folder": PATH,
        "seed": SEED,
        "deterministic": BOOLEAN,
        "scheduler": _choice(*SCHEDULERS),
        "processes": _integer(1, 4096),
    },
    Split: {
        "validation": _number(0.01, 0.5),
        "person_disjoint": BOOLEAN,
        "validate_on": _choice("held_out", "training", "test"),
    },
    Recipe: {
        "network": Rule(
            f"one of {', '.join(NETWORKS)}, or {TORCHVISION}NAME, such as {TORCHVISION}resnet18",
            lambda value: isinstance(value, str) and NAMES.fullmatch(value) is not None,
        ),
        "objective": _choice(*BACKBONE.objectives),
        "augmentation": _choice("none", "koch", "faces"),
        "batch_size": _integer(1, 4096),
        "weight_decay": _number(0, 100),
        "max_epochs": EPOCHS,
        "patience": EPOCHS,
        "second_sigmoid": BOOLEAN,
        "pretrained": BOOLEAN,
    },
    Variant: {
        "scaling": _choice("unit", "bytes", "standardised"),
        "normalisation": _choice("before_relu", "after_relu"),
        "initialisation": _choice("torch", "koch"),
    },
    Image: {
        "crop": _integer(16, IMAGE_SIDE),
        "size": _integer(min(network.smallest for network in NETWORKS.values()), IMAGE_SIDE),
        "grayscale": BOOLEAN,
        "align": BOOLEAN,
    },
    Alignment: {
        "rotation": _number(0.01, 0.8),
        "scale": _number(0.01, 0.7),
        "shift": _number(0.01, 0.3),
        "images_per_person": _integer(1, 1000),
        "steps": _integer(10, 1_000_000),
        "batch_size": _integer(2, 4096),
        "learning_rate": LEARNING_RATE,
        "iterations": _integer(1, 10),
    },
    View2: {"scheduler": _choice(*SCHEDULERS)},
    People: {
        "test": _number(0.05, 0.5),
        "seed": SEED,
        "folds": _integer(2, 10),
        "pairs_per_person": _integer(1, 1000),
        "rejected": _number(0, 1),
    },
}
# What people call a key who come from other projects.
ALIASES = {
    "lr": "learning_rate",
    "wd": "weight_decay",
    "bs": "batch_size",
    "batch": "batch_size",
    "epochs": "max_epochs",
    "num_epochs": "max_epochs",
}


def check(values: Any, name: str = "params.yaml") -> Parameters:
    """Return the parameters of a parsed params.yaml.

    Raises:
        InputError: a key is unknown or missing, or its value is of the wrong type or out of range.
    """
    complaint = _in_dataclass(Parameters, values, "") or _together(values)
    if complaint:
        raise InputError(f"{name}: {complaint}")
    return parameters.build(values, name)


def of_torchvision(params: Parameters) -> dict[str, Recipe]:
    """Return the recipes in use, by name, whose networks are torchvision's."""
    used = {name: params.recipes[name] for name in (params.recipe, params.view2.recipe)}
    return {name: each for name, each in used.items() if each.network.startswith(TORCHVISION)}


def remark(params: Parameters) -> str | None:
    """Return a line on a scheduler that does not suit the recipe, or None."""
    suitable = SUITABLE.get(params.recipe_settings.objective)
    if suitable in (None, params.scheduler):
        return None
    rate = params.scheduler_settings["learning_rate"]
    return (
        f"recipe {params.recipe} was tuned for scheduler {suitable}; it now runs with scheduler "
        f"{params.scheduler} (learning rate {rate:g}). To use the other: -S scheduler={suitable}"
    )


def unused(params: Parameters) -> str | None:
    """Return a line on a folder that is named and not used, or None."""
    if params.folder is None or params.dataset == FOLDER:
        return None
    return f"folder is not used: dataset is {params.dataset}. To use it: -S dataset={FOLDER}"


def _in_dataclass(kind: type, values: Any, key: str) -> str | None:
    """Return what is wrong with the values of a dataclass, or None; key is "" for the file."""
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    missing = dataclasses.MISSING
    required = [each.name for each in fields if each.default is each.default_factory is missing]
    if complaint := _keys(values, list(hints), required, key, RULES.get(kind, {})):
        return complaint
    prefix = f"{key}." if key else ""
    for name, value in values.items():
        if complaint := _in_field(kind, name, hints[name], value, prefix + name):
            return complaint
    return None


def _in_field(kind: type, name: str, hint: Any, value: Any, key: str) -> str | None:
    if rule := RULES.get(kind, {}).get(name):
        return _value(rule, value, key)
    if dataclasses.is_dataclass(hint):
        return _in_dataclass(typing.cast(type, hint), value, key)
    if name == "schedulers":
        return _in_mapping(SCHEDULERS, value, key)
    if name == "streams":
        return _in_rules(dict.fromkeys(KINDS, ZOOMS), value, key, required=())
    if name == "recipes":
        if not isinstance(value, dict) or not value:
            return f"{key} is {value!r}; it takes a mapping of recipes by name"
        for recipe, settings in value.items():
            if complaint := _in_dataclass(Recipe, settings, f"{key}.{recipe}"):
                return complaint
    return None  # the name of a recipe: see `_together`


def _in_mapping(rules: Mapping[str, Mapping[str, Rule]], values: Any, key: str) -> str | None:
    if complaint := _keys(values, list(rules), list(rules), key, {}):
        return complaint
    for name, inner in rules.items():
        if complaint := _in_rules(inner, values[name], f"{key}.{name}", required=list(inner)):
            return complaint
    return None


def _in_rules(
    rules: Mapping[str, Rule], values: Any, key: str, required: typing.Sequence[str]
) -> str | None:
    if complaint := _keys(values, list(rules), required, key, rules):
        return complaint
    complaints = (_value(rules[name], value, f"{key}.{name}") for name, value in values.items())
    return next((complaint for complaint in complaints if complaint), None)


def _value(rule: Rule, value: Any, key: str) -> str | None:
    return None if rule.accepts(value) else f"{key} is {value!r}; it takes {rule.takes}"


def _keys(
    values: Any,
    known: typing.Sequence[str],
    required: typing.Sequence[str],
    key: str,
    rules: Mapping[str, Rule],
) -> str | None:
    """Return what is wrong with the keys of a mapping, or None."""
    if not isinstance(values, dict):
        return f"{key or 'the file'} is {values!r}; it takes a mapping of {', '.join(known)}"
    prefix = f"{key}." if key else ""
    for name in values:
        if name not in known:
            shown = name if str(name).isprintable() else repr(name)
            return f"unknown key {prefix}{shown}{_hint(str(name), known, prefix)}"
    for name in required:
        if name not in values:
            takes = f"; it takes {rules[name].takes}" if name in rules else ""
            return f"{prefix}{name} is missing{takes}"
    return None


def _hint(name: str, known: typing.Sequence[str], prefix: str) -> str:
    """Return which key may be meant, as the end of a sentence; nothing where none is near."""
    if near := difflib.get_close_matches(name, known, n=1):
        return f"; did you mean {prefix}{near[0]}?"
    meant = ALIASES.get(name, name)
    if meant in ("learning_rate",):
        return "; did you mean schedulers.NAME.learning_rate, of the scheduler in use?"
    if meant in RULES[Recipe]:
        return f"; did you mean recipes.NAME.{meant}, of the recipe in use?"
    return f"; it takes {', '.join(known)}"


def _together(values: dict[str, Any]) -> str | None:
    """Return which values do not fit together, or None; each by itself is in its range."""
    if values["dataset"] == FOLDER and values.get("folder") is None:
        return f"folder is None; dataset {FOLDER} takes {PATH.takes.removesuffix(', or null')}"
    names = _choice(*values["recipes"])
    for key, chosen in (("recipe", values["recipe"]), ("view2.recipe", values["view2"]["recipe"])):
        if complaint := _value(names, chosen, key):
            return complaint
    for name, recipe in values["recipes"].items():
        if complaint := _in_recipe(recipe, f"recipes.{name}"):
            return complaint
    validate_on = values["split"].get("validate_on", "held_out")
    objective = values["recipes"][values["recipe"]]["objective"]
    if validate_on == "training" and objective != "pairs":
        return (
            f"split.validate_on is 'training'; recipe {values['recipe']}, which learns from "
            "people's names, takes held_out or test"
        )
    batch_size = values["recipes"][values["recipe"]]["batch_size"]
    if (processes := values.get("processes", 1)) > batch_size:
        return (
            f"processes is {processes}; it takes recipes.{values['recipe']}.batch_size at most, "
            f"{batch_size} here"
        )
    return None


def _in_recipe(recipe: dict[str, Any], key: str) -> str | None:
    network, image, streams = recipe["network"], recipe["image"], recipe.get("streams") or {}
    smallest, objectives = NETWORKS.get(network, BACKBONE)
    if recipe["objective"] not in objectives:
        takes = " or ".join(objectives)
        return f"{key}.objective is {recipe['objective']!r}; network {network} takes {takes}"
    size = image["size"]
    if size < smallest:
        return f"{key}.image.size is {size}; network {network} takes an integer from {smallest}"
    for name in ("variant", "second_sigmoid"):
        if recipe.get(name) and network != "koch":
            return f"{key}.{name} is {recipe[name]!r}; only network koch takes it"
    if recipe.get("pretrained") and network in NETWORKS:
        return f"{key}.pretrained is True; only networks of torchvision take it"
    if network != "ensemble":
        return f"{key}.streams is {streams!r}; only an ensemble has streams" if streams else None
    if not any(streams.get(kind) for kind, stream in KINDS.items() if stream.learned):
        return f"{key}.streams is {streams!r}; it takes at least one learned stream (residual)"
    for kind, zooms in streams.items():
        if zooms and KINDS[kind].colour and image["grayscale"]:
            return f"{key}.image.grayscale is True; it takes false unless streams.{kind} is []"
        if any(round(size * zoom) < KINDS[kind].smallest for zoom in zooms):
            return (
                f"{key}.streams.{kind} is {zooms}; it takes shares of size, {size} here, that are "
                f"at least {KINDS[kind].smallest} pixels"
            )
    return None
