"""An instruction on the command line: one argument in quotes."""

from __future__ import annotations

from collections.abc import Sequence

from agx.errors import UsageError
from agx.util.texts import shortened

EXAMPLE = 'agx plan "list all rust files and count lines"'


def instruction_of(words: tuple[str, ...], *, verb: str = "") -> str | None:
    """Return the instruction, or None without one; raises `UsageError` for several words.

    `verb` is the word before them, which may have been meant as a part of the instruction.
    """
    if len(words) > 1:
        hint = f"put it in quotes: agx plan {f'{verb} ' if verb else ''}{in_quotes(words)}"
        if verb:
            hint += f"; to plan all of it: agx plan {in_quotes((verb, *words))}"
        raise UsageError(f"the instruction has {len(words)} arguments, and it must be one", hint=hint)
    return usable(words[0]) if words else None


def usable(text: str) -> str:
    """Return the text unchanged; raises `UsageError` where it is empty or cannot be encoded."""
    if not text.strip():
        raise UsageError("the instruction is empty", hint=f"say what to do: {EXAMPLE}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "the instruction is not valid UTF-8", hint="set a UTF-8 locale, or use a file"
        ) from None
    return text


def in_quotes(words: Sequence[str]) -> str:
    """Return the words as one argument, quoted for a shell, as a usage error shows what to type."""
    text = shortened(" ".join(words), 200)
    if any(character in text for character in '"$`\\!\n'):
        import shlex  # noqa: PLC0415  only a mistake needs it

        return shlex.quote(text)
    return f'"{text}"'
