"""Importing a module without what it would import besides and does not need.

`bare_package` leaves out the `__init__` of a package around a module, and `deferred_functions` a module of
which another one has functions that it may never call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
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


@contextmanager
def deferred_functions(name: str) -> Iterator[None]:
    """Let what is imported in the block have functions that import this module when they are called.

    Nothing changes where the module is imported already, and an import after the block gets the module.
    """
    if name in sys.modules:
        yield
        return
    stand_in = ModuleType(name)
    vars(stand_in)["__getattr__"] = lambda function: _deferred(name, function)
    sys.modules[name] = stand_in
    try:
        yield
    finally:
        del sys.modules[name]


@contextmanager
def substituted(name: str, module: ModuleType) -> Iterator[None]:
    """Let what is imported in the block have `module` in place of another one that is not imported yet.

    It has to have what is used of the other one.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = module
    try:
        yield
    finally:  # a later import gets the real one
        del sys.modules[name]


def _deferred(module: str, function: str) -> Callable[..., object]:
    if function.startswith("__"):  # what the import system asks for
        raise AttributeError(function)

    def call(*arguments: object, **named: object) -> object:
        return getattr(import_module(module), function)(*arguments, **named)

    return call
