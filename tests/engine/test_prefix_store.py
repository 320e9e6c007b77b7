"""Beginnings of prompts on disk: the same bits as computed ones, and nothing but the very same is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agx.engine import model as model_module
from agx.engine.context import Context
from agx.engine.loop import Engine
from agx.engine.pool import Pool
from agx.engine.prefix import BLOCK
from agx.engine.prefix_store import fingerprint
from agx.errors import OutOfMemory
from agx.requests import LoadOptions
from agx.util.blob_cache import BlobCache
from tests.engine.support import Outcome, generate
from tests.tiny_gguf import TinyModel

STATIC = ({"role": "system", "content": "s" * 400}, {"role": "user", "content": "u" * 200})
# A letter is a token of this model, and its prompts are ChatML.
GENERAL = TinyModel(merges=False, context_length=4096, chat_template=None, planner_tools=None)
HOT: dict[str, Any] = {"temperature": 1.5, "max_tokens": 60}

Start = Callable[..., Engine]


@pytest.fixture
def start(
    tiny_file: Callable[[TinyModel], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    """Return new engines, as new processes have them, which share a folder of states."""
    monkeypatch.setattr(model_module, "LEAST_WEIGHTS_BYTES", 0)
    engines: list[Engine] = []

    def started(model: TinyModel | None = None, *, keeps: bool = True, **options: object) -> Engine:
        engines.append(Engine())
        cache = BlobCache(tmp_path / "cache", limit_bytes=10**9) if keeps else None
        path = tiny_file(model or GENERAL)
        engines[-1].load(str(path), LoadOptions(device="cpu", threads=1, **options), cache=cache)  # type: ignore[arg-type]
        return engines[-1]

    yield started
    for engine in engines:
        engine.close()


def ask(engine: Engine, content: str = "a", **fields: Any) -> Outcome:
    messages = (*STATIC, {"role": "assistant", "content": "yes"}, {"role": "user", "content": content})
    return generate(engine, messages=messages, num_static_messages=2, **HOT | fields)


def num_kept(tmp_path: Path) -> int:
    return len(list(BlobCache(tmp_path / "cache", limit_bytes=0).blobs()))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_new_process_reads_what_an_earlier_one_computed_and_writes_the_same(
    start: Start, seed: int
) -> None:
    plain = ask(start(keeps=False), seed=seed)
    first, again = ask(start(), seed=seed), ask(start(), seed=seed)
    assert plain.text
    assert plain.text == first.text == again.text
    assert (plain.usage["cached_tokens"], first.usage["cached_tokens"]) == (0, 0)
    assert again.usage["cached_tokens"] >= 4 * BLOCK


def test_another_instruction_begins_behind_the_static_part(start: Start) -> None:
    ask(start(), "a")
    plain, cached = ask(start(keeps=False), "b" * 300, seed=5), ask(start(), "b" * 300, seed=5)
    assert cached.usage["cached_tokens"] % BLOCK == 0
    assert 0 < cached.usage["cached_tokens"] < cached.usage["prompt_tokens"] - 300
    assert cached.text == plain.text


def test_without_a_seed_it_is_used_as_well(start: Start) -> None:
    ask(start())
    engine = start()
    assert ask(engine).usage["cached_tokens"] > 0
    assert ask(engine, "c").usage["cached_tokens"] > 0


def test_a_state_is_kept_once(start: Start, tmp_path: Path) -> None:
    for content in "abc":
        ask(start(), content)
    assert num_kept(tmp_path) == 1


@pytest.mark.parametrize(
    "options", [{"cache_type_k": "f32"}, {"flash_attn": "off"}], ids=["cache type", "attention"]
)
def test_other_options_compute_anew(start: Start, options: dict[str, str]) -> None:
    ask(start())
    assert ask(start(**options)).usage["cached_tokens"] == 0


def test_another_model_computes_anew(start: Start) -> None:
    ask(start())
    assert ask(start(replace(GENERAL, seed=7))).usage["cached_tokens"] == 0


def test_a_damaged_state_is_computed_anew_and_replaced(start: Start, tmp_path: Path) -> None:
    text = ask(start(), seed=1).text
    [blob] = BlobCache(tmp_path / "cache", limit_bytes=0).blobs()
    raw = bytearray(blob.path.read_bytes())
    raw[-1] ^= 1
    blob.path.write_bytes(raw)
    anew, again = ask(start(), seed=1), ask(start(), seed=1)
    assert (anew.text, anew.usage["cached_tokens"]) == (text, 0)
    assert (again.text, again.usage["cached_tokens"] > 0) == (text, True)


def test_a_state_that_llama_cpp_does_not_take_is_computed_anew(start: Start, tmp_path: Path) -> None:
    """Its hash is right, and still it is no state: as of a build that says it is the same and is not."""
    text = ask(start(), seed=1).text
    cache = BlobCache(tmp_path / "cache", limit_bytes=10**9)
    [blob] = cache.blobs()
    data = cache.get(blob.facts)
    assert data is not None
    for wrong in (data[:-8], data[:100], b"no state"):
        cache.put(blob.facts, wrong)
        outcome = ask(start(), seed=1)
        assert (outcome.text, outcome.usage["cached_tokens"]) == (text, 0)


def test_a_short_beginning_and_a_cancelled_request_are_not_kept(start: Start, tmp_path: Path) -> None:
    generate(start(), "short", num_static_messages=1, max_tokens=4)
    assert num_kept(tmp_path) == 0


def test_a_small_model_keeps_nothing(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_module, "LEAST_WEIGHTS_BYTES", 64 << 20)
    ask(start())
    assert num_kept(tmp_path) == 0


def test_a_folder_that_cannot_be_written_changes_nothing(start: Start, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    assert ask(start(), seed=1).text == ask(start(keeps=False), seed=1).text


def test_a_fingerprint_follows_the_content_and_the_time(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for path in (one, other):
        path.write_bytes(b"x" * 3_000_000)
        os.utime(path, (1000, 1000))
    same = fingerprint([one])
    assert fingerprint([other]) == same
    assert fingerprint([one, other]) != same
    os.utime(other, (1001, 1000 + 1))
    assert fingerprint([other]) != same
    other.write_bytes(b"x" * 2_999_999 + b"y")
    os.utime(other, (1000, 1000))
    other.write_bytes(b"y" + b"x" * 2_999_999)
    os.utime(other, (1000, 1000))
    assert fingerprint([other]) != same


def test_a_state_that_cannot_be_kept_is_made_once(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    made: list[int] = []
    state_of = Context.state_of

    def counted(context: Context, slot: int) -> bytes:
        made.append(slot)
        return state_of(context, slot)

    monkeypatch.setattr(Context, "state_of", counted)
    engine = start()
    texts = {ask(engine, seed=1).text for _ in range(3)}
    assert (len(texts), len(made)) == (1, 1)


def test_a_request_without_room_for_its_state_leaves_its_place(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(start())
    engine = start(sequences=1)

    def without_room(*_: object) -> None:
        raise OutOfMemory("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(Pool, "restore", without_room)
        assert isinstance(ask(engine).error, OutOfMemory)
    assert ask(engine).error is None
