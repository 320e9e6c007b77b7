"""Moving bytes: what blocks, what ends, what is counted."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from agx.run.pipes import Descriptor, Flow, Outlet, PipeSink, Tail, pipe

BIG = bytes(range(256)) * 4000


async def test_everything_gets_through_in_order_and_is_counted() -> None:
    (first, writing), (reading, second) = pipe(), pipe()
    sink = PipeSink(second)
    flow = Flow(first, sink)
    received = bytearray()

    def read() -> None:
        while data := os.read(reading.number, 1000):
            received.extend(data)

    threads = [threading.Thread(target=read), threading.Thread(target=_write, args=(writing,))]
    for thread in threads:
        thread.start()
    await flow.run()
    flow.finish()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    reading.close()
    assert bytes(received) == BIG
    assert flow.num_bytes() == sink.num_bytes() == len(BIG)
    assert not flow.reader_left


def _write(target: Descriptor) -> None:
    rest = memoryview(BIG)
    while rest:
        rest = rest[os.write(target.number, rest) :]
    target.close()


async def test_a_reader_that_leaves_closes_the_writers_pipe() -> None:
    (first, writing), (reading, second) = pipe(), pipe()
    flow = Flow(first, PipeSink(second))
    reading.close()
    os.write(writing.number, b"x")
    await flow.run()
    assert flow.reader_left
    with pytest.raises(BrokenPipeError):
        os.write(writing.number, b"x")
    writing.close()
    second.close()


async def test_a_flow_that_waits_can_be_cancelled_on_both_sides() -> None:
    for is_full in (False, True):
        (first, writing), (reading, second) = pipe(), pipe()
        flow = asyncio.create_task(Flow(first, PipeSink(second)).run())
        if is_full:
            os.set_blocking(writing.number, False)
            with suppress(BlockingIOError):
                for _ in range(1000):
                    os.write(writing.number, BIG)
                    await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        assert not flow.done()
        flow.cancel()
        await asyncio.wait([flow])
        with pytest.raises(BrokenPipeError):
            os.write(writing.number, b"x")
        for end in (writing, reading, second):
            end.close()


async def test_a_descriptor_is_closed_once() -> None:
    reading, writing = pipe()
    number = reading.number
    reading.close()
    again = os.open(os.devnull, os.O_RDONLY)
    reading.close()
    assert again == number, "the number was free again"
    os.fstat(again)
    os.close(again)
    writing.close()
    assert repr(writing) == "<Descriptor closed>"


async def test_a_tail_keeps_the_end_and_tells_everything() -> None:
    heard: list[bytes] = []
    tail = Tail(5, tell=heard.append)
    for data in (b"abc", b"defg", b"h"):
        assert await tail.write(data)
    assert tail.kept == b"defgh"
    assert b"".join(heard) == b"abcdefgh"


async def test_an_outlet_whose_reader_waits_holds_nothing_up() -> None:
    """The descriptor stays blocking, and the loop goes on while nobody reads."""
    reading, writing = os.pipe()
    writer = asyncio.create_task(Outlet(writing).write(BIG))
    for _ in range(20):
        await asyncio.sleep(0.001)
    assert not writer.done()
    assert os.get_blocking(writing)
    received = bytearray()
    while len(received) < len(BIG):
        received += await asyncio.to_thread(os.read, reading, 1 << 16)
    assert await writer
    assert bytes(received) == BIG
    os.close(reading)
    assert not await Outlet(writing).write(b"x"), "nobody reads"
    os.close(writing)


async def test_an_outlet_writes_files_and_devices(tmp_path: Path) -> None:
    for path in (tmp_path / "file", Path(os.devnull)):
        number = os.open(path, os.O_WRONLY | os.O_CREAT)
        assert await Outlet(number).write(BIG)
        os.close(number)
    assert (tmp_path / "file").read_bytes() == BIG
    if Path("/dev/full").exists():
        number = os.open("/dev/full", os.O_WRONLY)
        with pytest.raises(OSError, match="No space left"):
            await Outlet(number).write(b"x")
        os.close(number)
