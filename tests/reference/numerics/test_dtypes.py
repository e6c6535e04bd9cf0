"""Types, their byte planes, and the errors for foreign arrays."""

from __future__ import annotations

import dataclasses

import ml_dtypes
import numpy as np
import pytest

from lpu_emu.errors import InputError, ProgramError
from lpu_emu.reference.numerics.dtypes import (
    DTYPES,
    dtype_of,
    from_bits,
    from_bytes,
    require,
    to_bits,
    to_bytes,
)

from .oracles import samples


def test_table_names_sizes_and_kinds() -> None:
    rows = [(d.name, d.bytes, d.kind, d.signed) for d in DTYPES.values()]
    assert rows == [
        ("int8", 1, "int", True),
        ("uint8", 1, "int", False),
        ("int16", 2, "int", True),
        ("int32", 4, "int", True),
        ("fp16", 2, "float", True),
        ("fp32", 4, "float", True),
        ("bf16", 2, "float", True),
        ("fp8", 1, "float", True),
    ]
    assert DTYPES["bf16"].numpy == ml_dtypes.bfloat16
    assert DTYPES["fp8"].numpy == ml_dtypes.float8_e4m3fn


def test_a_type_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        DTYPES["int8"].bytes = 2  # type: ignore[misc]


@pytest.mark.parametrize("dtype", DTYPES)
def test_planes_are_the_little_endian_bytes(dtype: str) -> None:
    values = samples(dtype, seed=11)
    planes = to_bytes(values, dtype)
    assert planes.dtype == np.uint8
    little = values.view(DTYPES[dtype].unsigned).astype(DTYPES[dtype].unsigned.newbyteorder("<"))
    assert planes.T.tobytes() == little.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_planes_join_to_the_same_bits(dtype: str) -> None:
    values = samples(dtype, seed=12)
    back = from_bytes(to_bytes(values, dtype), dtype)
    assert back.dtype == values.dtype
    assert np.array_equal(to_bits(back, dtype), to_bits(values, dtype))


def test_plane_zero_is_the_lowest_byte() -> None:
    assert to_bytes(np.array([0x01020304], np.int32), "int32").tolist() == [[4], [3], [2], [1]]
    assert to_bytes(np.array(1.0, np.float32), "fp32").tolist() == [0, 0, 0x80, 0x3F]


def test_any_shape_and_layout() -> None:
    values = np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1)[:, ::-1]
    planes = to_bytes(values, "int16")
    assert planes.shape == (2, 4, 2, 3)
    assert np.array_equal(from_bytes(planes[:, ::-1], "int16"), values[::-1])


def test_bits_and_values() -> None:
    assert to_bits(np.array([-1], np.int8), "int8").tolist() == [255]
    assert from_bits(np.array([0x3F80]), "bf16").tolist() == [1.0]


def test_unknown_type_suggests_the_near_one() -> None:
    with pytest.raises(ProgramError, match=r"unknown type 'int23'.*did you mean 'int32'"):
        dtype_of("int23")


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros(3, ">f4"), [1.0, 2.0]])
def test_foreign_values_are_refused(values: object) -> None:
    with pytest.raises(InputError, match=r"expected float32 \(fp32\); convert them first"):
        require(values, "fp32")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "planes", [np.zeros((3, 5), np.uint8), np.zeros((4, 5), np.int8), np.zeros((), np.uint8)]
)
def test_foreign_planes_are_refused(planes: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> None:
    with pytest.raises(InputError, match=r"expected uint8\[4, \.\.\.\] for fp32"):
        from_bytes(planes, "fp32")
