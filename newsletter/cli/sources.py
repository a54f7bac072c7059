"""``sources``: the outlets that are read, and how their feeds are doing."""

from __future__ import annotations

import typer

from newsletter.cli.place import Json, count, place, say, show_json

sources = typer.Typer(help="The outlets that are read.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(sources, name="sources")


@sources.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the sources with their lean and the state of their feeds."""
    with place(context).newsroom() as room:
        feeds = {feed.url: feed for feed in room.articles.feeds()}
        rows = [
            {
                "id": source.id,
                "name": source.name,
                "lean": source.lean,
                "family": source.outlet.family,
                "feed": url,
                "state": feeds[url].state if url in feeds else "new",
                "failures": feeds[url].failures if url in feeds else 0,
                "problem": feeds[url].problem if url in feeds else "",
                "last_success": feeds[url].last_success if url in feeds else None,
            }
            for source in room.config.sources
            for url in source.addresses
        ]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        problem = f"  {row['problem']}" if row["problem"] else ""
        say(f"{row['state']:<8} {row['lean']:<11} {row['name']:<28.28} {row['feed']}{problem}")
    troubled = sum(bool(row["problem"]) for row in rows)
    say(f"{count(len(rows), 'feed')}, {troubled} with a problem")
