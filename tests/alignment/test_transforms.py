"""Transforms compose, are undone and are mirrored as the plane's similarities are."""

import math

import pytest
import torch
from torch import Tensor

from siamese.alignment import transforms


def drawn(count: int = 20, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(count, 4, generator=generator) - 0.5) * torch.tensor([1.0, 0.6, 0.5, 0.5])


def apply(given: Tensor, points: Tensor) -> Tensor:
    """Return points (n, 2) where transforms (n, 4) take them."""
    matrix = transforms.matrices(given)
    return (matrix[:, :, :2] @ points[:, :, None])[:, :, 0] + matrix[:, :, 2]


POINTS = torch.rand(20, 2, generator=torch.Generator().manual_seed(9)) * 2 - 1


def test_the_four_numbers_are_angle_scale_and_shift() -> None:
    right = torch.tensor([[1.0, 0.0]])
    quarter = torch.tensor([[math.pi / 2, math.log(2), 0.25, -0.5]])
    torch.testing.assert_close(apply(quarter, right), torch.tensor([[0.25, 1.5]]))


def test_a_composition_applies_the_inner_transform_first() -> None:
    outer, inner = drawn(seed=1), drawn(seed=2)
    together = apply(transforms.compose(outer, inner), POINTS)
    torch.testing.assert_close(together, apply(outer, apply(inner, POINTS)))


def test_an_inverse_undoes_on_either_side() -> None:
    given = drawn()
    for both in ((given, transforms.invert(given)), (transforms.invert(given), given)):
        torch.testing.assert_close(
            transforms.compose(*both), torch.zeros_like(given), atol=1e-6, rtol=0
        )


def test_a_mirrored_transform_does_to_the_mirror_image_what_the_transform_does() -> None:
    given, flip = drawn(), torch.tensor([-1.0, 1.0])
    mirrored = apply(transforms.mirror(given), POINTS * flip)
    torch.testing.assert_close(mirrored, apply(given, POINTS) * flip)


def ramp(side: int) -> Tensor:
    """Return an image of two channels, the column and the row of a pixel, in half sides."""
    along = (torch.arange(side) + 0.5) / side * 2 - 1
    rows, columns = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([columns, rows])[None]


@pytest.mark.parametrize("size", [32, 40])
def test_a_view_shows_the_transformed_centre(size: int) -> None:
    given, share = torch.tensor([[0.2, -0.1, 0.1, -0.05]]), 0.6
    seen = transforms.view(ramp(200), given, share, size)
    points = ramp(size)[0].flatten(1).T * share
    expected = apply(given.expand(len(points), -1), points)
    torch.testing.assert_close(seen[0].flatten(1).T, expected, atol=1e-4, rtol=0)
