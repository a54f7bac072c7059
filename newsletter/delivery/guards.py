"""Guard rails of a send: who must not be mailed unasked, and when a send must stop itself.

Pure: each function looks at numbers and answers with a sentence, or with nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from newsletter.model import DeliveryState as D

SMALL = 100
"""An audience that grew by no more than this surprises nobody, whatever the share."""
NOTHING: Mapping[str, int] = MappingProxyType({})
LEFT = (D.ACCEPTED, D.DELIVERED, D.BOUNCED, D.COMPLAINED, D.UNSUBSCRIBED, D.REJECTED)
"""States of letters that were handed to a provider and answered for."""


def surprising_growth(readers: int, before: int, *, limit: float) -> str:
    """Why an audience is too large to be mailed unasked; empty when it is not.

    :param before: the audience of the last issue; 0 when there was none.
    :param limit: the share by which it may grow, such as 0.5; 0 for no limit.
    """
    grown = readers - before
    if not limit or not before or grown <= max(before * limit, SMALL):
        return ""
    return (
        f"would go to {readers:,} readers, {grown:,} more than the last issue; "
        f"more than {limit:.0%} is not sent unasked"
    )


def worrying_answers(
    states: Mapping[str, int],
    *,
    bounce_limit: float,
    complaint_limit: float,
    judge_after: int,
    seen: Mapping[str, int] = NOTHING,
) -> str:
    """Why a send should pause itself; empty when nothing is wrong.

    :param states: how many letters of the issue are in each state.
    :param bounce_limit: the share of bounced letters that is too much; 0 for no limit.
    :param judge_after: how many letters must have left before shares mean anything.
    :param seen: how letters stood when a person who knew of them let the send go on.
    """
    left = sum(states.get(state.value, 0) for state in LEFT)
    if left < judge_after:
        return ""
    for state, limit, what in (
        (D.COMPLAINED, complaint_limit, "were called spam"),
        (D.BOUNCED, bounce_limit, "bounced"),
    ):
        known = seen.get(state.value, 0)
        number, of = states.get(state.value, 0) - known, left - known
        if limit and number > of * limit:
            return (
                f"{number:,} of {of:,} letters {what}{' since it was resumed' * bool(known)} "
                f"({number / of:.1%}); "
                f"the limit is {limit:.1%}"
            )
    return ""
