"""Tensors as matrices: order, dims, blocks and byte planes, there and back."""

from __future__ import annotations

import numpy as np
import pytest

from lpu_emu.program._documents import _binding, _read_binding
from lpu_emu.program.layout import TensorLayout, from_words, to_words
from lpu_emu.program.model import Binding


def layout_of(
    shape: tuple[int, ...], dims: tuple[int, ...], order: tuple[int, ...], columns: int
) -> TensorLayout:
    return TensorLayout(shape=shape, element_bytes=4, pieces=(), order=order, column_axes=columns, dims=dims)


@pytest.mark.parametrize(
    ("shape", "dims", "order", "columns"),
    [
        ((2, 3, 4, 6), (), (), 1),
        ((2, 3, 4, 6), (), (0, 2, 3, 1), 1),
        ((2, 3, 4, 6), (2, 3, 4, 3, 2), (0, 2, 3, 4, 1), 2),
        ((2, 72), (2, 3, 4, 6), (0, 2, 3, 1), 1),
        ((144,), (12, 12), (), 1),
    ],
)
def test_words_hold_the_matrix_and_give_the_tensor_back(
    shape: tuple[int, ...], dims: tuple[int, ...], order: tuple[int, ...], columns: int
) -> None:
    layout = layout_of(shape, dims, order, columns)
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    seen = values.reshape(dims or shape).transpose(order or range(len(dims or shape)))
    matrix = seen.reshape(-1, int(np.prod(seen.shape[seen.ndim - columns :])))
    assert (layout.rows, layout.columns) == matrix.shape
    words = to_words(layout, values, 4)
    first = words.transpose(1, 2, 3, 0).copy().view(np.float32)[..., 0]
    for column in range(layout.columns):
        assert (first[column // 4, :, column % 4] == matrix[:, column]).all(), column
    assert (from_words(layout, words, np.dtype(np.float32)) == values).all()


def test_dims_survive_the_file() -> None:
    binding = Binding(
        name="x", kind="input", dtype="fp32", layout=layout_of((2, 72), (2, 3, 24), (0, 2, 1), 1)
    )
    assert _read_binding(_binding(binding)) == binding
    plain = Binding(name="x", kind="input", dtype="fp32", layout=layout_of((2, 72), (), (), 1))
    assert "dims" not in _binding(plain)
