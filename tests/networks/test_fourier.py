"""Convolution in the frequency domain gives what direct convolution gives."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from siamese.networks import fourier
from siamese.networks.fourier import FourierConv2d, convolve


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
    layer, ordinary = FourierConv2d(2, 3, 7), nn.Conv2d(2, 3, 7)
    ordinary.load_state_dict(layer.state_dict())
    images = torch.randn(1, 2, 20, 20)
    torch.testing.assert_close(layer(images), ordinary(images))


@pytest.mark.parametrize(
    "options",
    [
        {"padding": 2},
        {"padding": (1, 3)},
        {"padding": "same"},
        {"padding": 2, "padding_mode": "reflect"},
        {"stride": 2},
        {"stride": (1, 2)},
        {"dilation": 2},
        {"groups": 2},
        {"bias": False},
        {"padding": 1, "stride": 2, "dilation": 2, "groups": 2},
    ],
)
def test_padding_stride_dilation_and_groups_give_what_conv2d_gives(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer, ordinary = FourierConv2d(4, 6, 3, **options), nn.Conv2d(4, 6, 3, **options)
    ordinary.load_state_dict(layer.state_dict())
    images = torch.randn(2, 4, 12, 12)
    torch.testing.assert_close(layer(images), ordinary(images))


@pytest.mark.parametrize("padding", [0, (0, 0), "valid"])
def test_a_convolution_without_any_is_computed_in_the_frequency_domain(
    padding: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer, ordinary = FourierConv2d(4, 6, 3, padding=padding), nn.Conv2d(4, 6, 3)
    ordinary.load_state_dict(layer.state_dict())
    calls = []

    def counted(*tensors: torch.Tensor) -> torch.Tensor:
        calls.append(tensors)
        return convolve(*tensors)

    monkeypatch.setattr(fourier, "convolve", counted)
    images = torch.randn(2, 4, 12, 12)
    torch.testing.assert_close(layer(images), ordinary(images))
    assert len(calls) == 1
