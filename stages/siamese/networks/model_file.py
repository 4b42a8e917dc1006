"""A trained network as one file: parameters, and all that is needed to use it again."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from siamese import atomic
from siamese.errors import InputError
from siamese.networks.contract import Network
from siamese.networks.ensemble import Ensemble
from siamese.networks.koch import KochNetwork
from siamese.parameters import Image, Recipe, Variant


@dataclass(frozen=True)
class Settings:
    """What the file says besides the parameters.

    Attributes:
        network: "koch" or "ensemble".
        image: the network's input.
        streams: of an ensemble, as in `Recipe`.
        threshold: the logit from which on two images show different persons, of the highest
            accuracy on the validation pairs.
        variant: of the Koch network, as in `Recipe`.
    """

    network: str
    image: Image
    streams: dict[str, tuple[float, ...]]
    threshold: float
    variant: Variant = field(default_factory=Variant)

    @classmethod
    def of(cls, recipe: Recipe, threshold: float) -> "Settings":
        """Return the settings of a network that was trained by a recipe."""
        streams = dict(recipe.streams)
        return cls(recipe.network, recipe.image, streams, threshold, recipe.variant)

    @classmethod
    def from_json(cls, values: Any) -> "Settings":
        """Return the settings that `dataclasses.asdict` gave as JSON."""
        streams = {kind: tuple(zooms) for kind, zooms in values["streams"].items()}
        image, variant = Image(**values["image"]), Variant(**values["variant"])
        return cls(values["network"], image, streams, float(values["threshold"]), variant)


def make(settings: Recipe | Settings) -> Network:
    """Return a new network of these settings, its tensors channels last."""
    size, channels = settings.image.size, settings.image.channels
    network: Network
    if settings.network == "koch":
        network = KochNetwork(size, channels, settings.variant)
    elif settings.network == "ensemble":
        network = Ensemble(size, channels, settings.streams)
    else:
        raise ValueError(f"unknown network {settings.network!r}")
    return network.to(memory_format=torch.channels_last)


def save(network: Network, settings: Settings, path: Path) -> None:
    """Write a network with its settings; the file holds tensors and text, never code."""
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    # One entry: safetensors writes several in an order that changes from run to run.
    metadata = {"settings": json.dumps(dataclasses.asdict(settings))}
    with atomic.writing(path) as partial:
        try:
            save_file(state, partial, metadata)
        except SafetensorError as error:
            raise OSError(None, f"cannot be written: {error}", str(path)) from error


def load(path: Path) -> tuple[Network, Settings]:
    """Return the network, on the CPU and in evaluation mode, and its settings.

    Raises:
        InputError: not a file that `save` wrote.
    """
    try:
        with safe_open(path, framework="pt") as file:
            settings = Settings.from_json(json.loads((file.metadata() or {})["settings"]))
            network = make(settings)
            names = file.keys()
            network.load_state_dict({name: file.get_tensor(name) for name in names})
    except (
        *(SafetensorError, OSError, RuntimeError, TypeError, KeyError, ValueError),
        *(AttributeError, ImportError),
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a model file of this project: {reason}") from None
    return network.eval(), settings
