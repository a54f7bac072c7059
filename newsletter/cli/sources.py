"""``sources``: the outlets that are read, how their feeds are doing, and where they come from."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.audit import who
from newsletter.cli.place import (
    NEEDS_A_PERSON,
    Json,
    Place,
    Progress,
    aside,
    count,
    place,
    say,
    show_json,
)
from newsletter.config import Config, Source, load
from newsletter.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from newsletter.feeds.health import SourceHealth, Summary
    from newsletter.newsroom import Newsroom

sources = typer.Typer(help="The outlets that are read.", no_args_is_help=True)

MOST_TROUBLED = 10
"""Lines of a summary; the whole list has a command of its own."""

File = Annotated[Path, typer.Argument(metavar="FILE")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(sources, name="sources")


@sources.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the sources with their lean and the health of their feeds, the worst first."""
    with place(context).newsroom() as room:
        lines = health_of(room)
        leans = {outlet.id: str(outlet.lean) for outlet in room.outlets.values()}
    _show(lines, leans, as_json=as_json)


@sources.command()
def check(context: typer.Context, as_json: Json = False) -> None:
    """Visit every feed now, store what is new, and say which are not healthy, and why."""
    from newsletter import pipeline
    from newsletter.feeds.health import NEEDS_A_PERSON as FOR_A_PERSON
    from newsletter.feeds.visit import Visit

    brought: dict[str, int] = {}
    with place(context).newsroom() as room:
        progress = Progress("feeds", len(room.feeds))

        def seen(visit: Visit) -> None:
            brought[visit.feed.url] = len(visit.articles)
            progress.step(note=visit.feed.outlet)

        try:
            report = pipeline.collect(room, force=True, on_visit=seen)
        finally:
            progress.end()
        lines = health_of(room, brought)
        leans = {outlet.id: str(outlet.lean) for outlet in room.outlets.values()}
    if as_json:
        _show(lines, leans, as_json=True)
    else:
        # Hundreds of healthy feeds would push the few others off the screen.
        _show_lines([line for line in lines if line.health != "healthy"], leans)
        say(f"{_totals(lines)}; {count(report.articles, 'new article')}")
        say("Every feed has a line in: newsletter sources list")
    if any(line.health in FOR_A_PERSON for line in lines):
        raise typer.Exit(NEEDS_A_PERSON)


@sources.command()
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="A feed, or a page that names its feed.")],
) -> None:
    """Find the feed of a page and add it to config.toml, unrated."""
    from newsletter.clock import system_clock
    from newsletter.feeds.discover import find_feed, source_of

    here = place(context)
    config = here.config()
    found = find_feed(url, config.collect, clock=system_clock)
    source = source_of(found, {one.id for one in config.sources})
    added = _append(here, config, [source])
    if not added:
        say(f"{found.url} is among the sources already.")
        return
    say(f"Added {source.id}: {source.name}, {found.url} ({count(found.articles, 'article')}).")
    say(f"  Its lean is unrated until you write one, with its reason, into {config.file}.")


@sources.command()
def wake(
    context: typer.Context,
    url: Annotated[str, typer.Argument(help="The feed, as the list of sources has it.")],
) -> None:
    """Ask a retired or parked feed again, from the next round on."""
    with place(context).newsroom() as room:
        if not room.articles.feeds({url}):
            raise NotFound(url, "no feed has this address", hint="See newsletter sources list.")
        room.articles.wake(url, now=room.clock())
        room.audit.note(who(), "source wake", url[:200])
    say(f"{url} is asked again.")


@sources.command("import-opml")
def import_opml(context: typer.Context, file: File) -> None:
    """Add the feeds of an OPML file to config.toml; outlets of other lists come in unrated."""
    from newsletter.feeds.opml import read_opml

    here = place(context)
    config = here.config()
    found = read_opml(_read(file), file.name)
    added = _append(here, config, found)
    say(f"Added {count(len(added), 'source')} of {len(found)}; the others were there already.")


@sources.command("export-opml")
def export_opml(
    context: typer.Context,
    to: Annotated[Path | None, typer.Option(help="A file; standard output by default.")] = None,
) -> None:
    """Write the sources as OPML; imported ratings are not among them."""
    from newsletter.clock import system_clock
    from newsletter.feeds.opml import write_opml

    config = place(context).config()
    body = write_opml(config.sources, title=config.site.name, now=system_clock())
    if to is None:
        sys.stdout.write(body.decode())
        return
    try:
        to.write_bytes(body)
    except OSError as error:
        raise ConfigError(str(to), f"cannot be written: {error.strerror}") from None
    aside(f"Wrote {count(len(config.sources), 'source')} to {to}.")


@sources.command("import-ratings")
def import_ratings(context: typer.Context, file: File) -> None:
    """Take over leans from a CSV of AllSides, Media Bias/Fact Check or Ad Fontes, here only."""
    from newsletter.clock import system_clock
    from newsletter.feeds.ratings import DISAGREE, read_ratings, write_overlay

    config = place(context).config()
    found = read_ratings(_read(file), file.name)
    text = write_overlay(found, config.sources, system_clock().date())
    target = config.ratings_file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
    except OSError as error:
        raise ConfigError(str(target), f"cannot be written: {error.strerror}") from None
    matched = len(tomllib.loads(text).get("ratings", {}))
    say(f"{found.service}: {count(matched, 'outlet')} of {len(config.sources)} rated by this file.")
    for told in text.splitlines():
        if told.startswith(DISAGREE):
            aside(f"  {told.removeprefix('# ')}")
    say(f"  Kept in {target}, used on this machine only, never exported.")
    say(f"  The method page shows: {found.attribution}")


