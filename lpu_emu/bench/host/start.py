"""A process that does what a user's first command does, and prints when it reached what.

``python -m lpu_emu.bench.host.start`` prints seconds of the system's clock as JSON: after the imports, after the
program is assembled, after the first run with its values.
"""

from __future__ import annotations

import json
import sys
import time

KERNEL = "hello"


def main() -> None:
    """Assemble the smallest kernel and run it on the fast engine."""
    reached = {"begun": time.time()}
    import numpy as np

    import lpu_emu
    from lpu_emu import engine
    from lpu_emu.library import kernels

    program = lpu_emu.assemble(kernels.find(KERNEL).path).program
    reached["assembled"] = time.time()
    engine.warm_up()
    reached["loaded"] = time.time()
    engine.run(program, {"x": np.arange(8, dtype=np.int8)})
    reached["run"] = time.time()
    sys.stdout.write(json.dumps(reached))


if __name__ == "__main__":
    main()
