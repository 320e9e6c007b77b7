"""What makes two runs the same: the options and tools that decide what a plan may be.

A row names them by a hash. Where and how fast a model runs is not among them, so a run may go on with
more threads or on another device.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from agx.settings.table import SETTINGS
from agx.tools.registry_files import registry_json
from agx.unix.registry import unix_registry

if TYPE_CHECKING:
    from agx.plan.tools import Registry
    from agx.settings.layers import Settings

# A setting counts unless it stands here; `model_path` is in the models of the roles.
_WHERE_AND_HOW_FAST = frozenset(
    "model_path device threads gpu_layers sequences flash_attn cache_type_k cache_type_v mlock mmap "
    "prompt_cache_mb warm timeout_secs record".split()
)
_OF_DELTA = frozenset({"delta_model", "delta_tools_limit"})
_DIGITS = 16


def options_hash(settings: Settings, registry: Registry) -> str:
    """Return the hash of everything that decides what the plans of a run may be, as 16 digits."""
    left_out = _WHERE_AND_HOW_FAST | (_OF_DELTA if settings.text("model_role") == "echo" else frozenset())
    values = {row.name: settings.value(row.name) for row in SETTINGS if row.name not in left_out}
    tools = "unix" if registry is unix_registry() else registry_json(registry)
    text = json.dumps({"settings": values, "tools": tools}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
