"""What is needed to ask one model of one Ollama server. Light: no library is imported."""

from __future__ import annotations

from dataclasses import field

from agx.backends.base import BackendKind
from agx.backends.http_limits import HttpLimits
from agx.util.frozen import dataclass


@dataclass(frozen=True, slots=True)
class OllamaSpec:
    """One model of the server at `url`.

    `context_size` is in tokens; without it there is as much room as prompt and answer need. `keep_alive` is
    how long the server keeps the model loaded, in seconds or as in `5m`; None leaves that to the server.
    """

    model: str
    url: str
    context_size: int | None = None
    keep_alive: str | int | None = None
    limits: HttpLimits = field(default_factory=HttpLimits)

    @property
    def backend(self) -> BackendKind:
        """Always `BackendKind.OLLAMA`."""
        return BackendKind.OLLAMA
