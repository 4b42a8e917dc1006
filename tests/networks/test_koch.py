"""The network is the experiment's: layers, shapes, parameters, twins."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from siamese import parameters
from siamese.networks import model_file
from siamese.networks.contract import EmbeddingNetwork
from siamese.networks.koch import KochNetwork, feature_map_size
from siamese.parameters import Variant
from siamese.rules import NETWORKS

ROOT = Path(__file__).parents[2]

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


def images(n: int = 3) -> torch.Tensor:
    return torch.rand(n, 1, 73, 73, generator=torch.Generator().manual_seed(0))


def variant(**changes: str) -> KochNetwork:
    torch.manual_seed(0)
    return KochNetwork(73, variant=Variant(**changes)).eval()


def test_a_variant_without_changes_is_the_network_itself() -> None:
    torch.manual_seed(0)
    plain = KochNetwork(73).eval()
    assert torch.equal(variant().embed(images()), plain.embed(images()))


def test_bytes_are_images_of_another_scale() -> None:
    plain, scaled = variant(), variant(scaling="bytes")
    torch.testing.assert_close(scaled.embed(images() / 255), plain.embed(images()))


def test_standardised_images_do_not_depend_on_brightness_and_contrast() -> None:
    network = variant(scaling="standardised")
    first, second = network.embed(images()), network.embed(0.5 * images() + 0.2)
    torch.testing.assert_close(first, second, atol=2e-3, rtol=0)
    plain = variant()
    assert not torch.allclose(plain.embed(images()), plain.embed(0.5 * images() + 0.2), atol=2e-3)


def test_batches_may_be_normalised_after_relu() -> None:
    kinds = [type(layer) for layer in list(variant(normalisation="after_relu").twin)[:4]]
    assert kinds == [nn.Conv2d, nn.ReLU, nn.BatchNorm2d, nn.MaxPool2d]


def test_the_papers_initialisation_is_normal_with_its_deviations() -> None:
    network = variant(initialisation="koch")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            expected = 0.01 if isinstance(module, nn.Conv2d) else 0.2
            assert float(module.weight.detach().std()) == pytest.approx(expected, rel=0.1)
            assert module.bias is not None
            assert float(module.bias.detach().mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("name", ["scaling", "normalisation", "initialisation"])
def test_a_variant_travels_in_the_model_file(name: str, tmp_path: Path) -> None:
    recipe = parameters.read(ROOT / "params.yaml").recipes["koch"]
    values = {"scaling": "bytes", "normalisation": "after_relu", "initialisation": "koch"}
    changed = dataclasses.replace(recipe, variant=Variant(**{name: values[name]}))
    network = model_file.make(changed).eval()
    path = tmp_path / "model.safetensors"
    model_file.save(network, model_file.Settings.of(changed, 0.0), path)
    loaded, settings = model_file.load(path)
    assert settings.variant == changed.variant
    some = torch.rand(2, 1, 105, 105)
    assert torch.equal(loaded.embed(some), network.embed(some))
