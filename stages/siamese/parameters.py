"""params.yaml as frozen dataclasses: the one description of what the file holds.

A stage reads the file here and trusts its values. The first stage, `check`, has compared them with
the ranges in `siamese.rules`, which no other stage depends on.
"""

import dataclasses
import os
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from siamese.errors import InputError

IMAGE_SIDE = 250  # of every variant of LFW, in pixels
FOLDER = "folder"  # the dataset that is people's photographs in a folder of one's own
TORCHVISION = "torchvision/"  # before the name of a network of torchvision


@dataclass(frozen=True)
class Image:
    """How a photograph becomes the network's input.

    Attributes:
        crop: side of the centre crop, in pixels of the photograph.
        size: side of the network's input, in pixels.
        grayscale: luminance only.
        align: the crop is taken after the photograph is aligned; see `Alignment`.
    """

    crop: int
    size: int
    grayscale: bool
    align: bool = False

    @property
    def channels(self) -> int:
        """Return 1 for grayscale, 3 for colour."""
        return 1 if self.grayscale else 3


@dataclass(frozen=True)
class Split:
    """How the training pairs, or people, are divided into training and validation.

    Attributes:
        validation: share of the pairs, or people, that is held out.
        person_disjoint: nobody of the validation pairs is in a training pair.
        validate_on: "held_out"; "training": the held-out pairs are learned from as well; "test":
            the test pairs choose the epoch and the threshold, which flatters them.
    """

    validation: float
    person_disjoint: bool
    validate_on: str = "held_out"


@dataclass(frozen=True)
class Variant:
    """What the experiment's report leaves open of the Koch network.

    Attributes:
        scaling: of the input: "unit", to [0, 1]; "bytes", to [0, 255]; "standardised", each image
            to mean 0 and standard deviation 1.
        normalisation: of a batch "before_relu" or "after_relu".
        initialisation: "torch", PyTorch's own, or "koch", that of the paper.
    """

    scaling: str = "unit"
    normalisation: str = "before_relu"
    initialisation: str = "torch"


@dataclass(frozen=True)
class Recipe:
    """What is trained, on what images, and how.

    Attributes:
        network: "koch", "ensemble" or "torchvision/" and the name of a network there.
        objective: "pairs" or "contrastive".
        image: the network's input.
        augmentation: a key of `siamese.training.augmentation.AUGMENTATIONS`.
        batch_size: pairs (contrastive: people with several images) in a batch.
        weight_decay: of the objective's optimizer.
        max_epochs: training ends here at the latest.
        patience: epochs without a lower validation loss after which it ends.
        streams: of an ensemble: by kind, the share of the image's side that each stream sees.
        variant: of the Koch network.
        second_sigmoid: objective "pairs": the loss applies a sigmoid to the network's probability,
            as PyTorch's `BCEWithLogitsLoss` does where it is given one.
        pretrained: a network of torchvision starts from weights learned on outside data.
    """

    network: str
    objective: str
    image: Image
    augmentation: str
    batch_size: int
    weight_decay: float
    max_epochs: int
    patience: int
    streams: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    variant: Variant = field(default_factory=Variant)
    second_sigmoid: bool = False
    pretrained: bool = False


@dataclass(frozen=True)
class Alignment:
    """How the alignment network is trained and used, for recipes with `image.align`.

    Attributes:
        rotation: largest displacement that is learned, either way, in radians.
        scale: the same of the scale, as its natural logarithm.
        shift: the same of the position, right and down, as a share of the image's side.
        images_per_person: of a training person, at most.
        steps: of the training.
        batch_size: images of a step.
        learning_rate: the highest one.
        iterations: estimates for each image.
    """

    rotation: float = 0.3
    scale: float = 0.2
    shift: float = 0.1
    images_per_person: int = 3
    steps: int = 1500
    batch_size: int = 64
    learning_rate: float = 0.002
    iterations: int = 2


@dataclass(frozen=True)
class View2:
    """View 2's own choice of recipe and scheduler: neither graph re-runs for the other's."""

    recipe: str
    scheduler: str


@dataclass(frozen=True)
class People:
    """How the people of dataset "folder" are divided and paired.

    Attributes:
        test: share of the people that is tested.
        seed: decides who they are, and who is in which fold: not the run's own, so that runs of
            several seeds are tested on the same pairs.
        folds: of the cross-validation.
        pairs_per_person: same pairs of one person in the lists of test pairs, at most.
        rejected: share of the files that may be of no use.
    """

    test: float = 0.2
    seed: int = 0
    folds: int = 10
    pairs_per_person: int = 10
    rejected: float = 0.1


