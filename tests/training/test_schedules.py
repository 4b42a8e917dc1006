"""Each scheduler's learning rates are those of torch's own of that name."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.optim import Adam
from torch.optim import lr_scheduler as torch_schedulers

from siamese.rules import SCHEDULERS
from siamese.training.schedules import BY_BATCH, make_scheduler

EPOCHS, BATCHES = 8, 3
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {"learning_rate": 0.0001},
    "step": {"learning_rate": 0.01, "step_size": 2, "gamma": 0.5},
    "multistep": {"learning_rate": 0.01, "milestones": [1, 3, 5], "gamma": 0.1},
    "exponential": {"learning_rate": 0.01, "gamma": 0.1},
    "cosine": {"learning_rate": 0.01, "final_learning_rate": 0.001},
    "onecycle": {"learning_rate": 0.01, "warmup": 0.25},
}


def adam(learning_rate: float) -> Adam:
    return Adam([torch.zeros(1, requires_grad=True)], lr=learning_rate)


def rates(scheduler: torch_schedulers.LRScheduler, steps: int) -> list[float]:
    sequence = []
    for _ in range(steps):
        sequence.append(float(scheduler.get_last_lr()[0]))
        scheduler.optimizer.step()
        scheduler.step()
    return sequence


@pytest.mark.parametrize("name", SETTINGS)
def test_sequence_is_torchs_own(name: str) -> None:
    settings = SETTINGS[name]
    optimizer = adam(settings["learning_rate"])
    references: dict[str, Callable[[], torch_schedulers.LRScheduler]] = {
        "none": lambda: torch_schedulers.ConstantLR(optimizer, factor=1),
        "step": lambda: torch_schedulers.StepLR(optimizer, step_size=2, gamma=0.5),
        "multistep": lambda: torch_schedulers.MultiStepLR(optimizer, [1, 3, 5], gamma=0.1),
        "exponential": lambda: torch_schedulers.ExponentialLR(optimizer, gamma=0.1),
        "cosine": lambda: torch_schedulers.CosineAnnealingLR(optimizer, T_max=8, eta_min=0.001),
        "onecycle": lambda: torch_schedulers.OneCycleLR(
            optimizer, 0.01, epochs=8, steps_per_epoch=3, pct_start=0.25, cycle_momentum=False
        ),
    }
    ours = make_scheduler(name, settings, adam(settings["learning_rate"]), EPOCHS, BATCHES)
    steps = EPOCHS * BATCHES if name in BY_BATCH else EPOCHS
    assert rates(ours, steps) == rates(references[name](), steps)


def test_the_experiments_multistep_falls_after_epochs_1_3_and_5() -> None:
    scheduler = make_scheduler("multistep", SETTINGS["multistep"], adam(0.01), EPOCHS, BATCHES)
    assert rates(scheduler, 7) == pytest.approx([1e-2, 1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])


def test_step_of_one_epoch_with_gamma_a_tenth_is_the_exponential_schedule() -> None:
    step = {"learning_rate": 0.01, "step_size": 1, "gamma": 0.1}
    assert rates(make_scheduler("step", step, adam(0.01), EPOCHS, BATCHES), 6) == pytest.approx(
        rates(
            make_scheduler("exponential", SETTINGS["exponential"], adam(0.01), EPOCHS, BATCHES), 6
        )
    )


@pytest.mark.parametrize("warmup", [0.01, 0.1, 0.25, 0.3, 0.99])
@pytest.mark.parametrize(("epochs", "batches"), [(4, 50), (1, 200), (20, 63)])
def test_onecycle_of_many_batches_is_torchs_with_its_share_of_warm_up(
    warmup: float, epochs: int, batches: int
) -> None:
    settings = {"learning_rate": 0.002, "warmup": warmup}
    reference = torch_schedulers.OneCycleLR(
        adam(0.002), 0.002, total_steps=epochs * batches, pct_start=warmup, cycle_momentum=False
    )
    ours = make_scheduler("onecycle", settings, adam(0.002), epochs, batches)
    steps = epochs * batches
    assert rates(ours, steps) == rates(reference, steps)


@pytest.mark.parametrize("warmup", [0.01, 0.3, 0.99])
@pytest.mark.parametrize(
    ("epochs", "batches"), [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 4), (2, 2), (4, 1)]
)
def test_onecycle_of_few_batches_goes_through_to_the_last(
    epochs: int, batches: int, warmup: float
) -> None:
    settings = {"learning_rate": 0.01, "warmup": warmup}
    scheduler = make_scheduler("onecycle", settings, adam(0.01), epochs, batches)
    total = epochs * batches
    found = rates(scheduler, total)  # the last step, which follows the last batch, included
    assert len(found) == total
    assert all(0 < rate <= 0.01 * (1 + 1e-9) for rate in found)
    if warmup < 0.9:  # else the highest rate lies between the last batches
        assert max(found) == pytest.approx(0.01)


@pytest.mark.parametrize("total", [3, 4, 10])
def test_onecycle_warms_up_for_two_batches_at_least(total: int) -> None:
    settings = {"learning_rate": 0.01, "warmup": 0.01}
    found = rates(make_scheduler("onecycle", settings, adam(0.01), 1, total), total)
    assert found[:2] == pytest.approx([0.01 / 25, 0.01])
    assert found[1:] == sorted(found[1:], reverse=True)
    assert found[-1] == pytest.approx(0.01 / 25 / 1e4)


def test_every_scheduler_that_params_accept_can_be_made() -> None:
    assert set(SETTINGS) == set(SCHEDULERS)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown scheduler 'linear'"):
        make_scheduler("linear", {"learning_rate": 0.1}, adam(0.1), EPOCHS, BATCHES)
