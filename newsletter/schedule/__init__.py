"""Rings the bells: collect every few minutes; draft, remind and send once per local date.

:mod:`newsletter.timetable` knows the moments, :mod:`.bells` does their work, :mod:`.scheduler` is
the alarm clock around it and the only place that knows APScheduler.
"""

from newsletter.schedule.bells import Arrows, ring_due
from newsletter.schedule.scheduler import OFFICE, Scheduler, jobs

__all__ = ["OFFICE", "Arrows", "Scheduler", "jobs", "ring_due"]
