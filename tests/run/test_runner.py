"""Plans that really run: processes, pipes, files, limits and what is left of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agx.errors import NotApproved, PlanInvalid, TaskFailed, TaskTimedOut
from agx.run.record import RunResult
from agx.run.runner import run_plan
from tests.plan.helpers import plan_of
from tests.run.helpers import (
    Kept,
    command,
    is_running,
    options,
    output,
    python,
    run,
    until_file,
)


def statuses(result: RunResult) -> list[str]:
    return [record.status for record in result.tasks]


async def failed(folder: Path, *tasks: dict[str, Any], **fields: Any) -> TaskFailed:
    with pytest.raises(TaskFailed) as caught:
        await run(folder, *tasks, **fields)
    return caught.value


async def test_a_pipeline_gives_its_output_and_a_record_of_every_task(folder: Path) -> None:
    result = await run(
        folder, command("printf", "b\\na\\n"), command("sort", input_from_task=1), command("echo", "done")
    )
    assert output(result) == "a\nb\ndone\n"
    assert result.is_done
    first, second, third = result.tasks
    assert (first.argv, first.exit_code, first.signal) == (("printf", "b\\na\\n"), 0, None)
    assert (first.bytes_in, first.bytes_out, second.bytes_in, second.bytes_out) == (0, 4, 4, 4)
    assert first.program is not None
    assert Path(first.program).name == "printf"
    assert all(record.started_at <= record.ended_at for record in (first, second, third))  # type: ignore[operator]
    assert first.started_at is not None
    assert first.started_at.endswith("Z")
    assert third.output == b"done\n"
    again = json.loads(json.dumps(result.to_dict()))
    assert again["tasks"][1]["output"] == "a\nb\n"
    assert again["is_done"] is True


async def test_tasks_of_a_pipeline_run_at_the_same_time(folder: Path) -> None:
    """The first one ends only once the second has answered it."""
    os.mkfifo(folder / "back")
    source = "import sys; print('ping', flush=True); sys.stderr.write(open('back').read())"
    answer = "import sys; sys.stdin.readline(); open('back', 'w').write('pong')"
    result = await run(folder, python(source), python(answer, input_from_task=1))
    assert result.tasks[0].errors == b"pong"


async def test_outputs_come_in_the_order_of_the_plan_as_they_are_written(folder: Path) -> None:
    audience = Kept()
    await run(
        folder,
        command("echo", "1"),
        command("printf", "x"),
        command("tr", "x", "2", input_from_task=2),
        command("echo", "3"),
        audience=audience,
    )
    assert audience.output_text == "1\n23\n"
    assert [number for number, _ in audience.outputs] == [1, 3, 4]


async def test_an_output_is_used_as_often_as_the_plan_says_and_made_once(folder: Path) -> None:
    result = await run(
        folder,
        command("sh", "-c", "echo ran >> runs; echo one two"),
        command("cat", input_from_task=1),
        command("show", {"task": 1}, {"task": 1, "split": True}, {"text": ["<", {"task": 2}, ">"]}),
    )
    assert json.loads(result.tasks[2].output) == ["one two", "one", "two", "<one two>"]
    assert (folder / "runs").read_text() == "ran\n"
    assert result.tasks[1].bytes_in == len("one two\n")


async def test_output_is_saved_and_appended(folder: Path) -> None:
    saved = folder / "a b"
    saved.write_text("a long old text\n")
    result = await run(
        folder,
        command("echo", "new", save_to="a b"),
        command("echo", "more", append_to="a b"),
        command("echo", "home", save_to="~/at home"),
        command("echo", "gone", save_to="/dev/null"),
    )
    assert saved.read_text() == "new\nmore\n"
    assert (folder / "at home").read_text() == "home\n"
    assert [record.bytes_out for record in result.tasks] == [4, 5, 5, None]
    assert output(result) == ""


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("no/such/folder", "No such file"),
        (".", "Is a directory"),
        ("new/", "Is a directory"),
        ("pipe", "nobody reads"),
        ("socket", "No such device"),
    ],
)
async def test_a_file_that_cannot_be_written_is_the_failure_of_its_task(
    path: str, why: str, folder: Path
) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(folder):
        listening.bind("socket")  # a short name: that of a socket has its limits
    error = await failed(folder, command("echo", "1"), command("echo", "2", save_to=path))
    assert f"task 2 (echo): {folder / path}" in error.message
    assert why in error.message
    assert statuses(error.result) == ["done", "failed"]


async def test_a_failing_task_stops_its_plan(folder: Path) -> None:
    """Later tasks do not start; the report says which one, how, and what it said last."""
    source = "for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 3"
    error = await failed(folder, command("echo", "1"), command("sh", "-c", source), command("touch", "later"))
    assert error.message == "task 2 (sh) failed with exit code 3"
    assert error.hint == "it said: line 3 / line 4 / line 5 / line 6 / line 7"
    assert error.details["task"] == 2
    assert error.details["exit_code"] == 3
    assert error.exit_code == 7
    assert statuses(error.result) == ["done", "failed", "not_started"]
    assert output(error.result) == "1\n"
    assert not (folder / "later").exists()


async def test_a_task_that_is_killed_says_by_which_signal(folder: Path) -> None:
    error = await failed(folder, command("sh", "-c", "kill -9 $$"))
    assert error.message == "task 1 (sh) was ended by SIGKILL"
    assert error.details["signal"] == "SIGKILL"
    assert error.result.tasks[0].exit_code is None


async def test_exit_codes_that_the_tool_accepts_are_no_failure(folder: Path) -> None:
    (folder / "f").write_text("x\n")
    result = await run(folder, command("grep", "y", "f"), command("echo", "on"))
    assert (result.tasks[0].exit_code, output(result)) == (1, "on\n")
    assert (await failed(folder, command("grep", "y", "missing"))).details["exit_code"] == 2


async def test_exit_codes_of_a_command_that_the_tool_runs_come_through(folder: Path) -> None:
    """`xargs grep` ends with 123 where nothing matched, and that is no failure either."""
    (folder / "f").write_text("x\n")
    result = await run(
        folder,
        command("printf", "f"),
        command("xargs", "grep", "y", input_from_task=1),
        command("echo", "on"),
    )
    assert (result.tasks[1].exit_code, output(result)) == (123, "on\n")
    error = await failed(folder, command("printf", "f"), command("xargs", "ls", "no", input_from_task=1))
    assert error.message == "task 2 (xargs) failed with exit code 123"


async def test_a_failing_task_ends_those_that_run_with_it(folder: Path) -> None:
    source = "import sys, time; open('pid', 'w').write(str(__import__('os').getpid())); time.sleep(60)"
    slow = python(source)
    fails = command("sh", "-c", "while ! [ -s pid ]; do sleep 0.01; done; exit 5", input_from_task=1)
    error = await failed(folder, slow, fails)
    assert error.details["task"] == 2
    assert statuses(error.result) == ["stopped", "failed"]
    assert error.result.tasks[0].signal == "SIGTERM"
    assert not is_running(int((folder / "pid").read_text()))


async def test_nothing_takes_a_part_of_its_input_for_the_whole(folder: Path) -> None:
    """Where the writer fails, the reader is ended before it gets to the end of what it read."""
    for ending in ("true", "true", "exec >&-; sleep 0.3"):
        error = await failed(
            folder,
            command("sh", "-c", f"echo all; {ending}; exit 1"),
            command("sh", "-c", "cat > part; touch finished", input_from_task=1),
        )
        assert error.details["task"] == 1
        assert error.result.tasks[1].status == "stopped"
    assert not (folder / "finished").exists()


async def test_a_reader_that_leaves_early_is_no_failure_of_the_writer(folder: Path) -> None:
    """Whether the writer dies of SIGPIPE or reports the broken pipe itself."""
    loud = "import sys\nwhile True: print('y' * 1000)"
    for endless in (command("yes"), python(loud), command("sh", "-c", "yes; exit 3")):
        result = await run(folder, endless, command("head", "-n", "2", input_from_task=1))
        assert result.is_done
        assert result.tasks[0].reader_left
        assert (result.tasks[0].signal, result.tasks[0].exit_code) != (None, 0)
        assert output(result).count("\n") == 2


async def test_a_writer_that_waits_hears_that_its_reader_has_left(folder: Path) -> None:
    """It writes again long after the reader has gone, and must not wait for a pipe that nobody empties."""
    source = "echo 1; while ! [ -e left ]; do sleep 0.01; done; while true; do echo 2; done"
    result = await run(
        folder,
        command("sh", "-c", source),
        command("sh", "-c", "head -n 1; touch left", input_from_task=1),
        command("echo", "on"),
    )
    assert output(result) == "1\non\n"
    assert result.tasks[0].signal == "SIGPIPE"


async def test_a_writer_that_watches_its_output_hears_it_at_once(folder: Path) -> None:
    """As `tail -f` does, which may have nothing more to write for hours."""
    source = "import select; print(1, flush=True); poll = select.poll(); poll.register(1, 0); poll.poll()"
    result = await run(folder, python(source, timeout_secs=30), command("head", "-n", "1", input_from_task=1))
    assert result.tasks[0].reader_left
    assert output(result) == "1\n"


async def test_an_audience_that_leaves_ends_what_it_read_and_nothing_else(folder: Path) -> None:
    audience = Kept(max_bytes=10)
    result = await run(folder, command("yes"), command("touch", "later"), audience=audience)
    assert result.is_done
    assert result.tasks[0].reader_left
    assert (folder / "later").exists()


async def test_hundred_megabytes_go_through_pipes_without_being_gathered(folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await run(
        folder,
        command("head", "-c", "100000000", "/dev/zero"),
        command("tr", "\\0", "x", input_from_task=1),
        command("wc", "-c", input_from_task=2),
    )
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert output(result).strip() == "100000000"
    assert result.tasks[0].bytes_out == result.tasks[1].bytes_in == 100_000_000
    assert grown * (1 if sys.platform == "darwin" else 1024) < 30_000_000


async def test_a_kept_output_is_in_a_file_and_bounded(folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    big = command("head", "-c", "50000000", "/dev/zero")
    twice = (big, command("wc", "-c", input_from_task=1), command("wc", "-c", input_from_task=1))
    assert output(await run(folder, *twice)).split() == ["50000000", "50000000"]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 30_000_000
    error = await failed(folder, *twice, max_kept_bytes=1_000_000)
    assert "larger than the 1,000,000 bytes" in error.message
    assert "input_from_task" in error.hint
    assert statuses(error.result) == ["failed", "not_started", "not_started"]


async def test_nothing_kept_is_left_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = folder / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    await run(folder, command("echo", "x"), command("echo", {"task": 1}))
    await failed(folder, command("echo", "x"), command("false"), command("echo", {"task": 1}))
    assert list(temporary.iterdir()) == []


async def test_the_record_keeps_the_beginning_of_an_output_and_the_end_of_what_was_said(folder: Path) -> None:
    result = await run(
        folder, command("sh", "-c", "seq 1000; seq 100000 >&2"), max_output_bytes=10, max_errors_bytes=20
    )
    record = result.tasks[0]
    assert (record.output, record.output_is_cut) == (b"1\n2\n3\n4\n5\n", True)
    assert record.bytes_out == 3893
    assert record.errors == b"\n99998\n99999\n100000\n"


async def test_a_flood_on_standard_error_is_bounded(folder: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = await run(folder, command("sh", "-c", "head -c 50000000 /dev/zero >&2"))
    assert len(result.tasks[0].errors) == 8 << 10
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 30_000_000


STUBBORN = """
trap '' TERM
sh -c 'trap "" TERM; echo $$ > grandchild; while true; do sleep 1; done' &
sleep 60 > /dev/null &
echo $! > background
wait
"""


async def test_a_time_limit_ends_the_whole_process_group(folder: Path) -> None:
    """Grandchildren too, in the background, and those that do not listen to SIGTERM."""
    with pytest.raises(TaskTimedOut) as caught:
        await run(folder, command("sh", "-c", STUBBORN, timeout_secs=1), command("touch", "later"))
    error = caught.value
    assert (error.message, error.exit_code) == ("task 1 (sh) ran into its time limit of 1 s", 6)
    assert "timeout_secs" in error.hint
    assert statuses(error.result) == ["timed_out", "not_started"]
    for name in ("grandchild", "background"):
        assert not is_running(int((folder / name).read_text())), name
    assert not (folder / "later").exists()


async def test_what_a_task_leaves_running_ends_with_it(folder: Path) -> None:
    """A process in the background that gave its outputs away would otherwise outlive the plan."""
    source = "sleep 60 >/dev/null 2>&1 & echo $! > background"
    assert (await run(folder, command("sh", "-c", source))).is_done
    assert not is_running(int((folder / "background").read_text()))


async def test_what_a_background_process_writes_is_waited_for(folder: Path) -> None:
    """As a shell's pipe does."""
    result = await run(folder, command("sh", "-c", "(sleep 0.3; echo late) & echo early"))
    assert output(result) == "early\nlate\n"


