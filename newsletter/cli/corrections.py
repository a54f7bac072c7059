"""``correct`` and ``corrections``: put right what readers were told, and see what was."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.audit import who
from newsletter.cli.place import (
    NEEDS_A_PERSON,
    Json,
    place,
    say,
    show_json,
)
from newsletter.database.reports import Reports
from newsletter.errors import NotFound
from newsletter.model import IssueState


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(correct)
    app.command()(corrections)


def correct(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    slug: Annotated[
        str, typer.Argument(metavar="SLUG", help="The story, as in its address /stories/SLUG.")
    ],
    text: Annotated[str, typer.Option("--text", help="What was wrong, in one sentence.")],
    before: Annotated[
        str, typer.Option("--was", help="Words of the story that were wrong, to the letter.")
    ] = "",
    after: Annotated[str, typer.Option("--now", help="The words that are right.")] = "",
    by: Annotated[str, typer.Option("--by", help="Who corrects.")] = "command line",
    mail: Annotated[
        bool, typer.Option("--mail", help="Mail the correction to everybody who got the story.")
    ] = False,
    report: Annotated[
        str, typer.Option(help="The number of the reader's report that this settles.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Correct a story: its page says so, and the next issue opens with it.

    With --mail a notice goes out by itself; run again, it finishes what is left.
    """
    with place(context).newsroom() as room:
        if report and Reports(room.database).get(report) is None:
            raise NotFound(report, "is not the number of a report")
        done = pipeline.correct(room, slug, text, by=by, before=before, after=after, mail=mail)
        room.audit.note(who(), "correct", f"story {slug}", "with a notice" if mail else "")
        if report:
            Reports(room.database).settle(
                report, state="corrected", answer=done.correction.sentence
            )
        states = {notice.id: room.ledger.states(notice.id) for notice in done.notices}
    entry = done.correction
    if as_json:
        show_json({**asdict(entry), "new": done.new, "notices": states})
    else:
        when = f"{entry.at:%Y-%m-%d %H:%M} UTC by {entry.by}"
        say(f"{'corrected' if done.new else 'unchanged'}  /stories/{entry.slug}, {when}")
        for notice, found in states.items():
            says = ", ".join(f"{number:,} {state}" for state, number in found.items())
            say(f"mailed     {notice}: {says or 'nobody'}")
    if any(notice.state is not IssueState.SENT for notice in done.notices):
        raise typer.Exit(NEEDS_A_PERSON)


def corrections(context: typer.Context, as_json: Json = False) -> None:
    """List the corrections, newest first, with their notices and where those are."""
    with place(context).newsroom() as room:
        entries = room.corrections.all()
        notices = {
            entry.id: {notice.id: notice.state.value for notice in room.corrections.notices(entry)}
            for entry in entries
        }
    if as_json:
        show_json([{**asdict(entry), "notices": notices[entry.id]} for entry in entries])
        return
    for entry in entries:
        say(f"{entry.at:%Y-%m-%d %H:%M}  /stories/{entry.slug}  by {entry.by}")
        say(f"    {entry.sentence}")
        if entry.before:
            say(f"    was: {entry.before}")
            say(f"    now: {entry.after}")
        for notice, state in notices[entry.id].items():
            say(f"    {notice}: {state.replace('_', ' ')}")
    if not entries:
        say("Nothing has been corrected.")
