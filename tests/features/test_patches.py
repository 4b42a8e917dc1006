"""Patches are described cell by cell, in several scales, and hardly by the lighting."""

import math

import pytest
import torch

from siamese.features import patches
from siamese.features.patches import (
    CELLS,
    COLOURS,
    DIRECTIONS,
    POOL,
    SIDE,
    describe_colours,
    describe_gradients,
    opponent_colours,
)
from siamese.networks.streams import KINDS


def images(number: int = 20, size: int = 32) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(number, 1, size, size)


def test_the_smallest_image_that_parameters_allow_is_one_patch() -> None:
    assert KINDS["fisher"].smallest == SIDE
    descriptions, places = describe_gradients(images(2, SIDE))
    assert descriptions.shape == (2, 1, 128)
    assert places.tolist() == [[0, 0]]


def test_patches_are_seen_in_several_scales_and_inside_the_image() -> None:
    descriptions, places = describe_gradients(images(1, 160))
    steps = [(round(160 * scale) - SIDE) // patches.STEP + 1 for scale in patches.SCALES]
    assert descriptions.shape == (1, sum(-(-(step**2) // 2) for step in steps), 128)
    assert len(steps) == 5
    assert places.abs().max() <= 0.5 - 0.5 * SIDE / 160
    assert places.mean(dim=0).abs().max() < 0.01


@pytest.mark.parametrize("number", range(DIRECTIONS))
def test_a_patch_responds_in_the_direction_of_its_gradient(number: int) -> None:
    angle = 2 * math.pi * number / DIRECTIONS
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    ramp = (x * math.cos(angle) + y * math.sin(angle))[None, None] / 64
    found = describe_gradients(ramp)[0].unflatten(2, (CELLS**2, DIRECTIONS))[0, 4]
    assert (found.argmax(dim=1) == number).all()


def test_a_patch_is_described_cell_by_cell() -> None:
    # An edge in the image's upper left corner is in the first cell of the first patch, no other.
    image = torch.zeros(1, 1, 32, 32)
    image[:, :, :4, :4] = 1
    first = describe_gradients(image)[0][0, 0].unflatten(0, (CELLS**2, DIRECTIONS))
    assert first[0].max() > 0.1
    assert first[1:].max() < 0.01 * first[0].max()


def test_the_mirror_image_is_described_by_mirrored_patches() -> None:
    descriptions, places = describe_gradients(images(3))
    mirrored, there = describe_gradients(images(3).flip(3))
    swapped = [(DIRECTIONS // 2 - k) % DIRECTIONS for k in range(DIRECTIONS)]
    expected = descriptions.unflatten(2, (CELLS, CELLS, DIRECTIONS)).flip(3)[..., swapped]
    order = [1, 0, 3, 2, 4]  # the four in the corners, and the one in the middle
    torch.testing.assert_close(mirrored, expected.flatten(2)[:, order], atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(there, places[order] * torch.tensor([1, -1]), atol=1e-6, rtol=0)


def test_lighting_changes_descriptors_little_and_an_even_image_gives_small_ones() -> None:
    original = describe_gradients(images())[0]
    lighter = describe_gradients(images() * 0.5 + 0.2)[0]
    torch.testing.assert_close(lighter, original, atol=0.02, rtol=0)
    assert describe_gradients(torch.full((1, 1, 32, 32), 0.3))[0].abs().max() < 0.1


def colours(number: int = 2, size: int = 32) -> torch.Tensor:
    return 0.2 + 0.6 * torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_colours_are_described_cell_by_cell_where_gradients_are() -> None:
    descriptions, places = describe_colours(colours())
    assert descriptions.shape == (2, 5, COLOURS)
    torch.testing.assert_close(places, describe_gradients(images(2))[1])
    cell = opponent_colours(colours())[1, :, 6 : 6 + POOL, 12 : 12 + POOL]
    found = descriptions[1, 0].unflatten(0, (CELLS, CELLS, -1))[1, 2]
    expected = torch.cat([cell.mean(dim=(1, 2)), cell.std(dim=(1, 2), correction=0)])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_colours_are_relative_to_the_brightness() -> None:
    original, darker = describe_colours(colours())[0], describe_colours(colours() * 0.7)[0]
    assert (darker - original).abs().max() < 0.2 * original.abs().max()
    gray = colours()[:, :1].expand(-1, 3, -1, -1)
    found = describe_colours(gray)[0].unflatten(2, (CELLS**2, 2, 3))
    assert found[..., 0, 1:].abs().max() < 1e-6
    assert found[..., 0].abs().max() > 0.1
