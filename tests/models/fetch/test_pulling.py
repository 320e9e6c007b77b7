"""Pulling: which files come, what they are called, what is there already, and what may not be replaced."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import gguf
import numpy as np
import pytest

from agx.errors import ModelMissing, StorageError, UsageError
from agx.models.catalog import load_catalog
from agx.models.fetch.hub import HubAccess
from agx.models.fetch.pulling import Pulled, PullOptions, pull
from agx.models.pulled import Manifest, Record
from agx.models.resolve import resolve_model
from tests.hub_server import REPOSITORY, HubServer

NAME = "tiny-Q4_K_M.gguf"
SOURCE = f"hf:{REPOSITORY}/{NAME}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def options(hub: HubServer, tiny_gguf: bytes) -> PullOptions:
    hub.files[NAME] = tiny_gguf
    return PullOptions(HubAccess(hub.url))


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


async def test_a_quantisation_is_looked_up_whatever_its_case(
    hub: HubServer, folder: Path, options: PullOptions, tiny_gguf: bytes
) -> None:
    hub.files |= {"tiny-Q8_0.gguf": b"other", "mmproj-tiny-Q4_K_M.gguf": b"other"}
    for text in (f"{REPOSITORY}:q4_k_m", f"hf:{REPOSITORY}:Q4_K_M"):
        pulled = await pull(text, folder, options=options)
        assert (pulled.name, pulled.source) == ("tiny-Q4_K_M", SOURCE)
        assert pulled.files[0].read_bytes() == tiny_gguf


async def test_what_is_there_is_not_fetched_again(hub: HubServer, folder: Path, options: PullOptions) -> None:
    assert not (await pull(SOURCE, folder, options=options)).was_there
    sent = hub.sent_bytes
    assert (await pull(SOURCE, folder, options=options)).was_there
    assert hub.sent_bytes - sent == len(b"GGUF")


async def test_a_newer_file_on_the_server_replaces_the_old_one(
    hub: HubServer, folder: Path, options: PullOptions
) -> None:
    await pull(SOURCE, folder, options=options)
    hub.files[NAME] += b"newer"
    pulled = await pull(SOURCE, folder, options=options)
    assert not pulled.was_there
    assert pulled.files[0].read_bytes() == hub.files[NAME]


async def test_the_manifest_says_where_a_file_is_from_and_what_hash_it_has(
    hub: HubServer, folder: Path, options: PullOptions
) -> None:
    await pull(SOURCE, folder, options=options)
    digest = hub.sha256(NAME)
    record = Record(NAME, SOURCE, digest, len(hub.files[NAME]), digest)
    assert Manifest(folder).records() == {NAME: record}
    await pull(hub.web(NAME), folder, options=replace(options, name="web"))
    assert Manifest(folder).records()["web.gguf"].sha256 == digest


async def test_a_file_from_elsewhere_is_not_replaced(
    hub: HubServer, folder: Path, options: PullOptions, tiny_gguf: bytes
) -> None:
    folder.mkdir()
    (folder / NAME).write_bytes(b"mine")
    with pytest.raises(StorageError, match="there is another") as caught:
        await pull(SOURCE, folder, options=options)
    assert "--name" in caught.value.hint
    assert (folder / NAME).read_bytes() == b"mine"
    other = await pull(SOURCE, folder, options=replace(options, name="other"))
    assert other.files == (folder / "other.gguf",)
    (folder / NAME).unlink()
    (folder / NAME).mkdir()
    with pytest.raises(StorageError, match="is no file"):
        await pull(SOURCE, folder, options=options)


@pytest.mark.parametrize(
    "other", ["hf:owner/repo-GGUF/other/tiny-Q4_K_M.gguf", "hf:someone/else/tiny-Q4_K_M.gguf", "web"]
)
async def test_another_file_of_the_same_name_is_not_taken_for_the_one_that_is_there(
    hub: HubServer, folder: Path, options: PullOptions, large_gguf: bytes, other: str
) -> None:
    """From another folder of a repository, another repository, and another server."""
    await pull(SOURCE, folder, options=options)
    before = (folder / NAME).read_bytes()
    hub.repositories["someone/else"] = None
    hub.files |= {NAME: large_gguf, f"other/{NAME}": large_gguf}
    source = hub.web(NAME) if other == "web" else other
    with pytest.raises(StorageError, match=f"there is another .*, from {SOURCE}") as caught:
        await pull(source, folder, options=options)
    assert "--name" in caught.value.hint
    assert (folder / NAME).read_bytes() == before
    pulled = await pull(source, folder, options=replace(options, name="second"))
    assert pulled.files[0].read_bytes() == large_gguf
    assert (folder / NAME).read_bytes() == before


async def test_the_same_file_put_there_by_hand_is_taken_over(
    hub: HubServer, folder: Path, options: PullOptions, tiny_gguf: bytes
) -> None:
    folder.mkdir()
    (folder / NAME).write_bytes(tiny_gguf)
    assert (await pull(SOURCE, folder, options=options)).was_there
    assert Manifest(folder).records()[NAME].source == SOURCE


async def test_reading_what_is_there_ends_when_the_pull_is_given_up(
    hub: HubServer, folder: Path, options: PullOptions, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of many gigabytes may be there: nobody waits until all of it is read."""
    folder.mkdir()
    (folder / NAME).write_bytes(tiny_gguf)
    is_reading, outcomes = threading.Event(), queue.Queue[object]()

    def endless(path: Path, *, goes_on: Callable[[int], bool]) -> None:
        is_reading.set()
        until = time.monotonic() + 60
        while goes_on(0) and time.monotonic() < until:
            time.sleep(0.01)
        outcomes.put(goes_on(0))

    monkeypatch.setattr("agx.models.fetch.pulling.compute_sha256", endless)
    task = asyncio.create_task(pull(SOURCE, folder, options=options))
    assert await asyncio.to_thread(is_reading.wait, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(outcomes.get, timeout=60) is False


async def test_a_folder_that_cannot_be_looked_at_is_a_sentence(tmp_path: Path, options: PullOptions) -> None:
    """As one that this user may not read; a name that is too long is none for root either."""
    with pytest.raises(StorageError, match="cannot be read: File name too long"):
        await pull(SOURCE, tmp_path / ("x" * 300), options=options)


async def test_a_link_with_the_models_name_is_not_followed(
    folder: Path, options: PullOptions, tmp_path: Path
) -> None:
    """Neither a link to a file of someone's nor one that leads nowhere."""
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder.mkdir()
    for place in (victim, tmp_path / "not-there"):
        (folder / NAME).symlink_to(place)
        with pytest.raises(StorageError):
            await pull(SOURCE, folder, options=options)
        (folder / NAME).unlink()
    assert victim.read_text() == "precious"
    assert not (tmp_path / "not-there").exists()


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "a/b", ".hidden", "agx-nano", "x\n"])
async def test_a_name_that_leads_elsewhere_is_refused(folder: Path, options: PullOptions, name: str) -> None:
    with pytest.raises(UsageError):
        await pull(SOURCE, folder, options=replace(options, name=name))
    assert not folder.exists()


