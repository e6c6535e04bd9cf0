"""Queue text as bytes and back."""

from __future__ import annotations

import numpy as np

from lpu_emu import encoding
from lpu_emu.program.text import QueueText
from lpu_emu.spec.isa import Isa


def encode_text(isa: Isa, text: QueueText) -> bytes:
    """Return the encoded instructions of a queue; lines and origins are not part of them.

    Raises:
        EncodingError: an opcode is no instruction, or a value does not fit its field.
    """
    return encoding.encode(isa, text.opcodes, text.args)


def decode_text(isa: Isa, data: bytes) -> QueueText:
    """Return the instructions that bytes encode, with lines 0 and origins -1.

    Raises:
        EncodingError: the bytes are no instructions.
    """
    columns = encoding.decode(isa, data)
    n = len(columns.opcodes)
    return QueueText(
        opcodes=columns.opcodes,
        args=columns.args,
        lines=np.zeros(n, dtype=np.int32),
        origins=np.full(n, -1, dtype=np.int32),
    )
