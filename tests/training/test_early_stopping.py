"""Training ends when the validation loss has not fallen for long enough; the best epoch is kept."""

import torch
from torch import Tensor, nn

from siamese.networks.contract import Network
from siamese.training.early_stopping import EarlyStopping, changing


class Small(Network):
    """One parameter that training changes, one number of a layer, and a constant."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.constant: Tensor
        self.count: Tensor
        self.register_buffer("constant", torch.zeros(3))
        self.register_buffer("count", torch.tensor(0))

    def constants(self) -> set[str]:
        return {"constant"}


def stops(losses: list[float], patience: int = 3) -> tuple[int, EarlyStopping, float]:
    """Return the epoch at which it stopped, its state, and the parameter it kept."""
    stopping = EarlyStopping(patience)
    network = Small()
    for epoch, loss in enumerate(losses, start=1):
        with torch.no_grad():
            network.weight.fill_(epoch)
        stopping.update(loss, network)
        if stopping.over:
            break
    return epoch, stopping, float(stopping.best_state["weight"].item())


def test_it_ends_after_patience_epochs_without_a_lower_loss() -> None:
    epoch, stopping, kept = stops([0.7, 0.5, 0.6, 0.55, 0.5, 0.1])
    assert (epoch, stopping.best_epoch, stopping.best_loss, kept) == (5, 2, 0.5, 2.0)


def test_a_lower_loss_starts_the_count_again() -> None:
    epoch, stopping, kept = stops([0.7, 0.8, 0.8, 0.6, 0.7, 0.7, 0.7, 0.1])
    assert (epoch, stopping.best_epoch, kept) == (7, 4, 4.0)


def test_it_goes_on_while_the_loss_falls() -> None:
    epoch, stopping, _ = stops([0.9, 0.8, 0.7, 0.6, 0.5])
    assert (epoch, stopping.best_epoch) == (5, 5)


def test_a_loss_that_is_no_number_is_never_the_best() -> None:
    epoch, stopping, _ = stops([0.7, float("nan"), float("nan"), float("nan"), 0.1])
    assert (epoch, stopping.best_epoch) == (4, 1)


def test_a_loss_that_falls_by_less_than_float32_resolves_has_not_fallen() -> None:
    epoch, stopping, _ = stops([0.7, 0.7 - 1e-9, 0.7 - 2e-9, 0.7 - 3e-9, 0.1])
    assert (epoch, stopping.best_epoch, stopping.best_loss) == (4, 1, 0.7)


def test_only_what_changes_is_kept() -> None:
    stopping, network = EarlyStopping(3), Small()
    stopping.update(0.5, network)
    assert stopping.best_state.keys() == changing(network).keys() == {"weight", "count"}


def test_what_is_kept_does_not_change_with_the_network() -> None:
    stopping, network = EarlyStopping(3), Small()
    stopping.update(0.5, network)
    with torch.no_grad():
        network.weight.fill_(9)
        network.count.fill_(9)
    stopping.update(0.6, network)
    assert {name: int(value) for name, value in stopping.best_state.items()} == {
        "weight": 0,
        "count": 0,
    }


def test_its_state_makes_it_again() -> None:
    _, stopping, _ = stops([0.7, 0.5, 0.6])
    assert EarlyStopping(**vars(stopping)) == stopping
