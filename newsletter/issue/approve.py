"""Who may do what with an issue, and the approval that is bound to the bytes.

Pure: every function takes an issue and returns a new one or raises. The states and the moves
between them::

    draft ──approve──> approved ──send──> sending ──finish──> sent | partly_sent
      ^                   │                 │ ^                       │
      └──────edit─────────┘            pause│ │resume                 └─send──> sending (the rest)
                                            v │
                                          paused
    cancel: from draft, approved, sending, paused
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from newsletter.errors import IssueError, NotApproved
from newsletter.model import Issue, IssueContent, IssueState, Rendered, Revision

_MOVES: dict[str, dict[IssueState, IssueState]] = {
    "edit": {
        IssueState.DRAFT: IssueState.DRAFT,
        IssueState.APPROVED: IssueState.DRAFT,
    },
    "approve": {
        IssueState.DRAFT: IssueState.APPROVED,
        IssueState.APPROVED: IssueState.APPROVED,
    },
    "send": {
        IssueState.APPROVED: IssueState.SENDING,
        IssueState.SENDING: IssueState.SENDING,
        IssueState.PARTLY_SENT: IssueState.SENDING,
    },
    "pause": {
        IssueState.SENDING: IssueState.PAUSED,
        IssueState.PAUSED: IssueState.PAUSED,
    },
    "resume": {
        IssueState.PAUSED: IssueState.SENDING,
        IssueState.SENDING: IssueState.SENDING,
    },
    "cancel": {
        IssueState.DRAFT: IssueState.CANCELLED,
        IssueState.APPROVED: IssueState.CANCELLED,
        IssueState.SENDING: IssueState.CANCELLED,
        IssueState.PAUSED: IssueState.CANCELLED,
        IssueState.CANCELLED: IssueState.CANCELLED,
    },
    "finish": {IssueState.SENDING: IssueState.SENT},
    "give_up": {IssueState.SENDING: IssueState.PARTLY_SENT},
}

_PAST = {
    "edit": "edited",
    "approve": "approved",
    "send": "sent",
    "pause": "paused",
    "resume": "resumed",
    "cancel": "cancelled",
    "finish": "finished",
    "give_up": "closed as partly sent",
}

_CORRECT = "What readers have cannot be called back; the next issue can say what was wrong."
_HINTS: dict[tuple[str, IssueState], str] = {
    ("send", IssueState.DRAFT): 'Approve it first: "newsletter approve ISSUE".',
    ("send", IssueState.PAUSED): 'Go on with "newsletter resume ISSUE".',
    ("send", IssueState.SENT): "Everybody on its list has been served.",
    (
        "send",
        IssueState.CANCELLED,
    ): "A cancelled issue stays cancelled; the next date gets a new one.",
    ("edit", IssueState.SENDING): "Pause or cancel the send; readers may already have it.",
    ("edit", IssueState.SENT): _CORRECT,
    ("cancel", IssueState.SENT): _CORRECT,
}


def allowed(state: IssueState, action: str) -> bool:
    """Whether an issue in this state may be edited, approved, sent, paused, resumed, cancelled.

    :param action: ``edit``, ``approve``, ``send``, ``pause``, ``resume``, ``cancel``, ``finish``
        or ``give_up`` (the last two are the sender's own).
    :raises IssueError: when there is no such action.
    """
    return state in _moves(action)


def move(issue: Issue, action: str) -> Issue:
    """The issue after an action. Pausing what is paused and the like change nothing.

    :raises IssueError: when the state does not allow it; the sentence says both.
    """
    moves = _moves(action)
    if issue.state not in moves:
        raise IssueError(
            issue.id,
            f"is {_in_words(issue.state)} and cannot be {_PAST[action]}",
            hint=_HINTS.get((action, issue.state), ""),
        )
    return replace(issue, state=moves[issue.state])


def digest(rendered: Sequence[Rendered]) -> str:
    """The sha256 over everything that would be sent, as 64 hex digits.

    Covers subject, HTML, text and variant of every rendering, each with its length in front, so
    no two different sets share their bytes. The order of the renderings does not matter.
    """
    total = hashlib.sha256()
    for one in sorted(rendered, key=lambda one: one.variant):
        for part in (one.variant, one.subject, one.preheader, one.html, one.text, one.tag):
            data = part.encode("utf-8", "surrogatepass")
            total.update(len(data).to_bytes(8, "big"))
            total.update(data)
    return total.hexdigest()


def revise(
    issue: Issue,
    content: IssueContent,
    rendered: Sequence[Rendered],
    *,
    at: datetime,
    note: str = "",
) -> tuple[Issue, Revision]:
    """A new revision of an issue; an approval of an earlier one is gone with it.

    :raises IssueError: when the issue is being sent or is over.
    """
    draft = withdraw(issue)
    revision = Revision(
        issue=issue.id,
        number=issue.revision + 1,
        made=at,
        content=content,
        rendered=tuple(rendered),
        sha256=digest(rendered),
        note=note,
    )
    return replace(draft, revision=revision.number), revision


def withdraw(issue: Issue) -> Issue:
    """The issue as a draft that nobody approved.

    :raises IssueError: when it is being sent or is over.
    """
    return replace(move(issue, "edit"), approved_by="", approved_at=None, approved_sha256="")


def approve(issue: Issue, revision: Revision, *, by: str, at: datetime) -> Issue:
    """Bind an editor's approval to one revision's bytes.

    :raises IssueError: when the issue is past approving, when the revision is not its newest, or
        when the revision's bytes are not those its sha256 was made of.
    """
    if not by.strip():
        raise IssueError(issue.id, "cannot be approved by nobody", hint="Say who approves it.")
    if revision.issue != issue.id or revision.number != issue.revision:
        raise IssueError(
            issue.id,
            f"has revision {issue.revision}, but revision {revision.number} was to be approved",
            hint="Look at the newest revision and approve that one.",
        )
    if digest(revision.rendered) != revision.sha256:
        raise IssueError(
            issue.id,
            f"revision {revision.number} is not what was saved",
            hint='Draft the issue again: "newsletter draft".',
        )
    return replace(
        move(issue, "approve"),
        approved_by=by.strip(),
        approved_at=at,
        approved_sha256=revision.sha256,
    )


def must_match(issue: Issue, revision: Revision) -> None:
    """Refuse to send anything but the approved bytes.

    :raises NotApproved: when nobody approved the issue, or the bytes are not the approved ones.
    """
    if not issue.approved_sha256 or issue.state is IssueState.DRAFT:
        raise NotApproved(
            issue.id,
            "nobody has approved it",
            hint='Look at it with "newsletter preview" and approve it: "newsletter approve ISSUE".',
        )
    actual = digest(revision.rendered)
    if actual != issue.approved_sha256 or revision.number != issue.revision:
        raise NotApproved(
            issue.id,
            f"what would be sent is not what {issue.approved_by} approved",
            hint="It was changed after the approval; look at it again and approve it.",
        )


def _moves(action: str) -> dict[IssueState, IssueState]:
    if action not in _MOVES:
        raise IssueError(action, "is not something that is done to an issue")
    return _MOVES[action]


def _in_words(state: IssueState) -> str:
    return {
        IssueState.DRAFT: "a draft",
        IssueState.SENDING: "being sent",
        IssueState.PARTLY_SENT: "partly sent",
    }.get(state, state.value)
