"""Convolution in the frequency domain gives what direct convolution gives."""

import pytest
import torch
import torch.nn.functional as F

from siamese.fourier import FourierConv2d, convolve


@pytest.mark.parametrize(
    ("size", "kernel", "channels", "filters"),
    [(48, 7, 4, 6), (21, 4, 3, 5), (9, 9, 2, 2), (10, 1, 2, 3), (7, 2, 1, 1)],
)
def test_values_and_gradients_are_those_of_conv2d(
    size: int, kernel: int, channels: int, filters: int
) -> None:
    torch.manual_seed(0)
    images = torch.randn(3, channels, size, size, requires_grad=True)
    weight = torch.randn(filters, channels, kernel, kernel, requires_grad=True)
    bias = torch.randn(filters, requires_grad=True)
    exact = [tensor.detach().double().requires_grad_() for tensor in (images, weight, bias)]
    result, expected = convolve(images, weight, bias), F.conv2d(exact[0], exact[1], exact[2])
    assert result.shape == expected.shape
    gradient = torch.randn_like(result)
    result.backward(gradient)
    expected.backward(gradient.double())
    pairs = [(result, expected)] + [
        (tensor.grad, reference.grad)
        for tensor, reference in zip((images, weight, bias), exact, strict=True)
    ]
    for tensor, reference in pairs:
        assert tensor is not None
        assert reference is not None
        error = (tensor.double() - reference).norm() / reference.norm()
        assert error < 3e-6


def test_layer_keeps_the_parameters_of_an_ordinary_convolution() -> None:
    layer, ordinary = FourierConv2d(2, 3, 7), torch.nn.Conv2d(2, 3, 7)
    ordinary.load_state_dict(layer.state_dict())
    images = torch.randn(1, 2, 20, 20)
    torch.testing.assert_close(layer(images), ordinary(images))
