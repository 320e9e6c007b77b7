"""`agx run` as a process: its streams, its exit codes, its questions, and what it leaves running."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agx.store.plans import PlanStore
from tests.documents import ROOT
from tests.plan.helpers import plan_of
from tests.run.helpers import command, is_running

AGX = [sys.executable, "-m", "agx", "run"]


@dataclass(frozen=True)
class Done:
    """What a command line left behind."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()


Run = Callable[..., Done]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    return kept | {"PYTHONPATH": str(ROOT), "AGX_HOME": str(tmp_path / "home"), "TERM": "xterm"}


@pytest.fixture
def run(tmp_path: Path, environ: dict[str, str]) -> Run:
    """Return a function that runs `agx run` in an empty folder; nothing of it is a terminal."""

    def call(*arguments: str, given: bytes = b"") -> Done:
        done = subprocess.run(
            [*AGX, *arguments],
            input=given,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            start_new_session=True,  # a terminal that the tests are run from is not to be asked
            env=environ,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr.decode())

    return call


def write(folder: Path, *tasks: dict[str, Any], name: str = "plan.json") -> str:
    (folder / name).write_text(json.dumps(plan_of(*tasks).to_dict()))
    return name


class Terminal:
    """A process on a pseudo-terminal of its own."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self._descriptor = descriptor
        self._shown = b""

    @property
    def shown(self) -> str:
        return self._shown.decode(errors="replace").replace("\r\n", "\n")

    def until(self, text: str) -> None:
        until = time.monotonic() + 60
        while text not in self.shown:
            assert time.monotonic() < until, self.shown
            assert self._read() or text in self.shown, self.shown

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def code(self) -> int:
        """Read to the end, and give the exit code."""
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bool:
        if not select.select([self._descriptor], [], [], 60)[0]:
            return False
        try:
            data = os.read(self._descriptor, 1 << 16)
        except OSError:  # Linux reports the other side's end so
            return False
        self._shown += data
        return bool(data)


@contextmanager
def on_terminal(
    folder: Path, environ: dict[str, str], *arguments: str, stdin: str | None = None
) -> Iterator[Terminal]:
    """Run `agx run` with a controlling terminal; `stdin` is a file instead of the terminal."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(folder)
        if stdin is not None:
            os.dup2(os.open(stdin, os.O_RDONLY), 0)
        os.execve(sys.executable, [*AGX, *arguments], environ)
    terminal = Terminal(pid, descriptor)
    try:
        yield terminal
    finally:
        os.close(descriptor)


def test_a_plan_that_only_reads_runs_at_once(run: Run, tmp_path: Path) -> None:
    """Its output, byte for byte, is all that is on stdout."""
    plan = write(tmp_path, command("printf", "b\\000\\377\\na\\n"), command("sort", input_from_task=1))
    assert run(plan) == Done(0, b"a\nb\0\xff\n", "")


@pytest.mark.parametrize(
    "text",
    [
        '{"plan": ["printf x", "wc -c"]}',
        (
            'Here it is:\n```json\n[{"cmd": "printf", "args": ["x"]}, {"cmd": "wc", "args": ["-c"], '
            '"input_from_step": 1}]\n```'
        ),
        '{"tasks":[{"command":"printf","args":["x"]},{"command":"wc","args":["-c"],"input_from_task":1}]}',
    ],
    ids=["short", "in a fence", "a model's"],
)
def test_every_form_of_a_plan_is_taken_from_a_pipe(text: str, run: Run) -> None:
    done = run("-", given=text.encode())
    assert (done.code, done.out.strip()) == (0, "1"), done.err


def test_what_no_task_reads_is_shown_and_no_finding(run: Run, tmp_path: Path) -> None:
    done = run(write(tmp_path, command("echo", "1"), command("echo", "2")))
    assert (done.out, done.err) == ("1\n2\n", "")


