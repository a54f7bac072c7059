"""Reporting a problem: the form, the ticket with its state, and the list of corrections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote

from newsletter.issue.clean import clean
from newsletter.issue.view import correction_view
from newsletter.model import Correction
from newsletter.web.public.pages import Pages


class ReportKind(StrEnum):
    """What a reader can say is wrong with a story."""

    WRONG_QUOTE = "wrong_quote"
    WRONG_FACT = "wrong_fact"
    WRONG_SIDE = "wrong_side"
    UNFAIR = "unfair"
    MIXED = "mixed"
    OTHER = "other"


class TicketState(StrEnum):
    """Where a report is."""

    OPEN = "open"
    CORRECTED = "corrected"
    EXPLAINED = "explained"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A report somebody made. ``number`` is what they can look it up by; it says nothing else."""

    number: str
    kind: ReportKind
    story: str
    slug: str
    made: datetime
    state: TicketState = TicketState.OPEN
    answer: str = ""


def report_page(
    pages: Pages,
    *,
    story: str,
    slug: str,
    kind: str = "",
    details: str = "",
    problem: str = "",
    by_form: bool = False,
) -> str:
    """How to report a problem with a story: a form, or where there is none, the editors' address.

    :param problem: why what was just sent was refused, in one sentence; ``kind`` and ``details``
        are what was entered.
    """
    words = pages.words
    return pages.html(
        "report",
        title=words("report_title"),
        story=clean(story),
        url=f"/stories/{slug}",
        action=f"/stories/{slug}/report" if by_form else "",
        subject=quote(f"{words('report_title')}: {slug}"),
        kinds=[(k.value, words(f"report_{k.value}"), k.value == kind) for k in ReportKind],
        details=details,
        problem=problem,
    )


def ticket_page(pages: Pages, ticket: Ticket, *, fresh: bool = False) -> str:
    """What became of a report. ``fresh`` thanks for one that was just made."""
    words = pages.words
    return pages.html(
        "ticket",
        title=words("ticket_title", number=ticket.number),
        ticket=ticket,
        kind=words(f"report_{ticket.kind.value}"),
        state=words(f"ticket_{ticket.state.value}"),
        made=words.moment(ticket.made),
        story=clean(ticket.story),
        url=f"/stories/{ticket.slug}",
        fresh=fresh,
    )


def corrections_page(pages: Pages, corrections: Iterable[Correction]) -> str:
    """Every correction, newest first."""
    words = pages.words
    newest_first = sorted(corrections, key=lambda entry: entry.at, reverse=True)
    return pages.html(
        "corrections",
        title=words("corrections"),
        entries=[correction_view(entry, words=words) for entry in newest_first],
    )
