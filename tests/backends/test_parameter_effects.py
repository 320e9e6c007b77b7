"""Every parameter reaches every backend: a change of it changes what is sent, and what is generated."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from agx.backends.base import ModelBackend
from agx.backends.create import create_backend
from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.openai.abilities import Flavour
from agx.backends.openai.body import sampling
from agx.backends.parameter_names import PARAMETER_NAMES
from agx.backends.specs import LlamaCppSpec
from agx.requests import GenerationRequest, LoadOptions, Message, Parameters, Usage
from tests.documents import ROOT
from tests.fake_ollama import FakeModel, fake_ollama, tiny_backend
from tests.openai_server import Behaviour, openai_server

ASKED = (Message("user", "go on"),)
DRAWN = Parameters(temperature=1.0, max_tokens=24)
OTHER: dict[str, Any] = {
    "temperature": 2.0,
    "top_k": 1,
    "top_p": 0.05,
    "min_p": 0.9,
    "repeat_penalty": 5.0,
    "presence_penalty": 2.0,
    "frequency_penalty": 2.0,
    "max_tokens": 3,
}
NAMES = sorted(OTHER)


@pytest.fixture
async def llamacpp(tiny_model: Path) -> AsyncIterator[ModelBackend]:
    backend = LlamaCppBackend(
        LlamaCppSpec(tiny_model, load=LoadOptions(device="cpu", context_size=2048, threads=1))
    )
    yield backend
    await backend.aclose()


async def generated(backend: ModelBackend, parameters: Parameters, **more: Any) -> tuple[str, Usage]:
    request = GenerationRequest(ASKED, parameters=parameters, seed=11, **more)
    chunks = [chunk async for chunk in backend.generate(request)]
    usage = chunks[-1].usage
    assert usage is not None
    return "".join(chunk.text for chunk in chunks), usage


def test_every_parameter_is_in_the_table_and_on_the_page() -> None:
    assert set(OTHER) == set(PARAMETER_NAMES) == {each.name for each in fields(Parameters)}
    page = (ROOT / "docs/backends.md").read_text(encoding="utf-8")
    for name, names in PARAMETER_NAMES.items():
        shown = [f"`{each}`" if each else "" for each in (names[:5])]
        assert "| " + " | ".join([f"`{name}`", *shown]).replace("|  |", "| |") in page.replace("|  |", "| |")


@pytest.mark.parametrize("name", NAMES)
async def test_a_change_changes_what_llama_cpp_generates(name: str, llamacpp: ModelBackend) -> None:
    before, _ = await generated(llamacpp, DRAWN)
    again, _ = await generated(llamacpp, DRAWN)
    after, _ = await generated(llamacpp, replace(DRAWN, **{name: OTHER[name]}))
    assert before == again
    assert after != before


@pytest.mark.parametrize("name", NAMES)
async def test_a_change_changes_what_ollama_is_asked_and_generates(name: str, tiny_model: Path) -> None:
    with fake_ollama({"tiny": FakeModel(tiny_backend(tiny_model))}) as server:
        backend = create_backend(OllamaSpec("tiny", server.url))
        before, _ = await generated(backend, DRAWN)
        after, _ = await generated(backend, replace(DRAWN, **{name: OTHER[name]}))
        await backend.aclose()
    first, second = (body["options"] for body in server.asked("/api/chat"))
    changed = {key for key in first | second if first.get(key) != second.get(key)}
    assert changed == {PARAMETER_NAMES[name].ollama}
    assert after != before


@pytest.mark.parametrize("flavour", Flavour, ids=lambda flavour: flavour.value)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "max_tokens"])
def test_a_change_changes_what_a_server_of_openais_api_is_asked(name: str, flavour: Flavour) -> None:
    first, second = (
        sampling(parameters, flavour) for parameters in (DRAWN, replace(DRAWN, **{name: OTHER[name]}))
    )
    changed = {key for key in first | second if first.get(key) != second.get(key)}
    own = PARAMETER_NAMES[name].vllm if flavour is Flavour.VLLM else name
    assert own in changed
    assert changed <= {name, PARAMETER_NAMES[name].vllm}


async def test_a_server_that_refuses_a_parameter_is_asked_without_it_and_that_is_said() -> None:
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")
    from agx.backends.openai.backend import OpenAIBackend  # noqa: PLC0415  the extra
    from agx.backends.openai.spec import Endpoint, OpenAISpec  # noqa: PLC0415  as above
    from agx.backends.specs import Attachments  # noqa: PLC0415  as above

    said: list[str] = []
    with openai_server(Behaviour(refused_fields=frozenset({"top_k"}))) as server:
        spec = OpenAISpec("scripted", Endpoint(server.url))
        backend = OpenAIBackend(spec, Attachments(on_warning=said.append))
        await generated(backend, replace(DRAWN, top_k=3))
        await generated(backend, replace(DRAWN, top_k=4), stop=("x",))
        await backend.aclose()
    assert [("top_k" in body, body.get("stop")) for body in server.chats] == [
        (True, None),
        (False, None),
        (False, ["x"]),
    ]
    assert said == ["scripted takes no top_k: the server's own is used"]


async def test_the_likeliest_token_is_always_the_same(llamacpp: ModelBackend) -> None:
    greedy = Parameters(max_tokens=16)
    texts = {(await generated(llamacpp, greedy))[0] for _ in range(2)}
    texts.add((await generated(llamacpp, replace(greedy, temperature=1.5, top_k=1)))[0])
    assert len(texts) == 1


async def test_the_most_tokens_are_kept_to(llamacpp: ModelBackend) -> None:
    _, usage = await generated(llamacpp, replace(DRAWN, max_tokens=5))
    assert usage.completion_tokens <= 5


async def test_a_stop_sequence_ends_the_text_before_it(llamacpp: ModelBackend) -> None:
    whole, _ = await generated(llamacpp, DRAWN)
    stop = whole[len(whole) // 2 :][:2]
    text, _ = await generated(llamacpp, DRAWN, stop=(stop,))
    assert text == whole[: whole.index(stop)]
    assert stop not in text
    again, _ = await generated(llamacpp, DRAWN, stop=("no such text",))
    assert again == whole


async def test_a_stop_sequence_reaches_ollama(tiny_model: Path) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(fake_ollama({"tiny": FakeModel(tiny_backend(tiny_model))}))
        backend = create_backend(OllamaSpec("tiny", server.url))
        whole, _ = await generated(backend, DRAWN)
        stop = whole[len(whole) // 2 :][:2]
        text, _ = await generated(backend, DRAWN, stop=(stop,))
        await backend.aclose()
    assert text == whole[: whole.index(stop)]
    assert server.asked("/api/chat")[-1]["options"]["stop"] == [stop]
