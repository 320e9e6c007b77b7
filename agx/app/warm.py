"""Workers that stay loaded between commands: which model is meant, and which workers there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agx.app.configure import cache_folder, load_options, warm_folder
from agx.app.places import model_file
from agx.backends.specs import LlamaCppSpec
from agx.errors import StorageError, UsageError
from agx.worker.protocol import Frame
from agx.worker.warm.control import bring_up, check_supported, workers

if TYPE_CHECKING:
    from agx.settings.layers import Settings

_SECS = 60.0


def brought_up(
    settings: Settings, model: str | None, *, keep_alive_minutes: float, on_progress: Callable[[float], None]
) -> Frame:
    """Keep a worker loaded as the settings say, and return its status; the model is Echo's unless named.

    Raises `UsageError` where warm workers are turned off, and as `agx.worker.warm.control.bring_up`.
    """
    check_supported()
    path = model_file(settings, model or settings.text("echo_model"))
    load = LlamaCppSpec(path, load=load_options(settings), cache_dir=cache_folder(settings)).load_request
    keep_alive_secs = keep_alive_minutes * _SECS
    return bring_up(load, _folder(settings), keep_alive_secs=keep_alive_secs, on_progress=on_progress)


def kept(settings: Settings) -> list[Frame]:
    """Return the status of every worker that is kept."""
    check_supported()
    return workers(_folder(settings))


def chosen(settings: Settings, found: Sequence[Frame], model: str | None, *, all_: bool) -> list[Frame]:
    """Return which of the workers are meant: those of a model, all of them, or the only one.

    Raises `UsageError` where it is not clear, and `ModelMissing` for a model that cannot be named.
    """
    if all_ or (model is None and len(found) < 2):
        return list(found)
    if model is None:
        names = ", ".join(str(each["name"]) for each in found)
        raise UsageError(
            f"there are {len(found)} workers: {names}", hint="name the model of one, or end them with --all"
        )
    path = _resolved(model_file(settings, model))
    return [each for each in found if path == _resolved(Path(each["model"])) or each["name"] == model]


def _folder(settings: Settings) -> Path:
    folder = warm_folder(settings)
    if folder is not None:
        return folder
    if settings.home is None:
        raise StorageError("this user has no home folder for a socket", hint="set AGX_HOME")
    raise UsageError("workers that stay are turned off", hint="leave --warm off away, or AGX_WARM=off")


def _resolved(path: Path) -> Path:
    return path.absolute().resolve()
