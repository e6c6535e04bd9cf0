"""Energy: exact counts times a table, and its rules."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lpu_emu import asm
from lpu_emu._resources import kernels_folder
from lpu_emu.analysis import analyse
from lpu_emu.errors import InputError
from lpu_emu.report import energy_text
from lpu_emu.report.energy import activities, energy_table, estimate


def test_counts_of_a_kernel_by_hand() -> None:
    program = asm.assemble_file(kernels_folder() / "vector_add.lpu")
    found = activities(program, analyse(program))
    assert found["sram_byte"] == 3 * 64 * 320
    assert found["alu_int"] == 64 * 320
    # W0 to vxm.0 is one hop, W4 two, vxm.0 to E0 seven.
    assert found["hop_byte"] == 64 * 320 * (1 + 2 + 7)
    assert found["mac_int8"] == found["mac_fp16"] == found["alu_float"] == found["weight_byte"] == 0


def test_a_matrix_product_counts_whole_arrays() -> None:
    program = asm.assemble_file(kernels_folder() / "matmul.lpu")
    found = activities(program, analyse(program))
    assert found["mac_int8"] == 64 * 320 * 320
    assert found["weight_byte"] == 320 * 320
    fp16 = asm.assemble_file(kernels_folder() / "matmul_fp16.lpu")
    assert activities(fp16, analyse(fp16))["mac_fp16"] > 0


def test_the_range_holds_the_estimate() -> None:
    program = asm.assemble_file(kernels_folder() / "fused_linear.lpu")
    energy = estimate(program, analyse(program))
    assert energy.low < energy.joules < energy.high
    assert math.isclose(energy.joules, sum(item.joules for item in energy.items))
    assert 1 < energy.watts < energy.table.tdp_w
    assert energy.as_json()["share_of_average"] == energy.watts / 185
    text = energy_text(energy)
    assert text.startswith("Energy, an estimate: ")
    assert np.isfinite(energy.high)


def test_all_planes_at_full_rate_stay_below_the_published_power() -> None:
    table = energy_table("tsp1")
    full_w = 4 * 320 * 320 * 900e6 * table.costs["mac_int8"].value * 1e-12 + table.costs["static_w"].value
    assert full_w < table.tdp_w


def test_other_chips_have_none() -> None:
    with pytest.raises(InputError, match="no energy table for chip lp30"):
        energy_table("lp30")
