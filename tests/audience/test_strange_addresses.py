"""Collections of strange addresses and strings, from outside of this project."""

from __future__ import annotations

import io
import json
import unicodedata
import xml.etree.ElementTree as ET
from pathlib import Path

from newsletter.audience.addresses import Address, read_address
from newsletter.audience.importing import read_rows
from newsletter.model import Refusal, Row


def test_no_address_that_is_wrong_is_taken(shared: Path) -> None:
    """What the isemail collection calls an error is refused; what is taken has one clean shape."""
    file = shared / "data" / "security" / "address" / "isemail-tests.xml"
    cases = 0
    for case in ET.parse(file).iter("test"):
        text = "".join(
            chr(ord(char) - 0x2400) if 0x2400 <= ord(char) <= 0x2420 else char
            for char in case.findtext("address") or ""
        )
        if text != text.strip():
            continue  # space around an address is taken off, as people paste it
        found = read_address(text)
        cases += 1
        if case.findtext("category") == "ISEMAIL_ERR":
            assert isinstance(found, str), text
        if isinstance(found, Address):
            _is_clean(found)
    assert cases > 130


def test_naughty_strings_end_as_rows_or_refusals(shared: Path) -> None:
    """In every cell of a file: nothing breaks, and what is kept holds no control characters."""
    strings = json.loads((shared / "data" / "security" / "naughty-strings.json").read_text("utf-8"))
    for text in strings:
        found = read_address(text)
        assert isinstance(found, str) or _is_clean(found)
        cell = '"' + text.replace('"', '""') + '"'
        body = f"email,name,country,timezone,topics,lists,plan\nada@example.org,{cell}\n"
        body += f"bo@example.org,,,,{cell},{cell},{cell}\n{cell},,,,,,\n"
        for row in read_rows(io.BytesIO(body.encode("utf-8", "replace")), attributes=("plan",)):
            assert isinstance(row, Row | Refusal)
            if isinstance(row, Row):
                kept = (row.name, *row.topics, *row.lists, *(value for _, value in row.attributes))
                assert not any(unicodedata.category(char) == "Cc" for word in kept for char in word)
    assert len(strings) > 400


def _is_clean(found: Address) -> bool:
    local, at, domain = found.email.rpartition("@")
    assert local
    assert at
    assert found.domain.isascii()
    assert domain.isprintable()
    assert not any(unicodedata.category(char)[0] == "C" for char in found.email)
    return True
