"""The fixed first layer responds to the direction of edges, and hardly to the lighting."""

import math

import pytest
import torch

from siamese.features.oriented_gradients import DIRECTIONS, OrientedGradients


def ramp(angle: float, size: int = 32) -> torch.Tensor:
    """Return an image (1, 1, size, size) that gets brighter in the direction of an angle."""
    axis = torch.arange(size, dtype=torch.float32)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    return (x * math.cos(angle) + y * math.sin(angle))[None, None]


@pytest.mark.parametrize("number", range(DIRECTIONS))
def test_the_map_of_a_ramps_direction_responds_most(number: int) -> None:
    maps = OrientedGradients()(ramp(2 * math.pi * number / DIRECTIONS))
    assert maps.shape == (1, DIRECTIONS, 16, 16)
    inside = maps[0, :, 3:-3, 3:-3].mean(dim=(1, 2))
    assert int(inside.argmax()) == number
    others = [i for i in range(DIRECTIONS) if i != number]
    assert inside[others].max() < 0.2 * inside[number]


def test_brightness_and_contrast_change_next_to_nothing() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(
        OrientedGradients()(image * 3 + 0.5), OrientedGradients()(image), atol=0.02, rtol=0.02
    )


def test_an_image_without_an_edge_gives_finite_small_numbers() -> None:
    maps = OrientedGradients()(torch.full((1, 1, 32, 32), 0.3))
    assert torch.isfinite(maps).all()
    assert maps.max() < 0.05


def test_odd_sizes_round_down() -> None:
    assert OrientedGradients()(torch.rand(2, 1, 33, 33)).shape == (2, DIRECTIONS, 16, 16)
