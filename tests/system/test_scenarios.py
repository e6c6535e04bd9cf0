"""Scenarios: files, layouts, and what comes out of them in limits that can be told without the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpu_emu.errors import InputError, UsageError
from lpu_emu.spec.isa import read_toml
from lpu_emu.system.cycles import Cycles
from lpu_emu.system.evaluate import curve, document, evaluate
from lpu_emu.system.pages import report
from lpu_emu.system.pipelines import Step, steps
from lpu_emu.system.plots import figure
from lpu_emu.system.scenario import Scenario, Speculation, load_scenario, scenario_names, scenario_of

SMALL: dict[str, Any] = {
    "name": "small",
    "title": "Small",
    "mode": "afd",
    "model": "smollm2-135m",
    "workload": {"context": 1000, "target": 10, "batches": [1, 8]},
    "site": {"gpu_rack": "vr_nvl72", "lpu_rack": "lpx", "lpu_racks": 1},
}


def small(mode: str = "afd", **changes: Any) -> Scenario:
    return scenario_of({**SMALL, "mode": mode, **changes}, where="test")


@pytest.fixture(scope="module")
def cycles(tmp_path_factory: pytest.TempPathFactory) -> Cycles:
    return Cycles("lp30", tmp_path_factory.mktemp("shards"))


@pytest.mark.parametrize("name", scenario_names())
def test_bundled_scenarios_load(name: str) -> None:
    assert load_scenario(name).name == name


@pytest.mark.parametrize("name", ["moe-2t-gb200", "deepseek-h100", "llama-h100"])
def test_gpu_scenarios_are_worked_out(name: str, cycles: Cycles) -> None:
    outcome = evaluate(load_scenario(name), cycles)
    assert outcome.points
    for step in outcome.points:
        assert step.fits
        assert sum(step.budget.values()) == pytest.approx(step.seconds)
    assert cycles.compiled == 0


@pytest.mark.parametrize("mode", ["gpu", "afd", "decode", "draft"])
def test_every_mode(mode: str, cycles: Cycles) -> None:
    guess = {"drafts": 2, "acceptance": 0.5, "drafter": "smollm2-135m"} if mode == "draft" else {}
    scenario = small(mode, speculation=guess)
    outcome = evaluate(scenario, cycles)
    assert [step.users for step in outcome.points] == [1, 8]
    for step in outcome.points:
        assert sum(step.budget.values()) == pytest.approx(step.seconds, rel=1e-6)
    assert outcome.bounds[0].gain >= outcome.bounds[-1].gain > 0
    plain = document(outcome)
    assert plain["chosen"]["users"] in (1, 8)
    assert "bottleneck" in report(outcome)
    assert ("cache to LPUs" in outcome.first_token) == (mode == "decode")


def one(scenario: Scenario, cycles: Cycles, users: int = 1) -> Step:
    return min(steps(scenario, users, cycles), key=lambda step: step.seconds)


def test_split_of_one_micro_batch_is_the_serial_formula(cycles: Cycles) -> None:
    scenario = replace(small(), micro_batches=(1,))
    step = one(scenario, cycles)
    assert step.budget["waiting"] == pytest.approx(0, abs=1e-12)
    later = one(replace(scenario, ethernet_s=scenario.network_s + 5e-6), cycles)
    assert later.seconds - step.seconds == pytest.approx(2 * 30 * 5e-6)


def test_micro_batches_hide_slow_ethernet(cycles: Cycles) -> None:
    scenario = replace(small(), ethernet_s=50e-6)
    times = {m: one(replace(scenario, micro_batches=(m,)), cycles, 72 * 6).seconds for m in (1, 3)}
    assert times[3] < 1.1 * times[1]


def test_layers_with_windows_need_not_cross(cycles: Cycles) -> None:
    scenario = replace(load_scenario("gpt-oss-lpx"), micro_batches=(1,))
    paths = {
        crossings: one(replace(scenario, crossings=crossings), cycles).budget["Ethernet"] for crossings in ("layer", "full")
    }  # fmt: skip
    # Both ways for 36 layers, or for 18 and for the first one, which begins on the LPUs.
    assert paths["layer"] / paths["full"] == pytest.approx(36 / 19, rel=0.01)


def test_guesses() -> None:
    assert Speculation().tokens == 1
    assert Speculation(drafts=3, acceptance=1.0).tokens == 4
    assert Speculation(drafts=3, acceptance=0.5).tokens == pytest.approx(1 + 0.5 + 0.25 + 0.125)


def test_what_does_not_fit_is_said(cycles: Cycles) -> None:
    scenario = replace(small("gpu"), batches=(2**22,))
    outcome = evaluate(scenario, cycles)
    assert (outcome.points, outcome.chosen, outcome.too_large) == ((), None, ("GPU memory",))
    assert "nothing fits: GPU memory is too small" in report(outcome)


def test_curve_and_picture(cycles: Cycles) -> None:
    outcome = evaluate(small("gpu"), cycles)
    front = curve(outcome.points)
    assert [s.rate for s in front] == sorted(s.rate for s in front)
    assert figure([outcome]).axes[0].get_xlabel() == "tokens/s per user"


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no scenario 'moe-2t-lp'; known: .*; did you mean 'moe-2t-lpx'"):
        load_scenario("moe-2t-lp")
    with pytest.raises(InputError, match="no such file"):
        load_scenario(tmp_path / "x.toml")
    with pytest.raises(UsageError) as caught:
        scenario_of({**SMALL, "mod": 1, "workload": {"contxt": 1, "target": "x"}, "sites": {}}, where="f")
    assert sorted(str(caught.value).splitlines()) == [
        "f: mod: unknown entry; did you mean 'mode'?",
        "f: unknown section [sites]; did you mean 'site'?",
        "f: workload.context: missing",
        "f: workload.contxt: unknown entry; did you mean 'context'?",
        "f: workload.target: 'x' is of the wrong type",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mode": "afp"}, "mode 'afp' is none of gpu, afd, decode, draft; did you mean 'afd'?"),
        ({"site": {"gpu_rack": "vr_nvl72"}}, "mode afd needs LPUs"),
        ({"site": {"gpu_rack": "lpx", "lpu_rack": "lpx"}}, "site.gpu_rack has no GPUs"),
        ({"mode": "draft"}, "mode draft needs speculation.drafts and speculation.drafter"),
        ({"precision": {"cache": "fp7"}}, "precision.cache 'fp7' is none of"),
        ({"split": {"crossings": "all"}}, "split.crossings 'all' is none of layer, full"),
        (
            {"workload": {"context": 0, "target": 1}},
            "context, prompt, target, batches and micro_batches are above 0",
        ),
        ({"speculation": {"acceptance": 2}}, "acceptance lies between 0 and 1"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        scenario_of({**SMALL, **changes}, where="test")
    assert said in str(caught.value)


def test_bundled_files_are_plain_toml() -> None:
    from lpu_emu import _resources

    for file in (_resources.isa_folder() / "scenarios").glob("*.toml"):
        assert read_toml(file)["name"] == file.stem
