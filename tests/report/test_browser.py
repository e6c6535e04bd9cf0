"""The page in a real browser: no error, no request, every control works, every picture is drawn.

Skipped, visibly, only where no Chromium is on the path. Screenshots are kept in the folder ``LPU_EMU_ARTIFACTS``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpu_emu.analysis import analyse
from lpu_emu.asm.listing import writers
from lpu_emu.program.model import Program
from lpu_emu.program.text import issue

from .browser import Page, find_browser, opened_browser
from .pages import digits, gated_block, kernel, page_of
from .samples import again, at, product, program, tensor, vector_add

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on the path")

CANVASES = ("floorplan", "spacetime", "gantt", "memory", "map", "overview")
INKS = """(() => {
  const seen = (id) => {
    const c = document.getElementById(id);
    const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(c, 0, 0);
    const { data } = copy.getImageData(0, 0, c.width, c.height);
    const inks = new Set();
    for (let i = 0; i < data.length; i += 4) inks.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    return inks.size;
  };
  return Object.fromEntries(%s.map((id) => [id, seen(id)]));
})()"""


SHOWN: dict[str, Callable[[Path], Program]] = {
    "kernel": lambda _: kernel("fused_linear"),
    "digits": lambda _: digits(),
    "block": gated_block,
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    browser = find_browser()
    assert browser is not None
    with opened_browser(browser, tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pages and screenshots go."""
    wanted = os.environ.get("LPU_EMU_ARTIFACTS")
    if not wanted:
        return tmp_path_factory.mktemp("pages")
    Path(wanted).mkdir(parents=True, exist_ok=True)
    return Path(wanted)


def show(page: Page, folder: Path, sample: Program, fragment: str = "", **size: int) -> None:
    file = folder / f"{sample.name.replace(' ', '_')}.html"
    file.write_text(page_of(sample), encoding="utf-8")
    page.problems.clear()
    page.requests.clear()
    page.open(file, fragment, **size)


@pytest.fixture(autouse=True)
def no_problems(page: Page) -> Iterator[None]:
    """After every test: nothing went wrong in the console, and nothing was asked of a network."""
    yield
    page.value("1")
    assert page.problems == []
    assert [url for url in page.requests if not url.startswith(("file:", "about:", "data:"))] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_every_picture_is_drawn(page: Page, folder: Path, name: str, theme: str) -> None:
    sample = SHOWN[name](folder)
    page.media(prefers_color_scheme=theme)
    cycles = analyse(sample).cycles
    show(page, folder, sample, f"#cycle={cycles // 3}")
    inks = page.value(INKS % list(CANVASES))
    assert all(number > 3 for number in inks.values()), inks
    assert page.value("document.querySelectorAll('#losses rect').length") >= 4
    assert page.value("document.querySelectorAll('#roofline circle').length") >= 2
    page.screenshot(folder / f"{name}-{theme}.png", whole=True)
    page.value(f"report.setView({cycles // 3 - 30}, {cycles // 3 + 30})")
    page.settle()
    page.screenshot(folder / f"{name}-{theme}-near.png", whole=True)
    assert page.value(INKS % ["spacetime"])["spacetime"] > 3


def test_the_cursor_moves_by_slider_keys_and_number(page: Page, folder: Path) -> None:
    show(page, folder, vector_add())
    assert page.value("report.state.cycle") == 0
    page.focus("slider")
    page.press("ArrowRight", code=39)
    assert page.value("report.state.cycle") == 1
    page.focus("spacetime")
    for key, code, shift in (("ArrowRight", 39, False), ("ArrowRight", 39, True), ("ArrowLeft", 37, False)):
        page.press(key, code=code, shift=shift)
    assert page.value("report.state.cycle") == 11
    assert page.value("document.getElementById('cycle').value") == "11"
    said = page.value("document.getElementById('live').textContent")
    assert said == "Cycle 11: dispatches 2 in MEM, 1 in VXM"
    page.press("End", code=35)
    assert page.value("report.state.cycle") == 97
    page.press("Home", code=36)
    assert page.value("report.state.cycle") == 0


