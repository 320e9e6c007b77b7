"""Where things are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from agx.errors import StorageError
from agx.settings.layers import BUFFER_VARIABLE, HOME_VARIABLE, home_folder

_HINT = f"set {HOME_VARIABLE} to a folder that is yours"


def plans_folder(home: Path) -> Path:
    """Return the folder of the finished plans."""
    return home / "plans"


def buffer_file(named: Path | None = None, *, environ: Mapping[str, str] | None = None) -> Path:
    """Return the file of the plan that is being built: the named one, AGX_PLAN_BUFFER, or that of the home.

    Raises `StorageError` where none is named and this user has no home folder.
    """
    variables = os.environ if environ is None else environ
    if named is not None or variables.get(BUFFER_VARIABLE):
        return Path(named or variables[BUFFER_VARIABLE]).expanduser().absolute()
    return known_home(variables) / "buffer.json"


def known_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return AGX_HOME or ~/.agx; raises `StorageError` where this user has neither."""
    home = home_folder(os.environ if environ is None else environ)
    if home is None:
        raise StorageError("this user has no home folder to keep plans in", hint=_HINT)
    return home
