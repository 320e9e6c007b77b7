"""The layers that settings are read from, lowest to highest, and where each value came from.

default < user < project < environment < command line. A layer is a mapping from a setting's name to
what it says; merging takes, for each setting, the highest layer that names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import IntEnum
from pathlib import Path

from agx.errors import ConfigError
from agx.settings.endpoints import TABLE as ENDPOINTS
from agx.settings.endpoints import EndpointTable, read_endpoints
from agx.settings.setting import SettingValue
from agx.settings.table import BY_NAME, SETTINGS
from agx.settings.toml_file import read_file
from agx.util.frozen import dataclass
from agx.util.texts import nearest

HOME_VARIABLE = "AGX_HOME"
API_KEY_VARIABLE = "AGX_OPENAI_API_KEY"  # a key is no setting: nothing shows or keeps it
BUFFER_VARIABLE = "AGX_PLAN_BUFFER"  # where the plan that is being built is kept, see `agx.store`


class Source(IntEnum):
    """The layers; a higher number wins."""

    DEFAULT = 0
    USER = 1
    PROJECT = 2
    ENVIRONMENT = 3
    COMMAND_LINE = 4


@dataclass(frozen=True, slots=True)
class Given:
    """One value and where it came from: `origin` is a file and line, a variable or an option."""

    value: SettingValue
    source: Source
    origin: str


Layer = Mapping[str, Given]


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value and origin. `home` is None where no home folder can be named.

    `endpoints` are the servers that the files name, the project's before the user's.
    """

    given: Mapping[str, Given]
    home: Path | None = None
    warnings: tuple[str, ...] = field(default=(), repr=False)
    endpoints: Mapping[str, EndpointTable] = field(default_factory=dict)

    @property
    def endpoint_name(self) -> str | None:
        """The endpoint that the backend `openai` is to use; None where none is named."""
        return self._name_behind("openai")

    @property
    def plugin_name(self) -> str | None:
        """The backend of another package that is to be used; None where none is named."""
        return self._name_behind("plugin")

    def _name_behind(self, backend: str) -> str | None:
        words = [word.partition(":") for word in self.text("backend").split(",")]
        return next((name for word, _, name in words if name and word == backend), None)

    def value(self, name: str) -> SettingValue:
        """Return the value of one setting."""
        return self.given[name].value

    def text(self, name: str) -> str:
        """Return a setting that always is a text."""
        value = self.value(name)
        assert isinstance(value, str), name
        return value

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where none was set."""
        return None if self.value(name) is None else self.text(name)

    def integer(self, name: str) -> int:
        """Return a setting that always is a whole number."""
        value = self.value(name)
        assert isinstance(value, int), name
        return value

    def optional_integer(self, name: str) -> int | None:
        """Return a whole number, or None where none was set."""
        return None if self.value(name) is None else self.integer(name)

    def number(self, name: str) -> float:
        """Return a setting that always is a number."""
        value = self.value(name)
        assert isinstance(value, float), name
        return value

    def optional_number(self, name: str) -> float | None:
        """Return a number, or None where none was set."""
        return None if self.value(name) is None else self.number(name)

    def names(self, name: str) -> tuple[str, ...]:
        """Return a list of names, which is empty where none was set."""
        value = self.value(name) or ()
        assert isinstance(value, tuple), name
        return value


def read_settings(
    options: Mapping[str, str] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """Read every layer and merge them; raises `ConfigError`, which names the place of the fault.

    `options` are the command line's values by setting name, `environ` the environment (this
    process's), `folder` the project folder (the current one).
    """
    environ = os.environ if environ is None else environ
    home = home_folder(environ)
    variables, warnings = _from_environment(environ)
    endpoints: dict[str, EndpointTable] = {}
    layers = [_defaults(), variables, _from_options(options or {})]
    places = [(Source.PROJECT, (folder or Path()) / "agx.toml")]
    if home is not None:
        places.append((Source.USER, home / "agx.toml"))
    for source, path in places:
        layer, notes, named = _from_file(path, source)
        layers.append(layer)
        endpoints = named | endpoints
        warnings += notes
    return Settings(given=merged(layers), home=home, warnings=tuple(warnings), endpoints=endpoints)


def home_folder(environ: Mapping[str, str]) -> Path | None:
    """Return AGX_HOME or ~/.agx; None where this user has no home folder at all."""
    named = environ.get(HOME_VARIABLE)
    try:
        return Path(named).expanduser().absolute() if named else Path.home() / ".agx"
    except (RuntimeError, FileNotFoundError):
        return None


def merged(layers: Iterable[Layer]) -> dict[str, Given]:
    """Take, for each setting, the highest layer that names it; of lists, what all layers name."""
    best: dict[str, Given] = {}
    for layer in layers:
        for name, given in _with_models(layer).items():
            best[name] = _stronger(best[name], given) if name in best else given
    return {setting.name: best[setting.name] for setting in SETTINGS if setting.name in best}


def _stronger(one: Given, other: Given) -> Given:
    lower, higher = sorted((one, other), key=lambda given: given.source)
    if not isinstance(lower.value, tuple) or not isinstance(higher.value, tuple):
        return higher
    # A house rule is not lifted by adding to it.
    names = tuple(dict.fromkeys(lower.value + higher.value))
    return Given(names, higher.source, f"{lower.origin}, {higher.origin}")


def _with_models(layer: Layer) -> Layer:
    # model_path names the model of both roles, unless the same layer names one role's own.
    path = layer.get("model_path")
    return layer if path is None or path.value is None else {"echo_model": path, "delta_model": path, **layer}


def _defaults() -> dict[str, Given]:
    return {row.name: Given(row.default, Source.DEFAULT, "default") for row in SETTINGS}


def _from_options(options: Mapping[str, str]) -> dict[str, Given]:
    found = {}
    for name, text in options.items():
        row = BY_NAME[name]
        value = row.from_text(text, origin=row.flag)
        found[name] = Given(value, Source.COMMAND_LINE, row.flag)
    return found


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Given], list[str]]:
    found = {}
    for row in SETTINGS:
        # An empty variable counts as not set, as everywhere in Unix.
        variable = next((name for name in row.variables if environ.get(name)), None)
        if variable is not None:
            value = row.from_text(environ[variable], origin=variable)
            found[row.name] = Given(value, Source.ENVIRONMENT, variable)
    known = {
        HOME_VARIABLE,
        BUFFER_VARIABLE,
        API_KEY_VARIABLE,
        *(name for row in SETTINGS for name in row.variables),
    }
    unknown = sorted(name for name in environ if name.startswith("AGX_") and name not in known)
    return found, [f"the variable {name} means nothing to agx{nearest(name, known)}" for name in unknown]


def _from_file(path: Path, source: Source) -> tuple[dict[str, Given], list[str], dict[str, EndpointTable]]:
    entries, warnings = read_file(path)
    found = {}
    endpoints: dict[str, EndpointTable] = {}
    for entry in entries:
        if entry.key == ENDPOINTS:
            endpoints = read_endpoints(entry.value, origin=entry.origin)
            continue
        row = BY_NAME.get(entry.key)
        if row is None:
            raise ConfigError(
                f"{entry.origin}: there is no setting {entry.key!r}{nearest(entry.key, BY_NAME)}",
                hint="`agx config show` lists every setting",
                setting=entry.key,
                origin=entry.origin,
            )
        found[row.name] = Given(row.checked(entry.value, origin=entry.origin), source, entry.origin)
    return found, warnings, endpoints
