"""The sandbox, in a real bubblewrap where this machine has one that works."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from agx.errors import TaskFailed, TaskTimedOut, Unsupported, UsageError
from agx.run.job import RunOptions
from agx.run.preflight import check_run
from agx.run.preview import preview_of
from agx.run.record import RunResult
from tests.documents import ROOT
from tests.plan.helpers import plan_of
from tests.run.helpers import command, options, output, python, run, until_file


def _why_no_sandbox() -> str | None:
    program = shutil.which("bwrap")
    if program is None:
        return "bubblewrap is not installed: apt-get install bubblewrap"
    arguments = ["--ro-bind", "/", "/", "--unshare-all", "--dev", "/dev", "--proc", "/proc", "--", "true"]
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"bubblewrap cannot make a sandbox here: {done.stderr.strip()}"


REASON = _why_no_sandbox()
needs_sandbox = pytest.mark.skipif(REASON is not None, reason=REASON or "")
needs_python_inside = pytest.mark.skipif(
    sys.executable.startswith(("/tmp/", "/run/")),
    reason="this Python lies in a folder that the sandbox hides",
)


async def boxed(folder: Path, *tasks: dict[str, Any], **fields: Any) -> RunResult:
    return await run(folder, *tasks, sandbox=True, **fields)


@needs_sandbox
async def test_only_the_working_directory_can_be_written(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    tries = f"touch here; touch {folder}/there; touch ~/there; touch /usr/there; ls"
    result = await boxed(inner, command("sh", "-c", tries), environ={"HOME": str(folder)})
    assert output(result) == "here\n"
    assert result.is_sandboxed
    assert "touch: cannot touch '/usr/there': Read-only file system" in result.tasks[0].errors_text
    # A folder below /tmp could be written inside, but that is another /tmp.
    assert sorted(path.name for path in folder.iterdir()) == ["bin", "inner"]


@needs_sandbox
async def test_parameters_of_the_kernel_cannot_be_set(folder: Path) -> None:
    """Root owns them, and needs no further right to write them."""
    name = "/proc/sys/vm/swappiness"
    with pytest.raises(TaskFailed) as caught:
        await boxed(folder, command("sh", "-c", f"echo still there; cat {name} > {name}"))
    assert output(caught.value.result) == "still there\n"
    assert any(why in caught.value.hint for why in ("Read-only file system", "Permission denied"))


@needs_sandbox
@needs_python_inside
async def test_there_is_no_network(folder: Path) -> None:
    """Not even to this machine, where something listens; without the sandbox the same task gets through."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        source = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        with pytest.raises(TaskFailed, match="exit code 1") as caught:
            await boxed(folder, python(source))
        assert "Connection refused" in caught.value.hint or "unreachable" in caught.value.hint
        accepting = asyncio.create_task(asyncio.to_thread(server.accept))
        assert (await run(folder, python(source))).is_done
        (await accepting)[0].close()


@needs_sandbox
@needs_python_inside
async def test_sockets_and_processes_of_the_machine_are_out_of_reach(
    folder: Path, tmp_path_factory: Any
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "socket"
    if not str(outside).startswith(("/tmp/", "/run/")):
        pytest.skip("the folder of the tests is not one that the sandbox hides")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(outside))
        processes_here = "len([name for name in os.listdir('/proc') if name.isdigit()])"
        source = f"import os; print(os.path.exists({str(outside)!r}), {processes_here})"
        exists, processes = output(await boxed(folder, python(source))).split()
    assert exists == "False"
    assert int(processes) <= 3


@needs_sandbox
async def test_pipes_exit_codes_and_readers_that_leave_work_as_outside(folder: Path) -> None:
    result = await boxed(folder, command("yes"), command("head", "-n", "1", input_from_task=1))
    assert output(result) == "y\n"
    assert result.tasks[0].reader_left
    assert result.tasks[0].argv == ("yes",)
    with pytest.raises(TaskFailed, match="failed with exit code 5"):
        await boxed(folder, command("sh", "-c", "exit 5"))
    assert (await boxed(folder, command("grep", "x", "/dev/null"))).is_done


