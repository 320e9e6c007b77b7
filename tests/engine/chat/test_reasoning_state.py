"""Reasoning token by token: where it begins, where it ends, and what is written there."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agx.engine.chat.reasoning import ReasoningMarkers, TurnOpening
from agx.engine.chat.reasoning_state import ReasoningState

END_OF_TEXT = 300
THINK = ReasoningMarkers("<think>", "</think>", before_end="\n", after_end="\n\n")
ROUND = ReasoningMarkers("◁think▷", "◁/think▷")
CHANNEL = ReasoningMarkers(
    "<|channel|>analysis<|message|>", "<|end|>", after_end="<|start|>assistant<|channel|>final<|message|>"
)


class Spelling:
    """A vocabulary of bytes and a few longer tokens, the longest of which is taken first."""

    def __init__(self, *longer: str, control: Sequence[str] = ()) -> None:
        names = [text.encode() for text in (*longer, *control)]
        self.pieces = [bytes([byte]) for byte in range(256)] + names
        self.pieces += [b"<|eos|>"] * (END_OF_TEXT + 1 - len(self.pieces))
        self.control_ids = {self.pieces.index(text.encode()) for text in control} | {END_OF_TEXT}

    def tokenise(self, text: str, *, parse_special: bool, goes_on: bool = False) -> list[int]:
        assert parse_special
        data, tokens = text.encode(), []
        while data:
            token = max(
                (token for token, piece in enumerate(self.pieces[:END_OF_TEXT]) if data.startswith(piece)),
                key=lambda token: len(self.pieces[token]),
            )
            tokens.append(token)
            data = data[len(self.pieces[token]) :]
        return tokens

    def spelled(self, tokens: Sequence[int]) -> str:
        return b"".join(self.pieces[token] for token in tokens).decode()


BYTES = Spelling()
WHOLE = Spelling("<think>", "</think>", ">\n\n", "x</think>{")


def thoughts(
    thinking: ReasoningMarkers = THINK,
    *,
    tokens: Spelling = BYTES,
    budget: int = 100,
    is_open: bool = True,
    lead: str = "",
) -> ReasoningState:
    return ReasoningState(thinking, TurnOpening(lead=lead, is_open=is_open), tokens=tokens, budget=budget)


def written(one: ReasoningState, drawn: Sequence[int], tokens: Spelling = BYTES) -> tuple[str, str]:
    """Draw these tokens, as many as are wanted; give what was appended, and what was shown."""
    appended: list[int] = []
    shown = ""
    for token in drawn:
        if one.is_over:
            break
        appended += one.take(token, ends_text=token == END_OF_TEXT)
        shown += one.read()
    return tokens.spelled(appended), shown + one.read()


def test_a_model_that_ends_its_thoughts_is_followed_to_the_answers_place() -> None:
    one = thoughts()
    assert written(one, b"so be it\n</think>") == ("so be it\n</think>\n\n", "so be it\n")
    assert one.is_over


@pytest.mark.parametrize("tokens", [BYTES, WHOLE], ids=["spelled", "one token"])
def test_a_marker_may_be_one_token_or_many(tokens: Spelling) -> None:
    drawn = tokens.tokenise("ok</think>", parse_special=True)
    assert written(thoughts(tokens=tokens), drawn, tokens) == ("ok</think>\n\n", "ok")


def test_what_stands_behind_a_marker_in_its_token_is_written_as_the_template_does() -> None:
    drawn = [*b"ok</think", WHOLE.pieces.index(b">\n\n")]
    assert written(thoughts(tokens=WHOLE), drawn, WHOLE) == ("ok</think>\n\n", "ok")
    drawn = [*b"ok ", WHOLE.pieces.index(b"x</think>{")]
    assert written(thoughts(tokens=WHOLE), drawn, WHOLE) == ("ok x</think>\n\n", "ok x")


def test_a_marker_that_no_text_spells_ends_thoughts_and_is_not_shown() -> None:
    tokens = Spelling(control=("<|end|>", "<|start|>", "<|channel|>", "<|message|>", "<|other|>"))
    drawn = tokens.tokenise("hm<|other|>m<|end|>", parse_special=True)
    appended, shown = written(thoughts(CHANNEL, tokens=tokens), drawn, tokens)
    assert appended == "hm<|other|>m<|end|><|start|>assistant<|channel|>final<|message|>"
    assert shown == "hmm"


def test_what_only_looks_like_a_marker_is_shown_in_the_end() -> None:
    assert written(thoughts(), b"a </b> </thin </think>") == (
        "a </b> </thin </think>\n\n",
        "a </b> </thin ",
    )
    assert written(thoughts(ROUND), "◁ ◁/ ◁/think▷".encode()) == ("◁ ◁/ ◁/think▷", "◁ ◁/ ")


def test_text_is_shown_as_it_comes() -> None:
    one = thoughts()
    shown = []
    for byte in "aé<b".encode():
        one.take(byte, ends_text=False)
        shown.append(one.read())
    assert shown == ["a", "", "é", "", "<b"]


@pytest.mark.parametrize(
    ("text", "budget", "appended"),
    [
        ("so be it", 4, "so b\n</think>\n\n"),
        ("so\n", 3, "so\n</think>\n\n"),
        ("so\n</thi", 8, "so\n</think>\n\n"),
        ("so</", 4, "so</think>\n\n"),
        ("s", 1, "s\n</think>\n\n"),
    ],
    ids=["in a word", "at a line's end", "in a marker", "in a marker behind a word", "at once"],
)
def test_when_the_budget_ends_so_do_the_thoughts(text: str, budget: int, appended: str) -> None:
    one = thoughts(budget=budget)
    assert written(one, text.encode())[0] == appended
    assert one.is_over


def test_a_model_that_ends_its_turn_has_only_ended_its_thoughts() -> None:
    one = thoughts()
    assert written(one, [*b"so", END_OF_TEXT]) == ("so\n</think>\n\n", "so")
    assert one.is_over


def test_a_model_that_opens_its_thoughts_is_followed() -> None:
    for tokens in (BYTES, WHOLE):
        one = thoughts(tokens=tokens, is_open=False)
        drawn = [*tokens.tokenise("<think>", parse_special=True)[:1], *b"so</think>"]
        assert written(one, drawn, tokens) == ("<think>so</think>\n\n", "so")


def test_an_opening_may_have_a_space_before_it_and_text_behind_it() -> None:
    tokens = Spelling(" <", "<think>\n")
    for first in (b" <", b"<think>\n"):
        one = thoughts(tokens=tokens, is_open=False)
        appended, shown = written(one, [tokens.pieces.index(first), *b"so</think>"], tokens)
        assert appended.strip() in {"<think>so</think>", "<think>\nso</think>"}
        assert shown.strip() == "so"


@pytest.mark.parametrize("first", [ord("{"), ord(" "), ord("\n"), END_OF_TEXT])
def test_a_model_that_does_not_open_thoughts_answers_at_once(first: int) -> None:
    one = thoughts(is_open=False, lead="<answer>")
    assert written(one, [first, *b"<think>"]) == ("<answer>", "")
    assert one.is_over


def test_thoughts_can_be_left_out() -> None:
    assert BYTES.spelled(thoughts(is_open=False, lead="<answer>").close()) == "<answer>"
    assert BYTES.spelled(thoughts().close()) == "\n</think>\n\n"


def test_half_a_character_at_the_end_is_shown_as_one() -> None:
    one = thoughts(budget=2)
    for byte in b"a\xc3":
        one.take(byte, ends_text=False)
    assert one.is_over
    assert one.read() == "a\ufffd"
