"""From a face in a photograph to the network's input: framed as LFW's images are, then aligned."""

from typing import NamedTuple

import PIL.Image
import torch

from siamese.alignment import network, transforms
from siamese.alignment.network import AlignmentNetwork
from siamese.dataset.images import Pixels, resample
from siamese.parameters import IMAGE_SIDE, Image
from siamese.photos.detection import Face

# LFW's images show the region that the cascade found, this many times as wide; its README.
REGION = 2.2
# What reaches the end of the alignment's range is aligned again from there: a face that leans much.
ROUNDS = 2


class Framed(NamedTuple):
    """A network's input.

    Attributes:
        pixels: (size, size) uint8, or (size, size, 3) in colour.
        clamped: the alignment reached the end of the range that it was trained on.
    """

    pixels: Pixels
    clamped: bool


def frame(
    photo: PIL.Image.Image, face: Face | None, settings: Image, aligner: AlignmentNetwork | None
) -> Framed:
    """Return a network's input.

    Args:
        photo: RGB.
        face: that it shows; None if the whole photograph is framed as LFW's images are.
        settings: of the network's input.
        aligner: that the network was trained behind, or None.

    Returns:
        The input, and whether the alignment reached the end of its range.
    """
    if face is None:
        x, y, half, angle = photo.width / 2, photo.height / 2, min(photo.size) / 2, 0.0
    else:
        x, y, half, angle = face.x, face.y, REGION * face.side / 2, face.angle
    total, clamped = torch.tensor([[angle, 0.0, 0.0, 0.0]]), False
    luminance = photo.convert("L")
    for _ in range(ROUNDS):
        if aligner is None:
            break
        gray = resample(luminance, x, y, half, half, network.INPUT.size, total[0].numpy())
        found = aligner.align(torch.from_numpy(gray.copy())[None])
        total = transforms.compose(total, found.transforms)
        clamped = bool(found.clamped[0])
        if not clamped:
            break
    shown = luminance if settings.grayscale else photo
    reach = half * settings.crop / IMAGE_SIDE
    pixels = resample(shown, x, y, half, reach, settings.size, total[0].numpy())
    return Framed(pixels, clamped)
