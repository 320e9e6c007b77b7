"""Loading: facts, threads, devices, and files that are no models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agx.engine import devices, native, weights
from agx.engine.loop import Engine
from agx.engine.weights import Weights
from agx.errors import AgxError, ConfigError, DeviceUnavailable, ModelMissing, ModelUnloadable, UsageError
from agx.gguf.card import read_card
from agx.gguf.memory import Use, need_of
from agx.requests import LoadOptions
from tests.architectures.vocabularies import vocabulary
from tests.architectures.writer import write_model
from tests.engine.support import generate, request
from tests.tiny_gguf import TinyModel

TinyFile = Callable[[TinyModel], Path]


def load_error(path: Path, **options: object) -> AgxError:
    engine = Engine()
    with pytest.raises(AgxError) as caught:
        engine.load(str(path), LoadOptions(**options))  # type: ignore[arg-type]
    assert engine.stage == "idle"
    return caught.value


def test_a_loaded_model_says_what_it_is(tiny_file: TinyFile) -> None:
    facts = Engine().load(str(tiny_file(TinyModel())), LoadOptions())
    assert facts == {
        "name": "tiny",
        "architecture": "qwen3",
        "context_length": 1024,
        "sequences": facts["sequences"],
        "device": "cpu" if len(devices.devices()) == 1 else facts["device"],
        "gpu_layers": facts["gpu_layers"],
        "planner_tools": "unix",
        "tool_call": {"name": "agxmarktool", "arguments": {"agxmarkvalue": "a value"}, "text": ""},
        "build": native.build(),
        "chat_template_sha256": None,
        "warnings": [],
    }


def test_a_model_that_plans_for_no_registry_says_so(tiny_file: TinyFile) -> None:
    file = tiny_file(TinyModel(planner_tools=None))
    assert Engine().load(str(file), LoadOptions(device="cpu"))["planner_tools"] is None


def test_a_missing_file(tmp_path: Path) -> None:
    assert isinstance(load_error(tmp_path / "no.gguf"), ModelMissing)


def test_a_folder(tmp_path: Path) -> None:
    assert isinstance(load_error(tmp_path), ModelUnloadable)


@pytest.mark.parametrize(
    "length", [0, 4, 100, 20_000, -1000], ids=["empty", "magic", "keys", "tensors", "tail"]
)
def test_a_cut_file_is_refused_with_the_reason(tiny_file: TinyFile, tmp_path: Path, length: int) -> None:
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny_file(TinyModel()).read_bytes()[:length])
    error = load_error(cut, device="cpu")
    assert isinstance(error, ModelUnloadable)
    assert "llama" in error.message or "gguf" in error.message, error.message


def test_what_is_no_gguf_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "text.gguf"
    file.write_text("hello" * 1000)
    assert isinstance(load_error(file), ModelUnloadable)


@pytest.mark.parametrize("size", [0, -1, 1025])
def test_a_context_the_model_was_not_trained_for(tiny_file: TinyFile, size: int) -> None:
    assert isinstance(load_error(tiny_file(TinyModel()), context_size=size, device="cpu"), ConfigError)


def test_a_smaller_context_is_as_large_as_asked_for(tiny_file: TinyFile) -> None:
    engine = Engine()
    facts = engine.load(str(tiny_file(TinyModel())), LoadOptions(device="cpu", context_size=100))
    assert facts["context_length"] == 100
    assert generate(engine, max_tokens=200).usage["completion_tokens"] <= 100


def test_threads_have_to_be_positive(tiny_file: TinyFile) -> None:
    assert isinstance(load_error(tiny_file(TinyModel()), threads=0, device="cpu"), ConfigError)


@pytest.mark.parametrize(
    ("num_parameters", "cpus", "threads"),
    [
        (7_000_000, 12, 1),
        (200_000_000, 12, 4),
        (200_000_000, 2, 2),
        (8_000_000_000, 12, 12),
        (10**11, 64, 16),
    ],
)
def test_threads_follow_the_size_of_the_model_and_the_cpus_that_may_be_used(
    tiny_file: TinyFile, monkeypatch: pytest.MonkeyPatch, num_parameters: int, cpus: int, threads: int
) -> None:
    card = replace(read_card(tiny_file(TinyModel())), num_parameters=num_parameters)
    loaded = Weights("model.gguf", 0, "cpu", card, 0, 1024, num_sequences=1, is_rearranged=True)
    monkeypatch.setattr(weights, "usable_cpus", lambda: cpus)
    assert loaded.num_threads(LoadOptions()) == threads
    assert loaded.num_threads(LoadOptions(threads=7)) == 7


def test_weights_that_fit_only_in_their_file_are_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many processors get a copy of quantised weights, which is in memory as a whole."""
    path = write_model(tmp_path / "q4.gguf", "llama", quantisation="Q4_0", tokens=vocabulary("bytes"))
    needed = need_of(read_card(path), Use(2048, flash_attention=True))
    copied = []
    for free in (needed.total, needed.held_on_host(0)):
        monkeypatch.setattr(weights, "memory_bytes", lambda free=free: (free, 1 << 40))
        native.log.lines.clear()
        engine = Engine()
        engine.load(str(path), LoadOptions(device="cpu"))
        engine.close()
        copied.append(any("CPU_REPACK" in line for line in native.log.lines))
    if native.needs_amx_guard() or not copied[0]:
        pytest.skip("llama.cpp copies no weights on this processor")
    assert copied == [True, False]


