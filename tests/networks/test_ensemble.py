"""The ensemble: twins whose similarities, one for each stream, are calibrated on pairs."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from siamese.networks import ensemble
from siamese.networks.cohort import NEAREST
from siamese.networks.contract import EmbeddingNetwork
from siamese.networks.ensemble import Ensemble
from siamese.networks.streams import KINDS, closed_form
from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import STREAM_SIZE
from siamese.rules import NETWORKS

# Two learned streams and two closed-form ones.
STREAMS = {"residual": (1.0, 0.6), "gradients": (1.0, 0.6)}


def network(
    size: int = 32, channels: int = 1, streams: Mapping[str, tuple[float, ...]] = STREAMS
) -> Ensemble:
    """Return an ensemble with its closed-form streams set, in evaluation mode."""
    torch.manual_seed(0)
    made = Ensemble(size, channels, streams).eval()
    images = torch.rand(40, channels, size, size)
    made.set_closed_form(images.__getitem__, torch.arange(10).repeat(4))
    return made


def parts(made: Ensemble, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Return embeddings by stream, (n, k, 256), and the closed-form streams' last number each."""
    learned, rest = embeddings.tensor_split([STREAM_SIZE * len(made.learned)], dim=1)
    by_stream = rest.unflatten(1, (len(made.closed_form), STREAM_SIZE + 1))
    first = learned.unflatten(1, (len(made.learned), STREAM_SIZE))
    return torch.cat([first, by_stream[:, :, :-1]], dim=1), by_stream[:, :, -1]


@torch.no_grad()
def calibrate(made: Ensemble) -> tuple[Tensor, Tensor, np.ndarray]:
    """Calibrate to pairs of images and noisy copies, and of two images; return them."""
    first, second = torch.rand(2, 50, 1, 32, 32)
    a = made.embed(torch.cat([first, first]))
    b = made.embed(torch.cat([first + 0.5 * second, second]))
    labels = np.repeat([0, 1], 50)
    made.calibrate(a, b, labels)
    return a, b, labels


@pytest.mark.parametrize(
    ("size", "channels"), [(NETWORKS["ensemble"].smallest, 1), (33, 3), (64, 1)]
)
def test_embeddings_of_each_stream_have_length_one(size: int, channels: int) -> None:
    made = network(size, channels)
    images = torch.rand(3, channels, size, size)
    with torch.no_grad():
        both, _ = parts(made, made.embed(images))
        learned = made.train().embed_learned(images)
    torch.testing.assert_close(both.norm(dim=2), torch.ones(3, 4))
    assert learned.shape == (3, 2, STREAM_SIZE)
    torch.testing.assert_close(learned.norm(dim=2), torch.ones(3, 2))


def test_streams_are_in_the_order_of_their_kinds_whatever_the_order_given() -> None:
    streams = {"hue": (0.8,), "gradients": (0.7, 1.0), "principal": (), "residual": (0.65,)}
    made = Ensemble(32, 3, streams)
    assert made.names == ["residual 0.65", "gradients 0.7", "gradients 1", "hue 0.8"]
    assert made.slopes.shape == (4,)


def test_streams_of_hue_need_colour_images() -> None:
    with pytest.raises(ValueError, match="streams of hue need colour images"):
        Ensemble(32, 1, STREAMS | {"hue": (1.0,)})
    assert len(Ensemble(32, 1, STREAMS | {"hue": ()}).closed_form) == 2


def test_the_similarity_of_a_closed_form_stream_is_relative_to_images_of_other_people() -> None:
    made = network(streams=STREAMS | {"principal": (0.8,)})
    first, second = torch.rand(2, 5, 1, 32, 32)
    with torch.no_grad():
        (a, level_a), (b, level_b) = (parts(made, made.embed(each)) for each in (first, second))
        found = made.similarities(made.embed(first), made.embed(second))
    expected = (a * b).sum(dim=2)
    expected[:, 2:] -= (level_a + level_b) / 2
    torch.testing.assert_close(found, expected)
    for number, stream in enumerate(made.closed_form):
        assert isinstance(stream, ClosedFormStream)
        cosines = (a[:, 2 + number] @ stream.cohort.embeddings.T).sort(dim=1).values
        torch.testing.assert_close(level_a[:, number], cosines[:, -NEAREST:].mean(dim=1))


def test_twins_are_interchangeable_and_an_image_is_most_similar_to_itself() -> None:
    made = network()
    calibrate(made)
    first, second = torch.rand(2, 4, 1, 32, 32)
    with torch.no_grad():
        scores = made(first, second)
        torch.testing.assert_close(scores, made(second, first))
        assert (made(first, first) < scores).all()


def test_calibrated_logits_are_those_of_the_pairs() -> None:
    made = network()
    a, b, labels = calibrate(made)
    logits = made.compare(a, b)
    # At the optimum, probabilities add up to what there is of each class.
    assert float(torch.sigmoid(logits).sum()) == pytest.approx(50, abs=0.5)
    assert ((logits > 0) == torch.from_numpy(labels == 1)).float().mean() > 0.9


