"""How this is made: generated from the configuration and the outlets, so it cannot be stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from newsletter.config import Config
from newsletter.issue.clean import clean, first_upper
from newsletter.model import Lean, Outlet
from newsletter.web.public.pages import Pages

_ORDER = [*Lean]


def method_page(
    pages: Pages, config: Config, outlets: Sequence[Outlet], *, attribution: str = ""
) -> str:
    """The method page.

    :param outlets: all outlets that are read, in any order.
    :param attribution: what the licence of imported ratings asks to be shown.
    """
    words = pages.words
    rows = [
        {
            "name": clean(outlet.name),
            "lean": words(f"lean_{outlet.lean.value}"),
            "side": outlet.lean.side.value if outlet.lean.side else "unrated",
            "family": clean(outlet.family if outlet.family != outlet.id else outlet.name),
            "owner": clean(outlet.owner),
            "provenance": " ".join(clean(line) for line in outlet.provenance),
        }
        for outlet in sorted(outlets, key=lambda o: (_ORDER.index(o.lean), o.name.casefold()))
    ]
    leans = Counter(outlet.lean for outlet in outlets)
    stories, brief = config.stories, config.brief
    return pages.html(
        "method",
        title=words("how_made"),
        rows=rows,
        leans=[
            (first_upper(words(f"lean_{lean.value}")), words.number(leans[lean]))
            for lean in Lean
            if leans[lean]
        ],
        families=words.number(len({outlet.family or outlet.id for outlet in outlets})),
        outlets=words.number(len(outlets)),
        stories=stories,
        brief=brief,
        gap=round(100 * stories.blindspot_gap),
        attribution=clean(attribution),
        writer=words("made_extract"),
        editions=[
            {
                "title": clean(edition.title),
                "minutes": f"{edition.minutes:g}",
                "pace": str(edition.words_a_minute),
                "zone": edition.zone,
                "send_at": edition.send_at.strftime("%H:%M"),
                "policy": words(f"unattended_{edition.unattended}"),
            }
            for edition in config.editions.values()
        ],
    )
