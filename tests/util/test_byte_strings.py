from __future__ import annotations

import pytest

from agx.util.byte_strings import ByteStrings

TEXTS = [b"", b"a", b"\0\xff", b"", b"a longer one", b""]


def test_it_is_a_sequence_of_the_texts() -> None:
    """As a list of them is."""
    held = ByteStrings(iter(TEXTS))
    assert len(held) == len(TEXTS)
    assert list(held) == TEXTS
    assert [held[number] for number in range(-len(TEXTS), len(TEXTS))] == TEXTS * 2
    assert held[1:4] == TEXTS[1:4]
    assert held[::-2] == TEXTS[::-2]
    assert held.index(b"a") == 1
    assert b"\0\xff" in held


@pytest.mark.parametrize("number", [len(TEXTS), -len(TEXTS) - 1])
def test_a_number_that_is_out_of_range_is_an_error(number: int) -> None:
    with pytest.raises(IndexError):
        ByteStrings(TEXTS)[number]


def test_none_is_a_sequence_as_well() -> None:
    assert list(ByteStrings([])) == []


@pytest.mark.parametrize("texts", [[b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"a", b"b", b"d"]], ids=repr)
def test_it_equals_what_holds_the_same_texts(texts: list[bytes]) -> None:
    """Cut at the same places."""
    assert ByteStrings(texts) == ByteStrings(tuple(texts))
    assert ByteStrings(texts) != ByteStrings([b"a", b"b", b"c"])
    assert ByteStrings(texts) != texts
