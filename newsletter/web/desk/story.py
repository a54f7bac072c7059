"""One story: every sentence beside its evidence, changed in place, its articles and versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter.brief.choices import ranked
from newsletter.errors import BriefError, Conflict, NewsletterError, NotFound
from newsletter.issue.approve import allowed
from newsletter.issue.view import bar_view
from newsletter.model import Article, Brief, BriefEdit, GateFinding, Issue, Quotable, Side, Story
from newsletter.newsroom import Newsroom
from newsletter.pipeline import arranging
from newsletter.pipeline import briefs as texts
from newsletter.web.desk.blocks import (
    block_named,
    blocks_of,
    diffs,
    edit_from,
    evidence_of,
    gate_lines,
    with_quote,
)
from newsletter.web.desk.door import Editing, Looking, Visitor
from newsletter.web.desk.form import Fields, Form, Query
from newsletter.web.desk.lines import STATES
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.today import READ, find

_AT = re.compile(r"[a-z]{1,10}(-[1-9])?")
_MANY = {"overview", *Side}


@dataclass(frozen=True, slots=True)
class OnDesk:
    """A story as the desk looks at it: its articles as they now are and the text shown."""

    issue: Issue
    story: Story
    articles: dict[str, Article]
    brief: Brief | None


def on_desk(room: Newsroom, name: str, story_id: str) -> OnDesk:
    """A story of an issue.

    :raises NotFound: when there is no such issue or story.
    """
    issue = find(room, name)
    story = room.stories.get([story_id[:64]]).get(story_id)
    if story is None:
        raise NotFound(story_id[:64], "there is no such story")
    known = room.articles.get(story.articles)
    articles = {one: known[one] for one in story.articles if one in known}
    brief, _ = room.briefs.newest([story.id]).get(story.id, (None, ""))
    return OnDesk(issue, story, articles, brief)


def shared_values(
    room: Newsroom, pages: DeskPages, desk: OnDesk, visitor: Visitor
) -> dict[str, Any]:
    """What every tab of a story shows around itself."""
    waiting = room.arrangements.waiting(desk.issue.edition, desk.issue.day)
    inside = room.issues.stories_of(desk.issue)
    names = {one.story: one for one in waiting}
    around = [names[one] for one in inside if one in names]
    return {
        "here": "today",
        "issue": desk.issue,
        "state": STATES[desk.issue.state],
        "story": desk.story,
        "brief": desk.brief,
        "around": around,
        "inside": desk.story.id in inside,
        "others": [one for one in waiting if one.story != desk.story.id],
        "editable": visitor.may("edit"),
        "changeable": visitor.may("edit") and allowed(desk.issue.state, "edit"),
        "public": desk.issue.send_started is not None,
        "bar": bar_view(desk.brief.coverage, pages.words, full=True) if desk.brief else None,
        "section": pages.words.section(desk.story.section),
        "count": len(desk.articles),
        "versions_count": desk.brief.version if desk.brief else 0,
    }


def refused(error: NewsletterError) -> str:
    """An error as a sentence of a page."""
    sentence = error.sentence[:1].upper() + error.sentence[1:]
    return f"{sentence}. {error.hint}".strip()


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``/desk/issues/ID/stories/STORY`` and the acts on its text."""
    routes = APIRouter()

    def page(
        visitor: Visitor,
        desk: OnDesk,
        at: str,
        *,
        typed: Fields | None = None,
        problem: str = "",
        said: str = "",
        status: int = 200,
    ) -> Response:
        brief = desk.brief
        if brief is None:
            return pages.show(
                visitor, "story-unwritten", tab="write", **shared_values(room, pages, desk, visitor)
            )
        blocks = blocks_of(brief, desk.articles, room.outlets)
        chosen = block_named(blocks, at)
        standing = room.briefs.standing([desk.story.id])[desk.story.id]
        shown = next(one for one in texts.versions(room, desk.story.id) if one.shown)
        findings: tuple[GateFinding, ...] = ()
        if typed is not None:
            findings = texts.check_edit(room, desk.story.id, edit_from(typed, brief))
        return pages.show(
            visitor,
            "story",
            status=status,
            tab="write",
            blocks=blocks,
            chosen=chosen,
            evidence=evidence_of(chosen, desk.articles, room.outlets) if chosen else [],
            gates=gate_lines(findings, brief),
            typed=typed,
            shown=shown,
            model=bool(room.config.brief.model.name),
            held=standing.held,
            held_by=standing.by,
            offered=standing.offered,
            leads={
                side.value: [
                    (one.id, _name(room, one), one.title)
                    for one in desk.articles.values()
                    if _side(room, one) is side
                ]
                for side in Side
            },
            problem=problem,
            said=said,
            **shared_values(room, pages, desk, visitor),
        )

    def changed(
        visitor: Visitor, desk: OnDesk, act: str, detail: str = "", at: str = ""
    ) -> Response:
        """After a change was stored: the issue says it too, and the log."""
        room.audit.note(visitor.actor, act, f"story {desk.story.id}", detail)
        if allowed(desk.issue.state, "edit"):
            before = desk.issue.state
            issue = arranging.recompose(
                room, desk.issue, note=f"{visitor.name} changed “{desk.story.headline}”"[:500]
            )
            if issue.state is not before:
                room.audit.note(visitor.actor, "approval ended", issue.id, "edited after it")
        return pages.go(address(desk) + (f"?at={at}#b-{at}" if _AT.fullmatch(at) else ""))

    @routes.api_route("/desk/issues/{name}/stories/{story_id}", methods=READ)
    def show(visitor: Looking, name: str, story_id: str, query: Query) -> Response:
        return page(visitor, on_desk(room, name, story_id), query.one("at", 16))

    @routes.api_route("/desk/issues/{name}/stories/{story_id}/evidence", methods=READ)
    def evidence(visitor: Looking, name: str, story_id: str, query: Query) -> Response:
        desk = on_desk(room, name, story_id)
        if desk.brief is None:
            raise NotFound(story_id, "has no text yet")
        blocks = blocks_of(desk.brief, desk.articles, room.outlets)
        chosen = block_named(blocks, query.one("at", 16))
        return pages.part(
            visitor,
            "evidence",
            issue=desk.issue,
            story=desk.story,
            changeable=visitor.may("edit") and allowed(desk.issue.state, "edit"),
            chosen=chosen,
            evidence=evidence_of(chosen, desk.articles, room.outlets) if chosen else [],
        )

    @routes.post("/desk/issues/{name}/stories/{story_id}/check")
    def check(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        if desk.brief is None:
            raise NotFound(story_id, "has no text yet")
        findings = texts.check_edit(room, desk.story.id, edit_from(sent, desk.brief))
        newer = desk.brief.version != sent.number("version")
        return pages.part(
            visitor, "gates", gates=gate_lines(findings, desk.brief), newer=newer, typing=True
        )

    @routes.post("/desk/issues/{name}/stories/{story_id}/edit")
    def edit(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        if desk.brief is None:
            raise NotFound(story_id, "has no text yet")
        return _stored(visitor, desk, edit_from(sent, desk.brief), sent)

    @routes.api_route("/desk/issues/{name}/stories/{story_id}/quotes", methods=READ)
    def quotes(visitor: Looking, name: str, story_id: str, query: Query) -> Response:
        desk = on_desk(room, name, story_id)
        at = query.one("at", 16)
        part = at.partition("-")[0]
        side = Side(part) if part in set(Side) else None
        return pages.show(
            visitor,
            "quotes",
            tab="write",
            at=at,
            part=part if side else "overview",
            quotes=[
                (one, _name_of(room, one.outlet), _title(desk, one.article))
                for one in _passages(room, desk, side)[:30]
            ],
            **shared_values(room, pages, desk, visitor),
        )

    @routes.post("/desk/issues/{name}/stories/{story_id}/quotes")
    def take(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        if desk.brief is None:
            raise NotFound(story_id, "has no text yet")
        at = sent.one("at", 16)
        part = at.partition("-")[0]
        side = Side(part) if part in set(Side) else None
        wanted = (sent.one("article", 64), sent.number("start"))
        found = next(
            (
                one
                for one in _passages(room, desk, side)
                if (one.article, one.evidence.start) == wanted
            ),
            None,
        )
        if found is None:
            raise Conflict("", "this passage is not in the story any more", hint="Choose another.")
        change = with_quote(desk.brief, at, bullet=found.bullet, sentence=found.sentence)
        return _stored(visitor, desk, change, sent)

    def _stored(visitor: Visitor, desk: OnDesk, change: BriefEdit, sent: Fields) -> Response:
        """Keep a change of the version the person saw; else show why not, with what they typed."""
        try:
            texts.edit_brief(
                room,
                desk.story.id,
                change,
                by=visitor.name,
                base_version=sent.number("version"),
            )
        except BriefError as error:
            newest = on_desk(room, desk.issue.id, desk.story.id)
            overtaken = newest.brief is not None and newest.brief.version != sent.number("version")
            status = 409 if overtaken else 400
            return page(
                visitor,
                newest,
                sent.one("at", 16),
                typed=_own_words(room, desk, sent),
                problem=refused(error),
                status=status,
            )
        return changed(visitor, desk, "edit", change.note, sent.one("at", 16))

    @routes.post("/desk/issues/{name}/stories/{story_id}/rewrite")
    def rewrite(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        part, writer = sent.one("part", 16), sent.one("writer", 16)
        try:
            texts.rewrite_block(
                room,
                desk.story.id,
                part,  # type: ignore[arg-type]  # checked where it is used
                "model" if writer == "model" else "extract",
                by=visitor.name,
            )
        except NewsletterError as error:
            return page(visitor, desk, part, problem=refused(error), status=400)
        return changed(visitor, desk, "rewrite", part, f"{part}-1" if part in _MANY else part)

    @routes.api_route("/desk/issues/{name}/stories/{story_id}/versions", methods=READ)
    def versions(visitor: Looking, name: str, story_id: str, query: Query) -> Response:
        desk = on_desk(room, name, story_id)
        known = texts.versions(room, desk.story.id)
        shown = next((one for one in known if one.shown), known[0])
        wanted = query.number("version")
        other = next((one for one in known if one.version == wanted), None)
        return pages.show(
            visitor,
            "versions",
            tab="versions",
            known=known,
            shown=shown,
            other=other,
            diffs=diffs(other.brief, shown.brief, desk.articles) if other else [],
            **shared_values(room, pages, desk, visitor),
        )

    @routes.post("/desk/issues/{name}/stories/{story_id}/restore")
    def restore(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        try:
            texts.restore_version(room, desk.story.id, sent.number("version"), by=visitor.name)
        except BriefError as error:
            return page(visitor, desk, "", problem=refused(error), status=400)
        return changed(visitor, desk, "restore", f"version {sent.number('version')}")

    @routes.post("/desk/issues/{name}/stories/{story_id}/withhold")
    def withhold(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        try:
            if sent.one("act") == "release":
                texts.release(room, desk.story.id, by=visitor.name)
            else:
                texts.withhold(room, desk.story.id, sent.one("reason", 300), by=visitor.name)
        except BriefError as error:
            return page(visitor, desk, "", problem=refused(error), status=400)
        return changed(visitor, desk, sent.one("act", 10) or "withhold", sent.one("reason", 300))

    return routes


def _passages(room: Newsroom, desk: OnDesk, side: Side | None) -> tuple[Quotable, ...]:
    """What could stand for a side, best first, as :func:`briefs.ranked_evidence` ranks it.

    Lines that an outlet prints under everything are known here from this story alone: reading the
    whole day for them takes a second, and a person looks at each passage anyway.
    """
    if desk.brief is None:
        return ()
    return ranked(
        desk.brief,
        side,
        [one for one in desk.articles.values() if one.outlet in room.outlets],
        room.outlets,
        room.config.brief,
    )


def _own_words(room: Newsroom, desk: OnDesk, sent: Fields) -> Fields | None:
    """Of what was typed, what differs from the version it was typed over.

    The other fields of a form hold that version's text. Shown again over a newer one, they would
    take back what somebody else changed meanwhile.
    """
    if not sent.has("headline"):
        return None
    versions = {one.version: one.brief for one in room.briefs.versions(desk.story.id)}
    base = versions.get(sent.number("version"))
    if base is None:
        return sent
    blocks = [b for part in blocks_of(base, desk.articles, room.outlets).values() for b in part]
    return Fields(
        [
            (block.name, sent.one(block.name))
            for block in blocks
            if sent.has(block.name) and sent.one(block.name) != block.text
        ]
    )


def address(desk: OnDesk) -> str:
    """The page of a story of an issue."""
    return f"/desk/issues/{desk.issue.id}/stories/{desk.story.id}"


def _side(room: Newsroom, article: Article) -> Side | None:
    outlet = room.outlets.get(article.outlet)
    return outlet.lean.side if outlet else None


def _name(room: Newsroom, article: Article) -> str:
    return _name_of(room, article.outlet)


def _name_of(room: Newsroom, outlet: str) -> str:
    found = room.outlets.get(outlet)
    return found.name if found else outlet


def _title(desk: OnDesk, article: str) -> str:
    found = desk.articles.get(article)
    return found.title if found else ""
