"""This machine as models see it: memory, cores and GPUs, and what was measured on it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from agx.app.configure import models_folder
from agx.gguf.placement import BACKENDS, Machine, choose_device
from agx.models.measured import Measurements
from agx.models.pulled import Manifest, find_pulled, known_source
from agx.models.recommendation import Gpu, Hardware, Known
from agx.models.speed import calibration
from agx.util.machine import memory_bytes, usable_cpus
from agx.worker.survey import survey

if TYPE_CHECKING:
    from pathlib import Path

    from agx.models.catalog import CatalogEntry
    from agx.settings.layers import Settings


def this_machine() -> Hardware:
    """Return the memory and cores that this process may use, and the GPUs as ggml reports them."""
    host = memory_bytes()
    gpus = tuple(
        Gpu(
            str(device.get("description") or device.get("name")),
            int(device.get("total_bytes") or 0),
            is_shared=device["type"] == "igpu" or str(device.get("name", "")).startswith(("Metal", "MTL")),
        )
        for device in survey()["devices"]
        if device["type"] in {"gpu", "igpu"}
    )
    return Hardware(host[1] if host else _installed_bytes(), usable_cpus(), gpus)


def _installed_bytes() -> int | None:
    """Return the memory that the machine has, where nothing better is known, as on macOS."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def machine_memory(settings: Settings) -> Machine:
    """Return the memory of this machine and of the GPUs that the settings use."""
    host = memory_bytes()
    free, total = host if host is not None else (None, None)
    if settings.text("device") == "cpu":
        return Machine(host_free=free, host_total=total)
    hello = survey()
    listed = [(device["backend"], int(device["free_bytes"])) for device in hello["devices"]]
    chosen = choose_device(
        settings.text("device"), [backend for backend, _ in listed], compiled=hello["backends"]
    )
    gpus = [free_bytes for backend, free_bytes in listed if backend in BACKENDS[chosen]]
    gpu_free = None if chosen == "cpu" else sum(gpus)
    return Machine(gpu_free=gpu_free, host_free=free, host_total=total)


def known_speeds(settings: Settings, catalog: Iterable[CatalogEntry]) -> Known:
    """Return what was measured on this machine's CPU, of pulled models of the catalogue by their names."""
    measurements, folder = Measurements(settings.home), models_folder(settings)
    by_name = {}
    if folder is not None:
        files = ((entry.name, _pulled(entry, folder)) for entry in catalog)
        by_name = {name: measurements.of(file, device="cpu") for name, file in files if file is not None}
    found = {name: measured for name, measured in by_name.items() if measured is not None}
    return Known(found, calibration(measurements.all()))


def _pulled(entry: CatalogEntry, folder: Path) -> Path | None:
    """Return the file of a model that was pulled, or None."""
    source = known_source(entry.name)
    records = None if source is None else find_pulled(source, Manifest(folder))
    return folder / records[0].file if records else None
