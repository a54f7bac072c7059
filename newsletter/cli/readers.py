"""``subscribers`` and ``segments``: the people who read, and the parts they fall into."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter.audience.importing import read_rows
from newsletter.cli.place import Json, Progress, aside, count, place, say, show_json
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
        segment = room.config.segments.get(name)
        if segment is None:
            raise NotFound(
                name,
                "is not a segment",
                hint=f"Segments: {', '.join(room.config.segments) or 'none'}.",
            )
        number = room.readers.count_segment(segment)
    if as_json:
        show_json({"segment": name, "readers": number})
    else:
        say(count(number, "reader"))


def _in_words(line: object) -> str:
    if not isinstance(line, dict):
        return str(line)
    return ", ".join(f"{key} {part}" for key, part in line.items() if part not in {"", None})


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
