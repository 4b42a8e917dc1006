"""Convolution in the frequency domain, for large kernels on a CPU.

A 7×7 convolution of 48×48 maps costs 42·42·49 multiplications for each pair of channels; pointwise
products of their spectra cost 48·25 complex ones. What remains are small Fourier matrices applied
along each axis as matrix products, in a layout that keeps images and channels contiguous, which is
where a CPU is at its fastest. The result is that of `torch.nn.functional.conv2d` up to float32
rounding (relative error 1e-6), gradients included: autograd differentiates the matrix products.
"""

import math

import torch
from torch import Tensor, nn


def _twiddles(rows: int, columns: int, period: int, sign: int) -> Tensor:
    """Return exp(sign·2πi·row·column/period), complex64, (rows, columns)."""
    index = torch.outer(torch.arange(rows), torch.arange(columns)) % period
    angle = sign * 2 * math.pi / period * index.double()
    return torch.polar(torch.ones_like(angle), angle).to(torch.complex64)


def _spectrum(maps: Tensor, period: int) -> Tensor:
    """Return the half spectra (period, period//2 + 1, k) of zero-padded maps (height, width, k)."""
    height, width, k = maps.shape
    half = period // 2 + 1
    across = _twiddles(half, width, period, -1)
    down = _twiddles(period, height, period, -1)
    rows = torch.complex(across.real.contiguous() @ maps, across.imag.contiguous() @ maps)
    return (down @ rows.reshape(height, -1)).view(period, half, k)


def _maps(spectrum: Tensor, size: int) -> Tensor:
    """Return the first size×size samples (size, size, k), float32, of real maps' half spectra."""
    period, half, k = spectrum.shape
    up = _twiddles(size, period, period, 1) / period
    rows = (up @ spectrum.reshape(period, -1)).view(size, half, k)
    # Each frequency stands for its mirror image too, but for 0 and, in even periods, the highest.
    weight = torch.full((half,), 2.0)
    weight[0] = 1
    if period % 2 == 0:
        weight[-1] = 1
    back = _twiddles(size, half, period, 1) * weight / period
    return back.real.contiguous() @ rows.real - back.imag.contiguous() @ rows.imag


def convolve(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return what `conv2d(images, weight, bias)` returns, without padding, stride or groups.

    Args:
        images: (n, channels, size, size) float32, square.
        weight: (filters, channels, kernel, kernel) float32, square.
        bias: (filters,) float32.

    Returns:
        (n, filters, size - kernel + 1, size - kernel + 1) float32, channels last in memory.
    """
    n, channels, size, _ = images.shape
    filters, _, kernel, _ = weight.shape
    output = size - kernel + 1
    X = _spectrum(images.permute(2, 3, 0, 1).reshape(size, size, -1), size)
    W = _spectrum(weight.permute(2, 3, 1, 0).reshape(kernel, kernel, -1), size)
    # The conjugate makes it a correlation, as in conv2d; samples that wrap around are not kept.
    Y = X.view(-1, n, channels) @ W.view(-1, channels, filters).conj()
    maps = _maps(Y.view(size, size // 2 + 1, n * filters), output) + bias.repeat(n)
    result = maps.view(output, output, n, filters).permute(2, 3, 0, 1)
    return result.contiguous(memory_format=torch.channels_last)


class FourierConv2d(nn.Conv2d):
    """`nn.Conv2d` that computes in the frequency domain on a CPU, directly on other devices.

    Padding, stride, dilation and groups are computed directly too: `convolve` has none of them. So
    is an empty batch, and an exported graph, since ONNX has no complex matrix product.
    """

    def forward(self, images: Tensor) -> Tensor:
        """Convolve square images (n, channels, size, size); see `convolve`."""
        direct = images.device.type != "cpu" or torch.compiler.is_compiling()
        if direct or len(images) == 0 or self.bias is None or not self._plain():
            return super().forward(images)
        return convolve(images, self.weight, self.bias)

    def _plain(self) -> bool:
        """Return whether this is a convolution that `convolve` computes."""
        return (
            self.padding in (0, (0, 0), "valid")
            and self.stride == (1, 1)
            and self.dilation == (1, 1)
            and self.groups == 1
        )
