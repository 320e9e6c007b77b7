"""The devices that ggml lists, and which of them a setting means."""

from __future__ import annotations

import ctypes

from agx.engine import native
from agx.gguf.placement import BACKENDS, choose_device
from agx.util.frozen import dataclass

_TYPES = {0: "cpu", 1: "gpu", 2: "igpu", 3: "accelerator"}


@dataclass(frozen=True, slots=True)
class Device:
    """One device as ggml lists it; `backend` names its ggml backend, such as CPU or CUDA."""

    name: str
    backend: str
    type: str
    description: str
    free_bytes: int
    total_bytes: int
    address: int


def backend_names() -> tuple[str, ...]:
    """Return the names of the compiled backends, whether or not this machine has a device for them."""
    count = native.ggml_function("ggml_backend_reg_count", ctypes.c_size_t)()
    get = native.ggml_function("ggml_backend_reg_get", ctypes.c_void_p, ctypes.c_size_t)
    name = native.ggml_function("ggml_backend_reg_name", ctypes.c_char_p, ctypes.c_void_p)
    assert isinstance(count, int)
    return tuple(native.text(name(get(index))) for index in range(count))


def devices() -> tuple[Device, ...]:
    """Return every device that ggml knows on this machine."""
    count = native.ggml_function("ggml_backend_dev_count", ctypes.c_size_t)()
    get = native.ggml_function("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
    assert isinstance(count, int)
    return tuple(_device(address) for index in range(count) if isinstance(address := get(index), int))


def resolve(name: str) -> tuple[str, tuple[Device, ...]]:
    """Return the device that a setting means, and the GPUs to use for it (none for the CPU).

    `name` is auto, cuda, metal or cpu. Raises `DeviceUnavailable`, which says whether the build or
    the machine lacks it, and `ConfigError` for any other name.
    """
    listed = devices()
    known = choose_device(name, [device.backend for device in listed], compiled=backend_names())
    return known, tuple(device for device in listed if known != "cpu" and device.backend in BACKENDS[known])


def _device(address: int) -> Device:
    pointer, size = ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)
    registry = native.ggml_function("ggml_backend_dev_backend_reg", pointer, pointer)(address)
    backend = native.ggml_function("ggml_backend_reg_name", ctypes.c_char_p, pointer)(registry)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    native.ggml_function("ggml_backend_dev_memory", None, pointer, size, size)(address, free, total)
    kind = native.ggml_function("ggml_backend_dev_type", ctypes.c_int, pointer)(address)
    described = native.ggml_function("ggml_backend_dev_description", ctypes.c_char_p, pointer)(address)
    return Device(
        name=native.text(native.ggml_function("ggml_backend_dev_name", ctypes.c_char_p, pointer)(address)),
        backend=native.text(backend),
        type=_TYPES.get(kind, "other") if isinstance(kind, int) else "other",
        description=native.text(described),
        free_bytes=free.value,
        total_bytes=total.value,
        address=address,
    )
