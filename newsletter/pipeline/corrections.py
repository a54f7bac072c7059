"""Correct: a person puts right what readers were told, on the pages and if asked by mail."""

from __future__ import annotations

from dataclasses import dataclass, replace

from newsletter.database.published import Published
from newsletter.delivery.send import SendReport
from newsletter.errors import IssueError, NotFound
from newsletter.issue import approve as approval
from newsletter.issue.clean import clean
from newsletter.issue.correct import correction as make_correction
from newsletter.issue.correct import put_right
from newsletter.issue.view import correction_view
from newsletter.model import Correction, Issue, IssueContent, IssueState, Revision
from newsletter.newsroom import Newsroom
from newsletter.pipeline.letters import send


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectReport:
    """A correction as it stands. ``new`` is False when it had been made before.

    ``notices`` are the issues of the notice that is mailed, one an edition, and ``sent`` how each
    send ended that was waited for; both are empty when no mail was asked for.
    """

    correction: Correction
    new: bool
    notices: tuple[Issue, ...] = ()
    sent: tuple[SendReport, ...] = ()


def correct(
    room: Newsroom,
    slug: str,
    text: str,
    *,
    by: str,
    before: str = "",
    after: str = "",
    mail: bool = False,
    at_once: bool = True,
) -> CorrectReport:
    """Correct a story that was told.

    The story's page says from now on what changed and when, the list of corrections names it, and
    the next issue of every edition that told the story opens with it. The same correction made
    again is the one that is there; with ``mail`` it then goes on with the notice where that ended.

    :param slug: the story's slug, as in the address of its page.
    :param text: what was wrong, in one sentence.
    :param before: words of the story that were wrong, and ``after``, the right ones.
    :param mail: send the notice alone to everybody who was sent the story.
    :param at_once: False only lays the notices out; the scheduler sends them at its next look, or
        the caller before that.
    :raises NotFound: when no public issue told such a story.
    :raises IssueError: when the correction says nothing, or ``before`` is not in the story; with
        ``mail``, when nobody was sent the story.
    """
    found = Published(room.database).story(slug)
    if found is None:
        raise NotFound(slug, "no issue that readers have told such a story")
    _, told = found
    known = room.corrections.of_story(told.story)
    words = (clean(text), clean(before), clean(after))
    entry = next((e for e in known if (e.sentence, e.before, e.after) == words), None)
    new = False
    if entry is None:
        entry = make_correction(
            replace(told, brief=put_right(told.brief, known)),
            text,
            before=before,
            after=after,
            by=by,
            at=room.clock(),
        )
        new = room.corrections.add(entry)
    if not mail:
        return CorrectReport(correction=entry, new=new)
    _write_notices(room, entry)
    notices = room.corrections.notices(entry)
    if not notices:
        raise IssueError(
            slug,
            "is corrected, but nobody was sent this story, so there is nobody to write to",
            hint="The pages say it, and the next issue that goes out needs nothing more.",
        )
    sent = tuple(send(room, notice.id) for notice in notices if at_once)
    return CorrectReport(
        correction=entry,
        new=new,
        notices=room.corrections.notices(entry),
        sent=sent,
    )


def _write_notices(room: Newsroom, entry: Correction) -> None:
    """Store one notice for each edition that told the story; what is there stays as it is."""
    words, base = room.renderer.words, room.config.site.base_url.rstrip("/")
    for issue in room.corrections.issues_to_correct(entry):
        values = {
            "day": words.day(issue.day),
            "corrections": [correction_view(entry, base)],
        }
        rendered = (room.renderer.render_mail("correction", values, tag=room.tag()),)
        now, sha256 = room.clock(), approval.digest(rendered)
        notice = Issue(
            id=f"correction-{entry.id}-{issue.edition}"[:64],
            edition=f"{issue.edition}#{entry.id}",
            day=room.local_day(issue.edition, now),
            state=IssueState.APPROVED,
            revision=1,
            created=now,
            approved_by=entry.by,
            approved_at=now,
            approved_sha256=sha256,
            corrects=issue.id,
        )
        content = IssueContent(
            edition=notice.edition,
            day=notice.day,
            stories=(),
            articles=0,
            outlets=0,
            seconds=0,
            corrections=(entry,),
        )
        room.corrections.save_notice(
            notice,
            Revision(
                issue=notice.id,
                number=1,
                made=now,
                content=content,
                rendered=rendered,
                sha256=sha256,
                note=f"correction notice to {issue.id}",
            ),
        )
