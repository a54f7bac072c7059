"""robots.txt as RFC 9309 has it: the longest rule that fits wins, and silence allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

LARGEST = 500 * 1024
"""RFC 9309 2.5: at least this much of a file is read; the rest may be ignored."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What one robots.txt says to us: patterns with whether they allow."""

    rules: tuple[tuple[str, bool], ...] = ()

    def allows(self, url: str) -> bool:
        """Whether the page at this address may be asked for."""
        parts = urlsplit(url)
        path = unquote(parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        best, allowed = -1, True
        for pattern, allow in self.rules:
            length = len(pattern)
            # Of two rules of the same length the one that allows wins (RFC 9309 2.2.2).
            if (length > best or (length == best and allow)) and _matches(pattern, path):
                best, allowed = length, allow
        return allowed


EVERYTHING = Rules()
NOTHING = Rules((("/", False),))


def read_robots(body: bytes, agent: str) -> Rules:
    """The rules for one agent: those of the groups that name it, else those for everybody.

    :param agent: our product name, such as "BothSidesNewsletter"; case does not count.
    """
    ours: list[tuple[str, bool]] = []
    everybody: list[tuple[str, bool]] = []
    named = False
    agents: list[str] = []
    in_rules = False
    for raw in body[:LARGEST].decode("utf-8-sig", "replace").splitlines():
        key, colon, value = raw.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if in_rules:
                agents, in_rules = [], False
            agents.append(value.lower())
            named = named or value.lower() == agent.lower()
        elif key in {"allow", "disallow"}:
            in_rules = True
            if not value:
                continue
            rule = (unquote(value), key == "allow")
            if agent.lower() in agents:
                ours.append(rule)
            if "*" in agents:
                everybody.append(rule)
    return Rules(tuple(ours if named else everybody))


def _matches(pattern: str, path: str) -> bool:
    if "*" not in pattern and not pattern.endswith("$"):
        return path.startswith(pattern)
    # Stars in a row mean one; a file full of them must not make matching slow.
    pattern = re.sub(r"\*+", "*", pattern[:2_000])
    ends = pattern.endswith("$")
    pieces = pattern.removesuffix("$").split("*")
    if not path.startswith(pieces[0]):
        return False
    place = len(pieces[0])
    for piece in pieces[1:-1]:
        found = path.find(piece, place)
        if found < 0:
            return False
        place = found + len(piece)
    if len(pieces) == 1:
        return place == len(path) if ends else True
    last = pieces[-1]
    if ends:
        return path.endswith(last) and len(path) - len(last) >= place
    return path.find(last, place) >= 0
