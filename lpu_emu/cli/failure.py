"""What a failed command says and which code it exits with."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from dataclasses import dataclass

import click

from lpu_emu.cli.output import clear_line
from lpu_emu.errors import AssemblyError, LpuError, SpecError, did_you_mean

FAILED = 1
WRONG_USAGE = 2
REJECTED = 3
BUG = 70
INTERRUPTED = 130
BROKEN_PIPE = 141


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Text for stderr (may be empty) and exit code."""

    message: str
    code: int

    def show(self) -> int:
        """Print the message and return the code."""
        if self.message:
            clear_line()
            click.echo(self.message, err=True)
        return self.code


def describe(error: BaseException, debug: bool) -> Failure:
    """Return what to say about an exception; with ``debug`` the traceback stands above it."""
    failure = _describe(error)
    if debug and failure.message:
        trace = "".join(traceback.format_exception(error))
        return Failure(message=f"{trace}{failure.message}", code=failure.code)
    return failure


def _describe(error: BaseException) -> Failure:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return Failure(message=error.format_message(), code=WRONG_USAGE)
    if isinstance(error, click.exceptions.Exit):
        return Failure(message="", code=error.exit_code)
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Failure(message="interrupted", code=INTERRUPTED)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, LpuError):
        return Failure(message=_lpu_text(error), code=error.exit_code)
    if isinstance(error, OSError):
        return _system(error)
    if isinstance(error, MemoryError):
        return Failure(message="error: the machine has not enough memory for this", code=REJECTED)
    return _bug(error)


def _usage(error: click.ClickException) -> Failure:
    text = error.format_message()
    if isinstance(error, click.NoSuchOption):
        text = f"no option {error.option_name!r}{did_you_mean(error.option_name, error.possibilities or ())}"
    message = f"error: {text[:1].lower()}{text[1:].rstrip('.')}"
    context = getattr(error, "ctx", None)
    if context is not None:
        message += f"\ntry: {context.command_path} --help"
    return Failure(message=message, code=error.exit_code if error.exit_code != 1 else WRONG_USAGE)


def _lpu_text(error: LpuError) -> str:
    if isinstance(error, AssemblyError):
        count = len(error.diagnostics)
        return f"{error}\n{count} error{'s' if count != 1 else ''}"
    if isinstance(error, SpecError):
        return "\n".join(f"error: {finding}" for finding in error.findings)
    return f"error: {error}"


def _system(error: OSError) -> Failure:
    if error.errno == errno.EPIPE:
        # The reader has gone; point stdout elsewhere so that flushing it at exit stays quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Failure(message="", code=BROKEN_PIPE)
    where = f"{error.filename}: " if error.filename else ""
    return Failure(message=f"error: {where}{error.strerror or error}", code=REJECTED)


def _bug(error: BaseException) -> Failure:
    kind = type(error).__name__
    text = str(error).strip().splitlines()
    detail = f": {text[0][:200]}" if text else ""
    return Failure(
        message=(
            f"error: internal error ({kind}{detail})\n"
            "this is a bug in lpu-emu; please report it with the command and its input\n"
            "(--debug shows where it happened)"
        ),
        code=BUG,
    )
