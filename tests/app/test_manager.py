"""`ModelManager`: which model a size is in each backend, and that answers and embeddings are of that one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from agx.app.manager import ModelManager, SyncModelManager
from agx.backends.scripted import ScriptedBackend, ScriptedReply
from agx.errors import AgxError, ModelMissing, Unsupported, UsageError
from agx.models.catalog import sizes
from agx.prompts.domains import DOMAINS
from agx.requests import Message
from tests.fake_ollama import FakeModel, fake_ollama
from tests.ollama_models import put_model
from tests.tiny_gguf import TinyModel, write_tiny_gguf


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """A random model with a vocabulary of bytes, where no name of a size is."""
    path = tmp_path / "elsewhere" / "tiny.gguf"
    path.parent.mkdir()
    return write_tiny_gguf(path, TinyModel(context_length=4096))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an empty folder of Ollama's."""
    monkeypatch.setenv("AGX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    monkeypatch.setenv("AGX_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def test_every_size_has_a_model_and_its_context() -> None:
    assert {size: (entry.name, entry.context) for size, entry in sizes().items()} == {
        "qwen3_small": ("qwen3-0.6b", 40960),
        "qwen3_medium": ("qwen3-1.7b", 40960),
        "qwen3_large": ("qwen3-4b", 40960),
        "qwen3_xl": ("qwen3-8b", 40960),
        "qwen3_xxl": ("qwen3-14b", 40960),
        "qwen3_xxxl": ("qwen3-32b", 40960),
        "qwen3_moe": ("qwen3-30b-a3b", 40960),
        "qwen3_moe_large": ("qwen3-235b-a22b", 40960),
    }
    assert ModelManager(model_size="qwen3_xl").context_window == 40960


async def test_the_domain_is_said_where_a_prompt_brings_no_system_message() -> None:
    backend = ScriptedBackend(["a", "b", "c"])
    async with ModelManager(domain="code", backend=backend) as manager:
        await manager.generate_response("sort a list")
        await manager.generate_response([{"role": "user", "content": "sort a list"}])
        await manager.generate_response([{"role": "system", "content": "Be brief."}, Message("user", "x")])
    systems = [request.messages[0].content for request in backend.requests]
    assert systems == [DOMAINS["code"], DOMAINS["code"], "Be brief."]
    assert [len(request.messages) for request in backend.requests] == [2, 2, 2]


async def test_an_answer_streams_without_what_was_thought() -> None:
    backend = ScriptedBackend([ScriptedReply("one two three", thoughts="let me see")], chunk_characters=4)
    async with ModelManager(backend=backend, parameters={"top_k": 3}) as manager:
        texts = [text async for text in manager.generate_stream("count", parameters={"max_tokens": 9})]
    assert texts == ["one ", "two ", "thre", "e"]
    parameters = backend.requests[0].parameters
    assert (parameters.top_k, parameters.max_tokens, parameters.temperature) == (3, 9, 0.7)


async def test_a_size_that_was_not_fetched_says_how_to_fetch_it() -> None:
    async with ModelManager() as manager:
        with pytest.raises(ModelMissing, match=r"qwen3-1\.7b") as caught:
            await manager.generate_response("hi")
    assert caught.value.hint == "fetch it: agx models pull qwen3-1.7b"
    async with ModelManager(share_with_ollama=True) as manager:
        with pytest.raises(ModelMissing) as caught:
            await manager.generate_response("hi")
    assert caught.value.hint.endswith("or ollama pull qwen3:1.7b")


async def test_a_file_of_ours_is_used_by_the_name_of_its_size(home: Path, tiny_model: Path) -> None:
    (home / "models").mkdir(parents=True)
    shutil.copy(tiny_model, home / "models" / "qwen3-0.6b.gguf")
    async with ModelManager("llamacpp", "qwen3_small") as manager:
        answer = await manager.generate_response("hi", parameters={"max_tokens": 4})
    assert answer.usage.completion_tokens <= 4


async def test_a_file_that_only_ollama_has_is_used_where_it_lies(tmp_path: Path, tiny_model: Path) -> None:
    put_model(tmp_path / "ollama", "qwen3:0.6b", tiny_model.read_bytes())
    async with ModelManager("llamacpp", "qwen3_small", share_with_ollama=True) as manager:
        answer = await manager.generate_response("hi", parameters={"max_tokens": 4})
    assert answer.usage.completion_tokens <= 4


async def test_a_server_is_asked_for_the_size_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    model = FakeModel(ScriptedBackend(["Hello"]))
    with fake_ollama({"qwen3:4b": model}) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        async with ModelManager("ollama", "qwen3_large") as manager:
            assert (await manager.generate_response("hi")).text == "Hello"
            one = await manager.generate_embeddings("a")
            assert await manager.generate_batch_embeddings(["a", "a"]) == [one, one]


def test_scripts_need_no_event_loop() -> None:
    backend = ScriptedBackend(["one two", "three"], chunk_characters=4)
    with SyncModelManager(backend=backend) as manager:
        assert manager.generate_response("hi").text == "one two"
        assert list(manager.generate_stream("hi")) == ["thre", "e"]
        with pytest.raises(Unsupported):
            manager.generate_embeddings("hi")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model_size": "qwen3_huge"}, "no size is called 'qwen3_huge'"),
        ({"domain": "cod"}, "no domain is called 'cod'; did you mean code?"),
        ({"model_type": "olama"}, "olama"),
    ],
    ids=str,
)
def test_what_is_not_known_is_refused_at_once(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(AgxError, match=said):
        ModelManager(**arguments)


async def test_a_closed_manager_says_so_and_closes_nothing_that_was_given() -> None:
    backend = ScriptedBackend(["a"])
    manager = ModelManager(backend=backend)
    await manager.aclose()
    await manager.aclose()
    with pytest.raises(UsageError, match="closed"):
        await manager.generate_response("hi")
    assert not backend.is_closed
