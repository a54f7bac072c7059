"""``status``: everything at one look, or one issue and where its letters are."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from newsletter.cli.place import Json, count, minutes, place, say, show_json
from newsletter.cli.sources import say_sources, sources_in_short, summary_facts
from newsletter.cli.speed import pace_of, say_pace
from newsletter.model import Issue
from newsletter.newsroom import Newsroom


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(status)


def status(
    context: typer.Context,
    issue: Annotated[
        str,
        typer.Argument(metavar="[ISSUE]", help='Only this issue: an id, a date, or "latest".'),
    ] = "",
    as_json: Json = False,
) -> None:
    """Say how everything stands; with ISSUE, where that issue's letters are."""
    with place(context).newsroom() as room:
        if issue:
            _one_issue(room, room.issues.find(issue), as_json=as_json)
        else:
            _everything(room, as_json=as_json)


def _one_issue(room: Newsroom, found: Issue, *, as_json: bool) -> None:
    states = room.ledger.states(found.id)
    revision = room.issues.revision(found)
    subject = revision.rendered[0].subject
    pace = pace_of(room, found, states)
    if as_json:
        show_json(
            {
                "issue": found.id,
                "edition": found.edition,
                "day": found.day.isoformat(),
                "state": found.state,
                "revision": found.revision,
                "subject": subject,
                "approved_by": found.approved_by,
                "approved_at": found.approved_at,
                "approved_sha256": found.approved_sha256,
                "send_started": found.send_started,
                "send_ended": found.send_ended,
                "stories": len(revision.content.stories),
                "seconds": revision.content.seconds,
                "variants": [one.variant for one in revision.rendered],
                "states": states,
                **pace,
            }
        )
        return
    say(f"{found.id}, revision {found.revision}: {found.state.replace('_', ' ')}")
    say(f"  {subject}")
    say(
        f"  {count(len(revision.content.stories), 'story', 'stories')}, "
        f"{minutes(revision.content.seconds)} to read"
    )
    if found.approved_at:
        say(f"  approved by {found.approved_by} at {found.approved_at:%Y-%m-%d %H:%M} UTC")
    if not states:
        say("  nothing has been sent")
    for state, number in states.items():
        say(f"  {number:>9,} {state}")
    say_pace(pace)


def _everything(room: Newsroom, *, as_json: bool) -> None:
    from newsletter.operations import status as operations
    from newsletter.operations.saying import ago, jobs, scheduler

    found = operations.look(room)
    zones = {name: edition.zone for name, edition in room.config.editions.items()}
    if as_json:
        facts: dict[str, Any] = operations.as_json(found, zones)
        # The same two keys as for one issue, for programs that ask without naming one.
        made = [(one.issue.day, one.issue.id, one.states) for one in found.issues if one.issue]
        _, facts["issue"], facts["states"] = max(
            made, key=lambda one: one[:2], default=(None, None, {})
        )
        in_short = summary_facts(sources_in_short(room))
        facts["sources"] = {**facts["sources"], **in_short}
        show_json(facts)
        return
    for one in found.issues:
        _say_issue(room, one)
    for firing in found.bells:
        local = firing.at.astimezone(room.config.zone(firing.edition))
        say(
            f"next       {firing.bell} {firing.edition}, {local:%a %H:%M %Z} "
            f"({firing.at:%Y-%m-%d %H:%M} UTC)"
        )
    say_sources(sources_in_short(room), label="sources    ")
    say(f"scheduler  {scheduler(found)}")
    if found.jobs is not None:
        say(f"jobs       {jobs(found)}")
    if found.backup:
        age = ago(found.at, found.backup.made)
        say(f"backup     {age}, {found.backup.size / 1e6:,.1f} MB, {found.backup.file.name}")
    else:
        say("backup     none: newsletter backup")
    size = f", database {found.database_size / 1e6:,.1f} MB" if found.database_size else ""
    say(f"disk       {found.disk_free / 1e9:,.1f} GB free{size}")
    if found.restored:
        say("restored   nothing is sent until: newsletter restore --release")
    for alert in found.alerts:
        say(f"TROUBLE    {alert.sentence} (since {ago(found.at, alert.since)})")
        if alert.hint:
            say(f"           {alert.hint}")
    if not found.alerts:
        say("alerts     none")


def _say_issue(room: Newsroom, one: Any) -> None:
    from newsletter.operations.saying import where

    if one.issue is None:
        say(f"issue      {one.edition}: none yet")
        return
    zone = room.config.zone(one.edition)
    say(f"issue      {one.issue.id}, revision {one.issue.revision}: {where(one, zone)}")
    if one.states:
        shown = ", ".join(f"{number:,} {state}" for state, number in one.states.items())
        rate = f"; {one.rate:,.0f} letters a minute" if one.rate else ""
        say(f"letters    {shown}{rate}")
        if one.unknown:
            say(f"           {one.unknown:,} in doubt: newsletter reconcile {one.issue.id}")
        if one.states.get("bounced") or one.states.get("complained"):
            say(
                f"           {one.percent('bounced'):.2g} % bounced, "
                f"{one.percent('complained'):.2g} % complained"
            )
