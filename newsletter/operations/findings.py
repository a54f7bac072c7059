"""What a doctor says: one line about one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the doctor's report; ``hint`` says what to do where there is something to do."""

    name: str
    state: State
    says: str
    hint: str = ""


def ok(name: str, says: str) -> Finding:
    """Nothing to do."""
    return Finding(name=name, state="ok", says=says)
