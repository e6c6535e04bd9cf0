"""``lpu-emu networks``: well-known networks with seeded weights, as ONNX files."""

from __future__ import annotations

from pathlib import Path

import click

from lpu_emu.cli.group import Group
from lpu_emu.cli.options import output_option
from lpu_emu.cli.settings import json_option

LIST_SCHEMA = "lpu-emu/networks-list/1"
MAKE_SCHEMA = "lpu-emu/networks-make/1"
SEED_OPTION = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of weights and pictures."
)


@click.group("networks", cls=Group)
def command() -> None:
    """List networks, and make one: well-known shapes, seeded weights, nothing downloaded.

    \b
    Example:
      lpu-emu networks list
    """


@command.command("list")
@json_option
def list_command(as_json: bool) -> None:
    """List the networks that can be made.

    \b
    Example:
      lpu-emu networks list
    """
    from lpu_emu.cli.output import document, print_json, table
    from lpu_emu.library.networks.catalogue import NETWORKS

    if as_json:
        rows = [
            {
                "name": network.name,
                "about": network.about,
                "image": list(network.image),
                "parameters_m": network.parameters_m,
                "macs_m": network.macs_m,
            }
            for network in NETWORKS
        ]
        print_json(document(LIST_SCHEMA, networks=rows))
        return
    lines = [
        (n.name, "x".join(map(str, n.image)), f"{n.parameters_m:g} M", f"{n.macs_m:,g} M", n.about)
        for n in NETWORKS
    ]
    click.echo(table(("name", "image", "weights", "MACs", "about"), lines, right="cd"))


@command.command("make")
@click.argument("name")
@click.option("--int8", is_flag=True, help="Quantise it (QDQ form, symmetric, weights per channel).")
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Images at once.")
@SEED_OPTION
@output_option("Write the model to this file (.onnx).", required=True)
@json_option
def make_command(name: str, int8: bool, batch: int, seed: int, output: Path, as_json: bool) -> None:
    """Make the network NAME as an ONNX file.

    Its weights are random and its statistics measured, so that activations have unit scale and no output is
    constant. The same seed gives the same weights.

    \b
    Examples:
      lpu-emu networks make resnet50 -o resnet50.onnx
      lpu-emu networks make tiny_cnn --int8 -o tiny_int8.onnx
    """
    from lpu_emu.cli.files import require_writable, write_bytes
    from lpu_emu.cli.output import Progress, document, print_json
    from lpu_emu.library.networks.catalogue import FP32, INT8, find, make

    require_writable(output)
    network = find(name)
    progress = Progress()
    progress(f"making {name}")
    precision = INT8 if int8 else FP32
    model = make(name, precision=precision, batch=batch, seed=seed)
    write_bytes(output, model.SerializeToString(deterministic=True))
    progress.clear()
    size = output.stat().st_size
    shape = [batch, *network.image]
    if as_json:
        file = {"path": str(output), "bytes": size}
        print_json(document(MAKE_SCHEMA, name=name, precision=precision, seed=seed, input=shape, file=file))
    else:
        click.echo(f"{name} ({precision}), x {'x'.join(map(str, shape))}\nwrote {output} ({size:,} bytes)")
