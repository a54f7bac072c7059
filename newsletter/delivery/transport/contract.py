"""What every way of sending must do, and the words it may answer with.

docs/adding-a-transport.md tells how to write one; tests/delivery/test_contract.py holds all of
them to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from newsletter.delivery.letter import PreparedMail
from newsletter.model import Letter, Outcome


class Transport(Protocol):
    """A way for letters to leave.

    ``name`` is the short name kept with each delivery. ``batch_size`` is how many letters are
    handed over at once: after a crash that many may be in doubt. ``workers`` is how many batches
    may be under way at the same time, so :meth:`send` is called from several threads when it is
    more than one. ``settles_after`` is how many seconds after a hand-over the absence of a letter
    in :meth:`find` proves that it never left; None when absence never proves anything.
    ``can_look`` is False where :meth:`find` has nowhere to look: there not even a person's decision
    makes absence a proof.
    """

    name: str
    batch_size: int
    workers: int
    settles_after: float | None
    can_look: bool

    def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
        """Hand letters over; exactly one outcome for each, in any order.

        ``accepted``: the provider took it and said so. ``rejected``: it never will.
        ``deferred``: certainly not taken, worth trying later. ``skipped``: nothing to do.
        ``unknown``: it may or may not have been taken. When in doubt, ``unknown``.

        :raises TransportError: only when certainly none of these letters was taken and trying
            again now makes no sense: a wrong key, a folder that cannot be written.
        """
        ...

    def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:
        """Look for letters in doubt; what was found out, by letter key.

        A letter that is not in the answer was not found, which proves nothing by itself.

        :raises TransportError: when nothing can be looked up now.
        """
        ...

    def check(self) -> str:
        """Try whether letters could leave now, without sending any; what was found, in words.

        :raises TransportError: when they could not.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
