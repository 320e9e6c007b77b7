"""Warm workers, as real processes: shared, left behind, killed, and told to leave."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agx.errors import AgxError, ModelMissing, ModelUnloadable, StorageError, WorkerDied
from agx.requests import LoadOptions, LoadRequest
from agx.worker.client import WorkerClient
from agx.worker.protocol import Frame
from agx.worker.warm import control
from agx.worker.warm.connect import WarmWorker, warm_worker
from agx.worker.warm.control import bring_up, take_down, workers
from tests.worker.helpers import LONG_ANSWER, collect, generate, is_running, secs_until

# Long enough for a test, and short enough for what a test run that was killed leaves behind.
KEPT_SECS = 120.0


def up(load: LoadRequest, folder: Path, *, keep_alive_secs: float = KEPT_SECS) -> Frame:
    """Keep a worker, and give its status."""
    return bring_up(load, folder, keep_alive_secs=keep_alive_secs)


def reached(load: LoadRequest, folder: Path) -> bool:
    """Return whether a program that loads this finds a warm worker."""
    found = warm_worker(load, folder)
    if found is not None:
        found.kill()
    return found is not None


async def served_by(client: WorkerClient) -> int:
    """Let a client generate, and give the process id of its worker."""
    replies = await collect(client, generate())
    assert replies[-1]["finish_reason"] == "length"
    return int(client.hello["pid"])


async def lose(client: WorkerClient, end: Callable[[], None]) -> None:
    """Begin a long answer, and end in the middle of it what it comes from."""
    async with aclosing(client.stream(LONG_ANSWER)) as replies:
        await anext(replies)
        await asyncio.to_thread(end)
        async for _ in replies:
            pass


async def test_a_client_uses_the_worker_that_is_kept(tiny_load: LoadRequest, folder: Path) -> None:
    status = up(tiny_load, folder)
    for _ in range(2):
        client = WorkerClient(tiny_load, warm_dir=folder)
        assert await served_by(client) == status["pid"]
        assert (await client.loaded())["model"]["device"] == status["device"]
        await client.aclose()
    (after,) = workers(folder)
    assert (after["served"], after["running"], after["pid"]) == (2, 0, status["pid"])
    assert after["memory_bytes"] > 0


async def test_programs_use_it_at_once_each_with_its_own_answers(
    tiny_load: LoadRequest, folder: Path
) -> None:
    up(tiny_load, folder)
    clients = [WorkerClient(tiny_load, warm_dir=folder) for _ in range(3)]
    lengths = [4, 9, 30]
    answers = await asyncio.gather(
        *(
            collect(client, generate(max_tokens=length))
            for client, length in zip(clients, lengths, strict=True)
        )
    )
    assert [replies[-1]["usage"]["completion_tokens"] for replies in answers] == lengths
    for client in clients:
        await client.aclose()


@pytest.mark.parametrize(
    "change",
    [
        lambda load: replace(load, options=replace(load.options, context_size=2048)),
        lambda load: replace(load, options=replace(load.options, chat_template="{{ messages }}")),
        lambda load: replace(load, model=load.model + ".other"),
    ],
    ids=["context", "template", "file"],
)
def test_what_is_loaded_otherwise_is_another_worker(
    tiny_load: LoadRequest, folder: Path, change: object
) -> None:
    up(tiny_load, folder)
    assert callable(change)
    assert reached(tiny_load, folder)
    assert not reached(change(tiny_load), folder)


def test_the_environment_of_native_code_and_the_file_count(
    tiny_model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(tiny_model.read_bytes())
    load = LoadRequest(str(path), LoadOptions(device="cpu", context_size=256))
    up(load, folder)
    with monkeypatch.context() as changed:
        changed.setenv("OMP_NUM_THREADS", "7")
        assert not reached(load, folder)
    assert reached(load, folder)
    os.utime(path, ns=(1, 1))
    assert not reached(load, folder)


def test_a_second_one_with_other_options_stands_beside_the_first(
    tiny_load: LoadRequest, folder: Path
) -> None:
    other = replace(tiny_load, options=replace(tiny_load.options, context_size=2048))
    assert up(tiny_load, folder)["pid"] != up(other, folder)["pid"]
    assert len(workers(folder)) == 2


def test_two_at_once_make_one_worker(tiny_load: LoadRequest, folder: Path) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(up(tiny_load, folder)["pid"])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1


def test_it_outlives_who_started_it_and_its_terminal(tiny_load: LoadRequest, folder: Path) -> None:
    order = {"load": tiny_load.as_dict(), "folder": str(folder)}
    program = """if True:
        import json, sys
        from pathlib import Path
        from agx.requests import LoadRequest
        from agx.worker.warm.control import bring_up
        order = json.load(sys.stdin)
        bring_up(LoadRequest.from_dict(order["load"]), Path(order["folder"]), keep_alive_secs=120)
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(order),
        text=True,
        check=True,
        start_new_session=True,
    )
    assert done.returncode == 0
    (status,) = workers(folder)
    assert os.getsid(status["keeper_pid"]) not in {os.getsid(0), 0}
    os.kill(status["keeper_pid"], signal.SIGINT)
    assert reached(tiny_load, folder)


