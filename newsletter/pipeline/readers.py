"""What time does to readers: pauses end, sign-ups expire, the silent are asked and then let go."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from newsletter.database.sunset import Silent, months_before
from newsletter.newsroom import Newsroom
from newsletter.pipeline.mails import post_mail


@dataclass(frozen=True, slots=True, kw_only=True)
class SunsetReport:
    """Whom the sunset rule asked, and how many it let go."""

    asked: tuple[str, ...] = ()
    stopped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TidyReport:
    """What a round of tidying did, for the log."""

    readers: dict[str, int]
    sunset: SunsetReport = field(default_factory=SunsetReport)
    webhooks: int = 0


def tidy_readers(room: Newsroom) -> TidyReport:
    """End pauses, forget what nobody answered and what is old, and keep the sunset rule."""
    done = room.signups.tidy(room.clock())
    return TidyReport(readers=done, sunset=sunset(room), webhooks=room.webhooks.tidy(room.clock()))


def sunset(room: Newsroom, *, dry: bool = False) -> SunsetReport:
    """Ask those without a click for ``sunset_months``, and stop the mail of who did not answer.

    Does nothing where the rule is off. The question goes into the lane of single mails, once.

    :param dry: only say whom it would ask.
    """
    settings = room.config.audience
    if not settings.sunset_months:
        return SunsetReport()
    now = room.clock()
    grace = timedelta(days=settings.sunset_grace_days)
    silent = room.sunset.silent(since=months_before(now, settings.sunset_months))
    if dry:
        return SunsetReport(asked=tuple(one.email for one in silent))
    stopped = room.sunset.stop(asked_before=now - grace, now=now)
    for one in silent:
        _ask(room, one, grace)
        room.sunset.asked(one.reader, now=now)
    return SunsetReport(asked=tuple(one.email for one in silent), stopped=stopped)


def _ask(room: Newsroom, one: Silent, grace: timedelta) -> None:
    base = room.config.site.base_url.rstrip("/")
    words = room.renderer.words
    values = {
        "since": words.day(one.since.date()),
        "until": words.day((room.clock() + grace).date()),
        "stay_url": f"{base}/p/{one.token}/stay",
        "preferences_url": f"{base}/p/{one.token}",
        "unsubscribe_url": f"{base}/u/{one.token}",
    }
    key = f"stay-{one.reader}-{room.clock():%Y%m%d}"
    post_mail(room, "stay", one.email, values, key, reader=one.reader)
