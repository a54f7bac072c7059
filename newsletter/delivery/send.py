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
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from newsletter.clock import Clock
from newsletter.delivery.bearing import Bearing
from newsletter.delivery.guards import LEFT
from newsletter.delivery.handing import Said, all_of, hand_over
from newsletter.delivery.ledger import Ledger
from newsletter.delivery.letter import IssueMail, PreparedMail
from newsletter.delivery.progress import Ended, Progress, SendReport, SendSettings
from newsletter.delivery.reconcile import ReconcileReport, reconcile
from newsletter.delivery.throttle import retry_after
from newsletter.delivery.transport.contract import Transport
from newsletter.errors import DatabaseError, DeliveryError, NewsletterError, TransportError
from newsletter.model import Delivery, DeliveryState, Letter

__all__ = ["Ledger", "Progress", "SendReport", "SendSettings", "send_issue"]

STOP_EVERY = 0.25
"""Seconds between two looks at whether somebody pressed pause."""
REFUSED_MANY = 50
"""So many letters refused for good in a row, or more than half of all, end a send: no accident."""
TAKEN = tuple(one for one in LEFT if one is not DeliveryState.REJECTED)
"""States of letters that a provider took."""
ROUNDS = 10
"""Most times one call goes over letters whose answer was lost and that may be sent again."""
WHOLE = 100
"""Transports that take so many letters at once get what is claimed in the moment it is claimed."""


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
    fallback: Transport | None = None,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> SendReport:
    """Send an issue to everybody in its frozen audience who has not got it.

    Safe to call again after any end, and at the same time from several processes.

    :param owner: a name that no other call ever used; batches are named after it.
    :param fallback: a second transport for when the first one refuses us, or takes nothing for a
        while. Which letter went which way stands in the ledger; both settle doubts of their own.
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
        fallback=fallback,
        stop=stop,
        on_progress=on_progress,
    ).run()


@dataclass(slots=True)
class _Batch:
    """Letters on their way through the transport."""

    name: str
    handed: Sequence[Delivery]
    whole: bool
    transport: Transport
    silent: int


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
        fallback: Transport | None,
        stop: Callable[[], bool],
        on_progress: Callable[[Progress], None],
    ):
        self.issue = issue_id
        self.ledger = ledger
        self.transport = transport
        self.transports = [transport] if fallback is None else [transport, fallback]
        self.fell_back = ""
        self.bearing = Bearing(Random(owner))  # noqa: S311 - two senders must not beat in time
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
        self.refused: list[str] = []
        self.refused_in_a_row = 0
        self.recovered = 0
        self.paused_until = self.begun
        self.renewed = self.begun
        self.granted = 0
        self.granted_at = self.begun
        self.new_doubts = False
        self.looked_at_stop = self.begun - timedelta(days=1)
        self.error: Exception | None = None

    def run(self) -> SendReport:
        self.ledger.open(self.owner, now=self.begun, stale_seconds=self.settings.stale_seconds)
        pool = ThreadPoolExecutor(
            max(1, *(one.workers for one in self.transports)), thread_name_prefix="send"
        )
        ended: Ended = "stopped"
        try:
            reconciled = self._settle_doubts()
            # Where letters are in doubt, an outage may go on: a single letter goes first.
            self.bearing.silent = 1 if reconciled.left or reconciled.queued else 0
            for _ in range(ROUNDS):
                self.new_doubts = False
                ended = self._loop(pool)
                self._land_all()
                # After an error the next call settles them: by them it sees that an outage goes on.
                if not self.new_doubts or self.error is not None:
                    break
                reconciled = self._settle_doubts(retry_after(1))
                if not reconciled.queued or ended != "done":
                    break
            if ended != "stopped" and self._nobody_was_taken():
                self._blame_nobody(self.clock())
        finally:
            # Whatever went wrong: what flies is waited for and written down, what is only
            # claimed goes back. A second interruption ends this too, and the next send recovers.
            try:
                self._land_all()
            finally:
                pool.shutdown()
                self.ledger.release(self.issue, self.owner, now=self.clock())
                self._give_back()
        if self.error is not None:
            raise self.error
        return SendReport(
            ended=ended,
            states={} if ended == "stopped" else self.ledger.states(self.issue),
            settled=dict(self.settled),
            recovered=self.recovered,
            reconciled=reconciled,
            seconds=(self.clock() - self.begun).total_seconds(),
            fell_back=self.fell_back,
        )

    # -- the loop

    def _loop(self, pool: ThreadPoolExecutor) -> Ended:
        while self.error is None:
            if len(self.flying) >= (1 if self.bearing.silent else self.transport.workers):
                self._land()
                continue
            now = self.clock()
            if self._asked_to_stop(now):
                return "stopped"
            if self.settings.deadline is not None and now >= self.settings.deadline:
                return "deadline"
            if now < self.paused_until:
                self._rest((self.paused_until - now).total_seconds())
            elif not self._launch(pool, now):
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

    def _launch(self, pool: ThreadPoolExecutor, now: datetime) -> bool:
        """Send the next letters on their way, or wait for their turn. False: there are none."""
        whole = self.transport.batch_size >= WHOLE
        if not whole and not self.staged and not self._claim(now):
            return False
        if not self.granted and not self._may_leave(now, whole=whole):
            return not whole or self._is_work(now)
        if now < self.paused_until:
            return True
        # Readers claimed for a transport that took fewer at a time go first; they are few, and
        # they share their batch with letters that left before.
        alone = whole and not self.staged
        name, handed = self._take(now) if alone else self._hand_staged()
        self.granted = max(self.granted - len(handed), 0)
        if handed:
            future = pool.submit(self._hand_over, self.transport, name, handed, now)
            self.flying[future] = _Batch(name, handed, alone, self.transport, self.bearing.silent)
        return bool(handed) or not alone

    @property
    def _most(self) -> int:
        """Most letters in the next hand-over: one where it may well be lost."""
        return 1 if self.bearing.silent else self.transport.batch_size

    def _may_leave(self, now: datetime, *, whole: bool) -> bool:
        """Ask for a turn on the lane that all processes share."""
        wanted = self._most if whole else min(self._most, len(self.staged[0][1]))
        self.granted, begin = self.ledger.take_turn(
            self.transport.name,
            letters=wanted,
            per_second=self.settings.letters_per_second,
            per_hour=self.settings.letters_per_hour,
            per_day=self.settings.letters_per_day,
            now=now,
        )
        self.granted_at = now
        if self.granted and begin <= now:
            return True
        self.paused_until = begin
        return False

    def _give_back(self) -> None:
        """Leave to others what we were granted and had no letters for."""
        if self.granted:
            self.ledger.give_back(
                self.transport.name,
                letters=self.granted,
                per_second=self.settings.letters_per_second,
                taken=self.granted_at,
            )
            self.granted = 0

    def _is_work(self, now: datetime) -> bool:
        """Whether it makes sense to wait for a turn."""
        due = self.ledger.next_due(self.issue)
        if self.staged or (due and due <= now) or self._any(DeliveryState.QUEUED):
            return True
        self.paused_until = now
        return False

    def _name(self) -> str:
        self.batches += 1
        return f"{self.owner}-{self.batches:x}"

    def _take(self, now: datetime) -> tuple[str, list[Delivery]]:
        """Claim and commit in one step: what the transport takes at once leaves at once."""
        name = self._name()
        taken = self.ledger.take(
            self.issue,
            owner=self.owner,
            batch=name,
            transport=self.transport.name,
            limit=min(self.granted, self._most),
            now=now,
            stale_seconds=self.settings.stale_seconds,
        )
        return name, taken

    def _claim(self, now: datetime) -> bool:
        """Claim the next readers and lay them out in hand-over sizes."""
        size = self.transport.batch_size
        name = self._name()
        claimed = self.ledger.claim(
            self.issue,
            owner=self.owner,
            batch=name,
            limit=max(size, self.settings.claim_size // size * size),
            now=now,
            stale_seconds=self.settings.stale_seconds,
        )
        for start in range(0, len(claimed), size):
            self.staged.append((name, claimed[start : start + size]))
        return bool(claimed)

    def _hand_staged(self) -> tuple[str, list[Delivery]]:
        """Commit the next hand-over; those of whom another sender took hold are left out."""
        name, claimed = self.staged.popleft()
        most = min(self.granted, self._most)
        if len(claimed) > most:
            self.staged.appendleft((name, claimed[most:]))
        return name, self._commit(name, claimed[:most])

    def _commit(self, name: str, claimed: Sequence[Delivery]) -> list[Delivery]:
        return self.ledger.hand(
            claimed,
            owner=self.owner,
            batch=name,
            transport=self.transport.name,
            now=self.clock(),
            stale_seconds=self.settings.stale_seconds,
        )

    def _hand_over(
        self, transport: Transport, name: str, handed: Sequence[Delivery], at: datetime
    ) -> Said:
        """In a thread of its own: write the letters and give them to the transport."""
        asleep = (self.clock() - at).total_seconds()
        if asleep > self.settings.stale_seconds / 2:
            # This process was stopped, or its machine was. Others may have taken it for dead.
            reason = f"held back: the sender was stopped for {asleep:.0f} s after the commit"
            return Said(all_of(self.mail.letters(handed), DeliveryState.DEFERRED, reason))
        groups: dict[str, list[Delivery]] = {}
        for one in handed:
            groups.setdefault(one.variant, []).append(one)
        letters: list[tuple[PreparedMail, list[Letter]]] = []
        try:
            for variant, group in groups.items():
                letters.append((self.mail.prepared(variant, name), self.mail.letters(group)))
        except NewsletterError as error:
            written = self.mail.letters(handed)
            return Said(all_of(written, DeliveryState.DEFERRED, str(error)), error)
        return hand_over(transport, letters)

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
        # What was under way when another transport took over says nothing about that one.
        current = batch.transport is self.transport
        falls_back = False
        if current:
            rest = self.bearing.hear(said.outcomes, silent=batch.silent, now=now)
            self.paused_until = max(self.paused_until, now + timedelta(seconds=rest))
            falls_back = self.transport is not self.transports[-1] and (
                isinstance(said.error, TransportError) or self.bearing.takes_nothing(now)
            )
        # Nearly always all are accepted; whoever is not is looked at.
        odd = [one for one in said.outcomes if one.state is not DeliveryState.ACCEPTED]
        attempts = {one.key: one.attempt for one in batch.handed} if odd else {}
        later = {}
        for one in odd:
            if one.state is DeliveryState.DEFERRED:
                wait_for = one.later or one.wait or retry_after(attempts.get(one.key, 1))
                wait_for *= current and not falls_back
                later[one.key] = now + timedelta(seconds=wait_for)
        self.new_doubts |= any(one.state is DeliveryState.UNKNOWN for one in odd)
        self.settled.update(self._settle(batch, said, now, later))
        if falls_back:
            self._fall_back(said.error or DeliveryError(self.transport.name, "takes no letters"))
        elif current or not isinstance(said.error, TransportError):
            self.error = self.error or said.error or self._too_silent()
        refused = [one.key for one in odd if one.state is DeliveryState.REJECTED]
        self.refused += refused
        self.refused_in_a_row += len(refused)
        if len(odd) < len(said.outcomes):
            self.refused_in_a_row = 0
        most = len(self.refused) * 2 > self.settled.total()
        if max(most * len(self.refused), self.refused_in_a_row) >= REFUSED_MANY:
            self._blame_nobody(now)
        self.on_progress(
            Progress(settled=dict(self.settled), seconds=(now - self.begun).total_seconds())
        )

    def _settle(
        self, batch: _Batch, said: Said, now: datetime, later: Mapping[str, datetime]
    ) -> Mapping[str, int]:
        """Write answers down, also when the database is away for a while: nobody else has them."""
        until = now + timedelta(seconds=self.settings.stale_seconds / 2)
        while True:
            try:
                return self.ledger.settle(
                    said.outcomes, batch=batch.name, now=now, later=later, whole=batch.whole
                )
            except DatabaseError as error:
                if not error.again or self.clock() >= until:
                    raise
            self.sleep(STOP_EVERY)

    def _fall_back(self, error: Exception) -> None:
        """Go on with the second transport. What it gets is certainly not with the first one."""
        self.fell_back = str(error)
        self._give_back()
        self.transport = self.transports[-1]
        self.bearing = Bearing(self.bearing.jitter)
        self.paused_until = self.clock()

    def _too_silent(self) -> TransportError | None:
        """Why to stop when nobody knows what becomes of letters: each more is one more in doubt."""
        if not self.bearing.is_silent:
            return None
        return TransportError(
            self.transport.name,
            "takes letters and does not say what becomes of them, so the rest waits",
            hint='Look at its state; "newsletter reconcile" settles what is in doubt.',
            again=True,
        )

    def _blame_nobody(self, now: datetime) -> None:
        """End the send because nearly everybody is refused; whom this call refused is put off."""
        refused, self.refused = self.refused, []
        self.ledger.put_off(
            self.issue, refused, reason="put off, since nearly all were refused: ", now=now
        )
        self.error = self.error or DeliveryError(
            self.issue,
            f"{len(refused)} of {self.settled.total()} letters were refused for good, "
            "so they and the rest wait",
            hint='See why with "newsletter deliveries --state deferred"; then send again.',
        )

    def _nobody_was_taken(self) -> bool:
        """Whether the issue reached nobody and was refused by several: that is no accident."""
        if len(self.refused) < 2:
            return False
        states = self.ledger.states(self.issue)
        return not any(states.get(one.value) for one in TAKEN)

    # -- doubt, and waiting

    def _settle_doubts(self, patience: float = 0.0) -> ReconcileReport:
        queued, unknown = self.ledger.recover(self.issue, now=self.clock())
        self.recovered += queued + unknown
        report = reconcile(
            self.issue, ledger=self.ledger, transports=self.transports, clock=self.clock
        )
        if self.settings.on_unknown == "resend" and report.left:
            now = self.clock()
            sent_again = self.ledger.resend(
                self.issue,
                reason="sent again although it may have left",
                now=now,
                due=now + timedelta(seconds=patience),
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
        if self._any(DeliveryState.QUEUED):
            self._rest(0.02)  # somebody else has locked them, or put them there just now
            return True
        if self._any(DeliveryState.CLAIMED, DeliveryState.HANDED):
            # Another sender is at work; if it dies, its readers are ours.
            queued, unknown = self.ledger.recover(self.issue, now=now)
            self.recovered += queued + unknown
            self.new_doubts |= unknown > 0
            if not queued:
                self._rest(0.5)
            return True
        due = self.ledger.next_due(self.issue)
        if due is None:
            return False
        self._rest(max((due - now).total_seconds(), 0.02))
        return True

    def _any(self, *states: DeliveryState) -> bool:
        return self.ledger.any_in(self.issue, *states)

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
