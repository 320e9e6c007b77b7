"""Plans, embeddings and refusals of the backend transformers, on tiny models that are written here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from math import hypot
from pathlib import Path
from typing import Any

import pytest

from agx.backends.base import ModelBackend
from agx.backends.create import create_backend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.transformers.libraries import import_libraries
from agx.backends.transformers.placing import device_of, weights_arguments
from agx.backends.transformers.spec import TransformersSpec
from agx.errors import AgxError, DeviceUnavailable, ModelUnloadable, PromptTooLong, Unsupported
from agx.requests import GenerationRequest, LoadOptions, Message, Parameters
from agx.risk.context import PlanContext
from tests.tiny_transformers import needed_libraries, write_tiny_model

needed_libraries()
CPU = LoadOptions(device="cpu", threads=1)
HELLO = GenerationRequest((Message("user", "hi"),), parameters=Parameters(max_tokens=40), seed=7)
SCHEMA = {
    "x-guidance": {"whitespace_flexible": False},
    "type": "object",
    "properties": {
        "name": {"enum": ["one", "two"]},
        "count": {"type": "integer", "minimum": 0, "maximum": 9},
    },
    "required": ["name", "count"],
    "additionalProperties": False,
}


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("transformers")
    for kind in ("llama", "qwen2", "bert"):
        write_tiny_model(folder / kind, kind=kind)
    return folder


@pytest.fixture
def llama(folders: Path) -> ModelBackend:
    return opened(folders / "llama")


def opened(folder: Path, **load: Any) -> ModelBackend:
    return create_backend(TransformersSpec(folder, load=replace(CPU, **load)))


async def text_of(backend: ModelBackend, request: GenerationRequest = HELLO) -> str:
    return "".join([chunk.text async for chunk in backend.generate(request)])


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize(
    "parameters", [{}, {"temperature": 2.0, "top_k": 40, "repeat_penalty": 1.3}], ids=str
)
async def test_a_text_fits_its_schema(folders: Path, kind: str, parameters: dict[str, Any]) -> None:
    backend = opened(folders / kind)
    request = replace(HELLO, schema=SCHEMA, parameters=Parameters.from_dict(parameters | {"max_tokens": 60}))
    found = json.loads(await text_of(backend, request))
    assert found["name"] in {"one", "two"}
    assert found["count"] <= 9
    await backend.aclose()


@pytest.mark.parametrize("dialect", ["json", "shell"])
async def test_plans_in_every_dialect_of_commands(llama: ModelBackend, dialect: Any) -> None:
    """A random model writes on until it must stop; a plan that is whole is valid, whatever it says."""
    options = PlanOptions(Parameters(temperature=1.0, max_tokens=2000), seed=3, dialect=dialect)
    context = PlanContext(max_tasks=1)
    try:
        generated = await generate_plan(llama, "list files", context, options=options)
    except AgxError as error:
        assert error.exit_code == 3, error  # cut off, or refused by the check  # noqa: PT017
    else:
        assert generated.plan.tasks
        assert generated.metadata.backend == "transformers"
    await llama.aclose()


async def test_facts_say_what_computes_and_on_which_weights(llama: ModelBackend) -> None:
    facts = await llama.model_facts()
    assert (facts.architecture, facts.device, facts.context_length) == ("llama", "cpu", 40_000)
    assert len(facts.sha256 or "") == 64
    assert "torch" in (facts.build or "")
    await llama.aclose()


async def test_what_a_user_writes_is_no_special_token(llama: ModelBackend) -> None:
    plain, (_, spelled) = (
        await llama.render(HELLO),
        await llama.render(replace(HELLO, messages=(Message("user", "<|im_end|>"),))),
    )
    assert spelled == plain[1] - len("hi") + len("<|im_end|>")
    await llama.aclose()


async def test_a_prompt_is_read_in_blocks_and_says_how_far(llama: ModelBackend) -> None:
    request = replace(HELLO, messages=(Message("user", "long " * 300),))
    progress = [chunk.prompt async for chunk in llama.generate(request) if chunk.prompt is not None]
    assert [each.num_read for each in progress] == [512, 1024, 1536][: len(progress)]
    assert progress
    await llama.aclose()


async def test_context_size_bounds_prompt_and_answer(folders: Path) -> None:
    backend = opened(folders / "llama", context_size=64)
    with pytest.raises(PromptTooLong):
        await text_of(backend, replace(HELLO, messages=(Message("user", "long " * 30),)))
    with pytest.raises(PromptTooLong, match="text 2 has 100 tokens"):
        await backend.embed(["short", "a" * 100])
    await backend.aclose()


@pytest.mark.parametrize("kind", ["llama", "bert"])
async def test_embeddings_have_length_one_and_do_not_depend_on_their_batch(folders: Path, kind: str) -> None:
    backend = opened(folders / kind)
    texts = ["a", "a much longer text", *(f"text {number}" for number in range(10))]
    together = await backend.embed(texts)
    assert [hypot(*vector) for vector in together] == pytest.approx([1.0] * len(texts), abs=1e-5)
    for text, vector in zip(texts[:3], together, strict=False):
        assert (await backend.embed([text]))[0] == pytest.approx(vector, abs=1e-4)
    await backend.aclose()


async def test_an_encoder_embeds_and_refuses_to_write(folders: Path) -> None:
    backend = opened(folders / "bert")
    with pytest.raises(Unsupported, match="encoder"):
        await text_of(backend)
    await backend.aclose()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "{"),
        ("config.json", "{}"),
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "{"),
    ],
)
async def test_a_damaged_folder_is_an_error_that_names_it(
    folders: Path, tmp_path: Path, name: str, content: str
) -> None:
    for file in (folders / "llama").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_text(content)
    backend = opened(tmp_path)
    with pytest.raises(ModelUnloadable, match=str(tmp_path)):
        await text_of(backend)
    assert not (await backend.health_check()).ok
    await backend.aclose()


def test_a_device_that_is_not_there_is_refused() -> None:
    libraries = import_libraries()
    missing = "metal" if sys.platform == "linux" else "cuda"
    with pytest.raises(DeviceUnavailable, match=f"no device {missing} for transformers"):
        device_of(libraries, missing)
    assert device_of(libraries, "cpu") == "cpu"


@pytest.mark.parametrize(
    ("load", "device", "quantization", "said"),
    [
        ({"flash_attn": "on"}, "cpu", None, "no flash attention on a CPU"),
        ({}, "mps", "8bit", "no 8bit weights on Metal"),
        ({}, "cpu", "4bit", "need the package bitsandbytes"),
    ],
    ids=["flash attention", "Metal", "bitsandbytes"],
)
def test_weights_that_cannot_be_had_are_refused(
    load: dict[str, Any], device: str, quantization: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agx.backends.transformers.placing.find_spec", lambda _: None)
    with pytest.raises(Unsupported, match=said):
        weights_arguments(import_libraries(), replace(CPU, **load), device, quantization)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(Unsupported, match="needs the package torch") as caught:
        import_libraries()
    assert "agx[hf]" in caught.value.hint


def agx(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agx", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environ}, timeout=120
    )


def test_a_model_of_the_hub_that_is_not_here_says_how_it_is_fetched(tmp_path: Path) -> None:
    options = ("plan", "--backend", "transformers", "--cache-dir", str(tmp_path), "list files")
    done = agx(*options, "--model", "owner/missing", HF_HUB_OFFLINE="1")
    assert done.returncode == 4, done.stderr
    assert "hf download owner/missing" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 2.0),
        ("top_k", 1),
        ("top_p", 0.05),
        ("min_p", 0.9),
        ("repeat_penalty", 5.0),
        ("presence_penalty", 2.0),
        ("frequency_penalty", 2.0),
        ("max_tokens", 3),
    ],
)
async def test_a_change_of_a_parameter_changes_what_is_written(
    name: str, value: Any, llama: ModelBackend
) -> None:
    # The likeliest tokens soon repeat, which penalties are about.
    temperature = 0.0 if name.endswith("penalty") else 1.0
    drawn = replace(HELLO, parameters=Parameters(temperature=temperature, max_tokens=64))
    before, again = await text_of(llama, drawn), await text_of(llama, drawn)
    after = await text_of(llama, replace(drawn, parameters=replace(drawn.parameters, **{name: value})))
    assert before == again
    assert after != before


async def test_a_stop_sequence_ends_the_text_before_it(llama: ModelBackend) -> None:
    drawn = replace(HELLO, parameters=Parameters(temperature=1.0, max_tokens=24))
    whole = await text_of(llama, drawn)
    stop = whole[len(whole) // 2 :][:2]
    assert await text_of(llama, replace(drawn, stop=(stop,))) == whole[: whole.index(stop)]
