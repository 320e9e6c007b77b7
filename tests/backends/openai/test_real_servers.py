"""Real servers on this machine: llama.cpp's own, and llama-cpp-python's.

The model is a small random one, or the real one that `AGX_ECHO_MODEL` names. `scripts/test-servers` has
both.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from agx.backends.chats import whole_answer
from agx.backends.openai.abilities import Flavour, Form
from agx.backends.openai.backend import OpenAIBackend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.errors import BackendError, PlanInvalid, PlanTruncated, Unsupported, UsageError
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.limits import TaskLimits
from agx.plan.tools import Registry
from agx.requests import Chunk, GenerationRequest, Message, Parameters
from agx.risk.context import PlanContext
from agx.unix.registry import unix_registry
from tests.tiny_gguf import TinyModel, write_tiny_gguf

START_SECS = 60.0
SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": ["find", "grep"]}, "count": {"type": "boolean"}},
    "required": ["kind", "count"],
    "additionalProperties": False,
}
REQUEST = GenerationRequest(
    (Message("user", "list the files"),), parameters=Parameters(max_tokens=128), seed=5
)
NEEDED = {
    Flavour.LLAMA_SERVER: ("xllamacpp",),
    Flavour.LLAMA_CPP_PYTHON: ("fastapi", "uvicorn", "sse_starlette", "starlette_context"),
}
# llama.cpp's server engine with its HTTP side; it prints where it listens.
LLAMA_SERVER = """
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx, params.port, params.warmup = sys.argv[1], 1024, 0, False
params.n_parallel, params.cpuparams.n_threads = 1, 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def llama_server(model: Path) -> Iterator[str]:
    with _process([sys.executable, "-c", LLAMA_SERVER, str(model)]) as process:
        assert process.stdout is not None
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(START_SECS), "llama.cpp's server did not start"
        selector.close()
        yield process.stdout.readline().strip()


@contextmanager
def llama_cpp_python(model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--model", str(model), "--port", str(port), "--n_ctx", "1024", "--n_threads", "1"]
    with _process([sys.executable, "-m", "llama_cpp.server", *options]):
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + START_SECS
        while time.monotonic() < until and not _answers(url):
            time.sleep(0.1)
        yield url


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=quiet,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/models", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


SERVERS = {Flavour.LLAMA_SERVER: llama_server, Flavour.LLAMA_CPP_PYTHON: llama_cpp_python}


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Flavour, str]]:
    flavour: Flavour = request.param
    pytest.importorskip("openai", reason="the extra agx[openai] is not installed")
    missing = [name for name in NEEDED[flavour] if find_spec(name) is None]
    if missing:
        pytest.skip(f"{flavour.value} needs {missing[0]}, which is not installed")
    named = os.environ.get("AGX_ECHO_MODEL")
    folder = tmp_path_factory.mktemp("models")
    model = Path(named) if named else write_tiny_gguf(folder / "tiny.gguf", TinyModel(merges=False))
    with SERVERS[flavour](model) as url:
        yield flavour, f"{url}/v1"


async def _generated(url: str, request: GenerationRequest) -> tuple[OpenAIBackend, str, Chunk]:
    backend = OpenAIBackend(OpenAISpec("tiny", Endpoint(url)))
    chunks = [chunk async for chunk in backend.generate(request)]
    await backend.aclose()
    return backend, "".join(chunk.text for chunk in chunks), chunks[-1]


async def test_a_random_model_keeps_to_the_schema(server: tuple[Flavour, str]) -> None:
    flavour, url = server
    backend, text, last = await _generated(url, replace(REQUEST, schema=SCHEMA))
    said = json.loads(text)
    assert said.keys() == {"kind", "count"}
    assert said["kind"] in {"find", "grep"}
    assert last.finish_reason == "stop"
    assert backend.abilities.flavour is flavour
    forms = {Flavour.LLAMA_SERVER: Form.STRICT_SCHEMA, Flavour.LLAMA_CPP_PYTHON: Form.JSON_OBJECT_SCHEMA}
    assert backend.abilities.form is forms[flavour]


async def test_parameters_have_their_effect(server: tuple[Flavour, str]) -> None:
    _, url = server
    greedy = [(await _generated(url, REQUEST))[1] for _ in range(2)]
    assert greedy[0] == greedy[1]
    _, short, last = await _generated(url, replace(REQUEST, parameters=Parameters(max_tokens=3)))
    assert last.finish_reason == "length"
    assert last.usage is not None
    # llama-cpp-python counts nothing, and sends bytes that make no letter together.
    assert 0 < last.usage.completion_tokens <= 3
    assert greedy[0].startswith(short)
    hot = Parameters(max_tokens=128, temperature=2.0)
    _, drawn, _ = await _generated(url, replace(REQUEST, parameters=hot))
    assert drawn != greedy[0]
    _, likeliest, _ = await _generated(url, replace(REQUEST, parameters=replace(hot, top_k=1)))
    assert likeliest == greedy[0]


