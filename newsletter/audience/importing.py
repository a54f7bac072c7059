"""Import files: any sensible CSV becomes rows that are fit to be stored, and refusals that say why.

Everything streams: a file of any length passes through in constant memory (one line of at most
64 KB and a few thousand remembered countries, zones and tags). An address that is plainly valid
ASCII is recognised by one pattern; email-validator decides about the rest
(:mod:`newsletter.audience.addresses`). Duplicates are found where the rows are stored, because
remembering every address here would take memory that grows with the file.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from newsletter.audience import cells
from newsletter.audience.addresses import Address, read_address
from newsletter.audience.exports import HEADERS, LEFT, Format, folded, recognise
from newsletter.audience.lines import BrokenRecord, Records, not_utf8, open_text
from newsletter.errors import AudienceError
from newsletter.model import Refusal, Row

_FORMULA = frozenset("=+-@\t\r")
FIELDS = ("email", "name", "country", "timezone", "topics", "lists", "language")
DELIMITERS = (",", ";", "\t")

_CELLS: dict[str, Callable[[str], str | tuple[str, ...]]] = {
    "name": cells.name,
    "country": cells.country,
    "timezone": cells.timezone,
    "language": cells.language,
    "topics": cells.tags,
    "lists": cells.tags,
}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a file: field name to the column's number and its own title."""

    email: int
    others: tuple[tuple[str, int, Callable[[str], str | tuple[str, ...]]], ...]
    """Field, column number, and what makes a clean value of a cell."""
    names: tuple[int, ...]
    """The columns of first and last name, where the file has no whole name."""
    left: tuple[tuple[int, Callable[[str], bool]], ...]
    """The columns that say whether somebody left where the file comes from."""
    since: int | None
    """The column that says since when a person agreed."""
    attributes: tuple[tuple[str, int], ...]
    inside: tuple[int, Mapping[str, str]] | None
    titles: tuple[str, ...]
    wide: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would become of a file, by its header and its first rows.

    ``columns`` has each title with the field it goes to, "left alone" where it goes nowhere.
    ``program`` is whose export file it is, empty where that is not known.
    """

    program: str
    delimiter: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[Row | Refusal, ...]


def preview(
    stream: BinaryIO,
    *,
    mapping: Mapping[str, str] | None = None,
    attributes: Sequence[str] = (),
    rows: int = 5,
) -> Preview:
    """Look at the beginning of a file, and take nothing.

    :raises AudienceError: as :func:`read_rows`.
    """
    subject = str(getattr(stream, "name", "") or "the import file")
    text = open_text(stream, subject)
    try:
        delimiter, header, _ = _begin(text, subject, mapping)
        columns = _columns(header, subject, mapping or {}, attributes)
    finally:
        text.detach()
    stream.seek(0)
    fields = {number: field for field, number, _ in columns.others}
    fields[columns.email] = "email"
    fields.update(dict.fromkeys(columns.names, "name"))
    fields.update((number, "says who left") for number, _ in columns.left)
    fields.update((number, f"attributes.{name}") for name, number in columns.attributes)
    if columns.since is not None:
        fields[columns.since] = "since when, kept with the consent"
    if columns.inside is not None:
        names = ", ".join(columns.inside[1].values())
        fields[columns.inside[0]] = f"attributes {names}"
    known = recognise(header)
    return Preview(
        program=known.name if known else "",
        delimiter=delimiter,
        columns=tuple(
            (title, fields.get(number, "left alone")) for number, title in enumerate(columns.titles)
        ),
        rows=tuple(islice(read_rows(stream, mapping=mapping, attributes=attributes), rows)),
    )


def read_rows(
    stream: BinaryIO,
    *,
    mapping: Mapping[str, str] | None = None,
    attributes: Sequence[str] = (),
) -> Iterator[Row | Refusal]:
    """Read an import file row by row.

    The delimiter (comma, semicolon or tab) and the columns are found from the header line; known
    titles in any letter case are ``email, name, country, timezone, topics, lists, language`` and
    their usual variants, as in the export files of Mailchimp, Substack, Ghost, Buttondown and
    listmonk. Whoever such a file marks as unsubscribed, bounced or never confirmed is refused.
    Other columns are left alone. Topics and lists are separated by semicolons or bars.

    :param mapping: field name to the title of its column, where the file uses another one.
    :param attributes: titles of further columns to keep, as "Title" or "Title=name"; of Buttondown
        and listmonk also names inside their column of JSON.
    :raises AudienceError: when the file as a whole cannot be used: no text, no header, no column
        of addresses. Raised at the first row, before anything is given out, if the stream can
        be rewound.
    """
    subject = str(getattr(stream, "name", "") or "the import file")
    text = open_text(stream, subject)
    try:
        delimiter, header, records = _begin(text, subject, mapping)
        columns = _columns(header, subject, mapping or {}, attributes)
        records.begins_row = _row_test(delimiter, columns.email)
        while True:
            try:
                record = next(records)
            except StopIteration:
                return
            except BrokenRecord as broken:
                yield _refusal(broken.line, "", broken.value, broken.reason)
                continue
            if record and any(record):
                yield _row(record, records.line, columns)
    except UnicodeDecodeError:
        raise not_utf8(subject, records.line + 1) from None
    finally:
        text.detach()


def _begin(
    text: io.TextIOWrapper, subject: str, mapping: Mapping[str, str] | None
) -> tuple[str, list[str], Records]:
    """Find the delimiter by trying each on the header line; take the one that fits best."""
    lines = Records(text, ",")
    first = lines.skip_line()
    while first and not first.strip():
        first = lines.skip_line()
    told = re.fullmatch(r'"?sep=(.)"?\s*', first, re.IGNORECASE)
    if told:
        first = lines.skip_line()
    choices = (told[1],) if told else DELIMITERS
    best: tuple[int, str, list[str]] = (-1, ",", [])
    for delimiter in choices:
        header = next(csv.reader([first], delimiter=delimiter, skipinitialspace=True), [])
        known = len(_find(header, mapping or {}))
        if known > best[0]:
            best = (known, delimiter, header)
    _, delimiter, header = best
    if not any(title.strip() for title in header):
        raise AudienceError(subject, "is empty")
    records = Records(text, delimiter)
    records.start_after(lines)
    return delimiter, header, records


def _find(header: list[str], mapping: Mapping[str, str]) -> dict[str, int]:
    """Field name to column number; the first column wins where two would fit."""
    wanted = {title.strip().casefold(): field for field, title in mapping.items()}
    found: dict[str, int] = {}
    for number, title in enumerate(header):
        field = wanted.get(title.strip().casefold())
        if field is not None:
            found[field] = number
    for number, title in enumerate(header):
        field = HEADERS.get(folded(title))
        if field is not None and field not in mapping:
            found.setdefault(field, number)
    return found


def _columns(
    header: list[str], subject: str, mapping: Mapping[str, str], attributes: Sequence[str]
) -> Columns:
    unknown = sorted(set(mapping) - set(FIELDS))
    if unknown:
        raise AudienceError(
            unknown[0], "is not a field of a reader", hint=f"Fields: {', '.join(FIELDS)}."
        )
    at = _find(header, mapping)
    for field, title in mapping.items():
        if field not in at:
            raise AudienceError(subject, f'has no column "{title}" for {field}', hint=_has(header))
    if "email" not in at:
        if any("@" in title for title in header):
            raise AudienceError(
                subject,
                "begins with an address instead of a header",
                hint='Put a first line above it that names the columns, at least "email".',
            )
        raise AudienceError(subject, 'has no "email" column', hint=_has(header))
    known = recognise(header)
    parts = (at[part] for part in ("first name", "last name") if part in at)
    return Columns(
        email=at["email"],
        others=tuple((field, at[field], clean) for field, clean in _CELLS.items() if field in at),
        names=() if "name" in at else tuple(parts),
        left=tuple(
            (number, LEFT[word])
            for number, title in enumerate(header)
            if (word := folded(title)) in LEFT and number not in at.values()
        ),
        since=_since(known, header),
        attributes=_attributes(header, subject, attributes),
        inside=_inside(known, header, attributes),
        titles=tuple(cells.visible(title) for title in header),
        wide=len(header),
    )


def _since(known: Format | None, header: list[str]) -> int | None:
    """The column that says since when a person agreed, in a file whose maker we know."""
    titles = [folded(title) for title in header]
    wanted = known.since if known else ()
    return next((titles.index(word) for word in wanted if word in titles), None)


def _attributes(
    header: list[str], subject: str, wanted: Sequence[str]
) -> tuple[tuple[str, int], ...]:
    """The columns to keep as attributes, by the attribute's name.

    :raises AudienceError: for a column that the file does not have.
    """
    found: list[tuple[str, int]] = []
    known = recognise(header)
    titles = [title.strip().casefold() for title in header]
    for word in wanted:
        title, _, name = word.partition("=")
        key = title.strip().casefold()
        if key in titles:
            try:
                found.append((cells.attribute_name(name or title), titles.index(key)))
            except cells.CellRefused as refused:
                raise AudienceError(name or title, str(refused)) from None
        elif not (known and known.inside):
            raise AudienceError(
                subject, f'has no column "{title}" to keep as an attribute', hint=_has(header)
            )
    return tuple(found)


def _inside(
    known: Format | None, header: list[str], wanted: Sequence[str]
) -> tuple[int, Mapping[str, str]] | None:
    """The column of JSON that attributes are taken from, and their names by their keys in it."""
    if known is None or not known.inside or not wanted:
        return None
    titles = [folded(title) for title in header]
    if known.inside not in titles:
        return None
    pairs = (word.partition("=") for word in wanted)
    names = {key.strip(): (name or key).strip().casefold() for key, _, name in pairs}
    return titles.index(known.inside), names


def _has(header: list[str]) -> str:
    titles = ", ".join(f'"{cells.visible(title)}"' for title in header[:12])
    return f"Its columns are {titles}; rename the one with the addresses to email."


def _row_test(delimiter: str, email: int) -> Callable[[str], bool]:
    def begins_row(line: str) -> bool:
        if line.count('"') % 2:
            return False  # rather the end of the quoted cell
        parts = line.split(delimiter)
        if len(parts) <= email:
            return False
        return isinstance(read_address(parts[email].strip().strip('"')), Address)

    return begins_row


def _row(record: list[str], line: int, columns: Columns) -> Row | Refusal:
    try:
        return _good_row(record, line, columns)
    except _CellBad as bad:
        return _refusal(line, bad.column, bad.value, bad.reason)


class _CellBad(Exception):
    def __init__(self, column: str, value: str, reason: str):
        self.column, self.value, self.reason = column, value, reason
        super().__init__(reason)


def _good_row(record: list[str], line: int, columns: Columns) -> Row:
    width = len(record)
    if width > columns.wide and any(record[columns.wide :]):
        extra = "".join(record[columns.wide :])
        reason = (
            f"the row has {width} cells and the header {columns.wide}; "
            "a comma in a cell without quotation marks shifts those after it"
        )
        raise _CellBad("", extra, reason)
    text = _unguarded(record[columns.email]) if columns.email < width else ""
    address = read_address(text)
    if not isinstance(address, Address):
        raise _CellBad(columns.titles[columns.email], text, address)
    for place, says_left in columns.left:
        if place < width and says_left(record[place].strip().casefold()):
            cell = record[place]
            raise _CellBad(columns.titles[place], cell, "they opted out before, elsewhere")
    values: dict[str, str | tuple[str, ...]] = {}
    for field, place, clean in columns.others:
        if place < width and (cell := record[place]):
            try:
                values[field] = clean(_unguarded(cell))
            except cells.CellRefused as refused:
                raise _CellBad(columns.titles[place], cell, str(refused)) from None
    if columns.names:
        joined = " ".join(record[part] for part in columns.names if part < width)
        try:
            values["name"] = cells.name(joined)
        except cells.CellRefused as refused:
            raise _CellBad(columns.titles[columns.names[0]], joined, str(refused)) from None
    if columns.since is not None and columns.since < width:
        values["since"] = cells.moment(record[columns.since])
    own: tuple[tuple[str, str], ...] = ()
    if columns.attributes or columns.inside:
        try:
            own = _own_attributes(record, columns)
        except cells.CellRefused as refused:
            raise _CellBad("attributes", "", str(refused)) from None
    return Row(
        line=line,
        email=address.email,
        address_key=address.key,
        email_domain=address.domain,
        attributes=own,
        **values,  # type: ignore[arg-type]  # each cell function gives its field's type
    )


def _own_attributes(record: list[str], columns: Columns) -> tuple[tuple[str, str], ...]:
    """The attributes of one row; an empty value is kept, because a sync takes it for "none"."""
    found = {
        name: cells.attribute_value(_unguarded(record[place]))
        for name, place in columns.attributes
        if place < len(record)
    }
    if columns.inside is not None and columns.inside[0] < len(record):
        place, names = columns.inside
        try:
            inner = json.loads(record[place] or "{}")
        except (ValueError, RecursionError):
            raise cells.CellRefused(f'"{columns.titles[place]}" is not JSON') from None
        for key, value in inner.items() if isinstance(inner, dict) else ():
            if key in names and isinstance(value, str | int | float | bool):
                found[names[key]] = cells.attribute_value(str(value))
    return tuple(found.items())


def _refusal(line: int, column: str, value: str, reason: str) -> Refusal:
    return Refusal(line=line, column=column, value=cells.visible(value), reason=reason)


def _unguarded(cell: str) -> str:
    """Take away the apostrophe that exports put before a cell a spreadsheet would compute."""
    if cell[0:1] == "'" and cell[1:2] in _FORMULA:
        return cell[1:]
    return cell
