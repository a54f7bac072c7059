"""Import files of every kind, good and bad."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.importing import read_rows
from newsletter.errors import AudienceError
from newsletter.model import Refusal, Row

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def read(text: str | bytes, **options: dict[str, str]) -> list[Row | Refusal]:
    """Read a small file."""
    body = text.encode() if isinstance(text, str) else text
    return list(read_rows(io.BytesIO(body), mapping=options.get("mapping")))


def rows(text: str | bytes) -> list[Row]:
    """The rows of a file in which none may be refused."""
    found = read(text)
    assert all(isinstance(one, Row) for one in found), found
    return [one for one in found if isinstance(one, Row)]


def test_a_full_row_is_read() -> None:
    """Every known column ends in its field."""
    [row] = rows(
        "email,name,country,timezone,topics,lists,language\n"
        "Ada@Example.org,Ada Fenwick,gb,Europe/London,politics;world,founders|vip,en-gb\n"
    )
    assert row == Row(
        line=2,
        email="Ada@example.org",
        address_key="ada@example.org",
        email_domain="example.org",
        name="Ada Fenwick",
        country="GB",
        timezone="Europe/London",
        topics=("politics", "world"),
        lists=("founders", "vip"),
        language="en-GB",
    )


@pytest.mark.parametrize(
    "body",
    [
        b"email,name\nada@example.org,Zo\xc3\xab\n",
        b"\xef\xbb\xbfemail,name\nada@example.org,Zo\xc3\xab\n",
        "email,name\nada@example.org,Zoë\n".encode("utf-16"),
        b"\xff\xfe" + "email,name\nada@example.org,Zoë\n".encode("utf-16-le"),
        b"\xfe\xff" + "email,name\nada@example.org,Zoë\n".encode("utf-16-be"),
        b"email;name\r\nada@example.org;Zo\xc3\xab\r\n",
        b"email\tname\rada@example.org\tZo\xc3\xab\r",
        b"sep=;\r\nemail;name\r\nada@example.org;Zo\xc3\xab",
        b"\n\nE-Mail , Full Name\n\nada@example.org,Zo\xc3\xab\n\n",
        b'"Name","Email Address"\n"Zo\xc3\xab","ada@example.org"\n',
        b"first name,last name,email\nZo\xc3\xab,,ada@example.org",
    ],
)
def test_encodings_delimiters_and_headers_are_found(body: bytes) -> None:
    """The same person is read from files that look different."""
    [row] = rows(body)
    assert (row.email, row.name) == ("ada@example.org", "Zoë")


def test_a_mapping_names_columns() -> None:
    """Columns with titles of their own are found when they are named; unknown names are errors."""
    body = "Kontakt,Land,email\nada@example.org,GB,bo@example.org\n"
    [row] = read(body, mapping={"email": "kontakt", "country": "Land"})
    assert isinstance(row, Row)
    assert (row.email, row.country) == ("ada@example.org", "GB")
    with pytest.raises(AudienceError, match='no column "Adresse"'):
        read(body, mapping={"email": "Adresse"})
    with pytest.raises(AudienceError, match="is not a field"):
        read(body, mapping={"shoe size": "Land"})


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("people.csv", "email\nada@example.org\n")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n", "is empty"),
        (_zip(), "ZIP archive or an Excel workbook"),
        (b"\xd0\xcf\x11\xe0rest", "old Excel workbook"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"name,country\nAda,GB\n", 'no "email" column'),
        (b"ada@example.org,Ada\n", "instead of a header"),
        (b"email,name\nada@example.org,Zo\xeb\n", "line 2 has other characters"),
        ("email\nada@example.org\n".encode("utf-16-le"), "not UTF-8"),
        (b"\xff\xfe" + "email\nada@example.org\n".encode("utf-16-le") + b"x", "not UTF-8"),
        (b"<!doctype html><html><body>Log in</body></html>", 'no "email" column'),
    ],
)
def test_a_file_that_is_something_else_is_refused_whole(body: bytes, sentence: str) -> None:
    """The wrong kind of file ends in one sentence with a hint, before any row is given out."""
    with pytest.raises(AudienceError, match=sentence) as caught:
        next(read_rows(io.BytesIO(body)))
    assert caught.value.hint or sentence == "is empty"


def test_a_wrong_encoding_at_the_end_is_known_at_the_start() -> None:
    """Nothing of a file is used when its last line is in another encoding."""
    body = b"email,name\n" + b"ada@example.org,Ada\n" * 50_000 + b"bo@example.org,Zo\xeb\n"
    with pytest.raises(AudienceError, match="line 50,002"):
        next(read_rows(io.BytesIO(body)))


def test_bad_rows_cost_only_themselves() -> None:
    """Each refusal names line, column, value and reason; the rows around it are read."""
    found = read(
        "Email,Name,Country\n"
        "ada@example.org,Ada,GB\n"
        "nobody,Bo,GB\n"
        "\n"
        "cy@example.org,Cy,Narnia\n"
        ",Dee,GB\n"
        "eve@example.org\n"
    )
    assert [one.line for one in found] == [2, 3, 5, 6, 7]
    assert [isinstance(one, Row) for one in found] == [True, False, False, False, True]
    refused = [(one.column, one.value) for one in found if isinstance(one, Refusal)]
    assert refused == [("Email", "nobody"), ("Country", "Narnia"), ("Email", "")]


def test_an_open_quotation_mark_swallows_nobody() -> None:
    """Rows after a mark that is never closed, or closed by another row's, are read all the same."""
    found = read(
        'email,name\nada@example.org,"Ada\nbo@example.org,Bo\ncy@example.org,"Cy"\ndee@example.org,Dee\n'
    )
    assert [one.line for one in found] == [2, 3, 4, 5]
    assert [getattr(one, "email", "refused") for one in found] == [
        "refused",
        "bo@example.org",
        "cy@example.org",
        "dee@example.org",
    ]
    many = "".join(f"r{number}@example.org,R\n" for number in range(200))
    found = read(f'email,name\nada@example.org,"Ada\n{many}')
    assert sum(isinstance(one, Row) for one in found) == 200
    found = read('email,name\nbo@example.org,Bo\nada@example.org,"Ada\nLovelace')
    assert [one.line for one in found] == [2, 3, 4]


