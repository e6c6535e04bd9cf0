"""Option types and the options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

# Generic from click 8.4 on, and not subscriptable before.
if TYPE_CHECKING:
    _Type = click.ParamType[Any]
else:
    _Type = click.ParamType

Function = TypeVar("Function", bound=Callable[..., Any])

PRECISIONS = ("auto", "fp16", "fp32", "int8")


class ChipType(_Type):
    """The name of a bundled chip, or the path of a chip file (ending in ``.toml``)."""

    name = "chip"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that the name is known; a file is checked when it is loaded."""
        from lpu_emu.errors import did_you_mean
        from lpu_emu.spec.chip import chip_names

        text, known = str(value), chip_names()
        if text not in known and not text.endswith(".toml"):
            hint = did_you_mean(text, known)
            self.fail(
                f"no chip {text!r}; chips: {', '.join(known)}, or the path of a .toml file{hint}", param, ctx
            )
        return text


class ShapeType(_Type):
    """``NAME=1x128``: a tensor name and its sizes."""

    name = "shape"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[int, ...]]:
        """Split the text. A value that is split already passes."""
        if isinstance(value, tuple):
            return value
        name, _, sizes = str(value).rpartition("=")
        if not name or not all(part.isdigit() and int(part) > 0 for part in sizes.split("x")):
            self.fail(f"{value!r} is not of the form NAME=1x128 with sizes of at least 1", param, ctx)
        return name, tuple(int(part) for part in sizes.split("x"))


class EngineType(_Type):
    """The executor of a run."""

    name = "engine"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check that the executor exists."""
        from lpu_emu.errors import did_you_mean
        from lpu_emu.library.engines import ENGINES

        if value not in ENGINES:
            hint = did_you_mean(str(value), ENGINES)
            self.fail(f"no engine {value!r}; engines: {', '.join(ENGINES)}{hint}", param, ctx)
        return str(value)


def file_argument(function: Function) -> Function:
    """Add the argument FILE (``file``)."""
    return click.argument("file", metavar="FILE", type=click.Path(path_type=Path))(function)


def program_options(function: Function) -> Function:
    """Add ``--chip``, ``--precision`` and ``--shape`` (``shapes``)."""
    options = [
        click.option("--chip", type=ChipType(), help="Chip name or chip file (models: tsp1 when not given)."),
        click.option(
            "--precision", type=click.Choice(PRECISIONS), help="Arithmetic of a model (default: auto)."
        ),
        click.option(
            "--shape", "shapes", metavar="NAME=1x128", type=ShapeType(), multiple=True,
            help="Sizes of a model input that has open dimensions. Repeatable.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def input_options(function: Function) -> Function:
    """Add ``--input`` (``inputs``) and ``--seed``."""
    options = [
        click.option(
            "--input",
            "inputs",
            metavar="F.npz | NAME=F.npy",
            multiple=True,
            help="Input tensors. Repeatable.",
        ),
        click.option(
            "--seed",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Seed of inputs not given.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def size_option(function: Function) -> Function:
    """Add ``--size`` (``size``)."""
    return click.option(
        "--size", metavar="NAME | ARG=VALUE,...", default="",
        help="Size of a Python kernel: one of its SIZES, or changes to the first of them.",
    )(function)  # fmt: skip


def output_option(help_text: str, *, required: bool = False) -> Callable[[Function], Function]:
    """Add ``-o, --output`` (``output``)."""
    return click.option(
        "-o", "--output", metavar="FILE", required=required, type=click.Path(path_type=Path), help=help_text
    )
