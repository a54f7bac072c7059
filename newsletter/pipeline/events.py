"""Events: what providers and mailboxes report becomes states of letters, and readers who go."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from newsletter.database.delivery_events import Absorbed, absorb
from newsletter.delivery.events import FAREWELLS, STATES, read_events
from newsletter.delivery.guards import worrying_answers
from newsletter.errors import DeliveryError
from newsletter.issue import approve as approval
from newsletter.model import Event, Farewell, FarewellKind, IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline.clicks import take_clicks

_KINDS = {
    "bounce": FarewellKind.HARD_BOUNCE,
    "blocked": FarewellKind.SOFT_BOUNCE,
    "complaint": FarewellKind.COMPLAINT,
    "unsubscribe": FarewellKind.UNSUBSCRIBE,
}


TOGETHER = 5
"""Posts that are read in one transaction: some thousand events."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReport:
    """What some events changed: letters by new state, readers who go, issues that paused."""

    changed: Mapping[str, int]
    farewells: int = 0
    paused: tuple[str, ...] = ()


def take_events(room: Newsroom, events: Sequence[Event]) -> EventReport:
    """Keep events, fold them into the letters, and let readers go who must get no more.

    Clicks are counted only of readers who allow it.

    Safe to repeat, in any order. Where bounces or complaints of an issue that is being sent pass
    their limit, the issue pauses itself.
    """
    now = room.clock()
    take_clicks(room, events)
    done = absorb(room.database, events, states=STATES, farewells=FAREWELLS | {"blocked"}, now=now)
    partings = [
        Farewell(kind=_KINDS[one.kind], at=one.at, reader=reader, detail=one.detail)
        for one, reader in done.farewells
    ]
    if partings:
        room.readers.note_farewells(partings, now=now)
    if done.delivered:
        room.readers.note_taken(done.delivered, now=now)
    return EventReport(
        changed=done.changed, farewells=len(partings), paused=_pause_where_bad(room, done)
    )


def fold_posts(room: Newsroom, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Take the events of every post that waits, the oldest first; how many posts.

    A post is taken away after its events are kept. One that is read twice changes nothing.

    :param stop: asked between transactions; True leaves the rest to the next call.
    """
    count = 0
    while not stop() and (posts := room.event_posts.first(TOGETHER)):
        events = []
        for number, body in posts:
            try:
                events += read_events(body)
            except DeliveryError as error:
                log.warning("post %d of the provider was passed over: %s", number, error.sentence)
        take_events(room, events)
        room.event_posts.drop([number for number, _ in posts])
        count += len(posts)
    return count


def _pause_where_bad(room: Newsroom, done: Absorbed) -> tuple[str, ...]:
    """Pause issues whose letters bounce or are called spam too often."""
    settings = room.config.delivery
    paused = []
    for issue_id in done.issues_hurt:
        issue = room.issues.find(issue_id)
        if issue.state is not IssueState.SENDING:
            continue
        reason = worrying_answers(
            room.ledger.states(issue_id),
            bounce_limit=settings.bounce_limit,
            complaint_limit=settings.complaint_limit,
            judge_after=settings.judge_after,
            seen=room.switches.seen(issue_id),
        )
        if reason:
            room.issues.change(issue, replace(approval.move(issue, "pause")))
            room.switches.note_pause(issue_id, reason)
            room.audit.note("scheduler:guard", "pause", issue_id, reason)
            paused.append(issue_id)
    return tuple(paused)
