"""Rows by address: gather and scatter, every superlane with an address of its own.

``words`` are the words of a slice, ``uint8[words, lanes]``, or an array in which word 0 is row ``first_word``. A map
row holds, in lanes 0 and 1 of each superlane, the low and the high byte of an address. Vector i of an
argument is its row ``first + i * step``. Only the first ``superlanes_on`` superlanes take part.
"""

from __future__ import annotations

from lpu_emu.engine._jit import inner, jit
from lpu_emu.engine.kernels.bits import Array, whole
from lpu_emu.engine.kernels.moves import copy_superlane


@inner
def _address(map_: Array, row: int, lane: int) -> int:
    return whole(map_[row, lane]) | (whole(map_[row, lane + 1]) << 8)


@jit
def gather(
    words: Array,
    first_word: int,
    base: int,
    limit: int,
    map_: Array,
    map_first: int,
    map_step: int,
    superlane: int,
    superlanes_on: int,
    out: Array,
    out_first: int,
    out_step: int,
    vectors: int,
) -> int:
    """Fill each superlane (of ``superlane`` lanes) of rows of ``out`` from the word that the map names.

    Returns the first vector that has an address outside ``base`` .. ``limit``, or -1. Such superlanes become zero.
    """
    lanes, faulty = words.shape[1], -1
    source, result = words.reshape(words.size), out.reshape(out.size)
    for i in range(vectors):
        row, place = map_first + i * map_step, (out_first + i * out_step) * lanes
        for lane in range(0, superlanes_on * superlane, superlane):
            word = _address(map_, row, lane)
            if base <= word <= limit:
                copy_superlane(source, (first_word + word) * lanes + lane, result, place + lane, superlane)
            else:
                faulty = i if faulty < 0 else faulty
                result[place + lane : place + lane + superlane] = 0
    return faulty


@jit
def scatter(
    words: Array,
    first_word: int,
    base: int,
    limit: int,
    map_: Array,
    map_first: int,
    map_step: int,
    superlane: int,
    superlanes_on: int,
    data: Array,
    data_first: int,
    data_step: int,
    vectors: int,
) -> int:
    """Store each superlane of rows of ``data`` in the word that the map names, in ascending order of vectors.

    Returns the first vector that has an address outside ``base`` .. ``limit``, or -1. Such superlanes are not stored.
    """
    lanes, faulty = words.shape[1], -1
    target, source = words.reshape(words.size), data.reshape(data.size)
    for i in range(vectors):
        row, place = map_first + i * map_step, (data_first + i * data_step) * lanes
        for lane in range(0, superlanes_on * superlane, superlane):
            word = _address(map_, row, lane)
            if base <= word <= limit:
                copy_superlane(source, place + lane, target, (first_word + word) * lanes + lane, superlane)
            else:
                faulty = i if faulty < 0 else faulty
    return faulty
