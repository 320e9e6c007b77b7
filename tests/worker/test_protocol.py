"""The frames between parent and worker: read whole, in pieces and cut off, and bounded."""

from __future__ import annotations

import pytest

from agx.requests import LoadOptions, LoadRequest
from agx.worker.protocol import (
    HEADER_BYTES,
    LOAD_ID,
    MAX_FRAME_BYTES,
    Frame,
    FrameError,
    FrameReader,
    decode,
    encode,
    load_frame,
)

FRAMES: list[Frame] = [
    {"id": 1, "op": "load", "model": "/m.gguf", "options": {"device": "auto"}},
    {"event": "hello", "protocol": 1},
    {},
    {"id": 2, "event": "chunk", "text": "ü€😀\ud800\n\x00"},
    {"id": 3, "event": "done", "prompt": "x" * 100_000, "prompt_tokens": 14},
]
STREAM = b"".join(map(encode, FRAMES))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000, 65536, len(STREAM)])
def test_reads_the_same_frames_in_pieces_of_any_size(size: int) -> None:
    reader = FrameReader()
    got = [
        frame for start in range(0, len(STREAM), size) for frame in reader.feed(STREAM[start : start + size])
    ]
    reader.close()
    assert got == FRAMES


def test_gives_each_frame_as_soon_as_it_is_whole() -> None:
    reader = FrameReader()
    first, second = encode({"id": 1}), encode({"id": 2})
    assert reader.feed(first + second[:-1]) == [{"id": 1}]
    assert reader.feed(second[-1:]) == [{"id": 2}]


@pytest.mark.parametrize("kept", [1, HEADER_BYTES, HEADER_BYTES + 1, len(encode(FRAMES[0])) - 1])
def test_a_stream_cut_off_inside_a_frame_is_an_error(kept: int) -> None:
    reader = FrameReader()
    assert reader.feed(encode(FRAMES[0])[:kept]) == []
    with pytest.raises(FrameError, match="ended inside a frame"):
        reader.close()


def test_a_length_above_the_limit_is_refused_before_its_bytes_come() -> None:
    with pytest.raises(FrameError, match="at most"):
        FrameReader().feed((MAX_FRAME_BYTES + 1).to_bytes(HEADER_BYTES, "big"))


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"1", b"{", b"\xff", b'{"a":1}x', b'{"a":' + b"[" * 200_000],
    ids=["empty", "array", "number", "open", "not utf-8", "tail", "deep"],
)
def test_a_payload_that_is_no_object_is_refused(payload: bytes) -> None:
    with pytest.raises(FrameError):
        decode(payload)


def test_what_cannot_be_written_is_refused() -> None:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    for value in ({1, 2}, float("nan"), deep, "x" * MAX_FRAME_BYTES):
        with pytest.raises(FrameError):
            encode({"value": value})
    # Taken apart by hand: letting go of it at once recurses in C.
    while deep:
        deep = deep.pop()  # type: ignore[assignment]


def test_a_load_request_makes_the_frame_of_the_contract() -> None:
    assert load_frame(LoadRequest("/m.gguf", LoadOptions(threads=1))) == {
        "id": LOAD_ID,
        "op": "load",
        "model": "/m.gguf",
        "options": {
            "device": "auto",
            "context_size": None,
            "threads": 1,
            "gpu_layers": None,
            "sequences": None,
            "flash_attn": "auto",
            "cache_type_k": "f16",
            "cache_type_v": "f16",
            "mlock": False,
            "mmap": True,
            "chat_template": None,
            "prompt_cache_mb": 500,
        },
        "cache_dir": None,
        "embeds": False,
    }