async def test_a_server_says_what_it_has(server: tuple[Flavour, str]) -> None:
    flavour, url = server
    backend = OpenAIBackend(OpenAISpec("tiny", Endpoint(url)))
    facts = await backend.model_facts()
    assert facts.context_length == (1024 if flavour is Flavour.LLAMA_SERVER else None)
    assert (await backend.health_check()).ok
    await backend.aclose()


async def test_a_random_model_writes_calls_of_the_tools(server: tuple[Flavour, str]) -> None:
    """The schema of plans, as servers get it, holds on real ones."""
    flavour, url = server
    if flavour is Flavour.LLAMA_CPP_PYTHON and "AGX_ECHO_MODEL" in os.environ:
        pytest.skip("llama-cpp-python's grammar lets a real model write broken JSON now and then")
    tools = [tool for tool in unix_registry() if tool.name in {"ls", "sort", "wc"}]
    limits = PlanLimits(max_tasks=2, max_args=2, max_arg_chars=8)
    schema = plan_schema(tools, limits)
    request = replace(REQUEST, schema=schema, parameters=Parameters(max_tokens=700, temperature=1.0))
    _, text, last = await _generated(url, request)
    assert last.finish_reason == "stop", text
    tasks = json.loads(text)["tasks"]
    assert 1 <= len(tasks) <= 2
    assert {task["command"] for task in tasks} <= {"ls", "sort", "wc"}
    assert all(task.keys() <= {"command", "args", "input_from_task", "save_to"} for task in tasks)


async def test_a_plan_is_made_and_checked(server: tuple[Flavour, str]) -> None:
    """A plan that does not fit is refused; what is returned can be run.

    llama-cpp-python's grammar lets a real model write broken JSON now and then, and its server breaks off
    at times, so only llama.cpp's own server has to have a plan of one.
    """
    flavour, url = server
    backend = OpenAIBackend(OpenAISpec("tiny", Endpoint(url)))
    tools = Registry.of([tool for tool in unix_registry() if tool.name in {"ls", "sort", "wc"}])
    context = PlanContext(tools=tools, max_tasks=2, limits=TaskLimits(max_args=2, max_arg_chars=8))
    options = PlanOptions(Parameters(max_tokens=400), seed=5, examples=0)
    generated = None
    with suppress(PlanInvalid, PlanTruncated, BackendError):
        generated = await generate_plan(backend, "sort the names", context, options=options)
    await backend.aclose()
    if "AGX_ECHO_MODEL" in os.environ and flavour is Flavour.LLAMA_SERVER:
        assert generated is not None
    if generated is not None:
        assert {task.command for task in generated.tasks} <= {"ls", "sort", "wc"}
        assert generated.metadata.backend == "openai"


async def test_a_chat_with_tools_is_answered(server: tuple[Flavour, str]) -> None:
    """A random model's call may break off."""
    _, url = server
    backend = OpenAIBackend(OpenAISpec("tiny", Endpoint(url)))
    function = {"name": "get_weather", "description": "The weather", "parameters": {"type": "object"}}
    answer = None
    with suppress(BackendError):
        chat = backend.chat(
            [{"role": "user", "content": "Rome?"}], tools=[function], parameters={"max_tokens": 24}, seed=5
        )
        answer = await whole_answer(chat)
    await backend.aclose()
    if "AGX_ECHO_MODEL" in os.environ:
        assert answer is not None
        assert answer.text or answer.tool_calls


async def test_leaving_the_stream_frees_the_server(server: tuple[Flavour, str]) -> None:
    flavour, url = server
    if flavour is Flavour.LLAMA_CPP_PYTHON:
        pytest.skip("llama-cpp-python's server goes on with an answer whose client has left")
    backend = OpenAIBackend(OpenAISpec("tiny", Endpoint(url)))
    long = replace(REQUEST, parameters=Parameters(max_tokens=900, temperature=1.0))
    async with aclosing(backend.generate(long)) as chunks:
        await anext(chunks)
    _, text, _ = await _generated(url, replace(REQUEST, parameters=Parameters(max_tokens=3)))
    assert isinstance(text, str)
    await backend.aclose()


async def test_texts_are_embedded_or_that_is_refused(server: tuple[Flavour, str]) -> None:
    _, url = server
    backend = OpenAIBackend(OpenAISpec("tiny", Endpoint(url)))
    with pytest.raises((Unsupported, BackendError, UsageError)):  # both were started without embeddings
        await backend.embed(["a cat"])
    await backend.aclose()
