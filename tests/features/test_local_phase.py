"""Codes are signs of a window's low frequencies, and hardly depend on blur or lighting."""

import numpy as np
import pytest
import torch

from siamese.features.local_phase import CODES, codes, histograms


def images(number: int = 3, size: int = 40) -> torch.Tensor:
    return torch.rand(number, 1, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("window", [5, 9])
def test_a_code_is_the_signs_of_four_frequencies_of_the_window_around_a_pixel(window: int) -> None:
    image, half = images(1)[0, 0].numpy(), window // 2
    found = codes(images(1), window)[0][0].numpy()
    for y, x in ((half, half), (20, 13), (31, 30)):
        around = image[y - half : y + half + 1, x - half : x + half + 1]
        # Of NumPy's, whose origin is the window's corner, not its middle.
        spectrum = np.fft.fft2(np.fft.ifftshift(around))
        frequencies = spectrum[0, 1], spectrum[1, 0], spectrum[1, 1], spectrum[-1, 1]
        # Imaginary parts there are sums by -sin, here by sin.
        parts = [part for each in frequencies for part in (each.real, -each.imag)]
        assert found[y, x] == sum(2**bit for bit, part in enumerate(parts) if part > 0)


def test_codes_of_the_mirror_image_come_along() -> None:
    for window in (5, 15):
        own, mirrored = codes(images(), window)
        again, back = codes(images().flip(3), window)
        # Rounding may turn the sign of what is close to 0.
        assert (mirrored == again).float().mean() > 0.999
        assert (own == back).float().mean() > 0.999
        assert (own == mirrored).float().mean() < 0.5


def test_blur_and_lighting_change_few_codes() -> None:
    smooth = torch.nn.functional.avg_pool2d(images(size=60), 5, 1)
    found = codes(smooth, 9)[0]
    blurred = torch.nn.functional.avg_pool2d(smooth, 3, 1, 1)
    inside = slice(8, -8)
    same = codes(blurred, 9)[0][:, inside, inside] == found[:, inside, inside]
    by_chance = found[:, inside, inside] == found.flip(1)[:, inside, inside]
    assert same.float().mean() > 0.3 > 10 * by_chance.float().mean()
    assert (codes(0.5 * smooth + 0.3, 9)[0] == found).float().mean() > 0.99


def test_an_even_area_has_one_code() -> None:
    for level in (0.0, 0.3, 1.0):
        assert codes(torch.full((1, 1, 32, 32), level), 15)[0].eq(0).all()


def test_histograms_count_the_codes_of_each_cell() -> None:
    generator = torch.Generator().manual_seed(0)
    numbers = torch.randint(CODES, (2, 25, 25), generator=generator, dtype=torch.int32)
    found = histograms(numbers, 3)
    assert found.shape == (2, 9, CODES)
    edges = [0, 9, 17, 25]
    for cell in range(9):
        row, column = divmod(cell, 3)
        part = numbers[1, edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
        expected = np.bincount(part.flatten(), minlength=CODES) / part.numel()
        np.testing.assert_allclose(found[1, cell], expected, atol=1e-6)
