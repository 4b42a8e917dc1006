"""Training stops when it should, keeps the best epoch, and repeats exactly."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from siamese import network, parameters, training
from siamese.augmentation import AUGMENTATIONS
from siamese.checkpoint import Checkpoint
from siamese.errors import InputError
from siamese.network import SiameseNetwork
from siamese.objectives import ContrastiveObjective, PairObjective
from siamese.pairs import PairRows
from siamese.parameters import SCHEDULERS
from siamese.residual import ResidualNetwork
from siamese.scoring import embed_pairs, score_pairs, to_input
from siamese.training import EarlyStopping, Epoch, Run, train
from siamese.verification import cross_entropy

SIZE = parameters.NETWORKS["koch"]
PARAMS = parameters.load(Path(__file__).parents[1] / "params.yaml")


@pytest.fixture(scope="module", autouse=True)
def few_filters() -> Iterator[None]:
    """Give the network a quarter of its filters: what is tested here is how it is trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "CONVOLUTIONS", ((16, 10), (32, 7), (32, 4), (64, 4)))
        patch.setattr(network, "EMBEDDING_SIZE", 1024)
        yield


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


def settings(
    *,
    max_epochs: int = 3,
    patience: int = 3,
    seed: int = 0,
    scheduler: str = "none",
    weight_decay: float = 0.0,
) -> parameters.Parameters:
    recipe = dataclasses.replace(
        PARAMS.recipes["koch"],
        batch_size=4,
        max_epochs=max_epochs,
        patience=patience,
        weight_decay=weight_decay,
    )
    return dataclasses.replace(PARAMS, recipes={"koch": recipe}, seed=seed, scheduler=scheduler)


def start(params: parameters.Parameters) -> Run:
    torch.manual_seed(params.seed)
    network = SiameseNetwork(SIZE).to(memory_format=torch.channels_last)
    return Run(network, PairObjective(faces(), TRAINING, 4, None), params)


def decision(run: Run) -> torch.nn.Linear:
    assert isinstance(run.network, SiameseNetwork)
    return run.network.decision


def finish(run: Run, params: parameters.Parameters) -> Run:
    for _ in train(run, faces(), VALIDATION, params):
        pass
    return run


@pytest.fixture(scope="module")
def learned() -> Run:
    """Return a run of four epochs that learns, for tests that only look at it."""
    params = dataclasses.replace(
        settings(max_epochs=4), schedulers={"none": {"learning_rate": 1e-2}}
    )
    return finish(start(params), params)


def without_seconds(epochs: list[Epoch]) -> list[Epoch]:
    return [dataclasses.replace(epoch, seconds=0) for epoch in epochs]


def assert_equal_networks(first: Run, second: Run) -> None:
    other = second.network.state_dict()
    for name, tensor in first.network.state_dict().items():
        assert torch.equal(tensor, other[name]), name


class TestEarlyStopping:
    def stops(self, losses: list[float], patience: int = 3) -> tuple[int, EarlyStopping, float]:
        """Return the epoch at which it stopped, its state, and the parameter it kept."""
        stopping = EarlyStopping(patience)
        network = torch.nn.Linear(1, 1, bias=False)
        for epoch, loss in enumerate(losses, start=1):
            with torch.no_grad():
                network.weight.fill_(epoch)
            stopping.note(loss, network)
            if stopping.over:
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

    def test_a_loss_that_falls_by_less_than_float32_tells_has_not_fallen(self) -> None:
        epoch, stopping, _ = self.stops([0.7, 0.7 - 1e-9, 0.7 - 2e-9, 0.7 - 3e-9, 0.1])
        assert (epoch, stopping.best_epoch, stopping.best_loss) == (4, 1, 0.7)


def test_the_best_epochs_parameters_are_restored(learned: Run) -> None:
    scores = score_pairs(learned.network, faces(), VALIDATION.rows)
    losses = [epoch.val_loss for epoch in learned.epochs]
    assert learned.stopping.best_loss == min(losses)
    assert losses.index(min(losses)) + 1 == learned.stopping.best_epoch
    assert cross_entropy(scores, VALIDATION.labels) == pytest.approx(min(losses), abs=1e-6)


def test_a_seed_repeats_a_run_bit_for_bit() -> None:
    params = settings(max_epochs=2, seed=1)
    first, again = finish(start(params), params), finish(start(params), params)
    assert_equal_networks(first, again)
    assert without_seconds(first.epochs) == without_seconds(again.epochs)
    params = settings(max_epochs=2, seed=2)
    other = finish(start(params), params)
    assert not torch.equal(decision(first).weight, decision(other).weight)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_run_left_after_any_epoch_ends_as_if_it_had_not_been(
    scheduler: str, tmp_path: Path
) -> None:
    params = settings(max_epochs=4, scheduler=scheduler)
    whole = finish(start(params), params)
    checkpoint = Checkpoint(tmp_path, scheduler, [])
    for _ in whole.epochs:
        run = start(params)
        if (state := checkpoint.load()) is not None:
            run.load_state_dict(state)
        next(train(run, faces(), VALIDATION, params))
        checkpoint.save(run.state_dict())
    last = start(params)
    state = checkpoint.load()
    assert state is not None
    last.load_state_dict(state)
    assert last.finished
    finish(last, params)
    assert_equal_networks(last, whole)
    assert without_seconds(last.epochs) == without_seconds(whole.epochs)