async def test_cancelling_ends_everything(folder: Path) -> None:
    source = "echo $$ > pid; sleep 60 & echo $! > background; wait"
    running = asyncio.create_task(run(folder, command("sh", "-c", source), command("cat", input_from_task=1)))
    pids = [int(await until_file(folder / name)) for name in ("pid", "background")]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not any(map(is_running, pids))


async def test_cancelling_again_does_not_wait_for_the_stubborn(folder: Path) -> None:
    running = asyncio.create_task(run(folder, command("sh", "-c", STUBBORN), grace_secs=60))
    pids = [int(await until_file(folder / name)) for name in ("grandchild", "background")]
    began = time.monotonic()
    running.cancel()
    await asyncio.sleep(0.2)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - began < 50
    assert not any(map(is_running, pids))


async def test_a_task_has_no_terminal_and_its_own_session(folder: Path) -> None:
    source = "import os; print(os.getpid() == os.getsid(0) == os.getpgid(0), os.isatty(1))"
    assert output(await run(folder, python(source))) == "True False\n"


async def test_standard_input_is_empty_unless_it_is_given(folder: Path) -> None:
    assert output(await run(folder, command("wc", "-c"))).strip() == "0"
    reading, writing = os.pipe()
    os.write(writing, b"given")
    os.close(writing)
    result = await run(folder, command("echo", "1"), command("cat"), command("cat"), stdin=reading)
    os.close(reading)
    assert output(result) == "1\ngiven"
    assert [record.bytes_in for record in result.tasks] == [0, None, 0]


