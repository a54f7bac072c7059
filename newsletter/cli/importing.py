"""``subscribers import``: a file of people comes in, after a look at it if that is wished."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter.audience.importing import FIELDS, Preview, preview, read_rows
from newsletter.cli.audit import who
from newsletter.cli.place import Json, Progress, count, place, say, show_json
from newsletter.database.reader_import import ImportReport, Mode
from newsletter.errors import AudienceError
from newsletter.model import Refusal
from newsletter.newsroom import Newsroom


def import_(  # noqa: PLR0917 - every option of the command is a parameter
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with at least: email.")],
    edition: Annotated[
        str, typer.Option("--edition", help="The publication they subscribe to.")
    ] = "daily",
    consent: Annotated[
        str, typer.Option(help="Where their consent came from, kept as proof.")
    ] = "",
    mode: Annotated[
        Mode, typer.Option(help="add: only new people; update: both; sync-attributes: only facts.")
    ] = Mode.UPDATE,
    map_: Annotated[
        list[str] | None,
        typer.Option("--map", metavar="FIELD=COLUMN", help="Which column holds a field."),
    ] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            "--attribute", metavar="COLUMN[=NAME]", help="Keep a further column, for segments."
        ),
    ] = None,
    look: Annotated[
        bool, typer.Option("--preview", help="Show the columns and the first rows; take nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Go through every row and change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Add people from a CSV file; nobody who left is brought back."""
    mapping = _mapping(map_ or [])
    if look:
        _show_preview(_preview(file, mapping, attribute or []), as_json=as_json)
        return
    with place(context).newsroom() as room:
        room.config.edition(edition)
        report = import_file(
            room,
            file,
            consent=consent,
            edition=edition,
            quiet=as_json,
            mapping=mapping,
            attributes=tuple(attribute or ()),
            mode=mode,
            dry=dry_run,
        )
    if as_json:
        show_json(
            {
                "added": report.added,
                "updated": report.updated,
                "unchanged": report.unchanged,
                "kept_out": report.kept_out,
                "not_here": report.not_here,
                "refused": report.refused,
                "report": str(report.file) if report.file else None,
                "dry_run": report.dry,
            }
        )
    if report.refused and not (report.added or report.updated or report.unchanged):
        raise typer.Exit(1)


def import_file(
    room: Newsroom,
    file: Path,
    *,
    consent: str,
    edition: str = "daily",
    quiet: bool = False,
    mapping: dict[str, str] | None = None,
    attributes: tuple[str, ...] = (),
    mode: Mode = Mode.UPDATE,
    dry: bool = False,
) -> ImportReport:
    """Import a CSV file and say what became of every row."""
    _must_exist(file)
    now = room.clock()
    progress = Progress("rows")
    try:
        with file.open("rb") as stream:
            report = room.readers.import_rows(
                read_rows(stream, mapping=mapping, attributes=attributes),
                source=file.name,
                consent=consent or f"imported by the operator on {now:%Y-%m-%d} from {file.name}",
                editions=(edition,),
                now=now,
                token=room.token,
                refusals=room.config.path("data") / f"import-refused-{now:%Y%m%d-%H%M%S}.csv",
                on_progress=progress.step,
                mode=mode,
                dry=dry,
            )
    except OSError as error:
        raise AudienceError(str(file), f"cannot be read: {error.strerror}") from None
    finally:
        progress.end()
    if not dry:
        room.audit.note(
            who(),
            "readers imported",
            file.name,
            f"{report.added} added, {report.updated} updated, {report.refused} refused",
        )
    if not quiet:
        _say_report(report)
    return report


def _say_report(report: ImportReport) -> None:
    kept = f", {report.kept_out:,} left alone because they opted out" if report.kept_out else ""
    away = f", {report.not_here:,} not among the readers" if report.not_here else ""
    say(
        f"{'would bring' if report.dry else 'imported  '} {count(report.added, 'reader')}, "
        f"{report.updated:,} updated, {report.unchanged:,} unchanged, "
        f"{report.refused:,} refused{kept}{away}"
    )
    for refusal in report.examples:
        say(f"           line {refusal.line}, {refusal.column or 'the row'}: {refusal.reason}")
    if report.refused and report.file:
        say(f"           every refused row: {report.file}")
    if report.dry:
        say("           nothing was changed")


def _mapping(words: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in words:
        field, equals, title = word.partition("=")
        if not equals or not title.strip():
            raise AudienceError(
                word,
                "is not of the form FIELD=COLUMN",
                hint=f'For example --map "email=E-Mail". Fields: {", ".join(FIELDS)}.',
            )
        found[field.strip()] = title.strip()
    return found


def _preview(file: Path, mapping: dict[str, str], attributes: list[str]) -> Preview:
    _must_exist(file)
    try:
        with file.open("rb") as stream:
            return preview(stream, mapping=mapping, attributes=attributes)
    except OSError as error:
        raise AudienceError(str(file), f"cannot be read: {error.strerror}") from None


def _show_preview(found: Preview, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "program": found.program,
                "delimiter": found.delimiter,
                "columns": dict(found.columns),
                "rows": [_facts(row) for row in found.rows],
            }
        )
        return
    if found.program:
        say(f"This is an export file of {found.program}.")
    wide = max(len(title) for title, _ in found.columns)
    for title, field in found.columns:
        say(f"  {title:<{wide}}  {field}")
    say()
    for row in found.rows:
        if isinstance(row, Refusal):
            say(f"line {row.line}: refused, {row.column or 'the row'}: {row.reason}")
        else:
            rest = {key: value for key, value in _facts(row).items() if value and key != "line"}
            say(f"line {row.line}: " + "; ".join(f"{key} {value}" for key, value in rest.items()))
    say("Nothing was taken. Without --preview the whole file is; with --dry-run it is tried.")


def _facts(row: Any) -> dict[str, Any]:
    if isinstance(row, Refusal):
        return {"line": row.line, "refused": row.reason, "column": row.column, "value": row.value}
    return {
        "line": row.line,
        "email": row.email,
        "name": row.name,
        "country": row.country,
        "timezone": row.timezone,
        "language": row.language,
        "topics": ", ".join(row.topics),
        "lists": ", ".join(row.lists),
        "attributes": ", ".join(f"{name} {value}" for name, value in row.attributes),
        "since": row.since,
    }


def _must_exist(file: Path) -> None:
    if not file.is_file():
        raise AudienceError(str(file), "there is no such file")
