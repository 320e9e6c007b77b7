"""Lists of tools that come from elsewhere: a chat service's, an agent's, a server's.

In such a list every tool is a function, one without a schema a function without arguments. Only AGX's own
form has Unix commands in it: a server that calls a tool `rm` must not get the program of that name. A list
is foreign as a whole, with all lines of its file, where anything in it has a mark that AGX's own form does
not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# The keys of an object around a list in AGX's own form; services, servers and their requests have others.
_OWN_CONTAINER = frozenset({"tools", "$schema"})
# Documents that describe something else than tools, by a key.
_OTHER_DOCUMENTS = {
    "openapi": "an OpenAPI description",
    "swagger": "an OpenAPI description",
    "skills": "an agent's card",
}
# Keys of a tool in other forms, and what each form has them for: nothing that a plan needs.
LEFT_ASIDE = frozenset(
    "type strict title annotations outputSchema output_schema _meta icons execution cache_control response "
    "returns defer_loading".split()
)
_OTHER_KEYS = frozenset(
    "input_examples allowed_callers securitySchemes eager_input_streaming format max_uses container "
    "display_width_px display_height_px".split()
)
SCHEMA_KEYS = (
    "parameters",
    "parametersJsonSchema",
    "parameters_json_schema",
    "inputSchema",
    "input_schema",
    "args_schema",
)
# What a function may be wrapped in: by OpenAI, and by Bedrock.
WRAPPERS = ("function", "toolSpec")
TOOL_MARKS = LEFT_ASIDE | _OTHER_KEYS | {*SCHEMA_KEYS, *WRAPPERS, "properties"}
# What AGX's own form says of a command.
COMMAND_KEYS = frozenset({"reads_stdin", "exit_codes", "options", "builtin"})
# Values of `type` that stand beside a function, or in a JSON Schema that is one.
_FUNCTION_TYPES = frozenset({"function", "object", "dict"})
# Tools of Gemini's that have no name but their key.
_NAMELESS = frozenset(
    "googleSearch google_search googleSearchRetrieval google_search_retrieval codeExecution code_execution "
    "urlContext url_context googleMaps google_maps computerUse computer_use fileSearch file_search "
    "cachePoint systemTool".split()
)


def has_mark(value: object) -> bool:
    """Return whether a value in the place of a tool has a key that AGX's own form does not know."""
    return isinstance(value, Mapping) and (not TOOL_MARKS.isdisjoint(value) or nameless(value) is not None)


def is_foreign_container(document: Mapping[str, Any]) -> bool:
    """Return whether an object around a list of tools is another than AGX's own."""
    return not _OWN_CONTAINER.issuperset(document)


def other_document(document: Mapping[str, Any]) -> str | None:
    """Return what a document is that lists no tools but something else; None for any other."""
    return next((what for key, what in _OTHER_DOCUMENTS.items() if key in document), None)


def nameless(value: Mapping[str, Any]) -> str | None:
    """Return the key that stands for a service's own tool which has no name, or None."""
    if not value.keys() & _NAMELESS or value.keys() & {"name", *WRAPPERS}:
        return None
    return min(value.keys() & _NAMELESS)


def service_type(value: Mapping[str, Any]) -> str | None:
    """Return the `type` by which a service knows a tool of its own, or None for a function.

    Such a tool has no schema: the service's model knows it, and the service runs it.
    """
    kind = value.get("type")
    if not isinstance(kind, str) or kind.casefold() in _FUNCTION_TYPES:
        return None
    has_schema = any(value.get(key) is not None for key in (*SCHEMA_KEYS, "schema", "properties"))
    return None if has_schema else kind


def ignored_sentence(keys: Iterable[str]) -> str:
    """Return the note about keys of tools that nothing here has a use for."""
    named = ", ".join(f"`{key}`" for key in sorted(keys))
    return f"what is said under {named} was ignored"
