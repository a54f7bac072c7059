"""Arrange: an editor decides the order of an issue and what is in it.

Each change is stored as a new arrangement that names the one it was made to, so that of two people
the second is told what the first one did. The issue is then composed again from the kept
candidates; an approval does not outlive a change of the bytes it was given for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from newsletter.errors import Conflict, IssueError, NotFound
from newsletter.issue import approve as approval
from newsletter.issue.choose import Candidate
from newsletter.model import Arrangement, Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline.candidates import arrangement_of, keep, kept
from newsletter.pipeline.issues import candidates_at, laid_out, moment_of

_TRIES = 40
"""How often composing begins again when somebody changes something underneath it."""


def reorder(room: Newsroom, issue: Issue, order: Sequence[str], *, by: str, seen: int) -> Issue:
    """Put the stories of an issue in an order; those not named follow.

    :param seen: the number of the arrangement the editor was looking at.
    :raises Conflict: when it was changed meanwhile.
    """
    present = _order(room, issue)
    wanted = [story for story in dict.fromkeys(order) if story in present]
    wanted += [story for story in present if story not in wanted]
    return _change(
        room,
        issue,
        lambda now: replace(now, order=tuple(wanted)),
        by=by,
        seen=seen,
        sentence="put the stories in another order",
    )


def move(room: Newsroom, issue: Issue, story: str, step: int, *, by: str, seen: int) -> Issue:
    """Move a story up (-1) or down (1) in its issue."""
    order = _order(room, issue)
    at = _at(order, story, issue)
    to = min(len(order) - 1, max(0, at + step))
    order.insert(to, order.pop(at))
    return _change(
        room,
        issue,
        lambda now: replace(now, order=tuple(order)),
        by=by,
        seen=seen,
        sentence=f"moved “{_headline(room, issue, story)}” to place {to + 1}",
    )


def pin(room: Newsroom, issue: Issue, story: str, *, by: str, seen: int) -> Issue:
    """Take a story before all others that are not pinned, also one that was out."""
    _known(room, issue, story)
    return _change(
        room,
        issue,
        lambda now: replace(
            _without(now, story),
            order=_pinned_first(now, story),
            pinned=(*_less(now.pinned, story), story),
        ),
        by=by,
        seen=seen,
        sentence=f"pinned “{_headline(room, issue, story)}”",
    )


def unpin(room: Newsroom, issue: Issue, story: str, *, by: str, seen: int) -> Issue:
    """Let a pinned story stand by its rank again, or where somebody's order has it."""
    return _change(
        room,
        issue,
        lambda now: replace(now, pinned=_less(now.pinned, story)),
        by=by,
        seen=seen,
        sentence=f"unpinned “{_headline(room, issue, story)}”",
    )


def drop(room: Newsroom, issue: Issue, story: str, *, by: str, seen: int) -> Issue:
    """Take a story out of this issue; the next one by rank may take its place."""
    _known(room, issue, story)
    return _change(
        room,
        issue,
        lambda now: replace(_without(now, story), dropped=(*_less(now.dropped, story), story)),
        by=by,
        seen=seen,
        sentence=f"dropped “{_headline(room, issue, story)}”",
    )


def hold(room: Newsroom, issue: Issue, story: str, *, by: str, seen: int) -> Issue:
    """Leave a story for the next issue, where it is pinned."""
    _known(room, issue, story)
    return _change(
        room,
        issue,
        lambda now: replace(_without(now, story), held=(*_less(now.held, story), story)),
        by=by,
        seen=seen,
        sentence=f"held “{_headline(room, issue, story)}” for tomorrow",
    )


def put_back(room: Newsroom, issue: Issue, story: str, *, by: str, seen: int) -> Issue:
    """Undo a drop or a hold: the story stands by its rank again."""
    _known(room, issue, story)
    return _change(
        room,
        issue,
        lambda now: _without(now, story),
        by=by,
        seen=seen,
        sentence=f"let “{_headline(room, issue, story)}” in again",
    )


def swap(room: Newsroom, issue: Issue, out: str, story: str, *, by: str, seen: int) -> Issue:
    """Put a waiting story in the place of one that is in."""
    order = _order(room, issue)
    at = _at(order, out, issue)
    _known(room, issue, story)
    order = [one for one in order if one != story]
    order[order.index(out) if out in order else at] = story
    return _change(
        room,
        issue,
        lambda now: replace(
            _without(_without(now, story), out),
            order=tuple(order),
            pinned=(*_less(_less(now.pinned, story), out), story),
            dropped=(*_less(_less(now.dropped, out), story), out),
        ),
        by=by,
        seen=seen,
        sentence=f"put “{_headline(room, issue, story)}” in the place of "
        f"“{_headline(room, issue, out)}”",
    )


