"""Training stops when it should, keeps the best epoch, and repeats exactly."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from siamese import parameters
from siamese.errors import InputError
from siamese.network import SiameseNetwork
from siamese.pairs import PairRows
from siamese.scoring import score_pairs, to_input
from siamese.training import EarlyStopping, Epoch, train
from siamese.verification import cross_entropy

SIZE = parameters.SMALLEST_INPUT
PARAMS = parameters.load(Path(__file__).parents[1] / "params.yaml")


def faces() -> torch.Tensor:
    """Return 12 images of 4 people: each person a pattern, each image with noise."""
    generator = np.random.default_rng(0)
    patterns = generator.integers(0, 256, (4, 1, SIZE, SIZE))
    noise = generator.normal(0, 40, (4, 3, SIZE, SIZE))
    images = (patterns + noise).clip(0, 255).astype(np.uint8)
    return torch.from_numpy(images.reshape(12, SIZE, SIZE))


TRAINING = PairRows(
    rows=np.array([[0, 1], [3, 4], [6, 7], [0, 3], [4, 6], [7, 1]]),
    labels=np.array([0, 0, 0, 1, 1, 1]),
)
VALIDATION = PairRows(
    rows=np.array([[0, 2], [3, 5], [6, 8], [2, 5], [5, 8], [8, 2]]),
    labels=np.array([0, 0, 0, 1, 1, 1]),
)


def run(
    *, max_epochs: int = 3, patience: int = 3, seed: int = 0, scheduler: str = "none"
) -> tuple[SiameseNetwork, list[Epoch], EarlyStopping]:
    params = dataclasses.replace(
        PARAMS,
        batch_size=4,
        max_epochs=max_epochs,
        patience=patience,
        seed=seed,
        scheduler=scheduler,
    )
    torch.manual_seed(seed)
    network = SiameseNetwork(SIZE)
    stopping = EarlyStopping(patience)
    return network, list(train(network, faces(), TRAINING, VALIDATION, params, stopping)), stopping


class TestEarlyStopping:
    def stops(self, losses: list[float], patience: int = 3) -> tuple[int, EarlyStopping, float]:
        """Return the epoch at which it stopped, its state, and the parameter it kept."""
        stopping = EarlyStopping(patience)
        network = torch.nn.Linear(1, 1, bias=False)
        for epoch, loss in enumerate(losses, start=1):
            with torch.no_grad():
                network.weight.fill_(epoch)
            if stopping.stop(epoch, loss, network):
                break
        return epoch, stopping, float(stopping.best_state["weight"].item())

    def test_ends_after_patience_epochs_without_a_lower_loss(self) -> None:
        epoch, stopping, kept = self.stops([0.7, 0.5, 0.6, 0.55, 0.5, 0.1])
        assert (epoch, stopping.best_epoch, stopping.best_loss, kept) == (5, 2, 0.5, 2.0)

    def test_a_lower_loss_starts_the_count_again(self) -> None:
        epoch, stopping, kept = self.stops([0.7, 0.8, 0.8, 0.6, 0.7, 0.7, 0.7, 0.1])
        assert (epoch, stopping.best_epoch, kept) == (7, 4, 4.0)

    def test_goes_on_while_the_loss_falls(self) -> None:
        epoch, stopping, _ = self.stops([0.9, 0.8, 0.7, 0.6, 0.5])
        assert (epoch, stopping.best_epoch) == (5, 5)

    def test_a_loss_that_is_no_number_is_never_the_best(self) -> None:
        epoch, stopping, _ = self.stops([0.7, float("nan"), float("nan"), float("nan"), 0.1])
        assert (epoch, stopping.best_epoch) == (4, 1)


def test_the_best_epochs_parameters_are_restored() -> None:
    network, epochs, stopping = run(max_epochs=4)
    scores = score_pairs(network, faces(), VALIDATION.rows)
    losses = [epoch.val_loss for epoch in epochs]
    assert stopping.best_loss == min(losses)
    assert losses.index(min(losses)) + 1 == stopping.best_epoch
    assert cross_entropy(scores, VALIDATION.labels) == pytest.approx(min(losses), abs=1e-6)


def test_a_seed_repeats_a_run_bit_for_bit() -> None:
    first, first_epochs, _ = run(max_epochs=2, seed=1)
    again, again_epochs, _ = run(max_epochs=2, seed=1)
    other, _, _ = run(max_epochs=2, seed=2)
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert not torch.equal(first.decision.weight, other.decision.weight)
    for epoch, repeated in zip(first_epochs, again_epochs, strict=True):
        assert dataclasses.replace(epoch, seconds=0) == dataclasses.replace(repeated, seconds=0)


def test_learning_rate_of_each_epoch_is_the_schedulers() -> None:
    _, epochs, _ = run(max_epochs=3, scheduler="exponential")
    assert [epoch.learning_rate for epoch in epochs] == pytest.approx([1e-2, 1e-3, 1e-4])


def test_onecycle_moves_within_an_epoch() -> None:
    _, epochs, _ = run(max_epochs=2, scheduler="onecycle")
    peak = PARAMS.schedulers["onecycle"]["learning_rate"]
    assert epochs[0].learning_rate == pytest.approx(peak / 25)
    assert epochs[1].learning_rate > epochs[0].learning_rate


def test_training_lowers_the_training_loss() -> None:
    _, epochs, _ = run(max_epochs=4)
    assert epochs[-1].train_loss < epochs[0].train_loss


def test_a_loss_that_is_never_a_number_is_said_in_one_line() -> None:
    params = dataclasses.replace(PARAMS, max_epochs=1, batch_size=4)
    network = SiameseNetwork(SIZE)
    torch.nn.init.constant_(network.decision.weight, float("nan"))
    with pytest.raises(InputError, match=r"schedulers\.none\.learning_rate is 0\.0001"):
        list(train(network, faces(), TRAINING, VALIDATION, params, EarlyStopping(3)))


def test_scores_do_not_depend_on_how_often_an_image_is_used() -> None:
    torch.manual_seed(0)
    network = SiameseNetwork(SIZE).eval()
    rows = np.array([[0, 1], [1, 0], [0, 1], [5, 5]])
    scores = score_pairs(network, faces(), rows)
    with torch.no_grad():
        direct = network(to_input(faces()[rows[:, 0]]), to_input(faces()[rows[:, 1]]))
    np.testing.assert_allclose(scores, direct.numpy(), rtol=0, atol=1e-5)


def test_input_is_scaled_to_one_and_keeps_colour_channels_apart() -> None:
    gray = to_input(torch.full((2, 4, 4), 255, dtype=torch.uint8))
    assert gray.shape == (2, 1, 4, 4)
    assert gray.max() == 1
    colour = torch.zeros(1, 4, 4, 3, dtype=torch.uint8)
    colour[..., 2] = 51
    assert to_input(colour)[0, :, 0, 0].tolist() == pytest.approx([0, 0, 0.2])
