"""What was found out of a server outlives the process, and nothing that is wrong on disk does harm."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agx.backends.openai import memory
from agx.backends.openai.abilities import Abilities, Flavour, Form
from agx.backends.openai.backend import OpenAIBackend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.requests import GenerationRequest, Message
from tests.backends.openai.conftest import Serve
from tests.openai_server import Behaviour

FOUND = Abilities(Flavour.UNKNOWN, Form.TOOL, "max_completion_tokens", frozenset({"seed"}))
REQUEST = GenerationRequest((Message("user", "hi"),), schema={"type": "object"})


def spec_in(folder: Path) -> OpenAISpec:
    return OpenAISpec("gpt", Endpoint("http://lab/v1", api_key="sk-0123456789"), cache_dir=folder)


async def test_the_next_backend_asks_in_the_form_that_worked(serve: Serve, tmp_path: Path) -> None:
    server = serve(Behaviour(knows=frozenset({Form.JSON_OBJECT})))
    spec = OpenAISpec("scripted", Endpoint(server.url), cache_dir=tmp_path / "cache")
    asked = []
    for _ in range(2):
        backend = OpenAIBackend(spec)
        _ = [chunk async for chunk in backend.generate(REQUEST)]
        await backend.aclose()
        asked.append(len(server.chats))
    assert asked == [5, 6]


def test_what_is_kept_is_of_one_model_on_one_server(tmp_path: Path) -> None:
    spec = spec_in(tmp_path)
    memory.remember(spec, FOUND)
    assert memory.remembered(spec, Flavour.UNKNOWN) == FOUND
    assert memory.remembered(replace(spec, model="other"), Flavour.UNKNOWN) is None
    assert memory.remembered(replace(spec, endpoint=Endpoint("http://b/v1")), Flavour.UNKNOWN) is None
    assert memory.remembered(spec, Flavour.VLLM) is None  # another server has taken its place
    assert memory.remembered(replace(spec, cache_dir=None), Flavour.UNKNOWN) is None


def test_nothing_of_the_server_can_be_read_in_the_file(tmp_path: Path) -> None:
    memory.remember(spec_in(tmp_path), FOUND)
    text = (tmp_path / memory.FILE_NAME).read_text()
    assert not any(word in text for word in ("sk-", "lab", "gpt"))


def test_it_is_forgotten_after_a_week(tmp_path: Path) -> None:
    spec = spec_in(tmp_path)
    memory.remember(spec, FOUND)
    path = tmp_path / memory.FILE_NAME
    entries = json.loads(path.read_text())
    for entry in entries.values():
        entry["at"] = time.time() - memory.KEPT_SECS - 1
    path.write_text(json.dumps(entries))
    assert memory.remembered(spec, Flavour.UNKNOWN) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a":1}', '{"a":{}}', "[" * 100_000, '{"a":{"at":"x"}}'])
def test_a_damaged_file_is_as_none(tmp_path: Path, text: str) -> None:
    spec = spec_in(tmp_path)
    (tmp_path / memory.FILE_NAME).write_text(text)
    assert memory.remembered(spec, Flavour.UNKNOWN) is None
    memory.remember(spec, FOUND)
    assert memory.remembered(spec, Flavour.UNKNOWN) == FOUND


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    spec = spec_in(tmp_path / "file")
    memory.remember(spec, FOUND)
    assert memory.remembered(spec, Flavour.UNKNOWN) is None
