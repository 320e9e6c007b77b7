"""What `agx doctor` finds of the servers of OpenAI's API that the settings name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from agx.app.endpoints import KEY_VARIABLES, endpoint_of
from agx.app.findings import Check, Status
from agx.backends.openai.spec import OpenAISpec
from agx.errors import AgxError
from agx.models.resolve import EMBEDDED
from agx.settings.layers import Settings, Source

if TYPE_CHECKING:
    from agx.planning.config import PlannerConfig


class ConfiguredServer(NamedTuple):
    """A server: its name, the settings that lead to it, and whether it is asked first for plans."""

    name: str
    settings: Settings
    is_asked: bool


def configured_servers(
    settings: Settings, *, environ: Mapping[str, str] | None = None
) -> Iterator[ConfiguredServer]:
    """Yield each server.

    OpenAI's own, or the one of `base_url`, counts where the backend, an address or a key names it.
    """
    environ = os.environ if environ is None else environ
    words = settings.text("backend").split(",")
    is_named = "openai" in words or settings.optional_text("base_url") is not None
    if is_named or any(map(environ.get, KEY_VARIABLES)):
        yield ConfiguredServer("openai", _with_backend(settings, "openai"), words[0] == "openai")
    for name in settings.endpoints:
        backend = f"openai:{name}"
        yield ConfiguredServer(backend, _with_backend(settings, backend), words[0] == backend)


async def server_check(server: ConfiguredServer, *, config: PlannerConfig) -> Check:
    """Check whether a server answers; a note where another backend plans."""
    name, settings, is_asked = server
    missing: Status = "fail" if is_asked else "note"
    title = f"backend {name}"
    try:
        from agx.backends.create import create_backend  # noqa: PLC0415  heavy, and few have a server

        model = config.echo_model if str(config.echo_model) != EMBEDDED else ""
        backend = create_backend(OpenAISpec(str(model), endpoint_of(settings)))
    except AgxError as error:
        return Check(title, missing, error.message, hint=error.hint)
    try:
        health = await backend.health_check()
    finally:
        await backend.aclose()
    if health.ok:
        detail = health.detail if model else f"{health.detail.strip()}; no --model of it is named"
        return Check(title, "ok", detail.strip())
    return Check(title, missing, health.detail, hint=str(health.facts.get("hint") or ""))


def _with_backend(settings: Settings, backend: str) -> Settings:
    given = replace(settings.given["backend"], value=backend, source=Source.COMMAND_LINE)
    return replace(settings, given={**settings.given, "backend": given})