def test_nothing_above_reading_runs_without_a_yes(run: Run, tmp_path: Path) -> None:
    """What the file says of its risk does not count."""
    plan = write(tmp_path, command("echo", "1"), command("touch", "made", risk=["reads"]))
    done = run(plan)
    assert (done.code, done.out) == (8, "")
    assert re.search(r"^error: .*task 2 \(touch\): .*writes", done.err, re.MULTILINE)
    assert "hint: look at it with --dry-run; --approve runs it" in done.err
    assert not (tmp_path / "made").exists()
    as_json = json.loads(run(plan, "--json").err)["error"]
    assert (as_json["code"], as_json["details"]["tasks"]) == ("NotApproved", [2])
    assert run(plan, "--approve").code == 0
    assert (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("answer", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 8), ("\n", 8), ("yep\n", 8), ("\x04", 8)]
)
def test_a_terminal_is_asked(answer: str, code: int, tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("echo", "a b"), command("rm", "-rf", "made\x1b[2J"))
    with on_terminal(tmp_path, environ, plan) as terminal:
        terminal.until("[y/N] ")
        assert "destructive" in terminal.shown
        assert "made\\x1b[2J" in terminal.shown
        assert "Task 2 does more than read (destructive" in terminal.shown
        assert "\x1b[" in terminal.shown, "in colour"
        assert "\\x1b[1m" not in terminal.shown
        (tmp_path / "made\x1b[2J").touch()
        terminal.type(answer)
        assert terminal.code() == code
    assert (tmp_path / "made\x1b[2J").exists() == (code != 0)


