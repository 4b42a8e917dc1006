"""The network of several streams: twins, unit length, mirror images, and odds fitted on pairs."""

import copy

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from siamese.cohort import NEAREST, SIZE
from siamese.parameters import NETWORKS
from siamese.residual import ResidualNetwork
from siamese.streams import EMBEDDING_SIZE, LUMINANCE, DeepStream, LinearStream

ZOOMS = (1.0, 0.6)  # of deep and of linear streams


def network(
    size: int = 32,
    channels: int = 1,
    fisher_zooms: tuple[float, ...] = (),
    hue_zooms: tuple[float, ...] = (),
    likeness_zooms: tuple[float, ...] = (),
) -> ResidualNetwork:
    torch.manual_seed(0)
    zooms = ZOOMS, ZOOMS, fisher_zooms, hue_zooms, likeness_zooms
    made = ResidualNetwork(size, channels, *zooms).eval()
    images = torch.rand(40, channels, size, size)
    made.set_linear(images.__getitem__, torch.arange(10).repeat(4))
    return made


def parts(made: ResidualNetwork, embeddings: Tensor) -> tuple[Tensor, Tensor]:
    """Return embeddings by stream, (n, k, 256), and how alike strangers look, (n, linear ones)."""
    learned, fixed = embeddings.tensor_split([2 * EMBEDDING_SIZE], dim=1)
    by_stream = fixed.unflatten(1, (len(made.linear), EMBEDDING_SIZE + 1))
    deep = learned.unflatten(1, (2, EMBEDDING_SIZE))
    return torch.cat([deep, by_stream[:, :, :-1]], dim=1), by_stream[:, :, -1]


def cosines(made: ResidualNetwork, first: Tensor, second: Tensor) -> Tensor:
    a, b = (parts(made, made.embed(images))[0] for images in (first, second))
    return (a * b).sum(dim=2)


@pytest.mark.parametrize(("size", "channels"), [(NETWORKS["residual"], 1), (33, 3), (64, 1)])
def test_embeddings_of_each_stream_have_length_one(size: int, channels: int) -> None:
    made = network(size, channels)
    images = torch.rand(3, channels, size, size)
    with torch.no_grad():
        both, _ = parts(made, made.embed(images))
        deep = made.train().learned(images).unflatten(1, (2, EMBEDDING_SIZE))
    torch.testing.assert_close(both.norm(dim=2), torch.ones(3, 4))
    torch.testing.assert_close(deep.norm(dim=2), torch.ones(3, 2))


def test_a_linear_stream_sets_a_cosine_against_those_with_strangers() -> None:
    made = network(likeness_zooms=(0.8,))
    first, second = torch.rand(2, 5, 1, 32, 32)
    with torch.no_grad():
        (a, strange), (b, stranger) = (parts(made, made.embed(each)) for each in (first, second))
        found = made.similarities(made.embed(first), made.embed(second))
    expected = (a * b).sum(dim=2)
    expected[:, 2:] -= (strange + stranger) / 2
    torch.testing.assert_close(found, expected)
    for number, stream in enumerate(made.linear):
        assert isinstance(stream, LinearStream)
        with_all = (a[:, 2 + number] @ stream.cohort.embeddings.T).sort(dim=1).values
        torch.testing.assert_close(strange[:, number], with_all[:, -NEAREST:].mean(dim=1))


def test_a_cohort_is_of_the_training_images() -> None:
    torch.manual_seed(0)
    made = ResidualNetwork(32).eval()
    images, people = torch.rand(30, 1, 32, 32), torch.arange(10).repeat(3)
    made.set_linear(images.__getitem__, people)
    stream = made.linear[0]
    assert isinstance(stream, LinearStream)
    with torch.no_grad():
        given = stream(images)[:, :-1]
    alike = stream.cohort.embeddings @ given.T
    torch.testing.assert_close(alike.max(dim=1).values, torch.ones(SIZE))
    # One image of each person, all as often as another.
    assert len(alike.argmax(dim=1).unique()) == 10
    assert len(people[alike.argmax(dim=1)].unique()) == 10


