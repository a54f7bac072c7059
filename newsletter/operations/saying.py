"""How a status is said: the same words at the command line and on the desk."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from newsletter.operations.status import IssueNow, Status


def where(one: IssueNow, zone: ZoneInfo) -> str:
    """Where an issue is, and when it goes out or went out, in its edition's time."""
    if one.issue is None:
        return "none yet"
    state = str(one.issue.state.replace("_", " "))
    if one.send is not None:
        condition = "once approved, " if state == "draft" else ""
        return f"{state}; {condition}goes out at {one.send.astimezone(zone):%a %H:%M %Z}"
    if state in {"draft", "approved"}:
        return f"{state}; goes out by hand"
    if one.issue.send_ended:
        return f"{state} at {one.issue.send_ended.astimezone(zone):%a %H:%M %Z}"
    return state


def ago(now: datetime, then: datetime) -> str:
    """How long something is ago, in the largest fitting unit."""
    age = now - then
    if age < timedelta(minutes=2):
        return "just now"
    if age < timedelta(hours=2):
        return f"{age // timedelta(minutes=1)} min ago"
    if age < timedelta(days=2):
        return f"{age // timedelta(hours=1)} h ago"
    return f"{age.days} days ago"


def until(now: datetime, then: datetime) -> str:
    """How long something is ahead: ``in 25 min``, ``in 3 h 05 min``, ``in 2 days``."""
    minutes = max(0, (then - now) // timedelta(minutes=1))
    if minutes < 60:
        return f"in {minutes} min"
    if minutes < 48 * 60:
        return f"in {minutes // 60} h {minutes % 60:02d} min"
    return f"in {minutes // (24 * 60)} days"


def scheduler(found: Status) -> str:
    """Who rings the bells, or how somebody does."""
    leader = found.leader
    if leader is None:
        return "never ran here: newsletter run"
    if leader.alive:
        return f"at work, process {leader.pid}, epoch {leader.epoch}"
    return "not running: newsletter run"


def jobs(found: Status) -> str:
    """What waits for workers, by queue, and how many are there; empty where there are none."""
    if found.jobs is None:
        return ""
    waiting = ", ".join(f"{number:,} {queue}" for queue, number in sorted(found.jobs.items()))
    workers = f"{found.workers:,} {'worker' if found.workers == 1 else 'workers'}"
    return f"{waiting or 'none'} waiting; {workers} at work"