def test_views_zoom_and_pan_together(page: Page, folder: Path) -> None:
    show(page, folder, vector_add(), "#view=0-98")
    width = "report.state.to - report.state.from"
    page.focus("gantt")
    page.press("+")
    assert page.value(width) == 49
    page.press("0")
    assert page.value(width) == 98
    place = page.point("spacetime", 600, 100)
    page.mouse("mouseWheel", place, deltaX=0, deltaY=-100, modifiers=2)
    page.settle()
    assert 20 < page.value(width) < 98
    before = page.value("[report.state.from, report.state.to]")
    page.mouse("mouseMoved", place)
    page.mouse("mousePressed", place, button="left", clickCount=1)
    page.mouse("mouseMoved", (place[0] - 200, place[1]), button="left", buttons=1)
    page.mouse("mouseReleased", (place[0] - 200, place[1]), button="left", clickCount=1)
    page.settle()
    after = page.value("[report.state.from, report.state.to]")
    assert after[0] > before[0] + 5
    assert after[1] - after[0] == pytest.approx(before[1] - before[0])


def test_play_moves_and_pauses(page: Page, folder: Path) -> None:
    show(page, folder, vector_add())
    for motion in ("no-preference", "reduce"):
        page.media(prefers_reduced_motion=motion)
        page.value("report.setCycle(0); document.getElementById('play').click()")
        page.value("new Promise((done) => setTimeout(done, 400))")
        page.value("document.getElementById('play').click()")
        cycle = page.value("report.state.cycle")
        assert 0 < cycle < 97
        assert cycle == int(cycle)
        assert page.value("document.getElementById('play').getAttribute('aria-pressed')") == "false"


def test_a_vector_names_its_producer_and_its_consumer(page: Page, folder: Path) -> None:
    """Row 10 of a leaves W0 (at 19) in cycle 12 and is sampled at 20 in 13; the sum of row 10 is at 24 in 19."""
    show(page, folder, vector_add(operators=True), "#view=0-40")
    x, y = page.value("[report.panels.spacetime.panel.x(19.5), report.panels.spacetime.y(24)]")
    page.mouse("mouseMoved", page.point("spacetime", x, y))
    page.settle()
    text = page.value("document.getElementById('tip').innerText").split()
    assert " ".join(text) == (
        "stream e1, vector 11 of 64, driven in cycle 16 "
        "producer vxm.0 in cycle 13 · sum add.int8.sat e0, e1 -> e1 "
        "consumer mem.E0 in cycle 23 · store write e1 -> 0x00a"
    )
    page.screenshot(folder / "hover.png")


def test_a_click_on_a_slice_shows_its_queue_at_the_cursor(page: Page, folder: Path) -> None:
    show(page, folder, vector_add(), "#cycle=20")
    tile = page.value(
        "(() => { const q = report.model.queues.findIndex((q) => q.name === 'mem.E0');"
        " return report.panels.floorplan.tiles.find((t) => t.queue === q); })()"
    )
    page.click(page.point("floorplan", tile["left"] + tile["width"] / 2, tile["top"] + tile["height"] / 2))
    text = page.value("document.getElementById('queue').innerText")
    assert "mem.E0" in text
    assert "Cycle 20: dispatches write e1 -> 0x007 — 8 of 64, every 1" in text
    current = page.value("document.querySelector('#queue [aria-current]').innerText").split()
    assert current == ["13", "write", "e1", "->", "0x000"]


def test_slices_light_up_exactly_when_they_dispatch(page: Page, folder: Path) -> None:
    """Whatever the page thinks that queues do in a cycle is what the analysis says, in every cycle."""
    sample = product()
    show(page, folder, sample)
    found = page.value(
        "Array.from({length: report.model.cycles}, (_, t) => report.model.queues.flatMap((q, i) =>"
        " (report.model.queueAt(i, t)?.k ?? -1) >= 0 ? [q.name] : []))"
    )
    runs = analyse(sample).runs
    want: list[set[str]] = [set() for _ in found]
    for q, start, interval, count in zip(runs.queue, runs.start, runs.interval, runs.count, strict=True):
        for k in range(count):
            want[int(start + k * interval)].add(sample.machine.queues[int(q)].name)
    assert [set(names) for names in found] == want


