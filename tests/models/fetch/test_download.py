"""Downloads from servers that misbehave: what comes out is right to the byte, or one sentence."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from agx.errors import AgxError, BackendUnreachable, ModelMissing, ModelUnloadable, StorageError
from agx.models.fetch import part
from agx.models.fetch.hub import HubAccess
from agx.models.fetch.part import part_of, read_state, state_of
from agx.models.fetch.pulling import Pulled, PullOptions, pull
from agx.models.fetch.remote import Patience
from agx.models.fetch.watcher import SilentWatcher
from tests.hub_server import REPOSITORY, Behaviour, HubServer

NAME = "tiny-Q4_K_M.gguf"
SOURCE = f"hf:{REPOSITORY}/{NAME}"
PATIENCE = Patience(tries=3, first_secs=0.02, longest_secs=0.05, longest_asked_secs=1.0)


@dataclass
class Ear(SilentWatcher):
    """Remembers what it was told."""

    notes: list[str] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)
    wait_secs: list[float] = field(default_factory=list)
    had: list[int] = field(default_factory=list)
    num_received: int = 0

    def started(self, name: str, *, size_bytes: int | None, have_bytes: int) -> None:
        self.had.append(have_bytes)

    def received(self, num_bytes: int) -> None:
        self.num_received += num_bytes

    def waiting(self, reason: str, *, wait_secs: float) -> None:
        self.waits.append(reason)
        self.wait_secs.append(wait_secs)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@dataclass
class Puller:
    """Pulls from the hub into a folder."""

    hub: HubServer
    folder: Path
    options: PullOptions
    ear: Ear = field(default_factory=Ear)

    async def __call__(self, source: str = SOURCE) -> Pulled:
        self.ear = Ear()
        return await pull(source, self.folder, options=self.options, watcher=self.ear)

    @property
    def target(self) -> Path:
        return self.folder / NAME

    def left(self) -> list[str]:
        """Return what lies in the folder, without what is hidden."""
        return sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))


@pytest.fixture
def puller(hub: HubServer, tmp_path: Path, large_gguf: bytes) -> Puller:
    hub.files[NAME] = large_gguf
    return Puller(hub, tmp_path / "models", PullOptions(HubAccess(hub.url), patience=PATIENCE))


def interrupted(puller: Puller) -> None:
    """Leave the first 4 MiB and 2 more in the middle, as an interrupted download does."""
    data = puller.hub.files[NAME]
    with part.opened_part(puller.target) as half:
        half.begin(part.Version(SOURCE, puller.hub.sha256(NAME), len(data)))
        for start, end in ((0, 4 << 20), (8 << 20, 10 << 20)):
            half.write(start, data[start:end])
        half.save()


async def test_a_file_is_fetched_by_several_connections_and_gets_its_name(puller: Puller) -> None:
    pulled = await puller()
    assert pulled.files == (puller.target,)
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert pulled.sha256 == (puller.hub.sha256(NAME),)
    assert puller.left() == ["manifest.json", NAME]
    ranges = {request.headers.get("Range") for request in puller.hub.requests if not request.is_hub}
    assert len(ranges) > 4
    assert puller.ear.num_received == len(puller.hub.files[NAME])


async def test_connections_that_are_cut_go_on_where_they_stopped(puller: Puller) -> None:
    puller.hub.does.drop_every = 3_000_000
    await puller()
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert puller.ear.num_received == len(puller.hub.files[NAME]), "nothing is fetched twice"


async def test_what_was_fetched_before_is_not_fetched_again(puller: Puller) -> None:
    interrupted(puller)
    await puller()
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert puller.ear.had == [6 << 20]
    assert puller.ear.num_received == len(puller.hub.files[NAME]) - (6 << 20)


async def test_a_download_that_was_cancelled_keeps_what_has_come(puller: Puller) -> None:
    puller.hub.does.secs_for_chunk = 0.01
    task = asyncio.create_task(puller())
    while puller.ear.num_received < 1_000_000:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    state = read_state(puller.target)
    assert state is not None
    kept = state.ranges.num_bytes
    assert kept >= 1_000_000
    puller.hub.does.secs_for_chunk = 0
    await puller()
    assert puller.ear.had == [kept]
    assert puller.target.read_bytes() == puller.hub.files[NAME]


async def test_a_file_that_changed_between_two_pulls_starts_anew_and_says_so(puller: Puller) -> None:
    interrupted(puller)
    puller.hub.files[NAME] = puller.hub.files[NAME][:-1] + b"!"
    await puller()
    assert puller.ear.notes == ["the file has changed on the server: the download starts anew"]
    assert puller.ear.had == [0]
    assert puller.target.read_bytes() == puller.hub.files[NAME]


async def test_a_file_that_changes_while_it_is_fetched_starts_anew(puller: Puller) -> None:
    puller.hub.does.secs_for_chunk = 0.005
    task = asyncio.create_task(puller())
    while puller.ear.num_received < 1_000_000:
        await asyncio.sleep(0.01)
    puller.hub.files[NAME] = puller.hub.files[NAME][:-1] + b"!"
    puller.hub.does.secs_for_chunk = 0
    await task
    assert "changed on the server" in puller.ear.notes[0]
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert (await puller()).was_there, "the record is of the version that came"


async def test_a_shorter_file_than_before_starts_anew(puller: Puller, tiny_gguf: bytes) -> None:
    """The ranges that are missing are not there any more (416)."""
    interrupted(puller)
    puller.hub.files[NAME] = tiny_gguf
    await puller()
    assert puller.target.read_bytes() == tiny_gguf


async def test_what_has_another_hash_than_the_hub_says_is_removed(puller: Puller) -> None:
    puller.hub.does.wrong_sha256 = "0" * 64
    with pytest.raises(ModelUnloadable, match="came damaged") as caught:
        await puller()
    assert caught.value.details["sha256"] == puller.hub.sha256(NAME)
    assert puller.left() == []


async def test_bytes_that_rotted_in_the_part_are_found(puller: Puller) -> None:
    interrupted(puller)
    with part_of(puller.target).open("r+b") as file:
        file.seek(1000)
        file.write(b"rotten")
    with pytest.raises(ModelUnloadable, match="came damaged"):
        await puller()
    await puller()
    assert puller.target.read_bytes() == puller.hub.files[NAME]


async def test_a_server_without_ranges_is_read_by_one_connection(puller: Puller) -> None:
    puller.hub.does.has_ranges = False
    interrupted(puller)
    await puller()
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert len([one for one in puller.hub.requests if not one.is_hub]) == 2


async def test_a_server_without_ranges_that_is_cut_once_is_read_from_the_beginning(puller: Puller) -> None:
    puller.hub.does.has_ranges = False
    puller.hub.does.drop_every = 3_000_000
    with pytest.raises(BackendUnreachable, match="was cut") as caught:
        await puller()
    assert "same command goes on" in caught.value.hint
    puller.hub.does.drop_every = 0
    await puller()
    assert puller.ear.had == [3_000_000]
    assert puller.target.read_bytes() == puller.hub.files[NAME]


async def test_a_server_that_sends_less_than_it_says_is_asked_again_and_given_up(puller: Puller) -> None:
    puller.hub.does.too_long_by = 10
    puller.hub.does.has_ranges = False
    with pytest.raises(BackendUnreachable, match="was cut"):
        await puller()
    assert not puller.target.exists()


async def test_nothing_is_kept_that_nobody_can_go_on_with(
    puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a server that does not say which version it has, and on a disk that is full already."""

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        if offset > 5_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(descriptor, data)

    monkeypatch.setattr(os, "pwrite", pwrite)
    puller.hub.does = replace(puller.hub.does, has_tag=False, has_length=False, has_ranges=False)
    with pytest.raises(StorageError, match="No space left") as caught:
        await puller(puller.hub.web(NAME))
    assert caught.value.hint.endswith("the same command starts anew")
    assert puller.left() == []


