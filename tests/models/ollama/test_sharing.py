"""Giving Ollama a model: only what it lacks is sent, and whatever goes wrong is said in a sentence."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jsonschema import Draft202012Validator

from agx.errors import (
    AgxError,
    BackendError,
    BackendUnreachable,
    ConfigError,
    DeadlineExceeded,
    ModelUnloadable,
    StorageError,
    Unsupported,
    UsageError,
)
from agx.models.fetch.watcher import SilentWatcher
from agx.models.hashes import HashMemory
from agx.models.ollama import api as ollama_api
from agx.models.ollama import sharing
from agx.models.ollama.api import version_numbers
from agx.models.ollama.in_place import ollama_model
from agx.models.ollama.sharing import Shared, file_name, share_with_ollama
from tests.ollama_models import tree_of
from tests.ollama_server import Misbehaviour, OllamaServer, ollama_server

OPENAPI = Path(__file__).parents[3] / ".." / "shared" / "data" / "ollama" / "openapi.yaml"
DATA = b"GGUF" + bytes(range(256)) * 5000  # more than one piece
DIGEST = hashlib.sha256(DATA).hexdigest()
NOTHING = HashMemory(None)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OllamaServer]:
    with ollama_server(tmp_path / "ollama") as server:
        monkeypatch.setenv("OLLAMA_HOST", server.host)
        yield server


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(DATA)
    return path


def given(path: Path, name: str = "mine", **more: Any) -> Shared:
    """Share one file."""
    return share_with_ollama([path], name, memory=NOTHING, **more)


class Heard(SilentWatcher):
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.transfers: list[list[Any]] = []
        self.num_finished = 0

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        self.transfers.append([name, size_bytes, have_bytes])

    def received(self, num_bytes: int) -> None:
        self.transfers[-1][-1] += num_bytes

    def finished(self) -> None:
        self.num_finished += 1


def test_a_model_is_sent_and_made(server: OllamaServer, model: Path) -> None:
    """It is then in Ollama's folder under its name, with exactly these bytes."""
    shared = given(model, "me/mine:v1")
    assert shared == Shared(
        "me/mine:v1", f"http://{server.host}", {"model.gguf": DIGEST}, len(DATA), is_new=True
    )
    assert ollama_model("me/mine:v1", folders=[server.folder]).read_bytes() == DATA
    created = server.made("/api/create")[0].body
    assert created == {"model": "me/mine:v1", "files": {"model.gguf": f"sha256:{DIGEST}"}, "stream": True}


def test_what_ollama_has_is_not_sent(server: OllamaServer, model: Path) -> None:
    """The blob is there from another model: it gets a second name, and no byte crosses the wire."""
    given(model, "first")
    server.received_bytes = 0
    shared = given(model, "second")
    assert (shared.sent_bytes, shared.is_new) == (0, True)
    assert server.received_bytes == 0
    assert ollama_model("second", folders=[server.folder]).read_bytes() == DATA


def test_a_model_that_is_there_stays_as_it_is(server: OllamaServer, model: Path) -> None:
    given(model)
    before = tree_of(server.folder)
    assert given(model).is_new is False
    assert tree_of(server.folder) == before
    assert len(server.made("/api/create")) == 1


def test_another_model_of_that_name_is_not_replaced_unasked(
    server: OllamaServer, model: Path, tmp_path: Path
) -> None:
    given(model)
    other = tmp_path / "other.gguf"
    other.write_bytes(DATA + b"more")
    before = tree_of(server.folder)
    with pytest.raises(UsageError, match="has another model mine:latest already") as caught:
        given(other)
    assert "--replace" in caught.value.hint
    assert tree_of(server.folder) == before
    assert given(other, replace=True).is_new
    assert ollama_model("mine", folders=[server.folder]).read_bytes() == DATA + b"more"


def test_the_parts_of_a_model_go_together(server: OllamaServer, tmp_path: Path) -> None:
    """Ollama 0.35 takes them by their names; an older one would make a model that it cannot load."""
    parts = [tmp_path / f"m-{number:05}-of-00002.gguf" for number in (1, 2)]
    for part in parts:
        part.write_bytes(DATA + part.name.encode())
    shared = share_with_ollama(parts, "mine", memory=NOTHING)
    assert list(shared.files) == [part.name for part in parts]
    assert server.made("/api/create")[0].body["files"].keys() == shared.files.keys()
    server.version = "0.34.9"
    with pytest.raises(Unsupported, match=r"in 2 files, and Ollama 0\.34\.9") as caught:
        share_with_ollama(parts, "other", memory=NOTHING)
    assert "llama-gguf-split" in caught.value.hint


