"""What a browser sends, read within limits and without characters that no person types."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

MAX_BODY = 262_144
"""A long story with every field changed has a tenth of this."""
MOST_FIELDS = 2_000

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Fields:
    """The fields of a form or of an address."""

    def __init__(self, pairs: list[tuple[str, str]]):
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(plain(value))

    def one(self, name: str, most: int = 4_000) -> str:
        """The first value of a field, trimmed; empty when it is not there."""
        return self._values.get(name, [""])[0].strip()[:most]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field."""
        return tuple(self._values.get(name, ()))

    def has(self, name: str) -> bool:
        """Whether a field was sent at all."""
        return name in self._values

    def number(self, name: str) -> int:
        """A whole number from 0; -1 when the field holds none."""
        text = self.one(name, 12)
        return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1

    def raw(self, name: str, most: int = 1_024) -> str:
        """A value with the spaces around it: a password may begin with one."""
        return self._values.get(name, [""])[0][:most]


def plain(text: str) -> str:
    """Text without control characters; line ends are those of a text file."""
    return _UNWANTED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


async def read_form(request: Request) -> Fields:
    """The fields of a form that was sent; none for another kind of body."""
    if request.method in {"GET", "HEAD"}:
        return Fields([])
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > MAX_BODY:
            raise HTTPException(413)
    if kind != "application/x-www-form-urlencoded":
        return Fields([])
    try:
        pairs = parse_qsl(
            # PostgreSQL stores NUL in no word.
            body.decode("utf-8", "replace").replace("%00", "").replace("\0", ""),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        raise HTTPException(413) from None
    return Fields(pairs)


def read_query(request: Request) -> Fields:
    """The fields of the address."""
    return Fields(list(request.query_params.multi_items()))


Form = Annotated[Fields, Depends(read_form)]
Query = Annotated[Fields, Depends(read_query)]
