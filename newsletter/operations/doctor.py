"""The doctor: everything that keeps an issue from going out, looked at one by one.

Each finding is ok, warn or fail, with what was seen and what to do. Nothing is changed, and without
``online`` nothing outside this machine is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from newsletter.errors import NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.operations import machine, outside, place
from newsletter.operations.findings import Finding, ok
from newsletter.operations.tell import Notice, ways

Check = Callable[[Newsroom], Iterator[Finding]]

LOCAL: dict[str, Check] = {
    "configuration": place.configuration,
    "permissions": machine.permissions,
    "clock": machine.clock,
    "disk": machine.disk,
    "database": machine.database,
    "backup": machine.backups,
    "templates": place.templates,
    "transport": place.sending,
    "alerts": place.alerts,
    "scheduler": machine.scheduler,
    "workers": machine.workers,
    "troubles": machine.troubles,
}
ONLINE: dict[str, Check] = {
    "provider": outside.provider,
    "public address": outside.public_address,
}


def examine(
    room: Newsroom, *, online: bool = False, selectors: Sequence[str] = ()
) -> list[Finding]:
    """Look at everything; a check that breaks is a finding itself.

    :param selectors: where DKIM keys stand, instead of the usual names.
    """
    checks = dict(LOCAL)
    if online:
        checks |= ONLINE | {"DNS": partial(outside.names, selectors=selectors)}
    found: list[Finding] = []
    for name, check in checks.items():
        try:
            found += check(room)
        except NewsletterError as error:
            found.append(Finding(name=name, state="fail", says=str(error), hint=error.hint))
        except OSError as error:
            says = f"could not be looked at: {error.strerror or error}"
            found.append(Finding(name=name, state="warn", says=says))
    return found


def try_alerts(room: Newsroom) -> list[Finding]:
    """Send a test alert by every way of telling, and say which took it."""
    notice = Notice(
        key="test",
        sentence="This is a test: alerts from this newsletter reach you",
        hint="Nothing is wrong.",
        since=room.clock(),
    )
    found = []
    for way in ways(room):
        try:
            way.tell(room, [notice])
        except NewsletterError as error:
            found.append(Finding(name=way.name, state="fail", says=str(error), hint=error.hint))
        else:
            found.append(ok(way.name, "took the test alert"))
    return found or list(place.alerts(room))
