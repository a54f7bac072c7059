"""The log of acts: lines are added, found again, and end with their period."""

from __future__ import annotations

from datetime import timedelta

from newsletter.database.audit import LONGEST, Audit
from newsletter.database.engine import Database
from tests.conftest import StillClock


def test_acts_are_found_by_subject_actor_action_and_date(
    database: Database, clock: StillClock
) -> None:
    """The newest comes first; a kind of actor stands for all its actors."""
    audit = Audit(database, clock)
    audit.note("editor:anna@example.org", "approve", "daily-2026-11-22", "revision 2")
    clock.pass_(minutes=5)
    audit.note("scheduler", "send", "daily-2026-11-22")
    audit.note("cli:ops", "pause", "daily-2026-11-21")
    assert [one.action for one in audit.entries()] == ["pause", "send", "approve"]
    assert [one.action for one in audit.entries(subject="daily-2026-11-22")] == ["send", "approve"]
    assert [one.actor for one in audit.entries(actor="editor")] == ["editor:anna@example.org"]
    assert [one.actor for one in audit.entries(actor="scheduler")] == ["scheduler"]
    assert [one.detail for one in audit.entries(action="approve")] == ["revision 2"]
    assert len(list(audit.entries(since=clock()))) == 2
    assert len(list(audit.entries(limit=1))) == 1


def test_a_kind_is_no_pattern(database: Database, clock: StillClock) -> None:
    """An actor with a sign that SQL reads as "anything" finds only itself."""
    audit = Audit(database, clock)
    audit.note("cli:ops", "send", "x")
    assert list(audit.entries(actor="%")) == []


def test_a_line_ends_with_its_period(database: Database, clock: StillClock) -> None:
    """What is older than the period goes, what is younger stays; details are cut."""
    audit = Audit(database, clock)
    audit.note("scheduler", "draft", "old")
    clock.pass_(days=400)
    audit.note("scheduler", "draft", "new", "x" * 5000)
    assert audit.drop_before(clock() - timedelta(days=365)) == 1
    [left] = audit.entries()
    assert (left.subject, len(left.detail)) == ("new", LONGEST)
