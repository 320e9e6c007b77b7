"""How long a server asks to be left alone.

Sources: RFC 9110, 10.2.3 (`Retry-After`, in seconds or as a date), and the two forms of
draft-ietf-httpapi-ratelimit-headers: `RateLimit: "api";r=0;t=120`, which the model hub sends
(https://huggingface.co/docs/hub/rate-limits), and `RateLimit: limit=9, remaining=0, reset=120`, whose parts
older servers send as headers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MAX_DIGITS = 9
_NUMBER = r"\s*=\s*(\d{1,18})(?!\d)"
_REMAINING = re.compile(rf"\b(?:r|remaining){_NUMBER}", re.ASCII | re.IGNORECASE)
_SECS = re.compile(rf"\b(?:t|reset){_NUMBER}", re.ASCII | re.IGNORECASE)


def asked_wait_secs(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a refusal's headers ask to wait; None where they say nothing readable."""
    after = _retry_after(headers)
    return after if after is not None else _rate_limit(headers)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in Retry-After; a date counts from the server's own, and without one from ours."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:_MAX_DIGITS])
    try:
        until = parsedate_to_datetime(text)
        sent = headers.get("Date")
        now = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):  # TypeError: a date without a zone
        return None


def _rate_limit(headers: Mapping[str, str]) -> float | None:
    """Return the longest wait of the limits that are used up."""
    text = headers.get("RateLimit", "")
    # In the newer form every limit is an item; in the older one the items are parts of one limit.
    limits = [text] if "=" in text.partition(";")[0] else text.split(",")
    waits = [wait for limit in limits if (wait := _wait_of(limit)) is not None]
    alone = headers.get("RateLimit-Reset", "").strip()
    if not waits and alone.isdecimal():
        waits = [float(alone[:_MAX_DIGITS])]
    return max(waits, default=None)


def _wait_of(limit: str) -> float | None:
    remaining, secs = _REMAINING.search(limit), _SECS.search(limit)
    is_used_up = remaining is None or int(remaining[1]) == 0
    return float(secs[1][:_MAX_DIGITS]) if secs and is_used_up else None