def test_only_the_user_may_enter(tiny_load: LoadRequest, folder: Path) -> None:
    up(tiny_load, folder)
    (status,) = workers(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(Path(status["socket"]).stat().st_mode) == 0o600
    folder.chmod(0o755)
    assert not reached(tiny_load, folder)
    with pytest.raises(StorageError, match="others may enter"):
        up(tiny_load, folder)
    folder.chmod(0o700)


def test_a_keeper_whose_worker_was_killed_says_so_and_starts_another(
    tiny_load: LoadRequest, folder: Path
) -> None:
    status = up(tiny_load, folder)

    async def lose_it() -> tuple[WorkerDied, int]:
        client = WorkerClient(tiny_load, warm_dir=folder)
        with pytest.raises(WorkerDied) as caught:
            await lose(client, partial(os.kill, status["pid"], signal.SIGKILL))
        replaced = await collect(client, generate())
        await client.aclose()
        return caught.value, len(replaced)

    error, num_replies = asyncio.run(lose_it())
    assert error.signal == "SIGKILL"
    assert str(folder / "log") in error.hint
    assert "SIGKILL" in (folder / "log").read_text(encoding="utf-8")
    assert num_replies > 0
    (after,) = workers(folder)
    assert after["keeper_pid"] == status["keeper_pid"]
    assert after["pid"] != status["pid"]


async def test_without_its_keeper_a_begun_answer_is_lost_and_the_next_has_a_worker_of_its_own(
    tiny_load: LoadRequest, folder: Path
) -> None:
    status = up(tiny_load, folder)
    client = WorkerClient(tiny_load, warm_dir=folder)
    with pytest.raises(WorkerDied, match="kept is gone"):
        await lose(client, partial(os.kill, status["keeper_pid"], signal.SIGKILL))
    assert await served_by(client) != status["pid"]
    await client.aclose()
    assert secs_until(lambda: not is_running(status["pid"])) < 5


async def test_a_keeper_that_goes_between_two_requests_is_not_noticed(
    tiny_load: LoadRequest, folder: Path
) -> None:
    status = up(tiny_load, folder)
    client = WorkerClient(tiny_load, warm_dir=folder)
    assert await served_by(client) == status["pid"]
    os.kill(status["keeper_pid"], signal.SIGKILL)
    assert await served_by(client) != status["pid"]
    await client.aclose()


def test_what_a_killed_keeper_left_is_replaced(tiny_load: LoadRequest, folder: Path) -> None:
    status = up(tiny_load, folder)
    os.kill(status["keeper_pid"], signal.SIGKILL)
    secs_until(lambda: not is_running(status["keeper_pid"]))
    assert len(list(folder.glob("*.sock"))) == 1
    assert not reached(tiny_load, folder)
    assert up(tiny_load, folder)["keeper_pid"] != status["keeper_pid"]
    assert reached(tiny_load, folder)


def test_what_a_killed_keeper_left_is_taken_away_by_who_lists(tiny_load: LoadRequest, folder: Path) -> None:
    status = up(tiny_load, folder)
    os.kill(status["keeper_pid"], signal.SIGKILL)
    # The system frees the lock of a process that was killed a little after it has ended.
    secs_until(lambda: workers(folder) == [] and [path.name for path in folder.iterdir()] == ["log"])


def test_a_client_that_is_killed_has_its_requests_cancelled(tiny_load: LoadRequest, folder: Path) -> None:
    up(tiny_load, folder)
    found = warm_worker(tiny_load, folder)
    assert isinstance(found, WarmWorker)
    found.send({"id": 2, **LONG_ANSWER})
    secs_until(lambda: bool(workers(folder)[0]["running"] == 1))
    found.kill()
    secs_until(lambda: bool(workers(folder)[0]["running"] == 0))
    assert reached(tiny_load, folder)


async def test_told_to_leave_it_ends_what_runs_with_an_error(tiny_load: LoadRequest, folder: Path) -> None:
    status = up(tiny_load, folder)
    client = WorkerClient(tiny_load, warm_dir=folder)
    with pytest.raises(WorkerDied, match="told to leave"):
        await lose(client, lambda: take_down(workers(folder)[0]))
    assert not is_running(status["pid"])
    assert [path.name for path in folder.iterdir()] == ["log"]
    assert await served_by(client) != status["pid"]
    await client.aclose()


def test_it_leaves_when_nothing_was_asked_for_long_enough(tiny_load: LoadRequest, folder: Path) -> None:
    status = up(tiny_load, folder, keep_alive_secs=0.3)
    secs_until(lambda: not is_running(status["pid"]))
    secs_until(lambda: [path.name for path in folder.iterdir()] == ["log"])


def test_asked_for_again_it_stays_as_long_as_was_said_last(tiny_load: LoadRequest, folder: Path) -> None:
    up(tiny_load, folder, keep_alive_secs=600)
    again = up(tiny_load, folder, keep_alive_secs=60)
    assert again["keep_alive_secs"] == 60
    assert again["secs_left"] <= 60


def test_with_nothing_it_stays_until_it_is_told_to_leave(tiny_load: LoadRequest, folder: Path) -> None:
    status = up(tiny_load, folder, keep_alive_secs=0)
    assert status["secs_left"] is None
    take_down(workers(folder)[0])
    assert not is_running(status["pid"])


def test_a_model_that_cannot_be_loaded_is_an_error_and_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        up(LoadRequest(str(tmp_path / "none.gguf")), folder)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)
    with pytest.raises(ModelUnloadable):
        up(LoadRequest(str(broken)), folder)
    secs_until(lambda: [path.name for path in folder.iterdir()] == ["log"])


