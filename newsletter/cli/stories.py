"""``story``: why an article is where it is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import typer

from newsletter.cli.place import Json, count, place, say, show_json

story = typer.Typer(help="Look into one story.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(story, name="story")


@story.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the window's stories told by more than one article, the largest first."""
    with place(context).newsroom() as room:
        since = room.clock() - timedelta(days=room.config.stories.window_days)
        found = sorted(room.stories.since(since), key=lambda one: (-len(one.articles), one.id))
    several = [one for one in found if len(one.articles) > 1]
    if as_json:
        show_json(
            [
                {"story": one.id, "headline": one.headline, "articles": list(one.articles)}
                for one in several
            ]
        )
        return
    for one in several:
        say(f"{one.id}  {len(one.articles):>4}  {one.headline}")
    say(count(len(several), "story", "stories"))


@story.command()
def explain(context: typer.Context, story_id: str, as_json: Json = False) -> None:
    """Say which evidence put each article into a story."""
    from newsletter.stories.explain import explain as explain_story

    with place(context).newsroom() as room:
        since = room.clock() - timedelta(days=room.config.stories.window_days)
        stories = room.stories.since(since)
        ids = [article for one in stories for article in one.articles]
        articles = room.articles.get(ids)
        found = explain_story(story_id, stories, articles, settings=room.config.stories)
    if as_json:
        show_json(asdict(found))
        return
    for reason in found.reasons:
        say(f"{articles[reason.article].title}")
        say(f"  {reason.article}: {reason.sentence}")
