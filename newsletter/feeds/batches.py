"""Visits in lists that are stored together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from newsletter.feeds.visit import Visit

STORED_TOGETHER = 400
"""Visits that are stored in one transaction: waiting for the disk costs more than the rest."""
ARTICLES_TOGETHER = 2_000
"""Articles that a batch may hold before it is stored, so that memory stays flat."""


def in_batches(
    visits: Iterable[Visit], most: int = STORED_TOGETHER, articles: int = ARTICLES_TOGETHER
) -> Iterator[list[Visit]]:
    """Visits in lists of at most ``most``, to be stored together, the last one shorter.

    A list also ends with the visit that brings it to ``articles`` articles.
    """
    batch: list[Visit] = []
    held = 0
    for visit in visits:
        batch.append(visit)
        held += len(visit.articles)
        if len(batch) >= most or held >= articles:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch
