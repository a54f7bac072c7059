"""Figures for Prometheus: how the house stands when it is asked, and requests counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from newsletter import __version__
from newsletter.errors import DatabaseError
from newsletter.newsroom import Newsroom
from newsletter.operations import status
from newsletter.work import QUEUES

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One process's figures."""

    def __init__(self, rooms: Callable[[], Newsroom]):
        self.registry = CollectorRegistry()
        self.registry.register(_House(rooms))
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "newsletter_http_requests",
            "Requests answered, by route and status.",
            ["route", "method", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "newsletter_http_request_seconds",
            "How long requests took, by route.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def answered(self, *, route: str, method: str, code: int, seconds: float) -> None:
        """Count one request; ``route`` is its pattern, because paths hold readers' keys."""
        self.requests.labels(route, method, str(code)).inc()
        self.seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """Everything in Prometheus's text form."""
        return generate_latest(self.registry)


class _House:
    """Reads the database when Prometheus asks; the figures of a dead database are absent."""

    def __init__(self, rooms: Callable[[], Newsroom]):
        self._rooms = rooms

    def describe(self) -> Iterator[Metric]:
        """Nothing beforehand: registering must not open the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All gauges."""
        version = GaugeMetricFamily("newsletter_info", "The program.", labels=["version"])
        version.add_metric([__version__], 1)
        yield version
        up = GaugeMetricFamily("newsletter_database_up", "Whether the database answers.")
        try:
            found = status.look(self._rooms())
        except DatabaseError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        yield from _gauges(found)


def _gauges(found: status.Status) -> Iterator[Metric]:
    letters = GaugeMetricFamily(
        "newsletter_letters",
        "Letters of each edition's newest issue, by state.",
        labels=["edition", "state"],
    )
    rate = GaugeMetricFamily(
        "newsletter_letters_per_minute", "How fast the newest issue left.", labels=["edition"]
    )
    sent = GaugeMetricFamily(
        "newsletter_issue_sent_timestamp_seconds",
        "When the newest issue was with everybody; 0 while it is not.",
        labels=["edition"],
    )
    state = GaugeMetricFamily(
        "newsletter_issue_state", "1 for the newest issue's state.", labels=["edition", "state"]
    )
    for one in found.issues:
        for name, number in one.states.items():
            letters.add_metric([one.edition, name], number)
        rate.add_metric([one.edition], one.rate)
        ended = one.issue.send_ended if one.issue else None
        sent.add_metric([one.edition], ended.timestamp() if ended else 0)
        if one.issue:
            state.add_metric([one.edition, one.issue.state.value], 1)
    yield from (letters, rate, sent, state)
    sources = GaugeMetricFamily("newsletter_sources", "Feeds by health.", labels=["health"])
    for health, number in found.sources.items():
        sources.add_metric([health.value], number)
    yield sources
    yield GaugeMetricFamily(
        "newsletter_alerts", "Troubles that need a person now.", value=len(found.alerts)
    )
    yield GaugeMetricFamily(
        "newsletter_backup_timestamp_seconds",
        "When the last verified backup was made; 0 when there is none.",
        value=found.backup.made.timestamp() if found.backup else 0,
    )
    yield GaugeMetricFamily(
        "newsletter_scheduler_up",
        "Whether a scheduler is at work.",
        value=int(found.leader is not None and found.leader.alive),
    )
    if found.jobs is not None:
        jobs = GaugeMetricFamily("newsletter_jobs_waiting", "Waiting jobs.", labels=["queue"])
        for queue in QUEUES:
            jobs.add_metric([queue], found.jobs.get(queue, 0))
        yield jobs
        yield GaugeMetricFamily(
            "newsletter_workers", "Workers that gave a sign of life lately.", value=found.workers
        )
    yield GaugeMetricFamily(
        "newsletter_disk_free_bytes", "Free space beside the data.", value=found.disk_free
    )
    yield GaugeMetricFamily(
        "newsletter_database_bytes", "Size of the database file.", value=found.database_size
    )
    bells = GaugeMetricFamily(
        "newsletter_bell_timestamp_seconds", "When a bell rings next.", labels=["edition", "bell"]
    )
    for firing in found.bells:
        bells.add_metric([firing.edition, firing.bell], firing.at.timestamp())
    yield bells
