"""What a warm worker must have in common with the one that a program would start itself.

Only the standard library is used, and nothing is opened: the command line decides with this before it
imports anything heavy.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path

from agx.requests import LoadRequest
from agx.util.version import __version__
from agx.worker.protocol import PROTOCOL_VERSION, Frame

# Variables that llama.cpp and its libraries read: a worker has those of the program that started it.
_VARIABLES = ("CUDA_", "GGML_", "GOMP_", "HIP_", "LLAMA_", "OMP_", "ROCR_")
_DIGITS = 16


def identity(load: LoadRequest) -> Frame | None:
    """Return all that the answers of a worker depend on, as JSON data; None where there is no such file.

    It is the file (where it is, its inode, size and time), the load options, the versions, and the
    environment as far as native code reads it.
    """
    load = load.absolute()
    options = load.as_dict()["options"]
    del options["prompt_cache_mb"]  # what is kept on disk changes no answer
    try:
        file = Path(load.model).resolve(strict=True)
        status = file.stat()
    except (OSError, RuntimeError):
        return None
    return {
        "model": str(file),
        "options": options,
        "file": [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns],
        "agx": [__version__, PROTOCOL_VERSION, str(Path(__file__).resolve().parents[2])],
        "llama_cpp": _llama_cpp(),
        "environment": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(_VARIABLES)},
    }


def name_of(identity: Frame) -> str:
    """Return the name that files of this identity have."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _llama_cpp() -> list[str | int]:
    """Return where llama-cpp-python is and when it was installed, which stands for its build."""
    spec = importlib.util.find_spec("llama_cpp")
    if spec is None or spec.origin is None:
        return []
    return [spec.origin, Path(spec.origin).stat().st_mtime_ns]
