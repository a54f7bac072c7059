"""How everything stands: today's issues, the next bells, sources, the house, and what is wrong."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from newsletter.feeds.health import check_feeds, summarise
from newsletter.newsroom import Newsroom
from newsletter.operations import status
from newsletter.operations.saying import ago, jobs, scheduler, until, where
from newsletter.web.desk.door import Looking, Watching
from newsletter.web.desk.pages import DeskPages
from newsletter.web.desk.today import READ

MOST_TROUBLED = 8


def router(room: Newsroom, pages: DeskPages) -> APIRouter:
    """``/desk/status``, and the part of it that is asked for again every ten seconds."""
    routes = APIRouter()

    @routes.api_route("/desk/status", methods=READ)
    def show(visitor: Looking) -> Response:
        return pages.show(visitor, "status", here="status", **facts(room))

    @routes.api_route("/desk/status/now", methods=READ)
    def now(visitor: Watching) -> Response:
        return pages.part(visitor, "standing", **facts(room))

    return routes


def facts(room: Newsroom) -> dict[str, Any]:
    """What the page shows: the same look as ``newsletter status``, in words."""
    found = status.look(room)
    zones = {one.edition: room.config.zone(one.edition) for one in found.issues}
    known = {feed.url: feed for feed in room.articles.feeds()}
    feeds = [known.get(feed.url, feed) for feed in room.feeds]
    return {
        "found": found,
        "issues": [(one, where(one, zones[one.edition])) for one in found.issues],
        "bells": [
            (one, one.at.astimezone(zones[one.edition]), until(found.at, one.at))
            for one in found.bells
        ],
        "troubles": [(one, ago(found.at, one.since)) for one in found.alerts],
        "sources": summarise(check_feeds(feeds, room.outlets, room.clock())),
        "most": MOST_TROUBLED,
        "scheduler": found.leader is not None and found.leader.alive,
        "scheduler_says": scheduler(found),
        "jobs_say": jobs(found),
        "backup_says": ago(found.at, found.backup.made) if found.backup else "none yet",
        "stopped": room.switches.stopped(),
    }
