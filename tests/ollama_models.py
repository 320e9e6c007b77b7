"""Models folders in Ollama's layout: manifests by name, and blobs that are called by their SHA-256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from agx.models.ollama.in_place import MODEL_LAYER, OllamaName

CONFIG_LAYER = "application/vnd.docker.container.image.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


def put_model(folder: Path, name: str, data: bytes) -> Path:
    """Put a model into the folder, as a pull would; give the path of its blob."""
    config, model = _put_blob(folder, b"{}"), _put_blob(folder, data)
    put_manifest(folder, name, [layer_of(model)], config=layer_of(config, media_type=CONFIG_LAYER))
    return model


def put_manifest(folder: Path, name: str, layers: Any, *, config: Any = None) -> Path:
    """Write the manifest of a model, whatever its layers are; give its path."""
    path = OllamaName.parse(name).manifest(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config or {}, "layers": layers}
    path.write_text(json.dumps(manifest), encoding="utf-8")
    return path


def layer_of(blob: Path, *, media_type: str = MODEL_LAYER) -> dict[str, Any]:
    """Return the entry of a manifest that names a blob."""
    digest = blob.name.replace("-", ":")
    return {"mediaType": media_type, "digest": digest, "size": blob.stat().st_size}


def tree_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return every path below a folder with its mode, its time stamp and its content's hash."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        content = hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b""
        found[str(path.relative_to(folder))] = (status.st_mode, status.st_mtime_ns, content)
    return found


def _put_blob(folder: Path, data: bytes) -> Path:
    path = folder / "blobs" / f"sha256-{hashlib.sha256(data).hexdigest()}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
