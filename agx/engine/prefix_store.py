"""Beginnings of prompts that outlive the process: their state, in files beside the other caches.

What a model has computed of the part of a prompt that is the same for every instruction is kept for the next
process. It is used only for the same weights, build, options and tokens; where anything differs, it is
computed again.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence as Tokens
from pathlib import Path

from agx.engine import native
from agx.engine.prefix import BLOCK
from agx.util.blob_cache import BlobCache, Facts

# A shorter beginning is computed about as fast as it is read, and so is anything by a small model.
LEAST_TOKENS = 2 * BLOCK
LEAST_WEIGHTS_BYTES = 64 << 20
_SAMPLES = 64
_SAMPLE_BYTES = 4096
_HEAD_BYTES = 1 << 20


class PrefixStore:
    """The states of one model's prompts. `weights` are its files; `facts` say what else changes numbers."""

    def __init__(self, cache: BlobCache, *, weights: Tokens[Path], name: str, facts: Facts) -> None:
        self._cache = cache
        self._facts = {
            "model": name,
            "weights": fingerprint(weights),
            "build": native.build(),
            "system": native.system_info(),
            "block": BLOCK,
            **facts,
        }
        self._refused: set[str] = set()

    def find(self, tokens: Tokens[int]) -> bytes | None:
        """Return the state of these tokens, or None."""
        return self._cache.get(self._facts_of(tokens)) if len(tokens) >= LEAST_TOKENS else None

    def is_missing(self, tokens: Tokens[int]) -> bool:
        """Return whether the state of these tokens is worth being kept, and is not, and could be."""
        if len(tokens) < LEAST_TOKENS:
            return False
        facts = self._facts_of(tokens)
        return facts["tokens"] not in self._refused and facts not in self._cache

    def save(self, tokens: Tokens[int], state: bytes) -> None:
        """Keep a state; where there is no room for it, that is remembered, since making one takes a while."""
        facts = self._facts_of(tokens)
        if not self._cache.put(facts, state):
            self._refused.add(facts["tokens"])

    def _facts_of(self, tokens: Tokens[int]) -> Facts:
        digest = hashlib.sha256(array("i", tokens).tobytes()).hexdigest()
        return {**self._facts, "num_tokens": len(tokens), "tokens": digest}


def fingerprint(files: Tokens[Path]) -> str:
    """Return a hash of model files that is quick: their sizes, time stamps, beginnings, and samples.

    The hash of all their bytes takes longer than the prompt that it would save. Raises `OSError`.
    """
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{status.st_size} {status.st_mtime_ns}\n".encode())
        with path.open("rb", buffering=0) as file:
            digest.update(file.read(_HEAD_BYTES))
            for number in range(_SAMPLES):
                file.seek(status.st_size * number // _SAMPLES)
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()
