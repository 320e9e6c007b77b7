"""Texts that a constraint lets a model write that knows nothing: every byte is drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from agx.grammar.constraint import Constraint

_MAX_STEPS = 20_000
# How often a text ends where it may go on.
_STOPPING = 0.1
# What ends a value or goes on after it: chosen often, so that a text ends.
ENDING = b'"}],'
# An exponent may make a number too large for a float, which is seen when the plan is read.
_NEVER = frozenset(b"eE")


def random_walk(constraint: Constraint, random: Random, *, ending: bytes = ENDING) -> str:
    """Write what a constraint allows, byte by byte, until nothing can follow, or sooner where it may end.

    The tokens of the constraint are the 256 bytes. Those in `ending` are chosen often.
    """
    written = bytearray()
    for _ in range(_MAX_STEPS):
        written += bytes(constraint.take_forced())
        if constraint.is_finished or (constraint.is_accepting and random.random() < _STOPPING):
            return written.decode()
        allowed = [byte for byte, allows in enumerate(constraint.mask()[:256]) if allows]
        byte = _chosen(allowed, written, random, ending=ending)
        assert constraint.accept(byte)
        written.append(byte)
    raise AssertionError(f"the text does not end: {written[-200:]!r}")


def _chosen(allowed: Sequence[int], written: bytearray, random: Random, *, ending: bytes) -> int:
    """Choose a byte: often one that ends something, and none that begins an exponent."""
    in_number = bool(written) and written[-1:].isdigit()
    choices = [byte for byte in allowed if not (in_number and byte in _NEVER)]
    preferred = [byte for byte in choices if byte in ending]
    if preferred and random.random() < 0.4:
        return random.choice(preferred)
    return random.choice(choices)