@pytest.mark.parametrize(
    ("version", "is_old"),
    [
        ("0.34.9", True),
        ("0.35.0", False),
        ("0.35.0-rc1", False),
        ("1.0", False),
        ("0.0.0", False),
        ("x", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, *, is_old: bool) -> None:
    """A version built by hand is called 0.0.0, and is new."""
    assert (version_numbers(version) < sharing.SPLIT_SINCE) is is_old


def test_progress_is_told_for_reading_and_sending(server: OllamaServer, model: Path) -> None:
    heard = Heard()
    given(model, watcher=heard)
    assert heard.transfers == [
        ["reading model.gguf", len(DATA), len(DATA)],
        ["sending model.gguf", len(DATA), len(DATA)],
    ]
    assert heard.num_finished == 2


def test_a_remembered_hash_is_not_computed_again(server: OllamaServer, tmp_path: Path, model: Path) -> None:
    memory = HashMemory(tmp_path / "hashes.json")
    memory.put(model, DIGEST, version=(model.stat().st_size, model.stat().st_mtime_ns))
    heard = Heard()
    share_with_ollama([model], "mine", memory=memory, watcher=heard)
    assert [name for name, *_ in heard.transfers] == ["sending model.gguf"]


def test_a_blob_of_ollama_itself_gets_a_second_name(server: OllamaServer, model: Path) -> None:
    given(model, "first")
    blob = ollama_model("first", folders=[server.folder])
    server.received_bytes = 0
    shared = given(blob, "second")
    assert shared.files == {f"{blob.name}.gguf": DIGEST}
    assert server.received_bytes == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a.gguf", "a.gguf"),
        ("a", "a.gguf"),
        ("a:b\\c.gguf", "a_b_c.gguf"),
        ("\x1b[2J.gguf", "_[2J.gguf"),
        (os.fsdecode(b"\xff.gguf"), "_.gguf"),
        ("modèle.gguf", "modèle.gguf"),
    ],
)
def test_a_files_name_leads_nowhere(name: str, told: str) -> None:
    assert file_name(Path(name)) == told


class Wrong(NamedTuple):
    """What the server does wrong, the error, and what it says."""

    how: dict[str, Any]
    kind: type[AgxError]
    words: str


