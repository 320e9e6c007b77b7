"""The catalogue, `models/catalog.toml`: models known to plan well, and how much memory they need.

Its numbers allow an estimate without the model's file; with the file, `agx models fit` makes a better one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from agx.errors import ConfigError, UsageError
from agx.gguf.memory import BATCH_SIZE, DEFAULT_CONTEXT_LENGTH
from agx.util.files import packaged_file

NAME = "catalog.toml"
ROLES = ("echo", "delta")
_CACHE_BYTES = 2  # a number in the cache is F16
_BUFFER_BYTES = 128 << 20  # llama.cpp's own


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One model. Parameters are in billions; `active` are those that a token passes through.

    `file` is the first part of a split file, and `size_gb` (10^9 bytes) the size of all parts. Of models
    that fit, the one with the highest `preference` comes first. `size` is what a family calls a model of this
    size, such as `qwen3_medium`, and `weights` the repository of the same model for transformers; both are
    empty for models without one.
    """

    name: str
    repository: str
    file: str
    quantisation: str
    size_gb: float
    memory_gb: float
    parameters: float
    active: float
    layers: int
    kv_heads: int
    head_width: int
    width: int
    context: int
    good_for: tuple[str, ...]
    preference: int
    licence: str
    ollama: str
    size: str = ""
    weights: str = ""

    @property
    def memory_bytes(self) -> int:
        """The memory for planning with it, see `memory_needed`."""
        return memory_needed(self)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        return data | {"good_for": list(self.good_for)}


def memory_needed(entry: CatalogEntry, *, context_length: int = DEFAULT_CONTEXT_LENGTH) -> int:
    """Return an estimate of the bytes that a model needs: weights, key-value cache, and buffers of one batch.

    The cache has a row of keys and one of values for each token, layer and key-value head.
    """
    context_length = min(context_length, entry.context)
    kv_width = entry.kv_heads * entry.head_width
    kv_cache = 2 * _CACHE_BYTES * entry.layers * kv_width * context_length
    # A batch's activations: the widest are those of the feed-forward part, about four times the width.
    activations = 4 * BATCH_SIZE * (2 * 4 * entry.width + context_length)
    return round(entry.size_gb * 1e9) + kv_cache + activations + _BUFFER_BYTES


@cache
def load_catalog(path: Path | None = None) -> Mapping[str, CatalogEntry]:
    """Return the catalogue by name, in its order; raises `ModelMissing` or `ConfigError`."""
    path = packaged_file(NAME, what="the catalogue of models") if path is None else path
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))
        entries = [CatalogEntry(name=name, **_checked(row)) for name, row in rows["models"].items()]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path} is no catalogue of models: {error}", hint="install AGX again") from error
    return MappingProxyType({entry.name: entry for entry in entries})


def sizes(catalog: Mapping[str, CatalogEntry] | None = None) -> dict[str, CatalogEntry]:
    """Return the models that have a size's name, by that, the smallest first."""
    entries = (load_catalog() if catalog is None else catalog).values()
    return {entry.size: entry for entry in sorted(entries, key=_active_first) if entry.size}


def model_of_size(name: str) -> CatalogEntry:
    """Return the model that a family's size stands for, such as `qwen3_medium`; raises `UsageError`."""
    known = sizes()
    if name not in known:
        raise UsageError(
            f"no size is called {name[:80]!r}", hint=f"name a model, or one of {', '.join(known)}"
        )
    return known[name]


def _active_first(entry: CatalogEntry) -> tuple[bool, float]:
    """Dense models come before those of experts."""
    return entry.active < entry.parameters, entry.parameters


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    good_for = tuple(row["good_for"])
    if not good_for or not set(good_for) <= set(ROLES):
        raise ValueError(f"good_for is {good_for}")
    return row | {"good_for": good_for, "active": row.get("active", row["parameters"])}
