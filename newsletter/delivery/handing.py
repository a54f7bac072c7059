"""Handing letters to a transport: whatever happens there becomes one outcome per letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from newsletter.delivery.letter import PreparedMail
from newsletter.delivery.transport.contract import Transport
from newsletter.errors import TransportError
from newsletter.model import DeliveryState, Letter, Outcome


@dataclass(slots=True)
class Said:
    """What came back of one hand-over; ``error`` is what must end the send after it is noted."""

    outcomes: list[Outcome]
    error: Exception | None = None


def hand_over(transport: Transport, letters: Sequence[tuple[PreparedMail, list[Letter]]]) -> Said:
    """Call the transport, once for each kind of mail, and answer for every letter."""
    said = Said([])
    for mail, group in letters:
        if said.error is not None:
            said.outcomes += all_of(group, DeliveryState.DEFERRED, "the send ended before its turn")
            continue
        try:
            outcomes = transport.send(group, mail)
        except TransportError as error:
            said.error = error
            said.outcomes += all_of(group, DeliveryState.DEFERRED, str(error))
        except Exception as error:  # noqa: BLE001 - a transport's fault must not lose letters
            said.error = error
            reason = f"the transport failed: {type(error).__name__}"
            said.outcomes += all_of(group, DeliveryState.UNKNOWN, reason)
        else:
            said.outcomes += _one_each(group, outcomes)
    return said


def all_of(letters: Sequence[Letter], state: DeliveryState, reason: str) -> list[Outcome]:
    """The same outcome for every letter."""
    return [Outcome(key=letter.key, state=state, reason=reason) for letter in letters]


def _one_each(letters: Sequence[Letter], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Exactly one outcome per letter; a letter the transport forgot is in doubt."""
    known = {one.key: one for one in outcomes}
    return [
        known.get(letter.key)
        or Outcome(
            key=letter.key,
            state=DeliveryState.UNKNOWN,
            reason="the transport said nothing about this letter",
        )
        for letter in letters
    ]