def test_a_run_by_names_with_varied_images_left_after_an_epoch_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    params = settings(max_epochs=3, scheduler="onecycle", patience=3)
    small = torch.nn.functional.interpolate(faces()[:, None].float(), 32)[:, 0].byte()
    names = [f"p{row // 3}" for row in range(11)] + ["p4"]

    def new() -> Run:
        torch.manual_seed(0)
        objective = ContrastiveObjective(small, np.arange(12), names, 1, AUGMENTATIONS["faces"])
        return Run(ResidualNetwork(32), objective, params)

    whole = new()
    for _ in train(whole, small, VALIDATION, params):
        pass
    first = new()
    next(train(first, small, VALIDATION, params))
    checkpoint = Checkpoint(tmp_path, "names", [])
    checkpoint.save(first.state_dict())
    second = new()
    torch.manual_seed(9)  # another process would be anywhere
    state = checkpoint.load()
    assert state is not None
    second.load_state_dict(state)
    for _ in train(second, small, VALIDATION, params):
        pass
    assert_equal_networks(second, whole)
    assert without_seconds(second.epochs) == without_seconds(whole.epochs)


def test_learning_rate_of_each_epoch_is_the_schedulers() -> None:
    params = settings(max_epochs=3, scheduler="exponential")
    epochs = finish(start(params), params).epochs
    assert [epoch.learning_rate for epoch in epochs] == pytest.approx([1e-2, 1e-3, 1e-4])


def test_onecycle_moves_within_an_epoch() -> None:
    params = settings(max_epochs=4, scheduler="onecycle")
    epochs = finish(start(params), params).epochs
    peak = PARAMS.schedulers["onecycle"]["learning_rate"]
    assert epochs[0].learning_rate == pytest.approx(peak / 25)
    assert epochs[1].learning_rate > epochs[0].learning_rate


def test_training_lowers_the_training_loss(learned: Run) -> None:
    assert learned.epochs[-1].train_loss < learned.epochs[0].train_loss


def test_a_loss_that_is_never_a_number_is_said_in_one_line() -> None:
    params = settings()
    run = start(params)
    torch.nn.init.constant_(decision(run).weight, float("nan"))
    with pytest.raises(InputError, match=r"loss of epoch 1 .* try a lower schedulers\.none\.learn"):
        finish(run, params)


@pytest.mark.parametrize("broken", [float("nan"), float("inf")])
def test_a_loss_that_stops_being_a_number_ends_the_run_and_keeps_the_best(broken: float) -> None:
    params = settings(max_epochs=9)
    run = start(params)
    for epoch in train(run, faces(), VALIDATION, params):
        kept = {name: value.clone() for name, value in run.stopping.best_state.items()}
        if epoch.epoch == 2:
            with torch.no_grad():
                decision(run).bias.fill_(broken)
    assert (len(run.epochs), run.diverged_epoch) == (2, 3)
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, kept[name]), name
        assert value.isfinite().all()


def test_a_network_that_gives_one_answer_is_said_to_have_collapsed() -> None:
    params = settings(max_epochs=2, weight_decay=3.0)
    run = start(params)
    with torch.no_grad():
        decision(run).weight.zero_()
    finish(run, params)
    assert run.collapsed_epoch == 1
    message = training.describe(run, run.epochs[0], params)
    assert "collapsed: the same answer for every validation pair" in message
    assert "learning_rate (now 0.0001) or recipes.koch.weight_decay (now 3)" in message


def test_embeddings_that_are_all_the_same_are_said_to_have_collapsed() -> None:
    params = settings(max_epochs=1)
    small = torch.nn.functional.interpolate(faces()[:, None].float(), 32)[:, 0].byte()
    names = [f"p{row // 3}" for row in range(11)] + ["p4"]
    network = ResidualNetwork(32)
    with torch.no_grad():  # the last layer gives one direction whatever it is shown
        *_, last = network.deep[0].modules()
        assert isinstance(last, torch.nn.BatchNorm1d)
        last.weight.zero_()
        last.bias.fill_(1)
    objective = ContrastiveObjective(small, np.arange(12), names, 4, None)
    run = Run(network, objective, dataclasses.replace(params, scheduler="exponential"))
    run.optimizer.param_groups[0]["lr"] = 0.0
    [epoch] = train(run, small, VALIDATION, params)
    assert epoch.val_spread < 1e-3
    assert run.collapsed(epoch)
    assert run.collapsed_epoch == 1


def test_a_network_that_learns_is_not_said_to_have_collapsed(learned: Run) -> None:
    assert learned.collapsed_epoch is None
    assert "collapsed" not in training.describe(learned, learned.epochs[-1], settings())


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


def test_what_is_not_learned_is_embedded_once_and_gives_the_same() -> None:
    torch.manual_seed(0)
    images = torch.randint(0, 256, (12, 32, 32), dtype=torch.uint8)
    network = ResidualNetwork(32)
    network.set_linear(lambda rows: to_input(images[rows]), torch.arange(12) // 3)
    before, pairs = embed_pairs(network, images, VALIDATION.rows)
    with torch.no_grad():
        for name, parameter in network.deep.named_parameters():
            if name.endswith("bias"):
                parameter.fill_(0.1)
    whole, _ = embed_pairs(network, images, VALIDATION.rows)
    spared, _ = embed_pairs(network, images, VALIDATION.rows, before)
    assert not torch.equal(whole, before)
    torch.testing.assert_close(spared, whole)
    assert pairs.shape == (6, 2)