async def test_only_three_descriptors_reach_a_task(folder: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    leaked = os.open(folder, os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        result = await run(folder, command("ls", "/proc/self/fd"), command("cat", input_from_task=1))
    finally:
        os.close(leaked)
    assert output(result).split() == ["0", "1", "2", "3"], "the last is that of the listing itself"


async def test_no_descriptor_is_left_open(folder: Path) -> None:
    if not Path("/proc/self/fd").exists():
        pytest.skip("needs /proc")
    await run(folder, command("true"))  # the loop's own
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    await run(folder, command("yes"), command("head", input_from_task=1), command("echo", {"task": 2}))
    await failed(folder, command("cat", "missing"), command("cat", input_from_task=1, save_to="x"))
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


async def test_the_environment_and_the_folder_are_those_of_the_options(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "f").touch()
    source = "import os; print(os.environ.get('A'), os.getcwd(), len(os.environ) < 9)"
    result = await run(
        inner, python(source), command("echo", {"glob": "*"}, {"env": "A"}), environ={"A": "b"}
    )
    assert output(result) == f"b {inner} True\nf b\n"


async def test_arguments_that_are_too_long_are_a_sentence(folder: Path) -> None:
    words = command("head", "-c", "1900000", "/dev/zero")
    text = command("tr", "\\0", "x", input_from_task=1)
    error = await failed(folder, words, text, command("true", {"task": 2}))
    assert error.message == "task 3 (true): its arguments are longer than this machine allows"
    more = command("head", "-c", "3000000", "/dev/zero")
    error = await failed(folder, more, text, command("true", {"task": 2}))
    assert error.message == "task 3 (true): the output of task 2 is too long for an argument"


async def test_a_program_that_is_none_is_a_sentence(folder: Path) -> None:
    (folder / "bin" / "count").write_text("no first line\n")
    (folder / "bin" / "count").chmod(0o755)
    error = await failed(folder, command("yes"), command("count", input_from_task=1))
    assert error.message == f"task 2 (count): {folder / 'bin' / 'count'} is no program of this machine"
    assert "#!" in error.hint
    assert statuses(error.result) == ["stopped", "failed"]


async def test_an_argument_that_is_no_text_arrives_byte_for_byte(folder: Path) -> None:
    (folder / "data").write_bytes(b"\xff\xe9x\n")
    result = await run(folder, command("cat", "data"), command("show", {"task": 1}))
    assert json.loads(result.tasks[1].output) == [b"\xff\xe9x".decode("latin-1")]
    assert json.dumps(result.to_dict())


async def test_names_of_programs_are_found_on_path_only(folder: Path) -> None:
    result = await run(folder, command("show", "x"))
    assert result.tasks[0].program == str(folder / "bin" / "show")


async def test_what_happens_on_the_way_is_told(folder: Path) -> None:
    audience = Kept()
    result = await run(
        folder, command("echo", {"glob": "*.c"}), command("sh", "-c", "echo no >&2"), audience=audience
    )
    assert audience.notes == [(1, "no file matches *.c: the pattern itself is passed, as a shell does")]
    assert result.tasks[0].notes == (audience.notes[0][1],)
    assert audience.errors_text == "2: no\n"


async def test_nothing_above_reading_runs_unapproved(folder: Path) -> None:
    plan = plan_of(command("cat", "/dev/null"), command("touch", "made"))
    given = options(folder)
    with pytest.raises(NotApproved, match=r"task 2 \(touch\): .*writes") as caught:
        await run_plan(plan, options=given)
    assert (caught.value.exit_code, caught.value.details) == (8, {"tasks": [2]})
    with pytest.raises(NotApproved):
        await run_plan(plan, approve=lambda _plan: False, options=given)
    assert not (folder / "made").exists()
    await run_plan(plan_of(command("cat", "/dev/null")), options=given)


async def test_whoever_approves_is_shown_the_plan_that_runs_with_its_risk_as_it_is(folder: Path) -> None:
    """A risk that the plan claims counts for nothing."""
    claimed = plan_of(command("touch", "made", risk=["reads"]))
    seen = []

    async def approve(plan: Any) -> bool:
        seen.append(plan)
        return True

    await run_plan(claimed, approve=approve, options=options(folder))
    assert [task.risk for plan in seen for task in plan.tasks] == [("writes",)]
    assert (folder / "made").exists()


async def test_a_plan_that_cannot_be_run_is_refused_before_anything_runs(folder: Path) -> None:
    with pytest.raises(PlanInvalid, match="there is no tool named 'nope'"):
        await run(folder, command("touch", "made"), command("nope"))
    with pytest.raises(PlanInvalid, match="takes a list `args`"):
        await run(folder, command("touch", "made"), {"command": "echo", "arguments": {}})
    assert not (folder / "made").exists()


async def test_runs_may_go_on_side_by_side(folder: Path) -> None:
    plans = [run(folder, command("echo", str(n)), command("cat", input_from_task=1)) for n in range(8)]
    assert [output(result) for result in await asyncio.gather(*plans)] == [f"{n}\n" for n in range(8)]


def test_a_run_works_in_a_loop_outside_the_main_thread(folder: Path) -> None:
    async def in_thread() -> RunResult:
        return await asyncio.to_thread(lambda: asyncio.run(run(folder, command("echo", "x"))))

    assert output(asyncio.run(in_thread())) == "x\n"


async def test_tasks_inherit_the_usual_signals(folder: Path) -> None:
    """Python ignores SIGPIPE; a program that did would never hear that its reader has left."""
    result = await run(folder, command("sh", "-c", "sh -c 'kill -PIPE $$'; echo $?"))
    assert output(result) == f"{128 + signal.SIGPIPE}\n"
