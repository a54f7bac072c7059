"""Two editors, two approvers and the scheduler on one issue at once, and what must hold after."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from newsletter import pipeline
from newsletter.errors import NewsletterError
from newsletter.model import BriefEdit, Issue, IssueState
from newsletter.newsroom import Newsroom
from newsletter.pipeline import arranging, edits
from newsletter.schedule import ring_due

EDITION = "daily"


@dataclass(slots=True)
class Tally:
    """What everybody was told, by kind; ``wrong`` is empty when nothing was lost or done twice."""

    told: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    versions: list[int] = field(default_factory=list)


def work_at_once(room: Newsroom, name: str, *, rounds: int = 0, seconds: float = 0.0) -> Tally:
    """Let everybody work for some rounds, or for some seconds, and compare what is stored with it.

    :param name: the id of an issue that is a draft, with four stories or more.
    """
    tally, lock = Tally(), threading.Lock()
    issue = room.issues.find(name)
    stories = list(room.issues.stories_of(issue))
    told = stories[0]
    headline = room.briefs.newest([told])[told][0].headline
    words = [headline, headline.replace("passes", "approves")]
    begun = room.arrangements.get(EDITION, issue.day).number
    end = time.monotonic() + seconds if seconds else None

    def note(what: str) -> None:
        with lock:
            tally.told[what] += 1

    stored = room.issues.change

    def change(before: Issue, after: Issue) -> Issue:
        """What was really stored, whatever anybody was told."""
        done = stored(before, after)
        if before.state is after.state is IssueState.APPROVED:
            note("approved twice")
        return done

    def arrange(who: str, mine: list[str], at: int) -> None:
        seen = room.arrangements.get(EDITION, issue.day).number
        act = arranging.drop if at % 2 == 0 else arranging.put_back
        act(room, room.issues.find(name), mine[at // 2 % len(mine)], by=who, seen=seen)
        note("decisions stored")

    def rewrite(who: str, at: int) -> None:
        shown = room.briefs.newest([told])[told][0]
        wish = next(one for one in words if one != shown.headline)
        brief = edits.edit_brief(
            room, told, BriefEdit(headline=wish), by=who, base_version=shown.version
        )
        with lock:
            tally.told["texts stored"] += 1
            tally.versions.append(brief.version)
        arranging.refresh(room, room.issues.find(name), note=f"{who} edited a text")

    def editor(who: str, mine: list[str]) -> Callable[[int], None]:
        def act(at: int) -> None:
            rewrite(who, at) if at % 3 == 2 else arrange(who, mine, at)

        return act

    def approver(who: str) -> Callable[[int], None]:
        def act(at: int) -> None:
            sha = room.issues.revision(room.issues.find(name)).sha256
            own = f"{who}, try {at}"
            done = pipeline.approve(room, name, by=own, sha256=sha)
            if done.approved_by != own:
                note("approved before")
                return
            note("approvals")

        return act

    def scheduler(at: int) -> None:
        ring_due(room)
        note("bells")

    def keep_on(act: Callable[[int], None], most: int) -> None:
        at = 0
        while time.monotonic() < end if end else at < most:
            try:
                act(at)
            except NewsletterError:
                note("told no")
            except Exception as error:  # noqa: BLE001 - a thread's error must reach the caller
                with lock:
                    tally.wrong.append(f"a crash: {error!r}")
            at += 1

    workers = [
        (editor("Ada", stories[1:3]), rounds),
        (editor("Bo", stories[2:4]), rounds),
        (approver("Cy"), rounds),
        (approver("Di"), rounds),
        (scheduler, max(1, rounds // 3)),
    ]
    room.issues.__dict__["change"] = change
    threads = [threading.Thread(target=keep_on, args=work) for work in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 120)
    del room.issues.__dict__["change"]
    _compare(room, name, tally, begun=begun, told=told)
    return tally


def _compare(room: Newsroom, name: str, tally: Tally, *, begun: int, told: str) -> None:
    issue = room.issues.find(name)
    arrangement = room.arrangements.get(EDITION, issue.day)
    changes = arrangement.number - begun
    if changes != tally.told["decisions stored"]:
        tally.wrong.append(f"{tally.told['decisions stored']} decisions said, {changes} stored")
    if len(tally.versions) != len(set(tally.versions)):
        tally.wrong.append("two texts of one number: one of them is lost")
    there = {one.version for one in edits.versions(room, told)}
    if not set(tally.versions) <= there:
        tally.wrong.append("a text that was stored is not there")
    if tally.told["approved twice"]:
        tally.wrong.append(f"{tally.told['approved twice']} approvals of what was approved")
    revision = room.issues.revision(issue)
    inside = {story.story for story in revision.content.stories}
    if inside & arrangement.out:
        tally.wrong.append("what was dropped is in the issue")
    if inside != set(room.issues.stories_of(issue)):
        tally.wrong.append("the issue's list and its content differ")
    if issue.state is IssueState.APPROVED and issue.approved_sha256 != revision.sha256:
        tally.wrong.append("approved are other bytes than those that would be sent")
