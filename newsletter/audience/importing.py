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
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from newsletter.audience import cells
from newsletter.audience.addresses import Address, read_address
from newsletter.audience.lines import BrokenRecord, Records, not_utf8, open_text
from newsletter.errors import AudienceError
from newsletter.model import Refusal, Row

_FORMULA = frozenset("=+-@\t\r")
FIELDS = ("email", "name", "country", "timezone", "topics", "lists", "language")
DELIMITERS = (",", ";", "\t")

_HEADERS: dict[str, str] = {
    "email": "email",
    "emailaddress": "email",
    "mail": "email",
    "mailaddress": "email",
    "subscriberemail": "email",
    "name": "name",
    "fullname": "name",
    "displayname": "name",
    "firstname": "first name",
    "givenname": "first name",
    "lastname": "last name",
    "surname": "last name",
    "familyname": "last name",
    "country": "country",
    "countrycode": "country",
    "cc": "country",
    "timezone": "timezone",
    "tz": "timezone",
    "topics": "topics",
    "topic": "topics",
    "interests": "topics",
    "lists": "lists",
    "list": "lists",
    "tags": "lists",
    "labels": "lists",
    "language": "language",
    "lang": "language",
    "locale": "language",
}
_NO = frozenset({"false", "no", "0", "f", "n"})
_YES = frozenset({"true", "yes", "1", "t", "y"})
_OUT = frozenset(
    {
        "unsubscribed", "unsubscribe", "cleaned", "bounced", "complained", "complaint", "spam",
        "blocklisted", "blacklisted", "blocked", "disabled", "suppressed", "inactive", "removed",
        "deleted", "archived", "unconfirmed", "unactivated", "pending", "non-subscribed",
        "nonsubscribed", "opted out", "undeliverable", "upstream_unsubscribed",
    }
)  # fmt: skip
# How the export files of other senders say that somebody left, never confirmed, or bounced. In
# Mailchimp it is UNSUB_TIME, in Ghost subscribed_to_emails and deleted_at, in Substack
# email_disabled, in Buttondown type, in listmonk and most others status.
_LEFT: dict[str, Callable[[str], bool]] = {
    "unsubtime": bool,
    "unsubscribedat": bool,
    "unsubscriptiondate": bool,
    "deletedat": bool,
    "bouncedat": bool,
    "cleantime": bool,
    "subscribedtoemails": _NO.__contains__,
    "subscribed": _NO.__contains__,
    "emaildisabled": _YES.__contains__,
    "unsubscribed": _YES.__contains__,
    "optedout": _YES.__contains__,
    "status": _OUT.__contains__,
    "state": _OUT.__contains__,
    "emailstatus": _OUT.__contains__,
    "subscriberstatus": _OUT.__contains__,
    "subscriptionstatus": _OUT.__contains__,
    "subscribertype": _OUT.__contains__,
    "type": _OUT.__contains__,
}
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
    titles: tuple[str, ...]


def read_rows(
    stream: BinaryIO, *, mapping: Mapping[str, str] | None = None
) -> Iterator[Row | Refusal]:
    """Read an import file row by row.

    The delimiter (comma, semicolon or tab) and the columns are found from the header line; known
    titles in any letter case are ``email, name, country, timezone, topics, lists, language`` and
    their usual variants, as in the export files of Mailchimp, Substack, Ghost, Buttondown and
    listmonk. Whoever such a file marks as unsubscribed, bounced or never confirmed is refused.
    Other columns are left alone. Topics and lists are separated by semicolons or bars.

    :param mapping: field name to the title of its column, where the file uses another one.
    :raises AudienceError: when the file as a whole cannot be used: no text, no header, no column
        of addresses. Raised at the first row, before anything is given out, if the stream can
        be rewound.
    """
    subject = str(getattr(stream, "name", "") or "the import file")
    text = open_text(stream, subject)
    try:
        delimiter, header, records = _begin(text, subject, mapping)
        columns = _columns(header, subject, mapping or {})
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
        field = _HEADERS.get(_folded(title))
        if field is not None and field not in mapping:
            found.setdefault(field, number)
    return found


def _columns(header: list[str], subject: str, mapping: Mapping[str, str]) -> Columns:
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
    parts = (at[part] for part in ("first name", "last name") if part in at)
    return Columns(
        email=at["email"],
        others=tuple((field, at[field], clean) for field, clean in _CELLS.items() if field in at),
        names=() if "name" in at else tuple(parts),
        left=tuple(
            (number, _LEFT[folded])
            for number, title in enumerate(header)
            if (folded := _folded(title)) in _LEFT and number not in at.values()
        ),
        titles=tuple(cells.visible(title) for title in header),
    )


def _folded(title: str) -> str:
    return re.sub(r"[\W_]+", "", title.casefold())


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
    width = len(record)
    text = _unguarded(record[columns.email]) if columns.email < width else ""
    address = read_address(text)
    if not isinstance(address, Address):
        return _refusal(line, columns.titles[columns.email], text, address)
    for place, says_left in columns.left:
        if place < width and says_left(record[place].strip().casefold()):
            cell = record[place]
            return _refusal(line, columns.titles[place], cell, "they opted out before, elsewhere")
    values: dict[str, str | tuple[str, ...]] = {}
    for field, place, clean in columns.others:
        if place < width and (cell := record[place]):
            try:
                values[field] = clean(_unguarded(cell))
            except cells.CellRefused as refused:
                return _refusal(line, columns.titles[place], cell, str(refused))
    if columns.names:
        joined = " ".join(record[part] for part in columns.names if part < width)
        try:
            values["name"] = cells.name(joined)
        except cells.CellRefused as refused:
            return _refusal(line, columns.titles[columns.names[0]], joined, str(refused))
    return Row(
        line=line,
        email=address.email,
        address_key=address.key,
        email_domain=address.domain,
        **values,  # type: ignore[arg-type]  # each cell function gives its field's type
    )


def _refusal(line: int, column: str, value: str, reason: str) -> Refusal:
    return Refusal(line=line, column=column, value=cells.visible(value), reason=reason)


def _unguarded(cell: str) -> str:
    """Take away the apostrophe that exports put before a cell a spreadsheet would compute."""
    if cell[0:1] == "'" and cell[1:2] in _FORMULA:
        return cell[1:]
    return cell
