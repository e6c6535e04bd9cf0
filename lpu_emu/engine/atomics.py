"""Words that several threads read and write: loads, stores, additions and exchanges that are never torn.

All take a contiguous int64 array and an index. The plain twins do for one thread what the compiled ones do for
several.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba import types

from lpu_emu.analysis.lattice import Ints
from lpu_emu.engine._jit import with_twin
from lpu_emu.engine.kernels.tiles import I64, Value, address

_I32 = ir.IntType(32)
_ORDER = "seq_cst"


def _pointer(context: Any, builder: ir.IRBuilder, kind: Any, array: Value, index: Value) -> Value:
    return builder.inttoptr(address(context, builder, kind, array, index), ir.PointerType(I64))


def _plain_store(words: Ints, index: int, value: int) -> None:
    words[index] = value


def _plain_add(words: Ints, index: int, value: int) -> None:
    words[index] += value


def _plain_exchange(words: Ints, index: int, old: int, new: int) -> int:
    if words[index] != old:
        return 0
    words[index] = new
    return 1


@with_twin(lambda words, index: int(words[index]))
def load(context: Any, words: Any, index: Any) -> Any:
    """Return a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load_atomic(_pointer(context, builder, signature.args[0], *args), _ORDER, 8)

    return types.int64(words, types.int64), generate


@with_twin(_plain_store)
def store(context: Any, words: Any, index: Any, value: Any) -> Any:
    """Set a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store_atomic(args[2], pointer, _ORDER, 8)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64), generate


@with_twin(_plain_add)
def add(context: Any, words: Any, index: Any, value: Any) -> Any:
    """Add to a word."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.atomic_rmw("add", pointer, args[2], _ORDER)
        return context.get_dummy_value()

    return types.void(words, types.int64, types.int64), generate


@with_twin(_plain_exchange)
def exchange(context: Any, words: Any, index: Any, old: Any, new: Any) -> Any:
    """Set a word to ``new`` and return 1 if it is ``old``, else return 0."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        found = builder.cmpxchg(pointer, args[2], args[3], _ORDER, _ORDER)
        return builder.zext(builder.extract_value(found, 1), I64)

    return types.int64(words, types.int64, types.int64, types.int64), generate


SLEEPS = not sys.platform.startswith("win")


def _call(builder: ir.IRBuilder, name: str, *arguments: int) -> None:
    """Call a function of the C library that takes and returns ints."""
    kind = ir.FunctionType(_I32, [_I32] * len(arguments))
    function = builder.module.globals.get(name) or ir.Function(builder.module, kind, name)
    builder.call(function, [ir.Constant(_I32, argument) for argument in arguments])


@with_twin(lambda: None)
def give_way(context: Any) -> Any:
    """Let other threads have the processor if they want it; only where ``SLEEPS``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(builder, "sched_yield")
        return context.get_dummy_value()

    return types.void(), generate


@with_twin(lambda: None)
def nap(context: Any) -> Any:
    """Sleep for a twentieth of a millisecond or a little longer; only where ``SLEEPS``."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        _call(builder, "usleep", 50)
        return context.get_dummy_value()

    return types.void(), generate