def test_likeness_is_that_of_principal_components_whoever_is_shown() -> None:
    torch.manual_seed(0)
    images = torch.rand(40, 1, 32, 32)
    made = [ResidualNetwork(32, likeness_zooms=(1.0,)).eval() for _ in range(2)]
    for each, people in zip(made, (torch.arange(10).repeat(4), torch.arange(40) // 4), strict=True):
        each.set_linear(images.__getitem__, people)
    stream = made[0].linear[-1]
    assert isinstance(stream, LinearStream)
    with torch.no_grad():
        first, second = (each.linear[-1](images)[:, :-1] for each in made)
        features = stream.features(images).numpy()
    torch.testing.assert_close(first @ first.T, second @ second.T, atol=1e-4, rtol=0)
    components = PCA(39).fit_transform(features)
    expected = components / np.linalg.norm(components, axis=1, keepdims=True)
    np.testing.assert_allclose(first @ first.T, expected @ expected.T, atol=1e-3)


def test_hues_are_seen_by_a_stream_of_their_own_and_by_no_other() -> None:
    made = network(channels=3, hue_zooms=(0.6,))
    images = torch.rand(40, 3, 32, 32) * 0.4 + 0.3
    # As bright as before, but redder or greener from place to place.
    tint = torch.rand(40, 1, 32, 32) * 0.6
    tinted = images + tint * torch.tensor([0.587, -0.299, 0.0])[:, None, None]
    with torch.no_grad():
        same = cosines(made, images, tinted)
        assert (same[:, :4] > 0.999).all()
        assert (same[:, 4] < 0.98).all()
        assert same[:, 4].mean() < 0.9
        # Nor does brightness, or a lamp of another colour, count for it.
        lit = cosines(made, images * 0.7, images)[:, 4]
        assert (lit > 0.99).all()
        gray = made.embed(images[:, :1].expand(-1, 3, -1, -1))
    assert torch.isfinite(gray).all()


def test_gray_faces_as_colour_images_leave_hues_nothing_to_say() -> None:
    images = torch.rand(40, 1, 32, 32).expand(-1, 3, -1, -1)
    made = ResidualNetwork(32, 3, hue_zooms=(1.0,)).eval()
    made.set_linear(images.__getitem__, torch.arange(10).repeat(4))
    with torch.no_grad():
        assert made.linear[-1](images).abs().max() < 1e-6


def test_twins_are_interchangeable_and_an_image_is_most_like_itself() -> None:
    made = network()
    first, second = torch.rand(2, 4, 1, 32, 32)
    with torch.no_grad():
        scores = made(first, second)
        torch.testing.assert_close(scores, made(second, first))
        assert (made(first, first) < scores).all()


def test_a_mirrored_or_relit_image_is_the_same_face() -> None:
    made = network()
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        embeddings = made.embed(images)
        torch.testing.assert_close(made.embed(images.flip(3)), embeddings, atol=1e-4, rtol=0)
        same = cosines(made, images * 0.5 + 0.3, images)
    torch.testing.assert_close(same, torch.ones(2, 4), atol=0.01, rtol=0)


def test_a_stream_sees_its_part_of_the_image_and_nothing_else() -> None:
    made = network()
    images = torch.rand(2, 1, 32, 32)
    framed = images.clone()
    framed[:, :, :6] = 0.5  # outside the 19 pixels in the middle
    with torch.no_grad():
        same = cosines(made, framed, images)
    wide, narrow = [0, 2], [1, 3]
    assert (same[:, narrow] > 0.9999).all()
    assert (same[:, wide] < 0.999).all()


def test_a_stream_of_fisher_vectors_sees_its_part_in_gray_and_both_ways_round() -> None:
    made = network(64, channels=3, fisher_zooms=(0.6,))
    stream = made.linear[2]
    images = torch.rand(3, 3, 64, 64)
    framed = images.clone()
    framed[:, :, :, :12] = 0.5  # outside the 38 pixels in the middle
    gray = (images * torch.tensor(LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
    with torch.no_grad():
        embeddings = stream(images)
        for alike in (framed, gray.expand(-1, 3, -1, -1), images.flip(3)):
            torch.testing.assert_close(stream(alike), embeddings, atol=2e-3, rtol=0)
        unit, turned = embeddings[:, :-1], stream(images.flip(2))[:, :-1]
        torch.testing.assert_close(unit.norm(dim=1), torch.ones(3))
        assert (turned * unit).sum(dim=1).max() < 0.9


@pytest.mark.parametrize("stream", [0, 1])
def test_a_linear_stream_knows_the_people_it_was_set_by(stream: int) -> None:
    torch.manual_seed(0)
    people = torch.arange(20).repeat_interleave(3)
    images = torch.rand(20, 1, 32, 32)[people] + 0.3 * torch.rand(60, 1, 32, 32)
    made = ResidualNetwork(32, fisher_zooms=(1.0,)).eval()
    made.set_linear(images.__getitem__, people)
    with torch.no_grad():
        embeddings = made.linear[stream](images)[:, :-1]
    alike = (embeddings @ embeddings.T).fill_diagonal_(-1)
    assert (people[alike.argmax(dim=1)] == people).all()


def test_fitted_odds_are_the_logits_of_the_pairs() -> None:
    made = network()
    first, second = torch.rand(2, 50, 1, 32, 32)
    with torch.no_grad():
        a = made.embed(torch.cat([first, first]))
        b = made.embed(torch.cat([first + 0.5 * second, second]))
        labels = np.repeat([0, 1], 50)
        made.fit_odds(a, b, labels)
        logits = made.compare(a, b)
    # At the optimum, probabilities add up to what there is of each class.
    assert float(torch.sigmoid(logits).sum()) == pytest.approx(50, abs=0.5)
    assert ((logits > 0) == torch.from_numpy(labels == 1)).float().mean() > 0.9


def test_odds_that_are_forgotten_leave_the_negative_cosine_of_what_is_learned() -> None:
    made = network()
    first, second = torch.rand(2, 4, 1, 32, 32)
    with torch.no_grad():
        a, b = made.embed(first), made.embed(second)
        made.fit_odds(a, b, np.array([0, 0, 1, 1]))
        made.forget_odds()
        expected = -made.similarities(a, b)[:, :2].mean(dim=1)
        torch.testing.assert_close(made.compare(a, b), expected)


def test_gradients_are_right_in_the_layout_of_training() -> None:
    # With float64 PyTorch counts by itself; with float32, by oneDNN, whose threads crashed on an
    # odd number of images (see `_Block`).
    stream = network(64).deep[0].train()
    assert isinstance(stream, DeepStream)
    maps, weights = stream.glimpse(torch.rand(177, 1, 64, 64)), torch.randn(177, EMBEDDING_SIZE)
    gradients = []
    for kind in (torch.float64, torch.float32):
        layers = copy.deepcopy(stream.layers).to(kind).to(memory_format=torch.channels_last)
        (layers(maps.to(kind)) * weights).sum().backward()
        gradients.append([p.grad.double() for p in layers.parameters() if p.grad is not None])
    for right, found in zip(*gradients, strict=True):
        assert (found - right).norm() < 0.02 * right.norm()
