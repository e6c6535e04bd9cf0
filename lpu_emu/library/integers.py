"""What a quantised model means in integers: the documented oracle for int8 programs.

Host libraries compute QDQ models in floats, or in 8-bit instructions that saturate; either may round a tie the other way or
lose a sum, and a deep network carries that on. This evaluates the compiler's graph in NumPy instead: exact int32 sums,
one fp32 factor, rounding to nearest even. That the graph means what the model says is tested operator by operator.
"""

from __future__ import annotations

from collections.abc import Mapping

from lpu_emu.graph import Graph, run_graph
from lpu_emu.library.tensors import Array

# Softmax and other float operators of the last layers are not bound to a bit pattern here.
FLOAT_TOLERANCE = 1e-6


def integer_outputs(graph: Graph, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs of a QDQ model by name.

    Raises:
        ModelError: the model uses what the compiler does not know.
    """
    from lpu_emu.compiler.passes import INT8, run_passes

    prepared = run_passes(graph, INT8)
    return dict(run_graph(prepared, inputs))


def largest_difference(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> float:
    """Return the largest difference of any output, as a share of the output's largest magnitude."""
    shares = []
    for name, array in wanted.items():
        magnitude = max(float(abs(array.astype(float)).max(initial=0)), 1e-30)
        shares.append(float(abs(found[name].astype(float) - array.astype(float)).max(initial=0)) / magnitude)
    return max(shares, default=0.0)
