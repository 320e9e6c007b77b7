"""The models of a running Ollama server beside those of the folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agx.models.library import ListedModel
from agx.models.ollama.served import with_served
from tests.ollama_server import Misbehaviour, ollama_server

FOUND = ListedModel("ollama:here:latest", "ollama", (Path("blob"),))


def listed(folder: Path, monkeypatch: pytest.MonkeyPatch, tags: Any, **more: Any) -> list[ListedModel]:
    with ollama_server(folder, tags=tags) as server:
        server.misbehaviour = Misbehaviour(**more)
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        return with_served([FOUND])


def test_what_only_the_server_has_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = [{"name": "here:latest", "size": 5}, {"name": "there:1b", "size": 7}, {"name": 3}, "x"]
    one, other = listed(tmp_path, monkeypatch, tags)
    assert one == FOUND
    assert (other.name, other.size_bytes, other.files) == ("ollama:there:1b", 7, ())


@pytest.mark.parametrize(
    "wrong", [{"status": {"/api": 500}}, {"cut": "/api/tags"}], ids=["fails", "breaks off"]
)
def test_a_server_that_fails_adds_nothing(
    wrong: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert listed(tmp_path, monkeypatch, [{"name": "a"}], **wrong) == [FOUND]


@pytest.mark.parametrize("host", ["127.0.0.1:9", "no address://"])
def test_without_a_server_the_list_is_that_of_the_folders(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    assert with_served([FOUND]) == [FOUND]
