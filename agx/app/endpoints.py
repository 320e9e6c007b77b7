"""From settings and environment to the server of the backend `openai`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agx.backends.openai.spec import OPENAI_URL, Endpoint
from agx.errors import ConfigError
from agx.settings.endpoints import endpoint_named
from agx.settings.layers import API_KEY_VARIABLE

if TYPE_CHECKING:
    from agx.settings.layers import Settings

# The first that is set. Keys are no settings, so nothing that shows or records settings has them.
KEY_VARIABLES = (API_KEY_VARIABLE, "OPENAI_API_KEY")


def endpoint_of(settings: Settings, *, environ: Mapping[str, str] | None = None) -> Endpoint:
    """Return the server that the settings name: an endpoint of agx.toml, or an address.

    Raises `ConfigError` for an unknown name, an address that is none, and a key's variable that is not set.
    """
    environ = os.environ if environ is None else environ
    name = settings.endpoint_name
    if name is None:
        url = _checked_url(settings.optional_text("base_url") or OPENAI_URL)
        return Endpoint(url, api_key=next(filter(None, map(environ.get, KEY_VARIABLES)), None))
    table = endpoint_named(settings.endpoints, name)
    return Endpoint(
        _checked_url(table.base_url),
        api_key=_key_in(table.api_key_env, environ, name),
        path=table.path,
        headers=table.headers,
        extra_body=table.extra_body,
    )


def _key_in(variable: str | None, environ: Mapping[str, str], name: str) -> str | None:
    if variable is None:
        return None
    key = environ.get(variable)
    if not key:
        raise ConfigError(
            f"the endpoint {name} has its key in the variable {variable}, which is not set",
            hint=f"export {variable}=KEY",
        )
    return key


def _checked_url(url: str) -> str:
    """Return the address without a slash at its end; raises `ConfigError` for what is none.

    One with a name and password in it is refused: it stands in errors and records.
    """
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.username or parts.query or parts.fragment:
        shown = url if is_address is False else f"{parts.scheme}://{parts.hostname}"
        raise ConfigError(
            f"{shown!r} is no address of a server's API",
            hint="give http://host:port/v1, without a name, a password or a question mark; "
            f"a key stands in {API_KEY_VARIABLE}",
        )
    return url.rstrip("/")
