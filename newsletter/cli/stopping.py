"""Commands for whoever watches over sending: stop-all, start-again, pace, bounces."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.audit import who
from newsletter.cli.place import NEEDS_A_PERSON, Json, count, place, say, show_json
from newsletter.database.pacing import Limits
from newsletter.errors import NewsletterError


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("stop-all")(stop_all)
    app.command("start-again")(start_again)
    app.command()(pace)
    app.command()(bounces)


def stop_all(
    context: typer.Context,
    because: Annotated[str, typer.Option(help="Why, for whoever finds it stopped.")] = "by hand",
) -> None:
    """Let no letter of any issue leave, in any process, from the next batch on."""
    with place(context).newsroom() as room:
        room.switches.stop_all(because)
        room.audit.note(who(), "stop-all", "sending", because)
    say('All sending is stopped. "newsletter start-again" ends that.')


def start_again(context: typer.Context) -> None:
    """Let letters leave again after stop-all; issues go on with "send" or the next bell."""
    with place(context).newsroom() as room:
        had = room.switches.start_again()
        room.audit.note(who(), "start-again", "sending")
    say("Letters may leave again." if had else "Nothing had been stopped.")


def pace(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    per_second: Annotated[float | None, typer.Option(min=0, help="0 for no limit.")] = None,
    per_hour: Annotated[int | None, typer.Option(min=0, help="0 for no limit.")] = None,
    per_day: Annotated[int | None, typer.Option(min=0, help="0 for no limit.")] = None,
    warm_up: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help='Letters a day, day by day; "none" ends a plan.'),
    ] = None,
    begins: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The plan's first day (UTC); today if not given."),
    ] = None,
    transport: Annotated[str, typer.Option(help="Of which transport; the one in use.")] = "",
    as_json: Json = False,
) -> None:
    """Show or set how fast issues leave; kept in the database, obeyed by every process."""
    with place(context).newsroom() as room:
        lane = transport or room.config.delivery.transport
        limits, now = room.ledger.limits(lane), room.clock()
        wanted = replace(
            limits,
            per_second=limits.per_second if per_second is None else per_second,
            per_hour=limits.per_hour if per_hour is None else per_hour,
            per_day=limits.per_day if per_day is None else per_day,
        )
        if warm_up is not None:
            plan = _plan(warm_up)
            first = begins.date() if begins else now.date()
            wanted = replace(wanted, plan=plan, plan_begins=first if plan else None)
        if wanted != limits:
            room.ledger.set_limits(lane, wanted)
        given = room.config.delivery
        held = wanted.and_(given.letters_per_second, given.letters_per_hour, given.letters_per_day)
        sent = room.ledger.sent_in(lane, now=now)
        today = held.on(now.date())
    if as_json:
        show_json(
            {
                "transport": lane,
                "per_second": held.per_second,
                "per_hour": held.per_hour,
                "per_day": held.per_day,
                "today": today,
                "sent": sent,
                "plan": wanted.plan,
                "plan_begins": wanted.plan_begins,
            }
        )
        return
    say(f"{lane}: {_words(held, today)}")
    say(f"  {sent['hour']:,} left in this hour, {sent['day']:,} today (counted while limits hold)")
    if wanted.plan_begins:
        say(f"  warm-up from {wanted.plan_begins}: {', '.join(f'{n:,}' for n in wanted.plan)}")


def bounces(
    context: typer.Context,
    dsn: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Read notifications from files instead."),
    ] = None,
    imap: Annotated[
        bool, typer.Option("--imap", help="Read the mailbox that [delivery.bounces] names.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take in undeliverable mail that came back to the sender of SMTP letters."""
    if bool(dsn) == imap:
        raise typer.BadParameter("say --imap, or --dsn FILE")
    with place(context).newsroom() as room:
        if imap:
            report = pipeline.read_mailbox(room)
            taken, passed_over = report.taken, report.passed_over
        else:
            results = [pipeline.take_notice(room, _read(file)) for file in dsn or []]
            taken, passed_over = sum(results), len(results) - sum(results)
    if as_json:
        show_json({"taken": taken, "passed_over": passed_over})
    else:
        say(
            f"{count(taken, 'notification')} about letters of ours, "
            f"{count(passed_over, 'other message')}"
        )
    if passed_over:
        raise typer.Exit(NEEDS_A_PERSON)


def _plan(words: str) -> tuple[int, ...]:
    if words.strip().lower() == "none":
        return ()
    try:
        plan = tuple(int(word.replace("_", "")) for word in words.split(","))
    except ValueError:
        plan = ()
    if not plan or min(plan) < 1:
        raise NewsletterError(
            words,
            "is not a plan of letters a day",
            hint='For example --warm-up 500,1000,2000,5000, or "none".',
        )
    return plan


def _words(limits: Limits, today: int) -> str:
    said = [
        f"{number:g} a {span}"
        for number, span in (
            (limits.per_second, "second"),
            (limits.per_hour, "hour"),
            (today, "day"),
        )
        if number
    ]
    return "at most " + ", ".join(said) if said else "no limit"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NewsletterError(str(file), f"cannot be read: {error.strerror}") from None
