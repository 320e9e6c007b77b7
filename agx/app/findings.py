"""What `agx doctor` finds of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "note", "fail"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one thing: a fail keeps AGX from planning, a note does not; `hint` is what to do."""

    name: str
    status: Status
    detail: str
    hint: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"name": self.name, "status": self.status, "detail": self.detail, "hint": self.hint}
