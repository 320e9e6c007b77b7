"""A JSON Schema or a grammar as a constraint on tokens.

A constraint is llguidance's matcher: a grammar and a position in it. `mask` says which tokens may come next,
`accept` advances by one token, and `take_forced` by those that are the only way on. It fails closed: any
error of the matcher is raised, never taken for permission.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agx.errors import ConstraintFailed
from agx.grammar.lark import lark_grammar
from agx.grammar.llguidance import LLMatcher, LLParserLimits, LLTokenizer

_MAX_REASON_CHARS = 300
# "at 12(3): failed to compile JSON schema: …", and below it lines of the grammar, "  12 | start: …".
_WHERE = re.compile(r"^at \d+\(\d+\): (failed to compile JSON schema: )?")
_QUOTED_LINE = re.compile(r"^\s*(\d+ \||\^)")
# The byte in llguidance's mask for a token that may come next; 0 for any other.
_ALLOWED = 200
# A lexer of the shell dialect's size failed after 60,000 different texts.
MOST_COPIES = 1000
# What the lexer may spend on a token: a model that repeats itself for hundreds of words took more than the
# 200,000 that llguidance allows unless it is told otherwise.
_LIMITS = LLParserLimits(step_lexer_fuel=5_000_000)
_COMPACT = {"whitespace_flexible": False}


class ConstraintCompiler:
    """Compiles schemas and grammars for one vocabulary; the last one is kept, since plans repeat theirs."""

    def __init__(self, tokenizer: LLTokenizer) -> None:
        self._tokenizer = tokenizer
        self._last: tuple[str, LLMatcher] | None = None
        self._num_copies = 0

    def compile(self, schema: Mapping[str, Any] | str) -> Constraint:
        """Return a new constraint; raises `ConstraintFailed` with the reason.

        The schema is a mapping, or its JSON text, which is compared faster.
        """
        text = schema if isinstance(schema, str) else _written(schema)
        return self._kept(text, self._of_schema)

    def compile_grammar(self, grammar: str) -> Constraint:
        """Return a new constraint of a grammar in llguidance's Lark; raises `ConstraintFailed`."""
        return self._kept(grammar, self._of_grammar)

    def _kept(self, text: str, compiled: Callable[[str], LLMatcher]) -> Constraint:
        """Return a constraint of the matcher that was compiled from this text last, or is now.

        One that failed is compiled again: copies of a matcher share their lexer, and its failures. So is
        one that was copied often: what the lexer has seen adds up, and in the end is too much for it.
        """
        if self._last is None or self._last[0] != text or self._num_copies >= MOST_COPIES:
            self._last, self._num_copies = (text, compiled(text)), 0
        self._num_copies += 1
        return Constraint(self._last[1].deep_copy(), on_failure=self._forget)

    def _forget(self) -> None:
        self._last = None

    def _of_schema(self, text: str) -> LLMatcher:
        schema = _parsed(text)
        matcher = self._matcher_of_schema(schema)
        if matcher.is_error():
            raise self._refused(schema, matcher.get_error())
        return matcher

    def _of_grammar(self, text: str) -> LLMatcher:
        matcher = self._matcher_of_lark(text)
        if matcher.is_error():
            raise _failed("the grammar cannot be compiled", matcher.get_error())
        return matcher

    def _matcher_of_schema(self, schema: Mapping[str, Any]) -> LLMatcher:
        rules = lark_grammar(schema)
        if rules is not None:
            return self._matcher_of_lark(rules)
        return self._matcher(LLMatcher.grammar_from_json_schema(json.dumps(schema)))

    def _matcher_of_lark(self, rules: str) -> LLMatcher:
        return self._matcher(LLMatcher.grammar_from_lark(rules))

    def _matcher(self, grammar: str) -> LLMatcher:
        return LLMatcher(self._tokenizer, grammar, log_level=0, limits=_LIMITS)

    def _refused(self, schema: Mapping[str, Any], reason: str) -> ConstraintFailed:
        """Return the error that names the definition to blame, by its `$comment` if it has one."""
        for definitions in _definitions(schema):
            for name, definition in definitions.items():
                alone = {"$ref": f"#/$defs/{name}", "$defs": definitions, "x-guidance": _COMPACT}
                comment = definition.get("$comment") if isinstance(definition, Mapping) else None
                if comment is not None and (found := self._matcher_of_schema(alone).get_error()):
                    return _failed(f"the schema of {comment} cannot be compiled", found)
        return _failed("the schema cannot be compiled", reason)


class Constraint:
    """The position of one generation in its grammar: tokens go in, and what may come next comes out.

    `on_failure` is called before an error is raised.
    """

    def __init__(self, matcher: LLMatcher, *, on_failure: Callable[[], None] = lambda: None) -> None:
        self._matcher = matcher
        self._on_failure = on_failure

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
            raise self._failure("the grammar refused its own tokens", self._matcher.get_error())
        self._check()
        return tokens

    def mask(self) -> bytes:
        """Return one byte a token, not zero where it may come next; raises where none may."""
        allowed = self._matcher.compute_logit_bias()
        self._check()
        if _ALLOWED not in allowed:
            raise self._failure("the grammar allows no token", self._matcher.stop_reason())
        return allowed

    def _check(self) -> None:
        if self._matcher.is_error():
            raise self._failure("the grammar could not be followed", self._matcher.get_error())

    def _failure(self, sentence: str, reason: str) -> ConstraintFailed:
        self._on_failure()
        return _failed(sentence, reason)


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
