"""Greedy tokens with attention on a GPU and feed-forward layers on LPUs, beside the plain model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpu_emu.errors import InputError
from lpu_emu.gpu.spec import Gpu
from lpu_emu.gpu.stages import Load, attention_stage, evaluate, ffn_stage, head_stage, total
from lpu_emu.spec.machine import Machine
from lpu_emu.system.split.layers import LpuLayer
from lpu_emu.system.split.plain import Plain
from lpu_emu.system.split.weights import Llama
from lpu_emu.system.timeline import Task, Timeline, simulate

Array = NDArray[Any]
Observe = Callable[[str, float], None]


@dataclass(frozen=True, kw_only=True)
class Token:
    """One step. ``margin``: the plain model's best logit less its second; ``error``: how far the logits are apart."""

    token: int
    expected: int
    margin: float
    error: float
    timeline: Timeline

    @property
    def near_tie(self) -> bool:
        """Whether the plain model itself is undecided within the error of the logits."""
        return self.margin <= 2 * self.error


@dataclass(frozen=True, kw_only=True)
class Run:
    """All tokens behind the prompt, and the cycles of one run of each layer's program."""

    prompt: tuple[int, ...]
    tokens: tuple[Token, ...]
    cycles: tuple[int, ...]

    @property
    def equal(self) -> bool:
        """Whether every token is the plain model's."""
        return all(token.token == token.expected for token in self.tokens)


class Split:
    """A model on a GPU and one LPU per layer."""

    def __init__(
        self,
        llama: Llama,
        *,
        gpu: Gpu,
        machine: Machine,
        ethernet_s: float,
        engine: str = "fast",
        observe: Observe | None = None,
    ) -> None:
        self._llama, self._gpu, self._ethernet_s = llama, gpu, ethernet_s
        self._clock_hz = machine.chip.clock_hz
        self._observe = observe or (lambda what, share: None)
        self.layers = []
        for i, layer in enumerate(llama.layers):
            self._observe(f"compiling layer {i}", i / len(llama.layers))
            self.layers.append(LpuLayer(layer, f"layer{i}", machine, engine))
        self._caches = [self._empty() for _ in llama.layers]
        self._known = {"base": np.asarray(llama.base), "epsilon": np.asarray(llama.epsilon)}
        self._length = 0

    def generate(self, prompt: Sequence[int], count: int) -> Run:
        """Return ``count`` greedy tokens. Both models always go on with the split model's token.

        Raises:
            InputError: the prompt is empty or has a token that the vocabulary lacks.
        """
        if not prompt or not all(0 <= token < self._llama.model.vocabulary for token in prompt):
            raise InputError(
                f"a prompt has tokens from 0 to {self._llama.model.vocabulary - 1}, and one at least"
            )
        plain = Plain(self._llama)
        found: list[Token] = []
        waiting = list(prompt)
        while len(found) < count:
            token = waiting.pop(0)
            self._observe(f"token {self._length}", self._length / (len(prompt) + count - 1))
            logits, expected = self.logits(token), plain.logits(token)
            if not waiting:
                found.append(_judged(logits, expected, self.timeline()))
                waiting.append(found[-1].token)
        return Run(prompt=tuple(prompt), tokens=tuple(found), cycles=tuple(x.cycles for x in self.layers))

    def logits(self, token: int) -> Array:
        """Return the logits [vocabulary] behind one more token; the caches grow by it."""
        llama, load = self._llama, self._load(0)
        x = llama.embedding[token][None]
        state = {**self._known, "x": x, "delta": np.zeros_like(x), "positions": np.array([self._length])}
        for i, layer in enumerate(llama.model.layers):
            known = {**state, **llama.layers[i], **self._caches[i]}
            norm = ffn_stage(llama.model, layer.ffn, load)[:1]
            after = evaluate((*attention_stage(llama.model, layer.attention, load), *norm), known)
            self._caches[i] = {name: after[name] for name in ("keys", "values")}
            state |= {"x": after["x"], "delta": self.layers[i](after["normed"])}
        self._length += 1
        known = {**state, "last_norm": llama.last_norm, "vocabulary": llama.vocabulary}
        logits: Array = evaluate(head_stage(llama.model, load), known)["logits"][0]
        return logits

    def timeline(self) -> Timeline:
        """Return the timeline of the last token."""
        model, load = self._llama.model, self._load(self._length)
        tasks = []
        for layer, lpu in zip(model.layers, self.layers, strict=True):
            stage = (*attention_stage(model, layer.attention, load), *ffn_stage(model, layer.ffn, load)[:1])
            tasks += [
                Task(name="GPU attention", resource="GPU", busy_s=total(stage, self._gpu).seconds),
                Task(name="Ethernet", resource="", busy_s=self._ethernet_s),
                Task(name="LPU programs", resource="LPU", busy_s=lpu.cycles / self._clock_hz),
                Task(name="Ethernet", resource="", busy_s=self._ethernet_s),
            ]
        logits = total(head_stage(model, load), self._gpu).seconds
        return simulate([[*tasks, Task(name="GPU logits", resource="GPU", busy_s=logits)]])

    def _load(self, context: int) -> Load:
        return Load(sequences=1, context=context, dtype="bf16", kv_dtype="bf16")

    def _empty(self) -> Mapping[str, Array]:
        model = self._llama.model
        empty = np.zeros((0, model["attention.keys"], model["attention.width"]), np.float32)
        return {"keys": empty, "values": empty}


def _judged(logits: Array, expected: Array, line: Timeline) -> Token:
    second, first = np.partition(expected, -2)[-2:]
    return Token(
        token=int(np.argmax(logits)),
        expected=int(np.argmax(expected)),
        margin=float(first - second),
        error=float(np.abs(logits - expected).max()),
        timeline=line,
    )
