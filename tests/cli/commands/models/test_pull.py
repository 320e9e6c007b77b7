"""`agx models pull` as a process: interrupted, killed, resumed, on a terminal and in a pipe."""

from __future__ import annotations

import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agx.models.fetch.part import part_of, read_state
from tests.cli.conftest import Agx
from tests.documents import ROOT
from tests.hub_server import REPOSITORY, HubServer
from tests.tiny_gguf import write_tiny_gguf

NAME = "tiny-Q4_K_M.gguf"
ASKED = f"{REPOSITORY}:Q4_K_M"
PULL = [sys.executable, "-m", "agx", "models", "pull"]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """Return a hub with a model of 30 MB."""
    data = write_tiny_gguf(tmp_path / "tiny.gguf").read_bytes()
    with HubServer().running() as server:
        server.files[NAME] = data + random.Random(1).randbytes(30_000_000)
        yield server


@pytest.fixture
def environ(hub: HubServer, tmp_path: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in {"HF_TOKEN", "HF_HUB_OFFLINE"}}
    more = {
        "PYTHONPATH": str(ROOT),
        "AGX_HOME": str(tmp_path / "home"),
        "HF_ENDPOINT": hub.url,
        "TERM": "xterm",
    }
    return kept | more


@pytest.fixture
def agx_here(hub: HubServer, agx: Agx, monkeypatch: pytest.MonkeyPatch) -> Agx:
    """Return `agx` in this process, with the hub as its hub."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return agx


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models" / NAME


def pull(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PULL, *arguments], env=environ, capture_output=True, text=True, check=False)


def stopped(environ: dict[str, str], target: Path, number: signal.Signals) -> tuple[int, str]:
    """Begin to pull, send a signal when some of it is written down, and give exit code and stderr."""
    with subprocess.Popen(
        [*PULL, ASKED], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        while (state := read_state(target)) is None or state.ranges.num_bytes < 2_000_000:
            assert process.poll() is None, process.stderr and process.stderr.read()
            time.sleep(0.02)
        process.send_signal(number)
        _, err = process.communicate()
    return process.returncode, err.decode()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_pull_that_was_ended_goes_on_where_it_was(
    hub: HubServer, environ: dict[str, str], target: Path, number: signal.Signals
) -> None:
    """From a server that cuts the connection every 3 MB; the file comes out right to the byte."""
    hub.does.drop_every = 3_000_000
    hub.does.secs_for_chunk = 0.02
    code, err = stopped(environ, target, number)
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == {signal.SIGINT: 130}.get(number, 128 + number)
        assert " of 30." in err
        assert "are kept; the same command goes on from there" in err
    assert "Traceback" not in err
    assert not target.exists()
    state = read_state(target)
    assert state is not None
    kept = state.ranges.num_bytes
    hub.does.secs_for_chunk = 0
    hub.sent_bytes = 0
    done = pull(environ, ASKED)
    assert (done.returncode, done.stdout) == (0, f"{target}\n")
    assert f"{kept / 1e6:.1f} MB of it are there" in done.stderr
    assert target.read_bytes() == hub.files[NAME]
    assert not part_of(target).exists()
    # What the first process did not live to read was sent as well.
    assert hub.sent_bytes < len(hub.files[NAME]) - kept + 1_000_000, "nothing is fetched twice"


def test_json_is_all_that_is_said(hub: HubServer, environ: dict[str, str], target: Path) -> None:
    done = pull(environ, ASKED, "--json")
    assert done.stderr == ""
    (model,) = json.loads(done.stdout)
    assert model["files"] == [str(target)]
    assert model["sha256"] == [hub.sha256(NAME)]
    assert json.loads(pull(environ, ASKED, "--json", "--offline").stdout)[0]["was_there"]
    failed = pull(environ, f"{REPOSITORY}:Q9", "--json")
    assert failed.returncode == 4
    assert json.loads(failed.stderr)["error"]["details"]["choices"] == [NAME]


def test_a_terminal_sees_it_grow_and_then_the_way_on(
    hub: HubServer, environ: dict[str, str], target: Path
) -> None:
    hub.does.secs_for_chunk = 0.02
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*PULL, ASKED], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while data := _read(ours):
            shown += data
        assert process.stdout is not None
        assert process.stdout.read().decode() == f"{target}\n"
    frames = shown.decode().split("\r\x1b[K")
    shares = [int(frame.split("%")[0].split()[-1]) for frame in frames if "%" in frame]
    assert len(shares) > 3
    assert shares == sorted(shares)
    assert any("MB/s" in frame and "left" in frame for frame in frames)
    assert frames[-1].startswith("done: ")
    assert "agx plan --model tiny-Q4_K_M" in frames[-1]


def test_an_error_begins_on_a_line_of_its_own(environ: dict[str, str]) -> None:
    """A terminal shows meanwhile what is waited for, on a line that is taken away."""
    ours, theirs = pty.openpty()
    nowhere = [*PULL, "http://127.0.0.1:9/x.gguf"]
    with subprocess.Popen(nowhere, env=environ, stdin=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while data := _read(ours):
            shown += data
        assert process.wait() == 5
    *frames, last = shown.decode().split("\r\x1b[K")
    assert any("no connection" in frame for frame in frames)
    assert last.startswith("error: there is no connection to 127.0.0.1:9")


def test_the_way_on_can_be_typed(hub: HubServer, agx_here: Agx) -> None:
    done = agx_here("models", "pull", ASKED, "--name", "my model")
    assert "agx plan --model 'my model' \"…\"" in done.err


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux reports the other side's end so
        os.close(descriptor)
        return b""


def test_a_model_that_was_pulled_can_be_shown_and_planned_with_by_its_names(
    agx_here: Agx,
) -> None:
    assert agx_here("models", "show", ASKED).code == 4
    assert agx_here("models", "pull", ASKED).code == 0
    for name in (ASKED, f"hf:{REPOSITORY}/{NAME}", "tiny-Q4_K_M"):
        assert json.loads(agx_here("models", "show", name, "--json").out)["name"] == "tiny"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["../../etc/passwd"], 2, "names no repository"),
        (["hf:owner/repo-GGUF/../../../evil.gguf"], 2, "is no path of a file"),
        (["no-such-model"], 2, "the catalogue has no model"),
        ([ASKED, "--name", "../evil"], 2, "cannot be the name"),
        ([ASKED, ASKED, "--name", "x"], 2, "--name is for one model"),
        ([ASKED, "--connections", "0"], 2, "connections"),
        ([ASKED, "--offline"], 4, "told to stay offline"),
        (["owner/other:Q4_K_M"], 4, "is not there, or is private"),
        (["ollama:qwen3:0.6b"], 2, "Ollama"),
        ([], 2, "missing argument"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_pulled_is_a_sentence_and_a_hint(
    agx_here: Agx, target: Path, arguments: list[str], code: int, words: str
) -> None:
    done = agx_here("models", "pull", *arguments)
    assert done.code == code
    assert words in done.err
    assert "\nhint: " in f"\n{done.err}"
    assert done.out == ""
    assert not target.parent.exists()


def test_hf_hub_offline_is_offline(hub: HubServer, agx_here: Agx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "stay offline" in agx_here("models", "pull", ASKED).err
    assert hub.requests == []


def test_a_home_that_cannot_be_written_is_a_sentence(
    hub: HubServer, agx_here: Agx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGX_HOME", "/dev/null/home")
    done = agx_here("models", "pull", ASKED)
    assert done.code == 1
    assert "cannot be written" in done.err
    assert "hint: set AGX_HOME" in done.err
    assert hub.sent_bytes < 1000
