"""Which language an instruction is in, as far as it matters: the embedded planner reads English only.

It is told by the words that hold sentences together, and by the script. Names, quoted texts and paths say
nothing. Where nothing speaks for another language, the instruction counts as English.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from agx.plan.schema import Finding, Task
from agx.rules.literals import literals

_BY_SCRIPT = {
    "CJK": "Chinese",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "HANGUL": "Korean",
    "DEVANAGARI": "Hindi",
}
# That many words without an English one may be names.
_MOST_NAMES = 2
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_MIN_SCRIPT_SHARE = 0.3
_MAX_READ_CHARS = 2000


def unread_language(instruction: str) -> str | None:
    """Return the language of an instruction, in a word or two, where it is not English; else None."""
    words = _WORD.findall(_without_literals(instruction[:_MAX_READ_CHARS]))
    letters = "".join(words)
    others = [char for char in letters if not _is_latin(char)]
    if len(others) > _MIN_SCRIPT_SHARE * len(letters):
        script = unicodedata.name(others[0], "other").split()[0]
        return _BY_SCRIPT.get(script, f"in {script.capitalize()} letters")
    return _latin_language([word.casefold() for word in words])


def _latin_language(words: Sequence[str]) -> str | None:
    counts = {language: sum(word in own for word in words) for language, own in _words_of_languages().items()}
    num_english = counts.pop("English")
    language, count = max(counts.items(), key=lambda each: each[1])
    if count > num_english and (count > 1 or count == len(words)):
        return language
    is_unknown = not num_english and len(words) > _MOST_NAMES and not "".join(words).isascii()
    return "in another language" if is_unknown else None


@cache
def _words_of_languages() -> dict[str, frozenset[str]]:
    """Return the words by which a language is told, without those that English has in an instruction."""
    text = Path(__file__).with_name("languages.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines())
    return {language: frozenset(words.split()) for language, words in rows}


def check(instruction: str, tasks: Sequence[Task]) -> Iterator[Finding]:
    """Yield what there is to say where the embedded planner does not know the language.

    It is an error where a task does more than read: such a plan would be done at random.
    """
    language = unread_language(instruction)
    if language is not None:
        yield Finding(
            severity="warning" if all({*task.risk} <= {"reads"} for task in tasks) else "error",
            rule="unread-language",
            message=f"the instruction seems to be {language}, and the embedded planner reads English only",
            hint="say it in English, or use a general model: --model FILE.gguf",
        )


def _without_literals(instruction: str) -> str:
    """Return the instruction without what is taken word for word; a word of another script stays."""
    text = instruction
    for literal in reversed(literals(instruction)):
        if literal.kind != "foreign":
            text = f"{text[: literal.start]} {text[literal.end :]}"
    return text


def _is_latin(char: str) -> bool:
    return "LATIN" in unicodedata.name(char, "")
