"""``segments``: the parts an edition's readers fall into."""

from __future__ import annotations

from typing import Annotated

import typer

from newsletter.audience.rule_words import in_words
from newsletter.cli.place import Json, count, place, say, show_json
from newsletter.config import Segment
from newsletter.errors import NotFound
from newsletter.newsroom import Newsroom

segments = typer.Typer(help="The parts an edition's readers fall into.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="SEGMENT", help="A name from segments.toml.")]


@segments.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the segments with how many readers each has."""
    with place(context).newsroom() as room:
        rows = [
            {
                "segment": name,
                "edition": segment.edition,
                "title": segment.title,
                "test": segment.test,
                "readers": room.readers.count_segment(segment),
            }
            for name, segment in room.config.segments.items()
        ]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        mark = " (for tests)" if row["test"] else ""
        say(f"{row['readers']:>9,}  {row['segment']:<20} {row['edition']:<10} {row['title']}{mark}")
    if not rows:
        say("There are no segments: every subscriber of an edition gets it.")


@segments.command("count")
def count_segment(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """Count the readers of one segment."""
    with place(context).newsroom() as room:
        number = room.readers.count_segment(_segment(room, name))
    if as_json:
        show_json({"segment": name, "readers": number})
    else:
        say(count(number, "reader"))


@segments.command("show")
def show_segment(
    context: typer.Context,
    name: Name,
    members: Annotated[int, typer.Option(help="Also list so many of its readers.")] = 0,
    as_json: Json = False,
) -> None:
    """Show the rules of a segment and how many readers it has."""
    with place(context).newsroom() as room:
        segment = _segment(room, name)
        number = room.readers.count_segment(segment)
        some = [one.email for one in room.readers.members(segment, most=members)] if members else []
    facts = segment.model_dump(by_alias=True, exclude_none=True, mode="json")
    if as_json:
        extra = {"members": some} if members else {}
        show_json({"segment": name, "readers": number, **facts, **extra})
        return
    say(f"{name}: {segment.title}")
    say(f"edition: {segment.edition}{', for tests only' if segment.test else ''}")
    for rule in facts["where"]:
        for line in in_words(rule):
            say(f"  {line}")
    if segment.exclude:
        say(f"  not on the lists {', '.join(segment.exclude)}")
    say(f"readers: {number:,}")
    for address in some:
        say(f"  {address}")


def _segment(room: Newsroom, name: str) -> Segment:
    """A segment by its name.

    :raises NotFound: when there is none.
    """
    segment = room.config.segments.get(name)
    if segment is None:
        raise NotFound(
            name,
            "is not a segment",
            hint=f"Segments: {', '.join(room.config.segments) or 'none'}.",
        )
    return segment