def test_a_folder_that_cannot_be_made_is_an_error(tiny_load: LoadRequest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        up(tiny_load, tmp_path / "file" / "warm")


def test_a_path_may_be_longer_than_the_address_of_a_socket(tiny_load: LoadRequest, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    status = up(tiny_load, folder)
    try:
        assert reached(tiny_load, folder)
    finally:
        (found,) = workers(folder)
        take_down(found)
    assert found["pid"] == status["pid"]


def test_a_keeper_that_does_not_answer_is_not_waited_for(
    tiny_load: LoadRequest, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status = up(tiny_load, folder)
    monkeypatch.setattr("agx.worker.warm.connect.GREETING_SECS", 0.05)
    os.kill(status["keeper_pid"], signal.SIGSTOP)
    try:
        assert not reached(tiny_load, folder)
    finally:
        os.kill(status["keeper_pid"], signal.SIGCONT)
    secs_until(lambda: reached(tiny_load, folder))


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\0\0\0\2{}", b"\0\0\0\2[]", b"\0\0\0\x10"], ids=repr
)
def test_what_is_no_frame_of_ours_ends_the_visit_and_nothing_else(
    tiny_load: LoadRequest, folder: Path, data: bytes
) -> None:
    up(tiny_load, folder)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(workers(folder)[0]["socket"])
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass
    assert reached(tiny_load, folder)


def test_what_it_does_not_know_is_an_error(tiny_load: LoadRequest, folder: Path) -> None:
    up(tiny_load, folder)
    (status,) = workers(folder)
    with control._known(Path(status["socket"])) as keeper:
        assert keeper is not None
        with pytest.raises(AgxError, match="does not know 'sing'"):
            keeper.ask({"op": "sing"})


def test_its_log_does_not_grow_for_ever(tiny_load: LoadRequest, folder: Path) -> None:
    folder.mkdir(parents=True, mode=0o700)
    (folder / "log").write_bytes(b"old\n" * (100 << 10))
    up(tiny_load, folder)
    assert (folder / "log").stat().st_size < 10_000
