"""Models in Ollama's folder are found by name, and what its files say is not trusted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from agx.errors import AgxError, ModelMissing, ModelUnloadable, UsageError
from agx.models.ollama.in_place import (
    MODEL_LAYER,
    SERVICE_FOLDER,
    OllamaName,
    named_digest,
    ollama_folders,
    ollama_model,
)

MODEL = b"GGUF and so on"
DIGEST = hashlib.sha256(MODEL).hexdigest()
LAYER = {"mediaType": MODEL_LAYER, "digest": f"sha256:{DIGEST}", "size": len(MODEL)}
TEMPLATE = {"mediaType": "application/vnd.ollama.image.template", "digest": "sha256:" + "0" * 64, "size": 3}


def put(folder: Path, manifest: Any, *, place: str = "registry.ollama.ai/library/qwen2.5/1.5b") -> Path:
    """Make a models folder as Ollama does, with one model."""
    path = folder / "manifests" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest), encoding="utf-8")
    blob = folder / "blobs" / f"sha256-{DIGEST}"
    blob.parent.mkdir(exist_ok=True)
    blob.write_bytes(MODEL)
    return blob


def with_layers(*layers: Any) -> dict[str, Any]:
    return {"schemaVersion": 2, "config": {}, "layers": list(layers)}


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("qwen2.5:1.5b", "registry.ollama.ai/library/qwen2.5/1.5b"),
        ("qwen2.5", "registry.ollama.ai/library/qwen2.5/latest"),
        ("me/mine:v1", "registry.ollama.ai/me/mine/v1"),
        ("hf.co/owner/model-GGUF:Q4_K_M", "hf.co/owner/model-GGUF/Q4_K_M"),
        ("localhost:5000/a/b:c", "localhost:5000/a/b/c"),
    ],
)
def test_a_name_leads_to_the_blob_of_its_model(tmp_path: Path, name: str, place: str) -> None:
    blob = put(tmp_path, with_layers(TEMPLATE, LAYER), place=place)
    assert ollama_model(name, folders=[tmp_path]) == blob
    assert named_digest(blob) == DIGEST


def test_a_name_is_shown_without_its_defaults() -> None:
    names = ["a:latest", "me/a:b", "hf.co/me/a:b"]
    assert [str(OllamaName.parse(name)) for name in names] == names
    assert str(OllamaName.parse("registry.ollama.ai/library/a")) == "a:latest"


@pytest.mark.parametrize(
    "name",
    ["", ":", "a:", "../x", "a/../b", "a/b/c/d", "..:latest", "a:../../etc", "a b", "a\0b", "/a", "a:b:c"],
)
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no name of an Ollama model"):
        ollama_model(name, folders=[tmp_path])


HOSTILE: dict[str, tuple[Any, type[AgxError]]] = {
    "no json": ("{", ModelUnloadable),
    "a list": ("[]", ModelUnloadable),
    "deep nesting": ("[" * 100_000, ModelUnloadable),
    "too long": (" " * (1 << 20) + "{}", ModelUnloadable),
    "no layers": ({}, ModelUnloadable),
    "layers of another kind": ({"layers": "x"}, ModelUnloadable),
    "no model": (with_layers(TEMPLATE), ModelUnloadable),
    "a way out": (with_layers(LAYER | {"digest": "sha256:../../../etc/passwd"}), ModelUnloadable),
    "a digest that is too short": (with_layers(LAYER | {"digest": "sha256:00"}), ModelUnloadable),
    "a digest that is a number": (with_layers(LAYER | {"digest": 1}), ModelUnloadable),
    "another digest": (with_layers(LAYER | {"digest": "sha256:" + "1" * 64}), ModelMissing),
    "another size": (with_layers(LAYER | {"size": 7}), ModelUnloadable),
    "a size that is true": (with_layers(LAYER | {"size": True}), ModelUnloadable),
}


@pytest.mark.parametrize(("manifest", "kind"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_manifest_is_refused(tmp_path: Path, manifest: Any, kind: type[AgxError]) -> None:
    put(tmp_path, manifest)
    with pytest.raises(kind) as caught:
        ollama_model("qwen2.5:1.5b", folders=[tmp_path])
    assert "ollama pull" in caught.value.hint


def test_a_model_that_ollama_does_not_have_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="Ollama has no model x:latest"):
        ollama_model("x", folders=[tmp_path])


def test_the_first_folder_that_has_the_model_counts(tmp_path: Path) -> None:
    """The user's own comes before that of the system's service, and a model may be in one only."""
    own, service = tmp_path / "own", tmp_path / "service"
    theirs = put(service, with_layers(LAYER))
    assert ollama_model("qwen2.5:1.5b", folders=[own, service]) == theirs
    mine = put(own, with_layers(LAYER))
    assert ollama_model("qwen2.5:1.5b", folders=[own, service]) == mine


def test_the_folders_are_those_that_ollama_uses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", f' "{tmp_path}" ')
    assert ollama_folders() == (tmp_path,)
    monkeypatch.setenv("OLLAMA_MODELS", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ollama_folders() == (tmp_path / ".ollama" / "models", SERVICE_FOLDER)


@pytest.mark.parametrize("closed", ["manifests", "blobs"])
def test_a_folder_that_cannot_be_read_is_said_to_be_one(tmp_path: Path, closed: str) -> None:
    """As that of Ollama's service is for most users; here it is a link to itself, which stops root, too."""
    put(tmp_path, with_layers(LAYER))
    shutil.rmtree(tmp_path / closed)
    (tmp_path / closed).symlink_to(tmp_path / closed)
    with pytest.raises(ModelUnloadable, match="cannot be read: ") as caught:
        ollama_model("qwen2.5:1.5b", folders=[tmp_path])
    assert "OLLAMA_MODELS" in caught.value.hint


def test_a_pipe_in_a_manifests_place_is_not_waited_for(tmp_path: Path) -> None:
    """Ollama's service is another user, and whatever lies in its folder is asked for by every list."""
    put(tmp_path, {})
    place = OllamaName.parse("qwen2.5:1.5b").manifest(tmp_path)
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(ModelUnloadable, match="it is no manifest"):
        ollama_model("qwen2.5:1.5b", folders=[tmp_path])


def test_a_split_model_is_not_read_in_place(tmp_path: Path) -> None:
    put(tmp_path, with_layers(LAYER, LAYER, TEMPLATE))
    with pytest.raises(ModelUnloadable, match=r"qwen2\.5:1\.5b is in 2 files") as caught:
        ollama_model("qwen2.5:1.5b", folders=[tmp_path])
    assert "path" in caught.value.hint
