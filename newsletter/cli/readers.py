"""``subscribers`` and ``segments``: the people who read, and the parts they fall into."""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter.audience.importing import read_rows
from newsletter.cli.place import (
    EditionName,
    Json,
    Progress,
    aside,
    count,
    place,
    say,
    show_json,
)
from newsletter.config import Segment
from newsletter.database.readers import ImportReport
from newsletter.errors import AudienceError, NotFound
from newsletter.newsroom import Newsroom

subscribers = typer.Typer(help="The people who read.", no_args_is_help=True)
segments = typer.Typer(help="The parts an edition's readers fall into.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(subscribers, name="subscribers")
    app.add_typer(segments, name="segments")


@subscribers.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with at least: email.")],
    edition: Annotated[
        str, typer.Option("--edition", help="The publication they subscribe to.")
    ] = "daily",
    consent: Annotated[
        str, typer.Option(help="Where their consent came from, kept as proof.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Add people from a CSV file; nobody who left is brought back."""
    with place(context).newsroom() as room:
        room.config.edition(edition)
        report = import_file(room, file, consent=consent, edition=edition, quiet=as_json)
    if as_json:
        show_json(
            {
                "added": report.added,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "kept_out": report.kept_out,
                "refused": report.refused,
                "report": str(report.file) if report.file else None,
            }
        )
    if report.refused and not (report.added or report.updated or report.unchanged):
        raise typer.Exit(1)


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
        known = room.readers.forget(email, now=room.clock())
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


@segments.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the segments with how many readers each has."""
    with place(context).newsroom() as room:
        rows = [
            {
                "segment": name,
                "edition": segment.edition,
                "title": segment.title,
                "readers": room.readers.count_segment(segment),
            }
            for name, segment in room.config.segments.items()
        ]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        say(f"{row['readers']:>9,}  {row['segment']:<20} {row['edition']:<10} {row['title']}")
    if not rows:
        say("There are no segments: every subscriber of an edition gets it.")


@segments.command("count")
def count_segment(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Count the readers of one segment."""
    with place(context).newsroom() as room:
        segment = _segment(room, name)
        number = room.readers.count_segment(segment)
    if as_json:
        show_json({"segment": name, "readers": number})
    else:
        say(count(number, "reader"))


def _in_words(line: object) -> str:
    if not isinstance(line, dict):
        return str(line)
    return ", ".join(f"{key} {part}" for key, part in line.items() if part not in {"", None})


@segments.command("show")
def show_segment(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Show the rules of a segment and how many readers it has."""
    with place(context).newsroom() as room:
        segment = _segment(room, name)
        number = room.readers.count_segment(segment)
    facts = segment.model_dump(by_alias=True, exclude_none=True, mode="json")
    if as_json:
        show_json({"segment": name, "readers": number, **facts})
        return
    say(f"{name}: {segment.title}")
    say(f"edition: {segment.edition}")
    for rule in facts["where"]:
        field = rule.pop("field")
        say(f"  {field} " + "; ".join(f"{how} {', '.join(some)}" for how, some in rule.items()))
    if segment.exclude:
        say(f"  not on the lists {', '.join(segment.exclude)}")
    say(f"readers: {number:,}")


def _segment(room: Newsroom, name: str) -> Segment:
    """A segment by its name.

    :raises NotFound: when there is none.
    """
    segment = room.config.segments.get(name)
    if segment is None:
        raise NotFound(
            name,
            "is not a segment",
            hint=f"Segments: {', '.join(room.config.segments) or 'none'}.",
        )
    return segment


def import_file(
    room: Newsroom, file: Path, *, consent: str, edition: str = "daily", quiet: bool = False
) -> ImportReport:
    """Import a CSV file and say what became of every row."""
    if not file.is_file():
        raise AudienceError(str(file), "there is no such file")
    now = room.clock()
    progress = Progress("rows")
    try:
        with file.open("rb") as stream:
            report = room.readers.import_rows(
                read_rows(stream),
                source=file.name,
                consent=consent or f"imported by the operator on {now:%Y-%m-%d} from {file.name}",
                editions=(edition,),
                now=now,
                token=room.token,
                refusals=room.config.path("data") / f"import-refused-{now:%Y%m%d-%H%M%S}.csv",
                on_progress=progress.step,
            )
    except OSError as error:
        raise AudienceError(str(file), f"cannot be read: {error.strerror}") from None
    finally:
        progress.end()
    if not quiet:
        kept = f", {report.kept_out:,} left alone because they opted out" if report.kept_out else ""
        say(
            f"imported   {count(report.added, 'reader')}, {report.updated:,} updated, "
            f"{report.unchanged:,} unchanged, {report.refused:,} refused{kept}"
        )
        for refusal in report.examples:
            say(f"           line {refusal.line}, {refusal.column}: {refusal.reason}")
        if report.refused and report.file:
            say(f"           every refused row: {report.file}")
    return report
