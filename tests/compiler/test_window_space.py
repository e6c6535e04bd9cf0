"""Integer convolutions over their whole parameter space, bit for bit."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.test_window import CHIPS, integer_window


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 2), st.integers(3, 8), st.integers(3, 8)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 3),
    pad=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.integers(1, 3),
    inputs=st.integers(1, 8),
    outputs=st.integers(1, 8),
)
def test_any_convolution_is_exact(
    seed: int, shape: tuple[int, int, int], kernel: tuple[int, int], stride: int, pad: int, dilation: int,
    groups: int, inputs: int, outputs: int,
) -> None:  # fmt: skip
    dilation = 1 if min(shape[1:]) + 2 * pad < dilation * (max(kernel) - 1) + 1 else dilation
    integer_window(
        CHIPS["tiny"],
        seed,
        shape=shape,
        kernel=kernel,
        stride=stride,
        pad=pad,
        dilation=dilation,
        channels=groups * inputs,
        columns=groups * outputs,
        groups=groups,
    )
