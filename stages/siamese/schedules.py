"""How the learning rate changes over a run."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LRScheduler,
    MultiStepLR,
    OneCycleLR,
    StepLR,
)

from siamese.errors import InputError

# These move after each batch, the others after each epoch.
BY_BATCH = ("onecycle",)


def make_scheduler(
    name: str, settings: dict[str, Any], optimizer: Optimizer, epochs: int, batches: int
) -> LRScheduler:
    """Return torch's scheduler of that name for an optimizer made with `learning_rate`.

    Args:
        name: a key of `schedulers` in params.yaml.
        settings: its settings there.
        optimizer: made with the settings' learning rate.
        epochs: horizon of the schedules that have one (cosine, onecycle).
        batches: number of batches in an epoch.

    Raises:
        InputError: onecycle has less than two batches to warm up.
    """
    if name == "none":
        return LambdaLR(optimizer, lambda epoch: 1.0)
    if name == "step":
        return StepLR(optimizer, settings["step_size"], settings["gamma"])
    if name == "multistep":
        return MultiStepLR(optimizer, settings["milestones"], settings["gamma"])
    if name == "exponential":
        return ExponentialLR(optimizer, settings["gamma"])
    if name == "cosine":
        return CosineAnnealingLR(optimizer, epochs, settings["final_learning_rate"])
    if name == "onecycle":
        if settings["warmup"] * epochs * batches < 2:
            raise InputError(
                f"schedulers.onecycle.warmup is {settings['warmup']}: less than two of the "
                f"{epochs * batches} batches in all; it takes at least {2 / epochs / batches:g}"
            )
        return OneCycleLR(
            optimizer,
            settings["learning_rate"],
            total_steps=epochs * batches,
            pct_start=settings["warmup"],
            cycle_momentum=False,  # Adam's betas stay as they are
        )
    raise ValueError(f"unknown scheduler {name!r}")
