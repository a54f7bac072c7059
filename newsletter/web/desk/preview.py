"""The mail itself, in a frame that nothing gets out of: the stored bytes that will be sent.

Nothing is rendered here. What differs between the ways of looking is what differs between mail
programs: which colour scheme they say they have, and whether they fetch pictures.
"""

from __future__ import annotations

import re
from html import escape

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter.audience.addresses import Address, read_address
from newsletter.delivery.letter import PreparedMail
from newsletter.model import Delivery, Issue, Reader, Revision
from newsletter.newsroom import Newsroom
from newsletter.pipeline.letters import issue_mail, recipients_of
from newsletter.web.desk.door import Looking, NotAllowed
from newsletter.web.desk.form import Query
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.today import READ, find

_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)")
NOBODY = "preview"
"""The word in the links of a preview: it belongs to nobody, so no click in it does anything."""


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``/desk/issues/ID/preview``."""
    routes = APIRouter()

    @routes.api_route("/desk/issues/{name}/preview", methods=READ)
    def preview(visitor: Looking, name: str, query: Query) -> Response:
        issue = find(room, name)
        revision = room.issues.revision(issue, _number(query.one("revision", 9)))
        variant, reader = query.one("variant", 64), None
        if wanted := query.one("reader", 254):
            if not visitor.may("readers"):
                raise NotAllowed("Your role does not include looking at readers.")
            address = read_address(wanted)
            reader = room.readers.by_email(address.email) if isinstance(address, Address) else None
            if reader is None:
                return pages.mail(_note("There is no reader of this address."), images=False)
            chosen = variant_of(room, issue, reader)
            if chosen is None:
                return pages.mail(
                    _note(
                        "This reader does not get this issue: no active subscription, "
                        "or no segment of it fits."
                    ),
                    images=False,
                )
            variant = chosen
        html, text = filled_in(room, issue, revision, variant, reader)
        if query.one("as", 8) == "text":
            return pages.mail(_plain(text, dark=query.one("dark", 2) == "1"), images=False)
        return pages.mail(
            in_scheme(html, dark=query.one("dark", 2) == "1"),
            images=query.one("images", 2) != "0",
        )

    return routes


def filled_in(
    room: Newsroom, issue: Issue, revision: Revision, variant: str, reader: Reader | None
) -> tuple[str, str]:
    """HTML and text as one reader gets them, with links that lead to nobody's choices."""
    mail = issue_mail(room, issue, revision)
    delivery = Delivery(
        id=0,
        key=NOBODY,
        issue=issue.id,
        reader=0,
        email=reader.email if reader else room.config.site.contact,
        name=reader.name if reader else "",
        token=NOBODY,
        segment="",
        joined=reader.joined if reader else room.clock(),
        variant=variant,
    )
    [letter] = mail.letters([delivery])
    rendered = next(
        (one for one in revision.rendered if one.variant == variant), revision.rendered[0]
    )
    prepared = mail.prepared(rendered.variant, NOBODY)
    return (
        _joined(rendered.html, letter.values, prepared, markup=True),
        _joined(rendered.text, letter.values, prepared, markup=False),
    )


def variant_of(room: Newsroom, issue: Issue, reader: Reader) -> str | None:
    """Which rendering a reader gets; None when they do not get the issue at all."""
    chosen = recipients_of(room, issue).subquery()
    columns = list(chosen.c)
    with room.database.reading() as connection:
        row = connection.execute(chosen.select().where(columns[0] == reader.id)).first()
    if row is None:
        return None
    return str(row[2]) if len(columns) > 2 else ""


def in_scheme(html: str, *, dark: bool) -> str:
    """The mail as a program shows it that says it is dark, or light, whatever this one says."""
    wanted = "dark" if dark else "light"
    return _SCHEME.sub(
        lambda found: "(min-width: 0)" if found.group(1) == wanted else "(max-width: 0)", html
    )


def _joined(text: str, values: dict[str, str], prepared: PreparedMail, *, markup: bool) -> str:
    for name, value in values.items():
        text = text.replace(prepared.token(name), escape(value) if markup else value)
    return text


def _plain(text: str, *, dark: bool) -> str:
    colors = "background:#161616;color:#e8e6e3" if dark else "background:#fff;color:#1a1a1a"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Text part</title></head>'
        f'<body style="margin:0;{colors}"><pre style="white-space:pre-wrap;margin:24px;'
        f'font:14px/20px monospace">{escape(text)}</pre></body></html>'
    )


def _note(sentence: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Preview</title></head>'
        f'<body style="margin:32px;font:16px/24px Georgia,serif;background:#fff;color:#1a1a1a">'
        f"<p>{escape(sentence)}</p></body></html>"
    )


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() and text.isascii() else None
