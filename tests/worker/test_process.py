"""The worker as a process: its pipes, its signals, its environment, and that it ends with its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from agx.errors import AgxError, MachineError, Unsupported
from agx.requests import LoadOptions, LoadRequest
from agx.worker.client import WorkerClient
from agx.worker.process import spawn
from tests.worker.helpers import PATIENCE_SECS, collect, generate, is_running, reach, secs_until

ROOT = Path(__file__).parents[2]
GONE_SECS = 1.0
PARENT = """
    import asyncio, os, sys, threading, time
    from agx.worker.client import WorkerClient
    from agx.worker.process import spawn
    from agx.requests import LoadOptions, LoadRequest
    from tests.worker.helpers import LONG_ANSWER, LONG_PROMPT, collect, reach

    load = LoadRequest(sys.argv[1], LoadOptions("cpu", context_size=40_000, threads=1))
    processes = []
    def start():
        processes.append(spawn(load))
    if sys.argv[2] == "thread":
        thread = threading.Thread(target=start); thread.start(); thread.join()
    else:
        start()
    if sys.argv[2] == "forked" and os.fork() == 0:
        time.sleep(30)  # keeps a copy of the pipe's other end
        os._exit(0)
    async def main():
        client = WorkerClient(load, process=processes[0])
        await client.loaded()
        request = {"prefill": LONG_PROMPT, "generating": LONG_ANSWER}.get(sys.argv[3])
        if request:
            asyncio.ensure_future(collect(client, request))
        print(await reach(client, sys.argv[3]), flush=True)
        await asyncio.sleep(30)
    asyncio.run(main())
"""


@pytest.fixture
def parent(tiny_model: Path, request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """Run a program that started a worker (how, and for what, are the fixture's parameters)."""
    command = [sys.executable, "-c", textwrap.dedent(PARENT), str(tiny_model), *request.param]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True
    ) as process:
        yield process
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize(
    "parent",
    [
        ("main", "idle"),
        ("main", "prefill"),
        ("main", "generating"),
        ("thread", "idle"),
        ("thread", "prefill"),
        ("thread", "generating"),
        ("forked", "generating"),
    ],
    ids="-".join,
    indirect=True,
)
def test_a_worker_ends_within_a_second_of_its_parent(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    worker = int(parent.stdout.readline())
    assert is_running(worker)
    parent.kill()
    assert secs_until(lambda: not is_running(worker)) < GONE_SECS


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
async def test_an_interrupt_is_ignored(client: WorkerClient) -> None:
    task = asyncio.create_task(collect(client, generate(max_tokens=300)))
    pid = await reach(client, "generating")
    os.kill(pid, signal.SIGINT)
    assert (await task)[-1]["usage"]["completion_tokens"] == 300
    assert client.hello["pid"] == pid


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_no_core_file_a_quiet_pool_and_standard_pipes_that_lead_nowhere(client: WorkerClient) -> None:
    await client.loaded()
    proc = Path(f"/proc/{client.hello['pid']}")
    limits = proc.joinpath("limits").read_text(encoding="utf-8").splitlines()
    assert next(line for line in limits if line.startswith("Max core file size")).split()[4] == "0"
    environment = proc.joinpath("environ").read_bytes().split(b"\0")
    assert {b"OMP_WAIT_POLICY=passive", b"GGML_NO_BACKTRACE=1"} <= set(environment)
    assert proc.joinpath("fd/0").readlink() == Path(os.devnull)
    assert proc.joinpath("fd/1").readlink() == proc.joinpath("fd/2").readlink()


async def test_what_a_library_prints_does_not_reach_the_protocol(
    client: WorkerClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that prints all the time, through Python, a system call and the C library."""
    noise = """
        import sys, threading
        def shout():
            import ctypes, os, time
            libc = ctypes.CDLL(None)
            while os.fstat(1) != os.fstat(2):
                time.sleep(0.001)
            while True:
                os.write(1, b"noise from a system call\\n")
                libc.puts(b"noise from C")
                libc.fflush(None)
                print("noise from Python", flush=True)
                time.sleep(0.001)
        if "agx.worker" in sys.orig_argv:
            threading.Thread(target=shout, daemon=True).start()
    """
    tmp_path.joinpath("sitecustomize.py").write_text(textwrap.dedent(noise), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    *chunks, done = await collect(client, generate(max_tokens=200))
    assert done["usage"]["completion_tokens"] == 200
    assert "noise" not in "".join(chunk["text"] for chunk in chunks)
    assert {"noise from a system call", "noise from C", "noise from Python"} <= set(client.log)


def test_starts_where_only_the_parent_finds_the_package(tiny_model: Path, tmp_path: Path) -> None:
    """`-P` hides the current folder, a relative path means another one, and no PYTHONPATH helps."""
    program = """
        import sys
        sys.path.insert(0, ".")
        import asyncio, os
        from agx.worker.client import WorkerClient
        from agx.requests import LoadOptions, LoadRequest
        os.chdir(sys.argv[2])
        async def main():
            client = WorkerClient(LoadRequest(sys.argv[1], LoadOptions("cpu")))
            print((await client.loaded())["model"]["architecture"])
            await client.aclose()
        asyncio.run(main())
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(tiny_model), str(tmp_path)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECS,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("qwen3\n", "")


@pytest.mark.parametrize(("executable", "error"), [("", Unsupported), ("/no/such/python", MachineError)])
def test_a_python_that_cannot_be_started_is_a_typed_error(
    monkeypatch: pytest.MonkeyPatch, executable: str, error: type[AgxError]
) -> None:
    monkeypatch.setattr(sys, "executable", executable)
    with pytest.raises(error):
        spawn(LoadRequest("model.gguf"))


def test_starting_a_worker_imports_neither_asyncio_nor_pydantic() -> None:
    program = "import sys, agx.worker.process as p; print({'asyncio', 'pydantic', 'numpy'} & {*sys.modules})"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


async def test_a_path_that_is_no_utf8_reaches_the_engine(tiny_model: Path, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9 \xf0\x9f\x98\x80.gguf"))
    path.symlink_to(tiny_model)
    client = WorkerClient(LoadRequest(str(path), LoadOptions(device="cpu")))
    try:
        assert (await client.loaded())["model"]["architecture"] == "qwen3"
    finally:
        await client.aclose()
