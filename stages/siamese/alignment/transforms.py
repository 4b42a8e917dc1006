"""Similarity transforms of the plane, by four numbers, and images seen through them.

A transform takes a point of the result to the point of the image where its value is found. Points
are in half sides of the image from its centre, right and down. The numbers: angle (radians,
clockwise), logarithm of the scale, shift right, shift down (half sides).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 4  # numbers of a transform


def matrices(transforms: Tensor) -> Tensor:
    """Return transforms (n, 4) as matrices (n, 2, 3)."""
    angle, log_scale, right, down = transforms.unbind(1)
    cosine, sine = log_scale.exp() * angle.cos(), log_scale.exp() * angle.sin()
    rows = [torch.stack([cosine, -sine, right], 1), torch.stack([sine, cosine, down], 1)]
    return torch.stack(rows, 1)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Return the transforms (n, 4) that apply `inner` (n, 4) first, then `outer` (n, 4)."""
    matrix = matrices(outer)
    shift = (matrix[:, :, :2] @ inner[:, 2:, None])[:, :, 0] + matrix[:, :, 2]
    return torch.cat([outer[:, :2] + inner[:, :2], shift], 1)


def invert(transforms: Tensor) -> Tensor:
    """Return the transforms (n, 4) that undo transforms (n, 4)."""
    without_shift = torch.cat([-transforms[:, :2], torch.zeros_like(transforms[:, 2:])], 1)
    shift = -(matrices(without_shift)[:, :, :2] @ transforms[:, 2:, None])[:, :, 0]
    return torch.cat([without_shift[:, :2], shift], 1)


def mirror(transforms: Tensor) -> Tensor:
    """Return the transforms (n, 4) that do to mirror images what transforms (n, 4) do to images."""
    return transforms * transforms.new_tensor([-1.0, 1.0, -1.0, 1.0])


def view(images: Tensor, transforms: Tensor, share: float, size: int) -> Tensor:
    """Return the centre of transformed images, (n, channels, size, size).

    Args:
        images: (n, channels, side, side) float32.
        transforms: (n, 4).
        share: of the side, that is seen.
        size: of the result, in pixels.
    """
    matrix = matrices(transforms).clone()
    matrix[:, :, :2] *= share
    grid = F.affine_grid(matrix, [*images.shape[:2], size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
