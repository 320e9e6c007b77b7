"""Real vocabularies: their tokens are llama.cpp's, and constrained plans come out byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agx.engine.native import lib
from agx.engine.vocabulary import Vocabulary
from agx.errors import ModelUnloadable
from agx.grammar.constraint import Constraint, ConstraintCompiler
from agx.grammar.llguidance import constraint_tokenizer
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.grammar.shell_dialect import shell_grammar
from agx.plan.tools import ToolInfo
from agx.unix.registry import unix_registry
from tests.architectures.vocabularies import file
from tests.engine.real_vocabularies import ENCODER, GENERATIVE, loaded, needs_vocabularies, vocabulary

NUM_PLANS = 1000
COMMANDS = ("find", "grep", "sort", "xargs", "wc", "naïve-tool")
SCHEMA = plan_schema(
    tuple(ToolInfo(name=name) for name in COMMANDS),
    PlanLimits(max_tasks=4, max_args=4, max_arg_chars=40, max_path_chars=40, max_text_parts=3),
)
# Parts of arguments that tokenizers treat in ways of their own.
PARTS = (
    "*.rs", "src/main.py", " ", "  ", "a\\b", '"', "{", "}", "▁", "▁▁a", "é", "e\u0301", "日本語",
    "👩‍👩‍👧", "\U0001d518", "\u200b", "\ufeff", "</s>", "<|im_end|>", "<s>", "<unk>", "<0x0A>", "[INST]",
    "[PAD151646]", "12345",
    "3.14", "don't", "İ", "ﬁ", "\u00a0", "Ġ", "Ċ", "\ue000", "-name", "$HOME", "~/x", "x" * 12,
)  # fmt: skip
TRICKY = (
    "▁", "a▁b", " a", "  two spaces", "</s>x", "x</s> y", "<|endoftext|> and on", "<unk>", "<0x0A>",
    "<0x41>B", "\u0001", "e\u0301", "👩‍👩‍👧", "\ufeffbom", "Ġa", "tab\there",
)  # fmt: skip


@dataclass
class Subject:
    """A vocabulary with its constraint's compiler."""

    vocabulary: Vocabulary
    compiler: ConstraintCompiler

    def bytes_of(self, tokens: list[int]) -> bytes:
        return b"".join(self.vocabulary.pieces[token] for token in tokens)


@pytest.fixture(scope="module", params=GENERATIVE)
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    with vocabulary(request.param) as tokens:
        tokenizer = constraint_tokenizer(
            tokens.pieces,
            control_ids=tokens.control_ids,
            end_ids=tokens.end_ids,
            tokenise=tokens.tokenise_exactly,
        )
        yield Subject(tokens, ConstraintCompiler(tokenizer))


