"""What is in the models folder: listed, checked, removed."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from agx.errors import ModelMissing, StorageError, UsageError
from agx.models.fetch.part import Version, opened_part
from agx.models.library import (
    ListedModel,
    Verification,
    find,
    in_folder,
    list_models,
    ollama_names,
    remove,
    verify,
)
from agx.models.ollama.in_place import MODEL_LAYER
from agx.models.pulled import Manifest, Record

SOURCE = "hf:owner/repo/tiny.gguf"


@pytest.fixture
def folder(tmp_path: Path, tiny_gguf: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a models folder with a model that was pulled; Ollama has none."""
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.gguf").write_bytes(tiny_gguf)
    Manifest(folder).add(Record("tiny.gguf", SOURCE, hashlib.sha256(tiny_gguf).hexdigest(), len(tiny_gguf)))
    return folder


def half(folder: Path, name: str) -> None:
    with opened_part(folder / name) as part:
        part.begin(Version("hf:owner/repo/half.gguf", "tag", 1000))
        part.write(0, b"GGUF")
        part.save()


def checked(name: str, folder: Path) -> Verification:
    return verify(find(name, folder), folder, started=lambda *_: None, goes_on=lambda _: True)


def test_the_embedded_planner_and_the_folders_models_are_listed(folder: Path) -> None:
    half(folder, "half.gguf")
    (folder / "README.md").write_text("no model")
    models = {model.name: model for model in list_models(folder)}
    assert list(models) == ["agx-nano", "half", "tiny"]
    assert models["tiny"].source == SOURCE
    row = models["tiny"].to_dict()
    assert (row["kind"], row["architecture"], row["context_length"]) == ("file", "qwen3", 1024)
    assert (models["half"].fetched_bytes, models["half"].size_bytes) == (4, 1000)
    assert models["half"].to_dict()["problem"] == "not fetched to its end"
    assert [model.name for model in list_models(None)] == ["agx-nano"]


def test_a_damaged_file_is_listed_with_what_is_wrong(folder: Path, tiny_gguf: bytes) -> None:
    (folder / "bad.gguf").write_bytes(b"<html>")
    (folder / "cut.gguf").write_bytes(tiny_gguf[:500])
    (folder / "dir.gguf").mkdir()
    (folder / "x-00001-of-99999.gguf").write_bytes(tiny_gguf)
    problems = {model.name: model.problem for model in in_folder(folder)}
    assert "is no GGUF file" in problems["bad"]
    assert problems["cut"]
    assert "folder" in problems["dir"]
    assert problems["tiny"] == ""


def test_a_models_folder_that_is_not_there_is_empty_and_one_that_is_none_is_an_error(tmp_path: Path) -> None:
    assert in_folder(tmp_path / "none") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be read"):
        in_folder(tmp_path / "file")


def ollama_folder(tmp_path: Path, content: bytes) -> Path:
    """Write Ollama's folder with one model that is there and one whose blob is gone."""
    folder = tmp_path / "ollama"
    digest = hashlib.sha256(content).hexdigest()
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / f"sha256-{digest}").write_bytes(content)
    for name, known in (("library/small/1b", digest), ("me/gone/latest", "0" * 64)):
        manifest = folder / "manifests" / "registry.ollama.ai" / name
        manifest.parent.mkdir(parents=True)
        layer = {"mediaType": MODEL_LAYER, "digest": f"sha256:{known}", "size": len(content)}
        manifest.write_text(json.dumps({"layers": [layer]}))
    odd = folder / "manifests" / "registry.ollama.ai" / "library" / "small" / ".odd\n"
    odd.write_text("")
    return folder


