"""What the worker writes, and when: an engine that has been told what to say takes the model's place."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agx.engine.events import DoneEvent, Event, Stage, TextEvent
from agx.engine.loop import Engine
from agx.requests import GenerationRequest, LoadOptions, LoadRequest, Usage
from agx.util.blob_cache import BlobCache
from agx.worker import service as service_module
from agx.worker.inbox import Inbox
from agx.worker.protocol import LOAD_ID, Frame, load_frame
from agx.worker.service import TEXT_PAUSE_SECS, Service
from tests.worker.helpers import generate

REQUEST_ID = LOAD_ID + 1
LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Speaker(Engine):
    """Says a letter a step, with a pause before each."""

    def __init__(self, text: str, *, pause_secs: float, num_thoughts: int = 0) -> None:
        super().__init__()
        self._num_thoughts = num_thoughts
        self._text = text
        self._rest = ""
        self._pause_secs = pause_secs

    @property
    def has_work(self) -> bool:
        return bool(self._rest)

    @property
    def request_ids(self) -> tuple[int, ...]:
        return (REQUEST_ID,) if self._rest else ()

    @property
    def stage(self) -> Stage:
        return "generating" if self._rest else "idle"

    def load(
        self,
        path: str,
        options: LoadOptions,
        *,
        cache: BlobCache | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> dict[str, Any]:
        assert cache is None
        assert progress is not None
        progress(1.0)
        return {"name": path, "device": options.device}

    def start(self, request_id: int, request: GenerationRequest) -> None:
        assert (request_id, request.schema) == (REQUEST_ID, None)
        self._rest = self._text

    def step(self) -> list[Event]:
        time.sleep(self._pause_secs)
        letter, self._rest = self._rest[0], self._rest[1:]
        num_said = len(self._text) - len(self._rest)
        said = TextEvent(REQUEST_ID, letter, is_reasoning=num_said <= self._num_thoughts)
        return [said] if self._rest else [said, DoneEvent(REQUEST_ID, "stop", Usage())]


def frames_of(speaker: Speaker) -> list[list[Frame]]:
    """Load, generate, and give what was written each time."""
    written: list[list[Frame]] = []
    inbox = Inbox()
    service = Service(speaker, inbox=inbox, send=written.append)
    inbox.put(load_frame(LoadRequest("model.gguf")))
    service.turn()
    inbox.put({"id": REQUEST_ID, "deadline_secs": None, **generate()})
    service.turn()
    written.clear()
    while speaker.has_work:
        service.turn()
    return written


def texts(frames: list[Mapping[str, Any]]) -> list[str]:
    return [frame["text"] for frame in frames if frame["event"] == "chunk"]


def test_a_slow_model_streams_every_token() -> None:
    written = frames_of(Speaker("abcd", pause_secs=TEXT_PAUSE_SECS * 1.2))
    assert [texts(frames) for frames in written] == [["a"], ["b"], ["c"], ["d"]]


def test_a_fast_model_streams_many_tokens_at_once() -> None:
    written = frames_of(Speaker(LETTERS, pause_secs=0))
    all_texts = [text for frames in written for text in texts(frames)]
    assert "".join(all_texts) == LETTERS
    assert all_texts[0] == "a"
    assert len(written) < len(LETTERS) / 2


def test_a_stage_is_told_at_once_and_the_end_in_one_piece() -> None:
    first, *_, last = frames_of(Speaker(LETTERS, pause_secs=0))
    assert [frame["event"] for frame in first] == ["chunk", "stage"]
    assert first[1] == {"event": "stage", "stage": "generating", "ids": [REQUEST_ID]}
    assert [frame["event"] for frame in last] == ["chunk", "done", "stage"]
    assert last[2] == {"event": "stage", "stage": "idle", "ids": []}


def test_thoughts_and_answer_do_not_share_a_chunk() -> None:
    written = frames_of(Speaker(LETTERS, pause_secs=0, num_thoughts=20))
    chunks = [frame for frames in written for frame in frames if frame["event"] == "chunk"]
    thoughts = [frame for frame in chunks if frame.get("is_reasoning")]
    assert chunks[: len(thoughts)] == thoughts
    assert "".join(frame["text"] for frame in thoughts) == LETTERS[:20]
    assert "".join(frame["text"] for frame in chunks[len(thoughts) :]) == LETTERS[20:]


def test_the_progress_of_a_load_is_told_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_module, "PROGRESS_PAUSE_SECS", 0.0)
    written: list[list[Mapping[str, Any]]] = []
    inbox = Inbox()
    service = Service(Speaker("a", pause_secs=0), inbox=inbox, send=written.append)
    inbox.put(load_frame(LoadRequest("model.gguf")))
    service.turn()
    events = [frame["event"] for frames in written for frame in frames]
    assert events.index("progress") < events.index("done")
    assert {"id": LOAD_ID, "event": "progress", "fraction": 1.0} in [f for frames in written for f in frames]