def test_the_question_shows_what_patterns_and_variables_are_now(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    for name in ("one", "two"):
        (tmp_path / "old" / name).mkdir(parents=True)
    value = {"text": [{"env": "T"}, {"glob": "/*"}]}
    plan = write(tmp_path, command("ls", {"glob": "*"}), command("rm", "-r", value))
    with on_terminal(tmp_path, environ | {"T": "old"}, plan) as terminal:
        terminal.until("[y/N] ")
        assert "Task 2 would run, with 3 arguments: rm -r old/one old/two" in terminal.shown
        assert "Task 1 would run" not in terminal.shown
        terminal.type("n\n")
        assert terminal.code() == 8


def test_what_was_typed_before_the_question_is_no_answer(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("touch", "made"))
    with on_terminal(tmp_path, environ, plan) as terminal:
        terminal.type("y\ny\n")
        terminal.until("[y/N] ")
        terminal.type("\n")
        assert terminal.code() == 8
    assert not (tmp_path / "made").exists()


def test_a_plan_from_a_pipe_is_asked_about_on_the_terminal(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("touch", "made"))
    with on_terminal(tmp_path, environ, "-", stdin=str(tmp_path / plan)) as terminal:
        terminal.until("[y/N] ")
        terminal.type("y\n")
        assert terminal.code() == 0
    assert (tmp_path / "made").exists()


def test_what_cannot_be_shown_whole_is_not_asked_about(tmp_path: Path, environ: dict[str, str]) -> None:
    """Nobody could know what is hidden behind the ellipsis."""
    plan = write(tmp_path, command("echo", "\x01" * 2000, save_to="made"))
    with on_terminal(tmp_path, environ, plan) as terminal:
        assert terminal.code() == 8
        assert "task 1 (echo) is too long to be shown" in terminal.shown
    assert not (tmp_path / "made").exists()


def test_an_interrupt_at_the_question_is_a_no(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("touch", "made"))
    with on_terminal(tmp_path, environ, plan) as terminal:
        terminal.until("[y/N] ")
        terminal.type("\x03")
        assert terminal.code() == 130
        assert terminal.shown.endswith("[y/N] ^C\n")
    assert not (tmp_path / "made").exists()


def test_a_terminal_gets_visible_text_within_bounds(tmp_path: Path, environ: dict[str, str]) -> None:
    """A pipe got it raw, above: a person's terminal acts on nothing in it, and is not flooded."""
    plan = write(tmp_path, command("printf", "\\033[2Jé\\377\\tx\\r\\n"))
    with on_terminal(tmp_path, environ, plan) as terminal:
        assert terminal.code() == 0
    assert terminal.shown == "\\x1b[2Jé\ufffd\tx\\r\n"
    flood = write(tmp_path, command("yes"), command("head", "-c", "4000000", input_from_task=1))
    with on_terminal(tmp_path, environ, flood) as terminal:
        assert terminal.code() == 0
    assert 1_000_000 < len(terminal.shown) < 1_200_000
    assert "only the first 1,048,576 bytes of output are shown" in terminal.shown


def test_what_has_no_line_break_is_shown_all_the_same(
    run: Run, tmp_path: Path, environ: dict[str, str]
) -> None:
    """On a terminal nothing is written behind a line that somebody left open."""
    assert run(write(tmp_path, command("sh", "-c", "printf warn >&2")), "--approve").err == "task 1: warn\n"
    plan = write(tmp_path, command("printf", "open"), command("grep", "x", "missing"))
    with on_terminal(tmp_path, environ, plan) as terminal:
        assert terminal.code() == 7
    first, second, *_ = terminal.shown.splitlines()
    assert (first, second[:12]) == ("open", "task 2: grep")
    assert run(plan).err.startswith("task 2: grep")


def test_a_failing_task_is_reported(run: Run, tmp_path: Path) -> None:
    """What it said, which task, how it ended; what came before has been shown."""
    plan = write(tmp_path, command("echo", "1"), command("grep", "x", "no\x1bfile"), command("echo", "3"))
    done = run(plan)
    assert (done.code, done.out) == (7, "1\n")
    said, error, hint = done.err.splitlines()
    assert said.startswith("task 2: grep: no\\x1bfile: ")
    assert error == "error: task 2 (grep) failed with exit code 2"
    assert hint == "hint: what it said stands above"


def test_a_time_limit_is_exit_code_6(run: Run, tmp_path: Path) -> None:
    done = run(write(tmp_path, command("sleep", "60", timeout_secs=1)))
    assert done.code == 6
    assert "error: task 1 (sleep) ran into its time limit of 1 s" in done.err


def test_json_is_the_record_of_every_task(run: Run, tmp_path: Path) -> None:
    plan = write(tmp_path, command("echo", "1"), command("grep", "x", "missing"), command("echo", "3"))
    done = run(plan, "--json")
    record = json.loads(done.out)
    assert done.code == 7
    assert [task["status"] for task in record["tasks"]] == ["done", "failed", "not_started"]
    assert record["tasks"][0]["output"] == "1\n"
    assert (record["tasks"][1]["exit_code"], record["is_done"]) == (2, False)
    error = json.loads(done.err)["error"]
    assert (error["code"], error["details"]["task"], error["details"]["exit_code"]) == ("TaskFailed", 2, 2)
    good = run(write(tmp_path, command("echo", "\x1b")), "--json")
    assert (good.code, good.err, json.loads(good.out)["is_done"]) == (0, "", True)


def test_a_dry_run_shows_what_would_run_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    plan = write(tmp_path, command("touch", "made"), command("ls", {"glob": "*.json"}))
    done = run(plan, "--dry-run")
    shown = json.loads(done.out)
    assert done.code == 0
    assert [task["argv"] for task in shown["tasks"]] == [["touch", "made"], ["ls", "plan.json"]]
    assert shown["to_approve"] == ["writes"]
    assert not (tmp_path / "made").exists()


def test_a_dry_run_for_people(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(
        tmp_path, command("find", ".", "-name", "*.c"), command("wc", "-l", input_from_task=1, save_to="n")
    )
    with on_terminal(tmp_path, environ, plan, "--dry-run") as terminal:
        assert terminal.code() == 0
    lines = terminal.shown.splitlines()
    assert lines[0] == f"in {tmp_path}:"
    assert lines[1] == "1. find . -name '*.c'"
    assert re.fullmatch(r"   /\S+/find; reads; output: task 2, through a pipe", lines[2])
    assert lines[-1] == "it needs a yes, or --approve: writes"


@pytest.mark.parametrize(
    ("tasks", "options", "sentence"),
    [
        ([command("cd", "/")], [], "task 1: cd is a builtin of the shell"),
        ([command("echo", {"env": "NOT_SET"})], [], "uses the variable NOT_SET"),
        ([command("echo")], ["--stdin"], "no task of the plan reads it"),
    ],
    ids=["builtin", "variable", "stdin"],
)
def test_what_cannot_run_here_is_exit_code_2(
    tasks: list[dict[str, Any]], options: list[str], sentence: str, run: Run, tmp_path: Path
) -> None:
    done = run(write(tmp_path, *tasks), *options, "--approve")
    assert (done.code, done.out) == (2, "")
    error, hint = done.err.splitlines()[-2:]
    assert sentence in error
    assert hint.startswith("hint: ")


@pytest.mark.parametrize(
    ("text", "code"),
    [("", 3), ("no plan", 3), ('{"tasks":[{"command":"no-such-tool"}]}', 3), (b"\xff\xfe", 2)],
    ids=["empty", "no plan", "unknown tool", "no text"],
)
def test_what_is_no_plan_is_said_so(text: str | bytes, code: int, run: Run, tmp_path: Path) -> None:
    (tmp_path / "p").write_bytes(text if isinstance(text, bytes) else text.encode())
    for done in (run("p"), run("-", given=(tmp_path / "p").read_bytes())):
        assert done.code == code, done.err
        assert "error: " in done.err
        assert "Traceback" not in done.err


def test_files_and_options_that_do_not_go_together(run: Run) -> None:
    assert run("missing.json").code == 2
    assert run("-", "--stdin", given=b"{}").code == 2
    assert run().code == 2


def test_a_function_of_a_file_of_tools_is_for_python(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tools.json").write_text('[{"name": "f", "schema": {"type": "object"}}]')
    plan = write(tmp_path, {"command": "f", "arguments": {}})
    done = run(plan, "--tools", "tools.json", "--approve")
    assert done.code == 2
    assert "agx.run_plan" in done.err


def test_a_stored_plan_runs_by_its_id(run: Run, tmp_path: Path) -> None:
    plan = plan_of(command("echo", "stored"))
    PlanStore(tmp_path / "home" / "plans").save(plan)
    assert run(plan.plan_id).out == "stored\n"
    assert run("plan_unknown").code == 2
    (tmp_path / "plan_1").write_text('{"plan": ["echo file"]}')
    assert run("plan_1").out == "file\n"


def test_standard_input_reaches_a_task_only_when_asked(run: Run, tmp_path: Path) -> None:
    plan = write(tmp_path, command("wc", "-c"))
    assert run(plan, given=b"given").out.strip() == "0"
    assert run(plan, "--stdin", given=b"given").out.strip() == "5"


def test_standard_input_that_is_closed_is_said_so(tmp_path: Path, environ: dict[str, str]) -> None:
    """Whatever else has its number by then is not taken for it."""
    plan = write(tmp_path, command("cat"))
    for arguments in (["-"], [plan, "--stdin"]):
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" <&-', "sh", *AGX, *arguments],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=environ,
        )
        assert done.returncode == 2
        assert done.stderr.startswith(b"error: standard input is closed\n")


def test_a_reader_that_leaves_ends_an_endless_plan(tmp_path: Path, environ: dict[str, str]) -> None:
    """As `agx run … | head -n 1` in a shell: nothing is left, and nothing is an error."""
    plan = write(tmp_path, command("yes"))
    with subprocess.Popen(
        [*AGX, plan], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"y\n"
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (0, b"")


def test_a_reader_that_waits_holds_up_no_time_limit(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("yes", timeout_secs=1))
    with subprocess.Popen(
        [*AGX, plan], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.wait(60) == 6


def test_a_full_disk_is_an_error(tmp_path: Path, environ: dict[str, str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    plan = write(tmp_path, command("echo", "x"))
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*AGX, plan], cwd=tmp_path, env=environ, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"error: standard output cannot be written: No space left on device" in done.stderr


def test_too_few_descriptors_are_the_failure_of_a_task(tmp_path: Path, environ: dict[str, str]) -> None:
    cats = [command("cat", input_from_task=number) for number in range(1, 7)]
    plan = write(tmp_path, command("yes"), *cats)
    done = subprocess.run(
        ["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", *AGX, plan],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=environ,
    )
    assert (done.returncode, done.stdout) == (7, b"")
    assert b"this machine does not let it run: Too many open files\nhint: see `ulimit -a`" in done.stderr


def test_a_flood_on_standard_error_is_cut(run: Run, tmp_path: Path) -> None:
    floods = "head -c 3000000 /dev/zero | tr '\\0' x >&2; yes long line | head -n 100000 >&2"
    source = f"{floods}; echo last >&2; exit 1"
    done = run(write(tmp_path, command("sh", "-c", source)), "--approve")
    assert done.code == 7
    assert len(done.err) < 100_000
    assert "the rest of its standard error is not shown" in done.err
    assert done.err.splitlines()[-1].endswith("last"), "the end of it is in the hint all the same"


ENDLESS = "trap 'touch cleaned; exit' TERM; echo $$ > pid; sleep 600 & echo $! > background; wait"


def pids(folder: Path) -> list[int]:
    """Wait until the plan's processes run."""
    until = time.monotonic() + 60
    files = [folder / "pid", folder / "background"]
    while not all(file.exists() and file.read_text() for file in files):
        assert time.monotonic() < until
        time.sleep(0.01)
    return [int(file.read_text()) for file in files]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_every_process(number: int, code: int, tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("sh", "-c", ENDLESS), command("cat", input_from_task=1))
    with subprocess.Popen(
        [*AGX, plan, "--approve"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        running = pids(tmp_path)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (code, "", "")
    assert not any(map(is_running, running))
    assert (tmp_path / "cleaned").exists(), "it had the time to leave in order"


def test_ctrl_c_on_a_terminal_ends_every_process(tmp_path: Path, environ: dict[str, str]) -> None:
    plan = write(tmp_path, command("sh", "-c", ENDLESS), command("cat", input_from_task=1))
    with on_terminal(tmp_path, environ, plan, "--approve") as terminal:
        running = pids(tmp_path)
        terminal.type("\x03")
        assert terminal.code() == 130
    assert not any(map(is_running, running))
    assert "Traceback" not in terminal.shown


def test_an_interrupt_before_anything_runs_is_never_lost(tmp_path: Path, environ: dict[str, str]) -> None:
    """A callback of the import system would drop the exception of an interrupt, as this finder does."""
    source = """
import os, signal, sys
class Finder:
    def find_spec(self, name, *_rest):
        if name == "agx.run.runner":
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                print("lost")
sys.meta_path.insert(0, Finder())
from agx.cli.app import run
sys.exit(run(sys.argv[1:]))
"""
    plan = write(tmp_path, command("touch", "made"))
    arguments = [sys.executable, "-c", source, "run", plan, "--approve"]
    done = subprocess.run(arguments, capture_output=True, check=False, cwd=tmp_path, env=environ)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
    assert not (tmp_path / "made").exists()


def test_a_second_interrupt_does_not_wait_for_what_ignores_the_first(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    source = (
        "trap '' TERM; echo $$ > pid; sh -c 'trap \"\" TERM; echo $$ > background; while :; do sleep 1; done'"
    )
    plan = write(tmp_path, command("sh", "-c", source))
    with subprocess.Popen(
        [*AGX, plan, "--approve"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        running = pids(tmp_path)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, b"")
    assert not any(map(is_running, running))


def test_help_imports_nothing_heavy() -> None:
    heavy = ("pydantic", "rich", "asyncio", "subprocess", "jsonschema")
    code = (
        "import sys; from agx.cli.app import run\n"
        "assert run(['run', '--help']) == 0\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, cwd=ROOT)
    assert done.stderr.strip() == "[]"
    assert "  agx run plan.json" in done.stdout.split("Examples:")[1]
