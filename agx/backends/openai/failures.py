"""What a server's refusals mean: statuses, messages and broken connections as errors of ours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from agx.backends.openai.spec import OpenAISpec
from agx.backends.tls import causes_of, tls_refused
from agx.errors import (
    AgxError,
    BackendError,
    BackendUnreachable,
    ConfigError,
    ModelMissing,
    PromptTooLong,
    UsageError,
)

_KEY_HINT = "set AGX_OPENAI_API_KEY or OPENAI_API_KEY to a key of this server"
_LOG_HINT = "try again; what the server wrote to its log says more"
_TOO_LONG = ("context length", "context_length", "context size", "context window", "too many tokens")


def refusal(spec: OpenAISpec, status: int, said: str, headers: Mapping[str, str]) -> AgxError:
    """Return the error for an answer that is none. `said` is the server's message, in one line.

    The details have `status`, and `retry_after_secs` where the server says when to come back.
    """
    error = _of_status(spec, status, spec.endpoint.without_secrets(said) or "it says no more", headers)
    error.details |= {"status": status}
    wait_secs = retry_after_secs(headers)
    if wait_secs is not None:
        error.details |= {"retry_after_secs": wait_secs}
    return error


def _of_status(spec: OpenAISpec, status: int, said: str, headers: Mapping[str, str]) -> AgxError:
    match status:
        case 401 | 403:
            return _not_allowed(spec, status, said)
        case 404:
            return _not_found(spec, said)
        case 429:
            return _too_many(spec, said)
        case _ if status < 400:
            return _elsewhere(spec, headers)
        case _ if status < 500:
            return _not_understood(spec, status, said)
    kind = BackendUnreachable if status in {502, 503, 504} else BackendError
    return kind(f"the server at {spec.endpoint.base_url} failed with status {status}: {said}", hint=_LOG_HINT)


def _elsewhere(spec: OpenAISpec, headers: Mapping[str, str]) -> AgxError:
    target = spec.endpoint.without_secrets(headers.get("location", "another address"))
    return ConfigError(
        f"the server at {spec.endpoint.base_url} redirects to {target}, which is not followed",
        hint="set --base-url to the server's own address",
    )


def _not_allowed(spec: OpenAISpec, status: int, said: str) -> AgxError:
    if status == 403:
        return ConfigError(
            f"the server at {spec.endpoint.base_url} does not allow this: {said}",
            hint=f"use a key that may use the model {spec.model}, or another model",
        )
    had = "the key" if spec.endpoint.api_key else "a request without a key"
    return ConfigError(f"the server at {spec.endpoint.base_url} refuses {had}: {said}", hint=_KEY_HINT)


def _not_understood(spec: OpenAISpec, status: int, said: str) -> AgxError:
    if any(words in said.lower() for words in _TOO_LONG):
        return PromptTooLong(
            f"the prompt does not fit into the model's context: {said}",
            hint="offer fewer tools (--tools-limit), use a model with a longer context, or lower "
            "--max-tokens",
        )
    return UsageError(
        f"the server at {spec.endpoint.base_url} refuses the request with status {status}: {said}",
        hint="leave out the parameters that it does not know, or use another server",
    )


def _not_found(spec: OpenAISpec, said: str) -> AgxError:
    if "model" in said.lower():
        return ModelMissing(
            f"the server at {spec.endpoint.base_url} has no model {spec.model!r}: {said}",
            hint=f"its models are listed by {spec.endpoint.base_url}/models; name one with --model",
        )
    return ConfigError(
        f"there is nothing at {spec.endpoint.base_url}{spec.endpoint.path}: {said}",
        hint="set --base-url to the part before /chat/completions; it usually ends in /v1",
    )


def _too_many(spec: OpenAISpec, said: str) -> AgxError:
    is_spent = "quota" in said.lower() or "billing" in said.lower()
    error = BackendUnreachable(
        f"the server at {spec.endpoint.base_url} takes no more requests now: {said}",
        hint="look at the account's limits"
        if is_spent
        else "wait, then try again; or ask for fewer plans at once",
    )
    error.retryable = not is_spent
    return error


def retry_after_secs(headers: Mapping[str, str]) -> float | None:
    """Return how long to wait by the headers, in seconds; None where they do not say so.

    `Retry-After` is a number of seconds or a date (RFC 9110); `retry-after-ms` is OpenAI's.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if text.replace(".", "", 1).isdecimal():
            return float(text) * unit
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def no_connection(spec: OpenAISpec) -> BackendUnreachable:
    """Return the error for a connection that was not made in time."""
    return BackendUnreachable(
        f"nothing answers at {spec.endpoint.base_url} within {spec.endpoint.limits.connect_secs:g} s",
        hint="start the server, or name its address: --base-url URL",
    )


def broken_connection(spec: OpenAISpec, error: BaseException) -> AgxError:
    """Return the error for a connection that was not made, or broke."""
    at = spec.endpoint.base_url
    refused = tls_refused(error, at=at)
    if refused is not None:
        return refused
    causes = causes_of(error)
    said = spec.endpoint.without_secrets(str(causes[-1]) or type(causes[-1]).__name__)
    if any(isinstance(each, OSError) for each in causes):
        return BackendUnreachable(
            f"nothing answers at {at}: {said}", hint="start the server, or name its address: --base-url URL"
        )
    return BackendUnreachable(f"the connection to {at} broke: {said}", hint=_LOG_HINT)