def _pinned_first(now: Arrangement, story: str) -> tuple[str, ...]:
    """An order somebody made, with a story put behind those that are pinned; none stays none."""
    if not now.order:
        return ()
    rest = _less(now.order, story)
    pinned = [one for one in rest if one in now.pinned]
    return (*pinned, story, *(one for one in rest if one not in now.pinned))


def refresh(room: Newsroom, issue: Issue, *, note: str = "") -> Issue:
    """Rank the stories anew, after articles or stories changed, and compose the issue again."""
    candidates = candidates_at(
        room,
        moment_of(room, issue.edition, issue.day),
        covers_days=room.config.edition(issue.publication).covers_days,
    )
    keep(room, issue.edition, issue.day, candidates)
    return recompose(room, issue, note=note)


def recompose(room: Newsroom, issue: Issue, *, note: str = "") -> Issue:
    """Compose an issue again from its candidates, their newest texts and the arrangement.

    Begins again when any of these changed while it worked, so that whatever was stored last is
    what the issue says in the end. Nothing is stored, and an approval stays, when the bytes are
    the same.

    :raises IssueError: when the issue is being sent or is over.
    """
    for _ in range(_TRIES):
        issue = room.issues.find(issue.id)
        if not approval.allowed(issue.state, "edit"):
            approval.move(issue, "edit")
        candidates = kept(room, issue.edition, issue.day)
        if not candidates:
            raise IssueError(
                issue.id, "has no stories kept to choose from", hint='Run "newsletter draft".'
            )
        arrangement = arrangement_of(room, issue.edition, issue.day)
        before = room.issues.revision(issue)
        content, rendered = laid_out(
            room,
            candidates,
            edition=issue.edition,
            day=issue.day,
            present=issue,
            tag=before.rendered[0].tag,
            arrangement=arrangement,
        )
        sha256 = approval.digest(rendered)
        try:
            if sha256 != before.sha256:
                if issue.state is IssueState.APPROVED:
                    # The approval goes before the change comes: there is no moment in which
                    # bytes that nobody approved could be sent.
                    unbound = replace(
                        approval.move(issue, "edit"),
                        approved_by="",
                        approved_at=None,
                        approved_sha256="",
                    )
                    room.issues.change(issue, unbound)
                issue = room.issues.save_draft(
                    content, rendered, sha256=sha256, made=room.clock(), note=note
                )
        except IssueError:
            continue
        if arrangement_of(room, issue.edition, issue.day) == arrangement and _versions(
            kept(room, issue.edition, issue.day)
        ) == _versions(candidates):
            return issue
    raise Conflict(
        issue.id,
        "is being changed by others all the time",
        hint="Your change is kept; look at the issue in a moment.",
    )


def _versions(candidates: Sequence[Candidate]) -> list[tuple[str, int]]:
    return [(one.story.id, one.brief.version) for one in candidates]


def _change(
    room: Newsroom,
    issue: Issue,
    decide: Callable[[Arrangement], Arrangement],
    *,
    by: str,
    seen: int,
    sentence: str,
) -> Issue:
    if not approval.allowed(issue.state, "edit"):
        approval.move(issue, "edit")  # says why not
    now = arrangement_of(room, issue.edition, issue.day)
    # The number is the one the editor saw: the database refuses it when it is not the newest.
    wanted = decide(replace(now, number=seen))
    room.arrangements.add(wanted, by=by, at=room.clock(), sentence=sentence)
    return recompose(room, issue, note=f"{by} {sentence}"[:500])


def _order(room: Newsroom, issue: Issue) -> list[str]:
    return list(room.issues.stories_of(issue))


def _at(order: Sequence[str], story: str, issue: Issue) -> int:
    if story not in order:
        raise NotFound(story, f"is not in {issue.id} any more")
    return order.index(story)


def _known(room: Newsroom, issue: Issue, story: str) -> None:
    if not any(one.story == story for one in room.arrangements.waiting(issue.edition, issue.day)):
        raise NotFound(story, f"is no story that {issue.id} could have")


def _headline(room: Newsroom, issue: Issue, story: str) -> str:
    waiting = room.arrangements.waiting(issue.edition, issue.day)
    return next((one.headline for one in waiting if one.story == story), story)


def _without(now: Arrangement, story: str) -> Arrangement:
    return replace(
        now,
        order=_less(now.order, story),
        pinned=_less(now.pinned, story),
        dropped=_less(now.dropped, story),
        held=_less(now.held, story),
    )


def _less(stories: Sequence[str], story: str) -> tuple[str, ...]:
    return tuple(one for one in stories if one != story)