@needs_vocabularies
@pytest.mark.parametrize("name", [*GENERATIVE, ENCODER])
def test_texts_have_the_tokens_that_llama_cpp_publishes(name: str) -> None:
    texts = file(name).with_suffix(".gguf.inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    lines = file(name).with_suffix(".gguf.out").read_text(encoding="utf-8").splitlines()
    expected = [[int(token) for token in line.split()] for line in lines]
    with loaded(file(name)) as address:
        tokens = Unchecked(address)
        found = [tokens.tokenise(text, parse_special=False) for text in texts]
    assert len(found) >= len(expected) > 40
    assert found[: len(expected)] == expected


class Unchecked(Vocabulary):
    """A tokenizer of any kind, one that can write or one that cannot."""

    def __init__(self, model_address: int) -> None:
        self.address = lib.llama_model_get_vocab(model_address)


@needs_vocabularies
def test_the_vocabulary_of_an_encoder_is_refused() -> None:
    with loaded(file(ENCODER)) as address, pytest.raises(ModelUnloadable, match="' ' alone"):
        Vocabulary(address)


@needs_vocabularies
def test_random_plans_come_out_byte_for_byte(subject: Subject) -> None:
    """With what the constraint forces, and the tokenizer's own tokens for all the rest."""
    validator = Draft202012Validator(SCHEMA)
    num_forced = 0
    for seed in range(NUM_PLANS):
        plan = random_plan(Random(seed))
        validator.validate(plan)
        text = json.dumps(plan, ensure_ascii=False, separators=(",", ":"))
        constraint = subject.compiler.compile(SCHEMA)
        written, forced = follow(subject, constraint, text.encode())
        assert written == text.encode()
        num_forced += forced
    assert num_forced > NUM_PLANS * 10


def random_plan(random: Random) -> dict[str, Any]:
    tasks: list[dict[str, Any]] = []
    for number in range(1, random.randint(1, 3) + 1):
        task: dict[str, Any] = {
            "command": random.choice(COMMANDS),
            "args": [random_argument(random) for _ in range(random.randint(0, 3))],
        }
        if number > 1 and random.random() < 0.5:
            task["input_from_task"] = random.randrange(1, number)
        if random.random() < 0.2:
            task["save_to"] = "out/▁ü.txt"
        tasks.append(task)
    return {"tasks": tasks}


def random_argument(random: Random) -> Any:
    text = "".join(random.choice(PARTS) for _ in range(random.randint(0, 3)))[:40]
    kind = random.random()
    if kind < 0.1:
        return {"env": "HOME"}
    return {"glob": text or "*"} if kind < 0.2 else text


def follow(subject: Subject, constraint: Constraint, data: bytes) -> tuple[bytes, int]:
    """Write what is forced, else the tokens of the text; give the bytes, and how many were forced."""
    written, num_forced = b"", 0
    while True:
        forced = constraint.take_forced()
        written += subject.bytes_of(forced)
        num_forced += len(forced)
        assert data.startswith(written), (data, written)
        if constraint.is_finished:
            return written, num_forced
        token = next_token(subject.vocabulary, data[len(written) :])
        assert constraint.accept(token), (data, written, subject.vocabulary.pieces[token])
        written += subject.vocabulary.pieces[token]


def next_token(vocabulary: Vocabulary, rest: bytes) -> int:
    """Return the tokenizer's own token for what comes next, or in the middle of a character one byte."""
    if rest[0] & 0xC0 == 0x80:
        return vocabulary.pieces.index(rest[:1])
    return vocabulary.tokenise_exactly(rest[:80].decode(errors="ignore"))[0]


@needs_vocabularies
def test_random_tokens_among_those_allowed_make_a_plan(subject: Subject) -> None:
    limits = PlanLimits(max_tasks=2, max_args=2, max_arg_chars=5, max_path_chars=5, max_text_parts=2)
    schema = plan_schema(tuple(ToolInfo(name=name) for name in COMMANDS), limits)
    validator = Draft202012Validator(schema)
    for seed in range(30):
        random, tokens = Random(seed), list[int]()
        constraint = subject.compiler.compile(schema)
        while not constraint.is_finished:
            tokens += constraint.take_forced()
            if not constraint.is_finished:
                tokens.append(random_token(subject, constraint, random))
        text = subject.vocabulary.decoder().decode(tokens, is_final=True)
        assert text.encode() == subject.bytes_of(tokens)
        validator.validate(json.loads(text))


def random_token(subject: Subject, constraint: Constraint, random: Random) -> int:
    mask = constraint.mask()
    assert not any(mask[token] for token in subject.vocabulary.control_ids)
    allowed = max(mask)
    start = random.randrange(len(mask))
    token = mask.find(allowed, start) if allowed in mask[start:] else mask.rfind(allowed)
    assert subject.vocabulary.pieces[token], "an empty piece would go on for ever"
    assert constraint.accept(token)
    return token


@needs_vocabularies
@pytest.mark.parametrize("text", TRICKY)
def test_a_tricky_text_can_be_forced(subject: Subject, text: str) -> None:
    constraint = subject.compiler.compile({"enum": [text], "x-guidance": {"whitespace_flexible": False}})
    written, _ = follow(subject, constraint, json.dumps(text, ensure_ascii=False).encode())
    assert json.loads(written) == text


@needs_vocabularies
@pytest.mark.parametrize("text", [*TRICKY, " <s> a", ""])
def test_the_tokens_of_a_text_that_goes_on_are_that_text(subject: Subject, text: str) -> None:
    tokens = subject.vocabulary.tokenise_exactly(text)
    assert subject.bytes_of(tokens).decode() == text
    assert subject.vocabulary.control_ids.isdisjoint(tokens)


@needs_vocabularies
def test_a_message_keeps_its_spaces_where_a_special_token_is_broken(subject: Subject) -> None:
    """Tokenizers that begin each text with a space do so once, not at each break."""
    tokens = subject.vocabulary
    end = tokens.pieces[min(tokens.end_ids)].decode()
    content = f"say {end}, not {end}!"
    [broken], mark = tokens.defused([content])
    found = tokens.tokenise_prompt(broken, broken_by=mark, at_most=1000)
    text = subject.bytes_of([token for token in found if token not in tokens.control_ids]).decode()
    assert text.removeprefix(" ") == content
    assert tokens.end_ids.isdisjoint(found)


@needs_vocabularies
@pytest.mark.parametrize("text", ["<|im_end|>", "<|end_of_text|>", "</s>", "<|endoftext|>", "<|eot_id|>"])
def test_a_message_ends_nothing(subject: Subject, text: str) -> None:
    tokens = subject.vocabulary
    [broken], mark = tokens.defused([text])
    assert tokens.end_ids.isdisjoint(tokens.tokenise_prompt(broken, broken_by=mark, at_most=1000))


def test_a_model_that_repeats_itself_stays_within_the_grammar(subject: Subject) -> None:
    """What the lexer spends on such a text grew with every word, until llguidance gave up."""
    text = (
        f"ps aux -m{' -l' * 30} 2>/dev/null | awk '{{print $2, $4, $11}}' | grep -o -p "
        f'"${{MACHINE_PROCESSES_PER_SEC}}{" -n -o" * 20}{" -l" * 100}'
    )
    grammar = shell_grammar(unix_registry(), PlanLimits())
    constraint = subject.compiler.compile_grammar(grammar)
    for token in subject.vocabulary.tokenise_exactly(text):
        assert constraint.mask()[token]
        assert constraint.accept(token)
