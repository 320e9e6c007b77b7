"""Functions of another module, whose type hints are texts that only this module can resolve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass
class Finding:
    """A name that the package has as well."""

    depth: int


class Digger:
    """An object with methods."""

    def dig(self, at: Finding) -> int:
        """Dig as deep as that."""
        return at.depth

    def __call__(self, depth: int) -> int:
        """Dig."""
        return depth


def dig(at: Finding, *, twice: bool = False) -> int:
    """Dig."""
    return at.depth * (2 if twice else 1)


def unresolvable(price: Decimal) -> Decimal:
    """Take what is imported for type checkers only."""
    return price