PARSING, MAKING = b'{"status":"parsing GGUF"}\n', "making the model mine:latest"
WRONG: dict[str, Wrong] = {
    "not Ollama": Wrong({"status": {"/api/version": 404}}, BackendUnreachable, "is not Ollama"),
    "a web page": Wrong(
        {"status": {"/api/version": 200}, "body": b"<html>"}, BackendUnreachable, "is not Ollama"
    ),
    "a redirect": Wrong({"redirect": "http://127.0.0.1:1"}, BackendUnreachable, "sends on to 'http://127"),
    "500 for a blob": Wrong(
        {"status": {"/api/blobs": 500}}, BackendError, "failed while looking for a file: Internal Server"
    ),
    "500 for the model": Wrong(
        {"status": {"/api/create": 500}}, BackendError, f"failed while {MAKING}: something broke"
    ),
    "400 for the model": Wrong(
        {"status": {"/api/create": 400}, "body": b'{"error":"invalid model name"}'},
        UsageError,
        f"refused while {MAKING}: invalid model name",
    ),
    "403 without JSON": Wrong(
        {"status": {"/api/show": 403}, "body": b"no, you"}, UsageError, "the model mine:latest: no, you"
    ),
    "an empty 503": Wrong(
        {"status": {"/api/create": 503}, "body": b""}, BackendError, f"{MAKING}: Service Unavailable"
    ),
    "an error in the stream": Wrong(
        {"create_lines": [PARSING, b'{"error":"unknown type"}\n']},
        BackendError,
        f"failed while {MAKING}: unknown type",
    ),
    "a refusal in the stream": Wrong(
        {"create_lines": [b'{"error":"only GGUF","status":400}\n']},
        UsageError,
        f"refused while {MAKING}: only GGUF",
    ),
    "an early end": Wrong({"create_lines": [PARSING]}, BackendUnreachable, "said was 'parsing GGUF'"),
    "a cut stream": Wrong(
        {"create_lines": [PARSING], "is_cut_off": True}, BackendUnreachable, f"broke while {MAKING}"
    ),
    "no JSON": Wrong({"create_lines": [b"hello\n"]}, BackendUnreachable, "the last it said was ''"),
    "an endless line": Wrong(
        {"create_lines": [b"x" * (1 << 20)] * 3}, BackendUnreachable, "more than Ollama"
    ),
    "a break": Wrong({"cut": "/api/create"}, BackendUnreachable, f"broke while {MAKING}"),
    "silence": Wrong({"silent": "/api/create"}, DeadlineExceeded, f"said nothing for 0.2 s while {MAKING}"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_whatever_goes_wrong_is_one_sentence(
    server: OllamaServer, model: Path, monkeypatch: pytest.MonkeyPatch, wrong: Wrong
) -> None:
    server.misbehaviour = Misbehaviour(**wrong.how)
    if "silent" in wrong.how:
        monkeypatch.setattr(sharing, "OllamaApi", lambda url: ollama_api.OllamaApi(url, answer_secs=0.2))
    with pytest.raises(AgxError) as caught:
        given(model)
    assert type(caught.value) is wrong.kind
    assert wrong.words in caught.value.message
    assert caught.value.hint


def test_a_redirect_is_not_followed(server: OllamaServer, model: Path, tmp_path: Path) -> None:
    """Whoever answers in Ollama's place does not get the model."""
    with ollama_server(tmp_path / "other") as other:
        server.misbehaviour = Misbehaviour(redirect=f"http://{other.host}")
        with pytest.raises(BackendUnreachable):
            given(model)
        assert other.requests == []


def test_a_server_that_is_down_is_unreachable(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(BackendUnreachable, match="Ollama does not answer at http://127") as caught:
            given(model)
    assert "ollama serve" in caught.value.hint
    assert caught.value.exit_code == 5


def test_a_server_on_this_machine_is_asked_without_a_proxy(
    server: OllamaServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert given(model).is_new


@pytest.mark.parametrize("name", ["", "a b", "../x", "a:b:c"])
def test_a_name_that_ollama_would_not_take_asks_no_server(
    server: OllamaServer, model: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="no name of an Ollama model"):
        given(model, name)
    assert server.requests == []


def test_an_address_that_is_none_is_a_setting(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "ftp://x")
    with pytest.raises(ConfigError):
        given(model)


def test_a_damaged_blob_is_not_passed_on(server: OllamaServer, tmp_path: Path) -> None:
    blob = tmp_path / f"sha256-{'0' * 64}"
    blob.write_bytes(DATA)
    with pytest.raises(ModelUnloadable, match="is damaged"):
        given(blob)
    assert server.made("/api/blobs") == []


class Meddling(SilentWatcher):
    """A watcher that does something to the file when it is sent."""

    def __init__(self, path: Path, how: str) -> None:
        self._path, self._how = path, how

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        if name.startswith("sending"):
            {"cut": lambda: os.truncate(self._path, 1000), "other": self._other, "gone": self._path.unlink}[
                self._how
            ]()

    def _other(self) -> None:
        copy = self._path.with_suffix(".new")
        shutil.copy(self._path, copy)
        with copy.open("r+b") as file:
            file.write(b"ABCD")
        copy.replace(self._path)


@pytest.mark.parametrize("how", ["cut", "other", "gone"])
def test_a_file_that_changes_meanwhile_is_said_to(server: OllamaServer, model: Path, how: str) -> None:
    """Ollama finds another hash, or too few bytes: nothing of it is kept."""
    with pytest.raises(ModelUnloadable, match="changed while it was sent"):
        given(model, watcher=Meddling(model, how))
    assert list((server.folder / "blobs").iterdir()) == []
    assert server.made("/api/create") == []


def test_a_file_that_cannot_be_read_is_said_to(server: OllamaServer, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot be read"):
        given(tmp_path / "missing.gguf")


@pytest.mark.skipif(not OPENAPI.is_file(), reason="needs Ollama's openapi.yaml in ../shared/data/ollama")
def test_requests_and_answers_are_those_of_ollamas_own_description(server: OllamaServer, model: Path) -> None:
    """Those that it describes: /api/blobs and `files` are in Ollama's `docs/api.md` only."""
    yaml = pytest.importorskip("yaml")
    described = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
    given(model)
    for path, kind in (("/api/show", "ShowRequest"), ("/api/create", "CreateRequest")):
        content = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert content == {"$ref": f"#/components/schemas/{kind}"}
        schema = content | {"components": described["components"]}
        (request,) = server.made(path)
        Draft202012Validator(schema).validate(request.body)
        assert request.headers["Content-Type"] == "application/json"
    assert "get" in described["paths"]["/api/version"]
    assert described["paths"]["/api/create"]["post"]["responses"]["200"]["content"].keys() == {
        "application/json",
        "application/x-ndjson",
    }
