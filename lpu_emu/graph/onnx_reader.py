"""Reading ONNX files; the only module that imports onnx, and only when a file is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpu_emu.errors import MissingExtraError, ModelError
from lpu_emu.graph.element_types import code_of_dtype, dtype_of_code, is_float, known_types
from lpu_emu.graph.evaluate import evaluate
from lpu_emu.graph.ir import Array, DType, Graph, Node, ValueInfo
from lpu_emu.graph.model_file import external_bytes, read_model_bytes, unique_names
from lpu_emu.graph.raw_model import Dimension, RawModel, RawValue
from lpu_emu.graph.shape_walk import resolve

if TYPE_CHECKING:
    import onnx
    from onnx import defs

OLDEST_OPSET = 7
# Values handed to shape inference: lists of sizes, axes and scale factors are short.
_INFERENCE_LIMIT_ELEMENTS = 1 << 12
_INFERENCE_LIMIT_FLOATS = 64


def read_onnx(path: Path | str, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Graph:
    """Read an ONNX model and return its graph with static shapes.

    Initialisers and Constant nodes become constants, model-local functions are inlined, every node gets
    a unique name, and nodes are sorted.

    Args:
        path: the model file; external data is read from files beside or below it.
        shapes: sizes for inputs whose dimensions the file leaves open, e.g. ``{"x": (1, 64)}``. A named
            dimension gets the same size in all inputs.

    Raises:
        MissingExtraError: the package onnx is not installed.
        ModelError: the file is missing, damaged or no ONNX model; a dimension stays open; a tensor has
            no definition, an unknown element type, no elements, NaN or stray infinities; a node is
            invalid, has a subgraph (If, Loop, Scan) or an output whose shape cannot be inferred.
    """
    _require_onnx()
    file = Path(path)
    model = _parse(file)
    opsets = _opsets(model, file)
    constants = _initialisers(model, file)
    model = _inlined(model, constants, file)
    raw, protos = _raw_model(model, constants, opsets, file)
    return resolve(raw, shapes or {}, _SchemaInference(protos, opsets, model.ir_version))


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(package="onnx", extra="onnx", purpose="reading an ONNX model") from error


def _parse(file: Path) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    data = read_model_bytes(file)
    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{file}: not an ONNX model, or a damaged one: {len(data)} bytes that are no valid protobuf"
        ) from error
    if not model.HasField("graph") or not model.ir_version:
        raise ModelError(f"{file}: not an ONNX model: it holds no graph ({len(data)} bytes)")
    return model


def _opsets(model: onnx.ModelProto, file: Path) -> dict[str, int]:
    from onnx import defs

    opsets = {_domain(entry.domain): entry.version for entry in model.opset_import}
    if not opsets:
        raise ModelError(f"{file}: the model does not say which opset it uses; export it again")
    standard, newest = opsets.get("", OLDEST_OPSET), defs.onnx_opset_version()
    if standard > newest:
        raise ModelError(f"{file}: uses opset {standard}; the installed onnx knows {newest}: upgrade onnx")
    if standard < OLDEST_OPSET:
        raise ModelError(
            f"{file}: uses opset {standard}; {OLDEST_OPSET} is the oldest that is understood: "
            f"convert it with onnx.version_converter"
        )
    return opsets


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def _initialisers(model: onnx.ModelProto, file: Path) -> dict[str, Array]:
    """Move the initialisers out of the model, so that later steps do not carry the weights around."""
    if model.graph.sparse_initializer:
        name = model.graph.sparse_initializer[0].values.name
        raise ModelError(f"{file}: initialiser {name!r} is sparse; only dense tensors are understood")
    constants: dict[str, Array] = {}
    for tensor in model.graph.initializer:
        if tensor.name in constants:
            raise ModelError(f"{file}: two initialisers are named {tensor.name!r}")
        constants[tensor.name] = _array(tensor, f"{file}: initialiser {tensor.name!r}", file.parent)
    del model.graph.initializer[:]
    return constants


def _inlined(model: onnx.ModelProto, constants: Iterable[str], file: Path) -> onnx.ModelProto:
    """Return the model with its own functions expanded; initialisers become inputs to keep their names."""
    from onnx import inliner

    if not model.functions:
        return model
    given = {value.name for value in model.graph.input}
    for name in constants:
        if name not in given:
            model.graph.input.add().name = name
    try:
        return inliner.inline_local_functions(model, convert_version=True)
    except Exception as error:  # the inliner reports with several unrelated C++ exception types
        names = ", ".join(sorted({function.name for function in model.functions}))
        raise ModelError(f"{file}: its functions ({names}) cannot be inlined: {_plain(error)}") from error


def _raw_model(
    model: onnx.ModelProto, constants: dict[str, Array], opsets: Mapping[str, int], file: Path
) -> tuple[RawModel, dict[str, onnx.NodeProto]]:
    graph, source = model.graph, str(file)
    if not graph.output:
        raise ModelError(f"{source}: the model has no outputs")
    nodes: dict[str, Node] = {}
    protos: dict[str, onnx.NodeProto] = {}
    names = unique_names([n.name for n in graph.node], [n.op_type for n in graph.node])
    constants = dict(constants)
    for name, proto in zip(names, graph.node, strict=True):
        node = _node(name, proto, opsets, file)
        if node.op_type == "Constant" and not node.domain:
            if node.outputs[0] in constants:
                raise ModelError(f"{source}: tensor {node.outputs[0]!r} is defined twice, last by {node}")
            constants[node.outputs[0]] = _constant(node, source)
        else:
            nodes[name], protos[name] = node, proto
    inputs = [_raw_input(value, source) for value in graph.input if value.name not in constants]
    raw = RawModel(
        source=source,
        name=graph.name,
        inputs=tuple(inputs),
        outputs=tuple(_raw_input(value, source, role="output") for value in graph.output),
        declared={
            value.name: _raw_value(value.name, value.type) for value in (*graph.value_info, *graph.output)
        },
        constants=constants,
        nodes=tuple(nodes.values()),
    )
    return raw, protos


def _node(name: str, proto: onnx.NodeProto, opsets: Mapping[str, int], file: Path) -> Node:
    domain = _domain(proto.domain)
    where = f"{file}: node {name!r} ({proto.op_type})"
    for attribute in proto.attribute:
        if attribute.HasField("g") or attribute.graphs:
            raise ModelError(
                f"{where} chooses or repeats a subgraph ({attribute.name!r}) while the model runs; an LPU "
                f"program is fixed before it runs, so export the model without control flow"
            )
    if domain not in opsets:
        known = ", ".join(name or "ai.onnx" for name in opsets)
        raise ModelError(
            f"{where} is of domain {domain or 'ai.onnx'!r}, whose opset the file does not state; "
            f"it states {known}"
        )
    return Node(
        name=name,
        op_type=proto.op_type,
        domain=domain,
        opset=opsets[domain],
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={a.name: _attribute(a, f"{where}: attribute {a.name!r}", file) for a in proto.attribute},
    )


def _attribute(attribute: onnx.AttributeProto, where: str, file: Path) -> object:
    import onnx
    from onnx import helper

    try:
        value: Any = helper.get_attribute_value(attribute)
    except ValueError as error:
        raise ModelError(f"{where} has no known type") from error
    items = list(value) if attribute.type in _list_types() else [value]
    decoded: list[object] = []
    for item in items:
        if isinstance(item, bytes):
            decoded.append(item.decode("utf-8", errors="replace"))
        elif isinstance(item, onnx.TensorProto):
            decoded.append(_array(item, where, file.parent))
        elif isinstance(item, (int, float)):
            decoded.append(item)
        else:
            raise ModelError(f"{where} is a {type(item).__name__}, which is not understood")
    return tuple(decoded) if attribute.type in _list_types() else decoded[0]


def _list_types() -> tuple[int, ...]:
    from onnx import AttributeProto

    return (AttributeProto.FLOATS, AttributeProto.INTS, AttributeProto.STRINGS, AttributeProto.TENSORS)


def _constant(node: Node, source: str) -> Array:
    try:
        return evaluate(node, [])[0]
    except ModelError as error:
        raise ModelError(f"{source}: {error}") from error


def _array(tensor: onnx.TensorProto, where: str, folder: Path) -> Array:
    from onnx import TensorProto, numpy_helper

    if dtype_of_code(tensor.data_type) is None:
        raise _unknown_type(where, tensor.data_type)
    if any(d < 0 for d in tensor.dims):
        raise ModelError(f"{where} has a negative dimension: {list(tensor.dims)}")
    if tensor.data_location == TensorProto.EXTERNAL:
        tensor.raw_data = external_bytes({e.key: e.value for e in tensor.external_data}, where, folder)
        tensor.data_location = TensorProto.DEFAULT
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{where} is damaged: its data does not fill the shape {list(tensor.dims)}: {error}"
        ) from error


def _unknown_type(where: str, code: int) -> ModelError:
    from onnx import TensorProto

    names: dict[int, str] = {value: name for name, value in TensorProto.DataType.items()}
    name = names.get(code, f"number {code}").lower()
    return ModelError(f"{where} has the element type {name}, which is not understood; known: {known_types()}")


def _raw_input(value: onnx.ValueInfoProto, source: str, role: str = "input") -> RawValue:
    kind = value.type.WhichOneof("value")
    where = f"{source}: {role} {value.name!r}"
    if kind not in ("tensor_type", None):
        raise ModelError(f"{where} is a {str(kind).removesuffix('_type')}; only tensors are understood")
    code = value.type.tensor_type.elem_type
    if dtype_of_code(code) is None and (code or role == "input"):
        raise _unknown_type(where, code)
    return _raw_value(value.name, value.type)


def _raw_value(name: str, type_proto: onnx.TypeProto) -> RawValue:
    tensor = type_proto.tensor_type
    shape: tuple[Dimension, ...] | None = None
    if tensor.HasField("shape"):
        shape = tuple(_dimension(d) for d in tensor.shape.dim)
    return RawValue(name=name, dtype=dtype_of_code(tensor.elem_type), shape=shape)


def _dimension(dimension: onnx.TensorShapeProto.Dimension) -> Dimension:
    if dimension.HasField("dim_value") and dimension.dim_value >= 0:
        return dimension.dim_value
    return dimension.dim_param


class _SchemaInference:
    """Shape inference of single nodes by the operator schemas of the onnx package."""

    def __init__(
        self, protos: Mapping[str, onnx.NodeProto], opsets: Mapping[str, int], ir_version: int
    ) -> None:
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
            raise ModelError(f"{node} is invalid: {_plain(error)}{_sizes(names, inputs)}") from error
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
        raise _unknown_type(f"{node}: output {name!r}", code)
    return _raw_value(name, value)


def _plain(error: Exception) -> str:
    """Return the first line of an exception of onnx without its own prefix."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].removeprefix("[ShapeInferenceError] ")


def _sizes(names: Iterable[str], inputs: Mapping[str, ValueInfo]) -> str:
    shown = ", ".join(f"{name!r} {inputs[name]}" for name in names)
    return f" (inputs: {shown})" if shown else ""
