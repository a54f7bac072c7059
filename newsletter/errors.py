"""Every error this program states on purpose, drawn as one tree.

::

    NewsletterError                 subject + sentence + hint; ``again`` says whether to try again
    ├── ConfigError                 config.toml, segments.toml, a sources file
    ├── FeedError                   one feed could not be fetched or read; the others go on
    │   ├── FeedRefused             the guard will not contact this address
    │   └── FeedUnreadable          what came back is not a feed
    ├── StoryError                  grouping, or an editor's lock that cannot hold
    ├── BriefError                  a story that cannot be written
    ├── IssueError                  drafting, rendering or approving an issue
    │   ├── NothingToSay            no story passed the floor: an empty day
    │   ├── TemplateError           a template is missing or broken
    │   └── NotApproved             a send was asked for what nobody approved
    ├── AudienceError               import files, segments, tokens
    ├── DeliveryError               sending
    │   └── TransportError          a provider or an outbox refused
    ├── AccountError                the people of the desk: accounts, passwords, sign-ins
    ├── Conflict                    somebody else changed it since it was looked at
    ├── DatabaseError               locked, unreachable, unwritable, newer than this program
    │   └── Deposed                 another process leads by now; this one must not go on
    └── NotFound                    an issue, story, reader that is not there

The command line prints ``str(error)`` and the hint and exits with 1; nothing here is ever shown
as a traceback. Errors of libraries are turned into one of these at the border where they arise.
"""

from __future__ import annotations


class NewsletterError(Exception):
    """Something went wrong that a person can act on.

    :param subject: what it is about: a file and key, a feed address, an issue id.
    :param sentence: what happened, one plain sentence without a final stop.
    :param hint: what to do next, one sentence; empty when there is nothing sensible to add.
    :param again: True when trying the same thing again later may succeed.
    """

    again = False

    def __init__(self, subject: str, sentence: str, *, hint: str = "", again: bool | None = None):
        self.subject = subject
        self.sentence = sentence
        self.hint = hint
        if again is not None:
            self.again = again
        super().__init__(subject, sentence, hint)

    def __str__(self) -> str:
        return f"{self.subject}: {self.sentence}" if self.subject else self.sentence


class ConfigError(NewsletterError):
    """A configuration file says something the program does not understand."""


class FeedError(NewsletterError):
    """A feed could not be fetched or read this time."""

    again = True


class FeedRefused(FeedError):
    """The guard refuses to contact the address."""

    again = False


class FeedUnreadable(FeedError):
    """The answer is not a feed."""


class StoryError(NewsletterError):
    """Grouping cannot do what was asked."""


class BriefError(NewsletterError):
    """A story cannot be written."""


class IssueError(NewsletterError):
    """An issue cannot be drafted, rendered or approved."""


class NothingToSay(IssueError):
    """No story passed the floor, so there is no issue to make."""


class TemplateError(IssueError):
    """A template is missing or does not compile."""


class NotApproved(IssueError):
    """What is to be sent is not what an editor approved."""


class AudienceError(NewsletterError):
    """An import file, a segment or a token is not usable."""


class DeliveryError(NewsletterError):
    """A send cannot start or go on."""


class TransportError(DeliveryError):
    """A provider or an outbox refused to take letters."""


class AccountError(NewsletterError):
    """An account of the desk cannot be made, changed or used this way."""


class Conflict(NewsletterError):
    """Somebody else changed the same thing since it was looked at; nothing was stored."""

    again = True


class DatabaseError(NewsletterError):
    """The database cannot be used."""


class Deposed(DatabaseError):
    """What a leader wanted to do is the task of another process by now."""


class NotFound(NewsletterError):
    """There is no such issue, story, reader or segment."""
