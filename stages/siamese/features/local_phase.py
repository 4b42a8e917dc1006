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


def codes(images: Tensor, window: int) -> Tensor:
    """Return the code of each pixel, (n, size, size) int64 below 256.

    Args:
        images: (n, 1, size, size) float32.
        window: its side in pixels, odd.
    """
    angles = 2 * math.pi / window * (torch.arange(window, device=images.device) - window // 2)
    waves = torch.stack([torch.ones_like(angles), angles.cos(), angles.sin()])
    padded = F.pad(images, (window // 2,) * 4, mode="replicate")
    # The frequencies are products of a wave down and a wave across.
    down = F.conv2d(padded, waves[:, None, :, None])
    both = F.conv2d(down, waves.repeat(3, 1)[:, None, None, :], groups=3)
    _, across_cos, across_sin, down_cos, cc, cs, down_sin, sc, ss = both.unbind(dim=1)
    parts = [across_cos, across_sin, down_cos, down_sin, cc - ss, cs + sc, cc + ss, cs - sc]
    found = torch.zeros_like(across_cos, dtype=torch.int64)
    for bit, part in enumerate(parts):
        # More than 0 by more than rounding, so that an even area has one code.
        found = found + (part > FAINT * window).long() * 2**bit
    return found


def histograms(numbers: Tensor, grid: int) -> Tensor:
    """Return how frequent each code is in each cell of a grid, (n, grid², 256) float32.

    Args:
        numbers: (n, size, size) int64, the codes.
        grid: cells along the side.
    """
    cell = torch.arange(numbers.shape[2], device=numbers.device) * grid // numbers.shape[2]
    places = (cell[:, None] * grid + cell) * CODES + numbers
    places = places.flatten(1)
    counts = torch.zeros(places.shape[0], grid**2 * CODES, device=numbers.device)
    counts = counts.scatter_add(1, places, torch.ones_like(places, dtype=torch.float32))
    counts = counts.unflatten(1, (grid**2, CODES))
    return counts / counts.sum(dim=2, keepdim=True)
