"""Giving a size to every dimension of the model's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lpu_emu.errors import ModelError, did_you_mean
from lpu_emu.graph.ir import ValueInfo
from lpu_emu.graph.raw_model import RawModel, RawValue

Shapes = Mapping[str, tuple[int, ...]]


def resolve_inputs(raw: RawModel, shapes: Shapes) -> tuple[dict[str, ValueInfo], dict[str, int]]:
    """Return the inputs with static shapes, and the size found for every named dimension.

    A dimension's name means the same size everywhere, so a shape given for one input may settle others.

    Raises:
        ModelError: a shape for an unknown input, of another rank, against a fixed dimension or against
            itself; an input whose dimensions stay open; a size below 1.
    """
    _check_names(raw, shapes)
    sizes: dict[str, int] = {}
    for value in raw.inputs:
        if value.name in shapes:
            _bind(raw.source, value, shapes[value.name], sizes)
    resolved = {value.name: _resolved(value, shapes, sizes) for value in raw.inputs}
    open_inputs = [value for value in raw.inputs if resolved[value.name] is None]
    if open_inputs:
        raise _still_open(raw.source, open_inputs, sizes)
    return {name: value for name, value in resolved.items() if value is not None}, sizes


def _check_names(raw: RawModel, shapes: Shapes) -> None:
    names = [value.name for value in raw.inputs]
    for name in shapes:
        if name not in names:
            hint = did_you_mean(name, names)
            known = ", ".join(names) or "none"
            raise ModelError(f"{raw.source}: a shape is given for {name!r}; the inputs are: {known}{hint}")


def _bind(source: str, value: RawValue, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
    given = "x".join(str(d) for d in shape)
    where = f"{source}: shape {given} for input {value.name!r}"
    if any(d < 1 for d in shape):
        raise ModelError(f"{where}: every size must be at least 1")
    if value.shape is None:
        return
    if len(shape) != len(value.shape):
        raise ModelError(f"{where} has {len(shape)} dimensions; the model has {value.shape_text()}")
    for axis, (size, stated) in enumerate(zip(shape, value.shape, strict=True)):
        fixed = sizes.setdefault(stated, size) if isinstance(stated, str) and stated else stated
        if isinstance(fixed, int) and fixed != size:
            name = f" ({stated!r})" if isinstance(stated, str) else ""
            raise ModelError(f"{where}: dimension {axis}{name} is {size}, but the model fixes it to {fixed}")


def _resolved(value: RawValue, shapes: Shapes, sizes: Mapping[str, int]) -> ValueInfo | None:
    if value.name in shapes and value.dtype is not None:
        return ValueInfo(name=value.name, dtype=value.dtype, shape=tuple(shapes[value.name]))
    return value.resolved(sizes)


def _still_open(source: str, values: Sequence[RawValue], sizes: Mapping[str, int]) -> ModelError:
    lines = []
    for value in values:
        missing = [d or "?" for d in value.shape or () if isinstance(d, str) and d not in sizes]
        what = f"open dimension {', '.join(missing)}" if missing else "no known rank"
        lines.append(f"input {value.name!r} {value.shape_text()} has {what}; {_advice(value, sizes)}")
    return ModelError("\n".join(f"{source}: {line}" for line in lines))


def _advice(value: RawValue, sizes: Mapping[str, int]) -> str:
    if value.shape is None:
        return f"give its sizes, for example --shape {value.name}=1x3x224x224"
    example = [sizes.get(d, 1) if isinstance(d, str) else d for d in value.shape]
    return f"give it a size, for example --shape {value.name}={'x'.join(str(d) for d in example)}"
