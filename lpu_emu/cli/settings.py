"""Options that every command has, and the state of one invocation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass
class Settings:
    """What the group must know after a command has failed."""

    debug: bool = False


def _set_debug(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        context.find_root().ensure_object(Settings).debug = True


def debug_option(function: Function) -> Function:
    """Add ``--debug``, hidden: show the traceback of an error."""
    return click.option(
        "--debug", is_flag=True, hidden=True, expose_value=False, is_eager=True, callback=_set_debug
    )(function)


def json_option(function: Function) -> Function:
    """Add ``--json`` (argument ``as_json``) and ``--debug``."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout and nothing else.")
    return option(debug_option(function))
