"""The bundled catalogue: complete, balanced, and with a reason for every lean."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

from newsletter import config
from newsletter.feeds.guard import Guard
from newsletter.model import Lean, Paywall, Side

SOURCES = config._catalogue("us", Path("config.toml"))


def test_the_sides_are_balanced() -> None:
    """Twenty-five left, fifteen center, twenty-five right."""
    sides = Counter(source.lean.side for source in SOURCES)
    assert sides == {Side.LEFT: 25, Side.CENTER: 15, Side.RIGHT: 25}


KINDS = re.compile(
    r"(?:self-description|editors' judgement), [A-Z][a-z]+ 20\d\d: \S|CC BY 4\.0, [^:]+: \S"
)


def test_every_lean_has_a_reason_of_a_known_kind() -> None:
    """A dated self-description or judgement, or data with its credit; no rating service's data."""
    for source in SOURCES:
        assert source.lean is not Lean.UNRATED
        assert source.provenance, source.id
        for reason in source.provenance:
            assert KINDS.match(reason), f"{source.id}: {reason}"
        said = " ".join(source.provenance).lower()
        assert not [name for name in ("allsides", "fact check", "ad fontes") if name in said]


def test_every_outlet_is_described() -> None:
    """Family, owner, country, domains and paywall are known for all."""
    for source in SOURCES:
        assert all((source.family, source.owner, source.country, source.domains))
        assert source.paywall is not Paywall.UNKNOWN
        assert source.kind in {"news", "opinion", "wire", "broadcast"}


def test_every_feed_address_passes_the_guard() -> None:
    """No address needs an allowance, and none is there twice."""
    addresses = [address for source in SOURCES for address in source.addresses]
    assert len(addresses) == len(set(addresses)) >= len(SOURCES)
    for address in addresses:
        Guard().check(address)
        assert urlsplit(address).path
    assert len({source.id for source in SOURCES}) == len(SOURCES)
