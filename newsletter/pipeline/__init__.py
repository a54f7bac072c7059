"""The arrows. Each loads, calls one stage, stores, and calls no other arrow.

::

    collect | group | write | compose | send

Every one can run alone, twice without harm, and in another process: what one needs from the
one before it stands in the database.

An arrow imports its stage when it runs. Loading numpy, aiohttp and the writer's patterns takes a
second, and "newsletter status" or a restarted "send" must not wait for them.
"""

from newsletter.pipeline.arriving import ArriveReport, arrive
from newsletter.pipeline.articles import CollectReport, collect
from newsletter.pipeline.bounces import BounceReport, read_mailbox, take_notice
from newsletter.pipeline.briefs import WriteReport, write
from newsletter.pipeline.corrections import CorrectReport, correct
from newsletter.pipeline.day import corrected
from newsletter.pipeline.events import EventReport, fold_posts, take_events
from newsletter.pipeline.grouping import GroupReport, group, related_of
from newsletter.pipeline.issues import (
    ComposeReport,
    approve,
    approve_unattended,
    compose,
)
from newsletter.pipeline.letters import (
    any_overdue,
    audience,
    deadline,
    reconcile,
    resume,
    send,
    send_doubtful_again,
    waits_for_later,
    write_off,
)
from newsletter.pipeline.looking import dead_links, findings, preview, preview_mail
from newsletter.pipeline.mails import deliver_mail, post_mail, post_test, test_readers, testers
from newsletter.pipeline.readers import SunsetReport, TidyReport, sunset, tidy_readers
from newsletter.pipeline.stories import (
    LockReport,
    locks,
    mark_kind,
    merge_stories,
    move_article,
    pin_story,
    redate,
    rename_story,
    split_story,
    unlock,
    unpin_story,
)
from newsletter.pipeline.webhooks import PostReport, add_webhook, deliver_webhooks

__all__ = [
    "ArriveReport",
    "BounceReport",
    "CollectReport",
    "ComposeReport",
    "CorrectReport",
    "EventReport",
    "GroupReport",
    "LockReport",
    "PostReport",
    "SunsetReport",
    "TidyReport",
    "WriteReport",
    "add_webhook",
    "any_overdue",
    "approve",
    "approve_unattended",
    "arrive",
    "audience",
    "collect",
    "compose",
    "correct",
    "corrected",
    "dead_links",
    "deadline",
    "deliver_mail",
    "deliver_webhooks",
    "findings",
    "fold_posts",
    "group",
    "locks",
    "mark_kind",
    "merge_stories",
    "move_article",
    "pin_story",
    "post_mail",
    "post_test",
    "preview",
    "preview_mail",
    "read_mailbox",
    "reconcile",
    "redate",
    "related_of",
    "rename_story",
    "resume",
    "send",
    "send_doubtful_again",
    "split_story",
    "sunset",
    "take_events",
    "take_notice",
    "test_readers",
    "testers",
    "tidy_readers",
    "unlock",
    "unpin_story",
    "waits_for_later",
    "write",
    "write_off",
]
