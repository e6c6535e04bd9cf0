"""Residual networks with bottlenecks (ResNet v1.5: the stride is in the 3x3 convolution)."""

from __future__ import annotations

import onnx

from lpu_emu.library.networks.builder import NetworkBuilder

STAGES = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_EXPANSION = 4
_STEM_CHANNELS = 64
# The last normalisation of a block is weak, so that the sum over many blocks stays near unit scale.
_BRANCH_GAIN = 0.5


def resnet(
    depth: int, *, batch: int = 1, size: int = 224, classes: int = 1000, seed: int = 0
) -> onnx.ModelProto:
    """Return ResNet-50, -101 or -152 for images of [batch, 3, size, size]."""
    net = NetworkBuilder(f"resnet{depth}", (batch, 3, size, size), seed)
    y = net.conv_norm_relu("x", _STEM_CHANNELS, 7, "stem", stride=2)
    y = net.max_pool(y, 3, 2, "stem.pool", pad=1)
    for stage, blocks in enumerate(STAGES[depth]):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            y = _bottleneck(net, y, _STEM_CHANNELS << stage, stride, f"stage{stage + 1}.{block}")
    return net.model(net.classified(net.pooled(y, "pool"), classes))


def _bottleneck(net: NetworkBuilder, x: str, width: int, stride: int, name: str) -> str:
    channels = width * _EXPANSION
    y = net.conv_norm_relu(x, width, 1, f"{name}.reduce")
    y = net.conv_norm_relu(y, width, 3, f"{name}.spatial", stride=stride)
    y = net.norm(net.conv(y, channels, 1, f"{name}.expand.conv"), f"{name}.expand.norm", gain=_BRANCH_GAIN)
    if stride > 1 or net.channels[x] != channels:
        x = net.norm(net.conv(x, channels, 1, f"{name}.skip.conv", stride=stride), f"{name}.skip.norm")
    return net.relu(net.add(y, x, f"{name}.add"), f"{name}.relu")
