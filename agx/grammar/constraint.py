"""A JSON Schema as a constraint on tokens.

A constraint is llguidance's matcher: a grammar and a position in it. `mask` says which tokens may come next,
`accept` advances by one token, and `take_forced` by those that are the only way on. It fails closed: any
error of the matcher is raised, never taken for permission.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agx.errors import ConstraintFailed
from agx.grammar.lark import lark_grammar
from agx.grammar.llguidance import LLMatcher, LLTokenizer

_MAX_REASON_CHARS = 300
# "at 12(3): failed to compile JSON schema: …", and below it lines of the grammar, "  12 | start: …".
_WHERE = re.compile(r"^at \d+\(\d+\): (failed to compile JSON schema: )?")
_QUOTED_LINE = re.compile(r"^\s*(\d+ \||\^)")
# The byte in llguidance's mask for a token that may come next; 0 for any other.
_ALLOWED = 200
_COMPACT = {"whitespace_flexible": False}


class ConstraintCompiler:
    """Compiles schemas for one vocabulary; the last one is kept, since plans repeat their schema."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._last: tuple[str, LLMatcher] | None = None

    def compile(self, schema: Mapping[str, Any] | str) -> Constraint:
        """Return a new constraint; raises `ConstraintFailed` with the reason.

        The schema is a mapping, or its JSON text, which is compared faster.
        """
        text = schema if isinstance(schema, str) else _written(schema)
        if self._last is None or self._last[0] != text:
            parsed = _parsed(text)
            matcher = self._matcher(parsed)
            if matcher.is_error():
                raise self._refused(parsed, matcher.get_error())
            self._last = (text, matcher)
        return Constraint(self._last[1].deep_copy())

    def _matcher(self, schema: Mapping[str, Any]) -> LLMatcher:
        rules = lark_grammar(schema)
        if rules is None:
            grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema))
        else:
            grammar = LLMatcher.grammar_from_lark(rules)
        return LLMatcher(self._tokenizer, grammar, log_level=0)

    def _refused(self, schema: Mapping[str, Any], reason: str) -> ConstraintFailed:
        """Return the error that names the definition to blame, by its `$comment` if it has one."""
        for definitions in _definitions(schema):
            for name, definition in definitions.items():
                alone = {"$ref": f"#/$defs/{name}", "$defs": definitions, "x-guidance": _COMPACT}
                comment = definition.get("$comment") if isinstance(definition, Mapping) else None
                if comment is not None and (found := self._matcher(alone).get_error()):
                    return _failed(f"the schema of {comment} cannot be compiled", found)
        return _failed("the schema cannot be compiled", reason)


class Constraint:
    """The position of one generation in its schema: tokens go in, and what may come next comes out."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher = matcher

    @property
    def is_finished(self) -> bool:
        """Whether the text is complete and nothing can follow it."""
        return self._matcher.is_stopped()

    @property
    def is_accepting(self) -> bool:
        """Whether the text may end here."""
        return self._matcher.is_accepting()

    def accept(self, token: int) -> bool:
        """Advance by a token; returns False, and changes nothing, where it may not come next."""
        taken = self._matcher.try_consume_tokens([token]) == 1
        self._check()
        return taken

    def take_forced(self) -> list[int]:
        """Advance by the tokens that are the only way on, and return them; they need no sampling."""
        tokens = self._matcher.compute_ff_tokens()
        if tokens and not self._matcher.consume_tokens(tokens):
            raise _failed("the grammar refused its own tokens", self._matcher.get_error())
        self._check()
        return tokens

    def mask(self) -> bytes:
        """Return one byte a token, not zero where it may come next; raises where none may."""
        allowed = self._matcher.compute_logit_bias()
        self._check()
        if _ALLOWED not in allowed:
            raise _failed("the grammar allows no token", self._matcher.stop_reason())
        return allowed

    def _check(self) -> None:
        if self._matcher.is_error():
            raise _failed("the grammar could not be followed", self._matcher.get_error())


def _definitions(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the definitions of a schema, and of its parts that have definitions of their own."""
    definitions = schema.get("$defs")
    if isinstance(definitions, Mapping):
        yield definitions
        parts = (part for part in definitions.values() if isinstance(part, Mapping) and "$id" in part)
        yield from (own for part in parts for own in _definitions(part))


def _written(schema: Mapping[str, Any]) -> str:
    try:
        return json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _failed("the schema cannot be written as JSON", str(error)) from error


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _failed("the schema is no JSON", str(error)) from error
    if not isinstance(schema, dict):
        raise _failed("the schema is no JSON object", text)
    return schema


def _failed(sentence: str, reason: str) -> ConstraintFailed:
    short = _in_short(reason)
    hint = "simplify the tools' schemas or lower the limits"
    return ConstraintFailed(f"{sentence}: {short}", hint=hint, reason=short)


def _in_short(reason: str) -> str:
    """Return llguidance's message without the lines of the grammar that it quotes."""
    said = [line.strip() for line in reason.splitlines() if not _QUOTED_LINE.match(line)]
    what = _WHERE.sub("", said[0]) if said else ""
    errors = [line for line in said[1:] if line.startswith("error: ")]
    return " ".join([what, *errors])[:_MAX_REASON_CHARS]
