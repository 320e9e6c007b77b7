"""The literals of an instruction: what a plan has to take word for word. Certain rather than complete; pure.

A literal is a text in quotes, a file name with an extension, a path, or a word with letters beyond ASCII.
What is only likely to be a name (a plain word, an option, a pattern such as `*.txt`) is none: a false alarm
on a right plan is worse than a name that is not looked after.
"""

from __future__ import annotations

from agx.rules.named_literal import NamedLiteral

# A longer instruction has a document in it; what stands behind that is not looked through.
_MAX_READ_CHARS = 10_000
_MOST_LITERALS = 100
# One of them is in every literal of ASCII characters.
_SIGNS = frozenset("\"'`/.\\")


def literals(instruction: str) -> tuple[NamedLiteral, ...]:
    """Return the literals of an instruction in their order; none lies within another."""
    instruction = instruction[:_MAX_READ_CHARS]
    if instruction.isascii() and _SIGNS.isdisjoint(instruction):
        return ()
    from agx.rules.literal_reading import candidates  # noqa: PLC0415  its patterns take a while to compile

    found: list[NamedLiteral] = []
    for literal in candidates(instruction):
        if not any(literal.start < other.end and other.start < literal.end for other in found):
            found.append(literal)
        if len(found) == _MOST_LITERALS:
            break
    return tuple(sorted(found, key=lambda each: each.start))