@dataclass(frozen=True)
class Parameters:
    """The content of params.yaml."""

    dataset: str
    seed: int
    deterministic: bool
    split: Split
    recipe: str
    recipes: Mapping[str, Recipe]
    scheduler: str
    schedulers: Mapping[str, Mapping[str, Any]]
    view2: View2
    alignment: Alignment = field(default_factory=Alignment)
    processes: int = 1  # that train together
    folder: str | None = None
    people: People = field(default_factory=People)

    @property
    def recipe_settings(self) -> Recipe:
        """Return the settings of the chosen recipe."""
        return self.recipes[self.recipe]

    @property
    def scheduler_settings(self) -> Mapping[str, Any]:
        """Return the settings of the chosen scheduler, its learning rate included."""
        return self.schedulers[self.scheduler]

    def for_view2(self) -> "Parameters":
        """Return the same with View 2's choice, always person-disjoint and in one process."""
        split = Split(self.split.validation, person_disjoint=True)
        recipe, scheduler = self.view2.recipe, self.view2.scheduler
        return dataclasses.replace(
            self, split=split, recipe=recipe, scheduler=scheduler, processes=1
        )

    def in_use(self) -> dict[str, Any]:
        """Return what decides a run: all but the recipes and schedulers that are not chosen."""
        aligned = self.recipe_settings.image.align
        return {
            "dataset": self.dataset,
            "seed": self.seed,
            "deterministic": self.deterministic,
            "split": given(self.split),
            "recipe": self.recipe,
            "recipe_settings": given(self.recipe_settings),
            "scheduler": self.scheduler,
            "scheduler_settings": dict(self.scheduler_settings),
            **({"alignment": dataclasses.asdict(self.alignment)} if aligned else {}),
            **({"processes": self.processes} if self.processes > 1 else {}),
            **({"people": dataclasses.asdict(self.people)} if self.dataset == FOLDER else {}),
        }


def folder_name(folder: str | None) -> str:
    """Return what figures call a folder or archive: its name, without where it lies."""
    return Path(os.path.normpath(folder or "")).name


def given(settings: Any) -> dict[str, Any]:
    """Return the values of a dataclass, nested ones as mappings, without those that are defaults.

    So a key that is new, and has a default, does not make other runs of earlier ones.
    """
    values = {}
    for each in dataclasses.fields(settings):
        value, factory = getattr(settings, each.name), each.default_factory
        default = each.default if factory is dataclasses.MISSING else factory()
        if value != default:
            values[each.name] = given(value) if dataclasses.is_dataclass(value) else value
    return values


class _Loader(yaml.SafeLoader):
    """Reads YAML as DVC does, by the rules of YAML 1.2: no key twice, and 1e-4 is a number."""

    yaml_implicit_resolvers = {}  # noqa: RUF012

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; raise ConstructorError if it has a key twice."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            message = f"the key {twice[0]!r} is given twice"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return an integer: 017 is seventeen, unlike in YAML 1.1."""
        digits = self.construct_scalar(node).replace("_", "")
        prefix = digits.lstrip("-+")[:2]
        return int(digits, {"0b": 2, "0o": 8, "0x": 16}.get(prefix, 10))

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """Return a number, infinite and undefined ones included."""
        digits = self.construct_scalar(node).replace("_", "").lower()
        return float(digits.replace(".inf", "inf").replace(".nan", "nan"))


# What a plain scalar is, as the reader that DVC uses has it (ruamel.yaml's resolver, YAML 1.2). By
# PyYAML's own rules, YAML 1.1, 6e-05 is text, "no" is false and 1:30 is ninety.
_SCALARS = {
    "bool": ("true|True|TRUE|false|False|FALSE", "tTfF"),
    "float": (
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "int": (
        "[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+",
        "-+0123456789",
    ),
    "merge": ("<<", "<"),
    "null": ("~|null|Null|NULL|", ("~", "n", "N", "")),
    "value": ("=", "="),
}
for _name, (_pattern, _first) in _SCALARS.items():
    _tag = f"tag:yaml.org,2002:{_name}"
    _Loader.add_implicit_resolver(_tag, re.compile(f"(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def parse(text: str, name: str) -> Any:
    """Return what a YAML text holds; `name` is the file's, for messages.

    Raises:
        InputError: the text is not YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{name}: not YAML: {' '.join(str(error).split())}") from None


def read_text(path: Path) -> str:
    """Return the content of params.yaml.

    Raises:
        InputError: the file is missing or not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run from the folder that holds dvc.yaml") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text at byte {error.start}") from None


def build(values: Any, name: str) -> Parameters:
    """Return the parameters of a parsed params.yaml; ranges are `siamese.rules`' to check.

    Raises:
        InputError: a key is missing or unknown, or a mapping is expected and not found.
    """
    try:
        built: Parameters = _build(Parameters, values)
    except (TypeError, AttributeError, KeyError, ValueError) as error:
        raise InputError(f"{name}: {error}; `dvc repro check` names the key") from None
    return built


def _build(kind: Any, value: Any) -> Any:
    """Return a value as a type of the dataclasses above: nested mappings and tuples."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{name: _build(hints.get(name), inner) for name, inner in value.items()})
    if typing.get_origin(kind) is Mapping:
        return {name: _build(typing.get_args(kind)[1], inner) for name, inner in value.items()}
    return tuple(value) if typing.get_origin(kind) is tuple else value


def refuse_edited(before: Parameters, now: Parameters, path: Path) -> None:
    """Raise InputError if params.yaml was edited while a stage ran.

    DVC notes a stage's parameters as they are when it ends, so that it would take the result for
    one of the new values.

    Args:
        before: the parameters that the stage ran with.
        now: those of the file at its end.
        path: of the file, for the message.
    """
    if before.in_use() != now.in_use():
        raise InputError(
            f"{path} was edited while training ran, and DVC would take this network for one of the "
            "new values; run again to train with them, or set them back to continue from here"
        )


def read(path: Path) -> Parameters:
    """Return the parameters of a params.yaml that `check` has passed.

    Raises:
        InputError: see `read_text`, `parse` and `build`.
    """
    return build(parse(read_text(path), str(path)), str(path))
