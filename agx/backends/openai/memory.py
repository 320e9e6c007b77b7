"""What was found out of servers, kept on disk: the next process need not ask in forms that they refuse.

It is kept for a week, since a server may learn another form. What cannot be read or written is asked again.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from agx.backends.openai.abilities import FORMS, Abilities, Flavour, Form
from agx.backends.openai.spec import OpenAISpec
from agx.util.files import read_bytes, replace_file

FILE_NAME = "servers.json"
KEPT_SECS = 7 * 24 * 3600.0
_MAX_BYTES, _MAX_SERVERS = 1 << 20, 200


def remembered(spec: OpenAISpec, flavour: Flavour) -> Abilities | None:
    """Return what is known of a model on a server of that flavour; None where that is nothing."""
    entry: Any = _entries(spec.cache_dir).get(_key(spec))
    try:
        abilities = Abilities(
            Flavour(entry["flavour"]), Form(entry["form"]), entry["budget_field"], frozenset(entry["dropped"])
        )
    except (KeyError, TypeError, ValueError):
        return None
    is_known = abilities.flavour is flavour and abilities.form in FORMS[flavour]
    return abilities if is_known else None


def remember(spec: OpenAISpec, abilities: Abilities) -> None:
    """Keep what is known of a model on a server."""
    if spec.cache_dir is None:
        return
    values: dict[str, Any] = {each.name: getattr(abilities, each.name) for each in fields(Abilities)}
    entry = values | {"dropped": sorted(abilities.dropped), "at": time.time()}
    entries = {**_entries(spec.cache_dir), _key(spec): entry}
    newest = sorted(entries.items(), key=lambda pair: pair[1]["at"])[-_MAX_SERVERS:]
    with suppress(OSError):
        spec.cache_dir.mkdir(parents=True, exist_ok=True)
        replace_file(spec.cache_dir / FILE_NAME, json.dumps(dict(newest)).encode(), is_durable=False)


def _entries(folder: Path | None) -> dict[str, Any]:
    """Return all entries that are not too old."""
    if folder is None:
        return {}
    try:
        data = read_bytes(folder / FILE_NAME, limit=_MAX_BYTES) or b"{}"
        found = json.loads(data)
        oldest = time.time() - KEPT_SECS
        return {key: entry for key, entry in found.items() if oldest <= entry["at"] <= time.time()}
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return {}


def _key(spec: OpenAISpec) -> str:
    """Return the place of a model: an address may say more than others should read in a cache."""
    named = json.dumps([spec.endpoint.base_url, spec.endpoint.path, spec.model])
    return hashlib.sha256(named.encode()).hexdigest()
