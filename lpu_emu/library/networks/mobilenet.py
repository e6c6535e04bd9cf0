"""Networks of depthwise convolutions, after MobileNet v1 and v2."""

from __future__ import annotations

import onnx

from lpu_emu.library.networks.builder import NetworkBuilder

# v1: output channels and stride of each depthwise-separable layer.
_SEPARABLE = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip
# v2: expansion, output channels, repetitions and first stride of each series of inverted residuals.
_INVERTED = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
_STEM_CHANNELS = 32
_LAST_CHANNELS = 1280


def mobilenet_v1(*, batch: int = 1, size: int = 224, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return a network of depthwise-separable convolutions for images of [batch, 3, size, size]."""
    net = NetworkBuilder("mobilenet_v1", (batch, 3, size, size), seed)
    y = net.conv_norm_relu("x", _STEM_CHANNELS, 3, "stem", stride=2)
    for index, (channels, stride) in enumerate(_SEPARABLE):
        y = net.conv_norm_relu(y, net.channels[y], 3, f"{index}.depth", stride=stride, groups=net.channels[y])
        y = net.conv_norm_relu(y, channels, 1, f"{index}.point")
    return net.model(net.classified(net.pooled(y, "pool"), classes))


def mobilenet_v2(*, batch: int = 1, size: int = 224, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return a network of inverted residuals with Relu6 for images of [batch, 3, size, size]."""
    net = NetworkBuilder("mobilenet_v2", (batch, 3, size, size), seed)
    y = net.conv_norm_relu("x", _STEM_CHANNELS, 3, "stem", stride=2, six=True)
    for series, (expansion, channels, count, first_stride) in enumerate(_INVERTED):
        for block in range(count):
            stride = 1 if block else first_stride
            y = _inverted_residual(net, y, channels, expansion, stride, f"{series}.{block}")
    y = net.conv_norm_relu(y, _LAST_CHANNELS, 1, "last", six=True)
    return net.model(net.classified(net.pooled(y, "pool"), classes))


def _inverted_residual(
    net: NetworkBuilder, x: str, channels: int, expansion: int, stride: int, name: str
) -> str:
    """Widen, convolve each channel by itself, and narrow without a Relu; the input is added where it fits."""
    wide = net.channels[x] * expansion
    y = net.conv_norm_relu(x, wide, 1, f"{name}.widen", six=True) if expansion > 1 else x
    y = net.conv_norm_relu(y, wide, 3, f"{name}.depth", stride=stride, groups=wide, six=True)
    y = net.norm(net.conv(y, channels, 1, f"{name}.narrow.conv"), f"{name}.narrow.norm")
    return net.add(x, y, f"{name}.add") if stride == 1 and net.channels[x] == channels else y
