"""Special files: what is written to the harmless ones destroys nothing, whatever stands there."""

from __future__ import annotations

import re
from posixpath import normpath

NULL_DEVICE = "/dev/null"
SINKS = frozenset({NULL_DEVICE, "/dev/stdout", "/dev/stderr", "/dev/tty"})
"""Those that take any output. A descriptor by its number is not among them: it may be any open file."""

NETWORK_DEVICES = ("/dev/tcp/", "/dev/udp/")
_DESCRIPTOR = re.compile(r"-|/dev/(?:stdin|fd/\d+)|/proc/self/fd/\d+")


def is_harmless(path: str) -> bool:
    """Return whether a command that writes here changes no file: a sink, or a descriptor of its own."""
    return path in SINKS or _DESCRIPTOR.fullmatch(path) is not None


def is_empty(path: str) -> bool:
    """Return whether copying this file empties the other."""
    return normpath(path) in (NULL_DEVICE, "/dev/zero")
