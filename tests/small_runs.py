"""Training runs of a second: twelve small images of four people, and networks of few parameters."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from siamese import parameters
from siamese.dataset.pairs import PairRows
from siamese.dataset.people import ImagesOfPeople
from siamese.networks import koch, model_file
from siamese.networks.koch import KochNetwork
from siamese.parameters import Image, Parameters
from siamese.rules import NETWORKS
from siamese.training import objectives
from siamese.training.loop import train
from siamese.training.objectives import PairObjective
from siamese.training.run import Epoch, Run

SIZE = NETWORKS["koch"].smallest
PARAMS = parameters.read(Path(__file__).parents[1] / "params.yaml")
STREAMS = {"residual": (1.0,), "gradients": (1.0,)}

TRAINING = PairRows(
    rows=np.array([[0, 1], [3, 4], [6, 7], [0, 3], [4, 6], [7, 1]]),
    labels=np.array([0, 0, 0, 1, 1, 1]),
)
VALIDATION = PairRows(
    rows=np.array([[0, 2], [3, 5], [6, 8], [2, 5], [5, 8], [8, 2]]),
    labels=np.array([0, 0, 0, 1, 1, 1]),
)
# Three people with three images, one with two, one with a single image.
PEOPLE = ImagesOfPeople(np.arange(12), [f"p{row // 3}" for row in range(11)] + ["p4"])


def faces(size: int = SIZE) -> Tensor:
    """Return 12 images of 4 people: each person a pattern, each image with noise."""
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 256, (4, 1, SIZE, SIZE))
    noise = generator.normal(0, 40, (4, 3, SIZE, SIZE))
    images = (patterns + noise).clip(0, 255).astype(np.uint8).reshape(12, SIZE, SIZE)
    if size == SIZE:
        return torch.from_numpy(images)
    return F.interpolate(torch.from_numpy(images)[:, None].float(), size)[:, 0].byte()


def settings(
    *,
    max_epochs: int = 3,
    patience: int = 3,
    seed: int = 0,
    scheduler: str = "none",
    weight_decay: float = 0.0,
) -> Parameters:
    """Return parameters with a small recipe for listed pairs."""
    recipe = dataclasses.replace(
        PARAMS.recipes["koch"],
        batch_size=4,
        max_epochs=max_epochs,
        patience=patience,
        weight_decay=weight_decay,
    )
    return dataclasses.replace(PARAMS, recipes={"koch": recipe}, seed=seed, scheduler=scheduler)


def settings_of_streams(
    streams: Mapping[str, tuple[float, ...]] = STREAMS,
    *,
    max_epochs: int = 3,
    patience: int = 3,
    batch_size: int = 2,
    scheduler: str = "onecycle",
) -> Parameters:
    """Return parameters with a small recipe for people's names, whose images are varied."""
    recipe = dataclasses.replace(
        PARAMS.recipes["contrastive"],
        image=Image(crop=250, size=32, grayscale=True),
        streams=streams,
        batch_size=batch_size,
        max_epochs=max_epochs,
        patience=patience,
    )
    return dataclasses.replace(
        PARAMS, recipe="contrastive", recipes={"contrastive": recipe}, scheduler=scheduler
    )


def small_koch() -> KochNetwork:
    """Return a network with a quarter of its filters: what is tested is how it is trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(koch, "CONVOLUTIONS", ((16, 10), (32, 7), (32, 4), (64, 4)))
        patch.setattr(koch, "EMBEDDING_SIZE", 1024)
        return KochNetwork(SIZE).to(memory_format=torch.channels_last)


def start(params: Parameters) -> Run:
    """Return a new run of listed pairs."""
    torch.manual_seed(params.seed)
    return Run(small_koch(), PairObjective(faces(), TRAINING, 4, None), params)


def start_of_streams(params: Parameters) -> Run:
    """Return a new run of people's names, which is not prepared yet."""
    torch.manual_seed(params.seed)
    network = model_file.make(params.recipe_settings)
    return Run(network, objectives.make(params.recipe_settings, faces(32), PEOPLE), params)


def prepared(params: Parameters) -> Run:
    """Return a new run of people's names whose closed-form streams are set."""
    run = start_of_streams(params)
    run.objective.prepare(run.network)
    run.prepared = True
    return run


def images_of(run: Run) -> Tensor:
    """Return the images that fit a run's network."""
    return faces(SIZE if isinstance(run.network, KochNetwork) else 32)


def finish(run: Run) -> Run:
    """Train until the end; return the run."""
    for _ in train(run, images_of(run), VALIDATION):
        pass
    return run


def without_seconds(epochs: list[Epoch]) -> list[Epoch]:
    """Return epochs without the time that they took, which no run repeats."""
    return [dataclasses.replace(epoch, seconds=0) for epoch in epochs]


def assert_equal_runs(first: Run, second: Run) -> None:
    """Assert that two runs have the same network and epochs, bit for bit."""
    other = second.network.state_dict()
    assert first.network.state_dict().keys() == other.keys()
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, other[name]), name
    assert without_seconds(first.epochs) == without_seconds(second.epochs)
