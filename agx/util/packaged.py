"""Files that come with AGX: in a wheel inside the package, in a checkout beside it."""

from __future__ import annotations

from pathlib import Path

from agx.errors import ModelMissing


def packaged_file(name: str, *, what: str) -> Path:
    """Return the place of a file of the folder `models`; raises `ModelMissing`, which says `what` it is."""
    package = Path(__file__).resolve().parents[1]
    for path in (package / "data" / name, package.parent / "models" / name):
        if path.is_file():
            return path
    raise ModelMissing(f"{what} is missing from this installation", hint="install AGX again")