def test_vectors_are_where_the_streams_have_them(page: Page, folder: Path) -> None:
    """In cycle 20 of the sum: a at 19 and 20, b at 18 to 20, sums at 21 to 28."""
    show(page, folder, vector_add(), "#cycle=20")
    found = page.value(
        "(() => { const on = []; report.model.vectors.visit(20, 20, (v) =>"
        " report.panels.floorplan.linesAt(v, 20, (x) => on.push([report.tables.vectors.stream[v], x])));"
        " return on.sort((a, b) => a[0] - b[0] || a[1] - b[1]); })()"
    )
    assert found == [[0, 19], [0, 20], *([1, x] for x in (18, 19, 20)), *([1, x] for x in range(21, 29))]


@pytest.mark.parametrize("name", ["fused_linear", "transpose", "matmul_fp16", "gather", "running_sum"])
def test_instructions_read_as_the_assembler_writes_them(page: Page, folder: Path, name: str) -> None:
    sample = kernel(name)
    show(page, folder, sample)
    shown: list[str] = page.value(
        "[...report.tables.instructions.queue.keys()].map((r) => report.model.rowText(r))"
    )
    write = writers(sample.machine.isa)
    listing = analyse(sample).listing
    rows = zip(listing.opcode.tolist(), listing.args.tolist(), strict=True)
    assert [plain(text) for text in shown] == [plain(write[opcode](args)) for opcode, args in rows]


def plain(text: str) -> str:
    """Addresses are decimal in one text and hexadecimal in the other."""
    return " ".join(
        str(int(word.strip(","), 16)) if word.startswith("0x") else word.strip(",") for word in text.split()
    )


def test_search_goes_where_it_says(page: Page, folder: Path) -> None:
    show(page, folder, digits())
    hits = {}
    for text in ("softmax", "vxm.0", "abc", "500"):
        page.value("document.getElementById('search').value = ''")
        page.focus("search")
        for key in text:
            page.press(key)
        hits[text] = page.value("document.querySelector('#hits [role=option] .kind').textContent")
        page.press("Enter")
    assert hits == {"softmax": "operator", "vxm.0": "queue", "abc": "mxm.0.activations", "500": "cycle"}
    assert page.value("report.state.cycle") == 500
    page.value("document.getElementById('search').value = ''")
    page.focus("search")
    for key in "zzz":
        page.press(key)
    assert page.value("document.getElementById('hits').innerText") == "Nothing found."
    page.press("Escape", code=27)
    assert page.value("document.getElementById('hits').hidden")


def test_the_table_sorts_and_leads_to_the_charts(page: Page, folder: Path) -> None:
    show(page, folder, digits())
    names = "[...document.querySelectorAll('#operators tbody th')].map((e) => e.innerText)"
    in_time = page.value(names)
    page.value("document.querySelector('#operators [data-key=macs]').click()")
    by_macs = page.value(names)
    assert sorted(in_time) == sorted(by_macs)
    assert by_macs[0] in ("fc1", "fc2")
    assert page.value("document.querySelector('#operators [aria-sort=descending]').innerText").startswith(
        "MACs"
    )
    page.value(
        "[...document.querySelectorAll('#operators .link')].find((e) => e.innerText === 'softmax').click()"
    )
    page.settle()
    start, end = page.value("(() => { const op = report.figures.ops.at(-1); return [op.start, op.end]; })()")
    assert page.value("report.state.cycle") == start
    assert page.value(f"report.state.from <= {start} && report.state.to >= {end}")
    assert page.value("document.querySelector('#operators [data-chosen] th').innerText") == "softmax"


def test_source_lines_lead_to_their_dispatches(page: Page, folder: Path) -> None:
    show(page, folder, kernel("fused_linear"))
    line = page.value("report.model.lineOf(5)")
    page.value(f"document.querySelector('#source li[value=\"{line}\"] button').click()")
    page.settle()
    assert page.value("report.state.line") == line
    assert page.value("document.querySelector('#source [aria-current]').value") == line
    assert page.value("report.tables.runs.start[report.model.runsOfQueue[report.state.queue][0]]") >= 0


def test_groups_of_the_time_line_open_by_key_and_by_mouse(page: Page, folder: Path) -> None:
    show(page, folder, vector_add())
    rows = "report.panels.gantt.rows.map((r) => r.name)"
    assert page.value(rows) == ["Units", "VXM", "MEM W", "MEM E"]
    page.focus("gantt")
    page.press("ArrowDown", code=40)
    page.press("ArrowDown", code=40)
    page.press("Enter")
    assert page.value(rows) == ["Units", "VXM", "MEM W", "mem.W0", "mem.W4", "MEM E"]
    y = page.value("report.panels.gantt.rows[2].top + 10")
    page.click(page.point("gantt", 30, y))
    assert page.value(rows) == ["Units", "VXM", "MEM W", "MEM E"]


