"""Any classification network of torchvision as the twin, its last layer replaced by an embedding.

Source: https://docs.pytorch.org/vision/stable/models.html
"""

import difflib
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import models

from siamese.errors import InputError
from siamese.networks import calibration
from siamese.networks.contract import Network
from siamese.parameters import IMAGE_SIDE, TORCHVISION, Recipe

EMBEDDING_SIZE = 256  # of an image
# Of the running averages of batch normalisation, at least. Training takes hundreds of steps: with
# MNASNet's own 0.0003, or MobileNet's 0.01, the averages would stay near where they start.
MOMENTUM = 0.1
# What networks take the size of their images when they are made, by the beginning of their names.
# All others take any size that is large enough.
SIZED: dict[str, Callable[[int], dict[str, Any]]] = {
    "vit_": lambda size: {"image_size": size},
    "maxvit_": lambda size: {"input_size": (size, size)},
}
SIZES = (64, 96, 112, 128, 160, 192, 224)  # to suggest where an image is too small


def check(recipe: Recipe) -> None:
    """Check that torchvision has a recipe's network, and that it takes the recipe's images.

    Raises:
        InputError: it has not, or it does not.
    """
    name, size = _known(recipe.network), recipe.image.size
    if recipe.pretrained and _sized(name, size):
        least = max(_weights(name).meta["min_size"])
        if size != least:
            raise InputError(
                f"image.size is {size}; the pretrained weights of network {recipe.network} take "
                f"{least}" + (f", more than the images' {IMAGE_SIDE}" * (least > IMAGE_SIDE))
            )
    if reason := _misfit(name, size):
        fit = next((each for each in SIZES if each > size and _misfit(name, each) is None), None)
        raise InputError(
            f"image.size is {size}, which network {recipe.network} does not take ({reason})"
            + (f"; it takes {fit}" if fit else "")
        )


def _known(network: str) -> str:
    """Return torchvision's name of a network; raise InputError if there is none."""
    name = network.removeprefix(TORCHVISION)
    if name not in (names := models.list_models(module=models)):
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or ["resnet18"]
        meant = ", ".join(TORCHVISION + each for each in near)
        raise InputError(f"torchvision has no network {name!r} for classification, but {meant}")
    return name


def _weights(name: str) -> models.WeightsEnum:
    """Return the weights that torchvision takes as the best for a network."""
    best: models.WeightsEnum = models.get_model_weights(name).DEFAULT
    return best


def _sized(name: str, size: int) -> dict[str, Any]:
    found = (settings(size) for start, settings in SIZED.items() if name.startswith(start))
    return next(found, {})


def _misfit(name: str, size: int) -> str | None:
    """Return why a network does not take images of a size, or None if it does."""
    # Without memory and computation, but for RegNets, which compute their widths.
    device = torch.device("cpu" if name.startswith("regnet") else "meta")
    try:
        with device, torch.no_grad():
            build(name, size, None).eval()(torch.zeros(1, 3, size, size))
    except (RuntimeError, ValueError, AssertionError) as error:
        return str(error).splitlines()[0]
    return None


def build(name: str, size: int, weights: models.WeightsEnum | None) -> nn.Module:
    """Return a network from images (n, 3, size, size) to embeddings (n, 256)."""
    with warnings.catch_warnings():
        # GoogLeNet and Inception announce another initialisation.
        warnings.simplefilter("ignore", FutureWarning)
        model: nn.Module = models.get_model(name, weights=weights, **_sized(name, size))
    if hasattr(model, "aux_logits"):  # the same two: no classifiers halfway, input as all others'
        parts = {"aux1", "aux2", "AuxLogits"} & dict(model.named_children()).keys()
        changes = {"aux_logits": False, "transform_input": True, **dict.fromkeys(parts)}
        for attribute, value in changes.items():
            setattr(model, attribute, value)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = max(MOMENTUM, module.momentum or MOMENTUM)
    layers = [each for each in model.named_modules() if isinstance(each[1], nn.Linear | nn.Conv2d)]
    path, last = layers[-1]
    embedding: nn.Module
    if isinstance(last, nn.Conv2d):  # SqueezeNet's
        embedding = nn.Conv2d(last.in_channels, EMBEDDING_SIZE, 1)
    else:
        embedding = nn.Linear(last.in_features, EMBEDDING_SIZE)
    parent, _, child = path.rpartition(".")
    setattr(model.get_submodule(parent), child, embedding)
    return model


