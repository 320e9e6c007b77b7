"""Backends that other packages bring, by the entry point group `agx.backends`.

An entry point names something that is called with the choice of a model and with what is attached, and that
returns a backend::

    [project.entry-points."agx.backends"]
    mine = "my_package.backend:open_backend"

    def open_backend(choice: ModelChoice, attached: Attachments) -> ModelBackend: ...

`--backend plugin:mine` opens it. Nothing of a package is imported before that.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from agx.backends.base import ModelBackend
from agx.backends.specs import Attachments, PluginSpec
from agx.errors import AgxError, ConfigError, UsageError
from agx.util.texts import nearest

GROUP = "agx.backends"


def open_plugin(spec: PluginSpec, attached: Attachments | None = None) -> ModelBackend:
    """Return the backend of a package.

    Raises `UsageError` where no package brings one of this name, `ConfigError` where its code fails or
    returns something else, and AGX's own errors that it raises.
    """
    attached = attached or Attachments()
    if attached.worker is not None:
        attached.worker.kill()
    point = _found(spec.name)
    try:
        backend = point.load()(spec.choice, attached)
    except AgxError:
        raise
    except Exception as error:
        raise ConfigError(
            f"the backend {spec.name} of {_package(point)} cannot be opened: {type(error).__name__}: {error}",
            hint="this is the package's to mend: update it, or use another backend",
        ) from error
    if not isinstance(backend, ModelBackend):
        raise ConfigError(
            f"the backend {spec.name} of {_package(point)} is no ModelBackend but {type(backend).__name__}",
            hint="this is the package's to mend: update it, or use another backend",
        )
    return backend


def plugin_names() -> list[str]:
    """Return the names of the backends that installed packages bring."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def _found(name: str) -> EntryPoint:
    points = entry_points(group=GROUP, name=name)
    if not points:
        known = plugin_names()
        installed = f"installed are {', '.join(known)}" if known else "none is installed"
        raise UsageError(
            f"no package brings a backend {name!r}{nearest(name, known)}",
            hint=f"install the package with it into the environment of agx; {installed}",
        )
    return next(iter(points))


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
