"""The first thing a worker says: which versions, which build, which devices, which limits."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from agx.engine import devices, native
from agx.worker.protocol import MAX_FRAME_BYTES, PROTOCOL_VERSION, Frame

PACKAGES = ("agx", "llama-cpp-python", "llguidance")


def hello() -> Frame:
    """Give the greeting of the protocol."""
    return {
        "event": "hello",
        "protocol": PROTOCOL_VERSION,
        "pid": os.getpid(),
        "versions": {"python": sys.version.split()[0]} | {name: _version(name) for name in PACKAGES},
        "system_info": native.system_info(),
        "devices": [_device(device) for device in devices.devices()],
        "backends": list(devices.backend_names()),
        "amx_guard": native.needs_amx_guard(),
        "limits": {"frame_bytes": MAX_FRAME_BYTES, "sequences": 1},
    }


def _device(device: devices.Device) -> Frame:
    facts = asdict(device)
    del facts["address"]
    return facts


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        # A checkout that was put on the path and not installed.
        return None
