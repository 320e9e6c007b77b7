"""`agx models list`, `verify`, `remove` and `recommend`."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from agx.cli.commands.models import recommend
from agx.models.catalog import load_catalog
from agx.models.pulled import Manifest, Record
from agx.models.recommendation import Gpu, Hardware
from tests.cli.conftest import Agx
from tests.documents import ROOT
from tests.ollama_models import put_model
from tests.tiny_gguf import write_tiny_gguf

SOURCE = "hf:owner/repo/tiny.gguf"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the models folder with a model that was pulled; Ollama has none."""
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    folder = tmp_path / "home" / "models"
    folder.mkdir(parents=True)
    data = write_tiny_gguf(folder / "tiny.gguf").read_bytes()
    Manifest(folder).add(Record("tiny.gguf", SOURCE, hashlib.sha256(data).hexdigest(), len(data)))
    return folder


def in_terminal(folder: Path, *arguments: str, given: bytes = b"") -> str:
    """Run `agx models` on a terminal, and give what that got."""
    environ = os.environ | {"PYTHONPATH": str(ROOT), "AGX_HOME": str(folder.parent), "TERM": "xterm"}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "agx", "models", *arguments],
        env=environ, stdin=theirs, stdout=theirs, stderr=theirs,
    ):  # fmt: skip
        os.close(theirs)
        os.write(ours, given)
        shown = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux reports the other side's end so
        return b""


def test_list_gives_json_in_a_pipe_and_a_table_on_a_terminal(agx: Agx, folder: Path) -> None:
    (folder / "bad\x1b[2J.gguf").write_bytes(b"<html>")
    done = agx("models", "list")
    assert [row["name"] for row in json.loads(done.out)] == ["agx-nano", "bad\x1b[2J", "tiny"]
    assert "\x1b" not in done.out
    lines = in_terminal(folder, "list").splitlines()
    assert lines[0].split() == ["name", "size", "architecture", "quantisation", "context"]
    assert "\x1b" not in "".join(lines)
    assert lines[-1].split()[0] == "tiny"


def test_list_shows_the_catalogue(agx: Agx, folder: Path) -> None:
    rows = json.loads(agx("models", "list", "--catalog", "--json").out)
    assert [row["name"] for row in rows] == list(load_catalog())
    assert "qwen3-0.6b" in in_terminal(folder, "list", "--catalog")


def test_verify_says_what_is_whole_and_what_is_not(agx: Agx, folder: Path) -> None:
    done = agx("models", "verify")
    assert (done.code, done.out) == (0, "ok       tiny: hash and header\n")
    assert agx("models", "verify", "agx-nano").out.startswith("ok       agx-nano: header")
    with (folder / "tiny.gguf").open("ab") as file:
        file.write(b"!")
    done = agx("models", "verify", "tiny")
    assert (done.code, done.out) == (4, "damaged  tiny: tiny.gguf is not what was fetched\n")
    assert f"agx models remove tiny; then: agx models pull {SOURCE}" in done.err
    assert json.loads(agx("models", "verify", "--json").out)[0]["ok"] is False
    (folder / "tiny.gguf").unlink()
    assert "there are no models" in agx("models", "verify").out
    assert agx("models", "verify", "tiny").code == 4


def test_verify_says_of_a_foreign_model_how_it_is_mended(agx: Agx, folder: Path, tmp_path: Path) -> None:
    blob = put_model(tmp_path / "ollama", "mine:v1", (folder / "tiny.gguf").read_bytes())
    assert agx("models", "verify", "ollama:mine:v1").out == "ok       ollama:mine:v1: hash and header\n"
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    done = agx("models", "verify", "ollama:mine:v1")
    assert done.code == 4
    assert "fetch it again: ollama pull mine:v1" in done.err
    assert "agx models remove" not in done.err


def test_verify_passes_over_what_is_still_being_fetched(agx: Agx, folder: Path) -> None:
    (folder / "half.gguf.part").write_bytes(b"GGUF")
    assert agx("models", "verify").out == "ok       tiny: hash and header\n"
    done = agx("models", "verify", "half")
    assert (done.code, done.out) == (4, "partial  half: it is not fetched to its end\n")


def test_remove_asks_on_a_terminal_and_not_in_a_script(agx: Agx, folder: Path) -> None:
    shown = in_terminal(folder, "remove", "tiny", given=b"n\n")
    assert "Remove tiny.gguf? [y/N]" in shown
    assert "was not removed" in shown
    assert (folder / "tiny.gguf").exists()
    assert "are free again" in in_terminal(folder, "remove", "tiny", given=b"y\n")
    assert not (folder / "tiny.gguf").exists()
    write_tiny_gguf(folder / "tiny.gguf")
    assert json.loads(agx("models", "remove", "tiny", "--json").out)[0]["name"] == "tiny"
    assert not (folder / "tiny.gguf").exists()


def test_remove_takes_nothing_when_one_name_is_wrong(agx: Agx, folder: Path) -> None:
    for wrong in ("none", "agx-nano", "../tiny"):
        done = agx("models", "remove", wrong, "tiny", "--yes")
        assert done.code != 0
        assert "hint: " in done.err
        assert (folder / "tiny.gguf").exists()


def test_recommend_names_a_pair_and_how_to_pull_it(
    agx: Agx, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Hardware(32 * 10**9, 8, (Gpu("RTX\x1b[2J", 24 * 10**9),))
    monkeypatch.setattr("agx.app.hardware.this_machine", lambda: machine)
    data = json.loads(agx("models", "recommend").out)
    assert (data["device"], data["to_pull"]) == ("gpu", [data["echo"], data["delta"]])
    monkeypatch.setattr(recommend, "is_terminal", lambda _: True)
    text = agx("models", "recommend").out
    assert text.startswith("This machine has 32.0 GB of memory, 8 cores and RTX\\x1b[2J with 24.0 GB.")
    assert f"\nagx models pull {data['echo']} {data['delta']}\n" in text


def test_recommend_looks_at_this_machine(agx: Agx) -> None:
    """A real worker says which devices there are."""
    data = json.loads(agx("models", "recommend", "--json").out)
    assert data["hardware"]["cores"] >= 1
    assert {one["name"] for one in data["considered"]} == set(load_catalog())
