"""``story``: why an article is where it is, and what an editor decides about it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from newsletter import pipeline
from newsletter.cli.place import Json, Place, count, place, say, show_json
from newsletter.errors import StoryError
from newsletter.model import Article, Kind, LockKind, StoryLock

story = typer.Typer(help="Look into a story, and decide about it.", no_args_is_help=True)

StoryId = Annotated[str, typer.Argument(metavar="STORY", help="The id of a story.")]
ArticleId = Annotated[str, typer.Argument(metavar="ARTICLE", help="The id of an article.")]
By = Annotated[str, typer.Option("--by", help="Who decides.")]
NOBODY = "command line"


@story.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the window's stories told by more than one article, the largest first."""
    with place(context).newsroom() as room:
        since = room.clock() - timedelta(days=room.config.stories.window_days)
        found = sorted(room.stories.since(since), key=lambda one: (-len(one.articles), one.id))
        pinned = {lock.story for lock in pipeline.locks(room) if lock.kind is LockKind.PIN}
    several = [one for one in found if len(one.articles) > 1 or one.id in pinned]
    if as_json:
        show_json(
            [
                {
                    "story": one.id,
                    "headline": one.headline,
                    "section": one.section,
                    "pinned": one.id in pinned,
                    "articles": list(one.articles),
                }
                for one in several
            ]
        )
        return
    for one in several:
        mark = "  (pinned)" if one.id in pinned else ""
        say(f"{one.id}  {len(one.articles):>4}  {one.headline}{mark}")
    say(count(len(several), "story", "stories"))


@story.command()
def explain(context: typer.Context, story_id: StoryId, as_json: Json = False) -> None:
    """Say which evidence put each article into a story."""
    from newsletter.stories.explain import explain as explain_story

    with place(context).newsroom() as room:
        since = room.clock() - timedelta(days=room.config.stories.window_days)
        stories = room.stories.since(since)
        ids = [article for one in stories for article in one.articles]
        articles = {a.id: a for a in pipeline.corrected(room, room.articles.get(ids).values())}
        found = explain_story(
            story_id,
            stories,
            articles,
            settings=room.config.stories,
            locks=pipeline.locks(room),
        )
        related = room.related_stories.of([story_id]).get(story_id, ())
    if as_json:
        show_json(asdict(found) | {"related": [asdict(one) for one in related]})
        return
    for reason in found.reasons:
        say(f"{articles[reason.article].title}")
        say(f"  {reason.article}: {reason.sentence}")
    for one in related:
        say(f"{one.when.value}: {one.headline} ({one.day}, {one.story}, alike {one.likeness:.2f})")


# --------------------------------------------------------------------------- decisions


@story.command()
def merge(
    context: typer.Context,
    keep: Annotated[str, typer.Argument(metavar="KEEP", help="The story that stays.")],
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The story that joins it.")],
    by: By = NOBODY,
    as_json: Json = False,
) -> None:
    """Make two stories one, also in every later run."""
    with place(context).newsroom() as room:
        _tell(pipeline.merge_stories(room, keep, other, by=by), as_json=as_json)


@story.command()
def split(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    story_id: StoryId,
    articles: Annotated[
        list[str], typer.Argument(metavar="ARTICLE...", help="The articles to take out.")
    ],
    title: Annotated[str, typer.Option(help="The headline of the new story.")] = "",
    by: By = NOBODY,
    as_json: Json = False,
) -> None:
    """Take articles out of a story; they become a story of their own."""
    with place(context).newsroom() as room:
        report = pipeline.split_story(room, story_id, articles, by=by, title=title)
        _tell(report, as_json=as_json)


@story.command()
def move(
    context: typer.Context,
    article: ArticleId,
    story_id: StoryId,
    by: By = NOBODY,
    as_json: Json = False,
) -> None:
    """Put an article into another story."""
    with place(context).newsroom() as room:
        _tell(pipeline.move_article(room, article, story_id, by=by), as_json=as_json)


@story.command()
def rename(
    context: typer.Context,
    story_id: StoryId,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The new headline.")],
    by: By = NOBODY,
    as_json: Json = False,
) -> None:
    """Give a story a headline that stays."""
    with place(context).newsroom() as room:
        _tell(pipeline.rename_story(room, story_id, title, by=by), as_json=as_json)


@story.command()
def pin(context: typer.Context, story_id: StoryId, by: By = NOBODY, as_json: Json = False) -> None:
    """Put a story before all others, however few cover it."""
    with place(context).newsroom() as room:
        _tell(pipeline.pin_story(room, story_id, by=by), as_json=as_json)


