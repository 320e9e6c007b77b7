"""What a server's refusal means: come back later, another try, or an error with what to do.

The hub, and many a web server, sends on to a storage, with a signed address that expires after a while. A
refusal by the storage says nothing about permission: asking from the beginning gives a new address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agx.errors import AgxError, BackendUnreachable, ModelMissing
from agx.models.fetch.waits import asked_wait_secs

_TOO_OFTEN = 429
_LATER = frozenset({408, 425, _TOO_OFTEN, 500, 502, 503, 504})
_STORAGE_REFUSES = frozenset({400, 401, 403})  # 400: Google's storage, about an address that has expired


class Lost(Exception):
    """A connection failed, or the server asks to come back later: worth another try.

    `wait_secs` is the wait that the server asks for, if it does; `advice` is what a person may do about it.
    """

    def __init__(
        self, reason: str, *, wait_secs: float | None = None, advice: str = "check the network"
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_secs = wait_secs
        self.advice = advice


@dataclass(frozen=True, slots=True)
class Location:
    """Where something is fetched: its URL, its name in messages, and the token for its host."""

    url: str
    label: str
    token: str | None = None
    about: str = ""  # a page about it, for people
    is_hub: bool = False


def refusal(status: int, headers: Mapping[str, str], *, place: Location, url: str) -> AgxError | Lost:
    """Return the error for a status that is no success; `url` is the address that answered it."""
    host, code = host_of(url), headers.get("X-Error-Code", "")
    if status in _LATER:
        return _later(status, headers, place=place, host=host)
    if host != host_of(place.url) and not code and status in _STORAGE_REFUSES:
        return Lost(
            f"{host}, to which {host_of(place.url)} sends on, does not give {place.label} ({status})",
            advice=f"see whether a proxy or firewall blocks {host}",
        )
    return _hub_refusal(status, code, place) if place.is_hub else _web_refusal(status, place)


def host_of(url: str) -> str:
    """Return the host and port of a URL, without a password."""
    return url.split("/")[2].rpartition("@")[2] if url.count("/") >= 2 else url


def _later(status: int, headers: Mapping[str, str], *, place: Location, host: str) -> Lost:
    wait = asked_wait_secs(headers)
    if status != _TOO_OFTEN:
        return Lost(f"{host} is in trouble ({status})", wait_secs=wait, advice="")
    is_unknown = place.is_hub and not place.token
    advice = "set HF_TOKEN, as the hub allows more to those it knows" if is_unknown else ""
    return Lost(f"{host} is asked too often ({status})", wait_secs=wait, advice=advice)


def _hub_refusal(status: int, code: str, place: Location) -> AgxError:
    if code == "GatedRepo" or (status == 403 and code != "RepoNotFound"):
        return ModelMissing(
            f"{place.label} may not be fetched without permission ({status})",
            hint=f"accept its licence at {place.about}, and set HF_TOKEN to a token of that account",
        )
    if status == 401 or code == "RepoNotFound":
        known = "HF_TOKEN is not a valid token, or " if place.token else ""
        return ModelMissing(
            f"{place.label} is not there, or is private ({status})",
            hint=f"{known}the name is wrong; for a private or gated model set HF_TOKEN ({place.about})",
        )
    return _other_refusal(status, place)


def _web_refusal(status: int, place: Location) -> AgxError:
    """Return the error of a plain web server, whose addresses often are signed ones of a storage."""
    if status not in _STORAGE_REFUSES:
        return _other_refusal(status, place)
    is_signed = "?" in place.url
    return ModelMissing(
        f"{host_of(place.url)} does not give {place.label} ({status})",
        hint="the address may have expired: copy a new one, and the download goes on with what is there"
        if is_signed
        else "AGX logs in nowhere: fetch it with what may, and put the file into the models folder",
    )


def _other_refusal(status: int, place: Location) -> AgxError:
    about = place.about or place.url.partition("?")[0]
    if status in {404, 410}:
        return ModelMissing(f"{place.label} is not there ({status})", hint=f"look at {about}")
    return BackendUnreachable(
        f"{host_of(place.url)} refuses {place.label} ({status})", hint=f"look at {about}"
    )
