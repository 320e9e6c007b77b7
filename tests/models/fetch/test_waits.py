"""How long a server asks to be left alone, in every form in which servers say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from agx.models.fetch.waits import asked_wait_secs

TEN = "Sat, 21 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "secs"),
    [
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "9" * 30}, 999_999_999),
        ({"Retry-After": "Sat, 21 Nov 2026 10:01:00 GMT", "Date": TEN}, 60),
        ({"Retry-After": "Saturday, 21-Nov-26 10:01:00 GMT", "Date": TEN}, 60),
        ({"Retry-After": "Sat Nov 21 10:01:00 2026", "Date": TEN}, None),
        ({"Retry-After": "Sat, 21 Nov 2026 09:00:00 GMT", "Date": TEN}, 0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon", "RateLimit": '"api";r=0;t=3'}, 3),
        ({"Retry-After": "2", "RateLimit": '"api";r=0;t=300'}, 2),
        ({"RateLimit": '"api";r=0;t=120'}, 120),
        ({"RateLimit": '"api";r=5;t=120'}, None),
        ({"RateLimit": '"api";r=0;t=20, "resolvers";r=0;t=90, "pages";r=4;t=200'}, 90),
        ({"RateLimit": "limit=100, remaining=0, reset=50"}, 50),
        ({"RateLimit": "limit=100, remaining=1, reset=50"}, None),
        ({"RateLimit": '"api";t=' + "9" * 30}, None),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "40"}, 40),
        ({"RateLimit-Reset": "never"}, None),
        ({"RateLimit": ""}, None),
        ({}, None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_server_says_how_long_it_wants_to_be_left_alone(
    headers: dict[str, str], secs: float | None
) -> None:
    assert asked_wait_secs(headers) == secs


def test_a_date_without_the_servers_own_counts_from_now() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    wait = asked_wait_secs({"Retry-After": until})
    assert wait is not None
    assert 95 < wait <= 100
