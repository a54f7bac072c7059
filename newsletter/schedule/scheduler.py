"""The alarm clock of one process, and who of several processes may ring.

APScheduler keeps its jobs in memory and decides nothing. Every process that could ring tries to
hold the office of scheduler; the others stand by. What a leader hands over carries its epoch, and
the database refuses the marks, claims and hand-overs of an epoch that is past: a leader that stood
still for a minute and wakes up sends nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from newsletter import pipeline
from newsletter.config import EditionSettings
from newsletter.database.leaders import Fence
from newsletter.errors import DatabaseError, NewsletterError
from newsletter.model import Issue
from newsletter.newsroom import Newsroom
from newsletter.operations import backup, retention
from newsletter.operations.watch import Watch
from newsletter.pipeline import shares
from newsletter.schedule.bells import Arrows, ring_due
from newsletter.timetable import BELLS, COLLECT, DRAFT, REMIND, SEND, next_of
from newsletter.work import Functions, Job, Work

log = logging.getLogger(__name__)

OFFICE = "scheduler"
LOOK = "look"
LETTERS = "letters"
TIDY = "tidy"
KEEP = "keep"
MAIL = "mail"
WEBHOOKS = "webhooks"
WATCH = "watch"
LEAD = "lead"

Rooms = Callable[[], Newsroom]


def jobs(
    room: Newsroom | Rooms, work: Work, *, stop: Callable[[], bool] = lambda: False
) -> Functions:
    """What the bells cause, by name: the table that a process runs its jobs from.

    :param room: the newsroom, or what gives the present one when the configuration may change.
    :param work: where jobs put the jobs they make.
    :param stop: asked while letters leave; True when this process is about to end.
    """
    rooms: Rooms = room if callable(room) else lambda: room
    arrows = Arrows(send=partial(_send, work=work))

    def fenced(run: Callable[..., object]) -> Callable[..., object]:
        def job(epoch: int = 0, **arguments: Any) -> object:
            found = rooms()
            fence = Fence(OFFICE, epoch) if epoch else None
            return run(replace(found, fence=fence), **arguments)

        return job

    def look(found: Newsroom) -> None:
        epoch = found.fence.epoch if found.fence else 0
        for edition in {
            one.edition for one in ring_due(found, bells=(DRAFT, REMIND), stop=stop, arrows=arrows)
        }:
            # A draft that came late may be sent at once: nobody waits a minute for the next look.
            work.defer(_letters(epoch, edition))
        shares.fold_waiting(found, work)

    def share(name: str) -> Callable[..., object]:
        def job(**arguments: Any) -> object:
            # The table is made anew, because the configuration may be another by now.
            return shares.jobs(rooms(), work, stop=stop)[name](**arguments)

        return job

    return {
        **{name: share(name) for name in shares.jobs(rooms(), work)},
        COLLECT: fenced(partial(_collect, work=work)),
        LOOK: fenced(look),
        LETTERS: fenced(partial(ring_due, bells=(SEND,), stop=stop, arrows=arrows)),
        MAIL: fenced(pipeline.deliver_mail),
        TIDY: fenced(pipeline.tidy_readers),
        WEBHOOKS: fenced(pipeline.deliver_webhooks),
        KEEP: fenced(_keep),
    }


class Scheduler:
    """The alarm clock of one process.

    :param room: the newsroom, or what gives the present one when the configuration may change.
    """

    def __init__(self, room: Newsroom | Rooms, work: Work, *, watch: Watch | None = None):
        self._rooms: Rooms = room if callable(room) else lambda: room
        self._work = work
        self._watch = watch
        self._owner = uuid4().hex
        self._epoch: int | None = None
        self._another_leads = False
        self._leading = threading.Lock()
        self._clock = BackgroundScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True}
        )

    @property
    def epoch(self) -> int | None:
        """The epoch this process leads in; None while it stands by."""
        return self._epoch

    def start(self) -> None:
        """Set the bells and look at once for work that was missed while nobody was here."""
        self._set_bells()
        self._clock.start()
        self.lead()

    def stop_ringing(self) -> None:
        """Ring no more; the office is kept while the work at hand ends."""
        if self._clock.running:
            self._clock.shutdown(wait=False)

    def stop(self) -> None:
        """Ring no more, and leave the office to whoever stands by."""
        self.stop_ringing()
        with self._leading:
            self._resign()

    def _resign(self) -> None:
        if self._epoch is None:
            return
        self._epoch = None
        room = self._rooms()
        try:
            room.leaders.resign(OFFICE, self._owner, now=room.clock())
        except NewsletterError as error:
            log.warning("the office of scheduler could not be given back: %s", error)

    def reload(self) -> None:
        """Set the bells anew by a changed configuration, and look at once if any may ring."""
        self._set_bells()
        self.lead()
        self.look()

    def lead(self) -> bool:
        """Take or keep the office; whether this process leads. Who begins to lead looks at once.

        Nobody does while ``[schedule] enabled`` is false.
        """
        with self._leading:
            room = self._rooms()
            if not room.config.schedule.enabled:
                self._resign()
                return False
            try:
                epoch = room.leaders.lead(
                    OFFICE,
                    self._owner,
                    now=room.clock(),
                    seconds=room.config.schedule.lease_seconds,
                )
            except DatabaseError as error:
                # Whether we still lead is not known, so we do not.
                log.warning("nobody can be scheduler: %s", error)
                epoch = None
                self._note_trouble(error)
            else:
                self._another_leads = epoch is None
                self._note_trouble(None)
            begins = epoch is not None and epoch != self._epoch
            if epoch is None and self._epoch is not None:
                log.warning("another process is scheduler now; this one stands by")
            self._epoch = epoch
        if begins:
            log.info("this process is the scheduler (epoch %s)", epoch)
            self.collect()
            self.tidy()
            self.look()
        return epoch is not None

    def _note_trouble(self, error: DatabaseError | None) -> None:
        # A process that only stood by leaves it to the one that led to tell of the database. One
        # that was started while the database was the trouble knows of nobody who would.
        if self._watch is not None and (error is None or not self._another_leads):
            self._watch.trouble = error

    def clock_was_set(self, seconds: float) -> None:
        """Hear that the clock jumped: the alarm clock counts on it, so it is wound anew."""
        log.warning("the clock was set by %+.0f s; the bells are set anew", seconds)
        if self._watch is not None:
            self._watch.clock_was_set(self._rooms(), seconds)
        self._set_bells()
        self.lead()
        self.look()

    def collect(self) -> None:
        """Hand over a round of collecting and what follows from it."""
        self._hand_over(COLLECT)

    def tidy(self) -> None:
        """Hand over what ends by itself, and what is kept: backups and periods."""
        self._hand_over(TIDY)
        self._hand_over(KEEP)

    def look(self) -> None:
        """Hand over whatever is due now: drafts, letters and single mails, each in its lane."""
        for name in (LOOK, MAIL, WEBHOOKS):
            self._hand_over(name)
        for edition in (*self._rooms().config.editions, ""):
            self._hand_over(LETTERS, partial(_letters, edition=edition))

    def watch(self) -> None:
        """Look for trouble and tell of it; also while the database is the trouble."""
        if self._watch is not None and (self._epoch is not None or self._watch.alone):
            self._watch.look(self._rooms())

    def _hand_over(self, name: str, make: Callable[[int], Job] | None = None) -> None:
        epoch = self._epoch
        if epoch is None:
            return
        try:
            self._work.defer(make(epoch) if make else _job(name, epoch))
        except NewsletterError as error:
            log.error("%s: %s", name, error)

    def _set_bells(self) -> None:
        config = self._rooms().config
        self._clock.remove_all_jobs()
        lease = config.schedule.lease_seconds
        for name, call, seconds in (
            (LEAD, self.lead, lease / 3),
            (COLLECT, self.collect, config.collect_minutes * 60),
            (TIDY, self.tidy, 3600),
            # Approvals come at any minute: a send that waits for one is looked at every minute.
            (LOOK, self.look, 60),
            (WATCH, self.watch, 60),
        ):
            self._clock.add_job(
                _quiet(call), IntervalTrigger(seconds=seconds), id=name, max_instances=1
            )
        for edition, settings in config.editions.items():
            for bell in BELLS:
                self._clock.add_job(
                    _quiet(self.look), BellTrigger(settings, edition, bell), id=f"{bell}:{edition}"
                )


class BellTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Tells APScheduler when one bell rings next."""

    def __init__(self, settings: EditionSettings, edition: str, bell: str):
        self._settings = settings
        self._edition = edition
        self._bell = bell

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime | None:
        """Return the next moment after now."""
        # After a step back of the clock the moments come again; the database knows they were.
        found = next_of(self._settings, self._edition, self._bell, now)
        return found[0].at if found else None