def _download(name: str) -> models.WeightsEnum:
    """Return a network's pretrained weights, which are then in torch's cache.

    Raises:
        InputError: they cannot be downloaded, or their file is damaged.
    """
    weights = _weights(name)
    try:
        weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        cache = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(weights.url).path).name
        raise InputError(
            f"no pretrained weights for network {TORCHVISION}{name}: {reason}; {weights.url} "
            f"belongs at {cache}"
        ) from None
    return weights


class Backbone(Network):
    """What both networks below share.

    Args:
        network: "torchvision/" and torchvision's name of it.
        image_size: side of the square images in pixels.
        pretrained: from torchvision's pretrained weights, which may be downloaded; otherwise from
            random ones.

    Raises:
        InputError: torchvision has no such network, or its weights cannot be had.
    """

    def __init__(self, network: str, image_size: int, pretrained: bool = False) -> None:
        super().__init__()
        name = _known(network)
        weights = _download(name) if pretrained else None
        if weights is not None:
            self.outside_data = f"{', '.join(weights.meta['_metrics'])} ({weights})"
        self.twin = nn.Sequential(build(name, image_size, weights), nn.BatchNorm1d(EMBEDDING_SIZE))
        # Random weights take the same input as pretrained ones.
        expected = _weights(name).transforms()
        self.mean: Tensor
        self.deviation: Tensor
        for buffer, values in (("mean", expected.mean), ("deviation", expected.std)):
            self.register_buffer(buffer, torch.tensor(values)[:, None, None])

    def _embed(self, images: Tensor) -> Tensor:
        """Return (n, 256) for images (n, channels, size, size); gray ones are gray in colour."""
        in_colour = images.expand(-1, 3, -1, -1)
        embeddings: Tensor = self.twin((in_colour - self.mean) / self.deviation)
        return embeddings


class PairBackbone(Backbone):
    """Twins of which the L1 distance decides, as in the Koch network; for listed pairs.

    See `Backbone` for the arguments.
    """

    def __init__(self, network: str, image_size: int, pretrained: bool = False) -> None:
        super().__init__(network, image_size, pretrained)
        self.decision = nn.Linear(EMBEDDING_SIZE, 1)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 256) of images (n, channels, size, size), float32."""
        return self._embed(images)

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 256) twice."""
        logits: Tensor = self.decision((first - second).abs())
        return logits.squeeze(1)


class ContrastiveBackbone(Backbone):
    """Twins of which the cosine decides, after logistic regression; for people's names.

    See `Backbone` for the arguments.
    """

    def __init__(self, network: str, image_size: int, pretrained: bool = False) -> None:
        super().__init__(network, image_size, pretrained)
        # The logit of "different persons" is slope · cosine + intercept; see `calibrate`.
        self.slope: Tensor
        self.intercept: Tensor
        self.register_buffer("slope", torch.tensor(0.0))
        self.register_buffer("intercept", torch.tensor(0.0))

    def set_closed_form(self, load: Callable[[Tensor], Tensor], people: Tensor) -> None:
        """Do nothing: all is learned step by step."""

    def embed_learned(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 1, 256) of length 1; in evaluation with the mirror images'."""
        embeddings = F.normalize(self._embed(images))
        if not self.training:
            mirrored = F.normalize(self._embed(images.flip(3)))
            embeddings = F.normalize(embeddings + mirrored)
        return embeddings[:, None]

    def embed_closed_form(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 0): there are none."""
        return images.new_empty(images.shape[0], 0)

    def embed(self, images: Tensor) -> Tensor:
        """Return embeddings (n, 256), each of length 1."""
        return self.embed_learned(images).flatten(1)

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return logits (n,) of "different persons" for embeddings (n, 256) twice."""
        return (first * second).sum(dim=1) * self.slope + self.intercept

    def calibrate(self, first: Tensor, second: Tensor, labels: NDArray[np.integer]) -> None:
        """Fit slope and intercept by logistic regression; see `EmbeddingNetwork`."""
        cosines = (first * second).sum(dim=1, keepdim=True)
        slopes, intercept = calibration.fit(cosines, labels)
        self.slope.copy_(slopes[0])
        self.intercept.copy_(intercept)


# By the objective that they are trained for.
BACKBONES = {"pairs": PairBackbone, "contrastive": ContrastiveBackbone}
