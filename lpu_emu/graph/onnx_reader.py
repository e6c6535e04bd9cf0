"""Reading ONNX files. Like ``onnx_inference``, this module imports onnx only when a file is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lpu_emu.errors import MissingExtraError, ModelError, did_you_mean
from lpu_emu.graph.element_types import dtype_of_code
from lpu_emu.graph.evaluate import evaluate
from lpu_emu.graph.ir import Array, Graph, Node
from lpu_emu.graph.model_file import check_opset, external_bytes, read_model_bytes, unique_names
from lpu_emu.graph.onnx_inference import SchemaInference, plain_message, raw_value, unknown_type
from lpu_emu.graph.raw_model import RawModel, RawValue
from lpu_emu.graph.shape_walk import resolve

if TYPE_CHECKING:
    import onnx


def read_onnx(
    path: Path | str,
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    bound: Mapping[str, Array] | None = None,
    expand: Collection[str] = (),
) -> Graph:
    """Read an ONNX model and return its graph with static shapes.

    Initialisers and Constant nodes become constants, model-local functions are inlined, every node gets
    a unique name, and nodes are sorted.

    Args:
        path: the model file; external data is read from files beside or below it.
        shapes: sizes for inputs whose dimensions the file leaves open, e.g. ``{"x": (1, 64)}``. A named
            dimension gets the same size in all inputs.
        bound: values for inputs that are to become constants, such as the target of a Reshape.
        expand: standard operators to replace by their definition in simpler ones, e.g. ``("Gelu",)``.

    Raises:
        MissingExtraError: the package onnx is not installed.
        ModelError: the file is missing, damaged or no ONNX model; a dimension stays open; a tensor has
            no definition, an unknown element type, no elements, NaN or stray infinities; a node is
            invalid, has a subgraph (If, Loop, Scan) or an output whose shape cannot be inferred.
    """
    file = Path(path)
    return _read(read_model_bytes(file), file, shapes or {}, bound or {}, expand)


def read_onnx_bytes(
    data: bytes,
    source: str = "model",
    shapes: Mapping[str, tuple[int, ...]] | None = None,
    *,
    bound: Mapping[str, Array] | None = None,
    expand: Collection[str] = (),
) -> Graph:
    """Read a serialised ONNX model as :func:`read_onnx` does; ``source`` stands for the path in messages."""
    return _read(data, Path(source), shapes or {}, bound or {}, expand)


def _read(
    data: bytes,
    file: Path,
    shapes: Mapping[str, tuple[int, ...]],
    bound: Mapping[str, Array],
    expand: Collection[str],
) -> Graph:
    _require_onnx()
    model = _parse(data, file)
    opsets = _opsets(model, file)
    constants = _initialisers(model, file)
    model = _inlined(model, constants, expand, file)
    constants.update(_bound(model, bound, file))
    raw, protos = _raw_model(model, constants, opsets, file)
    return resolve(raw, shapes, SchemaInference(protos, opsets, model.ir_version))


def _require_onnx() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(package="onnx", extra="onnx", purpose="reading an ONNX model") from error


def _parse(data: bytes, file: Path) -> onnx.ModelProto:
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        model: onnx.ModelProto = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        raise ModelError(
            f"{file}: not an ONNX model, or a damaged one: {len(data)} bytes that are no valid protobuf"
        ) from error
    if not model.HasField("graph") or not model.ir_version:
        raise ModelError(f"{file}: not an ONNX model: it holds no graph ({len(data)} bytes)")
    if any(isinstance(text, bytes) for text in _texts(model)):
        raise ModelError(f"{file}: damaged: it holds names that are no UTF-8 text")
    return model


def _texts(model: onnx.ModelProto) -> Iterator[object]:
    """Yield every name; protobuf hands out bytes in place of a text that cannot be decoded."""
    graph = model.graph
    yield graph.name
    yield from (entry.domain for entry in model.opset_import)
    yield from (tensor.name for tensor in graph.initializer)
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (dimension.dim_param for dimension in value.type.tensor_type.shape.dim)
    for node in (*graph.node, *(node for function in model.functions for node in function.node)):
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def _opsets(model: onnx.ModelProto, file: Path) -> dict[str, int]:
    from onnx import defs

    opsets = {_domain(entry.domain): entry.version for entry in model.opset_import}
    check_opset(str(file), opsets, defs.onnx_opset_version())
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


def _bound(model: onnx.ModelProto, bound: Mapping[str, Array], file: Path) -> Mapping[str, Array]:
    """Check that values meant for inputs fit them."""
    types = {value.name: dtype_of_code(value.type.tensor_type.elem_type) for value in model.graph.input}
    for name, array in bound.items():
        if name not in types:
            raise ModelError(f"{file}: has no input {name!r} to bind{did_you_mean(name, types)}")
        wanted = types[name]
        if array.dtype != wanted:
            raise ModelError(f"{file}: input {name!r} is {wanted}, but is bound to {array.dtype}")
    return bound


def _inlined(
    model: onnx.ModelProto, constants: Iterable[str], expand: Collection[str], file: Path
) -> onnx.ModelProto:
    """Return the model with functions expanded; initialisers become inputs to keep their names."""
    from onnx import inliner

    wanted = [("", kind) for kind in dict.fromkeys(n.op_type for n in model.graph.node) if kind in expand]
    if not model.functions and not wanted:
        return model
    given = {value.name for value in model.graph.input}
    for name in constants:
        if name not in given:
            model.graph.input.add().name = name
    try:
        model = inliner.inline_local_functions(model, convert_version=True)
        if wanted:
            model = inliner.inline_selected_functions(model, wanted, inline_schema_functions=True)
    except Exception as error:  # the inliner reports with several unrelated C++ exception types
        names = ", ".join(sorted({function.name for function in model.functions} | set(expand)))
        raise ModelError(f"{file}: functions ({names}) cannot be inlined: {plain_message(error)}") from error
    return model


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
            value.name: raw_value(value.name, value.type) for value in (*graph.value_info, *graph.output)
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
        raise unknown_type(where, tensor.data_type)
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


def _raw_input(value: onnx.ValueInfoProto, source: str, role: str = "input") -> RawValue:
    kind = value.type.WhichOneof("value")
    where = f"{source}: {role} {value.name!r}"
    if kind not in ("tensor_type", None):
        raise ModelError(f"{where} is a {str(kind).removesuffix('_type')}; only tensors are understood")
    code = value.type.tensor_type.elem_type
    if dtype_of_code(code) is None and (code or role == "input"):
        raise unknown_type(where, code)
    return raw_value(value.name, value.type)
