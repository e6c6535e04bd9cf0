"""Producers: for everything that a dispatch takes, the dispatch it comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lpu_emu.analysis.flows import Flows
from lpu_emu.analysis.lattice import Ints
from lpu_emu.analysis.order import Links, in_order
from lpu_emu.analysis.regions import RegionUses, region_uses
from lpu_emu.analysis.streams import StreamLinks, stream_links
from lpu_emu.analysis.words import Words

NOBODY = -1
IMAGE = -2


@dataclass(frozen=True, kw_only=True, eq=False)
class Producers:
    """Who produced what, as links between elements of runs.

    In all tables but ``outputs`` reader and writer are runs, and a writer of ``NOBODY`` means that there is
    none (a hazard).

    * ``streams``: sampled streams and the drives they see.
    * ``words``: words that reads take, and the writes they come from (``IMAGE``: data and inputs). Scatters
      are left out, since what they write is not known: see ``regions``.
    * ``outputs``: words of output bindings. The reader is the number of a layout piece, counted through the
      pieces of all output bindings in order; its elements are the rows of the piece.
    * ``regions``: the order of gathers and scatters among the other users of their words.
    * ``latches``: samples of latches and the writes they see.
    * ``weights``: issues and the last install dispatched no later; ``weight_planes`` [n] says on which plane
      (an issue in tandem has a row for both).
    * ``products``: ``acc`` and the issue whose product it takes. ``rows``: ``acc`` that adds, or a row read,
      and the ``acc`` before.
    * ``vectors``: receives and sends.
    """

    streams: StreamLinks
    words: Links
    outputs: Links
    regions: RegionUses
    latches: Links
    weights: Links
    weight_planes: Ints
    products: Links
    rows: Links
    vectors: Links


def producers_of(flows: Flows) -> Producers:
    """Collect the links of all resources, with runs at both ends."""
    weights = in_order(flows.weights)
    words, outputs = _word_links(flows.words)
    return Producers(
        streams=stream_links(flows.streams),
        words=words,
        outputs=outputs,
        regions=region_uses(flows.words),
        latches=_between_runs(flows.latches.links, flows.latches.run),
        weights=_renamed(weights, flows.planes.run),
        weight_planes=flows.planes.plane[weights.reader],
        products=in_order(flows.products.links),
        rows=_between_runs(flows.rows.links, flows.rows.run),
        vectors=_between_runs(flows.links.links, flows.links.run),
    )


def _renamed(links: Links, run: Ints) -> Links:
    if not len(links):
        return links
    writer = np.where(links.writer >= 0, run[links.writer], NOBODY)
    return Links(**{**vars(links), "reader": run[links.reader], "writer": writer})


def _between_runs(links: Links, run: Ints) -> Links:
    return in_order(_renamed(links, run))


def _word_links(words: Words) -> tuple[Links, Links]:
    """Return the links of reading runs, and those of output pieces."""
    accesses, image, _ = words.begins
    run = np.concatenate((words.accesses.run, np.full(image - accesses, IMAGE)))
    links = words.links
    writer = np.where(links.writer >= 0, run[links.writer] if len(run) else links.writer, NOBODY)
    links = Links(**{**vars(links), "writer": writer})
    by_run = links.where(links.reader < accesses)
    outputs = links.where(links.reader >= accesses)
    return (
        in_order(Links(**{**vars(by_run), "reader": words.accesses.run[by_run.reader]})),
        in_order(Links(**{**vars(outputs), "reader": outputs.reader - image})),
    )
