"""The transport for tests: it keeps letters in memory and does as it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from newsletter.delivery.letter import PreparedMail
from newsletter.model import DeliveryState, Letter, Outcome

Answer = Callable[[Letter], Outcome]
"""Decides what is said of one letter."""


def accept(letter: Letter) -> Outcome:
    """Say that the letter was taken."""
    return Outcome(key=letter.key, state=DeliveryState.ACCEPTED)


class RecordingTransport:
    """Keeps every letter it accepts; ``answer`` decides otherwise.

    A letter answered with ``unknown`` is recorded when ``keeps_unknown`` says that it arrived
    in spite of that, so a test can play a lost answer as well as a lost letter.
    """

    name = "recording"
    can_look = True
    workers = 1

    def __init__(
        self,
        answer: Answer = accept,
        *,
        batch_size: int = 100,
        keeps_unknown: bool = True,
        settles_after: float | None = None,
    ):
        self.answer = answer
        self.batch_size = batch_size
        self.keeps_unknown = keeps_unknown
        self.settles_after = settles_after
        self.letters: list[Letter] = []
        self.mails: list[PreparedMail] = []
        self.closed = False

    def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
        """Record the letters that are accepted."""
        self.mails.append(mail)
        outcomes = []
        for letter in letters:
            outcome = self.answer(letter)
            if outcome.state is DeliveryState.ACCEPTED or (
                outcome.state is DeliveryState.UNKNOWN and self.keeps_unknown
            ):
                self.letters.append(letter)
            outcomes.append(outcome)
        return outcomes

    def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:  # noqa: ARG002
        """The letters that were recorded."""
        kept = {letter.key for letter in self.letters}
        return {letter.key: accept(letter) for letter in letters if letter.key in kept}

    def check(self) -> str:
        """Nothing can go wrong here."""
        return "letters stay in memory"

    def close(self) -> None:
        """Remember that the end was reached."""
        self.closed = True