def test_the_processor_is_listed() -> None:
    listed = devices.devices()
    assert "CPU" in [device.backend for device in listed]
    assert "CPU" in devices.backend_names()
    assert all(device.total_bytes >= device.free_bytes > 0 for device in listed)


@pytest.mark.parametrize("name", ["cuda", "metal"])
def test_a_device_that_is_missing_is_said_to_be_missing_in_build_or_machine(name: str) -> None:
    if any(device.backend in {"CUDA", "MTL", "Metal"} for device in devices.devices()):
        pytest.skip("this machine has a GPU that llama.cpp uses")
    with pytest.raises(DeviceUnavailable, match=r"this (build|machine)"):
        devices.resolve(name)


def test_a_device_nobody_knows() -> None:
    with pytest.raises(ConfigError, match="tpu"):
        devices.resolve("tpu")


def test_nothing_works_before_a_model_is_loaded() -> None:
    engine = Engine()
    with pytest.raises(UsageError):
        engine.render(request())
    engine.close()


def test_a_second_load_replaces_the_first(tiny_file: TinyFile) -> None:
    engine = Engine()
    engine.load(str(tiny_file(TinyModel())), LoadOptions(device="cpu"))
    first = generate(engine, max_tokens=8, seed=1)
    engine.load(str(tiny_file(TinyModel(seed=9))), LoadOptions(device="cpu"))
    assert generate(engine, max_tokens=8, seed=1).text != first.text
    engine.close()
    engine.close()


def test_the_bindings_come_without_the_package_around_them() -> None:
    script = (
        "import sys; import agx.engine.native; "
        "heavy = {'numpy', 'diskcache', 'llama_cpp.llama'} & set(sys.modules); assert not heavy, heavy; "
        "import llama_cpp; assert llama_cpp.Llama"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )


