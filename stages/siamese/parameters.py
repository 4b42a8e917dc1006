"""params.yaml, checked as a whole before any work.

YAML is read as YAML 1.2, which is what DVC writes: there `6e-05` is a number.
"""

import dataclasses
import difflib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from siamese.errors import InputError

IMAGE_SIDE = 250  # of every variant of LFW, in pixels
# The smallest input of each network, in pixels: less leaves its last layers nothing to work on.
NETWORKS = {"koch": 73, "residual": 32}
PATCH = 26  # pixels along the side of what Fisher vectors are made of


class Rule(NamedTuple):
    """What a key takes, in words and as a test."""

    takes: str
    accepts: Callable[[Any], bool]


def _number(low: float, high: float) -> Rule:
    def accepts(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high

    return Rule(f"a number from {low:g} to {high:g}", accepts)


def _integer(low: int, high: int) -> Rule:
    return Rule(
        f"an integer from {low} to {high}",
        lambda value: type(value) is int and low <= value <= high,
    )


def _choice(*names: str) -> Rule:
    return Rule("one of " + ", ".join(names), lambda value: value in names)


BOOLEAN = Rule("true or false", lambda value: type(value) is bool)
LEARNING_RATE = _number(1e-9, 10)
FACTOR = _number(1e-9, 1)
EPOCHS = _integer(1, 10_000)


def _zooms(least: int) -> Rule:
    return Rule(
        "a list of shares of the image's side, such as [1.0, 0.7], each from 0.5 to 1"
        + ("" if least else ", or []"),
        lambda value: (
            isinstance(value, list)
            and least <= len(value) <= 16
            and all(type(zoom) in (int, float) and 0.5 <= zoom <= 1 for zoom in value)
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

IMAGE: dict[str, Any] = {
    "crop": _integer(16, IMAGE_SIDE),
    "size": _integer(min(NETWORKS.values()), IMAGE_SIDE),
    "grayscale": BOOLEAN,
}
RECIPE: dict[str, Any] = {
    "augmentation": _choice("none", "koch", "faces"),
    "batch_size": _integer(1, 4096),
    "weight_decay": _number(0, 100),
    "max_epochs": EPOCHS,
    "patience": EPOCHS,
}

CONTRASTIVE: dict[str, Any] = {
    "network": _choice("residual"),
    "objective": _choice("contrastive"),
    "image": {
        **IMAGE,
        "deep_zooms": _zooms(1),
        "linear_zooms": _zooms(1),
        "fisher_zooms": _zooms(0),
        "hue_zooms": _zooms(0),
        "likeness_zooms": _zooms(0),
    },
    **RECIPE,
}
RECIPES = ("koch", "contrastive", "quick", "large")

RULES: dict[str, Any] = {
    "dataset": _choice("lfw-deepfunneled", "lfw", "lfw-funneled", "synthetic"),
    "seed": _integer(0, 2**32 - 1),
    "split": {"validation": _number(0.01, 0.5), "person_disjoint": BOOLEAN},
    "deterministic": BOOLEAN,
    "recipe": _choice(*RECIPES),
    "recipes": {
        # A network and what it is trained for go together: one learns to decide on pairs, the
        # other's decision is fitted to its distances afterwards.
        "koch": {
            "network": _choice("koch"),
            "objective": _choice("pairs"),
            "image": IMAGE,
            **RECIPE,
        },
        **dict.fromkeys(RECIPES[1:], CONTRASTIVE),
    },
    "scheduler": _choice(*SCHEDULERS),
    "schedulers": SCHEDULERS,
    "view2": {"recipe": _choice(*RECIPES), "scheduler": _choice(*SCHEDULERS)},
}


@dataclass(frozen=True)
class Image:
    """How a photograph becomes the network's input.

    Attributes:
        crop: side of the centre crop, in pixels of the photograph.
        size: side of the network's input, in pixels.
        grayscale: luminance only.
        deep_zooms: what share of the input's side each deep stream of the network sees.
        linear_zooms: what share of the input's side each linear stream of the network sees.
        fisher_zooms: what share of the input's side each of its streams of Fisher vectors sees.
        hue_zooms: what share of the input's side each of its linear streams of hues sees.
        likeness_zooms: what share of the input's side each of its streams of likeness sees.
    """

    crop: int
    size: int
    grayscale: bool
    deep_zooms: tuple[float, ...] = ()
    linear_zooms: tuple[float, ...] = ()
    fisher_zooms: tuple[float, ...] = ()
    hue_zooms: tuple[float, ...] = ()
    likeness_zooms: tuple[float, ...] = ()

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Image":
        """Return the settings that YAML or JSON holds, whose lists become tuples."""
        fields: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**fields)

    @property
    def channels(self) -> int:
        """Return 1 for grayscale, 3 for colour."""
        return 1 if self.grayscale else 3


@dataclass(frozen=True)
class Split:
    """How the training pairs are divided into training and validation."""

    validation: float
    person_disjoint: bool


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what images, and how."""

    network: str
    objective: str
    image: Image
    augmentation: str
    batch_size: int
    weight_decay: float
    max_epochs: int
    patience: int


@dataclass(frozen=True)
class View2:
    """What View 2 trains, of its own choice, so that neither graph runs again for the other's."""

    recipe: str
    scheduler: str


@dataclass(frozen=True)
class Parameters:
    """The checked content of params.yaml."""

    dataset: str
    seed: int
    deterministic: bool
    split: Split
    recipe: str
    recipes: dict[str, Recipe]
    scheduler: str
    schedulers: dict[str, dict[str, Any]]
    view2: View2

    def in_use(self) -> dict[str, Any]:
        """Return all values but the settings of recipes and schedulers that are not chosen."""
        values = dataclasses.asdict(self) | {
            "recipes": dataclasses.asdict(self.recipe_settings),
            "schedulers": self.scheduler_settings,
        }
        del values["view2"]
        return values

    def for_view2(self) -> "Parameters":
        """Return the same with the recipe and the scheduler of View 2 chosen."""
        return dataclasses.replace(self, recipe=self.view2.recipe, scheduler=self.view2.scheduler)

    @property
    def recipe_settings(self) -> Recipe:
        """Return the settings of the chosen recipe."""
        return self.recipes[self.recipe]

    @property
    def scheduler_settings(self) -> dict[str, Any]:
        """Return the settings of the chosen scheduler, its learning rate included."""
        return self.schedulers[self.scheduler]


def _complaint(value: Any, rule: Any, key: str) -> str | None:
    """Return what is wrong with the value of a key, or None; the key is "" for the whole file."""
    if isinstance(rule, Rule):
        return None if rule.accepts(value) else f"{key} is {value!r}; it takes {rule.takes}"
    where = f"{key}." if key else ""
    if not isinstance(value, dict):
        return f"{key or 'the file'} is {value!r}; it takes a mapping of {', '.join(rule)}"
    for name in value:
        if name not in rule:
            near = difflib.get_close_matches(str(name), rule, n=1, cutoff=0)
            shown = name if str(name).isprintable() else repr(name)
            return f"unknown key {where}{shown}; did you mean {where}{near[0]}?"
    for name, inner in rule.items():
        if name not in value:
            takes = inner.takes if isinstance(inner, Rule) else "a mapping of " + ", ".join(inner)
            return f"{where}{name} is missing; it takes {takes}"
        if complaint := _complaint(value[name], inner, where + name):
            return complaint
    return None


def check(values: Any) -> Parameters:
    """Return the parameters of a parsed params.yaml.

    Raises:
        InputError: a key is unknown or missing, or its value is of the wrong type or out of range.
    """
    if complaint := _complaint(values, RULES, ""):
        raise InputError(f"params.yaml: {complaint}")
    recipes = {}
    for name, recipe in values["recipes"].items():
        smallest, size = NETWORKS[recipe["network"]], recipe["image"]["size"]
        if size < smallest:
            raise InputError(
                f"params.yaml: recipes.{name}.image.size is {size}; "
                f"network {recipe['network']} takes an integer from {smallest}"
            )
        if recipe["image"]["grayscale"] and recipe["image"].get("hue_zooms"):
            raise InputError(
                f"params.yaml: recipes.{name}.image.grayscale is True; "
                "it takes false unless hue_zooms is []"
            )
        zooms = recipe["image"].get("fisher_zooms", [])
        if any(round(size * zoom) < PATCH for zoom in zooms):
            raise InputError(
                f"params.yaml: recipes.{name}.image.fisher_zooms is {zooms}; it takes shares of "
                f"size, {size} here, that are {PATCH} pixels at least"
            )
        recipes[name] = Recipe(**{**recipe, "image": Image.of(recipe["image"])})
    return Parameters(
        **{
            **values,
            "recipes": recipes,
            "split": Split(**values["split"]),
            "view2": View2(**values["view2"]),
        }
    )


def parse(text: str, name: str) -> Parameters:
    """Return the parameters of a params.yaml's content; `name` is the file's, for messages.

    Raises:
        InputError: the text is not YAML, or see `check`.
    """
    try:
        values = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    return check(values)


def load(path: Path) -> Parameters:
    """Read and check params.yaml.

    Raises:
        InputError: the file is missing or not UTF-8 text, or see `parse`.
    """
    try:
        return parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the folder that holds dvc.yaml") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from None
