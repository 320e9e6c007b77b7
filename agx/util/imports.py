"""Importing one module of a package without running the package's `__init__`, which may import much."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Put an empty package in place of this one during the block, unless it is imported already."""
    if name in sys.modules:
        yield
        return
    spec = find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"there is no package {name}", name=name)
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package
    try:
        yield
    finally:  # a later import gets the whole package
        del sys.modules[name]
