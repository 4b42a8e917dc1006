"""Training images, varied at random as other photographs of the same face would vary."""

from dataclasses import dataclass
from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Augmentation:
    """How far images are varied; each amount is drawn evenly between its value and the opposite.

    Attributes:
        rotation: degrees.
        shear: horizontal shift of a point by its height, both as shares of the side.
        scale: relative change of size.
        shift: of the image in either direction, as a share of the side.
        probability: of each of the above; what is not drawn stays as it is.
        mirror: probability of swapping left and right.
    """

    rotation: float = 0
    shear: float = 0
    scale: float = 0
    shift: float = 0
    probability: float = 1
    mirror: float = 0

    def __call__(self, images: Tensor) -> Tensor:
        """Return varied images (n, channels, size, size) float32, drawn with torch's generator."""
        n = len(images)
        # Drawn on the CPU, so that a seed gives the same on every device.
        draw = torch.rand(5, n) * 2 - 1
        taken = torch.rand(5, n) < self.probability
        amounts = torch.where(taken, draw, 0.0)
        angle, shear, scale, right, down = amounts.to(images.device)
        mirror = torch.where(torch.rand(n) < self.mirror, -1.0, 1.0).to(images.device)

        angle = angle * self.rotation * pi / 180
        size = 1 + scale * self.scale
        cos, sin = angle.cos() / size, angle.sin() / size
        shear = shear * self.shear
        # From a point of the new image to that of the old, both in [-1, 1].
        rows = torch.stack(
            [
                torch.stack([cos * mirror, shear * cos - sin, right * self.shift * 2], dim=1),
                torch.stack([sin * mirror, shear * sin + cos, down * self.shift * 2], dim=1),
            ],
            dim=1,
        )
        grid = F.affine_grid(rows, list(images.shape), align_corners=False)
        moved: Tensor = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return moved.contiguous(memory_format=torch.channels_last)


AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    # Koch, Zemel, Salakhutdinov (2015), section 3.3: two pixels of their 105.
    "koch": Augmentation(rotation=10, shear=0.3, scale=0.2, shift=2 / 105, probability=0.5),
    # No change of light: the residual network standardises each image, and would undo it.
    "faces": Augmentation(rotation=10, scale=0.12, shift=0.1, mirror=0.5),
}