@needs_sandbox
async def test_saving_outside_the_working_directory_is_refused(folder: Path) -> None:
    """AGX opens that file itself, so it has to look where it leads, through links too."""
    inner = folder / "inner"
    inner.mkdir()
    (inner / "link").symlink_to(folder / "target")
    for path in ("../x", str(folder / "x"), "link", "~/x"):
        with pytest.raises(TaskFailed, match="outside the working directory"):
            await boxed(inner, command("echo", "x", save_to=path), environ={"HOME": str(folder)})
    (inner / "circle").symlink_to("circle")
    with pytest.raises(TaskFailed, match="cannot be written: Too many levels"):
        await boxed(inner, command("echo", "x", save_to="circle"))
    await boxed(inner, command("echo", "x", save_to="ok"), command("echo", "x", save_to="/dev/null"))
    assert (inner / "ok").read_text() == "x\n"
    assert not (folder / "target").exists()
    assert not (folder / "x").exists()


@needs_sandbox
async def test_a_program_in_a_folder_that_the_sandbox_hides_is_refused_beforehand(folder: Path) -> None:
    outside = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        (outside / "sort").symlink_to(shutil.which("sort") or "")
        with pytest.raises(Unsupported, match="the sandbox hides; nothing was run"):
            await boxed(folder, command("sort"), environ={"PATH": str(outside)})
    finally:
        shutil.rmtree(outside)


@needs_sandbox
async def test_a_time_limit_ends_everything_inside(folder: Path) -> None:
    source = "setsid sh -c 'while true; do date > beat; sleep 0.05; done' & sleep 60"
    with pytest.raises(TaskTimedOut):
        await boxed(folder, command("sh", "-c", source, timeout_secs=1))
    await asyncio.sleep(0.2)
    (folder / "beat").unlink()
    await asyncio.sleep(0.3)
    assert not (folder / "beat").exists(), "something still runs"


@needs_sandbox
async def test_cancelling_ends_the_sandbox(folder: Path) -> None:
    source = "while true; do date > beat; sleep 0.05; done"
    running = asyncio.create_task(boxed(folder, command("sh", "-c", source)))
    await until_file(folder / "beat")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    (folder / "beat").unlink()
    await asyncio.sleep(0.3)
    assert not (folder / "beat").exists(), "something still runs"


@needs_sandbox
def test_what_kills_agx_ends_the_sandbox(folder: Path) -> None:
    """Even a signal that nothing can be done about."""
    source = "while true; do date > beat; sleep 0.05; done"
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from tests.run.helpers import command, run\n"
        f"asyncio.run(run(Path({str(folder)!r}), command('sh', '-c', {source!r}), sandbox=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) as process:
        asyncio.run(until_file(folder / "beat"))
        process.kill()
    time.sleep(0.3)
    (folder / "beat").unlink()
    time.sleep(0.3)
    assert not (folder / "beat").exists(), "something still runs"


@needs_sandbox
async def test_a_preview_shows_the_sandbox(folder: Path) -> None:
    found = await check_run(plan_of(command("ls")), options=options(folder, sandbox=True))
    prefix = preview_of(found).sandbox
    assert prefix[0] == shutil.which("bwrap")
    assert "--unshare-all" in prefix
    assert prefix[-1] == "--"


async def test_without_bubblewrap_nothing_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = options(folder).environ
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Unsupported, match=r"bubblewrap .* is not installed") as caught:
        await boxed(folder, command("touch", "made"), environ=usual)
    assert "--sandbox" in caught.value.hint
    assert not (folder / "made").exists()


async def test_a_machine_that_lets_no_sandbox_be_made_is_said_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container without user namespaces, which bubblewrap itself reports so."""
    refusing = folder / "bin" / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    usual = options(folder).environ
    monkeypatch.setenv("PATH", str(folder / "bin"))
    with pytest.raises(Unsupported, match="No permissions to create new namespace") as caught:
        await boxed(folder, command("touch", "made"), environ=usual)
    assert "containers" in caught.value.hint
    assert not (folder / "made").exists()


async def test_the_whole_file_system_is_no_working_directory_for_a_sandbox(tmp_path: Path) -> None:
    environ = options(tmp_path).environ
    with pytest.raises(UsageError, match="everything be written"):
        await check_run(
            plan_of(command("ls")), options=RunOptions(folder=Path("/"), environ=environ, sandbox=True)
        )
