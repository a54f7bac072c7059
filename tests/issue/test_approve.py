"""Tests of approval and of the states of an issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import IssueError, NotApproved
from newsletter.issue.approve import allowed, approve, digest, move, must_match, revise
from newsletter.model import Issue, IssueState, Rendered, Revision
from tests.issue.content import DAY, NOON, content

RENDERED = Rendered(subject="S", preheader="P", html="<p>H</p>", text="T", tag="abc123")


def drafted() -> tuple[Issue, Revision]:
    """A fresh draft with its first revision."""
    issue = Issue(
        id="daily-2026-03-18",
        edition="daily",
        day=DAY,
        state=IssueState.DRAFT,
        revision=0,
        created=NOON,
    )
    return revise(issue, content(), [RENDERED], at=NOON)


def test_an_approval_is_bound_to_the_bytes() -> None:
    """What was approved may be sent; one changed character may not."""
    issue, revision = drafted()
    approved = approve(issue, revision, by="Ada", at=NOON)
    assert (approved.state, approved.approved_by) == (IssueState.APPROVED, "Ada")
    must_match(approved, revision)
    changed = replace(revision, rendered=(replace(RENDERED, text="T."),))
    with pytest.raises(NotApproved, match="Ada"):
        must_match(approved, changed)


def test_nobody_sends_a_draft() -> None:
    """Without an approval there is nothing to match."""
    issue, revision = drafted()
    with pytest.raises(NotApproved, match="nobody"):
        must_match(issue, revision)


def test_an_edit_takes_the_approval_back() -> None:
    """A new revision is a draft, and the old approval does not hold for it."""
    issue, revision = drafted()
    approved = approve(issue, revision, by="Ada", at=NOON)
    edited, newer = revise(
        approved, content(), [replace(RENDERED, subject="S2")], at=NOON + timedelta(minutes=1)
    )
    assert (edited.state, edited.revision, edited.approved_sha256) == (IssueState.DRAFT, 2, "")
    with pytest.raises(NotApproved):
        must_match(edited, newer)
    with pytest.raises(IssueError, match="revision"):
        approve(edited, revision, by="Ada", at=NOON)


def test_a_tampered_revision_cannot_be_approved() -> None:
    """The bytes must be those that the revision's sha256 was made of."""
    issue, revision = drafted()
    with pytest.raises(IssueError, match="not what was saved"):
        approve(
            issue, replace(revision, rendered=(replace(RENDERED, html="x"),)), by="Ada", at=NOON
        )


def test_somebody_has_to_approve() -> None:
    """An approval without a name is refused."""
    issue, revision = drafted()
    with pytest.raises(IssueError):
        approve(issue, revision, by=" ", at=NOON)


@pytest.mark.parametrize(
    ("state", "action", "may"),
    [
        (IssueState.DRAFT, "approve", True),
        (IssueState.DRAFT, "send", False),
        (IssueState.APPROVED, "send", True),
        (IssueState.SENDING, "send", True),
        (IssueState.SENDING, "pause", True),
        (IssueState.SENDING, "edit", False),
        (IssueState.PAUSED, "resume", True),
        (IssueState.PAUSED, "send", False),
        (IssueState.PARTLY_SENT, "send", True),
        (IssueState.SENT, "cancel", False),
        (IssueState.SENT, "send", False),
        (IssueState.CANCELLED, "approve", False),
    ],
)
def test_the_states_allow_what_they_should(state: IssueState, action: str, may: bool) -> None:  # noqa: FBT001 - a table
    """Each state allows its own moves; a refusal says state and action in words."""
    issue = replace(drafted()[0], state=state)
    assert allowed(state, action) is may
    if not may:
        with pytest.raises(IssueError, match="cannot be"):
            move(issue, action)


def test_an_unknown_action_is_an_error() -> None:
    """A misspelt action is not silently forbidden."""
    with pytest.raises(IssueError):
        allowed(IssueState.DRAFT, "aprove")


@given(st.text(), st.text(), st.text(), st.text())
def test_moving_text_between_parts_changes_the_digest(a: str, b: str, c: str, d: str) -> None:
    """Equal digests mean equal parts, not only equal bytes in a row."""
    one = replace(RENDERED, subject=a, html=b)
    two = replace(RENDERED, subject=c, html=d)
    assert (digest([one]) == digest([two])) is ((a, b) == (c, d))


def test_the_order_of_variants_does_not_matter() -> None:
    """The same renderings in another order are the same approval."""
    other = replace(RENDERED, variant="politics")
    assert digest([RENDERED, other]) == digest([other, RENDERED])
    assert digest([RENDERED, other]) != digest([RENDERED])