def test_logits_are_even_before_calibration() -> None:
    made = network()
    first, second = torch.rand(2, 4, 1, 32, 32)
    with torch.no_grad():
        assert (made(first, second) == 0).all()


def test_an_ensemble_learns_embeddings() -> None:
    assert isinstance(Ensemble(32, 1, STREAMS), EmbeddingNetwork)


def test_constants_are_the_state_of_the_closed_form_streams_and_nothing_else() -> None:
    made = network(channels=3, streams=dict.fromkeys(KINDS, (1.0,)))
    constants = made.constants()
    of_streams = {f"closed_form.{name}" for name in made.closed_form.state_dict()}
    assert constants == of_streams
    assert "closed_form.1.vectors.mixture.means" in constants  # of the Fisher vectors
    rest = made.state_dict().keys() - constants
    assert rest == {"slopes", "intercept", *(f"learned.{n}" for n in made.learned.state_dict())}
    # Neither steps of the optimizer nor calibration can change them.
    assert not constants & {name for name, _ in made.named_parameters()}
    before = {name: value.clone() for name, value in made.state_dict().items() if name in constants}
    first, second = (made.embed(torch.rand(4, 3, 32, 32)) for _ in range(2))
    with torch.no_grad():
        made.calibrate(first, second, np.array([0, 1, 0, 1]))
    for name, value in before.items():
        assert torch.equal(made.state_dict()[name], value), name


def test_without_closed_form_streams_their_part_of_the_embedding_is_empty() -> None:
    made = network(streams={"residual": (1.0, 0.6)})
    assert made.constants() == set()
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        embeddings = made.embed(images)
        assert made.embed_closed_form(images).shape == (3, 0)
        assert embeddings.shape == (3, 2 * STREAM_SIZE)
        found = made.similarities(embeddings, embeddings.flip(0))
    cosines = embeddings.unflatten(1, (2, -1)) * embeddings.flip(0).unflatten(1, (2, -1))
    torch.testing.assert_close(found, cosines.sum(dim=2))
    a, b, labels = calibrate(made)
    assert ((made.compare(a, b) > 0) == torch.from_numpy(labels == 1)).float().mean() > 0.8


def test_the_size_of_batches_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = {"residual": (1.0,), "gradients": (1.0,), "principal": (0.8,)}
    whole = network(streams=streams)
    for module in (ensemble, closed_form):
        monkeypatch.setattr(module, "BATCH", 7)
    in_parts = network(streams=streams)
    images = torch.rand(3, 1, 32, 32)
    with torch.no_grad():
        (a, level_a), (b, level_b) = (parts(made, made.embed(images)) for made in (whole, in_parts))
    # Directions of the discriminant analysis may be turned, as a whole, by a rounding.
    torch.testing.assert_close(a @ a.mT, b @ b.mT, atol=1e-3, rtol=0)
    torch.testing.assert_close(level_a, level_b, atol=1e-3, rtol=0)


def test_kinds_that_there_are_not_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind of streams 'resdual'"):
        Ensemble(32, 1, {"resdual": (1.0,), "gradients": (1.0,)})


def test_without_learned_streams_their_part_of_the_embedding_is_empty() -> None:
    network = Ensemble(32, 1, {"residual": (), "gradients": (1.0,)})
    images = torch.rand(3, 1, 32, 32)
    assert network.embed_learned(images).shape == (3, 0, 256)
    assert network.similarities(network.embed(images), network.embed(images)).shape == (3, 1)


def test_of_few_images_all_are_taken_and_nothing_is_drawn() -> None:
    before = torch.get_rng_state()
    assert ensemble.draw(torch.tensor([0, 1, 1]), 3).tolist() == [0, 1, 2]
    assert torch.equal(torch.get_rng_state(), before)


def test_of_many_images_those_of_some_people_are_taken_but_few_of_one() -> None:
    torch.manual_seed(0)
    people = torch.arange(100).repeat_interleave(3).flip(0)
    people[:150] = 7  # one has half of the images
    numbers = ensemble.draw(people, 60)
    counts = torch.bincount(people[numbers], minlength=100)
    assert 50 < len(numbers) <= 60
    assert numbers.tolist() == sorted(set(numbers.tolist()))
    others = counts[torch.arange(100) != 7]
    assert set(others.tolist()) <= {0, 1, 2, 3}
    assert counts[7] in (0, ensemble.OF_ONE)
    assert (others == 3).sum() >= 10  # people are taken with all of their images


def test_streams_are_set_from_some_images_where_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ensemble, "SAMPLE", 24)
    torch.manual_seed(0)
    images, made = torch.rand(40, 1, 32, 32), Ensemble(32, 1, STREAMS)
    asked: list[Tensor] = []

    def load(numbers: Tensor) -> Tensor:
        asked.append(numbers)
        return images[numbers]

    made.set_closed_form(load, torch.arange(10).repeat(4))
    assert len(torch.cat(asked).unique()) <= 24
    assert all(made.state_dict()[f"closed_form.{i}.projection"].any() for i in (0, 1))
