"""`agx models show` and `fit`: what a model's file says, and the memory it needs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from agx.gguf.card import read_card
from agx.gguf.placement import Machine
from agx.settings.layers import Settings
from tests.cli.conftest import Agx
from tests.gguf.raw import ARCHITECTURE, STRING, RawGguf, key, text
from tests.tiny_gguf import TinyModel, write_tiny_gguf

MISSING = "cuda" if sys.platform == "darwin" else "metal"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny_gguf(tmp_path / "tiny.gguf", TinyModel())


def test_show_says_what_the_file_says(agx: Agx, model: Path) -> None:
    done = agx("models", "show", str(model))
    rows = dict(line.split("  ", 1) for line in done.out.splitlines())
    found = {name.strip(): value.strip() for name, value in rows.items()}
    assert found["architecture"] == "qwen3"
    assert found["heads"] == "4 of 16, 2 for keys and values"
    assert found["plans with"] == "unix tools"
    assert "sliding window" not in found


def test_show_gives_the_card_as_json(agx: Agx, model: Path) -> None:
    shown = json.loads(agx("models", "show", str(model), "--json").out)
    assert shown == read_card(model).to_dict() | {"template_problems": []}


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ messages[0].content }}\n{% if tools %}{{ tools|shuffle }}{% endif %}",
         "AGX does not have the filter 'shuffle' (line 2)"),
        ("hello\n{{ messages|shuffle }}", "No filter named 'shuffle'. (line 2)"),
        ("{% if %}", "(line 1)"),
    ],
    ids=["needed at times", "needed always", "no template"],
)  # fmt: skip
def test_what_a_template_needs_and_agx_does_not_have_is_shown(
    agx: Agx, tmp_path: Path, template: str, problem: str
) -> None:
    path = write_tiny_gguf(tmp_path / "odd.gguf", TinyModel(chat_template=template))
    [line] = [line for line in agx("models", "show", str(path)).out.splitlines() if "problem" in line]
    assert line.endswith(problem)
    [said] = json.loads(agx("models", "show", str(path), "--json").out)["template_problems"]
    assert said.endswith(problem)


def test_a_name_in_the_models_folder_can_be_shown(agx: Agx, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    model.rename(folder / "mine.gguf")
    assert json.loads(agx("models", "show", "mine", "--json").out)["name"] == "tiny"


ADAPTER = RawGguf(
    (ARCHITECTURE, key("general.type", STRING, text("adapter")), key("adapter.type", STRING, text("lora")))
)


def test_what_is_only_a_part_of_a_model_is_named_everywhere(agx: Agx, tmp_path: Path) -> None:
    """Shown for what it is, and refused with its name where its memory is wanted."""
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    (folder / "lora.gguf").write_bytes(ADAPTER.to_bytes())
    assert "a LoRA adapter, which changes a model and is none itself" in agx("models", "show", "lora").out
    assert json.loads(agx("models", "show", "lora", "--json").out)["purpose"] == "adapter"
    [listed] = [one for one in json.loads(agx("models", "list", "--json").out) if one["name"] == "lora"]
    assert listed["purpose"] == "adapter"
    assert listed["problem"].startswith("a LoRA adapter")
    done = agx("models", "fit", "lora", "--device", "cpu")
    assert done.code == 4
    assert "lora.gguf is no model to plan with, but a LoRA adapter" in done.err
    assert "hint: plan with a model into which it was merged" in done.err


@pytest.mark.parametrize("command", ["show", "fit"])
def test_what_is_no_model_is_one_sentence_and_a_hint(agx: Agx, tmp_path: Path, command: str) -> None:
    (tmp_path / "text.gguf").write_text("no model")
    for name, words in (("none", "there is no model file"), ("text.gguf", "is no GGUF file")):
        done = (
            agx("models", command, name, "--device", "cpu")
            if command == "fit"
            else agx("models", command, name)
        )
        assert done.code == 4
        assert words in done.err
        assert "hint: " in done.err
        assert done.out == ""


def test_control_characters_of_a_name_are_escaped(agx: Agx, tmp_path: Path) -> None:
    path = tmp_path / "evil.gguf"
    path.write_bytes(
        RawGguf(keys=(ARCHITECTURE, key("general.name", STRING, text("\x1b[2Jevil\n")))).to_bytes()
    )
    done = agx("models", "show", str(path))
    assert "\x1b" not in done.out
    assert r"\x1b[2Jevil\n" in done.out


def test_fit_says_how_many_plans_may_be_written_at_once(agx: Agx, model: Path) -> None:
    arguments = ("models", "fit", str(model), "--device", "cpu", "--json")
    one, four = (json.loads(agx(*arguments, *more).out) for more in ((), ("--parallel", "4")))
    assert (one["sequences"], four["sequences"]) == (16, 4)
    assert four["cache_bytes"] == 4 * one["cache_bytes"]
    assert four["first_bytes"] == one["first_bytes"]


def test_fit_adds_up_weights_cache_and_buffers(agx: Agx, model: Path) -> None:
    arguments = ("models", "fit", str(model), "--device", "cpu", "--json", "--context-size")
    short, long = (json.loads(agx(*arguments, length).out) for length in ("256", "1024"))
    assert long["cache_bytes"] == 4 * short["cache_bytes"]
    assert long["weights_bytes"] == short["weights_bytes"] == read_card(model).weights.total
    assert long["total_bytes"] > sum(long[f"{part}_bytes"] for part in ("weights", "cache", "compute"))
    assert long["fits"] is True
    assert agx("models", "fit", str(model), "--device", "cpu").out.endswith("\nit fits here\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--context-size", "1025"), "a context of 1025 tokens is out of range"),
        (("--cache-type-k", "q8_0"), "this model's heads are 16 wide"),
        (("--cache-type-v", "q8_0", "--flash-attn", "off"), "needs flash attention"),
        (("--device", MISSING), f"has no {MISSING}"),
    ],
    ids=["context", "cache", "flash attention", "device"],
)
def test_fit_refuses_what_a_load_would_refuse(
    agx: Agx, model: Path, options: tuple[str, ...], message: str
) -> None:
    done = agx("models", "fit", str(model), *options)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_fit_counts_the_gpus_that_a_load_would_use(
    agx: Agx, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greeting() -> dict[str, Any]:
        rows = [("CUDA", 3 << 30), ("CUDA", 1 << 30), ("Vulkan", 9 << 30), ("CPU", 16 << 30)]
        devices = [{"backend": backend, "free_bytes": free, "type": "gpu"} for backend, free in rows]
        return {"devices": devices, "backends": ["CUDA", "Vulkan", "CPU"]}

    monkeypatch.setattr("agx.app.hardware.survey", greeting)
    for options, free, layers in (((), 4 << 30, -1), (("--gpu-layers", "1"), 4 << 30, 1)):
        facts = json.loads(agx("models", "fit", str(model), "--json", *options).out)
        assert (facts["gpu_free_bytes"], facts["gpu_layers"]) == (free, layers)
    assert "memory free on GPUs     4,295.0 MB" in agx("models", "fit", str(model)).out
    assert json.loads(agx("models", "fit", str(model), "--json", "--device", "cpu").out)["gpu_layers"] == 0


def test_the_longest_context_is_one_that_a_load_takes(
    agx: Agx, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that are mapped need not be free."""

    def small(_settings: Settings) -> Machine:
        return Machine(host_free=(64 << 20) + 2_600_000, host_total=80 << 20)

    monkeypatch.setattr("agx.app.fit.machine_memory", small)
    options = ("models", "fit", str(model), "--json", "--context-size")
    longest = json.loads(agx(*options, "256").out)["longest_context"]
    assert 256 <= longest < 1024
    assert json.loads(agx(*options, str(longest)).out)["fits"] is True
    assert agx(*options, str(longest + 256)).code == 4


def test_weights_for_which_there_is_no_room_are_said_to_stay_in_their_file(
    agx: Agx, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("models", "fit", str(model), "--device", "cpu")
    total = json.loads(agx(*command, "--json").out)["total_bytes"]
    half_the_weights = read_card(model).weights.total // 2

    def small(_settings: Settings) -> Machine:
        return Machine(host_free=total - half_the_weights, host_total=1 << 40)

    monkeypatch.setattr("agx.app.fit.machine_memory", small)
    assert agx(*command).out.endswith("\nit fits here, with its weights left in the file\n")
    assert agx(*command, "--mlock", "on").code == 4


def test_fit_says_with_the_numbers_what_does_not_fit(
    agx: Agx, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def small(_settings: Settings) -> Machine:
        return Machine(host_free=1_000_000, host_total=2_000_000)

    monkeypatch.setattr("agx.app.fit.machine_memory", small)
    done = agx("models", "fit", str(model))
    assert done.code == 4
    assert "in all" in done.out
    assert done.out.endswith("\nit does not fit here\n")
    assert "and 1.0 MB of 2.0 MB are free" in done.err