async def test_a_server_that_says_neither_size_nor_version_is_read_to_its_end(puller: Puller) -> None:
    puller.hub.does = replace(puller.hub.does, has_tag=False, has_length=False, has_ranges=False)
    await puller(puller.hub.web(NAME))
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert not state_of(puller.target).exists()


@pytest.mark.parametrize(
    ("refusal", "exit_code", "words", "hint"),
    [
        ((401, {}), 4, "is not there, or is private", "HF_TOKEN"),
        ((401, {"X-Error-Code": "GatedRepo"}), 4, "without permission", "accept its licence"),
        ((403, {}), 4, "without permission", "accept its licence"),
        ((404, {}), 4, "is not there", "look at"),
        ((418, {}), 5, "refuses", "look at"),
        ((429, {}), 5, "asked too often", "later"),
        ((429, {"Retry-After": "3600"}), 5, "asked too often", "in 60 minutes"),
        ((500, {}), 5, "in trouble", "later"),
        ((503, {}), 5, "in trouble", "later"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_refusal_is_a_sentence_with_a_hint(
    puller: Puller, refusal: tuple[int, dict[str, str]], exit_code: int, words: str, hint: str
) -> None:
    puller.hub.does.refuse_all = refusal
    with pytest.raises(AgxError, match=words) as caught:
        await puller()
    assert hint in caught.value.hint
    assert caught.value.exit_code == exit_code
    assert not puller.folder.exists()


async def test_a_server_in_trouble_is_asked_again_when_it_says(puller: Puller) -> None:
    puller.hub.does.refusals = [(503, {}), (429, {"Retry-After": "1"})]
    await puller()
    assert [reason.rpartition(" ")[2] for reason in puller.ear.waits] == ["(503)", "(429)"]
    assert puller.ear.wait_secs == [0.02, 1.0]
    assert puller.target.exists()


async def test_trouble_in_the_middle_does_not_end_the_download(puller: Puller) -> None:
    puller.hub.does.secs_for_chunk = 0.002
    task = asyncio.create_task(puller())
    while puller.ear.num_received < 1_000_000:
        await asyncio.sleep(0.005)
    puller.hub.does.refusals = [(503, {}), (500, {})]
    puller.hub.does.drop_every = 500_000
    await task
    assert puller.target.read_bytes() == puller.hub.files[NAME]


async def test_an_address_that_expires_in_the_middle_is_asked_for_anew(puller: Puller) -> None:
    """Every address is good for one request, and some are too old when the hub gives them."""
    puller.hub.does.has_expiring_addresses = True
    puller.hub.does.num_expired_addresses = 1
    puller.hub.does.drop_every = 3_000_000
    await puller()
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert puller.ear.num_received == len(puller.hub.files[NAME]), "nothing is fetched twice"
    assert "does not give" in puller.ear.waits[0]


async def test_an_expired_address_in_the_middle_ends_nothing(puller: Puller) -> None:
    puller.hub.does.secs_for_chunk = 0.002
    task = asyncio.create_task(puller())
    while puller.ear.num_received < 1_000_000:
        await asyncio.sleep(0.005)
    puller.hub.does.num_expired_addresses = 2
    await task
    assert puller.target.read_bytes() == puller.hub.files[NAME]
    assert puller.ear.num_received == len(puller.hub.files[NAME])
    assert any("(403)" in reason for reason in puller.ear.waits)


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_storage_that_refuses_is_not_a_licence_to_accept(puller: Puller, status: int) -> None:
    interrupted(puller)
    puller.hub.does.refuse_store = (status, {})
    with pytest.raises(BackendUnreachable, match=rf"to which .* does not give .* \({status}\)") as caught:
        await puller()
    assert caught.value.retryable
    assert "a proxy or firewall blocks 127.0.0.1:" in caught.value.hint
    assert "HF_TOKEN" not in caught.value.hint
    puller.hub.does.refuse_store = None
    await puller()
    assert puller.ear.had == [6 << 20]


async def test_a_gate_that_a_redirect_leads_to_is_still_a_gate(puller: Puller) -> None:
    puller.hub.does.refuse_store = (403, {"X-Error-Code": "GatedRepo"})
    with pytest.raises(ModelMissing, match="without permission"):
        await puller()


async def test_a_signed_address_that_has_expired_needs_a_new_one(puller: Puller) -> None:
    """A person copied it; with a new one the download goes on."""
    source = puller.hub.web(NAME)
    puller.hub.does.secs_for_chunk = 0.01
    puller.hub.does.drop_every = 1_500_000
    task = asyncio.create_task(puller(f"{source}?signature=old"))
    while puller.ear.num_received < 1_000_000:
        await asyncio.sleep(0.01)
    puller.hub.does.refuse_store = (403, {})
    with pytest.raises(ModelMissing, match=r"does not give .*tiny-Q4_K_M\.gguf \(403\)") as caught:
        await task
    assert "copy a new one" in caught.value.hint
    assert "old" not in caught.value.message + caught.value.hint
    puller.hub.does = Behaviour()
    await puller(f"{source}?signature=new")
    assert puller.ear.had[0] >= 1_000_000
    assert puller.target.read_bytes() == puller.hub.files[NAME]


async def test_a_page_behind_a_login_is_not_a_model_of_the_hub(puller: Puller) -> None:
    puller.hub.does.refuse_store = (401, {})
    with pytest.raises(ModelMissing, match="does not give") as caught:
        await puller(puller.hub.web(NAME))
    assert "logs in nowhere" in caught.value.hint


@pytest.mark.parametrize(
    "headers",
    [
        {"RateLimit": '"resolvers";r=0;t=1', "RateLimit-Policy": '"resolvers";q=9;w=300'},
        {"RateLimit-Reset": "1"},
    ],
    ids=["a limit", "an older one"],
)
async def test_a_limit_that_is_used_up_is_waited_for(puller: Puller, headers: dict[str, str]) -> None:
    puller.hub.does.refusals = [(429, headers)]
    await puller()
    assert puller.ear.wait_secs == [1.0]


async def test_a_limit_is_higher_for_those_whom_the_hub_knows(puller: Puller) -> None:
    puller.hub.does.refuse_all = (429, {"RateLimit": '"api";r=0;t=900'})
    with pytest.raises(BackendUnreachable, match="asked too often") as caught:
        await puller()
    assert caught.value.hint.startswith("set HF_TOKEN")
    assert "in 15 minutes" in caught.value.hint
    puller.options = replace(puller.options, access=HubAccess(puller.hub.url, "hf_secret"))
    with pytest.raises(BackendUnreachable, match="asked too often") as caught:
        await puller()
    assert caught.value.hint.startswith("try again in 15 minutes")


async def test_nobody_there_is_a_sentence(puller: Puller) -> None:
    puller.options = replace(puller.options, access=HubAccess("http://127.0.0.1:9"))
    with pytest.raises(BackendUnreachable, match=r"no connection to 127\.0\.0\.1:9") as caught:
        await puller()
    assert caught.value.retryable


async def test_the_token_goes_to_the_hub_and_to_nobody_else(puller: Puller) -> None:
    puller.options = replace(puller.options, access=HubAccess(puller.hub.url, "hf_secret"))
    await puller(f"{REPOSITORY}:Q4_K_M")
    sent = {request.is_hub: request.headers.get("Authorization") for request in puller.hub.requests}
    assert sent == {True: "Bearer hf_secret", False: None}
    puller.hub.requests.clear()
    puller.hub.files["web.gguf"] = puller.hub.files[NAME]
    await puller(puller.hub.web("web.gguf"))
    assert all("Authorization" not in request.headers for request in puller.hub.requests)


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://x/y.gguf", "http://", "http://[::1"])
async def test_a_redirect_to_nowhere_is_a_sentence(puller: Puller, place: str) -> None:
    puller.hub.does.redirect_to = place
    with pytest.raises(BackendUnreachable):
        await puller()


async def test_the_host_that_does_not_answer_is_named_also_behind_a_redirect(puller: Puller) -> None:
    puller.hub.does.redirect_to = "http://127.0.0.1:9/x"
    with pytest.raises(BackendUnreachable, match=r"no connection to 127\.0\.0\.1:9$"):
        await puller()


async def test_redirects_in_a_circle_end(puller: Puller) -> None:
    puller.hub.does.redirect_to = f"{puller.hub.url}/{REPOSITORY}/resolve/main/{NAME}"
    with pytest.raises(BackendUnreachable, match="sends on from one address to the next"):
        await puller()


@pytest.mark.parametrize("data", [b"", b"GG", b"<html>Sign in</html>"], ids=["empty", "short", "page"])
async def test_what_is_no_model_is_refused_before_anything_is_kept(puller: Puller, data: bytes) -> None:
    puller.hub.files[NAME] = data
    with pytest.raises(ModelUnloadable, match="is no GGUF file"):
        await puller()
    assert not puller.folder.exists()


async def test_a_header_that_cannot_be_read_is_removed_and_says_so(puller: Puller) -> None:
    puller.hub.files[NAME] = b"GGUF" + bytes(1000)
    with pytest.raises(ModelUnloadable, match="was removed"):
        await puller()
    assert puller.left() == []


async def test_a_full_disk_is_known_beforehand(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=70 << 20))
    with pytest.raises(StorageError, match=r"needs 20\.\d MB more, and 73\.4 MB are free"):
        await puller()
    assert not puller.folder.exists()
    interrupted(puller)
    with pytest.raises(StorageError, match=r"needs 13\.\d MB more"):
        await puller()


async def test_a_disk_that_would_be_left_nearly_full_is_refused_in_words_that_add_up(
    puller: Puller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=30_000_000))
    with pytest.raises(
        StorageError, match=r"and 30\.0 MB are free in .*, which would leave less than 67\.1 MB"
    ):
        await puller()


async def test_a_disk_that_fills_up_keeps_what_fits(puller: Puller, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        if offset > 5_000_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data, offset)

    puller.options = replace(puller.options, connections=1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        with pytest.raises(StorageError, match="No space left") as caught:
            await puller()
    assert "goes on" in caught.value.hint
    await puller()
    assert puller.ear.had[0] > 4_000_000
    assert puller.target.read_bytes() == puller.hub.files[NAME]
