"""Lines of an input: every form that holds an instruction, and every way in which a line holds none."""

from __future__ import annotations

import io
import tracemalloc
from typing import Any

import pytest

from agx.batch.lines import (
    MAX_LINE_BYTES,
    Form,
    RawLine,
    form_of_file,
    guessed_form,
    raw_lines,
    read_line,
)


def raw(data: bytes, number: int = 2) -> RawLine:
    return RawLine(number, data, 1)


def reason(data: bytes, form: Form = "json", number: int = 2) -> str:
    """Return the message of the error that a line becomes."""
    line = read_line(raw(data, number), form)
    assert line.error is not None
    assert line.error.hint
    assert line.number == number
    return line.error.message


def texts(data: bytes) -> list[bytes | None]:
    return [line.data for line in raw_lines(io.BytesIO(data))]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a", [b"a"], id="no end"),
        pytest.param(b"a\nb\n", [b"a", b"b"], id="unix"),
        pytest.param(b"a\r\nb\r\n", [b"a", b"b"], id="windows"),
        pytest.param(b"\n\na\n", [b"", b"", b"a"], id="empty lines count"),
        pytest.param("a\u2028b\n".encode(), ["a\u2028b".encode()], id="only newlines end a line"),
    ],
)
def test_a_file_is_split_at_its_newlines(data: bytes, expected: list[bytes]) -> None:
    assert texts(data) == expected
    assert [line.number for line in raw_lines(io.BytesIO(data))] == list(range(1, len(expected) + 1))


@pytest.mark.parametrize("length", [MAX_LINE_BYTES + 1, MAX_LINE_BYTES + 2, 3 * MAX_LINE_BYTES])
def test_a_line_that_is_too_long_is_one_line(length: int) -> None:
    at_limit = b"x" * MAX_LINE_BYTES
    assert texts(b"x" * length + b"\nb\n" + at_limit + b"\r\n") == [None, b"b", at_limit]
    assert texts(b"x" * length) == [None]
    line = read_line(next(raw_lines(io.BytesIO(b"x" * length))), "text")
    assert line.error is not None
    assert "longer than 1 MiB" in line.error.message


def test_a_long_line_is_never_held_as_a_whole() -> None:
    class Endless(io.RawIOBase):
        left = 200 * MAX_LINE_BYTES

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            view = memoryview(buffer)
            size = min(len(view), self.left)
            view[:size] = b"x" * size
            self.left -= size
            return size

    tracemalloc.start()
    try:
        assert [line.data for line in raw_lines(io.BufferedReader(Endless()))] == [None]
        assert tracemalloc.get_traced_memory()[1] < 10 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


def test_the_digest_is_of_the_whole_line_and_not_of_its_end() -> None:
    long = b"x" * (2 * MAX_LINE_BYTES)
    data = [b"a\n", b"a\r\n", b"a", b"b\n", long + b"\n", long, long + b"y"]
    digests = [next(raw_lines(io.BytesIO(each))).digest for each in data]
    assert digests[0] == digests[1] == digests[2]
    assert digests[4] == digests[5]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.jsonl", "json"), ("a.NDJSON", "json"), ("a.json", "json"), ("a.txt", "text"), ("a", None)],
)
def test_the_name_of_a_file_says_what_its_lines_are(name: str, form: str | None) -> None:
    assert form_of_file(name) == form


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b'{"instruction": "a"}', "json"),
        (b' "a"', "json"),
        (b'\xef\xbb\xbf"a"', "json"),
        (b"sort a.txt", "text"),
        (b"  ", None),
    ],
)
def test_a_line_says_what_it_is(data: bytes, form: str | None) -> None:
    assert guessed_form(raw(data)) == form


def test_text_is_an_instruction_as_it_stands() -> None:
    assert read_line(raw(b'show "a b"  '), "text").instruction == 'show "a b"  '


@pytest.mark.parametrize("data", [b'"sort a.txt"', b'{"instruction": "sort a.txt"}', b'{"nl": "sort a.txt"}'])
def test_json_holds_an_instruction(data: bytes) -> None:
    line = read_line(raw(data), "json")
    assert (line.instruction, line.id, line.others, line.error) == ("sort a.txt", None, {}, None)


def test_what_stands_beside_an_instruction_is_kept() -> None:
    line = read_line(raw(b'{"id": 7, "instruction": "a", "nl": "b", "user": {"name": "x"}}'), "json")
    assert (line.instruction, line.id, line.others) == ("a", 7, {"nl": "b", "user": {"name": "x"}})


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read_line(raw(b'\xef\xbb\xbf"a"', 1), "json").instruction == "a"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "line 2 is empty", id="empty"),
        pytest.param(b" \t", "line 2 is empty", id="blank"),
        pytest.param(b"sort a.txt", "line 2 is not JSON: Expecting value", id="text"),
        pytest.param(b'{"instruction": ', "line 2 is not JSON", id="cut off"),
        pytest.param(b'{"instruction": "a", "x": NaN}', "NaN is not JSON", id="NaN"),
        pytest.param(b"[" * 100_000, "nested too deeply", id="deep"),
        pytest.param(b'["sort a.txt"]', "neither an object nor a string", id="list"),
        pytest.param(b"7", "neither an object nor a string", id="number"),
        pytest.param(b'{"text": "sort a.txt"}', "line 2 has no instruction", id="no key"),
        pytest.param(b'{"instruction": null}', "the instruction of line 2 is not a text", id="null"),
        pytest.param(b'"\xff"', "line 2 is not UTF-8 text", id="bytes"),
    ],
)
def test_a_line_without_an_instruction_says_why(data: bytes, expected: str) -> None:
    assert expected in reason(data)


def test_a_bad_line_keeps_its_id() -> None:
    assert read_line(raw(b'{"id": "x", "instruction": 3}'), "json").id == "x"
