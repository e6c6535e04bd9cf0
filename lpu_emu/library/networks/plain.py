"""Networks without normalisation: SqueezeNet 1.1 and VGG-19; and a small network for tests."""

from __future__ import annotations

import onnx

from lpu_emu.library.networks.builder import NetworkBuilder

# SqueezeNet 1.1: channels of the narrow and of each wide convolution of a fire module; None is a pooling.
_FIRES = (
    None, (16, 64), (16, 64), None, (32, 128), (32, 128), None, (48, 192), (48, 192), (64, 256), (64, 256),
)  # fmt: skip
_VGG_19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
_VGG_HIDDEN = 4096


def squeezenet(*, batch: int = 1, size: int = 224, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return SqueezeNet 1.1 for images of [batch, 3, size, size]."""
    net = NetworkBuilder("squeezenet", (batch, 3, size, size), seed)
    y = net.relu(net.conv("x", 64, 3, "stem", stride=2, bias=True, pad=0), "stem.relu")
    for index, fire in enumerate(_FIRES):
        y = net.max_pool(y, 3, 2, f"{index}.pool") if fire is None else _fire(net, y, *fire, f"{index}.fire")
    y = net.relu(net.conv(y, classes, 1, "classes", bias=True), "classes.relu")
    y = net.node("Softmax", [net.pooled(y, "pool")], classes, "probabilities", axis=-1)
    return net.model(y)


def _fire(net: NetworkBuilder, x: str, narrow: int, wide: int, name: str) -> str:
    y = net.relu(net.conv(x, narrow, 1, f"{name}.squeeze", bias=True), f"{name}.squeeze.relu")
    parts = [
        net.relu(net.conv(y, wide, side, f"{name}.expand{side}", bias=True), f"{name}.expand{side}.relu")
        for side in (1, 3)
    ]
    return net.concat(parts, f"{name}.concat")


def vgg19(*, batch: int = 1, size: int = 224, classes: int = 1000, seed: int = 0) -> onnx.ModelProto:
    """Return VGG-19 for images of [batch, 3, size, size]."""
    net = NetworkBuilder("vgg19", (batch, 3, size, size), seed)
    y = "x"
    for stage, (channels, count) in enumerate(_VGG_19, start=1):
        for index in range(1, count + 1):
            name = f"conv{stage}_{index}"
            y = net.relu(net.conv(y, channels, 3, name, bias=True), f"{name}.relu")
        y = net.max_pool(y, 2, 2, f"pool{stage}")
    side = size >> len(_VGG_19)
    y = net.flatten(y, "flat", net.channels[y] * side * side)
    for index in (6, 7):
        y = net.relu(net.dense(y, _VGG_HIDDEN, f"fc{index}"), f"fc{index}.relu")
    return net.model(net.classified(y, classes))


def tiny_cnn(*, batch: int = 1, size: int = 32, classes: int = 10, seed: int = 0) -> onnx.ModelProto:
    """Return a network of few thousand weights with a bit of everything: stem, pool, depthwise, residual."""
    net = NetworkBuilder("tiny_cnn", (batch, 3, size, size), seed)
    y = net.conv_norm_relu("x", 16, 3, "stem")
    y = skip = net.max_pool(y, 3, 2, "stem.pool", pad=1)
    y = net.conv_norm_relu(y, 16, 3, "depth", groups=16)
    y = net.norm(net.conv(y, 16, 1, "point.conv"), "point.norm")
    y = net.relu(net.add(y, skip, "add"), "add.relu")
    y = net.conv_norm_relu(y, 32, 3, "down", stride=2)
    return net.model(net.classified(net.pooled(y, "pool"), classes))
