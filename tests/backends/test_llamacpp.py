"""What only the llama.cpp backend does: its model file, its facts, its recovery."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.model_file import ModelHash
from agx.backends.specs import LlamaCppSpec
from agx.errors import AgxError, DeviceUnavailable, ModelMissing, ModelUnloadable, UsageError, WorkerDied
from agx.models.hashes import LEAST_REMEMBERED_BYTES, HashMemory, file_version
from agx.requests import GenerationRequest, LoadOptions, Message, Parameters

REQUEST = GenerationRequest((Message("user", "hi"),), parameters=Parameters(max_tokens=4))
WORD_SCHEMA = {
    "x-guidance": {"whitespace_flexible": False},
    "type": "object",
    "properties": {"a": {"enum": ["b"]}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.fixture
async def backend(tiny_model: Path) -> AsyncIterator[LlamaCppBackend]:
    """Return a backend that is not started yet."""
    backend = LlamaCppBackend(
        LlamaCppSpec(tiny_model, load=LoadOptions(device="cpu", context_size=40_000, threads=1))
    )
    yield backend
    await backend.aclose()


def _bad_model(kind: str, folder: Path) -> Path:
    path = folder / "model.gguf"
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("<!DOCTYPE html> not found")
        case "pipe":
            os.mkfifo(path)
        case "below a file":
            folder.joinpath("file").touch()
            path = folder / "file" / "model.gguf"
    return path


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("missing", ModelMissing, "no model file"),
        ("below a file", ModelMissing, "no model file"),
        ("folder", ModelUnloadable, "folder"),
        ("empty", ModelUnloadable, "empty"),
        ("text", ModelUnloadable, "no GGUF file"),
        ("pipe", ModelUnloadable, "no ordinary file"),
    ],
)
async def test_what_is_no_model_is_told_before_a_worker_starts(
    tmp_path: Path, kind: str, error: type[AgxError], words: str
) -> None:
    backend = LlamaCppBackend(LlamaCppSpec(_bad_model(kind, tmp_path)))
    with pytest.raises(error, match=words) as caught:
        await backend.model_facts()
    assert caught.value.hint
    with pytest.raises(error):
        await anext(backend.generate(REQUEST))
    health = await backend.health_check()
    assert (health.ok, health.detail) == (False, caught.value.message)
    assert "not started" in repr(backend)
    await backend.aclose()


@pytest.mark.parametrize("kept_bytes", [4, 100, 20_000, -1])
async def test_a_model_that_was_cut_off_cannot_be_loaded(
    tiny_model: Path, tmp_path: Path, kept_bytes: int
) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(tiny_model.read_bytes()[:kept_bytes])
    backend = LlamaCppBackend(LlamaCppSpec(path, load=LoadOptions(device="cpu")))
    with pytest.raises(ModelUnloadable) as caught:
        await backend.model_facts()
    assert caught.value.hint
    await backend.aclose()


async def test_the_facts_are_the_models_own(backend: LlamaCppBackend, tiny_model: Path) -> None:
    assert backend.model_name == "tiny"
    facts = await backend.model_facts()
    assert (facts.name, facts.architecture, facts.device, facts.planner_tools) == (
        "tiny",
        "qwen3",
        "cpu",
        "unix",
    )
    assert facts.sha256 == hashlib.sha256(tiny_model.read_bytes()).hexdigest()
    assert facts.build
    assert await backend.model_facts() == facts


async def test_a_healthy_backend_tells_versions_and_devices(backend: LlamaCppBackend) -> None:
    health = await backend.health_check()
    assert health.ok
    assert {"system_info", "devices", "versions", "sha256"} <= set(health.facts)


async def test_the_text_fits_the_schema(backend: LlamaCppBackend) -> None:
    request = GenerationRequest(REQUEST.messages, schema=WORD_SCHEMA, parameters=Parameters(max_tokens=40))
    chunks = [chunk async for chunk in backend.generate(request)]
    assert "".join(chunk.text for chunk in chunks) == '{"a":"b"}'
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.forced_tokens > 0


async def test_a_schema_that_is_no_json_cannot_be_sent(backend: LlamaCppBackend) -> None:
    request = GenerationRequest(REQUEST.messages, schema={"const": {1, 2}})
    with pytest.raises(UsageError, match="cannot be sent"):
        [chunk async for chunk in backend.generate(request)]


async def test_each_request_has_its_own_schema(backend: LlamaCppBackend) -> None:
    for word in ("ab", "cd", "ab"):
        request = GenerationRequest(REQUEST.messages, schema={"const": word})
        assert "".join([chunk.text async for chunk in backend.generate(request)]) == f'"{word}"'


async def test_renders_the_prompt_for_a_dry_run(backend: LlamaCppBackend) -> None:
    assert await backend.render(REQUEST) == ("<|user|>hi<|assistant|>", 4)


async def test_a_device_that_is_not_there_is_an_error(tiny_model: Path) -> None:
    backend = LlamaCppBackend(
        LlamaCppSpec(tiny_model, load=LoadOptions(device="metal" if sys.platform != "darwin" else "cuda"))
    )
    with pytest.raises(DeviceUnavailable):
        await backend.model_facts()
    await backend.aclose()


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
async def test_recovers_with_the_next_call_after_a_death(backend: LlamaCppBackend) -> None:
    endless = Parameters(max_tokens=30_000, repeat_penalty=0.01)
    long = GenerationRequest(REQUEST.messages, parameters=endless)
    stream = backend.generate(long)
    await anext(stream)
    health_facts = (await backend.health_check()).facts
    os.kill(health_facts["pid"], signal.SIGSEGV)
    with pytest.raises(WorkerDied) as caught:
        async for _ in stream:
            pass
    assert (caught.value.signal, caught.value.stage) == ("SIGSEGV", "generating")
    assert [chunk async for chunk in backend.generate(REQUEST)][-1].finish_reason == "length"


async def test_the_hash_is_computed_once_for_each_version_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    file_hash = ModelHash(path, HashMemory(None))
    file_hash.start()
    first = await file_hash.value()
    assert first == hashlib.sha256(b"one").hexdigest()
    # Same size and time: not read again.
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    file_hash.start()
    assert await file_hash.value() == first
    path.write_bytes(b"three")
    file_hash.start()
    assert await file_hash.value() == hashlib.sha256(b"three").hexdigest()


async def test_giving_up_the_hash_does_not_wait_for_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    file_hash = ModelHash(path, HashMemory(None))
    file_hash.start()
    waiting = asyncio.create_task(file_hash.value())
    await asyncio.sleep(0.05)
    file_hash.stop()
    with pytest.raises(UsageError, match="closed"):
        await waiting


async def test_a_file_is_what_its_name_says_or_refused(tmp_path: Path) -> None:
    right = tmp_path / f"sha256-{hashlib.sha256(b'one').hexdigest()}"
    wrong = tmp_path / f"sha256-{hashlib.sha256(b'two').hexdigest()}"
    for path in (right, wrong):
        path.write_bytes(b"one")
    hashes = [ModelHash(path, HashMemory(None)) for path in (right, wrong)]
    for file_hash in hashes:
        file_hash.start()
    assert await hashes[0].value() == right.name.removeprefix("sha256-")
    with pytest.raises(ModelUnloadable, match="not what its name says"):
        await hashes[1].value()


async def test_a_model_in_parts_has_one_hash_by_every_name(tmp_path: Path) -> None:
    paths = [tmp_path / f"m-0000{number}-of-00002.gguf" for number in (1, 2)]
    for path in paths:
        path.write_bytes(path.name.encode())
    digests = [hashlib.sha256(path.name.encode()).hexdigest() for path in paths]
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    for path in paths:
        file_hash = ModelHash(path, HashMemory(None))
        file_hash.start()
        assert await file_hash.value() == whole
    paths[0].write_bytes(b"another")  # a change of any part counts
    file_hash.start()
    assert await file_hash.value() != whole
    paths[1].unlink()
    alone = ModelHash(paths[0], HashMemory(None))
    alone.start()
    assert await alone.value() == hashlib.sha256(b"another").hexdigest()


async def test_the_hash_of_a_large_file_is_remembered(tmp_path: Path) -> None:
    path, memory = tmp_path / "large", HashMemory(tmp_path / "hashes.json")
    with path.open("wb") as file:
        file.truncate(LEAST_REMEMBERED_BYTES)
    first = ModelHash(path, memory)
    first.start()
    digest = await first.value()
    assert memory.get(path) == digest
    memory.put(path, "ab" * 32, version=file_version(path))
    second = ModelHash(path, memory)
    second.start()
    assert await second.value() == "ab" * 32  # looked up, not computed
