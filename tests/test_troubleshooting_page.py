"""`docs/troubleshooting.md` has every error around models, in the words that the program uses."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from agx import errors
from agx.errors import AgxError
from tests.documents import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
# Whose errors the page answers. What a caller typed wrong is answered by the message itself.
ANSWERED = ("backends", "cli/models", "engine", "gguf", "grammar", "models", "toolcalls", "worker")
NOT_ANSWERED = frozenset({"UsageError", "NotApproved"})
# A fake for tests, and a reason that the one who raises the error again puts into a sentence.
ELSEWHERE = frozenset({"agx/backends/scripted.py", "agx/engine/chat/environment.py"})
# Errors of other parts of the program, which has pages of its own for them.
OTHER_PAGES = frozenset({"CallerError", "NotApproved", "RunError", "TaskFailed", "TaskTimedOut"})
MIN_LETTERS = 7  # a message of fewer fixed letters fits everything


class Raised(NamedTuple):
    """One place that makes an error: the file, the class, and a pattern of its messages."""

    place: str
    kind: str
    pattern: re.Pattern[str]


class Entry(NamedTuple):
    """One section of the page: its title, its messages, and its classes with their exit codes."""

    title: str
    messages: tuple[str, ...]
    kinds: tuple[tuple[str, int], ...]
    text: str


def _kinds() -> dict[str, type[AgxError]]:
    found = {name: value for name, value in vars(errors).items() if isinstance(value, type)}
    return {name: kind for name, kind in found.items() if issubclass(kind, AgxError)}


KINDS = _kinds()


def _pattern(node: ast.expr) -> str:
    """Return a pattern of what an expression can be, as far as it is written out."""
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(map(_pattern, parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _pattern(left) + _pattern(right)
        case ast.IfExp(body=body, orelse=other):
            return f"(?:{_pattern(body)}|{_pattern(other)})"
        case _:
            return ".*"


def _raised() -> Iterator[Raised]:
    """Yield every place of the package that makes an error of a message that says something.

    `Lost` is what becomes a `BackendUnreachable` when nothing helps any more.
    """
    for path in sorted((ROOT / "agx").rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                kind = {"Lost": "BackendUnreachable"}.get(node.func.id, node.func.id)
                pattern = re.sub(r"\.\*(?:\\ \.\*)+", ".*", _pattern(node.args[0]))
                if kind in KINDS and sum(map(str.isalpha, pattern)) >= MIN_LETTERS:
                    yield Raised(f"{place}:{node.lineno}", kind, re.compile(pattern, re.DOTALL))


def _entries() -> Iterator[Entry]:
    for title, text in re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL):
        block = re.search(r"^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        messages = tuple(block[1].splitlines()) if block else ()
        kinds = tuple((kind, int(code)) for kind, code in re.findall(r"`(\w+)`, exit code (\d+)", text))
        yield Entry(title, messages, kinds, text)


RAISED = list(_raised())
ENTRIES = list(_entries())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.title)
def test_an_entry_has_messages_of_the_program_and_says_what_to_do(entry: Entry) -> None:
    """Each message is one that an error of the classes named has, with their exit codes."""
    assert entry.messages
    assert {kind: KINDS[kind].exit_code for kind, _ in entry.kinds} == dict(entry.kinds)
    names = {kind for kind, _ in entry.kinds}
    patterns = [raised.pattern for raised in RAISED if raised.kind in names]
    strays = [line for line in entry.messages if not any(one.fullmatch(line) for one in patterns)]
    assert strays == []
    told = entry.text.rpartition("```")[2].strip().partition(". ")[2]
    assert len(told.split()) >= 10, "what it means, and what to do"


def test_every_error_around_models_is_on_the_page() -> None:
    """An error that is new in the code needs a place here: a line more in an entry, or a new entry."""
    lines = {(kind, line) for entry in ENTRIES for kind, _ in entry.kinds for line in entry.messages}
    folders = tuple(f"agx/{folder}/" for folder in ANSWERED)
    missing = [
        f"{raised.place} {raised.kind}: {raised.pattern.pattern}"
        for raised in RAISED
        if raised.place.startswith(folders)
        and raised.place.partition(":")[0] not in ELSEWHERE
        and raised.kind not in NOT_ANSWERED
        and not any(kind == raised.kind and raised.pattern.fullmatch(line) for kind, line in lines)
    ]
    assert missing == []


def test_every_class_of_errors_is_on_the_page() -> None:
    """Those of models, backends and machines; roots are never raised as such."""
    named = {kind for entry in ENTRIES for kind, _ in entry.kinds}
    roots = {"AgxError", "ModelError", "UsageError"}
    assert set(KINDS) - named - OTHER_PAGES == roots
