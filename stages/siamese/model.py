"""A trained network as one file: parameters and all that is needed to use it again."""

import dataclasses
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from siamese import atomic
from siamese.errors import InputError
from siamese.network import SiameseNetwork
from siamese.parameters import Image
from siamese.residual import ResidualNetwork

Network = SiameseNetwork | ResidualNetwork


def make(name: str, image: Image) -> Network:
    """Return a new network of that name for images with those settings, channels last."""
    network: Network
    if name == "koch":
        network = SiameseNetwork(image.size, image.channels)
    elif name == "residual":
        network = ResidualNetwork(
            image.size,
            image.channels,
            image.deep_zooms,
            image.linear_zooms,
            image.fisher_zooms,
            image.hue_zooms,
            image.likeness_zooms,
        )
    else:
        raise ValueError(f"unknown network {name!r}")
    return network.to(memory_format=torch.channels_last)


def save(network: Network, image: Image, path: Path) -> None:
    """Write a network with its image settings; the file holds tensors and text, never code."""
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    name = "koch" if isinstance(network, SiameseNetwork) else "residual"
    settings = {"network": name, "image": dataclasses.asdict(image)}
    # One entry: safetensors writes several in an order that changes from run to run.
    with atomic.writing(path) as partial:
        save_file(state, partial, {"settings": json.dumps(settings)})


def load(path: Path) -> tuple[Network, Image]:
    """Return the network, on the CPU and in evaluation mode, and its image settings.

    Raises:
        InputError: not a file that `save` wrote.
    """
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["settings"])
            image = Image.of(settings["image"])
            network = make(settings["network"], image)
            names = file.keys()
            network.load_state_dict({name: file.get_tensor(name) for name in names})
    except (
        *(SafetensorError, OSError, RuntimeError, TypeError, KeyError, ValueError),
        AttributeError,
    ) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: not a model file of this project: {reason}") from None
    return network.eval(), image