def test_the_memory_map_says_what_lives_where(page: Page, folder: Path) -> None:
    show(page, folder, vector_add(), "#cycle=30")
    x, y = page.value(
        "(() => { const m = report.panels.memory;"
        " const q = report.model.queues.findIndex((q) => q.name === 'mem.W4');"
        " return [m.mapX(m.place.get(q)) + 2, m.mapTop + 3]; })()"
    )
    page.mouse("mouseMoved", page.point("map", x, y))
    page.settle()
    text = " ".join(page.value("document.getElementById('tip').innerText").split())
    assert text == "input b words 64 at mem.W4 0x000\u20130x03f live cycles 0 to 63"
    said = page.value("document.getElementById('memory-now').textContent")
    assert said.startswith("Cycle 30: 60.0 KiB live in 3 of 88 slices; fragmentation 0.0 %")


def test_colours_have_contrast_in_both_themes(page: Page, folder: Path) -> None:
    """Text against its ground 4.5 to 1, colours of units 3 to 1."""
    show(page, folder, vector_add())
    units = ("mxm", "weights", "vxm", "mem", "sxm", "c2c", "icu", "latency", "cursor")
    for theme in ("light", "dark"):
        page.value(f"report.setTheme('{theme}')")
        colours = page.value(
            f"Object.fromEntries({[*units, 'card', 'text', 'muted', 'accent']}.map((n) => [n, report.colour(n)]))"
        )
        for name in ("text", "muted", "accent"):
            assert contrast(colours[name], colours["card"]) >= 4.5, (theme, name)
        for name in units:
            assert contrast(colours[name], colours["card"]) >= 3, (theme, name)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as #rrggbb, as the accessibility guidelines define it."""

    def light(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("width", [420, 900, 2200])
def test_nothing_is_cut_off_at_any_width(page: Page, folder: Path, width: int) -> None:
    show(page, folder, digits(), width=width)
    assert page.value("document.documentElement.scrollWidth") <= width


def busy() -> Program:
    """More single vectors than are drawn as lines: reads at uneven distances in six slices."""
    machine = product().machine
    queues = {}
    for s in range(6):
        gaps = [issue(machine.isa, "nop", count=1 + (s + i * i) % 3) for i in range(1000)]
        reads = [issue(machine.isa, "read", address=i % 200, to=s) for i in range(1000)]
        queues[f"mem.W{s}"] = [one for pair in zip(reads, gaps, strict=True) for one in pair]
    bindings = [tensor(f"x{s}", "input", f"W{s}", 200, 8) for s in range(6)]
    return program(machine, "busy", queues, bindings)


def test_very_many_vectors_are_drawn_as_a_density(page: Page, folder: Path) -> None:
    show(page, folder, busy())
    mode = "document.getElementById('spacetime-mode').textContent"
    assert page.value(mode) == "Share of stream registers in use; zoom in for vectors."
    assert page.value(INKS % ["spacetime"])["spacetime"] > 10
    page.value("report.setView(100, 200)")
    page.settle()
    assert page.value(mode).endswith("groups of vectors in view.")


def odd_programs() -> dict[str, Program]:
    """Programs that lack most of what a page shows."""
    tiny = product().machine
    return {
        "nothing": program(tiny, "nothing", {}),
        "gaps": program(tiny, "gaps", {"mem.W0": at(tiny, 5)}),
        "hazards": vector_add(late=1),
        "one": program(
            tiny, "one", {"mem.W0": [issue(tiny.isa, "read", address=0, to=0), again(tiny, 1, 100)]}
        ),
    }


@pytest.mark.parametrize("name", ["nothing", "gaps", "hazards", "one"])
def test_odd_programs_have_pages_too(page: Page, folder: Path, name: str) -> None:
    show(page, folder, odd_programs()[name])
    assert page.value("document.getElementById('failure').hidden")
    assert page.value("document.getElementById('hazard-section').hidden") == (name not in ("hazards", "one"))
    page.value("report.setView(0, 10)")
    page.settle()
