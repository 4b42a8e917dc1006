"""The alignment network: from the centre of a gray image to the displacement of the face in it.

A regression answers with the mean of what it cannot know: trained on images that are aligned only
roughly, it aligns better than they were.
"""

import dataclasses
import json
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from siamese import atomic
from siamese.alignment import transforms
from siamese.errors import InputError
from siamese.parameters import IMAGE_SIDE, Alignment, Image

# The whole photograph, gray, at half its size.
INPUT = Image(crop=IMAGE_SIDE, size=IMAGE_SIDE // 2, grayscale=True)
SHARE, VIEW = 0.72, 64  # the part of the image's side that is seen, and at how many pixels
FILTERS = 16  # of the first convolution; each block has twice as many as what is before it
BLOCKS = 3
HIDDEN = 128
CONTRAST = 1e-3  # added to the deviation that an image is divided by: an even one has none
BATCH = 256  # images that are aligned at a time


class Aligned(NamedTuple):
    """Transforms that align images.

    Attributes:
        transforms: (n, 4) float32, see `siamese.alignment.transforms`.
        clamped: (n,) bool: the estimate lay outside the range that the network was trained on.
    """

    transforms: Tensor
    clamped: Tensor


class AlignmentNetwork(nn.Module):
    """A small convolutional network that estimates by how far a face is displaced.

    Args:
        settings: range of the displacements, and the number of estimates for an image.
    """

    def __init__(self, settings: Alignment) -> None:
        super().__init__()
        self.settings = settings
        layers: list[nn.Module] = [
            nn.Conv2d(1, FILTERS, 5, stride=2, padding=2, bias=False),
            nn.BatchNorm2d(FILTERS),
            nn.ReLU(inplace=True),
        ]
        inputs = FILTERS
        for _ in range(BLOCKS):
            filters = 2 * inputs
            for channels, stride in ((inputs, 2), (filters, 1)):
                layers += [
                    nn.Conv2d(channels, filters, 3, stride=stride, padding=1, bias=False),
                    nn.BatchNorm2d(filters),
                    nn.ReLU(inplace=True),
                ]
            inputs = filters
        side = VIEW // 2 ** (BLOCKS + 1)
        layers += [nn.Flatten(), nn.Linear(inputs * side**2, HIDDEN), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Linear(HIDDEN, transforms.SIZE))
        shift = 2 * settings.shift  # in half sides
        self.limits: Tensor
        limits = torch.tensor([settings.rotation, settings.scale, shift, shift])
        self.register_buffer("limits", limits, persistent=False)

    def forward(self, views: Tensor) -> Tensor:
        """Return displacements (n, 4), as shares of the range, of views (n, 1, VIEW, VIEW)."""
        deviation, mean = torch.std_mean(views, dim=(1, 2, 3), keepdim=True)
        found: Tensor = self.layers((views - mean) / (deviation + CONTRAST))
        return found

    @torch.inference_mode()
    def align(self, images: Tensor, start: Tensor | None = None) -> Aligned:
        """Return the transforms that align images.

        An estimate is the mean of those of an image and of its mirror image. Each iteration looks
        at the image as the one before has aligned it. What lies outside the range in the end is
        clamped.

        Args:
            images: (n, side, side) uint8, as INPUT has them.
            start: transforms (n, 4) to begin with; by default none. The range counts from there.
        """
        if start is None:
            start = torch.zeros(len(images), transforms.SIZE)
        parts = zip(images.split(BATCH), start.split(BATCH), strict=True)
        found = [self.align_batch(*part) for part in parts]
        return Aligned(*(torch.cat(each) for each in zip(*found, strict=True)))

    def align_batch(self, images: Tensor, start: Tensor) -> Aligned:
        """Return what `align` returns, all images at once."""
        scaled = images.to(self.limits.device)[:, None].float() / 255
        start = start.to(scaled.device)
        found = torch.zeros_like(start)
        for _ in range(self.settings.iterations):
            seen = transforms.compose(start, found)
            views = transforms.view(scaled, seen, SHARE, VIEW)
            both = self(torch.cat([views, views.flip(3)])) * self.limits
            direct, mirrored = both[: images.shape[0]], both[images.shape[0] :]
            displaced = (direct + transforms.mirror(mirrored)) / 2
            found = transforms.compose(found, transforms.invert(displaced))
        clamped = (found.abs() > self.limits).any(dim=1)
        found = found.clamp(-self.limits, self.limits)
        return Aligned(transforms.compose(start, found).cpu(), clamped.cpu())


def save(network: AlignmentNetwork, path: Path) -> None:
    """Write a network with its settings; the file holds tensors and text, never code."""
    settings = {"network": "alignment", "alignment": dataclasses.asdict(network.settings)}
    state = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    with atomic.writing(path) as partial:
        try:
            save_file(state, partial, {"settings": json.dumps(settings)})
        except SafetensorError as error:
            raise OSError(None, f"cannot be written: {error}", str(path)) from error


def load(path: Path) -> AlignmentNetwork:
    """Return the network, on the CPU and in evaluation mode.

    Raises:
        InputError: not a file that `save` wrote.
    """
    try:
        with safe_open(path, framework="pt") as file:
            settings = json.loads((file.metadata() or {})["settings"])
            if settings["network"] != "alignment":
                raise ValueError(f"its network is {settings['network']!r}")
            network = AlignmentNetwork(Alignment(**settings["alignment"]))
            names = file.keys()
            network.load_state_dict({name: file.get_tensor(name) for name in names})
    except (SafetensorError, OSError, RuntimeError, TypeError, KeyError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not an alignment network of this project: {reason}") from None
    return network.eval()
