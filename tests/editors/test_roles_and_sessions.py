"""Who may do what, and how long a session holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editors.roles import SENTENCES, Right, may
from newsletter.editors.sessions import MOST_CODES, hashed, is_alive, is_recent, same, wait_after
from newsletter.model import Role, Session, Stage

NOW = datetime(2026, 11, 22, 6, tzinfo=UTC)
HOURS = timedelta(hours=12)
IDLE = timedelta(minutes=60)


def session(stage: Stage = Stage.FULL, **values: object) -> Session:
    """A session made now."""
    shown: dict[str, object] = {"made": NOW, "seen": NOW, **values}
    return Session(hash="h", editor=1, stage=stage, csrf="c", **shown)  # type: ignore[arg-type]


def test_editing_and_sending_are_different_rights() -> None:
    """An editor sends nothing, an operator changes no word, neither approves."""
    assert may(Role.EDITOR, Right.EDIT)
    assert not may(Role.EDITOR, Right.SEND)
    assert may(Role.OPERATOR, Right.SEND)
    assert not may(Role.OPERATOR, Right.EDIT)
    assert {role for role in Role if may(role, Right.APPROVE)} == {Role.PUBLISHER, Role.ADMIN}
    assert {role for role in Role if may(role, Right.PEOPLE)} == {Role.ADMIN}
    assert {role for role in Role if may(role, Right.READERS)} == {Role.OPERATOR, Role.ADMIN}


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_look_and_has_a_sentence(role: Role) -> None:
    """No role is without a right or an explanation."""
    assert may(role, Right.LOOK)
    assert SENTENCES[role].endswith(".")


def test_a_session_ends_by_idleness_and_by_age() -> None:
    """An hour without a sign of life ends it, and twelve hours in any case."""
    assert is_alive(session(), now=NOW + timedelta(minutes=59), idle=IDLE, longest=HOURS)
    assert not is_alive(session(), now=NOW + timedelta(minutes=60), idle=IDLE, longest=HOURS)
    late = NOW + HOURS
    assert not is_alive(session(seen=late), now=late, idle=IDLE, longest=HOURS)


def test_half_a_sign_in_ends_soon() -> None:
    """The second step has ten minutes and five tries."""
    half = session(Stage.PASSWORD)
    assert is_alive(half, now=NOW + timedelta(minutes=9), idle=IDLE, longest=HOURS)
    assert not is_alive(half, now=NOW + timedelta(minutes=10), idle=IDLE, longest=HOURS)
    assert not is_alive(
        session(Stage.PASSWORD, tries=MOST_CODES), now=NOW, idle=IDLE, longest=HOURS
    )
    assert not is_recent(half, NOW)
    assert is_recent(session(), NOW + timedelta(minutes=14))


@given(st.integers(0, 10_000))
def test_waiting_grows_and_is_bounded(failures: int) -> None:
    """Mistyping costs nothing; going on costs more each time, and never more than 15 minutes."""
    wait = wait_after(failures)
    assert timedelta(0) <= wait <= timedelta(minutes=15)
    assert wait <= wait_after(failures + 1)
    assert (wait == timedelta(0)) is (failures < 5)


def test_secrets_are_compared_and_kept_safely() -> None:
    """An empty secret is the same as nothing, and a word is kept as its hash only."""
    assert same("a", "a")
    assert not same("", "")
    assert not same("a", "ä")
    assert len(hashed("word")) == 64
