"""Opening backends: the only place that names them all. Each is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agx.backends.base import BackendKind
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.openai.spec import OpenAISpec
from agx.backends.specs import (
    Attachments,
    BackendSpec,
    FallbackSpec,
    LlamaCppSpec,
    PluginSpec,
    UnavailableSpec,
)

if TYPE_CHECKING:
    from agx.backends.base import ModelBackend


def create_backend(spec: BackendSpec, attached: Attachments | None = None) -> ModelBackend:
    """Make the backend of a specification; nothing is loaded yet."""
    match spec:
        case LlamaCppSpec():
            from agx.backends.llamacpp import LlamaCppBackend  # noqa: PLC0415  imported when it is asked for

            return LlamaCppBackend(spec, attached)
        case OpenAISpec():
            from agx.backends.openai.backend import OpenAIBackend  # noqa: PLC0415  as above
            from agx.backends.retry import RetryingBackend  # noqa: PLC0415  as above

            return RetryingBackend(OpenAIBackend(spec, attached))
        case FallbackSpec():
            from agx.backends.fallback import FallbackBackend  # noqa: PLC0415  as above

            return FallbackBackend(spec, attached, create=create_backend)
        case UnavailableSpec(error=error):
            raise error
        case OllamaSpec():
            from agx.backends.ollama.backend import OllamaBackend  # noqa: PLC0415  as above
            from agx.backends.retry import RetryingBackend  # noqa: PLC0415  as above

            return RetryingBackend(OllamaBackend(spec, attached))
        case _ if spec.backend is BackendKind.TRANSFORMERS:
            from agx.backends.transformers.backend import TransformersBackend  # noqa: PLC0415  as above
            from agx.backends.transformers.spec import TransformersSpec  # noqa: PLC0415  as above

            assert isinstance(spec, TransformersSpec), "a kind of backend has its own specification"
            return TransformersBackend(spec, attached)
        case PluginSpec():
            from agx.backends.plugins import open_plugin  # noqa: PLC0415  as above

            return open_plugin(spec, attached)
        case _:
            raise TypeError(f"no backend is opened by {spec!r}")
