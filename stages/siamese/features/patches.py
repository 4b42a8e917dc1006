"""Patches: many small parts of an image in several scales, described by gradients or by colours.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), for the cells of
directions; Arandjelović, Zisserman, "Three Things Everyone Should Know to Improve Object Retrieval"
(2012), for the root; Clinchant, Csurka, Perronnin, Renders, "XRCE's participation to ImagEval"
(2007), for the colours.
"""

from collections.abc import Iterator

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
DARK = 0.1  # added to the brightness that colours are divided by: there is no colour in the dark
EVEN = 0.01  # added to the standard deviation that the brightness is divided by
GRADIENTS = DIRECTIONS * CELLS**2  # numbers that describe a patch
COLOURS = 2 * 3 * CELLS**2


def describe_gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the descriptors (n, patches, 128) of images' patches and their places (patches, 2).

    A descriptor has, for each cell, how strongly the image changes in each direction. A place is
    that of the patch's middle, 0 in the middle of the image and 1 side long.

    Args:
        images: (n, 1, size, size) float32 in [0, 1], at least 26 pixels along the side.
    """
    descriptors, places = [], []
    for seen in _scales(images):
        cells = F.avg_pool2d(by_direction(seen, DIRECTIONS, SQUARINGS), POOL, STEP)
        found, where = _patches(cells, seen.shape[3])
        descriptors.append((found / (found.sum(dim=2, keepdim=True) + FAINT)).sqrt())
        places.append(where)
    return torch.cat(descriptors, dim=1), torch.cat(places)


def describe_colours(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the descriptors (n, patches, 96) of images' patches and their places (patches, 2).

    A descriptor has, for each cell, the means and the standard deviations of brightness, of red
    against green, and of both against blue; see `describe_gradients` for the rest.

    Args:
        images: (n, 3, size, size) float32 in [0, 1], at least 26 pixels along the side.
    """
    descriptors, places = [], []
    for seen in _scales(opponent_colours(images)):
        means = F.avg_pool2d(seen, POOL, STEP)
        variances = F.avg_pool2d(seen.square(), POOL, STEP) - means.square()
        cells = torch.cat([means, variances.clamp(min=1e-6).sqrt()], dim=1)
        found, where = _patches(cells, seen.shape[3])
        descriptors.append(found)
        places.append(where)
    return torch.cat(descriptors, dim=1), torch.cat(places)


def opponent_colours(images: Tensor) -> Tensor:
    """Return brightness and two differences of colour, (n, 3, size, size), of colour images.

    The brightness is standardised, the differences are relative to it, so that all hardly depend on
    how light the image is.
    """
    red, green, blue = images.split(1, dim=1)
    bright = 0.299 * red + 0.587 * green + 0.114 * blue  # ITU-R BT.601
    deviation, mean = torch.std_mean(bright, dim=(2, 3), keepdim=True)
    # At a deviation of 0.3, brightness is spread about as far as in a picture of full contrast.
    even = 0.3 * (bright - mean) / (deviation + EVEN)
    against = torch.cat([red - green, (red + green) / 2 - blue], dim=1)
    return torch.cat([even, against / (bright + DARK)], dim=1)


def _scales(images: Tensor) -> Iterator[Tensor]:
    """Yield images in each scale in which they have a patch."""
    for scale in SCALES:
        size = round(images.shape[3] * scale)
        if size < SIDE:
            return
        if scale == 1:
            yield images
        else:
            yield F.interpolate(images, size, mode="bilinear", antialias=True)


def _patches(cells: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return what the cells of each patch hold, (n, patches, numbers), and the patches' places.

    Args:
        cells: (n, k, m, m), one every `STEP` pixels.
        size: side of the image in pixels.
    """
    apart = SPACING // STEP
    side = cells.shape[3] - (CELLS - 1) * apart
    starts = [i * apart for i in range(CELLS)]
    middles = (torch.arange(side, device=cells.device) * STEP + SIDE / 2) / size - 0.5
    found, places = [], []
    for first in range(min(2, side)):  # the rows from there on, and the columns
        patches = [
            cells[:, :, y + first : y + side : 2, x + first : x + side : 2]
            for y in starts
            for x in starts
        ]
        found.append(torch.cat(patches, dim=1).flatten(2).transpose(1, 2))
        places.append(torch.cartesian_prod(middles[first::2], middles[first::2]))
    return torch.cat(found, dim=1), torch.cat(places)
