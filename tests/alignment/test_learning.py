"""The alignment network learns, repeats, continues; on drawn faces it finds the true pose."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from siamese.alignment import learning
from siamese.alignment.learning import KEPT_EVERY, Learning, fit
from siamese.alignment.network import INPUT, AlignmentNetwork
from siamese.checkpoint import Checkpoint
from siamese.dataset.images import decode
from siamese.errors import InputError
from siamese.lfw import drawn_faces
from siamese.parameters import Alignment

FEW = Alignment(steps=6, batch_size=4)


@pytest.fixture(scope="module")
def gray(dataset: drawn_faces.Dataset) -> Tensor:
    """Return the drawn faces as the network takes them."""
    some = sorted(dataset.images)
    return torch.from_numpy(np.stack([decode(n, dataset.images[n], INPUT) for n in some]))


def kept(folder: Path) -> Checkpoint:
    return Checkpoint(folder, "alignment", [])


def assert_equal(first: AlignmentNetwork, second: AlignmentNetwork) -> None:
    other = second.state_dict()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, other[name]), name


def test_a_seed_repeats_and_another_differs(gray: Tensor, tmp_path: Path) -> None:
    first, again, other = (fit(gray, FEW, seed, kept(tmp_path)) for seed in (3, 3, 4))
    assert_equal(first, again)
    assert not first.training
    assert any((a != b).any() for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_a_training_that_was_left_ends_as_if_it_had_not_been(
    gray: Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = fit(gray, FEW, 0, kept(tmp_path / "other"))
    monkeypatch.setattr(learning, "KEPT_EVERY", 4)
    left = Learning(gray, FEW, 0)
    next(left.run())
    assert left.step == 4
    checkpoint = kept(tmp_path)
    checkpoint.save(left.state_dict())
    torch.rand(100)
    assert_equal(fit(gray, FEW, 0, checkpoint), whole)
    assert "continuing after step 4, from " in capsys.readouterr().out
    # One that has ended already does nothing more.
    monkeypatch.setattr(learning, "KEPT_EVERY", 6)
    assert_equal(fit(gray, FEW, 0, checkpoint), whole)
    assert_equal(fit(gray, FEW, 0, checkpoint), whole)
    assert KEPT_EVERY > 6


def test_what_diverges_is_refused(gray: Tensor, tmp_path: Path) -> None:
    wild = dataclasses.replace(FEW, learning_rate=float("inf"))
    with pytest.raises(InputError, match=r"try a lower alignment.learning_rate \(now inf\)"):
        fit(gray, wild, 0, kept(tmp_path))


def test_errors_of_a_network_that_knows_nothing_are_those_of_the_displacements(
    gray: Tensor,
) -> None:
    class Blind(AlignmentNetwork):
        def forward(self, views: Tensor) -> Tensor:
            return torch.zeros(len(views), 4)

    errors = learning.errors(Blind(Alignment()), gray, seed=0)
    assert errors["after"] == pytest.approx(errors["before"], abs=2e-3)
    # The mean difference of two numbers drawn from an interval is a third of it.
    expected = np.degrees(0.3) / 3 / 2**0.5
    assert errors["before"]["angle_degrees"] == pytest.approx(expected, rel=0.15)


class Poses(drawn_faces._Canvas):
    """Keeps where it draws each face: angle (radians), logarithm of the scale, right, down."""

    drawn: list[tuple[float, float, float, float]]

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        side = drawn_faces.SIZE * drawn_faces.SUPERSAMPLING
        angle = float(np.arctan2(self.rotation[0, 1], self.rotation[0, 0]))
        right, down = self.centre / side * 2 - 1
        self.drawn.append((angle, float(np.log(self.scale / side)), right, down))


@pytest.mark.pipeline
def test_the_true_pose_of_drawn_faces_is_found(
    dataset: drawn_faces.Dataset, gray: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawn_faces, "_Canvas", Poses)
    monkeypatch.setattr(Poses, "drawn", [], raising=False)
    names = list(drawn_faces.make().images)
    assert names == sorted(dataset.images)
    # It learns from half of the people; the pose of the others is asked.
    half = len(names) // 2
    network = fit(gray[:half], Alignment(steps=400), 0, kept(tmp_path))
    found = network.align(gray[half:]).transforms.numpy()
    true = np.array(Poses.drawn)[half:]

    # From one image of a person to another, since where a face is "straight" is not defined.
    people = [name.split("/")[0] for name in names[half:]]
    for values in (true, found):
        for person in set(people):
            rows = [row for row, each in enumerate(people) if each == person]
            values[rows] -= values[rows].mean(axis=0)
    shares = (true - found).std(axis=0) / true.std(axis=0)
    assert (shares < [0.4, 0.8, 0.6, 0.5]).all(), shares
    errors = learning.errors(network, gray[half:], seed=0)
    for name, before in errors["before"].items():
        assert errors["after"][name] < before / 3