def test_cells_may_span_lines() -> None:
    """A quoted note of several lines is one cell, and lines are counted on."""
    first, second = rows('notes,email\n"one\ntwo, three\n",ada@example.org\nx,bo@example.org\n')
    assert (first.line, second.line) == (2, 5)


def test_a_line_of_a_hundred_megabytes_costs_little_memory() -> None:
    """An endless line is refused without being kept; the next one is read."""

    class Endless(io.RawIOBase):
        def __init__(self) -> None:
            self.parts: Iterator[bytes] = iter(
                [
                    b"email,name\nada@example.org,",
                    *[b"x" * 8_000] * 12_500,
                    b"\nbo@example.org,Bo\n",
                ]
            )

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: WriteableBuffer) -> int:
            part = next(self.parts, b"")
            memoryview(buffer)[: len(part)] = part
            return len(part)

    tracemalloc.start()
    try:
        found = list(read_rows(io.BufferedReader(Endless())))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [one.line for one in found] == [2, 3]
    assert isinstance(found[0], Refusal)
    assert "65,536" in found[0].reason
    assert peak < 5_000_000


def test_an_exported_apostrophe_is_taken_off() -> None:
    """The guard that an export puts before a formula does not become part of the address."""
    [row] = rows("email,name\n'+ada@example.org,'=Ada\n")
    assert (row.email, row.name) == ("+ada@example.org", "=Ada")


@given(st.binary(max_size=300))
def test_no_file_breaks_the_reader(body: bytes) -> None:
    """Any bytes at all give rows, refusals or one stated error."""
    try:
        found = list(read_rows(io.BytesIO(b"email,name\n" + body)))
    except AudienceError:
        return
    lines = [one.line for one in found]
    assert lines == sorted(lines)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30), max_size=8))
def test_no_text_breaks_the_reader(parts: list[str]) -> None:
    """Naughty strings in any cell are read or refused, a row at a time."""
    body = "email,name,topics\n" + "".join(f"ada@example.org,{part}\n" for part in parts)
    for one in read(body):
        assert isinstance(one, Row | Refusal)


@pytest.mark.parametrize(
    "body",
    [
        # Mailchimp
        (
            "Email Address,First Name,Last Name,OPTIN_TIME,UNSUB_TIME,TAGS\n"
            'ada@example.org,Ada,Fenwick,2024-01-02 10:00:00,,"vip,news"\n'
            "bo@example.org,Bo,Oduya,2024-01-02 10:00:00,2025-01-02 10:00:00,\n"
        ),
        # Substack
        (
            "email,name,active_subscription,email_disabled,created_at\n"
            "ada@example.org,Ada Fenwick,false,false,2024-01-02\n"
            "bo@example.org,Bo,false,true,2024-01-02\n"
        ),
        # Ghost
        (
            "id,email,name,note,subscribed_to_emails,complimentary_plan,created_at,deleted_at,labels\n"
            "1,ada@example.org,Ada Fenwick,,true,,2024-01-02,,vip\n"
            "2,bo@example.org,Bo,,false,,2024-01-02,,\n"
        ),
        # Buttondown
        (
            "email,name,notes,tags,type,creation_date\n"
            "ada@example.org,Ada Fenwick,,vip,regular,2024-01-02\n"
            "bo@example.org,Bo,,,unsubscribed,2024-01-02\n"
        ),
        # listmonk
        (
            "uuid,email,name,attributes,status,created_at,updated_at\n"
            '1,ada@example.org,Ada Fenwick,"{""city"": ""Tamarack""}",enabled,2024-01-02,2024-01-02\n'
            "2,bo@example.org,Bo,{},blocklisted,2024-01-02,2024-01-02\n"
        ),
        # our own
        (
            "email,name,country,timezone,topics,lists,language,state,joined,source\n"
            "ada@example.org,Ada Fenwick,,,,,,active,2024-01-02,form\n"
            "bo@example.org,Bo,,,,,,unsubscribed,2024-01-02,form\n"
        ),
    ],
)
def test_who_left_another_sender_is_not_brought_in(body: str) -> None:
    """Export files of other senders are read, and those they mark as gone are refused."""
    ada, bo = read(body)
    assert isinstance(ada, Row)
    assert (ada.email, ada.name) == ("ada@example.org", "Ada Fenwick")
    assert isinstance(bo, Refusal)
    assert bo.reason == "they opted out before, elsewhere"


def test_a_column_of_states_of_a_country_is_no_opt_out() -> None:
    """Only words that mean leaving count, so "state" may also be a place."""
    [row] = rows("email,state\nada@example.org,Ohio\n")
    assert row.email == "ada@example.org"