def test_a_greedy_plan_needs_no_numpy(tiny_file: TinyFile) -> None:
    script = (
        "import sys; from agx.engine.loop import Engine; from agx.requests import *; e = Engine(); "
        f"e.load({str(tiny_file(TinyModel()))!r}, LoadOptions(device='cpu'))\n"
        "e.start(1, GenerationRequest((Message('user', 'x'),), {'type': 'string'}))\n"
        "while e.has_work: e.step()\n"
        "assert 'numpy' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )


def test_the_log_goes_to_whoever_wants_it(tiny_file: TinyFile) -> None:
    lines: list[str] = []
    native.log.sink = lines.append
    try:
        Engine().load(str(tiny_file(TinyModel())), LoadOptions(device="cpu"))
    finally:
        native.log.sink = None
    assert any("tiny" in line for line in lines)
    assert native.log.lines


def test_the_progress_of_a_load_goes_from_nothing_to_all(tiny_file: TinyFile) -> None:
    told: list[float] = []
    Engine().load(str(tiny_file(TinyModel())), LoadOptions(device="cpu"), progress=told.append)
    assert told == sorted(told)
    assert (told[0], told[-1]) == (0.0, 1.0)


def test_a_file_that_is_changed_while_it_is_loaded_is_refused(tiny_file: TinyFile, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_file(TinyModel()).read_bytes())
    engine = Engine()
    with pytest.raises(ModelUnloadable, match="changed while it was loaded"):
        engine.load(str(path), LoadOptions(device="cpu"), progress=lambda _: os.utime(path, ns=(0, 1)))
    assert engine.stage == "idle"
    assert engine.load(str(path), LoadOptions(device="cpu"))["name"] == "tiny"


@pytest.mark.parametrize("mmap", [True, False], ids=["mapped", "read"])
def test_a_file_that_becomes_shorter_while_it_is_loaded_is_said_to_be_changed(
    tiny_file: TinyFile, tmp_path: Path, *, mmap: bool
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_file(TinyModel()).read_bytes())
    engine = Engine()
    with pytest.raises(ModelUnloadable, match="changed while it was loaded"):
        engine.load(
            str(path), LoadOptions(device="cpu", mmap=mmap), progress=lambda _: os.truncate(path, 30_000)
        )
    assert engine.stage == "idle"


def test_a_file_that_is_taken_away_while_it_is_loaded_is_said_to_be_gone(
    tiny_file: TinyFile, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_file(TinyModel()).read_bytes())
    with pytest.raises(ModelUnloadable, match="taken away while it was loaded"):
        Engine().load(str(path), LoadOptions(device="cpu"), progress=lambda _: path.unlink(missing_ok=True))


def test_a_file_that_was_changed_since_its_header_was_read_is_refused(
    tiny_file: TinyFile, tmp_path: Path
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_file(TinyModel()).read_bytes())
    card = read_card(path)
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ModelUnloadable, match="changed while it was loaded"):
        Weights.load(str(path), LoadOptions(device="cpu"), card=card)


@pytest.mark.parametrize(
    "options",
    [
        {"mmap": False},
        {"mlock": True},
        {"flash_attn": "on"},
        {"flash_attn": "off"},
        {"flash_attn": "on", "cache_type_k": "q8_0", "cache_type_v": "q8_0"},
    ],
    ids=str,
)
def test_every_way_to_load_writes(tiny_file: TinyFile, options: dict[str, object]) -> None:
    engine = Engine()
    file = str(tiny_file(TinyModel(width=128)))
    engine.load(file, LoadOptions(device="cpu", **options))  # type: ignore[arg-type]
    assert generate(engine, max_tokens=4, repeat_penalty=0.01).finish_reason == "length"


@pytest.mark.parametrize(
    "options",
    [
        {"cache_type_k": "q8_0"},
        {"cache_type_k": "nonsense"},
        {"cache_type_v": "q8_0", "flash_attn": "off"},
        {"flash_attn": "maybe"},
    ],
    ids=str,
)
def test_options_that_the_model_cannot_be_loaded_with_are_usage_errors(
    tiny_file: TinyFile, options: dict[str, object]
) -> None:
    """llama.cpp says so when the model is loaded already, and calls it a lack of memory."""
    error = load_error(tiny_file(TinyModel()), device="cpu", **options)
    assert isinstance(error, ConfigError)
    assert error.hint


def test_a_cache_of_no_known_type_is_a_usage_error(tiny_file: TinyFile) -> None:
    error = load_error(tiny_file(TinyModel()), cache_type_k="q3_k")
    assert isinstance(error, ConfigError)
    assert "q8_0" in error.hint
