"""The constraint by itself: forced tokens, masks, ends and errors."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from llguidance import LLMatcher, LLParserLimits

from agx.engine.model import Model
from agx.errors import ConstraintFailed
from agx.grammar.constraint import Constraint, ConstraintCompiler

Tokenise = Callable[[str], list[int]]
COMPACT = {"whitespace_flexible": False}


def test_what_is_forced_is_given_and_taken(compiler: ConstraintCompiler, model: Model) -> None:
    constraint = compiler.compile({"enum": ["find all", "find some"], "x-guidance": COMPACT})
    forced = constraint.take_forced()
    text = b"".join(model.vocabulary.pieces[token] for token in forced)
    assert b'"find some"'.startswith(text)
    assert len(text) >= 4
    assert not constraint.is_finished
    assert constraint.take_forced() == []


def test_a_mask_allows_what_may_come_next(compiler: ConstraintCompiler, model: Model) -> None:
    mask = compiler.compile({"enum": [1, 23]}).mask()
    assert len(mask) == len(model.vocabulary)
    allowed = [model.vocabulary.pieces[token] for token, allows in enumerate(mask) if allows]
    assert set(allowed) == {b"1", b"2"}


def test_a_refused_token_changes_nothing(compiler: ConstraintCompiler, tokenise: Tokenise) -> None:
    constraint = compiler.compile({"const": "ab"})
    [quote, a, b] = tokenise('"'), tokenise("a"), tokenise("b")
    assert not constraint.accept(a[0])
    assert [constraint.accept(token[0]) for token in (quote, a, b, quote)] == [True] * 4
    assert constraint.is_finished
    assert constraint.is_accepting


def test_special_tokens_are_never_part_of_a_text(
    compiler: ConstraintCompiler, model: Model, tokenise: Tokenise
) -> None:
    constraint = compiler.compile({"type": "string"})
    assert constraint.accept(tokenise('"')[0])
    mask = constraint.mask()
    assert not any(mask[token] for token in model.vocabulary.control_ids)


def test_each_constraint_begins_anew(compiler: ConstraintCompiler, tokenise: Tokenise) -> None:
    schema = {"const": 12}
    first = compiler.compile(schema)
    assert all(first.accept(token) for token in tokenise("12"))
    assert not compiler.compile(schema).is_accepting
    assert compiler.compile({"const": 3}).accept(tokenise("3")[0])


def test_a_schema_may_be_text(compiler: ConstraintCompiler, tokenise: Tokenise) -> None:
    constraint = compiler.compile('{"const": 12}')
    assert all(constraint.accept(token) for token in tokenise("12"))
    assert constraint.is_finished
    schema = {"$ref": "#/$defs/x", "$defs": {"x": {"contains": 1, "$comment": "the tool 'x'"}}}
    with pytest.raises(ConstraintFailed, match="the tool 'x'"):
        compiler.compile(json.dumps(schema))


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_text_that_is_no_schema_is_refused(compiler: ConstraintCompiler, text: str) -> None:
    with pytest.raises(ConstraintFailed):
        compiler.compile(text)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "contains": {"const": 1}},
        {"type": "string", "pattern": "(?=a)"},
        {"$ref": "#/$defs/missing"},
        {"type": "string", "minLength": 3, "maxLength": 2},
        {"type": "nonsense"},
    ],
    ids=["a keyword it lacks", "look-ahead", "no such definition", "nothing fits", "no such type"],
)
def test_what_cannot_be_compiled_is_refused(compiler: ConstraintCompiler, schema: dict[str, object]) -> None:
    with pytest.raises(ConstraintFailed):
        compiler.compile(schema)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"contains": {}}, 'Unimplemented keys: ["contains"]'),
        (
            {"pattern": "(?=a)b"},
            "regex parse error: error: look-around, including look-ahead and look-behind",
        ),
    ],
    ids=["a keyword", "a pattern"],
)
def test_a_refusal_is_one_sentence_without_the_grammar(
    compiler: ConstraintCompiler, part: dict[str, object], reason: str
) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"} | part}, "x-guidance": COMPACT}
    with pytest.raises(ConstraintFailed) as caught:
        compiler.compile(schema)
    assert caught.value.message.startswith(f"the schema cannot be compiled: {reason}")
    assert "\n" not in caught.value.message
    assert "%json" not in caught.value.message


@pytest.mark.parametrize("value", [float("nan"), {1}], ids=["not a number", "a set"])
def test_what_json_cannot_hold_is_refused(compiler: ConstraintCompiler, value: object) -> None:
    with pytest.raises(ConstraintFailed, match="cannot be written as JSON"):
        compiler.compile({"const": value})


def test_an_error_on_the_way_is_raised(compiler: ConstraintCompiler, tokenise: Tokenise) -> None:
    """With so little fuel the matcher gives up in the middle; every way to ask it then fails."""
    limits = LLParserLimits(step_max_items=20)
    grammar = LLMatcher.grammar_from_json_schema({"type": "array", "items": {"type": "array"}})
    matcher = LLMatcher(compiler._tokenizer, grammar, log_level=0, limits=limits)
    failures: list[str] = []
    constraint = Constraint(matcher, on_failure=lambda: failures.append("failed"))

    def write() -> None:
        for token in tokenise("[[1,2,[3,[4,5,[6,7]]]],[8]]"):
            constraint.mask()
            constraint.accept(token)

    with pytest.raises(ConstraintFailed, match="could not be followed"):
        write()
    for ask in (constraint.mask, constraint.take_forced, lambda: constraint.accept(1)):
        with pytest.raises(ConstraintFailed):
            ask()
    assert len(failures) == 4


def test_a_grammar_is_compiled_once_and_again_after_it_failed(compiler: ConstraintCompiler) -> None:
    grammar = 'start: "find" " " ("all" | "some")'
    compiler.compile_grammar(grammar)
    kept = compiler._last
    constraint = compiler.compile_grammar(grammar)
    assert compiler._last is kept
    constraint._on_failure()
    compiler.compile_grammar(grammar)
    assert compiler._last is not kept


def test_a_grammar_that_was_used_often_is_compiled_again(
    compiler: ConstraintCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All copies share a lexer, which keeps what it has seen until it is too much."""
    monkeypatch.setattr("agx.grammar.constraint.MOST_COPIES", 3)
    grammar = 'start: "find" " " ("all" | "none")'
    kept = []
    for _ in range(7):
        compiler.compile_grammar(grammar)
        kept.append(compiler._last)
    assert [kept.index(each) for each in kept] == [0, 0, 0, 3, 3, 3, 6]
