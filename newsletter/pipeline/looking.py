"""Look at an issue before anybody may send it: its files, what is wrong with it, its links."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from newsletter.database.choosing import COUNTED
from newsletter.delivery.letter import IssueMail
from newsletter.errors import NotFound
from newsletter.issue.finding import Finding
from newsletter.issue.lint import lint
from newsletter.issue.lint_letter import lint_letter
from newsletter.issue.mail_examples import mail_examples
from newsletter.issue.markup import Page
from newsletter.model import Delivery, Issue, Letter, Rendered, Revision
from newsletter.newsroom import Newsroom
from newsletter.pipeline.letters import issue_mail, why

REFUSING = frozenset({401, 402, 403, 405, 406, 429, 451, 999})
"""Statuses of servers that only mind programs, or want to be paid: the page may be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAnswer:
    """A link of an issue and what is wrong with it, in one sentence."""

    url: str
    problem: str


def preview(
    room: Newsroom, issue: Issue, folder: Path, *, letter: bool = True, variant: str = ""
) -> Path:
    """Write an issue as html, txt and eml, exactly as an invented reader would get it.

    :param letter: False leaves the eml out, for places that count letters.
    :param variant: which rendering; the whole issue when not given.
    :raises OSError: when the folder cannot be written.
    :raises NotFound: when the issue was not rendered in that variant.
    """
    revision = room.issues.revision(issue)
    mail = issue_mail(room, issue, revision)
    to_nobody = _to_nobody(room, issue, revision)
    rendered = next((one for one in revision.rendered if one.variant == variant), None)
    if rendered is None:
        there = ", ".join(one.variant for one in revision.rendered if one.variant)
        raise NotFound(
            issue.id, f'has no variant "{variant}"', hint=f"There are: {there or 'none'}."
        )
    prepared = mail.prepared(variant, "preview")
    folder.mkdir(parents=True, exist_ok=True)
    if letter:
        (folder / "issue.eml").write_bytes(prepared.message(to_nobody))
    for name, text in (("issue.html", rendered.html), ("issue.txt", rendered.text)):
        for token, value in to_nobody.values.items():
            text = text.replace(prepared.token(token), value)  # noqa: PLW2901 - filled in step by step
        (folder / name).write_text(text, "utf-8")
    return folder


def preview_mail(room: Newsroom, name: str, folder: Path) -> Path:
    """Write one of the other mails as html and txt, filled in with invented values.

    :param name: a folder of templates/email, such as ``welcome``.
    :raises NotFound: when there is no such mail.
    :raises OSError: when the folder cannot be written.
    """
    base = room.config.site.base_url.rstrip("/")
    title = next(iter(room.config.editions.values())).title
    examples = mail_examples(base, title)
    if name not in examples:
        raise NotFound(name, "is not one of the mails", hint=f"There are: {', '.join(examples)}.")
    mail = room.renderer.render_mail(name, examples[name], tag="previewtag")
    folder.mkdir(parents=True, exist_ok=True)
    places = {
        "unsubscribe": f"{base}/u/x7",
        "preferences": f"{base}/p/x7",
        "because": why(room)(title, date(2026, 1, 2)),
    }
    for suffix, text in ((".html", mail.html), (".txt", f"Subject: {mail.subject}\n\n{mail.text}")):
        for place, value in places.items():
            text = text.replace(f"previewtag_{place}_", value)  # noqa: PLW2901 - filled in step by step
        (folder / f"{name}{suffix}").write_text(text, "utf-8")
    return folder / f"{name}.html"


def findings(room: Newsroom, issue: Issue, revision: Revision | None = None) -> tuple[Finding, ...]:
    """Everything wrong with what would be sent, errors first: each variant and a letter of it.

    :param revision: the one to look at; the issue's current one when not given.
    """
    revision = revision or room.issues.revision(issue)
    mail = issue_mail(room, issue, revision)
    to_nobody = _to_nobody(room, issue, revision)
    trial = room.config.delivery.transport in {"folder", "recording"}
    found: dict[Finding, None] = {}
    for rendered in revision.rendered:
        raw = mail.prepared(rendered.variant, "lint").message(to_nobody)
        found.update(dict.fromkeys(lint(rendered, room.config.site, to_nobody.values)))
        for finding in lint_letter(raw, trial=trial):
            found[replace(finding, variant=rendered.variant)] = None
    found.update(dict.fromkeys(_counted_findings(room, issue, revision, mail, known=found)))
    return tuple(sorted(found, key=lambda one: one.severity))


def _counted_findings(
    room: Newsroom, issue: Issue, revision: Revision, mail: IssueMail, *, known: Iterable[Finding]
) -> Iterator[Finding]:
    """What is wrong with the letter of a reader who lets us count clicks, and with no other."""
    prepared = mail.variants.get(COUNTED)
    if prepared is None:
        return
    letter = _to_nobody(room, issue, revision, variant=COUNTED)
    token, address = prepared.token("click"), letter.values["click"]
    rendered = Rendered(
        subject=prepared.subject,
        preheader="",
        html=prepared.html.replace(token, address),
        text=prepared.text.replace(token, address),
        tag=prepared.tag,
        variant=COUNTED,
    )
    said = {finding.sentence for finding in known}
    for finding in lint(rendered, room.config.site, letter.values):
        if finding.sentence not in said:
            yield finding


def dead_links(room: Newsroom, issue: Issue) -> tuple[LinkAnswer, ...]:
    """Ask for every link of an issue that leads elsewhere; those that do not answer, and why.

    Asks through the same guard and limits as feeds. A server that refuses programs is not held
    against its link.
    """
    own = room.config.site.base_url.rstrip("/")
    links = {
        element.attributes.get("href", "").strip()
        for rendered in room.issues.revision(issue).rendered
        for element in Page(rendered.html).elements("a")
    }
    asked = sorted(
        url
        for url in links
        if url.startswith(("http://", "https://")) and url != own and not url.startswith(f"{own}/")
    )
    return asyncio.run(_ask(room, asked))


async def _ask(room: Newsroom, urls: list[str]) -> tuple[LinkAnswer, ...]:
    from newsletter.feeds.fetch import Fetcher

    at_once = asyncio.Semaphore(room.config.collect.at_once)
    async with Fetcher(room.config.collect, room.clock) as fetcher:

        async def one(url: str) -> LinkAnswer | None:
            async with at_once:
                answer = await fetcher.get(url, accept="text/html, */*;q=0.5")
            empty = answer.status in {200, 204}
            if not answer.problem or empty or answer.status in REFUSING:
                return None
            return LinkAnswer(url=url, problem=answer.problem)

        answers = await asyncio.gather(*map(one, urls))
    return tuple(answer for answer in answers if answer is not None)


def _to_nobody(room: Newsroom, issue: Issue, revision: Revision, *, variant: str = "") -> Letter:
    """A letter to an invented reader, with links as long as real ones."""
    delivery = Delivery(
        id=0,
        key="preview",
        variant=variant,
        issue=issue.id,
        reader=0,
        email=room.config.site.contact,
        name="",
        token="preview-of-nobody-here",  # noqa: S106 - not a secret: a link that belongs to nobody
        segment="",
        joined=room.clock(),
    )
    return issue_mail(room, issue, revision).letters([delivery])[0]
