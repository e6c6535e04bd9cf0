"""Building an ONNX network layer by layer, with seeded weights and default statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from lpu_emu.library.networks import weights

OPSET = 17
IR_VERSION = 8
PRODUCER = "lpu-emu networks"
LOGIT_GAIN = 2.0


class NetworkBuilder:
    """Collects nodes and constants; every method adds a layer and returns the name of its output.

    Activations are [N, C, H, W] float32. Normalisations get mean 0 and variance 1, see :mod:`.settle`.
    """

    def __init__(self, name: str, shape: Sequence[int], seed: int) -> None:
        """Start a network whose input ``x`` has a shape."""
        self.name, self.shape, self.seed = name, tuple(shape), seed
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.channels = {"x": shape[1]}

    def node(self, kind: str, inputs: Sequence[str], channels: int, name: str, **attributes: Any) -> str:
        """Add a node with one output of ``channels`` channels, named like the node."""
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        self.channels[name] = channels
        return name

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant."""
        self.constants.append(numpy_helper.from_array(values, name))
        return name

    def conv(
        self,
        x: str,
        channels: int,
        size: int,
        name: str,
        *,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
        pad: int | None = None,
    ) -> str:
        """Add a square convolution; without ``pad`` it keeps the size of the image but for its stride."""
        shape = (channels, self.channels[x] // groups, size, size)
        inputs = [x, self.constant(f"{name}.weight", weights.kernel(name, shape, self.seed))]
        if bias:
            inputs.append(self.constant(f"{name}.bias", np.zeros(channels, dtype=np.float32)))
        edge = (size - 1) // 2 if pad is None else pad
        return self.node(
            "Conv",
            inputs,
            channels,
            name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[edge] * 4,
            group=groups,
        )

    def norm(self, x: str, name: str, *, gain: float = 1.0) -> str:
        """Add a batch normalisation."""
        channels = self.channels[x]
        values = {
            "scale": weights.gains(f"{name}.scale", channels, self.seed, mean=gain),
            "shift": weights.shifts(f"{name}.shift", channels, self.seed),
            "mean": np.zeros(channels, dtype=np.float32),
            "variance": np.ones(channels, dtype=np.float32),
        }
        inputs = [x, *(self.constant(f"{name}.{what}", array) for what, array in values.items())]
        return self.node("BatchNormalization", inputs, channels, name, epsilon=1e-5)

    def relu(self, x: str, name: str) -> str:
        """Add a Relu."""
        return self.node("Relu", [x], self.channels[x], name)

    def relu6(self, x: str, name: str) -> str:
        """Add a Clip to 0..6."""
        known = {tensor.name for tensor in self.constants}
        limits = {"relu6.low": 0.0, "relu6.high": 6.0}
        for limit, value in limits.items():
            if limit not in known:
                self.constant(limit, np.asarray(value, dtype=np.float32))
        return self.node("Clip", [x, *limits], self.channels[x], name)

    def conv_norm_relu(
        self,
        x: str,
        channels: int,
        size: int,
        name: str,
        *,
        stride: int = 1,
        groups: int = 1,
        six: bool = False,
    ) -> str:
        """Add a convolution, its normalisation and a Relu (to 6 if ``six``)."""
        y = self.conv(x, channels, size, f"{name}.conv", stride=stride, groups=groups)
        y = self.norm(y, f"{name}.norm")
        return (self.relu6 if six else self.relu)(y, f"{name}.relu")

    def add(self, a: str, b: str, name: str) -> str:
        """Add the sum of two tensors of one shape."""
        return self.node("Add", [a, b], self.channels[a], name)

    def concat(self, parts: Sequence[str], name: str) -> str:
        """Put tensors side by side along the channels."""
        return self.node("Concat", parts, sum(self.channels[part] for part in parts), name, axis=1)

    def max_pool(self, x: str, size: int, stride: int, name: str, *, pad: int = 0) -> str:
        """Add a square max pooling."""
        return self.node(
            "MaxPool",
            [x],
            self.channels[x],
            name,
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[pad] * 4,
        )

    def pooled(self, x: str, name: str) -> str:
        """Add the mean over the image and drop the image's axes: [N, C]."""
        y = self.node("GlobalAveragePool", [x], self.channels[x], name)
        return self.flatten(y, f"{name}.flat", self.channels[x])

    def flatten(self, x: str, name: str, features: int) -> str:
        """Make [N, features] of an image."""
        return self.node("Flatten", [x], features, name, axis=1)

    def dense(self, x: str, features: int, name: str, *, gain: float = 1.0) -> str:
        """Add a fully connected layer with a bias."""
        values = weights.kernel(name, (features, self.channels[x]), self.seed) * np.float32(gain)
        inputs = [x, self.constant(f"{name}.weight", values)]
        inputs.append(self.constant(f"{name}.bias", weights.shifts(f"{name}.bias", features, self.seed)))
        return self.node("Gemm", inputs, features, name, transB=1)

    def classified(self, x: str, classes: int) -> str:
        """Add the logits of a vector, and their softmax ``probabilities``."""
        y = self.dense(x, classes, "logits", gain=LOGIT_GAIN)
        return self.node("Softmax", [y], classes, "probabilities", axis=-1)

    def model(self, output: str) -> onnx.ModelProto:
        """Return the checked model from ``x`` to an output [N, channels]."""
        return checked_model(
            helper.make_graph(
                self.nodes,
                self.name,
                [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
                [
                    helper.make_tensor_value_info(
                        output, TensorProto.FLOAT, [self.shape[0], self.channels[output]]
                    )
                ],
                self.constants,
            )
        )


def checked_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """Return a model of a graph after the standard's own check."""
    model: onnx.ModelProto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name=PRODUCER,
    )
    onnx.checker.check_model(model)
    return model
