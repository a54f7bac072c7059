"""The send: claim, commit, hand over, write down; again until nothing is left.

::

    recover    what a sender that is gone had claimed is queued again, what it had handed is unknown
    reconcile  unknown letters that the provider turns out to have are accepted
    claim      some readers, each looked at again: who left since is skipped
    hand       committed to disk, then and only then the letters go to the transport
    settle     one outcome per reader

The promise rests on two lines of order: ``hand`` is committed before the transport is called, and
what was handed and not settled is never sent again without proof or a decision. Everything else
here is about going on: other senders at work, providers that say "later", pause and deadline.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from newsletter import config
from newsletter.clock import Clock
from newsletter.delivery.handing import Said, hand_over
from newsletter.delivery.letter import IssueMail, PreparedMail
from newsletter.delivery.reconcile import DoubtLedger, ReconcileReport, reconcile
from newsletter.delivery.throttle import Lane, pause, retry_after, turn
from newsletter.delivery.transport.contract import Transport
from newsletter.errors import DeliveryError
from newsletter.model import Delivery, DeliveryState, Letter, Outcome

Ended = Literal["done", "stopped", "deadline"]

PENDING = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.HANDED)
STOP_EVERY = 0.25
"""Seconds between two looks at whether somebody pressed pause."""
REFUSED_MANY = 50
"""So many letters refused for good, and more than half of all, end a send: that is no accident."""
ROUNDS = 10
"""Most times one call goes over letters whose answer was lost and that may be sent again."""


class Ledger(DoubtLedger, Lane, Protocol):
    """What the send needs of the database (newsletter.database.deliveries satisfies it)."""

    def open(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Begin to send under an owner's name."""
        ...

    def renew(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Show that the owner is alive."""
        ...

    def release(self, issue_id: str, owner: str, *, now: datetime) -> None:
        """End an owner and queue again what it claimed."""
        ...

    def recover(self, issue_id: str, *, now: datetime) -> tuple[int, int]:
        """Take over from owners that are gone: rows queued again, rows unknown."""
        ...

    def claim(
        self,
        issue_id: str,
        *,
        owner: str,
        batch: str,
        limit: int,
        now: datetime,
        stale_seconds: float,
    ) -> list[Delivery]:
        """Claim some rows whose readers may have a letter now."""
        ...

    def hand(
        self,
        claimed: Sequence[Delivery],
        *,
        owner: str,
        batch: str,
        transport: str,
        now: datetime,
        stale_seconds: float,
    ) -> list[Delivery]:
        """Commit that these letters are about to leave; the ones that may."""
        ...

    def states(self, issue_id: str) -> dict[str, int]:
        """How many deliveries are in each state."""
        ...

    def next_due(self, issue_id: str) -> datetime | None:
        """When the first deferred letter may be tried again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSettings:
    """How a send behaves.

    ``claim_size`` is how many readers are claimed at once (never fewer than the transport hands
    over at once). ``deadline`` is when deferred letters are given up for this time.
    """

    claim_size: int = 500
    stale_seconds: float = 120
    on_unknown: Literal["hold", "resend"] = "hold"
    deadline: datetime | None = None
    letters_per_second: float = 0

    @classmethod
    def from_config(cls, delivery: config.Delivery, *, started: datetime) -> SendSettings:
        """The settings that ``[delivery]`` describes, for a send that began at some moment."""
        return cls(
            claim_size=delivery.batch_size,
            stale_seconds=delivery.stale_seconds,
            on_unknown=delivery.on_unknown,
            deadline=started + timedelta(hours=delivery.deadline_hours),
            letters_per_second=delivery.letters_per_second,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a send is: what this call settled so far, by state, and in how many seconds."""

    settled: Mapping[str, int]
    seconds: float

    @property
    def letters(self) -> int:
        """All letters settled."""
        return sum(self.settled.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SendReport:
    """What a send did and what it left.

    ``states`` counts all deliveries of the issue at the end; ``settled`` what this call did.
    """

    ended: Ended
    states: Mapping[str, int]
    settled: Mapping[str, int] = field(default_factory=dict)
    recovered: int = 0
    reconciled: ReconcileReport = field(default_factory=ReconcileReport)
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        """Nothing is left that this program would still send by itself."""
        waiting = (*PENDING, DeliveryState.DEFERRED)
        return self.ended == "done" and not any(self.states.get(one.value) for one in waiting)

    @property
    def unknown(self) -> int:
        """Letters that may or may not have left: a person should look."""
        return self.states.get(DeliveryState.UNKNOWN.value, 0)

    @property
    def needs_person(self) -> bool:
        """Whether somebody did not get a letter that was meant for them, as far as is known."""
        return not self.finished or self.unknown > 0


def send_issue(
    issue_id: str,
    *,
    ledger: Ledger,
    transport: Transport,
    mail: IssueMail,
    clock: Clock,
    sleep: Callable[[float], None],
    owner: str,
    settings: SendSettings,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> SendReport:
    """Send an issue to everybody in its frozen audience who has not got it.

    Safe to call again after any end, and at the same time from several processes.

    :param owner: a name that no other call ever used; batches are named after it.
    :param stop: asked between batches; True ends the send with everything settled or queued.
    :raises TransportError: when the provider refuses us (not a reader): a wrong key, a folder that
        cannot be written. What was claimed is queued again.
    :raises DeliveryError: when most letters are refused for good, which is never the readers.
    """
    return _Send(
        issue_id,
        ledger=ledger,
        transport=transport,
        mail=mail,
        clock=clock,
        sleep=sleep,
        owner=owner,
        settings=settings,
        stop=stop,
        on_progress=on_progress,
    ).run()


@dataclass(slots=True)
class _Batch:
    """Letters on their way through the transport."""

    name: str
    attempts: dict[str, int]


class _Send:
    def __init__(
        self,
        issue_id: str,
        *,
        ledger: Ledger,
        transport: Transport,
        mail: IssueMail,
        clock: Clock,
        sleep: Callable[[float], None],
        owner: str,
        settings: SendSettings,
        stop: Callable[[], bool],
        on_progress: Callable[[Progress], None],
    ):
        self.issue = issue_id
        self.ledger = ledger
        self.transport = transport
        self.mail = mail
        self.clock = clock
        self.sleep = sleep
        self.owner = owner
        self.settings = settings
        self.stop = stop
        self.on_progress = on_progress
        self.begun = clock()
        self.batches = 0
        self.staged: deque[tuple[str, list[Delivery]]] = deque()
        self.flying: dict[Future[Said], _Batch] = {}
        self.settled: Counter[str] = Counter()
        self.recovered = 0
        self.refusals = 0
        self.paused_until = self.begun
        self.renewed = self.begun
        self.has_turn = False
        self.new_doubts = False
        self.looked_at_stop = self.begun - timedelta(days=1)
        self.error: Exception | None = None

    def run(self) -> SendReport:
        self.ledger.open(self.owner, now=self.begun, stale_seconds=self.settings.stale_seconds)
        pool = ThreadPoolExecutor(max(1, self.transport.workers), thread_name_prefix="send")
        ended: Ended = "stopped"
        try:
            reconciled = self._settle_doubts()
            for _ in range(ROUNDS):
                self.new_doubts = False
                ended = self._loop(pool)
                self._land_all()
                if not self.new_doubts:
                    break
                reconciled = self._settle_doubts()
                if not reconciled.queued or ended != "done" or self.error is not None:
                    break
        finally:
            # Whatever went wrong: what flies is waited for and written down, what is only
            # claimed goes back. A second interruption ends this too, and the next send recovers.
            try:
                self._land_all()
            finally:
                pool.shutdown()
                self.ledger.release(self.issue, self.owner, now=self.clock())
        if self.error is not None:
            raise self.error
        return SendReport(
            ended=ended,
            states=self.ledger.states(self.issue),
            settled=dict(self.settled),
            recovered=self.recovered,
            reconciled=reconciled,
            seconds=(self.clock() - self.begun).total_seconds(),
        )

    # -- the loop

    def _loop(self, pool: ThreadPoolExecutor) -> Ended:
        while self.error is None:
            now = self.clock()
            if self._asked_to_stop(now):
                return "stopped"
            if self.settings.deadline is not None and now >= self.settings.deadline:
                return "deadline"
            if len(self.flying) >= self.transport.workers:
                self._land()
            elif now < self.paused_until:
                self._rest((self.paused_until - now).total_seconds())
            elif self.staged:
                self._fly(pool, now)
            elif not self._claim(now):
                if self.flying:
                    self._land()
                elif not self._wait_for_work(now):
                    return "done"
        return "stopped"

    def _asked_to_stop(self, now: datetime) -> bool:
        if self.staged and (now - self.looked_at_stop).total_seconds() < STOP_EVERY:
            return False
        self.looked_at_stop = now
        return self.stop()

    def _claim(self, now: datetime) -> bool:
        """Claim the next readers and lay them out in hand-over sizes."""
        size = self.transport.batch_size
        self.batches += 1
        name = f"{self.owner}-{self.batches:x}"
        claimed = self.ledger.claim(
            self.issue,
            owner=self.owner,
            batch=name,
            # One batch name is one provider category, so a big hand-over is claimed by itself.
            limit=max(size, self.settings.claim_size // size * size) if size < 100 else size,
            now=now,
            stale_seconds=self.settings.stale_seconds,
        )
        for start in range(0, len(claimed), size):
            self.staged.append((name, claimed[start : start + size]))
        return bool(claimed)

    def _fly(self, pool: ThreadPoolExecutor, now: datetime) -> None:
        """Commit the next hand-over and give it to the transport."""
        name, claimed = self.staged[0]
        if not self.has_turn:
            self.has_turn = True
            delay = turn(
                self.ledger,
                self.transport.name,
                letters=len(claimed),
                per_second=self.settings.letters_per_second,
                now=now,
            )
            if delay:
                self.paused_until = now + timedelta(seconds=delay)
                return
        self.staged.popleft()
        self.has_turn = False
        letters = self._by_variant(name, claimed)
        handed = self.ledger.hand(
            claimed,
            owner=self.owner,
            batch=name,
            transport=self.transport.name,
            now=self.clock(),
            stale_seconds=self.settings.stale_seconds,
        )
        if len(handed) != len(claimed):
            letters = self._by_variant(name, handed)
        if handed:
            future = pool.submit(hand_over, self.transport, letters)
            self.flying[future] = _Batch(name, {one.key: one.attempt for one in handed})

    def _by_variant(
        self, name: str, deliveries: Sequence[Delivery]
    ) -> list[tuple[PreparedMail, list[Letter]]]:
        groups: dict[str, list[Delivery]] = {}
        for one in deliveries:
            groups.setdefault(one.variant, []).append(one)
        return [
            (self.mail.prepared(variant, name), self.mail.letters(group))
            for variant, group in groups.items()
        ]

    def _land(self) -> None:
        """Wait for a hand-over to end and write down what was said; stay alive meanwhile."""
        while self.flying:
            done, _ = wait(
                self.flying,
                timeout=max(self.settings.stale_seconds / 4, 0.05),
                return_when=FIRST_COMPLETED,
            )
            if done:
                for future in done:
                    self._write_down(self.flying[future], future.result())
                    del self.flying[future]
                return
            self._renew()

    def _land_all(self) -> None:
        while self.flying:
            self._land()

    def _write_down(self, batch: _Batch, said: Said) -> None:
        now = self.clock()
        asked = max((one.wait for one in said.outcomes), default=0.0)
        deferred = [one for one in said.outcomes if one.state is DeliveryState.DEFERRED]
        if asked:
            self.refusals += 1
            self.paused_until = now + timedelta(seconds=pause(asked, self.refusals))
        elif len(deferred) < len(said.outcomes):
            self.refusals = 0
        late: dict[datetime, list[Outcome]] = {}
        for one in deferred:
            wait_for = one.wait or retry_after(batch.attempts.get(one.key, 1))
            late.setdefault(now + timedelta(seconds=wait_for), []).append(one)
        certain = [one for one in said.outcomes if one.state is not DeliveryState.DEFERRED]
        self.new_doubts |= any(one.state is DeliveryState.UNKNOWN for one in certain)
        self.settled.update(self.ledger.settle(certain, batch=batch.name, now=now))
        for moment, group in late.items():
            self.settled.update(
                self.ledger.settle(group, batch=batch.name, now=now, not_before=moment)
            )
        self.error = self.error or said.error or self._too_many_refused()
        self.on_progress(
            Progress(settled=dict(self.settled), seconds=(now - self.begun).total_seconds())
        )

    def _too_many_refused(self) -> DeliveryError | None:
        """Why to stop when nearly everybody is refused: it is not the readers."""
        refused = self.settled[DeliveryState.REJECTED.value]
        if refused < REFUSED_MANY or refused * 2 <= self.settled.total():
            return None
        return DeliveryError(
            self.issue,
            f"{refused} of {self.settled.total()} letters were refused for good, so the rest waits",
            hint='See why with "newsletter deliveries --state rejected"; send again to go on.',
        )

    # -- doubt, and waiting

    def _settle_doubts(self) -> ReconcileReport:
        queued, unknown = self.ledger.recover(self.issue, now=self.clock())
        self.recovered += queued + unknown
        report = reconcile(
            self.issue, ledger=self.ledger, transport=self.transport, clock=self.clock
        )
        if self.settings.on_unknown == "resend" and report.left:
            sent_again = self.ledger.requeue(
                self.issue,
                reason="sent again although it may have left",
                now=self.clock(),
            )
            report = ReconcileReport(
                found=report.found,
                queued=report.queued + sent_again,
                left=max(report.left - sent_again, 0),
                problem=report.problem,
            )
        return report

    def _wait_for_work(self, now: datetime) -> bool:
        """Whether there is still something to do, now or later; waits a little when later."""
        states = self.ledger.states(self.issue)
        if states.get(DeliveryState.QUEUED.value):
            self._rest(0.02)  # somebody else has locked them, or put them there just now
            return True
        if states.get(DeliveryState.CLAIMED.value) or states.get(DeliveryState.HANDED.value):
            # Another sender is at work; if it dies, its readers are ours.
            queued, unknown = self.ledger.recover(self.issue, now=now)
            self.recovered += queued + unknown
            if not queued:
                self._rest(0.5)
            return True
        due = self.ledger.next_due(self.issue)
        if due is None:
            return False
        self._rest(max((due - now).total_seconds(), 0.02))
        return True

    def _rest(self, seconds: float) -> None:
        """Sleep in short pieces, so that a pause or a deadline is noticed in time."""
        end = self.clock() + timedelta(seconds=seconds)
        self._land_all()
        while (now := self.clock()) < end:
            self.sleep(min((end - now).total_seconds(), 1.0))
            self._renew()
            if self.stop() or (self.settings.deadline and self.clock() >= self.settings.deadline):
                return

    def _renew(self) -> None:
        """Show that we live, four times in the span after which we would be taken for dead."""
        now = self.clock()
        if (now - self.renewed).total_seconds() >= self.settings.stale_seconds / 4:
            self.ledger.renew(self.owner, now=now, stale_seconds=self.settings.stale_seconds)
            self.renewed = now
