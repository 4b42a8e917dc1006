"""Augmentation: training images, varied as other photographs of the same face would vary."""

from dataclasses import dataclass
from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """How far images are varied; each amount is drawn uniformly between its value and the opposite.

    Attributes:
        rotation: degrees.
        shear: shift of a point, right by how far down it is and down by how far right.
        scale: relative change of size.
        stretch: width and height change their sizes apart.
        shift: of the image in either direction, as a share of the side.
        probability: of each of the above; what is not drawn stays as it is.
        mirror: probability of swapping left and right.
    """

    rotation: float = 0
    shear: float = 0
    scale: float = 0
    stretch: bool = False
    shift: float = 0
    probability: float = 1
    mirror: float = 0

    def __call__(
        self, images: Tensor, part: slice = slice(None), total: int | None = None
    ) -> Tensor:
        """Return varied images (n, channels, size, size) float32, drawn with torch's generator.

        Args:
            images: (n, channels, size, size) float32.
            part: where they are in their batch.
            total: images of the whole batch, for all of which it is drawn; None: n.
        """
        n = len(images) if total is None else total
        # Drawn on the CPU, so that a seed gives the same on every device.
        draw = torch.rand(7, n) * 2 - 1
        taken = torch.rand(7, n) < self.probability
        amounts = torch.where(taken, draw, 0.0)[:, part]
        angle, across, along, wide, high, right, down = amounts.to(images.device)
        mirror = torch.where(torch.rand(n) < self.mirror, -1.0, 1.0)[part].to(images.device)
        if len(images) == 0:  # of a process for which a small batch has none
            return images

        angle = angle * self.rotation * pi / 180
        width = (1 + wide * self.scale) * mirror
        height = 1 + (high if self.stretch else wide) * self.scale
        # From a point of the new image to that of the old, both in [-1, 1].
        turn = _matrices(angle.cos(), -angle.sin(), angle.sin(), angle.cos())
        shear = _matrices(torch.ones_like(angle), across * self.shear, along * self.shear, 1)
        size = _matrices(1 / width, 0, 0, 1 / height)
        shift = torch.stack([right, down], dim=1)[:, :, None] * self.shift * 2
        rows = torch.cat([turn @ shear @ size, shift], dim=2)
        grid = F.affine_grid(rows, list(images.shape), align_corners=False)
        moved: Tensor = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return moved.contiguous(memory_format=torch.channels_last)


def _matrices(a: Tensor, b: Tensor | float, c: Tensor | float, d: Tensor | float) -> Tensor:
    """Return n matrices (n, 2, 2) by rows; a is (n,), and so are the others, or one for all."""
    entries = torch.stack([a, *(torch.zeros_like(a) + entry for entry in (b, c, d))], dim=1)
    return entries.reshape(-1, 2, 2)


AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    # Koch, Zemel, Salakhutdinov (2015), section 3.3: two pixels of their 105.
    "koch": Augmentation(
        rotation=10, shear=0.3, scale=0.2, stretch=True, shift=2 / 105, probability=0.5
    ),
    # No change of brightness or contrast: the streams standardise each image, which undoes it.
    "faces": Augmentation(rotation=10, scale=0.12, shift=0.1, mirror=0.5),
}