def _split(path: Path, number: int, count: int) -> bytes:
    """Write one part of a split model that has one tensor in each part."""
    writer = gguf.GGUFWriter(path, "llama")
    if number == 0:
        writer.add_name("split")
        writer.add_block_count(1)
    writer.add_uint16("split.no", number)
    writer.add_uint16("split.count", count)
    writer.add_int32("split.tensors.count", count)
    writer.add_tensor(f"blk.0.t{number}.weight", np.zeros((4, 4), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


async def test_a_split_model_is_fetched_whole(
    hub: HubServer, folder: Path, options: PullOptions, tmp_path: Path
) -> None:
    names = [f"Q8_0/big-Q8_0-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    hub.files |= {name: _split(tmp_path / "part", number, 3) for number, name in enumerate(names)}
    pulled = await pull(f"{REPOSITORY}:Q8_0", folder, options=options)
    assert pulled.name == "big-Q8_0-00001-of-00003"
    assert [path.read_bytes() for path in pulled.files] == [hub.files[name] for name in names]
    assert pulled.card.files == pulled.files
    assert resolve_model(f"{REPOSITORY}:Q8_0", models_dir=folder) == pulled.files[0]
    pulled.files[2].unlink()
    again = await pull(f"hf:{REPOSITORY}/{names[0]}", folder, options=options)
    assert not again.was_there
    assert again.files[2].read_bytes() == hub.files[names[2]]
    named = await pull(f"{REPOSITORY}:Q8_0", folder, options=replace(options, name="mine"))
    assert [path.name for path in named.files] == [f"mine-0000{number}-of-00003.gguf" for number in (1, 2, 3)]


async def test_all_parts_of_a_split_model_have_to_fit_on_the_disk(
    hub: HubServer, folder: Path, options: PullOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"big-Q8_0-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    hub.files |= {name: _split(tmp_path / "part", 0, 3) + bytes(2_000_000) for name in names}
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=70_000_000))
    with pytest.raises(StorageError, match=r"needs 6\.0 MB more"):
        await pull(f"{REPOSITORY}:Q8_0", folder, options=options)
    assert not folder.exists()


@pytest.fixture
def catalogued(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the catalogue name the hub's file under a name, as it does its own."""
    catalog = load_catalog()
    entry = replace(catalog["qwen3-0.6b"], repository=REPOSITORY, file="gone.gguf", quantisation="Q4_K_M")
    monkeypatch.setattr("agx.models.pulled.load_catalog", lambda: {**catalog, entry.name: entry})
    return entry.name


async def test_a_model_is_found_by_what_it_was_pulled_as(
    folder: Path, options: PullOptions, catalogued: str
) -> None:
    names = (catalogued, SOURCE, f"{REPOSITORY}:q4_k_m", f"hf:{REPOSITORY}:Q4_K_M")
    for name in names:
        with pytest.raises(ModelMissing, match="has not been pulled") as caught:
            resolve_model(name, models_dir=folder)
        assert caught.value.hint == f"pull it: agx models pull {name}"
    pulled = await pull(catalogued, folder, options=options)
    for name in (*names, "tiny-Q4_K_M", NAME):
        assert resolve_model(name, models_dir=folder) == pulled.files[0], name


async def test_offline_gives_what_is_there_and_asks_nobody(
    hub: HubServer, folder: Path, options: PullOptions, catalogued: str
) -> None:
    offline = replace(options, access=HubAccess(hub.url, is_offline=True))
    for name in (SOURCE, catalogued, hub.web(NAME)):
        with pytest.raises(ModelMissing, match="stay offline") as caught:
            await pull(name, folder, options=offline)
        assert "--offline" in caught.value.hint
    await pull(SOURCE, folder, options=options)
    asked = len(hub.requests)
    for name in (SOURCE, catalogued):
        assert (await pull(name, folder, options=offline)).was_there
    assert len(hub.requests) == asked


async def test_what_no_catalogue_has_is_refused_with_the_nearest_name(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean qwen3-0\.6b") as caught:
        await pull("qwen3-0.6", folder)
    assert "--catalog" in caught.value.hint
    with pytest.raises(UsageError, match="nothing to fetch"):
        await pull("agx-nano", folder)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"files": 3}', '{"files": {"a": {"source": "s", "sha256": "x"}}}']
)
async def test_a_broken_manifest_forgets_where_files_came_from_and_nothing_else(
    folder: Path, options: PullOptions, text: str
) -> None:
    pulled: Pulled = await pull(SOURCE, folder, options=options)
    (folder / "manifest.json").write_text(text)
    assert Manifest(folder).records() == {}
    assert (await pull(SOURCE, folder, options=options)).was_there
    assert list(json.loads((folder / "manifest.json").read_text())["files"]) == [pulled.files[0].name]
