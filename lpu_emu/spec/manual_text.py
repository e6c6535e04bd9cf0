"""The prose of the instruction manual: everything that does not follow from the tables."""

from __future__ import annotations

HEAD = """\
# Instruction set reference

> Generated from the tables in this folder by `python -m lpu_emu.spec.manual`. Edit the tables, not this page.

This page describes every instruction of the {name} instruction set, version {version}: how it is written,
how it is encoded, what it does and how long it takes. The rules that hold between instructions (queues,
hazards, state) are in [the modelled machine](../docs/machine.md), arithmetic to the bit in
[numerics](../docs/numerics.md).

- [The machine in a few words](#the-machine-in-a-few-words)
- [How to read an entry](#how-to-read-an-entry)
- [Writing instructions](#writing-instructions)
- [Encoding](#encoding)
- [Operand kinds](#operand-kinds)
- [Timing keys](#timing-keys)
- [Where things come from](#where-things-come-from)
- Instructions: {units}
- [Index of opcodes](#index-of-opcodes)
"""

MACHINE = """\
## The machine in a few words

The chip is a strip of functional units. Between them lie stream registers, and data never stops moving
through them:

```text
 west                                                                          east
 MXM W | SXM W, C2C W | MEM W43 .. W0 |  VXM  | MEM E0 .. E43 | SXM E, C2C E | MXM E
        <----------------  westward streams w0, w1, ...  ----------------
        ----------------   eastward streams e0, e1, ...  ---------------->
```

- A **lane** is one byte wide. A **superlane** is a row of lanes that works as one; the superlanes lie on
  top of each other from south to north. All lanes together make a **vector**, the unit of memory words,
  streams and links.
- A **stream** carries one vector per cycle in one direction, east or west. Each cycle a vector moves one
  **stream-register position** (a **hop**), whether anybody looks at it or not, and at the edge of the
  chip it is gone. A wide type travels on several streams, lowest byte first.
- A **slot** is what a moving vector keeps: eastward the cycle minus the position, westward the cycle plus
  the position. Two instructions meet on a stream when their slots are equal.
- A **slice** is a column of MEM with its own words and its own queue. A **hemisphere** is one side of the
  VXM; the other side is its mirror image.
- A **queue** holds the instructions of one unit and dispatches them in order, at most one in a cycle.
  Nothing in the chip waits for data: an instruction that is dispatched in cycle t samples its operands in
  t + **skew** and shows its result on the stream register in t + **functional delay** (`func`), right or
  wrong. A program is correct because its author, or a compiler, knows where every vector is.
- Cycles are those of the southernmost superlane. Each superlane does the same one cycle after the one
  below it.
"""

READING = """\
## How to read an entry

Each entry gives, in this order: the text form; the meaning in one line; details; the operands; the bits;
for typed instructions the types, and for the VXM which of them need a large ALU; the timing on each chip;
and where the instruction comes from. Where several instructions of a unit differ in nothing but the
operation, their operands and bits are shown once, under the name of their common form.
"""

WRITING = """\
## Writing instructions

```text
mnemonic.suffix.suffix source, source -> result, result
```

- Suffixes are the operands with the role `mod`, in the order of the table, and all of them are written.
- Operands with the role `in` stand before the arrow, those with the role `out` behind it. An instruction
  without results has no arrow. In the text forms below, brackets mark what may be left out; a result that
  is left out before another is written `_`.
- Streams are written `e0`, `w0`, ...; the latch of an ALU is `latch`; numbers are decimal or `0x`
  hexadecimal.
- `#value` in place of a source puts the value itself into the instruction, in the instruction's type. An
  instruction has one such field; it is the operand with the role `hidden`, which is never written by its
  own name.
"""

ENCODING = """\
## Encoding

Instruction text is a sequence of bytes. An instruction takes a multiple of {alignment} bytes, at most
{longest}; bit b of an instruction is bit b mod 8 of its byte b / 8, so that it reads as one little-endian
number. The opcode is in bits 0..7. In the drawings each row is a word of 32 bits with the high bits on
the left; `name[15:0]` is the part of a field that falls into that word; bits marked 0 are reserved and
must be zero.
"""

KINDS = """\
## Operand kinds

The range of a kind is what its field can say. What a chip accepts is less, and is listed below the table.
"""

TIMING = """\
## Timing keys

All timing is counted in cycles from dispatch. Each instruction lists the keys it has; the values are
facts of a chip.
"""

PROVENANCE = """\
## Where things come from

Every instruction and every number of a chip says where it comes from: `published` by the maker, in a
paper, talk, brief or post; `secondary` from others, such as the press, outside users of the hardware, or
memory; `derived` from such numbers by arithmetic; `choice` where nothing is known and this project had to
decide. "Ours" marks the part of an entry that is a choice. The letters stand for:
"""
