"""The networks by name, and making one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lpu_emu.errors import MissingExtraError, UsageError, did_you_mean

if TYPE_CHECKING:
    import onnx

FP32, INT8 = "fp32", "int8"
PRECISIONS = (FP32, INT8)
# How many pictures calibrate a quantised network.
CALIBRATION_PICTURES = 8


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network's name, one line about it, the shape of one image [C, H, W], and how it is built.

    ``parameters`` and ``macs`` (of one image) are rounded, in units of a million. ``light`` is the name of the
    topology in the package onnx that is taken where it exists.
    """

    name: str
    about: str
    image: tuple[int, int, int]
    parameters_m: float
    macs_m: float
    build: Callable[[int, int], onnx.ModelProto]
    light: str = ""


def _resnet(depth: int) -> Callable[[int, int], onnx.ModelProto]:
    def build(batch: int, seed: int) -> onnx.ModelProto:
        from lpu_emu.library.networks.resnet import resnet

        return resnet(depth, batch=batch, seed=seed)

    return build


def _mobilenet(version: int) -> Callable[[int, int], onnx.ModelProto]:
    def build(batch: int, seed: int) -> onnx.ModelProto:
        from lpu_emu.library.networks import mobilenet

        return (mobilenet.mobilenet_v1 if version == 1 else mobilenet.mobilenet_v2)(batch=batch, seed=seed)

    return build


def _squeezenet(batch: int, seed: int) -> onnx.ModelProto:
    from lpu_emu.library.networks.plain import squeezenet

    return squeezenet(batch=batch, seed=seed)


def _vgg19(batch: int, seed: int) -> onnx.ModelProto:
    from lpu_emu.library.networks.plain import vgg19

    return vgg19(batch=batch, seed=seed)


def _tiny_cnn(batch: int, seed: int) -> onnx.ModelProto:
    from lpu_emu.library.networks.plain import tiny_cnn

    return tiny_cnn(batch=batch, seed=seed)


_IMAGE = (3, 224, 224)
NETWORKS = (
    Network(
        name="tiny_cnn",
        about="A small network for tests: stem, pool, depthwise, residual, classifier.",
        image=(3, 32, 32),
        parameters_m=0.0058,
        macs_m=0.84,
        build=_tiny_cnn,
    ),
    Network(
        name="resnet50",
        about="ResNet-50 v1.5, topology of the package onnx.",
        image=_IMAGE,
        parameters_m=25.6,
        macs_m=4089,
        build=_resnet(50),
        light="resnet50",
    ),
    Network(
        name="resnet101",
        about="ResNet-101 v1.5.",
        image=_IMAGE,
        parameters_m=44.5,
        macs_m=7800,
        build=_resnet(101),
    ),
    Network(
        name="resnet152",
        about="ResNet-152 v1.5.",
        image=_IMAGE,
        parameters_m=60.2,
        macs_m=11500,
        build=_resnet(152),
    ),
    Network(
        name="squeezenet",
        about="SqueezeNet 1.1: fire modules, no normalisation.",
        image=_IMAGE,
        parameters_m=1.2,
        macs_m=349,
        build=_squeezenet,
    ),
    Network(
        name="vgg19",
        about="VGG-19: more weights than one chip holds.",
        image=_IMAGE,
        parameters_m=143.7,
        macs_m=19632,
        build=_vgg19,
        light="vgg19",
    ),
    Network(
        name="mobilenet_v1",
        about="Depthwise-separable convolutions, after MobileNet v1.",
        image=_IMAGE,
        parameters_m=4.2,
        macs_m=569,
        build=_mobilenet(1),
    ),
    Network(
        name="mobilenet_v2",
        about="Inverted residuals with Relu6, after MobileNet v2.",
        image=_IMAGE,
        parameters_m=3.5,
        macs_m=301,
        build=_mobilenet(2),
    ),
)


def find(name: str) -> Network:
    """Return a network by name. Raises UsageError when there is none."""
    known = {network.name: network for network in NETWORKS}
    if name not in known:
        raise UsageError(f"no network {name!r}; networks: {', '.join(known)}{did_you_mean(name, known)}")
    return known[name]


def make(name: str, *, precision: str = FP32, batch: int = 1, seed: int = 0) -> onnx.ModelProto:
    """Return a network with seeded weights whose activations have unit scale.

    Args:
        name: one of ``NETWORKS``.
        precision: ``"fp32"``, or ``"int8"`` for the quantised form (QuantizeLinear and DequantizeLinear).
        batch: images at once.
        seed: of the weights and of the calibration pictures.

    Raises:
        UsageError: no such network or precision.
        MissingExtraError: onnx or ONNX Runtime is not installed.
    """
    network = find(name)
    if precision not in PRECISIONS:
        raise UsageError(f"no precision {precision!r} of a network; choose one of {', '.join(PRECISIONS)}")
    if find_spec("onnx") is None:
        raise MissingExtraError("onnx", "verify", "building a network")
    from lpu_emu.library.networks.settle import settle

    model = settle(_topology(network, batch, seed), seed)
    return _quantised(network, model, batch, seed) if precision == INT8 else model


def _topology(network: Network, batch: int, seed: int) -> onnx.ModelProto:
    from lpu_emu.library.networks.light import light, light_file

    file = light_file(network.light) if network.light else None
    return network.build(batch, seed) if file is None else light(file, batch=batch, seed=seed)


def _quantised(network: Network, model: onnx.ModelProto, batch: int, seed: int) -> onnx.ModelProto:
    from lpu_emu.library.networks.images import images
    from lpu_emu.library.quantise import quantise_model

    runs = max(1, CALIBRATION_PICTURES // batch)
    pictures = images((runs * batch, *network.image), seed + 2)
    parts = [{"x": pictures[start : start + batch]} for start in range(0, len(pictures), batch)]
    return quantise_model(model, parts)
