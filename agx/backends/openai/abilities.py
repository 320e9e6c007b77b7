"""What a server can do to hold a text to a schema, found out by asking it, and remembered.

Servers do not say which of the forms below they know. So the strongest comes first, a server that refuses
one is asked in the next, and one that took a form and did not keep to it counts as not having it.

Sources: OpenAI's reference of `response_format`; vLLM's "Structured Outputs" (`structured_outputs` since
0.12, `guided_json` before); llama.cpp's `tools/server/README.md` (`json_schema`); llama-cpp-python's
`server/types.py` (`response_format` with `schema`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit

from agx.backends.parameter_names import PARAMETER_NAMES


class Form(StrEnum):
    """How a schema is said in a request."""

    STRICT_SCHEMA = "strict_schema"  # OpenAI's structured outputs
    SCHEMA = "schema"  # the same, for schemas that strict mode has no room for
    STRUCTURED_OUTPUTS = "structured_outputs"  # vLLM
    GUIDED_JSON = "guided_json"  # vLLM before 0.12
    JSON_SCHEMA_FIELD = "json_schema_field"  # llama-server
    JSON_OBJECT_SCHEMA = "json_object_schema"  # llama-cpp-python's server
    TOOL = "tool"  # a function whose arguments are the answer
    JSON_OBJECT = "json_object"  # JSON, of whatever form
    PROMPT = "prompt"  # nothing but words


# Forms that make a text JSON, so that one which is not shows that the server ignored them.
CONSTRAINING = frozenset(Form) - {Form.PROMPT}


class Flavour(StrEnum):
    """Whose server it is, as far as that can be told."""

    OPENAI = "openai"
    VLLM = "vllm"
    LLAMA_SERVER = "llama-server"
    LLAMA_CPP_PYTHON = "llama-cpp-python"
    UNKNOWN = "unknown"


_WEAK = (Form.JSON_OBJECT, Form.PROMPT)
# `response_format` is refused where it is unknown, vLLM's own fields are ignored: the former comes first.
FORMS: dict[Flavour, tuple[Form, ...]] = {
    Flavour.OPENAI: (Form.STRICT_SCHEMA, Form.SCHEMA, Form.TOOL, *_WEAK),
    Flavour.VLLM: (Form.STRICT_SCHEMA, Form.STRUCTURED_OUTPUTS, Form.GUIDED_JSON, Form.TOOL, *_WEAK),
    Flavour.LLAMA_SERVER: (Form.STRICT_SCHEMA, Form.JSON_SCHEMA_FIELD, Form.JSON_OBJECT_SCHEMA, *_WEAK),
    Flavour.LLAMA_CPP_PYTHON: (Form.JSON_OBJECT_SCHEMA, *_WEAK),
    Flavour.UNKNOWN: (Form.STRICT_SCHEMA, Form.SCHEMA, Form.JSON_OBJECT_SCHEMA, Form.TOOL, *_WEAK),
}
# What a request can do without. The text that is asked for stays the same, or a warning says that it may not.
_CAN_DROP = (
    "stream_options",
    "seed",
    *dict.fromkeys(
        each for name, names in PARAMETER_NAMES.items() if name != "max_tokens" for each in (name, names.vllm)
    ),
)
_REFUSING = frozenset({400, 404, 415, 422, 500, 501})
_ABOUT_FORM = re.compile(r"schema|grammar|response_format|guided|structured|tool", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known of a server: whose it is, the form it takes, and what it refuses."""

    flavour: Flavour = Flavour.UNKNOWN
    form: Form = Form.STRICT_SCHEMA
    budget_field: str = "max_tokens"
    dropped: frozenset[str] = frozenset()

    @classmethod
    def of(cls, flavour: Flavour) -> Abilities:
        """Return what is assumed of a server before it was asked."""
        return cls(flavour, FORMS[flavour][0])

    def with_next_form(self) -> Abilities | None:
        """Return the same with the next weaker form; None behind the last one."""
        forms = FORMS[self.flavour]
        place = forms.index(self.form) + 1
        return replace(self, form=forms[place]) if place < len(forms) else None


def flavour_of(base_url: str, owners: frozenset[str], server: str) -> Flavour:
    """Return whose server it is: by its address, the owners of its models, and its `Server` header."""
    if urlsplit(base_url).hostname == "api.openai.com":
        return Flavour.OPENAI
    if "vllm" in owners:
        return Flavour.VLLM
    if "llamacpp" in owners or "llama.cpp" in server.lower():
        return Flavour.LLAMA_SERVER
    return Flavour.LLAMA_CPP_PYTHON if "me" in owners and server == "uvicorn" else Flavour.UNKNOWN


def after_refusal(abilities: Abilities, status: int, message: str, *, has_schema: bool) -> Abilities | None:
    """Return what to ask with after a refusal; None where nothing about the request can be changed.

    `status` and `message` are the server's.
    """
    if status not in _REFUSING:
        return None
    if status in {400, 422}:
        adapted = _without_blamed(abilities, message)
        if adapted is not None:
            return adapted
    is_about_form = status in {400, 422} or _ABOUT_FORM.search(message) is not None
    return abilities.with_next_form() if has_schema and is_about_form else None


def _without_blamed(abilities: Abilities, message: str) -> Abilities | None:
    if "max_completion_tokens" in message and abilities.budget_field == "max_tokens":
        return replace(abilities, budget_field="max_completion_tokens")
    for name in _CAN_DROP:
        if name not in abilities.dropped and re.search(rf"(?<!\w){name}(?!\w)", message):
            return replace(abilities, dropped=abilities.dropped | {name})
    return None