def health_of(room: Newsroom, brought: dict[str, int] | None = None) -> tuple[SourceHealth, ...]:
    """How every configured feed is doing by what is stored, the worst first.

    :param brought: how many articles a visit just brought, by the feed's address.
    """
    from newsletter.feeds.health import check_feeds

    known = {feed.url: feed for feed in room.articles.feeds()}
    feeds = [known.get(feed.url, feed) for feed in room.feeds]
    return check_feeds(feeds, room.outlets, room.clock(), brought)


def sources_in_short(room: Newsroom) -> Summary:
    """All sources in a few words, for commands that tell of more than sources."""
    from newsletter.feeds.health import summarise

    return summarise(health_of(room))


def say_sources(summary: Summary, *, label: str = "") -> None:
    """Print a summary: one line of numbers, and a line for each source in trouble."""
    words = ", ".join(f"{number} {health}" for health, number in summary.counts.items())
    say(f"{label}{words or 'none'}")
    indent = " " * len(label)
    for line in summary.troubled[:MOST_TROUBLED]:
        say(f"{indent}{line.health:<8} {line.name:<24.24} {_why(line)}")
    more = len(summary.troubled) - MOST_TROUBLED
    if more > 0:
        say(f"{indent}and {more} more: newsletter sources list")


def summary_facts(summary: Summary) -> dict[str, object]:
    """A summary for another program."""
    return {
        "feeds": summary.feeds,
        "counts": summary.counts,
        "troubled": [_facts(line) for line in summary.troubled],
    }


def _facts(line: SourceHealth) -> dict[str, object]:
    return {
        "id": line.outlet,
        "name": line.name,
        "feed": line.url,
        "health": line.health,
        "reason": line.reason,
        "since": line.since,
        "last_success": line.last_success,
        "next_visit": line.next_visit,
        "seconds": line.seconds,
    }


def _why(line: SourceHealth) -> str:
    since = f" (since {line.since:%d %B %Y %H:%M} UTC)" if line.since else ""
    return f"{line.reason}{since}"


def _show(lines: Sequence[SourceHealth], leans: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        rows = [{**_facts(one), "lean": leans.get(one.outlet, "unrated")} for one in lines]
        for row, line in zip(rows, lines, strict=True):
            if line.articles is not None:
                row["articles"] = line.articles
        show_json(rows)
        return
    _show_lines(lines, leans)
    say(_totals(lines))


def _show_lines(lines: Sequence[SourceHealth], leans: dict[str, str]) -> None:
    for line in lines:
        lean = leans.get(line.outlet, "unrated")
        why = f"  {_why(line)}" if line.reason else ""
        say(f"{line.health:<8} {lean:<11} {line.name:<28.28} {line.url}{why}")


def _totals(lines: Sequence[SourceHealth]) -> str:
    from newsletter.feeds.health import summarise

    summary = summarise(lines)
    words = ", ".join(f"{number} {health}" for health, number in summary.counts.items())
    return f"{count(summary.feeds, 'feed')}: {words or 'none'}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(str(file), f"cannot be read: {(error.strerror or '').lower()}") from None


def _append(here: Place, config: Config, found: Sequence[Source]) -> list[Source]:
    """Write new sources at the end of config.toml; on any fault the file stays as it was."""
    addresses = {address for source in config.sources for address in source.addresses}
    ids = {source.id for source in config.sources}
    new: list[Source] = []
    for source in found:
        if source.feed in addresses:
            continue
        if source.id in ids:
            source = source.model_copy(update={"id": _free(source.id, ids)})  # noqa: PLW2901 - the same outlet under a free id
        ids.add(source.id)
        addresses.add(source.feed)
        new.append(source)
    if not new:
        return []
    before = config.file.read_text("utf-8")
    _replace(config.file, before.rstrip("\n") + "\n" + "".join(map(_table, new)))
    try:
        load(config.file, here.overrides)
    except ConfigError:
        _replace(config.file, before)
        raise
    return new


def _replace(file: Path, text: str) -> None:
    """Write a file in one step, so that nobody ever reads half of it."""
    file = file.resolve()  # a link stays a link
    making = file.with_name(f".{file.name}.new")
    try:
        making.write_text(text, "utf-8")
        shutil.copymode(file, making)
        making.replace(file)
    except OSError as error:
        raise ConfigError(str(file), f"cannot be written: {error.strerror}") from None


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _table(source: Source) -> str:
    """A ``[[source]]`` table of what is known."""
    from newsletter.cli.start import toml_value

    facts = source.model_dump(mode="json", exclude_defaults=True)
    lines = [f"{key} = {toml_value(value)}\n" for key, value in facts.items()]
    return "\n[[source]]\n" + "".join(lines)
