"""A trained network as one file: parameters, and all that is needed to use it again."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from siamese import atomic
from siamese.alignment.network import AlignmentNetwork
from siamese.errors import InputError
from siamese.networks.contract import Network
from siamese.networks.ensemble import Ensemble
from siamese.networks.koch import KochNetwork
from siamese.parameters import TORCHVISION, Alignment, Image, Recipe, Variant

FORMAT = 3  # of the file, and of what its tensors mean
# What the names of its tensors begin with.
NETWORK, ALIGNMENT, VALIDATION = "network.", "alignment.", "validation."


class Validation(NamedTuple):
    """A network's scores of the validation pairs, from which error rates are measured.

    Attributes:
        same: (n,) float32, of pairs of one person.
        different: (m,) float32, of pairs of different persons.
    """

    same: NDArray[np.float32]
    different: NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """What the file says besides the parameters.

    Attributes:
        network: as in `Recipe`.
        image: the network's input.
        streams: of an ensemble, as in `Recipe`.
        threshold: the logit from which on two images show different persons, of the highest
            accuracy on the validation pairs.
        variant: of the Koch network, as in `Recipe`.
        trained: for people: data set, recipe, scheduler and seed of the training, and
            outside data, if any.
        objective: of a network of torchvision, as in `Recipe`.
    """

    network: str
    image: Image
    streams: dict[str, tuple[float, ...]]
    threshold: float
    variant: Variant = field(default_factory=Variant)
    trained: dict[str, Any] = field(default_factory=dict)
    objective: str | None = None

    @classmethod
    def of(
        cls, recipe: Recipe, threshold: float, trained: dict[str, Any] | None = None
    ) -> "Settings":
        """Return the settings of a network that was trained by a recipe."""
        streams = dict(recipe.streams)
        of_torchvision = recipe.network.startswith(TORCHVISION)
        return cls(
            *(recipe.network, recipe.image, streams, threshold, recipe.variant, trained or {}),
            objective=recipe.objective if of_torchvision else None,
        )

    @classmethod
    def from_json(cls, values: Any) -> "Settings":
        """Return the settings that `dataclasses.asdict` gave as JSON."""
        streams = {kind: tuple(zooms) for kind, zooms in values["streams"].items()}
        image, variant = Image(**values["image"]), Variant(**values["variant"])
        threshold, trained = float(values["threshold"]), dict(values["trained"])
        objective = values.get("objective")  # which earlier files lack
        return cls(values["network"], image, streams, threshold, variant, trained, objective)


class Model(NamedTuple):
    """What a model file holds; see `save`."""

    network: Network
    settings: Settings
    aligner: AlignmentNetwork | None
    validation: Validation | None


def make(settings: Recipe | Settings) -> Network:
    """Return a new network of these settings, its tensors channels last.

    A recipe's starts from the weights that the recipe wants, which may be downloaded.

    Raises:
        InputError: see `backbone`.
    """
    size, channels = settings.image.size, settings.image.channels
    network: Network
    if settings.network == "koch":
        network = KochNetwork(size, channels, settings.variant)
    elif settings.network == "ensemble":
        network = Ensemble(size, channels, settings.streams)
    elif settings.network.startswith(TORCHVISION):
        from siamese.networks import backbone  # and torchvision, which the others do not need

        pretrained = isinstance(settings, Recipe) and settings.pretrained
        network = backbone.BACKBONES[settings.objective or ""](settings.network, size, pretrained)
    else:
        raise ValueError(f"unknown network {settings.network!r}")
    return network.to(memory_format=torch.channels_last)


def save(
    network: Network,
    settings: Settings,
    path: Path,
    aligner: AlignmentNetwork | None = None,
    validation: Validation | None = None,
) -> None:
    """Write a network with all that using it needs; the file holds tensors and text, never code.

    Args:
        network: trained.
        settings: of the network.
        path: file to write.
        aligner: the network that aligned its training images, if any.
        validation: its scores of the validation pairs.
    """
    state = {f"{NETWORK}{name}": tensor for name, tensor in network.state_dict().items()}
    if aligner is not None:
        aligned = aligner.state_dict().items()
        state |= {f"{ALIGNMENT}{name}": tensor for name, tensor in aligned}
    if validation is not None:
        scores = validation._asdict().items()
        state |= {f"{VALIDATION}{name}": torch.from_numpy(values) for name, values in scores}
    values = dataclasses.asdict(settings)
    values |= {"alignment": aligner and dataclasses.asdict(aligner.settings), "format": FORMAT}
    # One entry: safetensors writes several in an order that changes from run to run.
    metadata = {"settings": json.dumps(values)}
    contiguous = {name: tensor.contiguous() for name, tensor in state.items()}
    with atomic.writing(path) as partial:
        try:
            save_file(contiguous, partial, metadata)
        except SafetensorError as error:
            raise OSError(None, f"cannot be written: {error}", str(path)) from error


def load(path: Path) -> tuple[Network, Settings]:
    """Return the network, on the CPU and in evaluation mode, and its settings; see `load_all`."""
    model = load_all(path)
    return model.network, model.settings


def load_all(path: Path) -> Model:
    """Return what a model file holds, on the CPU and in evaluation mode.

    Raises:
        InputError: not a file that `save` wrote, or one of another version of this project.
    """
    try:
        with safe_open(path, framework="pt") as file:
            values = json.loads((file.metadata() or {})["settings"])
            if (found := values.get("format")) != FORMAT:
                raise ValueError(
                    f"its format is {found}, not {FORMAT}: train again with this version"
                )
            settings = Settings.from_json(values)
            network = make(settings)
            network.load_state_dict(_part(file, NETWORK))
            aligner = None
            if values["alignment"] is not None:
                aligner = AlignmentNetwork(Alignment(**values["alignment"]))
                aligner.load_state_dict(_part(file, ALIGNMENT))
                aligner.eval()
            scores = {name: tensor.numpy() for name, tensor in _part(file, VALIDATION).items()}
            validation = Validation(**scores) if scores else None
    except (
        *(SafetensorError, OSError, RuntimeError, TypeError, KeyError, ValueError),
        *(AttributeError, ImportError, InputError),
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a model file of this project: {reason}") from None
    return Model(network.eval(), settings, aligner, validation)


def _part(file: Any, prefix: str) -> dict[str, torch.Tensor]:
    names = (name for name in file.keys() if name.startswith(prefix))  # noqa: SIM118
    return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
