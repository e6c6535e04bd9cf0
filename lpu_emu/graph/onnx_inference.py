"""Shape inference of single nodes by the operator schemas of the onnx package, imported when needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lpu_emu.errors import ModelError
from lpu_emu.graph.element_types import code_of_dtype, dtype_of_code, is_float, known_types
from lpu_emu.graph.ir import Array, DType, Node, ValueInfo
from lpu_emu.graph.raw_model import Dimension, RawValue

if TYPE_CHECKING:
    import onnx
    from onnx import defs

# Values handed to shape inference: lists of sizes, axes and scale factors are short.
_INFERENCE_LIMIT_ELEMENTS = 1 << 12
_INFERENCE_LIMIT_FLOATS = 64


class SchemaInference:
    """Shape inference of single nodes by the operator schemas of the onnx package."""

    def __init__(
        self, protos: Mapping[str, onnx.NodeProto], opsets: Mapping[str, int], ir_version: int
    ) -> None:
        """Take the nodes of the file by their unique names, and the versions the file uses."""
        from onnx import helper

        self._protos, self._ir_version = protos, ir_version
        self._imports = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
        self._schemas: dict[tuple[str, str, int], defs.OpSchema | None] = {}
        self._types: dict[tuple[DType, tuple[int, ...]], onnx.TypeProto] = {}

    def knows(self, node: Node) -> bool:
        """Say whether onnx has a schema of the operator."""
        return self._schema(node) is not None

    def infer(
        self, node: Node, inputs: Mapping[str, ValueInfo], known: Mapping[str, Array]
    ) -> dict[str, RawValue]:
        """Return what the schema says of the outputs. Raises ModelError when it refuses the node."""
        from onnx import checker, numpy_helper, shape_inference

        schema = self._schema(node)
        if schema is None:
            return {}
        names = [name for name in dict.fromkeys(node.inputs) if name]
        types = {name: self._type(inputs[name]) for name in names}
        data = {
            name: numpy_helper.from_array(known[name])
            for name in names
            if name in known and _is_short(known[name])
        }
        try:
            inferred = shape_inference.infer_node_outputs(
                schema, self._protos[node.name], types, data, None, self._imports, self._ir_version
            )
        except (shape_inference.InferenceError, checker.ValidationError, RuntimeError) as error:
            raise ModelError(f"{node} is invalid: {plain_message(error)}{_sizes(names, inputs)}") from error
        return {name: _tensor_output(node, name, value) for name, value in inferred.items() if name}

    def _schema(self, node: Node) -> defs.OpSchema | None:
        from onnx import defs

        key = (node.op_type, node.domain, node.opset)
        if key not in self._schemas:
            try:
                self._schemas[key] = defs.get_schema(node.op_type, node.opset, node.domain)
            except defs.SchemaError:
                self._schemas[key] = None
        return self._schemas[key]

    def _type(self, value: ValueInfo) -> onnx.TypeProto:
        from onnx import helper

        key = (value.dtype, value.shape)
        if key not in self._types:
            self._types[key] = helper.make_tensor_type_proto(code_of_dtype(value.dtype), value.shape)
        return self._types[key]


def _is_short(array: Array) -> bool:
    return array.size <= (_INFERENCE_LIMIT_FLOATS if is_float(array.dtype) else _INFERENCE_LIMIT_ELEMENTS)


def _tensor_output(node: Node, name: str, value: onnx.TypeProto) -> RawValue:
    kind = value.WhichOneof("value")
    if kind not in ("tensor_type", None):
        raise ModelError(f"{node}: output {name!r} is a {str(kind).removesuffix('_type')}, not a tensor")
    code = value.tensor_type.elem_type
    if code and dtype_of_code(code) is None:
        raise unknown_type(f"{node}: output {name!r}", code)
    return raw_value(name, value)


def plain_message(error: Exception) -> str:
    """Return the first line of an exception of onnx without its own prefix."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removeprefix("[ShapeInferenceError] ")


def _sizes(names: Iterable[str], inputs: Mapping[str, ValueInfo]) -> str:
    shown = ", ".join(f"{name!r} {inputs[name]}" for name in names)
    return f" (inputs: {shown})" if shown else ""


def unknown_type(where: str, code: int) -> ModelError:
    """Return the error for an element type that this package does not know."""
    from onnx import TensorProto

    names: dict[int, str] = {value: name for name, value in TensorProto.DataType.items()}
    name = names.get(code, f"number {code}").lower()
    return ModelError(f"{where} has the element type {name}, which is not understood; known: {known_types()}")


def raw_value(name: str, type_proto: onnx.TypeProto) -> RawValue:
    """Return what a type of the file says of a tensor."""
    tensor = type_proto.tensor_type
    shape: tuple[Dimension, ...] | None = None
    if tensor.HasField("shape"):
        shape = tuple(_dimension(d) for d in tensor.shape.dim)
    return RawValue(name=name, dtype=dtype_of_code(tensor.elem_type), shape=shape)


def _dimension(dimension: onnx.TensorShapeProto.Dimension) -> Dimension:
    if dimension.HasField("dim_value") and dimension.dim_value >= 0:
        return dimension.dim_value
    return dimension.dim_param
