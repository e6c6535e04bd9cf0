"""A score: instructions with the cycle in which each is to be dispatched, turned into queue texts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lpu_emu.program.model import Binding, DataSection, Program
from lpu_emu.program.text import Issue, issue, pack_text
from lpu_emu.spec.machine import Machine, direction

Loops = Sequence[tuple[int, int, int]]
LONGEST_NOP = 65535


class Score:
    """Instructions by queue and cycle. Loops are (count, interval, stride) with ``count`` dispatches, innermost first."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._entries: dict[str, list[tuple[int, int, list[Issue]]]] = defaultdict(list)

    def at(self, cycle: int, queue: str, mnemonic: str, loops: Loops = (), **operands: int) -> None:
        """Dispatch an instruction of a queue in a cycle, with its loops."""
        isa = self.machine.isa
        issues = [issue(isa, mnemonic, **operands)]
        length = 1
        for count, interval, stride in loops:
            if count > 1:
                issues.append(issue(isa, "repeat", count=count - 1, interval=interval, stride=stride))
                length += (count - 1) * interval
        self._entries[queue].append((cycle, length, issues))

    def time(self, mnemonic: str, key: str) -> int:
        """Return a timing key of an instruction."""
        return self.machine.timing(self.machine.isa[mnemonic])[key]

    def hops(self, producer: str, consumer: str, stream: int) -> int:
        """Return the hops of a stream from one queue's unit to another's."""
        way, known = direction(stream), self.machine.queue_by_name
        start, end = self.machine.x_out(known[producer], way), self.machine.x_in(known[consumer], way)
        return end - start if way == 0 else start - end

    def read_for(
        self, cycle: int, consumer: str, queue: str, address: int, to: int, loops: Loops = ()
    ) -> None:
        """Read words so that the first stands at a consumer in a cycle."""
        start = cycle - self.hops(queue, consumer, to) - self.time("read", "func")
        self.at(start, queue, "read", loops, address=address, to=to)

    def write_from(
        self, cycle: int, producer: str, queue: str, address: int, data: int, loops: Loops = ()
    ) -> None:
        """Write what a producer drives in a cycle."""
        start = cycle + self.hops(producer, queue, data) - self.time("write", "skew")
        self.at(start, queue, "write", loops, address=address, data=data)

    def program(self, name: str, data: Sequence[DataSection], bindings: Sequence[Binding] = ()) -> Program:
        """Return the program; dispatches of a queue must not overlap."""
        order = {q.name: q.index for q in self.machine.queues}
        texts = {
            q: pack_text(self.machine.isa, self._text(q))
            for q in sorted(self._entries, key=order.__getitem__)
        }
        return Program(
            name=name, machine=self.machine, queues=texts, data=tuple(data), bindings=tuple(bindings)
        )

    def _text(self, queue: str) -> list[Issue]:
        found: list[Issue] = []
        now = 0
        for cycle, length, issues in sorted(self._entries[queue], key=lambda entry: entry[0]):
            if cycle < now:
                raise ValueError(
                    f"{queue}: {issues[0].instruction.mnemonic} in cycle {cycle} comes before {now}"
                )
            while now < cycle:
                gap = min(cycle - now, LONGEST_NOP)
                found.append(issue(self.machine.isa, "nop", count=gap))
                now += gap
            found += issues
            now = cycle + length
        return found
