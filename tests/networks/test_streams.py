"""Each kind of stream: what it sees of an image, and what its embeddings say."""

import copy
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from siamese.networks.cohort import SIZE
from siamese.networks.ensemble import Ensemble
from siamese.networks.streams import KINDS, residual
from siamese.networks.streams.closed_form import ClosedFormStream
from siamese.networks.streams.view import LUMINANCE, STREAM_SIZE

TEN_PEOPLE = torch.arange(10).repeat(4)  # whom 40 images show


def ensemble(streams: Mapping[str, tuple[float, ...]], images: Tensor, people: Tensor) -> Ensemble:
    """Return an ensemble that was set by images, in evaluation mode."""
    made = Ensemble(images.shape[2], images.shape[1], streams).eval()
    made.set_closed_form(images.__getitem__, people)
    return made


def closed_form(
    kind: str, images: Tensor, people: Tensor = TEN_PEOPLE, zoom: float = 1.0
) -> ClosedFormStream:
    """Return a closed-form stream that was set by images."""
    [stream] = ensemble({kind: (zoom,)}, images, people).closed_form
    assert isinstance(stream, ClosedFormStream)
    return stream


def by_stream(made: Ensemble, images: Tensor) -> Tensor:
    """Return the embeddings of all streams, (n, k, 256), each of length 1."""
    rest = made.embed_closed_form(images).unflatten(1, (len(made.closed_form), -1))
    return torch.cat([made.embed_learned(images), rest[:, :, :-1]], dim=1)


def cosines(made: Ensemble, first: Tensor, second: Tensor) -> Tensor:
    """Return each stream's cosines, (n, k)."""
    return (by_stream(made, first) * by_stream(made, second)).sum(dim=2)


@pytest.fixture(scope="module")
def two_zooms() -> Ensemble:
    """Return two learned and two closed-form streams of gray images; the second ones zoom in."""
    torch.manual_seed(0)
    streams = {"residual": (1.0, 0.6), "gradients": (1.0, 0.6)}
    return ensemble(streams, torch.rand(40, 1, 32, 32), TEN_PEOPLE)


def test_a_mirrored_image_or_one_in_other_lighting_gets_the_same_embedding(
    two_zooms: Ensemble,
) -> None:
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        embeddings = two_zooms.embed(images)
        torch.testing.assert_close(two_zooms.embed(images.flip(3)), embeddings, atol=1e-4, rtol=0)
        same = cosines(two_zooms, images * 0.5 + 0.3, images)
    torch.testing.assert_close(same, torch.ones(2, 4), atol=0.01, rtol=0)


def test_a_stream_sees_its_part_of_the_image_and_nothing_else(two_zooms: Ensemble) -> None:
    images = torch.rand(2, 1, 32, 32)
    framed = images.clone()
    framed[:, :, :6] = 0.5  # outside the 19 pixels in the middle
    with torch.no_grad():
        same = cosines(two_zooms, framed, images)
    wide, narrow = [0, 2], [1, 3]
    assert (same[:, narrow] > 0.9999).all()
    assert (same[:, wide] < 0.999).all()


