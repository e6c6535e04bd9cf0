"""Files of GPUs and models: complete, tagged, and true to what is published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lpu_emu import _resources
from lpu_emu.errors import SpecError
from lpu_emu.gpu.facts import findings, names, table_of
from lpu_emu.gpu.models import Model, load_model, model_names
from lpu_emu.gpu.spec import load_gpu, with_values


@pytest.mark.parametrize("name", model_names())
def test_weights_add_up_to_the_published_number(name: str) -> None:
    model = load_model(name)
    assert model.weights == pytest.approx(model["shape.parameters"], rel=0.025)


def test_cache_of_known_models() -> None:
    llama: Model = load_model("llama-3-70b")
    assert llama.cached_bytes(1, "bf16") == 80 * 2 * 8 * 128 * 2
    assert load_model("deepseek-v3").cached_bytes(1, "bf16") == 61 * 576 * 2
    windowed = load_model("gpt-oss-120b")
    assert windowed.cached_bytes(1000, "fp8") == 18 * (1000 + 128) * 2 * 8 * 64
    gemma = load_model("gemma-4-31b")
    assert gemma.cached_bytes(10_000, "fp8") == 50 * 1024 * 2 * 16 * 256 + 10 * 10_000 * 4 * 512


def test_experts_hit() -> None:
    ffn = load_model("deepseek-v3").layers[-1].ffn
    assert ffn.hit(1) == pytest.approx(8)
    assert ffn.hit(1e6) == pytest.approx(256)
    assert load_model("llama-3-70b").layers[0].ffn.hit(5) == 1


def broken(**changes: Any) -> dict[str, Any]:
    table = {k: dict(v) if isinstance(v, dict) else v for k, v in table_of("gpu", "h100").items()}
    for key, value in changes.items():
        section, name = key.split("__")
        table[section][name] = value
    return table


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sm__count": 132}, "sm.count: untagged"),
        (
            {"sm__cuont": {"value": 1, "tag": "choice", "source": "s"}},
            "sm.cuont: unknown key; did you mean 'sm.count'?",
        ),
        (
            {"sm__count": {"value": -1, "tag": "choice", "source": "s"}},
            "sm.count: value -1 is no number of at least 0",
        ),
        ({"sm__count": {"value": 1, "tag": "guess", "source": "s"}}, "sm.count: tag 'guess' is none of"),
        ({"sm__count": {"value": 1, "tag": "choice", "source": ""}}, "sm.count: has no source"),
        (
            {"hbm__efficiency": {"value": 2, "tag": "choice", "source": "s"}},
            "value 2 is no share between 0 and 1",
        ),
        (
            {"tensor__tiles": {"value": [64], "tag": "choice", "source": "s"}},
            "tile shapes are pairs of numbers",
        ),
    ],
)
def test_broken_files_are_refused(changes: dict[str, Any], said: str) -> None:
    assert [f for f in findings("gpu", broken(**changes)) if said in f]


def test_missing_keys_and_files_are_named(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('name = "x"\ntitle = "x"\n')
    with pytest.raises(SpecError, match=r"sm\.count: missing; it is: Streaming"):
        load_gpu(str(file))
    with pytest.raises(
        SpecError, match="no gpu named 'h10'; known: gb200, h100, h200, rubin; did you mean 'h100'"
    ):
        load_gpu("h10")


def test_changed_values_become_choices() -> None:
    gpu = with_values(load_gpu("h100"), {"sm.count": 7})
    assert (gpu.sms, gpu.facts["sm.count"].tag) == (7, "choice")
    with pytest.raises(SpecError, match=r"GPU h100 has no parameter 'sm\.cont'"):
        with_values(gpu, {"sm.cont": 1})


def test_unknown_types_are_refused() -> None:
    with pytest.raises(SpecError, match="h100 multiplies no fp4; types: bf16, fp16, fp8, int8"):
        load_gpu("h100").flops("fp4")


def test_every_file_is_listed() -> None:
    for kind in ("gpu", "model"):
        assert names(kind) == sorted(f.stem for f in (_resources.isa_folder() / f"{kind}s").iterdir())
