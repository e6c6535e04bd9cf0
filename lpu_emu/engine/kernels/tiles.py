"""Code generation for the inner loop of a matrix product: a tile of the result held in registers.

A tile is ``rows`` x ``width`` results. Its operands are staged activations, one row after the other, and a panel of
packed weights, step by step what all columns of the panel need. The loop over k is the same for every
arithmetic: load the vectors of the panel, spread each row's activations over a vector, multiply and add.
``Arithmetic`` fills in the types and the instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types

from lpu_emu.engine._jit import with_twin
from lpu_emu.engine.kernels.vectors import I64, Value, address, load

Tile = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How a tile multiplies and adds.

    A step is the k that one instruction covers: ``a_bytes`` of an activation row and ``b_bytes`` of every
    vector of the panel. ``starts`` says whether sums start from given values. ``finish`` turns the accumulators
    of a row into vectors of 32-bit results, and ``add`` adds such a vector to what was there before.
    """

    accumulator: ir.VectorType
    result: ir.VectorType
    starts: bool
    a_bytes: int
    b_bytes: int
    load_a: Callable[[ir.IRBuilder, Value], Value]
    load_b: Callable[[ir.IRBuilder, Value], Value]
    multiply_add: Callable[[ir.IRBuilder, Value, Value, Value], Value]
    finish: Callable[[ir.IRBuilder, Sequence[Value]], list[Value]]
    add: Callable[[ir.IRBuilder, Value, Value], Value]


def _at(builder: ir.IRBuilder, base: Value, count: Value, size: int, offset: int = 0) -> Value:
    scaled = builder.mul(count, ir.Constant(I64, size))
    return builder.add(base, builder.add(scaled, ir.Constant(I64, offset)))


@dataclass(frozen=True, kw_only=True)
class _Body:
    """The loop over the steps of one tile."""

    arithmetic: Arithmetic
    rows: int
    vectors: int

    def run(
        self, builder: ir.IRBuilder, starts: Sequence[Value], panel: Value, steps: Value
    ) -> list[list[Value]]:
        """Emit the loop; return the accumulators, a list for each row."""
        kind = self.arithmetic
        before, loop = builder.basic_block, builder.append_basic_block("k")
        after = builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        k = builder.phi(I64)
        k.add_incoming(ir.Constant(I64, 0), before)
        sums = [[builder.phi(kind.accumulator) for _ in range(self.vectors)] for _ in range(self.rows)]
        weights = [
            kind.load_b(builder, _at(builder, panel, k, kind.b_bytes * self.vectors, kind.b_bytes * v))
            for v in range(self.vectors)
        ]
        updated = []
        for start, row in zip(starts, sums, strict=True):
            spread = kind.load_a(builder, _at(builder, start, k, kind.a_bytes))
            updated.append(
                [kind.multiply_add(builder, s, spread, w) for s, w in zip(row, weights, strict=True)]
            )
        following = builder.add(k, ir.Constant(I64, 1))
        k.add_incoming(following, loop)
        for row, new_row in zip(sums, updated, strict=True):
            for old, new in zip(row, new_row, strict=True):
                old.add_incoming(ir.Constant(kind.accumulator, None), before)
                old.add_incoming(new, loop)
        builder.cbranch(builder.icmp_signed("<", following, steps), loop, after)
        builder.position_at_end(after)
        return updated


def _store(
    builder: ir.IRBuilder,
    arithmetic: Arithmetic,
    results: list[list[Value]],
    olds: Sequence[Value],
    rows: Sequence[Value],
    add: Value,
) -> None:
    """Emit both ways to store the results, with and without what was before, and the choice between them."""
    size = arithmetic.result.count * 4
    pointer = ir.PointerType(arithmetic.result)
    with builder.if_else(builder.icmp_signed("!=", add, ir.Constant(I64, 0))) as branches:
        for accumulate, branch in zip((True, False), branches, strict=True):
            with branch:
                for row, old, vectors in zip(rows, olds, results, strict=True):
                    for v, new in enumerate(vectors):
                        place = builder.inttoptr(builder.add(row, ir.Constant(I64, v * size)), pointer)
                        value = new
                        if accumulate:
                            before = builder.inttoptr(builder.add(old, ir.Constant(I64, v * size)), pointer)
                            value = arithmetic.add(builder, new, builder.load(before, align=4))
                        builder.store(value, place, align=4)


def make_tile(arithmetic: Arithmetic, rows: int, vectors: int, pitch: int, twin: Callable[..., None]) -> Tile:
    """Make ``tile``; its arguments are those of ``tile`` below.

    ``a``, ``b``, ``start``, ``before`` and ``c`` are contiguous arrays, everything ``_first`` and ``_step`` a flat
    index of them. Row r of the tile is ``start[start_first : start_first + width]`` plus the products of
    ``a[a_first:]``, r times ``pitch`` bytes on, with the panel at ``b[b_first:]`` over ``steps`` > 0 steps, and plus
    ``before[before_first + r * before_step :]`` if ``add`` is not 0. It is stored to ``c[c_first + r * c_step :]``. The
    columns of the tile must lie inside the arrays. ``twin`` does the same in plain Python.

    The pitch is a constant because the additions that another one takes in the inner loop compete with its products.
    """
    body = _Body(arithmetic=arithmetic, rows=rows, vectors=vectors)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        a, a_first, b, b_first, steps, start, start_first = args[:7]
        before, before_first, before_step, c, c_first, c_step, add = args[7:]
        kinds = signature.args
        begin = address(context, builder, kinds[0], a, a_first)
        starts = [builder.add(begin, ir.Constant(I64, r * pitch)) for r in range(rows)]
        sums = body.run(builder, starts, address(context, builder, kinds[2], b, b_first), steps)
        first = address(context, builder, kinds[5], start, start_first)
        results = [_from(builder, arithmetic, row, first) for row in sums]
        places = [
            builder.add(before_first, builder.mul(before_step, ir.Constant(I64, r))) for r in range(rows)
        ]
        olds = [address(context, builder, kinds[7], before, place) for place in places]
        places = [builder.add(c_first, builder.mul(c_step, ir.Constant(I64, r))) for r in range(rows)]
        news = [address(context, builder, kinds[10], c, place) for place in places]
        _store(builder, arithmetic, results, olds, news, add)
        return context.get_dummy_value()

    @with_twin(twin)
    def tile(
        context: Any,
        a: Any,
        a_first: Any,
        b: Any,
        b_first: Any,
        steps: Any,
        start: Any,
        start_first: Any,
        before: Any,
        before_first: Any,
        before_step: Any,
        c: Any,
        c_first: Any,
        c_step: Any,
        add: Any,
    ) -> Any:
        whole = types.int64
        signature = types.void(
            a, whole, b, whole, whole, start, whole, before, whole, whole, c, whole, whole, whole
        )
        return signature, generate

    return tile


def _from(builder: ir.IRBuilder, arithmetic: Arithmetic, sums: Sequence[Value], start: Value) -> list[Value]:
    """Return the results of a row, added to the values it starts from; float sums start from +0 instead."""
    results = arithmetic.finish(builder, sums)
    if not arithmetic.starts:
        return results
    size = arithmetic.result.count * 4
    return [
        builder.add(result, load(builder, builder.add(start, ir.Constant(I64, v * size)), arithmetic.result))
        for v, result in enumerate(results)
    ]
