"""Whether a text has a `format` of JSON Schema, for each format of draft 2020-12.

What the constraint can write (`agx.util.formats`) has it, and so do rarer forms that it cannot. A format of
another name says nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date

from agx.util.formats import PATTERNS
from agx.util.patterns import PatternError, compiled, is_found

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:z|([+-])(\d\d):(\d\d))", re.ASCII | re.IGNORECASE)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_BRACKETS = re.compile(r"//(?:[^@/\[\]]*@)?\[([^\[\]/]*)\]")
_MAX_HOSTNAME_CHARS = 253
_MINUTES_A_DAY = 24 * 60


def is_date(text: str) -> bool:
    """Return whether this is a day of the calendar, as `2024-02-29`."""
    if _DATE.fullmatch(text) is None:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_time(text: str) -> bool:
    """Return whether this is a time with its offset; the second 60 is a leap second, the last of a day."""
    found = _TIME.fullmatch(text)
    if found is None:
        return False
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    away_hour, away_minute = int(found[5] or 0), int(found[6] or 0)
    if max(hour, away_hour) > 23 or max(minute, away_minute) > 59:
        return False
    sign = -1 if found[4] == "+" else 1
    in_utc = (hour * 60 + minute + sign * (away_hour * 60 + away_minute)) % _MINUTES_A_DAY
    return second < 60 or (second == 60 and in_utc == _MINUTES_A_DAY - 1)


def is_date_time(text: str) -> bool:
    """Return whether this is a day and a time, as `2024-02-29T12:00:00Z`."""
    return text[10:11] in {"T", "t"} and is_date(text[:10]) and is_time(text[11:])


def is_email(text: str) -> bool:
    """Return whether this is one address: a name, `@`, and a host; of any script."""
    name, at, host = text.rpartition("@")
    if not (at and name and host) or any(sign.isspace() for sign in host):
        return False
    is_quoted = len(name) > 2 and name[0] == name[-1] == '"'
    return is_quoted or not any(sign.isspace() or sign in '@"<>(),;:\\[]' for sign in name)


def is_hostname(text: str) -> bool:
    """Return whether this is a name of labels with dots between them (RFC 1123)."""
    labels = text.split(".")
    return len(text) <= _MAX_HOSTNAME_CHARS and all(_LABEL.fullmatch(label) for label in labels)


def is_idn_hostname(text: str) -> bool:
    """Return whether this is a hostname, of any script."""
    return bool(text) and all(
        label and all(sign.isalnum() or sign in "-\u00b7" for sign in label) for label in text.split(".")
    )


def is_ipv4(text: str) -> bool:
    """Return whether this is an address of four numbers."""
    return _is_address(text, ipaddress.IPv4Address)


def is_ipv6(text: str) -> bool:
    """Return whether this is an address of version 6, without a zone."""
    return "%" not in text and _is_address(text, ipaddress.IPv6Address)


def _is_address(text: str, kind: Callable[[str], object]) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True


def _is_uri(name: str) -> Callable[[str], bool]:
    """Return the check of a kind of URI, whose host may be an address in brackets."""

    def check(text: str) -> bool:
        found = _BRACKETS.search(text)
        if found is not None and is_ipv6(found[1]):
            text = text[: found.start(1) - 1] + "host" + text[found.end(1) + 1 :]
        return is_found(PATTERNS[name], text)

    return check


def is_regex(text: str) -> bool:
    """Return whether this is a regular expression as JSON Schema has them."""
    try:
        compiled(text)
    except PatternError:
        return False
    return True


def _by_pattern(name: str) -> Callable[[str], bool]:
    return lambda text: is_found(PATTERNS[name], text)


CHECKS: dict[str, Callable[[str], bool]] = {
    "date": is_date,
    "time": is_time,
    "date-time": is_date_time,
    "duration": _by_pattern("duration"),
    "email": is_email,
    "idn-email": is_email,
    "hostname": is_hostname,
    "idn-hostname": is_idn_hostname,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "uuid": _by_pattern("uuid"),
    **{name: _is_uri(name) for name in ("uri", "uri-reference", "iri", "iri-reference")},
    "uri-template": lambda text: re.fullmatch(r"(?:[^{}\s]|\{[^{}\s]+\})*", text) is not None,
    "json-pointer": _by_pattern("json-pointer"),
    "relative-json-pointer": _by_pattern("relative-json-pointer"),
    "regex": is_regex,
}
