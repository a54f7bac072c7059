"""The articles of a story: merge, split, move, kind and date, kept as locks that can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response

from newsletter import pipeline
from newsletter.errors import NewsletterError, NotFound, StoryError
from newsletter.issue.approve import allowed
from newsletter.issue.clean import safe_url
from newsletter.model import Kind, LockKind, StoryLock
from newsletter.newsroom import Newsroom
from newsletter.pipeline import arranging, stories
from newsletter.pipeline.day import corrected, named
from newsletter.stories.history import history
from newsletter.web.desk.door import Editing, Looking, Visitor
from newsletter.web.desk.form import Fields, Form
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.story import OnDesk, address, on_desk, refused, shared_values
from newsletter.web.desk.today import READ

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``/desk/issues/ID/stories/STORY/articles`` and the decisions about them."""
    routes = APIRouter()

    def page(visitor: Visitor, desk: OnDesk, *, problem: str = "", status: int = 200) -> Response:
        articles = corrected(room, desk.articles.values())
        rows = []
        for one in sorted(articles, key=lambda one: (one.published, one.id), reverse=True):
            outlet = room.outlets.get(one.outlet)
            side = outlet.lean.side if outlet else None
            name = outlet.name if outlet else one.outlet
            link = safe_url(one.url)
            rows.append((one, name, side.value if side else "unrated", link))
        return pages.show(
            visitor,
            "articles",
            status=status,
            tab="articles",
            rows=rows,
            kinds=[kind.value for kind in Kind],
            locks=_locks_in_words(room, desk.story.id),
            problem=problem,
            **shared_values(room, pages, desk, visitor),
        )

    @routes.api_route("/desk/issues/{name}/stories/{story_id}/articles", methods=READ)
    def show(visitor: Looking, name: str, story_id: str) -> Response:
        return page(visitor, on_desk(room, name, story_id))

    @routes.api_route("/desk/issues/{name}/stories/{story_id}/history", methods=READ)
    def past(visitor: Looking, name: str, story_id: str) -> Response:
        desk = on_desk(room, name, story_id)
        return pages.show(
            visitor,
            "history",
            tab="history",
            entries=history(list(desk.articles.values()))[::-1],
            headlines=room.stories.versions(desk.story.id)[::-1],
            corrections=room.corrections.of_story(desk.story.id),
            **shared_values(room, pages, desk, visitor),
        )

    @routes.post("/desk/issues/{name}/stories/{story_id}/articles")
    def decide(visitor: Editing, name: str, story_id: str, sent: Form) -> Response:
        desk = on_desk(room, name, story_id)
        act = sent.one("act", 10)
        try:
            kept = _decide(room, desk, visitor, act, sent)
        except NewsletterError as error:
            return page(visitor, desk, problem=refused(error), status=400)
        room.audit.note(
            visitor.actor, f"story {act}", f"story {desk.story.id}", sent.one("other", 64)
        )
        regrouped(room, desk, visitor)
        there = room.stories.get([kept]).get(kept) or room.stories.former(kept)
        if there is None:
            return pages.go(f"/desk/issues/{desk.issue.id}")
        return pages.go(f"/desk/issues/{desk.issue.id}/stories/{there.id}/articles")

    @routes.post("/desk/issues/{name}/stories/{story_id}/locks/{number}")
    def undo(visitor: Editing, name: str, story_id: str, number: Number) -> Response:
        desk = on_desk(room, name, story_id)
        # Of this story only: a lock of another one answers like none at all.
        if not any(one.id == number for one in stories.locks(room, desk.story.id)):
            raise NotFound(str(number), "is no decision about this story")
        stories.unlock(room, number, by=visitor.name)
        room.audit.note(visitor.actor, "story unlock", f"story {desk.story.id}", str(number))
        regrouped(room, desk, visitor)
        return pages.go(f"{address(desk)}/articles")

    return routes


