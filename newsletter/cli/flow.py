"""The arrows as commands: ``collect``, ``group``, ``write``, ``draft``, and ``today`` for all."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.audit import who
from newsletter.cli.issues import reading
from newsletter.cli.lines import group_file
from newsletter.cli.place import (
    EditionName,
    Json,
    Progress,
    count,
    minutes,
    place,
    say,
    show_json,
)
from newsletter.cli.sending import deliver, report_send
from newsletter.cli.stories import place_arriving
from newsletter.clock import system_clock
from newsletter.config import CONFIG_FILE, Config, Source, starter
from newsletter.errors import DatabaseError
from newsletter.newsroom import Newsroom

Day = Annotated[
    datetime | None,
    typer.Option("--date", formats=["%Y-%m-%d"], help="A local date; today by default."),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(collect)
    app.command()(group)
    app.command()(write)
    app.command()(draft)
    app.command()(today)


def collect(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Visit all feeds now, whether due or not.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Pull the feeds that are due and store what is new."""
    with place(context).newsroom() as room:
        report = _collect(room, force=everything)
    if as_json:
        show_json(
            {
                "feeds": report.feeds,
                "outcomes": report.outcomes,
                "articles": report.articles,
                "copies": report.copies,
                "problems": [{"feed": url, "problem": problem} for url, problem in report.problems],
                "seconds": round(report.seconds, 3),
            }
        )
    else:
        _say_collected(report, room.config)


