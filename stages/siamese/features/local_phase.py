"""Local phase: in which quarter of the circle low frequencies of a small window are.

A code of eight bits says it for each pixel, and histograms of the codes describe the cells of a
grid. Blur that is alike in all directions keeps phases as they are, and so the codes.

Source: Ojansivu, Heikkilä, "Blur Insensitive Texture Classification Using Local Phase Quantization"
(2008); Chan, Tahir, Kittler, Pietikäinen, "Multiscale Local Phase Quantization for Robust
Component-Based Face Recognition Using Kernel Fusion of Multiple Descriptors" (2013), for windows of
several sizes.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

CODES = 256
FAINT = 1e-4  # by a window's side: what is closer to 0 may be rounding


def codes(images: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Return the code of each pixel of images, and of their mirror images.

    Args:
        images: (n, 1, size, size) float32.
        window: its side in pixels, odd.

    Returns:
        (n, size, size) int32 below 256, twice.
    """
    angles = 2 * math.pi / window * (torch.arange(window, device=images.device) - window // 2)
    waves = torch.stack([torch.ones_like(angles), angles.cos(), angles.sin()])
    padded = F.pad(images, (window // 2,) * 4, mode="replicate")
    # The frequencies are products of a wave down and a wave across.
    down = F.conv2d(padded, waves[:, None, :, None])
    both = F.conv2d(down, waves.repeat(3, 1)[:, None, None, :], groups=3)
    _, across_cos, across_sin, down_cos, cc, cs, down_sin, sc, ss = both.unbind(dim=1)
    less, more, plus, minus = cc - ss, cc + ss, cs + sc, cs - sc
    own = across_cos, across_sin, down_cos, down_sin, less, plus, more, minus
    # In the mirror image, sines across have the other sign.
    mirrored = across_cos, -across_sin, down_cos, down_sin, more, -minus, less, -plus
    least = FAINT * window
    return _code(own, least), _code(mirrored, least).flip(2)


def _code(parts: tuple[Tensor, ...], least: float) -> Tensor:
    """Return numbers whose bits say which parts are more than 0, by more than rounding."""
    found = torch.zeros_like(parts[0], dtype=torch.int32)
    for bit, part in enumerate(parts):
        # So that an even area has one code.
        found = found + (part > least).int() * 2**bit
    return found


def histograms(numbers: Tensor, grid: int) -> Tensor:
    """Return how frequent each code is in each cell of a grid, (n, grid², 256) float32.

    Args:
        numbers: (n, size, size) int32, the codes.
        grid: cells along the side.
    """
    cell = torch.arange(numbers.shape[2], device=numbers.device) * grid // numbers.shape[2]
    places = (cell[:, None] * grid + cell) * CODES + numbers
    places = places.flatten(1)
    counts = torch.zeros(places.shape[0], grid**2 * CODES, device=numbers.device)
    counts = counts.scatter_add(1, places, torch.ones_like(places, dtype=torch.float32))
    counts = counts.unflatten(1, (grid**2, CODES))
    shares: Tensor = counts / counts.sum(dim=2, keepdim=True)
    return shares