@story.command()
def unpin(context: typer.Context, story_id: StoryId, by: By = NOBODY) -> None:
    """Let a pinned story take its own place again."""
    with place(context).newsroom() as room:
        pipeline.unpin_story(room, story_id, by=by)
    say(f"unpinned   {story_id}")


@story.command()
def locks(
    context: typer.Context,
    story_id: Annotated[
        str, typer.Argument(metavar="[STORY]", help="Only those that name this story.")
    ] = "",
    as_json: Json = False,
) -> None:
    """List the decisions that hold, oldest first."""
    with place(context).newsroom() as room:
        found = pipeline.locks(room, story_id)
    if as_json:
        show_json([asdict(lock) for lock in found])
        return
    for lock in found:
        say(f"{lock.id:>5}  {lock.at:%Y-%m-%d %H:%M}  {_sentence(lock)}, by {lock.by}")
    if not found:
        say("No decision of an editor holds here.")


@story.command()
def unlock(
    context: typer.Context,
    lock: Annotated[int, typer.Argument(metavar="LOCK", help='The number in "story locks".')],
    by: By = NOBODY,
    as_json: Json = False,
) -> None:
    """Take a decision back and group its articles again."""
    with place(context).newsroom() as room:
        _tell(pipeline.unlock(room, lock, by=by), as_json=as_json, undone=True)


@story.command()
def mark(
    context: typer.Context,
    article: ArticleId,
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help=f"{', '.join(Kind)}, or feed: as the feed says.")
    ],
    by: By = NOBODY,
) -> None:
    """Say what kind of text an article is, whatever its feed says."""
    if kind != "feed" and kind not in set(Kind):
        raise StoryError(
            kind, "is not a kind of article", hint=f"Kinds are {', '.join(Kind)}, or feed."
        )
    with place(context).newsroom() as room:
        found = pipeline.mark_kind(room, article, None if kind == "feed" else Kind(kind), by=by)
    _tell_article(found)


@story.command()
def redate(
    context: typer.Context,
    article: ArticleId,
    when: Annotated[
        str,
        typer.Argument(
            metavar="WHEN", help="Such as 2031-03-04T09:30+01:00, or feed: as the feed says."
        ),
    ],
    by: By = NOBODY,
) -> None:
    """Say when an article was published, whatever its feed says."""
    moment = None if when == "feed" else _moment(when)
    with place(context).newsroom() as room:
        found = pipeline.redate(room, article, moment, by=by)
    _tell_article(found)


# --------------------------------------------------------------------------- within


def place_arriving(here: Place, *, as_json: bool) -> None:
    """Put new articles into stories for ``group --arriving``, and tell where they went."""
    with here.newsroom() as room:
        report = pipeline.arrive(room)
    if as_json:
        show_json(asdict(report))
    elif report.regrouped:
        say(f"grouped    the whole window, for {count(report.articles, 'article')} of it was new")
    else:
        say(
            f"placed     {count(report.articles, 'new article')}: {report.joined} in stories that "
            f"were there, {count(report.started, 'new story', 'new stories')}"
        )


def _moment(when: str) -> datetime:
    try:
        moment = datetime.fromisoformat(when)
    except ValueError:
        raise StoryError(
            when, "is not a date and time", hint="Write it like 2031-03-04T09:30+01:00."
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _tell_article(article: Article) -> None:
    say(f"{article.id}  {article.kind}, {article.published:%Y-%m-%d %H:%M} UTC  {article.title}")


def _tell(report: pipeline.LockReport, *, as_json: bool, undone: bool = False) -> None:
    lock = report.lock
    if as_json:
        show_json(
            {
                "lock": asdict(lock),
                "holds": not undone,
                "stories": [asdict(one) for one in report.stories],
                "overruled": [old.id for old in report.overruled],
            }
        )
        return
    say(f"{'undone' if undone else 'locked':<10} {lock.id}: {_sentence(lock)}")
    for sentence in report.sentences:
        say(f"           {sentence}")
    for one in report.stories:
        say(f"           {one.id}  {count(len(one.articles), 'article'):>12}  {one.headline}")


def _sentence(lock: StoryLock) -> str:
    taken = count(len(lock.articles), "article")
    match lock.kind:
        case LockKind.MERGE:
            return f"{lock.other} merged into {lock.story}"
        case LockKind.SPLIT:
            return f"{taken} of {lock.story} split off as {lock.other}"
        case LockKind.MOVE:
            return f"{lock.articles[0]} moved from {lock.other} to {lock.story}"
        case LockKind.RENAME:
            return f'{lock.story} named "{lock.title}"'
        case LockKind.PIN:
            return f"{lock.story} pinned"
