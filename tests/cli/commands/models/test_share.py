"""`agx models share`: what is printed, what is shown on the way, and how it is stopped."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agx.models.ollama.in_place import ollama_model
from agx.models.resolve import embedded_model
from tests.cli.conftest import Agx
from tests.ollama_server import Misbehaviour, OllamaServer, ollama_server
from tests.tiny_gguf import write_tiny_gguf

MAX_SECS = 60


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OllamaServer]:
    with ollama_server(tmp_path / "ollama") as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        yield server


def test_the_embedded_planner_can_be_shared_and_planned_with_again(
    agx: Agx, server: OllamaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There and back: what Ollama then has is the planner, byte for byte."""
    done = agx("models", "share", "agx-nano", "--to-ollama", "agx-nano")
    assert (done.code, done.out) == (0, "agx-nano:latest\n")
    assert "was sent 14.8 MB" in done.err
    assert "ollama run agx-nano:latest" in done.err
    monkeypatch.setenv("OLLAMA_MODELS", str(server.folder))
    assert ollama_model("agx-nano").read_bytes() == embedded_model().read_bytes()
    shown = agx("models", "show", "ollama:agx-nano", "--json")
    assert json.loads(shown.out)["name"] == "agx-nano"


def test_json_says_what_became_of_it(agx: Agx, server: OllamaServer, tmp_path: Path) -> None:
    model = write_tiny_gguf(tmp_path / "tiny.gguf")
    first, again = (agx("models", "share", str(model), "--to-ollama", "t", "--json") for _ in range(2))
    assert (first.err, again.err) == ("", "")
    result = json.loads(first.out)
    assert (result["model"], result["server"]) == ("t:latest", f"http://{server.host}")
    assert result["sent_bytes"] == model.stat().st_size
    assert result["sha256"].keys() == {"tiny.gguf"}
    assert json.loads(again.out) == result | {"sent_bytes": 0, "is_new": False}


def test_what_is_there_already_is_said_to_be(agx: Agx, server: OllamaServer, tmp_path: Path) -> None:
    model = str(write_tiny_gguf(tmp_path / "tiny.gguf"))
    agx("models", "share", model, "--to-ollama", "one")
    assert "has the model already" in agx("models", "share", model, "--to-ollama", "one").err
    assert (
        "was sent nothing, since it has the file" in agx("models", "share", model, "--to-ollama", "two").err
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("agx-nano",), 2, "--to-ollama"),
        (("missing.gguf", "--to-ollama", "x"), 4, "there is no model file missing.gguf"),
        (("text.gguf", "--to-ollama", "x"), 4, "no GGUF file"),
        (("agx-nano", "--to-ollama", "a b"), 2, "no name of an Ollama model"),
    ],
)
def test_what_cannot_be_shared_is_one_sentence(
    agx: Agx, server: OllamaServer, arguments: tuple[str, ...], code: int, words: str
) -> None:
    Path("text.gguf").write_text("text")
    done = agx("models", "share", *arguments)
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert "hint: " in done.err
    assert server.requests == []


def test_what_ollama_says_cannot_reach_the_terminal(agx: Agx, server: OllamaServer) -> None:
    """Control characters of an answer are escaped."""
    server.misbehaviour = Misbehaviour(status={"/api/show": 500}, body=b'{"error":"\\u001b[2Jevil"}')
    done = agx("models", "share", "agx-nano", "--to-ollama", "x")
    assert done.code == 1
    assert r"\x1b[2Jevil" in done.err
    assert "\x1b" not in done.err


def started(tmp_path: Path, *arguments: str, stderr: int) -> subprocess.Popen[bytes]:
    """Start the program to share the embedded planner."""
    return subprocess.Popen(
        [sys.executable, "-m", "agx", "models", "share", "agx-nano", "--to-ollama", "x", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=os.environ | {"AGX_HOME": str(tmp_path / "home"), "TERM": "xterm", "COLUMNS": "100"},
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_sending(server: OllamaServer, tmp_path: Path, number: int, code: int) -> None:
    """Nothing is made, nothing of the file is kept, and no traceback is shown."""
    server.misbehaviour = Misbehaviour(slow_secs=0.01)
    with started(tmp_path, stderr=subprocess.PIPE) as process:
        wait_for(lambda: server.received_bytes > 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=MAX_SECS)
    assert process.returncode == code, err
    assert out == b""
    assert b"Traceback" not in err
    assert server.made("/api/create") == []
    assert list((server.folder / "blobs").iterdir()) == []


def test_a_terminal_sees_how_far_it_is(server: OllamaServer, tmp_path: Path) -> None:
    """A line with the share that was sent, which is taken away in the end."""
    server.misbehaviour = Misbehaviour(slow_secs=0.005)
    ours, theirs = pty.openpty()
    with started(tmp_path, stderr=theirs) as process:
        os.close(theirs)
        shown = b"".join(iter(lambda: read(ours), b"")).decode()
        assert process.wait(MAX_SECS) == 0
    lines = [line for line in shown.split("\r\x1b[K") if "sending" in line]
    shares = [int(line.partition(" %")[0].split()[-1]) for line in lines]
    assert len(set(shares)) > 2
    assert shares == sorted(shares)
    assert shown.rpartition("\r\x1b[K")[2].startswith("done: Ollama at")


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    until = time.monotonic() + MAX_SECS
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux reports the other side's end so
        os.close(descriptor)
        return b""
