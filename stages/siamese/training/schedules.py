"""How the learning rate changes over a run."""

from collections.abc import Mapping
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

# These move after each batch, the others after each epoch.
BY_BATCH = ("onecycle",)


def make_scheduler(
    name: str, settings: Mapping[str, Any], optimizer: Optimizer, epochs: int, batches: int
) -> LRScheduler:
    """Return torch's scheduler of that name for an optimizer made with `learning_rate`.

    Args:
        name: a key of `schedulers` in params.yaml.
        settings: its settings there.
        optimizer: made with the settings' learning rate.
        epochs: horizon of the schedules that have one (cosine, onecycle).
        batches: number of batches in an epoch.
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
        total = epochs * batches
        if total < 3:  # no room to go up and down
            return LambdaLR(optimizer, lambda epoch: 1.0)
        return OneCycleLR(
            optimizer,
            settings["learning_rate"],
            total_steps=total,
            # Two batches at least: on few images the share may be less than one.
            pct_start=max(settings["warmup"], 2 / total),
            cycle_momentum=False,  # Adam's betas stay as they are
        )
    raise ValueError(f"unknown scheduler {name!r}")