_QUEUES = {COLLECT: "collect", MAIL: "mail", WEBHOOKS: "mail"}
# A draft begins with grouping, and of that there is one at a time.
_LOCKS = {MAIL: MAIL, WEBHOOKS: WEBHOOKS, LOOK: shares.ONE_GROUPS}


def _job(name: str, epoch: int) -> Job:
    """A bell's job; it runs alone, and only while its epoch lasts."""
    return Job(
        name=name,
        queue=_QUEUES.get(name, "write"),
        arguments={"epoch": epoch},
        key=name,
        lock=_LOCKS.get(name, ""),
    )


def _letters(epoch: int, edition: str) -> Job:
    """The send bell of one edition: a send may take hours, and holds up no other edition."""
    name = f"{LETTERS}:{edition}"
    arguments: dict[str, int | str] = {"epoch": epoch, "edition": edition}
    return Job(name=LETTERS, queue="send", arguments=arguments, key=name, lock=name)


def _quiet(call: Callable[[], object]) -> Callable[[], None]:
    """A call whose errors are one line in the log and not a traceback of the alarm clock."""

    def run() -> None:
        try:
            call()
        except NewsletterError as error:
            log.error("%s", error)

    return run


def _send(room: Newsroom, issue: Issue, stop: Callable[[], bool], *, work: Work) -> None:
    """Send an issue here, or hand its letters out to the machines that share the work."""
    if work.shared:
        shares.hand_out_letters(room, work, issue.id)
        return

    def replaced() -> bool:
        return room.fence is not None and not room.leaders.holds(room.fence)

    pipeline.send(room, issue.id, stop=lambda: stop() or replaced())


def _collect(room: Newsroom, *, work: Work) -> None:
    if work.shared:
        log.info("%s feeds are due", shares.hand_out_visits(room, work))
        return
    room.articles.sync_sources(room.outlets.values(), room.feeds)
    if not room.articles.due(room.clock(), {feed.url for feed in room.feeds}):
        return  # What fetches and parses takes thirty megabytes: it is loaded when there is work.
    report = pipeline.collect(room)
    # The window is grouped as a whole before an issue is drafted; until then what is new is placed.
    if report.articles:
        pipeline.arrive(room)
    log.info("collected %s new articles from %s feeds", report.articles, report.feeds)


def _keep(room: Newsroom) -> None:
    """Make the backup and the sweep of the day, when they are due.

    :raises NewsletterError: when one of them failed; nothing is kept longer than promised because
        no backup can be made.
    """
    try:
        backup.make_if_due(room)
    except OSError as error:
        log.error("the backup cannot be written: %s", error)
    finally:
        retention.sweep_if_due(room)
