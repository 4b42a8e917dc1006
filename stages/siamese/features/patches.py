"""Patches: many small parts of an image in several scales, described by their gradients.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), for the cells of
directions; Arandjelović, Zisserman, "Three Things Everyone Should Know to Improve Object Retrieval"
(2012), for the root.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from siamese.features.oriented_gradients import by_direction

DIRECTIONS = 8
SQUARINGS = 3  # of the cosine that a direction responds with: half of its height at 23°
CELLS = 4  # along the side of a patch
SPACING = 6  # pixels from cell to cell
POOL = 8  # pixels along the side of a cell: neighbours overlap
SIDE = (CELLS - 1) * SPACING + POOL  # of a patch, in pixels
STEP = 3  # pixels from patch to patch, of which every other is taken, as on a chessboard
SCALES = tuple(2 ** (-i / 2) for i in range(5))  # of the image, in which patches are seen
FAINT = 2.0 / 255  # added to what gradients are divided by: an even area has no direction
DESCRIPTOR = DIRECTIONS * CELLS**2  # numbers


def describe(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the descriptors (n, patches, 128) of images' patches and their places (patches, 2).

    A place is that of the patch's middle, 0 in the middle of the image and 1 side long.

    Args:
        images: (n, 1, size, size) float32 in [0, 1], at least 26 pixels along the side.
    """
    descriptors, places = [], []
    for scale in SCALES:
        size = round(images.shape[3] * scale)
        if size < SIDE:
            break
        seen = images
        if scale < 1:
            seen = F.interpolate(images, size, mode="bilinear", antialias=True)
        maps = by_direction(seen, DIRECTIONS, SQUARINGS)
        cells = F.avg_pool2d(maps, POOL, STEP)
        apart = SPACING // STEP
        side = cells.shape[3] - (CELLS - 1) * apart
        starts = [i * apart for i in range(CELLS)]
        middles = (torch.arange(side, device=images.device) * STEP + SIDE / 2) / size - 0.5
        for first in range(min(2, side)):  # the rows from there on, and the columns
            found = torch.cat(
                [
                    cells[:, :, y + first : y + side : 2, x + first : x + side : 2]
                    for y in starts
                    for x in starts
                ],
                dim=1,
            )
            found = found.flatten(2).transpose(1, 2)
            descriptors.append((found / (found.sum(dim=2, keepdim=True) + FAINT)).sqrt())
            places.append(torch.cartesian_prod(middles[first::2], middles[first::2]))
    return torch.cat(descriptors, dim=1), torch.cat(places)
