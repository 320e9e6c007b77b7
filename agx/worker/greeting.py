"""The first thing a worker says: which versions, which build, which devices, which limits."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict

from agx.engine import devices, native
from agx.grammar import llguidance
from agx.util.version import __version__
from agx.worker.protocol import MAX_FRAME_BYTES, PROTOCOL_VERSION, Frame


def hello() -> Frame:
    """Return the greeting of the protocol."""
    return {
        "event": "hello",
        "protocol": PROTOCOL_VERSION,
        "pid": os.getpid(),
        "versions": {
            "python": sys.version.split()[0],
            "agx": __version__,
            "llama-cpp-python": native.version(),
            "llguidance": llguidance.version(),
        },
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
