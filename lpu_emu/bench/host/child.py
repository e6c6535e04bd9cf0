"""A process that does one task and prints its result: ``python -m lpu_emu.bench.host.child '{"task": ...}'``."""

from __future__ import annotations

import json
import sys
from typing import Any


def main(text: str) -> None:
    """Do a task, given as JSON with its name and arguments, and write its result as JSON to stdout."""
    from lpu_emu.bench.host.tasks import TASKS

    arguments: dict[str, Any] = json.loads(text)
    result = TASKS[arguments.pop("task")](**arguments)
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1])
