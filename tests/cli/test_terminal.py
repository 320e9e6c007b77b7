"""In a terminal: a table on stdout, the text on stderr while it is generated, colours where wanted."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tests.cli.conftest import COUNT_LINES

PROGRAM = f"""
import sys
from agx.backends.scripted import ScriptedBackend
from agx.cli.app import run
from agx.planning.planner import Planner
backend = ScriptedBackend([{COUNT_LINES!r}])
def make(config, *, registry=None, worker=None):
    return Planner(config, registry=registry, backend=backend)
sys.exit(run(sys.argv[1:], make_planner=make))
"""


def in_terminal(*arguments: str, streams: Sequence[str], program: str = PROGRAM, **variables: str) -> str:
    """Run a command line with these of its streams on a terminal, and give what the terminal got."""
    ours, theirs = pty.openpty()
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    with subprocess.Popen(
        [sys.executable, "-c", program, "plan", "count rust lines", *arguments],
        env=environ | {"TERM": "xterm"} | variables,
        **(pipes | dict.fromkeys(streams, theirs)),  # type: ignore[call-overload]  # the names are Popen's
    ):
        os.close(theirs)
        return "".join(iter(lambda: _read(ours), ""))


def _read(descriptor: int) -> str:
    try:
        return os.read(descriptor, 4096).decode()
    except OSError:  # Linux reports the other side's end so
        os.close(descriptor)
        return ""


def test_a_terminal_gets_a_table_and_no_json() -> None:
    """Without --format a person sees a table, in colour."""
    shown = in_terminal(streams=["stdout"])
    assert "command" in shown
    assert '"version"' not in shown
    assert "\x1b[" in shown


def test_no_color_means_no_colour() -> None:
    """NO_COLOR and a dumb terminal get none."""
    assert "\x1b[" not in in_terminal(streams=["stdout"], NO_COLOR="1")
    assert "\x1b[" not in in_terminal(streams=["stdout"], TERM="dumb")


def test_the_text_streams_and_is_taken_away() -> None:
    """The text is shown on stderr as it comes, which ends with clearing it; nothing else is there."""
    shown = in_terminal(streams=["stderr"])
    assert COUNT_LINES[:20] in shown
    assert shown.endswith("\r\x1b[J")
    assert in_terminal(streams=["stderr"], TERM="dumb") == ""


READING = f"""
import sys
from agx.backends.scripted import ScriptedBackend
from agx.cli.app import run
from agx.planning.planner import Planner
from agx.requests import Chunk, PromptProgress
class Backend(ScriptedBackend):
    async def generate(self, request):
        for num_read in (64, 128, 704):
            yield Chunk("", prompt=PromptProgress(num_read, 804))
        async for chunk in super().generate(request):
            yield chunk
backend = Backend([{COUNT_LINES!r}])
def make(config, *, registry=None, worker=None):
    return Planner(config, registry=registry, backend=backend)
sys.exit(run(sys.argv[1:], make_planner=make))
"""


def test_a_long_prompt_is_read_with_its_progress_shown() -> None:
    """Each line takes the place of the one before, the text that of the last; a pipe gets nothing of it."""
    shown = in_terminal(streams=["stderr"], program=READING)
    lines = shown.split("\r\x1b[J")
    assert [line.partition(", ")[0] for line in lines[:3]] == [
        f"reading the prompt: {share} of 804 tokens" for share in ("8%", "16%", "88%")
    ]
    assert lines[1].endswith(" s left")
    assert lines[3].startswith(COUNT_LINES[:20])
    assert in_terminal("--json", streams=["stdout"], program=READING).startswith("{")


def test_json_on_a_terminal_is_json() -> None:
    """--json decides against the table, wherever the output goes."""
    assert in_terminal("--json", streams=["stdout"]).startswith("{")


SLOW = """
import asyncio, signal, sys
from agx.backends.scripted import ScriptedBackend
from agx.cli.app import main
from agx.cli import app as module
from agx.planning.planner import Planner
class Slow(ScriptedBackend):
    async def generate(self, request):
        try:
            print("generating", file=sys.stderr, flush=True)
            await asyncio.sleep(60)
            yield
        finally:
            print("closed", file=sys.stderr)
def make(config, *, registry=None, worker=None):
    return Planner(config, registry=registry, backend=Slow([]))
run = module.run
module.run = lambda arguments, **more: run(arguments, make_planner=make, **more)
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly(number: int, code: int) -> None:
    """The generation is closed, nothing is printed but what a terminal needs, and the code says why."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, "plan", "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "generating\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err.strip()) == (code, "", "closed")