def regrouped(room: Newsroom, desk: OnDesk, visitor: Visitor) -> None:
    """After stories changed: what is new about them is written, and the issue composed again."""
    pipeline.write(room)
    if allowed(desk.issue.state, "edit"):
        before = desk.issue.state
        issue = arranging.refresh(
            room, desk.issue, note=f"{visitor.name} changed which articles are together"
        )
        if issue.state is not before:
            room.audit.note(visitor.actor, "approval ended", issue.id, "edited after it")


def _decide(room: Newsroom, desk: OnDesk, visitor: Visitor, act: str, sent: Fields) -> str:
    """Do what was asked; return the story to show afterwards."""
    by, story = visitor.name, desk.story.id
    chosen = [one for one in sent.all("article") if one in desk.articles]
    if act in {"split", "move"} and not chosen:
        raise StoryError("", "no article is ticked", hint="Tick those that you mean.")
    if act in {"merge", "move"} and not room.stories.get([sent.one("other", 64)]):
        raise NotFound("", "the other story is not there any more", hint="Choose another.")
    if act == "merge":
        stories.merge_stories(room, story, sent.one("other", 64), by=by)
    elif act == "split":
        stories.split_story(room, story, chosen, by=by, title=sent.one("title", 200))
    elif act == "move":
        for one in chosen:
            stories.move_article(room, one, sent.one("other", 64), by=by)
    elif act == "rename":
        stories.rename_story(room, story, sent.one("title", 200), by=by)
    elif act == "kind":
        stories.mark_kind(room, _one(chosen), Kind(kind) if (kind := _kind(sent)) else None, by=by)
    elif act == "date":
        stories.redate(room, _one(chosen), _moment(sent), by=by)
    else:
        raise NotFound(act, "is nothing that is done to articles here")
    return story


def _one(chosen: list[str]) -> str:
    if len(chosen) != 1:
        raise NotFound("", "this article is not in the story any more", hint="Open it again.")
    return chosen[0]


def _kind(sent: Fields) -> str:
    wanted = sent.one("kind", 20)
    return wanted if wanted in set(Kind) else ""


def _moment(sent: Fields) -> datetime | None:
    """The date and time of a form, in UTC; None takes the feed's word again."""
    text = sent.one("published", 30)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise NotFound(text, "is not a date", hint="Write it as 2026-11-22T05:30.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _locks_in_words(room: Newsroom, story: str) -> list[tuple[StoryLock, str]]:
    """The decisions that hold about a story, each as its page says it."""
    found = stories.locks(room, story)
    titles = {
        one.id: one.title
        for one in room.articles.get({a for lock in found for a in _touched(lock)}).values()
    }
    return [(one, f"{_lock_words(room, one, story, titles)}, by {one.by}") for one in found]


def _touched(lock: StoryLock) -> tuple[str, ...]:
    """The articles that a split or a move is about."""
    return lock.articles if lock.kind is LockKind.SPLIT else lock.came


def _lock_words(room: Newsroom, lock: StoryLock, story: str, titles: Mapping[str, str]) -> str:
    here = lock.story == story
    ident = lock.other if here else lock.story
    brief, _ = named(room, room.briefs.newest([ident])).get(ident, (None, ""))
    there = brief or room.stories.former(ident)
    other = f"“{there.headline}”" if there else "another story"
    told = [f"“{titles[one]}”" for one in _touched(lock) if one in titles]
    many = told[0] if len(told) == 1 else f"{len(told)} articles"
    match lock.kind:
        case LockKind.MERGE:
            return f"merged with {other}"
        case LockKind.SPLIT:
            return f"{many} split off as {other}" if here else f"{many} split off from {other}"
        case LockKind.MOVE:
            return f"{many} moved here from {other}" if here else f"{many} moved to {other}"
        case LockKind.RENAME:
            return f"renamed “{lock.title}”"
        case LockKind.PIN:
            return "pinned"
