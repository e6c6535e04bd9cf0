"""Graph passes: each takes a graph and returns a better one. They run in the order of ``PASSES``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lpu_emu.compiler.passes.activations import expand_activations
from lpu_emu.compiler.passes.affine import join_affine
from lpu_emu.compiler.passes.integer_forms import INTEGER_OPERATORS, expand_integer_forms
from lpu_emu.compiler.passes.integers import move_integers
from lpu_emu.compiler.passes.layout import channels_last_graph
from lpu_emu.compiler.passes.linear import bake_weights, fuse_bias, fuse_relu, make_linear
from lpu_emu.compiler.passes.moved_weights import move_weights
from lpu_emu.compiler.passes.norm import fold_batch_normalisation
from lpu_emu.compiler.passes.normalise import expand_normalisations
from lpu_emu.compiler.passes.quantise import quantise_linear
from lpu_emu.compiler.passes.resize import expand_resizes
from lpu_emu.compiler.passes.support import require_supported
from lpu_emu.graph.fold import fold_constants
from lpu_emu.graph.ir import Graph

FP16, FP32, INT8 = "fp16", "fp32", "int8"


@dataclass(frozen=True, kw_only=True)
class Pass:
    """A named pass and the precisions it runs in."""

    name: str
    description: str
    run: Callable[[Graph], Graph]
    precisions: tuple[str, ...] = (FP16, FP32, INT8)


def _fold_all(graph: Graph) -> Graph:
    return fold_constants(graph, keep=())


def _expand_forms(graph: Graph) -> Graph:
    return move_weights(expand_integer_forms(graph))


def _expand_all(graph: Graph) -> Graph:
    return expand_activations(expand_resizes(expand_normalisations(graph)))


PASSES = (
    Pass(
        name="fold",
        description="compute what is constant, drop Identity and Dropout, keep dequantised weights apart",
        run=fold_constants,
    ),
    Pass(
        name="forms",
        description="write QLinear and Integer operators with dequantised operands; centre zero points; move weights",
        run=_expand_forms,
    ),
    Pass(
        name="norm",
        description="take BatchNormalization into the weights before it, else make Mul and Add of it",
        run=fold_batch_normalisation,
    ),
    Pass(
        name="expand",
        description="write normalisations, resizing, activation functions and divisions in simpler operators",
        run=_expand_all,
    ),
    Pass(
        name="layout",
        description="store images channels-last; make windows of rows of convolutions and pooling",
        run=channels_last_graph,
    ),
    Pass(
        name="linear",
        description="make Linear of every Gemm and MatMul with constant weights",
        run=make_linear,
    ),
    Pass(
        name="bias",
        description="take the Add of a constant row into the Linear before it",
        run=fuse_bias,
    ),
    Pass(
        name="affine",
        description="take products and sums with constant rows into the product before them, join chains of them",
        run=join_affine,
    ),
    Pass(
        name="integers",
        description="move integers instead of floats: QuantizeLinear before movements, DequantizeLinear behind",
        run=move_integers,
        precisions=(INT8,),
    ),
    Pass(
        name="quantise",
        description="make an integer operator of every product between DequantizeLinear and QuantizeLinear",
        run=quantise_linear,
        precisions=(INT8,),
    ),
    Pass(
        name="relu",
        description="take a Relu into the Linear before it",
        run=fuse_relu,
    ),
    Pass(
        name="dequantise",
        description="compute the dequantised constants that no integer operator took",
        run=_fold_all,
    ),
    Pass(
        name="bake",
        description="bring weights into the form [K, N] and multiply alpha and beta in",
        run=bake_weights,
    ),
    Pass(
        name="support",
        description="refuse what cannot be lowered, all findings at once",
        run=require_supported,
    ),
)


def run_passes(graph: Graph, precision: str, *, after: Callable[[str], None] | None = None) -> Graph:
    """Run all passes of a precision, checking the graph after each; ``after`` is told the name of each.

    Raises:
        ModelError: the model uses what the compiler does not know, or a pass broke a rule of graphs.
    """
    for step in PASSES:
        if precision in step.precisions:
            graph = step.run(graph).verify()
            if after is not None:
                after(step.name)
    return graph


def choose_precision(graph: Graph, wanted: str) -> str:
    """Return the precision: what was asked for, or ``fp16`` or ``int8`` by whether the model is quantised."""
    kinds = {"QuantizeLinear", "DequantizeLinear", *INTEGER_OPERATORS}
    quantised = any(n.op_type in kinds and not n.domain for n in graph.nodes)
    if wanted == "auto":
        return INT8 if quantised else FP16
    return wanted