def test_ollamas_models_are_listed_and_stay(folder: Path, tmp_path: Path, tiny_gguf: bytes) -> None:
    ollama = ollama_folder(tmp_path, tiny_gguf)
    assert [str(name) for name in ollama_names([ollama, tmp_path / "none"])] == ["small:1b", "me/gone:latest"]
    models = {model.name: model for model in list_models(folder) if model.kind == "ollama"}
    assert list(models) == ["ollama:small:1b", "ollama:me/gone:latest"]
    assert models["ollama:small:1b"].card is not None
    assert "missing" in models["ollama:me/gone:latest"].problem
    verdict = checked("ollama:small:1b", folder)
    assert verdict.is_hashed, "its name says its hash"
    assert not verdict.problem
    with pytest.raises(UsageError, match="Ollama's") as caught:
        remove(find("ollama:small:1b", folder), folder)
    assert "ollama rm small:1b" in caught.value.hint


@pytest.mark.parametrize("name", ["tiny", "tiny.gguf", SOURCE])
def test_a_model_is_found_by_its_names(folder: Path, name: str) -> None:
    assert find(name, folder).files == (folder / "tiny.gguf",)


@pytest.mark.parametrize("name", ["tin", "../models/tiny.gguf", "hf:owner/repo/other.gguf", "owner/repo:Q9"])
def test_what_is_not_in_the_folder_is_missing(folder: Path, name: str) -> None:
    with pytest.raises((ModelMissing, UsageError)) as caught:
        find(name, folder)
    assert caught.value.hint


def test_a_model_is_compared_with_what_was_fetched(folder: Path) -> None:
    assert checked("tiny", folder) == Verification(find("tiny", folder), is_hashed=True)
    data = bytearray((folder / "tiny.gguf").read_bytes())
    data[-1] ^= 1
    (folder / "tiny.gguf").write_bytes(data)
    assert checked("tiny", folder).problem == "tiny.gguf is not what was fetched"


def test_a_model_without_a_record_is_checked_by_its_header(folder: Path, tiny_gguf: bytes) -> None:
    (folder / "mine.gguf").write_bytes(tiny_gguf)
    assert checked("mine", folder).to_dict() == {
        "name": "mine", "ok": True, "hash_compared": False, "problem": None,
    }  # fmt: skip
    (folder / "mine.gguf").write_bytes(tiny_gguf[:500])
    assert checked("mine", folder).problem
    half(folder, "half.gguf")
    assert "not fetched" in checked("half", folder).problem


def test_a_model_is_removed_with_all_that_belongs_to_it(folder: Path) -> None:
    half(folder, "tiny.gguf")
    assert remove(find("tiny", folder), folder) > 0
    assert Manifest(folder).records() == {}
    assert [path.name for path in folder.iterdir() if "tiny" in path.name] == []


def test_a_half_fetched_model_is_removed(folder: Path) -> None:
    half(folder, "half.gguf")
    remove(find("half", folder), folder)
    assert [path.name for path in folder.iterdir() if "half" in path.name] == []
    assert (folder / "tiny.gguf").exists()


def test_a_model_that_is_being_fetched_is_not_removed(folder: Path) -> None:
    half(folder, "half.gguf")
    with opened_part(folder / "half.gguf"), pytest.raises(StorageError):
        remove(find("half", folder), folder)
    assert (folder / "half.gguf.part").exists()


def test_a_link_is_removed_and_what_it_points_to_stays(
    folder: Path, tmp_path: Path, tiny_gguf: bytes
) -> None:
    elsewhere = tmp_path / "elsewhere.gguf"
    elsewhere.write_bytes(tiny_gguf)
    (folder / "link.gguf").symlink_to(elsewhere)
    assert remove(find("link", folder), folder) == 0
    assert elsewhere.exists()
    assert not os.path.lexists(folder / "link.gguf")


def test_what_cannot_be_removed_is_named(folder: Path) -> None:
    (folder / "folder.gguf").mkdir()
    with pytest.raises(StorageError, match=r"folder\.gguf cannot be removed: "):
        remove(find("folder", folder), folder)


def test_the_embedded_planner_stays(folder: Path) -> None:
    with pytest.raises(UsageError, match="comes with AGX"):
        remove(find("agx-nano", folder), folder)


def test_nothing_outside_the_folder_is_ever_removed(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.gguf"
    victim.write_text("precious")
    with pytest.raises(AssertionError):
        remove(ListedModel("victim", "file", (victim,)), folder)
    assert victim.exists()
