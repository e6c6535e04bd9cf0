"""The tables of a plan: what their columns mean. All tables are int64 [rows, columns].

An *op* is one instruction of the run table, or a part of it that acts at a moment of its own. Element k of an
op computes in cycle ``START + k * INTERVAL``. Its result lies at byte address

    ``OUT + part * PART_STEP + (k + PHASE) % CAP * STEP``, lanes ``LANE_STEP`` bytes apart.

*Slots* are the streams that an op takes, one byte per lane each: ``SLOTS`` of them from number ``SLOT`` on. A
*ref* says where the elements ``REF_FIRST .. REF_FIRST + REF_COUNT - 1`` of a slot come from: part ``REF_PART`` of
the elements ``REF_AT + j * REF_STEP`` of op ``REF_SOURCE`` (-1: zeros). A *piece* is a stretch of elements of one
op that is executed in one go; a *source* is the address of one slot of a piece.
"""

from __future__ import annotations

# What an op does.
NOTHING, READ, WRITE, GATHER, SCATTER, BINARY, UNARY, CONVERT, LOAD, STORE_ROWS, SWAP, REPLACE = range(12)
ACCUMULATE, MERGE, SHIFT, PERMUTE, DISTRIBUTE, ROTATE, TRANSPOSE, ISSUE, VIEW, KINDS = range(12, 22)

# Columns of ops. ON: lanes that are on. X, Y: how many slots the first and the second operand have (0: immediate).
# SIZE: bytes of a packed element, PARTS: parts of a planar result. ADDRESS, STRIDE: bytes, of SRAM or buffers.
# A, B: what else the instruction says. ORDER: the place among all dispatches of a cycle.
(KIND, CODE, DTYPE, RESULT, SATURATE, ON, COUNT, START, INTERVAL, SLOT, SLOTS, X, Y, OUT, CAP, PHASE, PART_STEP, STEP,
 LANE_STEP, SIZE, PARTS, ADDRESS, STRIDE, A, B, RUN, DISPATCH, IMMEDIATE, OP_COLUMNS) = range(29)  # fmt: skip

# Columns of refs.
REF_SLOT, REF_FIRST, REF_COUNT, REF_SOURCE, REF_AT, REF_STEP, REF_PART, REF_COLUMNS = range(8)

# Columns of pieces. SERIAL: elements take results of the same piece. SOURCES: row of the first source.
OP, FIRST, NUMBER, WINDOW, SERIAL, SOURCES, TILE, PIECE_COLUMNS = range(8)

# Columns of sources: address of element 0, bytes from element to element, bytes from lane to lane.
BASE, MOVE, LANE, SOURCE_COLUMNS = range(4)

# Columns of weight tiles: weights of the first and the second plane, type of the activations, lanes from .. to that
# take part, lanes of the products that are on, where it is packed (0: nowhere), and whether it has been.
LOW, HIGH, TILE_TYPE, LANE_FIRST, LANE_END, TILE_ON, PACKED, READY, TILE_COLUMNS = range(9)

# Slots of an accumulation: its issue, two bytes of activations, two planes of weights, the row before.
ISSUE_SLOT, X_SLOT, WEIGHT_SLOT, ROW_SLOT, ACCUMULATE_SLOTS = 0, 1, 3, 5, 9
# Slots of a merge: the new bytes, the bytes before.
NEW_SLOT, OLD_SLOT, MERGE_SLOTS = 0, 4, 8
