"""What a check says: an error that blocks an approval, or a warning that a person decides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with an issue, in one sentence; ``variant`` names the rendering it is in."""

    severity: Severity
    sentence: str
    variant: str = ""


def error(sentence: str) -> Finding:
    """What forbids an approval."""
    return Finding(severity="error", sentence=sentence)


def warning(sentence: str) -> Finding:
    """What a person should have seen."""
    return Finding(severity="warning", sentence=sentence)


def blocking(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that forbid an approval."""
    return tuple(finding for finding in findings if finding.severity == "error")
