"""Issues, stories, deliveries and events for other programs."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from newsletter.database.listing import Listing
from newsletter.errors import NotFound
from newsletter.newsroom import Newsroom
from newsletter.web.api.answers import (
    AfterName,
    AfterNumber,
    Choice,
    Deliveries,
    Events,
    IssueOut,
    Issues,
    Limit,
    Name,
    Stories,
    StoryOut,
)
from newsletter.web.api.permission import Permission


def router(room: Newsroom) -> APIRouter:
    """``/issues``, ``/stories`` and ``/events``."""
    routes = APIRouter()
    listing = Listing(room.database)
    may = Permission(room)

    @routes.get("/issues", response_model=Issues, tags=["issues"], **may.needs("issues:read"))
    def issues(after: AfterName = "", limit: Limit = 100, edition: Choice = "") -> Any:
        """Issues by id, which begins with the edition and the day."""
        return listing.issues(after=after, limit=limit, edition=edition)

    @routes.get(
        "/issues/{name}", response_model=IssueOut, tags=["issues"], **may.needs("issues:read")
    )
    def issue(name: Name) -> Any:
        """One issue by its id or date, or `latest`."""
        return room.issues.find(name)

    @routes.get(
        "/issues/{name}/deliveries",
        response_model=Deliveries,
        tags=["deliveries"],
        **may.needs("deliveries:read"),
    )
    def deliveries(
        name: Name, after: AfterNumber = 0, limit: Limit = 100, state: Choice = ""
    ) -> Any:
        """Who was to get an issue and what became of it; readers by number, not by address."""
        found = room.issues.find(name)
        return listing.deliveries(found.id, after=after, limit=limit, state=state)

    @routes.get("/stories", response_model=Stories, tags=["stories"], **may.needs("stories:read"))
    def stories(after: AfterName = "", limit: Limit = 100) -> Any:
        """Stories by id."""
        return listing.stories(after=after, limit=limit)

    @routes.get(
        "/stories/{name}", response_model=StoryOut, tags=["stories"], **may.needs("stories:read")
    )
    def story(name: Name) -> Any:
        """One story."""
        found = listing.story(name)
        if found is None:
            raise NotFound(name, "is not the id of a story")
        return found

    @routes.get("/events", response_model=Events, tags=["events"], **may.needs("events:read"))
    def events(after: AfterNumber = 0, limit: Limit = 100, kind: Choice = "") -> Any:
        """What providers reported about letters, in the order it came."""
        return listing.events(after=after, limit=limit, kind=kind)

    return routes
