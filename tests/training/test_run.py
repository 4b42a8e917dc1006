"""A run's state is divided into what is set once and what changes; epochs are reported."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from siamese.checkpoint import Checkpoint
from siamese.networks.ensemble import Ensemble
from siamese.networks.streams import residual
from siamese.parameters import Parameters
from siamese.training.loop import train
from siamese.training.run import Epoch, Run
from small_runs import (
    VALIDATION,
    assert_equal_runs,
    faces,
    finish,
    prepared,
    settings,
    settings_of_streams,
    start,
    start_of_streams,
)


def epochs_of(run: Run, number: int) -> Run:
    """Train for some epochs, as if the process was killed afterwards; return the run."""
    epochs = train(run, faces(32), VALIDATION)
    for _ in range(number):
        next(epochs)
    return run


def generators(run: Run) -> list[list[int]]:
    return [torch.get_rng_state().tolist(), run.order.get_state().tolist()]


def test_the_state_and_the_constants_share_nothing_and_miss_nothing() -> None:
    run = epochs_of(prepared(settings_of_streams()), 2)
    constants, state = run.constants(), run.state_dict()
    names = run.network.constants()
    assert names
    assert constants["network"].keys() == names
    assert state["network"].keys() == run.network.state_dict().keys() - names
    assert state["stopping"]["best_state"].keys() == state["network"].keys()


@pytest.mark.parametrize("epochs", [0, 1, 2, 3])
def test_a_run_continued_from_constants_and_state_equals_an_uninterrupted_one(
    epochs: int, tmp_path: Path
) -> None:
    params = settings_of_streams(max_epochs=3)
    whole = finish(prepared(params))
    expected = generators(whole)

    checkpoint = Checkpoint(tmp_path, "names", [])
    left = prepared(params)
    checkpoint.save_constants(left.constants())
    if epochs:
        checkpoint.save(epochs_of(left, epochs).state_dict())
    else:
        torch.rand(100)  # killed within the first epoch

    torch.manual_seed(9)  # another process would be anywhere
    again = start_of_streams(params)
    constants = checkpoint.load_constants()
    assert constants is not None
    again.load_constants(constants)
    if (state := checkpoint.load()) is not None:
        again.load_state_dict(state)
    assert len(again.epochs) == epochs
    finish(again)
    assert_equal_runs(again, whole)
    assert generators(again) == expected


def test_what_constants_hold_is_taken_on_before_the_first_epoch() -> None:
    run = prepared(settings_of_streams())
    run.preparation_seconds = 12.5
    kept = run.constants()
    kept["network"] = {name: value.clone() for name, value in kept["network"].items()}
    again = start_of_streams(settings_of_streams())
    assert not again.prepared
    assert not all(
        torch.equal(again.network.state_dict()[name], value)
        for name, value in kept["network"].items()
    )
    again.load_constants(kept)
    assert again.prepared
    assert again.preparation_seconds == 12.5
    for name, value in kept["network"].items():
        assert torch.equal(again.network.state_dict()[name], value), name
    assert torch.equal(torch.get_rng_state(), kept["generator"])


def test_the_best_epochs_parameters_are_brought_back_and_constants_stay() -> None:
    run = epochs_of(prepared(settings_of_streams()), 1)
    best = {name: value.clone() for name, value in run.network.state_dict().items()}
    constants = run.network.constants()
    for name, value in run.network.state_dict().items():
        if name not in constants:
            value.add_(1)
    run.stopping.update(run.stopping.best_loss + 1, run.network)
    run.restore_best()
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, best[name]), name
    assert run.best == run.epochs[0]


def test_no_generator_of_a_gpu_is_stored_for_a_network_on_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("get_rng_state", "get_rng_state_all", "set_rng_state", "set_rng_state_all"):
        monkeypatch.setattr(torch.cuda, name, None)  # not to be called
    run = prepared(settings_of_streams())
    for state in (run.constants(), run.state_dict()):
        assert "cuda_generator" not in state
        assert "generator" in state
    run.load_constants(run.constants())
    run.load_state_dict(run.state_dict())


def test_the_generator_of_the_networks_gpu_is_stored_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpu = torch.device("cuda", 1)
    stored: dict[torch.device, Any] = {gpu: "state of the second", torch.device("cuda", 0): "other"}
    monkeypatch.setattr(Run, "device", gpu)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: stored[device])
    run = start_of_streams(settings_of_streams())
    for state in (run.constants(), run.state_dict()):
        assert state["cuda_generator"] == "state of the second"
    taken: dict[torch.device, Any] = {}
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda s, device: taken.update({device: s}))
    run.load_constants(run.constants())
    assert taken.popitem() == (gpu, "state of the second")
    run.load_state_dict(run.state_dict())
    assert taken == {gpu: "state of the second"}


def chance(params: Parameters) -> Run:
    """Return a run whose learned streams give one direction, whatever they are shown, for good."""
    run = prepared(params)
    assert isinstance(run.network, Ensemble)
    for stream in run.network.learned:
        assert isinstance(stream, residual.Stream)
        last = stream.layers[-1]
        assert isinstance(last, torch.nn.BatchNorm1d)
        with torch.no_grad():
            last.weight.zero_()
            last.bias.fill_(1)
    for group in run.optimizer.param_groups:
        group["lr"] = 0.0
    return run


def test_embeddings_that_are_all_the_same_are_reported_as_collapsed() -> None:
    params = settings_of_streams(
        {"residual": (1.0, 0.7)}, max_epochs=1, batch_size=4, scheduler="exponential"
    )
    run = chance(params)
    [epoch] = train(run, faces(32), VALIDATION)
    assert epoch.val_spread < 1e-3
    assert run.collapsed(epoch)
    assert run.collapsed_epoch == 1
    assert "collapsed: the same score for every validation pair" in run.describe(epoch)


def test_an_ensemble_whose_scores_separate_the_pairs_has_not_collapsed() -> None:
    # The learned stream is at chance; the closed-form one is not.
    params = settings_of_streams(max_epochs=1, batch_size=4, scheduler="exponential")
    run = chance(params)
    [epoch] = train(run, faces(32), VALIDATION)
    assert epoch.train_loss > run.objective.chance_loss
    assert epoch.val_accuracy == 1
    assert not run.collapsed(epoch)
    assert run.collapsed_epoch is None
    assert "collapsed" not in run.describe(epoch)


def epoch(number: int, val_spread: float, train_loss: float = 0.7) -> Epoch:
    return Epoch(
        epoch=number,
        train_loss=train_loss,
        train_accuracy=0.5,
        val_loss=0.69,
        val_accuracy=0.625,
        val_threshold=0.0,
        val_spread=val_spread,
        learning_rate=0.1,
        seconds=3.4,
    )


@pytest.mark.parametrize(
    ("spreads", "best", "since"),
    [
        ((0.001, 0.001, 0.001), 3, 1),
        ((0.2, 0.001, 0.001), 3, 2),
        ((0.001, 0.2, 0.001), 3, 3),
        ((0.001, 0.001, 0.2), 3, None),
        ((0.2, 0.001, 0.001), 1, None),  # the network that is kept is of the first epoch
        ((0.001, 0.2, 0.2), 1, 1),
    ],
)
def test_the_network_that_is_kept_has_collapsed_since_the_first_of_such_epochs_in_a_row(
    spreads: tuple[float, ...], best: int, since: int | None
) -> None:
    run = start(settings())
    run.epochs = [epoch(number, spread) for number, spread in enumerate(spreads, start=1)]
    run.stopping.best_epoch = best
    assert run.collapsed_epoch == since
    assert run.best is run.epochs[best - 1]


def test_a_small_spread_of_a_network_that_learns_is_no_collapse() -> None:
    run = start(settings())
    assert run.collapsed(epoch(1, val_spread=0.001, train_loss=0.69))
    assert not run.collapsed(epoch(1, val_spread=0.001, train_loss=0.6))


def test_an_epoch_is_described_in_one_line_and_a_collapse_with_what_to_try() -> None:
    run = start(settings(weight_decay=3.0))
    assert run.describe(epoch(2, val_spread=0.2)) == (
        "epoch  2: training loss 0.7000, accuracy 50.0%; "
        "validation loss 0.6900, accuracy 62.5%; 3 s"
    )
    first, second = run.describe(epoch(2, val_spread=0.00123)).splitlines()
    assert first.startswith("epoch  2: ")
    assert second.strip() == (
        "collapsed: the same score for every validation pair (spread 1.2e-03); "
        "try a lower schedulers.none.learning_rate (now 0.0001) "
        "or recipes.koch.weight_decay (now 3)"
    )


def test_a_weight_decay_of_zero_is_not_to_be_lowered() -> None:
    run = start(settings())
    assert run.advice() == "try a lower schedulers.none.learning_rate (now 0.0001)"


def test_a_run_is_finished_when_patience_or_epochs_are_at_an_end_or_it_diverged() -> None:
    run = start(settings(max_epochs=2, patience=3))
    assert not run.finished
    run.epochs = [epoch(1, 0.2)]
    assert not run.finished
    run.diverged_epoch = 2
    assert run.finished
    run.diverged_epoch = None
    run.epochs = [epoch(1, 0.2), epoch(2, 0.2)]
    assert run.finished
    run.epochs = [epoch(1, 0.2)]
    run.stopping = dataclasses.replace(run.stopping, patience=1, epoch=2, best_epoch=1)
    assert run.finished
