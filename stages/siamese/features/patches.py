"""Patches: many small parts of an image in several scales, described by gradients or by colours.

Source: Lowe, "Distinctive Image Features from Scale-Invariant Keypoints" (2004), for the cells of
directions; Arandjelović, Zisserman, "Three Things Everyone Should Know to Improve Object Retrieval"
(2012), for the root; Clinchant, Csurka, Perronnin, Renders, "XRCE's participation to ImagEval"
(2007), for the colours.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from siamese.features.oriented_gradients import by_direction

DIRECTIONS = 8
SQUARINGS = 3  # of the cosine that a direction responds with: half of its height at 23°
CELLS = 4  # along the side of a patch
SPACING = 6  # pixels from cell to cell, and from patch to patch in a row
POOL = 8  # pixels along the side of a cell: neighbours overlap
SIDE = (CELLS - 1) * SPACING + POOL  # of a patch, in pixels
SHIFTS = (0, SPACING // 2)  # of the grids of patches, in pixels: together they are a chessboard
SCALES = tuple(2 ** (-i / 2) for i in range(5))  # of the image, in which patches are seen
FAINT = 2.0 / 255  # added to what gradients are divided by: an even area has no direction
DARK = 0.1  # added to the brightness that colours are divided by: there is no colour in the dark
EVEN = 0.01  # added to the standard deviation that the brightness is divided by


class Grid(NamedTuple):
    """Cells of images, of which 4×4 neighbours are a patch.

    Attributes:
        cells: (n, k, m, m), the numbers that describe each cell.
        factors: (n, 1, m - 3, m - 3) of each patch's descriptor, or 1.
        middles: (m - 3,), of the patches: 0 in the middle of the image and 1 side long.
    """

    cells: Tensor
    factors: Tensor | float
    middles: Tensor

    def project(self, kernels: Tensor) -> Tensor:
        """Return linear functions (n, c, patches) of the patches' descriptors.

        Args:
            kernels: (c, k, 4, 4), of each function.
        """
        return (F.conv2d(self.cells, kernels) * self.factors).flatten(2)

    def places(self) -> Tensor:
        """Return the places of the patches' middles, down and right, (patches, 2)."""
        return torch.cartesian_prod(self.middles, self.middles)


class Kind(NamedTuple):
    """What patches are described by.

    Attributes:
        grids: yields the grids of images (n, channels, size, size), float32 in [0, 1].
        mirrored: for each number of a cell, which one has its value in the mirror image.
    """

    grids: Callable[[Tensor], Iterator[Grid]]
    mirrored: list[int]

    @property
    def size(self) -> int:
        """The length of a descriptor: k · 4 · 4."""
        return len(self.mirrored) * CELLS**2

    def kernels(self, functions: Tensor) -> Tensor:
        """Return linear functions (c, size) of descriptors as kernels (c, k, 4, 4)."""
        kernels: Tensor = functions.unflatten(1, (len(self.mirrored), CELLS, CELLS))
        return kernels

    def mirror(self, kernels: Tensor) -> Tensor:
        """Return kernels (c, k, 4, 4) whose value is the mirrored patch's."""
        mirrored: Tensor = kernels[:, self.mirrored].flip(3)
        return mirrored


def grids_of_gradients(images: Tensor) -> Iterator[Grid]:
    """Yield grids whose cells have how strongly the image changes in each direction.

    A descriptor has the roots of these strengths' shares of all in the patch.

    Args:
        images: (n, 1, size, size) float32 in [0, 1], at least 26 pixels along the side.
    """
    for seen in _scales(images):
        for strengths, middles in _cells(by_direction(seen, DIRECTIONS, SQUARINGS)):
            total = F.avg_pool2d(strengths.sum(dim=1, keepdim=True), CELLS, 1) * CELLS**2
            yield Grid(strengths.sqrt(), (total + FAINT).rsqrt(), middles)


def grids_of_colours(images: Tensor) -> Iterator[Grid]:
    """Yield grids whose cells have the means and the standard deviations of opponent colours.

    Args:
        images: (n, 3, size, size) float32 in [0, 1], at least 26 pixels along the side.
    """
    for seen in _scales(opponent_colours(images)):
        for cells, middles in _cells(torch.cat([seen, seen.square()], dim=1)):
            means, squares = cells.chunk(2, dim=1)
            deviations = (squares - means.square()).clamp(min=1e-6).sqrt()
            yield Grid(torch.cat([means, deviations], dim=1), 1.0, middles)


GRADIENTS = Kind(
    grids_of_gradients, [(DIRECTIONS // 2 - k) % DIRECTIONS for k in range(DIRECTIONS)]
)
COLOURS = Kind(grids_of_colours, list(range(6)))


def opponent_colours(images: Tensor) -> Tensor:
    """Return brightness, red against green, and both against blue, (n, 3, size, size).

    The brightness is standardised, the differences are relative to it, so that all hardly depend on
    how light the image is.

    Args:
        images: (n, 3, size, size) float32 in [0, 1].
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
        size = 2 * round(images.shape[3] * scale / 2)  # even, for grids that are symmetric
        if size < SIDE:
            return
        if size == images.shape[3]:
            yield images
        else:
            yield F.interpolate(images, size, mode="bilinear", antialias=True)


def _cells(maps: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield cells (n, k, m, m) of maps (n, k, size, size) and the middles of patches; see `Grid`.

    They lie alike in the mirror image.
    """
    size = maps.shape[3]
    for shift in SHIFTS:
        start = (size - POOL) % SPACING // 2 + shift
        if start + SIDE <= size:
            cells = F.avg_pool2d(maps[:, :, start:, start:], POOL, SPACING)
            patches = torch.arange(cells.shape[3] - CELLS + 1, device=maps.device)
            yield cells, (start + patches * SPACING + SIDE / 2) / size - 0.5
