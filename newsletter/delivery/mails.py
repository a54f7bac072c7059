"""The lane of single mails: confirmations, welcomes, alerts, reminders, corrections, tests.

They do not wait for an issue: they have a table, a pace and a connection of their own. As with
issues, a mail is committed as handed over before its first byte leaves, what was handed over and
not answered for is in doubt and not sent again without proof, and a mail that is refused for now
is tried again for :data:`TRIED_FOR`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from newsletter.clock import Clock
from newsletter.delivery.handing import Said, hand_over
from newsletter.delivery.letter import PreparedMail, Why, because, message_id
from newsletter.delivery.throttle import Lane, retry_after, turn
from newsletter.delivery.transport.contract import Transport
from newsletter.errors import NewsletterError, TransportError
from newsletter.model import DeliveryState, Letter, Mail, Outcome

LANE = "mail"
"""The pace of single mails is kept under this name, apart from that of issues."""
TRIED_FOR = timedelta(days=3)
"""How long a mail that is refused for now is tried again."""
STALE_SECONDS = 120.0
LONGEST_TURN = 5.0
"""Most seconds one call waits for its pace; what is left then goes with the next call."""


class MailBox(Protocol):
    """What the lane needs of the database (newsletter.database.mails satisfies it)."""

    def open(self, owner: str, *, now: datetime, stale_seconds: float) -> None:
        """Begin to deliver under an owner's name."""
        ...

    def close(self, owner: str) -> None:
        """End an owner."""
        ...

    def take(
        self,
        owner: str,
        *,
        batch: str,
        transport: str,
        limit: int,
        now: datetime,
        stale_seconds: float,
    ) -> list[Mail]:
        """The next mails, committed as handed over."""
        ...

    def settle(
        self, outcomes: Iterable[Outcome], *, batch: str, now: datetime, not_before: datetime
    ) -> None:
        """Write what became of them."""
        ...

    def recover(self, *, now: datetime) -> int:
        """Put in doubt what a process that is gone had handed over."""
        ...

    def unknown(self) -> Sequence[tuple[str, list[Mail]]]:
        """Mails in doubt, by batch."""
        ...

    def requeue(
        self, keys: Sequence[str], *, now: datetime, handed_before: datetime | None = None
    ) -> int:
        """Let mails in doubt be sent again."""
        ...

    def due(self, *, now: datetime) -> int:
        """How many mails may leave now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MailReport:
    """What one call did: mails by the state they ended in, and what stopped it, if anything."""

    settled: Mapping[str, int]
    waiting: int
    unknown: int
    problem: str = ""


def word_of(key: str) -> str:
    """The opaque name that a mail travels under; the same for ever."""
    return "m" + hashlib.sha256(f"mail\0{key}".encode()).hexdigest()[:20]


def deliver(
    box: MailBox,
    *,
    lane: Lane,
    transport: Transport,
    write: Callable[[Mail, str], PreparedMail],
    clock: Clock,
    sleep: Callable[[float], None],
    owner: str,
    base_url: str,
    domain: str,
    per_second: float = 0,
    at_most: int = 10_000,
    why: Why = because,
    message_key: str = "",
) -> MailReport:
    """Send every single mail that is due.

    :param write: renders the shared part of mails that say the same, under a batch's name.
    :param domain: the right side of Message-IDs.
    :param per_second: the pace of this lane, shared by all processes; 0 for no limit.
    :param at_most: mails in one call.
    :param why: says to a reader why they get this, in the language of the mails.
    :param message_key: what Message-IDs are made with.
    """
    settled: Counter[str] = Counter()
    begun = clock()
    problem = ""
    box.recover(now=begun)
    left = _look_for_doubtful(box, transport, clock)
    box.open(owner, now=begun, stale_seconds=STALE_SECONDS)
    try:
        for number in range(at_most):
            now = clock()
            if not box.due(now=now):
                break
            wait = turn(lane, LANE, letters=1, per_second=per_second, now=now, within=LONGEST_TURN)
            if wait > LONGEST_TURN:
                break
            if wait:
                sleep(wait)
            batch = f"m{owner}-{number:x}"
            taken = box.take(
                owner,
                batch=batch,
                transport=transport.name,
                limit=1 if per_second else transport.batch_size,
                now=clock(),
                stale_seconds=STALE_SECONDS,
            )
            if not taken:
                continue
            written = [
                _letter(one, base_url=base_url, domain=domain, why=why, message_key=message_key)
                for one in taken
            ]
            said, problem = _send(taken, written, transport, write, batch)
            now = clock()
            outcomes = [_given_up(one, taken, now) for one in said.outcomes]
            wait = max((retry_after(one.attempt) for one in taken), default=0)
            box.settle(outcomes, batch=batch, now=now, not_before=now + timedelta(seconds=wait))
            settled.update(one.state.value for one in outcomes)
            if problem or any(one.wait for one in said.outcomes):
                break
    finally:
        box.close(owner)
    return MailReport(
        settled=dict(settled),
        waiting=box.due(now=clock()),
        unknown=left + settled[DeliveryState.UNKNOWN.value],
        problem=problem,
    )


def _send(
    taken: Sequence[Mail],
    letters: list[Letter],
    transport: Transport,
    write: Callable[[Mail, str], PreparedMail],
    batch: str,
) -> tuple[Said, str]:
    """Hand mails over; outcomes, and what is wrong when nothing more should be tried now."""
    try:
        prepared = write(taken[0], batch)
    except NewsletterError as error:
        # The template may be mended; a broken one must not stop the other mails.
        reason = str(error)[:250]
        outcomes = [
            Outcome(key=one.word, state=DeliveryState.DEFERRED, reason=reason) for one in taken
        ]
        return Said(outcomes), ""
    said = hand_over(transport, [(prepared, letters)])
    if said.error is None:
        return said, ""
    if isinstance(said.error, NewsletterError):
        return said, str(said.error)
    return said, f"{transport.name}: failed ({type(said.error).__name__}: {said.error})"


def _letter(
    mail: Mail, *, base_url: str, domain: str, why: Why = because, message_key: str = ""
) -> Letter:
    """A mail as a transport gets it. Who has a token gets personal links; others have none."""
    values = {"unsubscribe": "", "preferences": "", "because": ""}
    unsubscribe = ""
    if mail.token:
        base = base_url.rstrip("/")
        unsubscribe = f"<{base}/u/{mail.token}>"
        values = {
            "unsubscribe": f"{base}/u/{mail.token}",
            "preferences": f"{base}/p/{mail.token}",
            "because": why("this newsletter", mail.joined.date()) if mail.joined else "",
        }
    return Letter(
        key=mail.word,
        to=mail.to,
        to_name="",
        message_id=message_id(mail.key, mail.reader, domain, message_key),
        list_unsubscribe=unsubscribe,
        values=values,
    )


def _given_up(outcome: Outcome, taken: Sequence[Mail], now: datetime) -> Outcome:
    """A mail refused for now that was tried for long enough is refused for good."""
    if outcome.state is not DeliveryState.DEFERRED:
        return outcome
    made = next((one.made for one in taken if one.word == outcome.key), None)
    if made is None or now - made < TRIED_FOR:
        return outcome
    reason = f"given up after {TRIED_FOR.days} days: {outcome.reason}"
    return Outcome(key=outcome.key, state=DeliveryState.REJECTED, reason=reason)


def _look_for_doubtful(box: MailBox, transport: Transport, clock: Clock) -> int:
    """Settle mails in doubt as far as the transport can say; how many are left."""
    left = 0
    for batch, doubtful in box.unknown():
        letters = [_letter(one, base_url="", domain="localhost") for one in doubtful]
        try:
            known = transport.find(letters, batch=batch)
        except TransportError:
            left += len(doubtful)
            continue
        now = clock()
        box.settle(known.values(), batch=batch, now=now, not_before=now)
        missing = [one.key for one in doubtful if one.word not in known]
        again = 0
        if missing and batch and transport.settles_after is not None:
            absent_since = now - timedelta(seconds=transport.settles_after)
            again = box.requeue(missing, now=now, handed_before=absent_since)
        left += len(missing) - again
    return left
