"""Where Ollama listens: `OLLAMA_HOST`, read as Ollama reads it.

Source: https://github.com/ollama/ollama, `envconfig/config.go`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from agx.errors import ConfigError

VARIABLE = "OLLAMA_HOST"
DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 11434
_SCHEME_PORTS = {"http": 80, "https": 443}
_HOST_PORT = re.compile(r"(?P<host>\[[^\[\]]*\]|[^\[\]:]*):(?P<port>[^:]*)")
_NAME = re.compile(r"[^\W_](?:[\w.-]*\w)?\.?", re.ASCII)
# A server that listens on every address is reached on its own machine.
_REACHABLE = {"0.0.0.0": DEFAULT_HOST, "::": "::1"}  # noqa: S104  read, not listened on


def ollama_url(environ: Mapping[str, str]) -> str:
    """Return the URL of Ollama's server without a slash at the end: scheme, host, port, perhaps a path.

    The default is http://127.0.0.1:11434. A scheme brings its own port, and an invalid port counts as
    none. Raises `ConfigError` for a value that names no host.
    """
    given = environ.get(VARIABLE, "")
    text = given.strip().strip("\"'").strip()
    scheme, has_scheme, rest = text.rpartition("://")
    scheme = scheme or "http"
    address, _, path = rest.partition("/")
    found = _HOST_PORT.fullmatch(address)
    host, port = (found["host"], found["port"]) if found else (address, "")
    default_port = _SCHEME_PORTS.get(scheme) if has_scheme else DEFAULT_PORT
    host = _checked_host(host.removeprefix("[").removesuffix("]") or DEFAULT_HOST)
    if host is None or default_port is None or not text.isprintable() or {*" @?#"} & {*text}:
        raise ConfigError(
            f"{VARIABLE} is {given[:120]!r}, which is no address of a server",
            hint=f"give host, host:port or http://host:port; without it, it is {DEFAULT_HOST}:{DEFAULT_PORT}",
        )
    number = int(port) if port.isascii() and port.isdigit() and int(port[:6]) <= 65_535 else default_port
    path = path.strip("/")
    return f"{scheme}://{host}:{number}" + (f"/{path}" if path else "")


def _checked_host(host: str) -> str | None:
    """Return the host in the form of a URL, or None for an invalid one."""
    host = _REACHABLE.get(host, host)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host if _NAME.fullmatch(host) and len(host) <= 253 else None
    return f"[{address}]" if address.version == 6 else str(address)


def is_loopback(url: str) -> bool:
    """Return whether a URL of `ollama_url` is on this machine."""
    host = url.partition("://")[2].partition("/")[0].rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() in {"localhost", "localhost."}
