"""A group that imports commands when they are used, and ends every failure with a message and a code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import click

from lpu_emu.cli.failure import describe
from lpu_emu.cli.settings import Settings
from lpu_emu.errors import did_you_mean

_ClickErrors = (click.ClickException, click.exceptions.Exit, click.Abort)


@dataclass(frozen=True, kw_only=True)
class LazyCommand:
    """Where a command lives (its module has it as ``command``) and its line in the group's help."""

    name: str
    module: str
    help: str


class Group(click.Group):
    """A group that suggests the nearest command for an unknown one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Look up a command. Raises click.UsageError with a suggestion when there is none."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            hint = did_you_mean(name, known) or f"; commands: {', '.join(known)}"
            raise click.UsageError(f"no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)


class LazyGroup(Group):
    """The top group: commands by name without importing them, and the one place that exits."""

    def __init__(self, *args: Any, lazy: Sequence[LazyCommand] = (), **kwargs: Any) -> None:
        """Make a group of the commands of a table."""
        super().__init__(*args, **kwargs)
        self.lazy = {entry.name: entry for entry in lazy}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the command names in the order of the table."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, None when there is none of that name."""
        entry = self.lazy.get(cmd_name)
        if entry is None:
            return None
        command = importlib.import_module(entry.module).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in self.lazy.values()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what it raises into a message and an exit code.

        click itself would take an EOFError for Ctrl-D and give a broken pipe the code of a failed check.
        """
        try:
            return super().invoke(ctx)
        except _ClickErrors:
            raise
        except (Exception, KeyboardInterrupt) as error:
            code = describe(error, ctx.ensure_object(Settings).debug).show()
            raise click.exceptions.Exit(code) from error

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command line and exit."""
        settings = Settings()
        extra |= {"standalone_mode": False, "obj": settings}
        try:
            result = super().main(args, prog_name, **extra)
        except _ClickErrors as error:
            sys.exit(describe(error, settings.debug).show())
        sys.exit(result if isinstance(result, int) else 0)
