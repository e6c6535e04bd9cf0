"""Figures for notebooks."""

from __future__ import annotations

from pathlib import Path

import pytest

import lpu_emu as lpu
from lpu_emu._resources import kernels_folder
from lpu_emu.errors import UsageError
from lpu_emu.report.plots import KINDS


@pytest.fixture(scope="module")
def executable() -> lpu.Executable:
    return lpu.compile(kernels_folder() / "models" / "digits_mlp.onnx", shapes={"x": (8, 64)})


@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_drawn(executable: lpu.Executable, kind: str, tmp_path: Path) -> None:
    figure = executable.plot(kind)
    (axes,) = figure.axes
    assert axes.get_title(loc="left").startswith("digits_mlp on tsp1: ")
    assert len(axes.patches) + len(axes.lines) >= 4
    figure.savefig(tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5000


def test_an_unknown_kind_is_refused(executable: lpu.Executable) -> None:
    with pytest.raises(UsageError, match="there is no figure 'pie'; figures: operators, roofline, losses"):
        executable.plot("pie")


def test_a_report_shows_its_page_in_a_notebook(executable: lpu.Executable) -> None:
    shown = executable.report()._repr_html_()
    assert shown.startswith('<iframe title="cycle report"')
    assert "&lt;!doctype html&gt;" in shown.lower()
