"""What is needed to reach one model on one server. Light: no library is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from agx.backends.base import BackendKind
from agx.backends.http_limits import HttpLimits
from agx.util.frozen import dataclass

OPENAI_URL = "https://api.openai.com/v1"
CHAT_PATH = "/chat/completions"
# Shorter values, such as "1", are words of any text.
_LEAST_SECRET_CHARS = 4


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One server that speaks OpenAI's API.

    `base_url` is everything before `path`, such as `http://localhost:8000/v1`. `headers` and `extra_body`
    go with every request; what stands in `extra_body` wins over what AGX says. The key and the headers are
    in no text that is made of this value.
    """

    base_url: str = OPENAI_URL
    api_key: str | None = field(default=None, repr=False)
    path: str = CHAT_PATH
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)
    limits: HttpLimits = field(default_factory=HttpLimits)

    def without_secrets(self, text: str) -> str:
        """Return a text, such as a server's message, with the key and the headers' values blanked out."""
        for secret in (self.api_key, *self.headers.values()):
            for said in (secret, (secret or "").removeprefix("Bearer ")):
                if said and len(said) >= _LEAST_SECRET_CHARS:
                    text = text.replace(said, "***")
        return text


@dataclass(frozen=True, slots=True)
class OpenAISpec:
    """One model on one server. What is found out of the server is kept in `cache_dir`."""

    model: str
    endpoint: Endpoint = field(default_factory=Endpoint)
    cache_dir: Path | None = None

    @property
    def backend(self) -> BackendKind:
        """Always `BackendKind.OPENAI`."""
        return BackendKind.OPENAI