@pytest.mark.parametrize("kind", [kind for kind, needs in KINDS.items() if not needs.learned])
def test_a_closed_form_stream_of_any_kind_takes_the_smallest_image_allowed(kind: str) -> None:
    torch.manual_seed(0)
    channels = 3 if KINDS[kind].colour else 1
    images = torch.rand(20, channels, 32, 32)
    stream = closed_form(kind, images, torch.arange(20) // 2, zoom=KINDS[kind].smallest / 32)
    with torch.no_grad():
        embeddings = stream(images)
    assert embeddings.shape == (20, STREAM_SIZE + 1)
    torch.testing.assert_close(embeddings[:, :-1].norm(dim=1), torch.ones(20))


def test_a_learned_stream_takes_the_smallest_image_allowed() -> None:
    made = Ensemble(32, 1, {"residual": (KINDS["residual"].smallest / 32,)})
    assert made.embed_learned(torch.rand(3, 1, 32, 32)).shape == (3, 1, STREAM_SIZE)


def test_the_images_of_other_people_are_one_training_image_of_each() -> None:
    torch.manual_seed(0)
    images, people = torch.rand(30, 1, 32, 32), torch.arange(10).repeat(3)
    stream = closed_form("gradients", images, people)
    with torch.no_grad():
        given = stream(images)[:, :-1]
    similar = stream.cohort.embeddings @ given.T
    torch.testing.assert_close(similar.max(dim=1).values, torch.ones(SIZE))
    # One image of each person, all as often as another.
    assert len(similar.argmax(dim=1).unique()) == 10
    assert len(people[similar.argmax(dim=1)].unique()) == 10


@pytest.mark.parametrize("kind", ["gradients", "fisher"])
def test_a_closed_form_stream_recognises_the_people_it_was_set_by(kind: str) -> None:
    torch.manual_seed(0)
    people = torch.arange(20).repeat_interleave(3)
    images = torch.rand(20, 1, 32, 32)[people] + 0.3 * torch.rand(60, 1, 32, 32)
    stream = closed_form(kind, images, people)
    with torch.no_grad():
        embeddings = stream(images)[:, :-1]
    similar = (embeddings @ embeddings.T).fill_diagonal_(-1)
    assert (people[similar.argmax(dim=1)] == people).all()


def test_a_stream_of_fisher_vectors_sees_its_part_in_gray_and_mirrored_too() -> None:
    torch.manual_seed(0)
    stream = closed_form("fisher", torch.rand(40, 3, 64, 64), zoom=0.6)
    images = torch.rand(3, 3, 64, 64)
    framed = images.clone()
    framed[:, :, :, :12] = 0.5  # outside the 38 pixels in the middle
    gray = (images * torch.tensor(LUMINANCE)[:, None, None]).sum(dim=1, keepdim=True)
    with torch.no_grad():
        embeddings = stream(images)
        for same in (framed, gray.expand(-1, 3, -1, -1), images.flip(3)):
            torch.testing.assert_close(stream(same), embeddings, atol=2e-3, rtol=0)
        unit, turned = embeddings[:, :-1], stream(images.flip(2))[:, :-1]
        torch.testing.assert_close(unit.norm(dim=1), torch.ones(3))
        assert (turned * unit).sum(dim=1).max() < 0.9


def test_hues_are_seen_by_a_stream_of_their_own_and_by_no_other() -> None:
    torch.manual_seed(0)
    streams = {"residual": (1.0, 0.6), "gradients": (1.0, 0.6), "hue": (0.6,)}
    made = ensemble(streams, torch.rand(40, 3, 32, 32), TEN_PEOPLE)
    images = torch.rand(40, 3, 32, 32) * 0.4 + 0.3
    # As bright as before, but redder or greener from place to place.
    tint = torch.rand(40, 1, 32, 32) * 0.6
    tinted = images + tint * torch.tensor([0.587, -0.299, 0.0])[:, None, None]
    with torch.no_grad():
        same = cosines(made, images, tinted)
        assert (same[:, :4] > 0.999).all()
        assert (same[:, 4] < 0.98).all()
        assert same[:, 4].mean() < 0.9
        # Brightness does not count for it.
        lit = cosines(made, images * 0.7, images)[:, 4]
        assert (lit > 0.99).all()
        gray = made.embed(images[:, :1].expand(-1, 3, -1, -1))
    assert torch.isfinite(gray).all()


def test_light_of_another_colour_hardly_changes_the_hues() -> None:
    torch.manual_seed(0)
    stream = closed_form("hue", torch.rand(40, 3, 32, 32))
    images = torch.rand(40, 3, 32, 32) * 0.2 + 0.4
    warmer = images + torch.tensor([0.1, 0.0, -0.1])[:, None, None]
    with torch.no_grad():
        same = (stream(images) * stream(warmer))[:, :-1].sum(dim=1)
    assert (same > 0.98).all()


def test_gray_faces_as_colour_images_have_no_hue() -> None:
    images = torch.rand(40, 1, 32, 32).expand(-1, 3, -1, -1)
    stream = closed_form("hue", images)
    with torch.no_grad():
        assert stream(images).abs().max() < 1e-6


def test_principal_components_do_not_depend_on_whom_the_images_show() -> None:
    torch.manual_seed(0)
    images = torch.rand(40, 1, 32, 32)
    streams = [
        closed_form("principal", images, each) for each in (TEN_PEOPLE, torch.arange(40) // 4)
    ]
    with torch.no_grad():
        first, second = (stream(images)[:, :-1] for stream in streams)
        features = streams[0].features(images).numpy()
    torch.testing.assert_close(first @ first.T, second @ second.T, atol=1e-4, rtol=0)
    components = PCA(39).fit_transform(features)
    expected = components / np.linalg.norm(components, axis=1, keepdims=True)
    np.testing.assert_allclose(first @ first.T, expected @ expected.T, atol=1e-3)


def test_gradients_are_right_in_the_layout_of_training() -> None:
    # With float64 PyTorch computes by itself; with float32, by oneDNN, whose threads crashed on an
    # odd number of images (see `residual._Block`).
    torch.manual_seed(0)
    stream = residual.Stream(64, 1.0).train()
    maps, weights = stream.view(torch.rand(177, 1, 64, 64)), torch.randn(177, STREAM_SIZE)
    gradients = []
    for kind in (torch.float64, torch.float32):
        layers = copy.deepcopy(stream.layers).to(kind).to(memory_format=torch.channels_last)
        (layers(maps.to(kind)) * weights).sum().backward()
        gradients.append([p.grad.double() for p in layers.parameters() if p.grad is not None])
    for right, found in zip(*gradients, strict=True):
        assert (found - right).norm() < 0.02 * right.norm()
