"""What a `format` of JSON Schema allows, as regular expressions that a constraint can hold.

Each is what the RFC allows, or a little less where the rest is hardly ever meant: years of four digits, hosts
of letters, no quoted e-mail addresses. `agx.rules.formats` checks finished texts, and takes those as well.

Sources: RFC 3339 (dates and times, durations), 5321 (e-mail), 1123 (hostnames), 2673 and 4291 (addresses),
3986 (URIs), 6901 (JSON pointers), 9562 (UUIDs)
"""

from __future__ import annotations

_MONTH_AND_DAY = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))"
)
_LEAP_YEAR = r"(?:[1-9]\d(?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)"
_DATE = rf"(?:[1-9]\d{{3}}-{_MONTH_AND_DAY}|{_LEAP_YEAR}-02-29)"
_HOUR_AND_MINUTE = r"(?:[01]\d|2[0-3]):[0-5]\d"
_TIME = rf"{_HOUR_AND_MINUTE}:[0-5]\d(?:\.\d{{1,9}})?(?:Z|[+-]{_HOUR_AND_MINUTE})"
_NUMBER = r"\d{1,9}"
_CLOCK = rf"T(?:{_NUMBER}H(?:{_NUMBER}M(?:{_NUMBER}S)?)?|{_NUMBER}M(?:{_NUMBER}S)?|{_NUMBER}S)"
_DAYS = rf"(?:{_NUMBER}Y(?:{_NUMBER}M(?:{_NUMBER}D)?)?|{_NUMBER}M(?:{_NUMBER}D)?|{_NUMBER}D)"
_DURATION = rf"P(?:{_NUMBER}W|{_DAYS}(?:{_CLOCK})?|{_CLOCK})"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_LAST_LABEL = r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = rf"(?:{_LABEL}\.){{0,8}}{_LAST_LABEL}"
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_EMAIL = rf"{_ATOM}{{1,30}}(?:\.{_ATOM}{{1,30}})?@(?:{_LABEL}\.){{1,4}}{_LAST_LABEL}"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_HEX = r"[0-9A-Fa-f]{1,4}"
_IPV6 = "|".join(
    [
        rf"(?:{_HEX}:){{7}}{_HEX}",
        rf"(?:{_HEX}:){{1,7}}:",
        *(rf"(?:{_HEX}:){{{before}}}(?::{_HEX}){{1,{7 - before}}}" for before in range(1, 7)),
        rf":(?::{_HEX}){{1,7}}",
        "::",
    ]
)
_UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_ESCAPED = r"%[0-9A-Fa-f]{2}"
_POINTER = r"(?:/(?:[^~/]|~[01])*)*"


def _uri(*, more: str, is_reference: bool) -> str:
    """Return the expression of a URI (RFC 3986), or of one that may be relative; `more` are further signs."""
    plain = rf"A-Za-z0-9._~!$&'()*+,;={more}\-"
    name = rf"(?:[{plain}]|{_ESCAPED})"
    sign = rf"(?:[{plain}:@]|{_ESCAPED})"
    authority = rf"//(?:(?:{name}|:)*@)?{name}*(?::\d{{0,5}})?(?:/{sign}*)*"
    rest = rf"(?:\?(?:{sign}|[/?])*)?(?:#(?:{sign}|[/?])*)?"
    scheme = r"[A-Za-z][A-Za-z0-9+.-]*"
    whole = rf"{scheme}:(?:{authority}|/?{sign}+(?:/{sign}*)*){rest}"
    if not is_reference:
        return whole
    first = rf"(?:[{plain}@]|{_ESCAPED})"
    return rf"{whole}|(?:{authority}|/|/?{first}+(?:/{sign}*)*)?{rest}"


_OF_OTHER_SCRIPTS = r"\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef"
PATTERNS = {
    name: f"^(?:{pattern})$"
    for name, pattern in {
        "date": _DATE,
        "time": _TIME,
        "date-time": f"{_DATE}T{_TIME}",
        "duration": _DURATION,
        "email": _EMAIL,
        "idn-email": _EMAIL,
        "hostname": _HOSTNAME,
        "idn-hostname": _HOSTNAME,
        "ipv4": rf"(?:{_BYTE}\.){{3}}{_BYTE}",
        "ipv6": _IPV6,
        "uuid": _UUID,
        "uri": _uri(more="", is_reference=False),
        "uri-reference": _uri(more="", is_reference=True),
        "iri": _uri(more=_OF_OTHER_SCRIPTS, is_reference=False),
        "iri-reference": _uri(more=_OF_OTHER_SCRIPTS, is_reference=True),
        "uri-template": r"(?:[A-Za-z0-9._~!$&()*+,;=:@/?#-]|\{[+#./;?&]?[A-Za-z0-9_]+(?:,[A-Za-z0-9_]+)*\})*",
        "json-pointer": _POINTER,
        "relative-json-pointer": rf"(?:0|[1-9]\d{{0,8}})(?:#|{_POINTER})",
    }.items()
}
