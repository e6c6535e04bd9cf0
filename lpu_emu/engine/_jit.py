"""The one door to Numba: the only module that decorates functions for compilation.

Compiled code is kept on disk, in a folder named after everything that decides what it does: the instruction
set and chips, the sources of the engine, the versions of Numba, llvmlite and NumPy, and the CPU it is for.
Numba alone would look at the file of the decorated function only and run stale code after an edit
elsewhere. Its cache folder is set while our functions are decorated and put back; other users of Numba in
the process see nothing of it.

With ``NUMBA_DISABLE_JIT=1`` the same sources run as plain Python, quiet about wrapping integers, and
every intrinsic is replaced by its plain twin.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from threading import Lock
from typing import Any, ParamSpec, TypeVar

import llvmlite
import numba
import numpy as np
from numba.core import config as numba_config
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from lpu_emu.engine._cache import cache_folder, source_digest

P = ParamSpec("P")
R = TypeVar("R")

# Numba's type hints know neither its configuration nor all options of njit.
config: Any = numba_config
njit: Any = numba.njit

PLAIN: bool = bool(config.DISABLE_JIT)

_decorating = Lock()


@lru_cache(maxsize=1)
def target() -> tuple[str, str, frozenset[str]]:
    """Return the triple, the CPU name and the features that Numba compiles for; nothing in plain Python."""
    if PLAIN:
        return "", "", frozenset()
    triple, cpu, features = cpu_target.target_context.codegen().magic_tuple()
    return triple, cpu, frozenset(f[1:] for f in features.split(",") if f.startswith("+"))


@lru_cache(maxsize=1)
def folder() -> Path:
    """Return the folder that holds the compiled code of this state of the sources."""
    triple, cpu, features = target()
    versions = (numba.__version__, llvmlite.__version__, np.__version__, triple, cpu, *sorted(features))
    return cache_folder(source_digest(versions))


@contextmanager
def _own_cache_folder() -> Iterator[None]:
    with _decorating:
        before = config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES
        config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = os.fspath(folder()), ""
        try:
            yield
        finally:
            config.CACHE_DIR, config.CACHE_LOCATOR_CLASSES = before


def _quiet(function: Callable[P, R]) -> Callable[P, R]:
    """Plain Python: NumPy scalars wrap and overflow as compiled code does, without a warning."""

    @wraps(function)
    def plain(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return plain


def _compiled(function: Callable[P, R], **options: Any) -> Callable[P, R]:
    if PLAIN:
        return _quiet(function)
    with _own_cache_folder():
        decorated: Callable[P, R] = njit(error_model="numpy", nogil=True, **options)(function)
    return decorated


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call and keep the code on disk, with all that it calls.

    No fastmath; division and the like as NumPy does them; the GIL is released.
    """
    return _compiled(function, cache=True, _nrt=False)


def inner(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that only compiled functions call: a third cheaper, as it needs no Python side."""
    return _compiled(function, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def spliced(function: Callable[P, R]) -> Callable[P, R]:
    """Put the text of a function where it is called.

    For functions high up: LLVM optimises each compiled function anew together with all that it calls, seconds for
    each level above the kernels.
    """
    return _compiled(function, _nrt=False, inline="always")


def with_twin(twin: Callable[P, R]) -> Callable[[Callable[..., Any]], Callable[P, R]]:
    """Make an intrinsic out of a code generator, or take its plain ``twin`` where nothing is compiled."""

    def choose(generator: Callable[..., Any]) -> Callable[P, R]:
        chosen: Callable[P, R] = _quiet(twin) if PLAIN else intrinsic(generator)
        return chosen

    return choose
