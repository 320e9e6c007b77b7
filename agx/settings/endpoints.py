"""Servers that a person names in agx.toml: `[endpoints.NAME]`, read and checked.

A key is never in the file: `api_key_env` names the variable that it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from typing import Any

from agx.errors import ConfigError
from agx.util.frozen import dataclass
from agx.util.texts import nearest

TABLE = "endpoints"


@dataclass(frozen=True, slots=True)
class EndpointTable:
    """One table: an address, and what goes with every request to it. `origin` is the file and line."""

    base_url: str
    path: str = "/chat/completions"
    api_key_env: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    origin: str = ""


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_url(value: object) -> bool:
    return isinstance(value, str) and _is_text(value) and value.startswith(("http://", "https://"))


def _is_table(value: object) -> bool:
    return isinstance(value, dict)


def _are_headers(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


_KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    "base_url": (_is_url, 'the address of an API, such as "http://localhost:8000/v1"'),
    "path": (lambda value: isinstance(value, str) and value.startswith("/"), "a path that begins with /"),
    "api_key_env": (_is_text, "the name of the variable that has the key"),
    "headers": (_are_headers, "a table of texts"),
    "extra_body": (_is_table, "a table of what is added to the body of every request"),
}


def read_endpoints(value: object, *, origin: str) -> dict[str, EndpointTable]:
    """Return the endpoints of a file by name; raises `ConfigError` for what is no table of them."""
    if not isinstance(value, dict):
        raise ConfigError(f"{origin}: {TABLE} is no table", hint="write [endpoints.NAME] above its keys")
    return {name: _endpoint(name, table, origin) for name, table in value.items()}


def _endpoint(name: str, table: object, origin: str) -> EndpointTable:
    where = f"{origin}: [{TABLE}.{name}]"
    if not isinstance(table, dict) or "base_url" not in table:
        raise ConfigError(
            f"{where} has no base_url", hint=f"base_url is {_KEYS['base_url'][1]}", origin=origin
        )
    for key, value in table.items():
        if key not in _KEYS:
            known = ", ".join(each.name for each in fields(EndpointTable) if each.name != "origin")
            raise ConfigError(
                f"{where} has no key {key!r}{nearest(key, _KEYS)}",
                hint=f"its keys are {known}",
                origin=origin,
            )
        fits, what = _KEYS[key]
        if not fits(value):
            # Not the value itself: it may be a secret in the wrong place.
            raise ConfigError(
                f"{where} has a {key} that cannot be used", hint=f"{key} is {what}", origin=origin
            )
    return EndpointTable(**table, origin=origin)


def endpoint_named(endpoints: Mapping[str, EndpointTable], name: str) -> EndpointTable:
    """Return the endpoint of that name; raises `ConfigError` where no agx.toml has it."""
    if name not in endpoints:
        known = ", ".join(sorted(endpoints)) or "none"
        raise ConfigError(
            f"there is no endpoint {name!r}{nearest(name, endpoints)}",
            hint=f"name it in agx.toml with [endpoints.{name}] and its base_url; there are: {known}",
        )
    return endpoints[name]
