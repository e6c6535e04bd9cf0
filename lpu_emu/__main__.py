"""``python -m lpu_emu``: the command line."""

from __future__ import annotations

from lpu_emu.cli import main

if __name__ == "__main__":
    main()
