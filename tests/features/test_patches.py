"""Patches are described cell by cell, in several scales, and hardly by the lighting."""

import math

import pytest
import torch

from siamese.features.patches import (
    CELLS,
    COLOURS,
    DIRECTIONS,
    GRADIENTS,
    POOL,
    SIDE,
    SPACING,
    Kind,
    opponent_colours,
)
from siamese.networks.streams import KINDS


def describe(kind: Kind, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return descriptors (n, patches, k, 4, 4) and places (patches, 2)."""
    grids = list(kind.grids(seen))
    whole = kind.kernels(torch.eye(kind.size))
    found = torch.cat([grid.project(whole) for grid in grids], dim=2).transpose(1, 2)
    return found.unflatten(2, (-1, CELLS, CELLS)), torch.cat([grid.places() for grid in grids])


def images(number: int = 20, size: int = 32) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.rand(number, 1, size, size)


def test_the_smallest_image_that_parameters_allow_is_one_patch() -> None:
    assert KINDS["fisher"].smallest == SIDE
    descriptors, places = describe(GRADIENTS, images(2, SIDE))
    assert descriptors.shape == (2, 1, DIRECTIONS, CELLS, CELLS)
    assert places.tolist() == [[0, 0]]


def test_patches_lie_as_on_a_chessboard_in_several_scales_inside_the_image() -> None:
    descriptors, places = describe(GRADIENTS, images(1, 160))
    sizes = [160, 114, 80, 56, 40]
    rows = [(size - SIDE) // SPACING + 1 for size in sizes]
    assert descriptors.shape[1] == sum(row**2 + (row - 1) ** 2 for row in rows)
    assert places.abs().max() <= 0.5 - 0.5 * SIDE / 160
    assert places.mean(dim=0).abs().max() < 1e-6
    largest = places[: rows[0] ** 2 + (rows[0] - 1) ** 2] * 160
    apart = torch.cdist(largest, largest) + 1e3 * torch.eye(len(largest))
    torch.testing.assert_close(apart.min(), torch.tensor(3 * 2**0.5), atol=1e-2, rtol=0)


@pytest.mark.parametrize("number", range(DIRECTIONS))
def test_a_patch_responds_in_the_direction_of_its_gradient(number: int) -> None:
    angle = 2 * math.pi * number / DIRECTIONS
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    ramp = (x * math.cos(angle) + y * math.sin(angle))[None, None] / 64
    found = describe(GRADIENTS, ramp)[0][0, -1]
    assert (found.argmax(dim=0) == number).all()


def test_a_patch_is_described_cell_by_cell() -> None:
    # An edge in the image's upper left corner is in the patch's first cell, no other.
    image = torch.zeros(1, 1, 26, 26)
    image[:, :, :4, :4] = 1
    first = describe(GRADIENTS, image)[0][0, 0].amax(dim=0)
    assert first[0, 0] > 0.1
    assert first.flatten()[1:].max() < 0.01 * first[0, 0]


def test_a_descriptor_has_the_roots_of_shares() -> None:
    found = describe(GRADIENTS, images(2, 160))[0].flatten(2)
    assert found.min() >= 0
    lengths = found.square().sum(dim=2)
    assert lengths.min() > 0.9
    assert lengths.max() < 1


@pytest.mark.parametrize("kind", [GRADIENTS, COLOURS])
def test_kernels_are_mirrored_as_images_are(kind: Kind) -> None:
    # There is a single patch.
    seen = colours(3, SIDE) if kind is COLOURS else images(3, SIDE)
    kernels = kind.kernels(torch.randn(5, kind.size))
    (there,), (here,) = list(kind.grids(seen.flip(3))), list(kind.grids(seen))
    expected = there.project(kernels)
    torch.testing.assert_close(here.project(kind.mirror(kernels)), expected, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(here.project(kernels), expected, atol=1e-2)


def test_lighting_changes_descriptors_little_and_an_even_image_gives_small_ones() -> None:
    original = describe(GRADIENTS, images())[0]
    lighter = describe(GRADIENTS, images() * 0.5 + 0.2)[0]
    torch.testing.assert_close(lighter, original, atol=0.02, rtol=0)
    assert describe(GRADIENTS, torch.full((1, 1, 32, 32), 0.3))[0].abs().max() < 0.1


def colours(number: int = 2, size: int = 32) -> torch.Tensor:
    return 0.2 + 0.6 * torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(0))


def test_colours_are_described_cell_by_cell_where_gradients_are() -> None:
    descriptors, places = describe(COLOURS, colours())
    assert descriptors.shape[2:] == (6, CELLS, CELLS)
    torch.testing.assert_close(places, describe(GRADIENTS, images(2))[1])
    assert places[0].tolist() == [-3 / 32, -3 / 32]  # in the middle of the first 26 pixels
    cell = opponent_colours(colours())[1, :, 6 : 6 + POOL, 12 : 12 + POOL]
    expected = torch.cat([cell.mean(dim=(1, 2)), cell.std(dim=(1, 2), correction=0)])
    torch.testing.assert_close(descriptors[1, 0, :, 1, 2], expected, atol=1e-5, rtol=1e-4)


def test_colours_are_relative_to_the_brightness() -> None:
    original, darker = (describe(COLOURS, colours() * level)[0] for level in (1, 0.7))
    assert (darker - original).abs().max() < 0.2 * original.abs().max()
    gray = describe(COLOURS, colours()[:, :1].expand(-1, 3, -1, -1))[0]
    assert gray[:, :, 1:3].abs().max() < 1e-6
    assert gray[:, :, 0].abs().max() > 0.05
