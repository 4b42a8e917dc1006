"""The network is the experiment's: layers, shapes, parameters, twins."""

import pytest
import torch
from torch import nn

from siamese.networks.contract import EmbeddingNetwork
from siamese.networks.koch import KochNetwork, feature_map_size
from siamese.rules import NETWORKS

SMALLEST = NETWORKS["koch"].smallest


@pytest.fixture(scope="module")
def network() -> KochNetwork:
    torch.manual_seed(0)
    return KochNetwork().eval()


def test_layers_are_those_of_the_experiment(network: KochNetwork) -> None:
    convolutions = [layer for layer in network.twin if isinstance(layer, nn.Conv2d)]
    assert [(c.out_channels, c.kernel_size) for c in convolutions] == [
        (64, (10, 10)),
        (128, (7, 7)),
        (128, (4, 4)),
        (256, (4, 4)),
    ]
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in network.twin) == 4
    assert sum(isinstance(layer, nn.MaxPool2d) for layer in network.twin) == 4
    assert isinstance(network.twin[-2], nn.Linear)
    assert isinstance(network.twin[-1], nn.Sigmoid)


def test_parameter_count_is_that_of_the_experiment(network: KochNetwork) -> None:
    convolutions = (
        (64 * 1 * 10 * 10 + 64)
        + (128 * 64 * 7 * 7 + 128)
        + (128 * 128 * 4 * 4 + 128)
        + (256 * 128 * 4 * 4 + 256)
    )
    batch_norms = 2 * (64 + 128 + 128 + 256)
    # 105 → 96 → 48 → 42 → 21 → 18 → 9 → 6 → 3
    fully_connected = (256 * 3 * 3) * 4096 + 4096
    decision = 4096 + 1
    count = sum(parameter.numel() for parameter in network.parameters())
    assert count == convolutions + batch_norms + fully_connected + decision == 10_641_345


def test_shapes(network: KochNetwork) -> None:
    images = torch.rand(3, 1, 105, 105)
    with torch.no_grad():
        embeddings = network.embed(images)
        logits = network(images, images.flip(0))
    assert embeddings.shape == (3, 4096)
    assert ((embeddings > 0) & (embeddings < 1)).all()
    assert logits.shape == (3,)


def test_a_pair_scores_the_same_both_ways(network: KochNetwork) -> None:
    first, second = torch.rand(2, 4, 1, 105, 105)
    with torch.no_grad():
        torch.testing.assert_close(network(first, second), network(second, first))


def test_an_image_and_itself_are_decided_by_the_bias_alone(network: KochNetwork) -> None:
    images = torch.rand(2, 1, 105, 105)
    with torch.no_grad():
        logits = network(images, images)
    torch.testing.assert_close(logits, network.decision.bias.expand(2))


def test_pooling_before_relu_changes_no_value_and_no_gradient() -> None:
    torch.manual_seed(0)
    maps = torch.randn(2, 3, 8, 8, requires_grad=True)
    twin = maps.detach().clone().requires_grad_()
    pooled_first = nn.functional.relu(nn.functional.max_pool2d(maps, 2))
    relu_first = nn.functional.max_pool2d(nn.functional.relu(twin), 2)
    weights = torch.randn_like(pooled_first)
    (pooled_first * weights).sum().backward()
    (relu_first * weights).sum().backward()
    assert torch.equal(pooled_first, relu_first)
    assert maps.grad is not None
    assert twin.grad is not None
    assert torch.equal(maps.grad, twin.grad)


def test_smallest_input_leaves_one_pixel() -> None:
    assert feature_map_size(105) == 3
    assert feature_map_size(SMALLEST) == 1
    assert feature_map_size(SMALLEST - 1) == 0


def test_colour_images_are_taken_too() -> None:
    network = KochNetwork(SMALLEST, channels=3)
    assert network.embed(torch.rand(2, 3, SMALLEST, SMALLEST)).shape == (2, 4096)


def test_it_learns_no_embeddings_of_people_and_has_no_constants(network: KochNetwork) -> None:
    assert not isinstance(network, EmbeddingNetwork)
    assert network.constants() == set()
