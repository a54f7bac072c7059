"""``subscribers``: the people who read."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from newsletter import pipeline
from newsletter.audience.importing import read_rows
from newsletter.audience.unsubscribe_mail import requests
from newsletter.cli.audit import who
from newsletter.cli.importing import import_
from newsletter.cli.place import EditionName, Json, aside, count, place, say, show_json
from newsletter.cli.segments import segments
from newsletter.errors import AudienceError, NotFound
from newsletter.newsroom import Newsroom

subscribers = typer.Typer(help="The people who read.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(subscribers, name="subscribers")
    app.add_typer(segments, name="segments")


subscribers.command("import")(import_)


@subscribers.command()
def export(
    context: typer.Context,
    to: Annotated[Path | None, typer.Option(help="A file; standard output by default.")] = None,
) -> None:
    """Write all people as CSV, safe to open in a spreadsheet."""
    with place(context).newsroom() as room:
        if to is None:
            room.readers.export(sys.stdout)
            return
        try:
            with to.open("w", encoding="utf-8", newline="") as stream:
                number = room.readers.export(stream)
        except OSError as error:
            raise AudienceError(str(to), f"cannot be written: {error.strerror}") from None
    aside(f"Wrote {count(number, 'person', 'people')} to {to}.")


@subscribers.command()
def show(context: typer.Context, email: str, as_json: Json = False) -> None:
    """Show one person: state, segments, consents and letters."""
    with place(context).newsroom() as room:
        facts = room.readers.show(email)
    if facts is None:
        raise NotFound(email, "is not among the subscribers")
    if as_json:
        show_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, list):
            say(f"{name}:")
            for line in value:
                text = (
                    ", ".join(f"{key} {part}" for key, part in line.items() if part != "")
                    if isinstance(line, dict)
                    else str(line)
                )
                say(f"  {text}")
        else:
            say(f"{name}: {value}")


@subscribers.command()
def add(  # noqa: PLR0917 - every option of the command is a parameter
    context: typer.Context,
    email: str,
    name: Annotated[str, typer.Option(help="How to address the person.")] = "",
    topics: Annotated[str, typer.Option(help="Topics, separated by semicolons.")] = "",
    edition: EditionName = "daily",
    consent: Annotated[
        str, typer.Option(help="Where their consent came from, kept as proof.")
    ] = "",
) -> None:
    """Add one person, as an import of one row would; nobody who left is brought back."""
    with place(context).newsroom() as room:
        room.config.edition(edition)
        now = room.clock()
        sheet = io.StringIO()
        csv.writer(sheet).writerows([("email", "name", "topics"), (email, name, topics)])
        report = room.readers.import_rows(
            read_rows(io.BytesIO(sheet.getvalue().encode())),
            source="command line",
            consent=consent or f"added by the operator on {now:%Y-%m-%d}",
            editions=(edition,),
            now=now,
            token=room.token,
            refusals=Path(os.devnull),
        )
        if report.added or report.updated:
            _note(room, "reader added" if report.added else "reader changed", email)
    for refusal in report.examples:
        raise AudienceError(refusal.value or email, refusal.reason)
    if report.kept_out:
        raise AudienceError(
            email,
            "unsubscribed or must not be written to, and is left alone",
            hint="They can sign up again by themselves.",
        )
    say(f"{'added' if report.added else 'updated' if report.updated else 'unchanged'}  {email}")


@subscribers.command()
def forget(context: typer.Context, email: str) -> None:
    """Erase a person; only a keyed hash stays, so that no import brings them back."""
    with place(context).newsroom() as room:
        found = room.readers.by_email(email)
        known = room.readers.forget(email, now=room.clock())
        if known:
            room.audit.note(who(), "reader erased", f"reader {found.id if found else ''}".strip())
    if not known:
        raise NotFound(email, "is not among the subscribers")
    say(f"erased  {email}")


@subscribers.command("count")
def count_(context: typer.Context, as_json: Json = False) -> None:
    """Count people by state."""
    with place(context).newsroom() as room:
        states = room.readers.states()
    if as_json:
        show_json({"total": sum(states.values()), "states": states})
        return
    for state, number in states.items():
        say(f"{number:>9,} {state}")
    say(f"{sum(states.values()):>9,} in all")


@subscribers.command()
def consent(context: typer.Context, email: str, as_json: Json = False) -> None:
    """Show what a person agreed to and when, as proof; also of who was erased, what is left."""
    with place(context).newsroom() as room:
        facts = room.readers.proof(email)
    if facts is None:
        raise NotFound(email, "is not among the subscribers, and not on the suppression list")
    if as_json:
        show_json(facts)
        return
    say(f"{facts['email']}: {facts['state']}")
    if facts["suppressed"]:
        barred = facts["suppressed"]
        say(f"not to be written to since {barred['since']}: {barred['reason']}")
    for line in facts["consents"]:
        origin = f" from {line['origin']}" if line["origin"] else ""
        say(f"  {line['at']}  {line['action']:<18} {line['source']}{origin}  {line['detail']}")


@subscribers.command()
def unsubscribe(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Whom to take off every edition.")] = "",
    from_mbox: Annotated[
        str,
        typer.Option(metavar="FILE", help='A mailbox file of "unsubscribe" mails; - reads one.'),
    ] = "",
    as_json: Json = False,
) -> None:
    """Take a person off every edition, or everybody who asked for it by mail."""
    if bool(email) == bool(from_mbox):
        raise AudienceError(
            "unsubscribe", "takes either an address or --from-mbox", hint="Name one of the two."
        )
    with place(context).newsroom() as room:
        if email:
            if not room.readers.unsubscribe_address(email, how="operator", now=room.clock()):
                raise NotFound(email, "is not among the subscribers")
            _note(room, "reader unsubscribed", email)
            say(f"unsubscribed  {email}")
            return
        try:
            if from_mbox == "-":
                told = _take_off(room, sys.stdin.buffer)
            else:
                with Path(from_mbox).open("rb") as stream:
                    told = _take_off(room, stream)
        except OSError as error:
            raise AudienceError(from_mbox, f"cannot be read: {error.strerror}") from None
        room.audit.note(
            who(),
            "readers unsubscribed",
            "standard input" if from_mbox == "-" else Path(from_mbox).name,
            f"{told['unsubscribed']} by {told['letters']} letters",
        )
    if as_json:
        show_json(told)
        return
    for line in told["passed_over"]:
        say(f"letter {line['letter']} from {line['from'] or 'nobody'}: {line['reason']}")
    say(f"{count(told['letters'], 'letter')}, {told['unsubscribed']:,} unsubscribed")


def _note(room: Newsroom, action: str, email: str) -> None:
    """Note an act on a reader by their number: no address stands in the log of acts."""
    found = room.readers.by_email(email)
    room.audit.note(who(), action, f"reader {found.id if found else ''}".strip())


def _take_off(room: Newsroom, stream: BinaryIO) -> dict[str, Any]:
    done, letters = 0, 0
    passed_over: list[dict[str, Any]] = []
    for one in requests(stream):
        letters += 1
        reason = one.refused
        if not reason:
            now = room.clock()
            known = bool(one.word) and room.readers.unsubscribe(one.word, how="mail", now=now)
            if not known and one.sender:
                known = room.readers.unsubscribe_address(
                    one.sender, how="mail, by its sender", now=now
                )
            if known:
                done += 1
                continue
            reason = "nobody is subscribed by this word or address"
        passed_over.append({"letter": one.number, "from": one.sender, "reason": reason})
    return {"letters": letters, "unsubscribed": done, "passed_over": passed_over}


@subscribers.command()
def sunset(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say who would be asked.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask readers who were silent for long, and stop the mail of who did not answer."""
    with place(context).newsroom() as room:
        months = room.config.audience.sunset_months
        report = pipeline.sunset(room, dry=dry_run)
    if as_json:
        show_json({"months": months, "asked": report.asked, "stopped": report.stopped})
        return
    if not months:
        say("The rule is off: [audience] sunset_months is 0.")
        return
    for address in report.asked:
        say(f"{'would ask' if dry_run else 'asked'}  {address}")
    say(f"{len(report.asked):,} asked, {report.stopped:,} stopped")