def group(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Option("--from", help="JSON lines of articles; no database is used.")
    ] = None,
    target: Annotated[
        Path | None, typer.Option("--to", help="Where the stories go, as JSON lines.")
    ] = None,
    arriving: Annotated[
        bool, typer.Option("--arriving", help="Only place what is new; all else stays.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Group the window's articles into stories."""
    if source is not None or target is not None:
        group_file(place(context), source, target)
        return
    if arriving:
        place_arriving(place(context), as_json=as_json)
        return
    with place(context).newsroom() as room:
        report = pipeline.group(room)
    if as_json:
        show_json(
            {
                "articles": report.articles,
                "stories": report.stories,
                "told_by_several": report.told_by_several,
                "new": report.new,
            }
        )
    else:
        _say_grouped(report)


def write(context: typer.Context, as_json: Json = False) -> None:
    """Write the leading stories from both sides."""
    with place(context).newsroom() as room:
        report = pipeline.write(room)
    if as_json:
        show_json(
            {
                "stories": report.stories,
                "written": report.written,
                "unchanged": report.unchanged,
                "withheld": [
                    {"headline": headline, "reason": reason} for headline, reason in report.withheld
                ],
            }
        )
    else:
        _say_written(report)


def draft(
    context: typer.Context, edition: EditionName = "daily", day: Day = None, as_json: Json = False
) -> None:
    """Choose the stories and make a draft issue."""
    with place(context).newsroom() as room:
        report = pipeline.compose(room, edition=edition, day=_date(day))
        room.audit.note(who(), "draft", report.issue.id)
    if as_json:
        content = report.revision.content
        show_json(
            {
                "issue": report.issue.id,
                "state": report.issue.state,
                "revision": report.issue.revision,
                "changed": report.changed,
                "sha256": report.revision.sha256,
                "subject": report.revision.rendered[0].subject,
                "seconds": content.seconds,
                "articles": content.articles,
                "outlets": content.outlets,
                "stories": [
                    {
                        "story": item.story,
                        "slug": item.slug,
                        "place": item.place,
                        "headline": item.brief.headline,
                        "left": item.brief.left.status,
                        "center": item.brief.center.status,
                        "right": item.brief.right.status,
                        "update": item.update,
                    }
                    for item in content.stories
                ],
            }
        )
    else:
        _say_drafted(report)


def today(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    sample: Annotated[
        bool, typer.Option("--sample", help="Use the bundled day of invented outlets.")
    ] = False,
    approve: Annotated[bool, typer.Option("--approve", help="Approve the draft.")] = False,
    send: Annotated[bool, typer.Option("--send", help="Send it once approved.")] = False,
    edition: EditionName = "daily",
    by: Annotated[str, typer.Option("--by", help="Who approves.")] = "command line",
) -> None:
    """Do the whole day: collect, group, write, draft, and if asked approve and send."""
    here = place(context)
    config = here.config()
    with ExitStack() as stack:
        if sample:
            config = _with_sample(stack, config)
        room = stack.enter_context(here.newsroom(config=config))
        if sample:
            _only_sample(room)
        started = time.monotonic()
        collected = _collect(room, force=True)
        _say_collected(collected, config)
        _say_grouped(pipeline.group(room))
        _say_written(pipeline.write(room))
        drafted = pipeline.compose(room, edition=edition)
        _say_drafted(drafted)
        issue = drafted.issue
        room.audit.note(who(), "draft", issue.id)
        if approve and issue.state == "draft":
            issue = pipeline.approve(room, issue.id, by=by)
            room.audit.note(who(), "approve", issue.id, f"revision {issue.revision} for {by}")
            bound = issue.approved_sha256[:12]
            say(f"approved   {issue.id} by {issue.approved_by}, bound to {bound}")
        outcome = 0
        if send:
            if sample:
                _sample_readers(room)
            outcome = report_send(room, issue, deliver(room, issue))
        folder = reading(room, issue, letter=False)
        say(f"took       {time.monotonic() - started:.1f} s")
        say()
        say(f"Read it:   {folder / 'issue.html'}")
        _say_next(room, issue.state, sent=send)
    if outcome:
        raise typer.Exit(outcome)


# --------------------------------------------------------------------------- within


def _collect(room: Newsroom, *, force: bool) -> pipeline.CollectReport:
    progress = Progress("feeds", len(room.feeds))
    try:
        return pipeline.collect(
            room, force=force, on_visit=lambda visit: progress.step(note=visit.feed.outlet)
        )
    finally:
        progress.end()


def _with_sample(stack: ExitStack, config: Config) -> Config:
    from newsletter.sample.server import SampleServer

    server = stack.enter_context(SampleServer(system_clock()))
    host = server.base_url.removeprefix("http://")
    return config.model_copy(
        update={
            "collect": config.collect.model_copy(update={"allow_hosts": (host,)}),
            "sources": tuple(Source.model_validate(source) for source in server.sources),
        }
    )


def _only_sample(room: Newsroom) -> None:
    """Refuse to mix an invented day into a place that holds real news."""
    others = room.articles.outlets_with_articles() - set(room.outlets)
    if others:
        raise DatabaseError(
            room.config.database.url,
            f"holds articles of {count(len(others), 'real outlet')}; "
            "the invented day does not belong beside them",
            hint="Make a place of its own for it: newsletter init trial && cd trial.",
        )


def _sample_readers(room: Newsroom) -> None:
    """Give a fresh place the thirty invented readers, where no letter can leave the house."""
    if room.readers.count() or room.config.delivery.transport not in {"folder", "recording"}:
        return
    from newsletter.cli.importing import import_file

    import_file(room, starter() / "subscribers" / "example.csv", consent="invented readers")


def _program() -> str:
    """The words that start this program from where the person stands."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(Path(sys.executable).name)} -m newsletter"
    if shutil.which(called.name):
        return called.name
    return shlex.quote(os.path.relpath(called))


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


def _say_collected(report: pipeline.CollectReport, config: Config) -> None:
    parts = [f"{number} {outcome}" for outcome, number in sorted(report.outcomes.items())]
    detail = f" ({', '.join(parts)})" if parts else ""
    copies = f", {count(report.copies, 'wire copy', 'wire copies')}" if report.copies else ""
    say(
        f"collected  {count(report.articles, 'new article')} from "
        f"{count(report.feeds, 'feed')}{detail}{copies} in {report.seconds:.1f} s"
    )
    for url, problem in report.problems[:10]:
        say(f"           {url}: {problem}")
    if len(report.problems) > 10:
        say(f"           and {len(report.problems) - 10} more: newsletter sources list")
    if not report.feeds and not config.sources:
        say("           there are no sources: add [[source]] tables or [collect] sources")


def _say_grouped(report: pipeline.GroupReport) -> None:
    stories = count(report.stories, "story", "stories")
    say(
        f"grouped    {count(report.articles, 'article')} into {stories}, "
        f"{report.told_by_several} told by more than one article"
    )


def _say_written(report: pipeline.WriteReport) -> None:
    kept = f", {report.unchanged} unchanged" if report.unchanged else ""
    say(f"wrote      {count(report.written, 'brief')}{kept}")
    for headline, reason in report.withheld[:5]:
        say(f"           withheld: {headline}: {reason}")
    for story, headline in report.offered[:5]:
        say(f"           a newer text waits beside a person's: {headline} ({story})")


def _say_drafted(report: pipeline.ComposeReport) -> None:
    content = report.revision.content
    state = "" if report.changed else f", unchanged ({report.issue.state.replace('_', ' ')})"
    say(
        f"drafted    {report.issue.id} revision {report.issue.revision}{state}: "
        f"{count(len(content.stories), 'story', 'stories')}, {minutes(content.seconds)} to read, "
        f"from {count(content.articles, 'article')} by {count(content.outlets, 'outlet')}"
    )
    for item in content.stories:
        label = {"top": "", "short": " (short)", "one_sided": " (one side only)"}[item.place]
        say(f"           · {item.brief.headline}{label}")


def _say_next(room: Newsroom, state: str, *, sent: bool) -> None:
    here = _program()
    if room.config.file != (Path.cwd() / CONFIG_FILE).resolve():
        here += f" --config {shlex.quote(os.path.relpath(room.config.file))}"
    say("Next:")
    if state == "draft":
        say(f"  {here} approve latest       once you have read it")
    if not sent:
        say(f"  {here} send latest          after the approval")
    say(f"  {here} status latest        where every letter is")
    say(f"  {here} run                  scheduler and pages, from now on")
