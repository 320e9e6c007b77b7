"""Models that Ollama has pulled, read in place: from name to manifest, from manifest to layer, to blob.

A manifest is untrusted: its digest can only name a file in the blobs folder. Ollama's folder is only read;
models are added to it through Ollama's API (`agx.models.ollama.sharing`).

Source: https://github.com/ollama/ollama, `types/model/name.go` for names, `manifest` for manifests and
`scripts/install.sh` for the service's folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agx.errors import ModelMissing, ModelUnloadable, UsageError
from agx.util.files import read_bytes
from agx.util.frozen import dataclass

DEFAULT_HOST, DEFAULT_NAMESPACE, DEFAULT_TAG = "registry.ollama.ai", "library", "latest"
MODEL_LAYER = "application/vnd.ollama.image.model"
MAX_MANIFEST_BYTES = 1 << 20
# Where Ollama's service on Linux, which has a user of its own, keeps its models.
SERVICE_FOLDER = Path("/usr/share/ollama/.ollama/models")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}(?::\d{1,5})?")
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class OllamaName:
    """A model's name in its four parts, as Ollama's folders have them."""

    host: str
    namespace: str
    model: str
    tag: str

    @classmethod
    def parse(cls, text: str) -> OllamaName:
        """Read `model`, `model:tag`, `namespace/model:tag` or `host/namespace/model:tag`.

        Raises `UsageError` for an invalid name, such as one that leads out of Ollama's folder.
        """
        *before, last = text.split("/")
        model, colon, tag = last.partition(":")
        host, namespace = DEFAULT_HOST, DEFAULT_NAMESPACE
        if len(before) == 1:
            namespace = before[0]
        elif len(before) == 2:
            host, namespace = before
        parts = (namespace, model, tag if colon else DEFAULT_TAG)
        if len(before) > 2 or not _HOST.fullmatch(host) or not all(map(_PART.fullmatch, parts)):
            raise UsageError(
                f"{text[:120]!r} is no name of an Ollama model",
                hint="write it as `ollama list` does: ollama:qwen2.5:1.5b",
            )
        return cls(host, *parts)

    def __str__(self) -> str:
        """Return the name as Ollama shows it, without default parts."""
        namespace = "" if self.namespace == DEFAULT_NAMESPACE else f"{self.namespace}/"
        host = "" if self.host == DEFAULT_HOST else f"{self.host}/{self.namespace}/"
        return f"{host or namespace}{self.model}:{self.tag}"

    def manifest(self, folder: Path) -> Path:
        """Return the path of the manifest in Ollama's folder."""
        return folder / "manifests" / self.host / self.namespace / self.model / self.tag


def ollama_folders() -> tuple[Path, ...]:
    """Return the folders that Ollama keeps models in: `OLLAMA_MODELS`, or the user's and the service's."""
    named = os.environ.get("OLLAMA_MODELS", "").strip().strip("\"'")
    if named:
        return (Path(named),)
    try:
        return Path.home() / ".ollama" / "models", SERVICE_FOLDER
    except RuntimeError:  # this user has no home
        return (SERVICE_FOLDER,)


def ollama_model(name: str, *, folders: Sequence[Path] | None = None) -> Path:
    """Return the GGUF file of an Ollama model; `name` is the text behind `ollama:`.

    The first of the `folders` with the model counts. The file's name is its SHA-256, which is compared when
    it is loaded. Raises `UsageError` for an invalid name, `ModelMissing` where Ollama has no such model,
    and `ModelUnloadable` for a manifest that cannot be read or trusted.
    """
    known = OllamaName.parse(name)
    folders = ollama_folders() if folders is None else folders
    for folder in folders:
        manifest = _manifest(known, folder)
        if manifest is not None:
            return _blob(known, folder, *_model_layer(known, manifest))
    raise ModelMissing(
        f"Ollama has no model {known} in {' or '.join(map(str, folders))}",
        hint=f"pull it: ollama pull {known} (OLLAMA_MODELS names another folder)",
    )


def named_digest(path: Path) -> str | None:
    """Return the SHA-256 in a file's own name, as Ollama's blobs have it; None without one."""
    match = _DIGEST.fullmatch(path.name)
    return None if match is None else match[1]


def _manifest(name: OllamaName, folder: Path) -> Mapping[str, Any] | None:
    """Return the manifest of a model, or None where this folder has none."""
    try:
        raw = read_bytes(name.manifest(folder), limit=MAX_MANIFEST_BYTES)
    except (NotADirectoryError, IsADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(f"Ollama's manifest of {name}", error) from error
    if raw is None:
        return None
    try:
        manifest = json.loads(raw) if len(raw) <= MAX_MANIFEST_BYTES else None
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise _untrusted(name, "it is no manifest")
    return manifest


def _blob(name: OllamaName, folder: Path, digest: str, size: int) -> Path:
    """Return the file of a digest; raises where it is missing or has another size."""
    blob = folder / "blobs" / f"sha256-{digest}"
    try:
        found = blob.stat().st_size
    except FileNotFoundError:
        raise ModelMissing(
            f"Ollama's model {name} is not whole: its blob sha256-{digest[:12]}… is missing",
            hint=f"fetch it again: ollama pull {name}",
        ) from None
    except OSError as error:
        raise _unreadable(f"Ollama's model {name}", error) from error
    if found != size:
        raise ModelUnloadable(
            f"Ollama's model {name} is damaged: its blob has {found:,} bytes, not {size:,}",
            hint=f"fetch it again: ollama pull {name}",
            path=str(blob),
        )
    return blob


def _model_layer(name: OllamaName, manifest: Mapping[str, Any]) -> tuple[str, int]:
    """Return the digest and the size in bytes of the layer that is the model."""
    layers = manifest.get("layers")
    rows = [row for row in layers if isinstance(row, dict)] if isinstance(layers, list) else []
    models = [row for row in rows if row.get("mediaType") == MODEL_LAYER]
    if len(models) > 1:  # since Ollama 0.35, the parts of a split model
        raise ModelUnloadable(
            f"Ollama's model {name} is in {len(models)} files, which AGX cannot read in place",
            hint="give the path of the first part, as it was downloaded, or pull it unsplit",
        )
    if not models:
        raise _untrusted(name, "it names no GGUF file")
    digest, size = models[0].get("digest"), models[0].get("size")
    match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
    if match is None:
        raise _untrusted(name, f"its digest is {digest!r:.80}")
    if not isinstance(size, int) or isinstance(size, bool) or size <= 0:
        raise _untrusted(name, f"its size is {size!r:.40}")
    return match[1], size


def _untrusted(name: OllamaName, why: str) -> ModelUnloadable:
    return ModelUnloadable(
        f"Ollama's manifest of {name} cannot be used: {why}", hint=f"fetch it again: ollama pull {name}"
    )


def _unreadable(what: str, error: OSError) -> ModelUnloadable:
    return ModelUnloadable(
        f"{what} cannot be read: {error.strerror}",
        hint="let your user read Ollama's folder, or set OLLAMA_MODELS to one of its own",
    )
