"""Commands that need no database: ``parse``, ``brief``, and ``group --from``.

They read and write JSON lines, so that another program can use one stage alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from newsletter.cli.place import Place, place
from newsletter.clock import system_clock
from newsletter.config import BriefSettings, Collect, Stories
from newsletter.errors import BriefError, FeedUnreadable, NewsletterError, StoryError


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(parse)
    app.command()(brief)


def parse(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A feed file; - for standard input.")
    ] = None,
    url: Annotated[str, typer.Option(help="The address the feed was fetched from.")] = "",
    many: Annotated[
        Path | None,
        typer.Option(help="A file with a path, a tab and an address on each line."),
    ] = None,
) -> None:
    """Read a feed file and print its articles as JSON lines."""
    from newsletter.feeds.lines import parse_file, parse_many

    now = system_clock()
    if many is not None:
        parsers = _section(place(context), "collect", Collect()).parsers
        _print(parse_many(_text_lines(many), first_seen=now, parsers=parsers))
        return
    if file is None:
        raise typer.BadParameter("name a feed FILE, or a list of them with --many")
    body = sys.stdin.buffer.read() if str(file) == "-" else _bytes(file)
    _print(parse_file(body, url or file.name, first_seen=now))


def brief(
    context: typer.Context,
    source: Annotated[Path, typer.Option("--from", help="JSON lines of stories.")],
    target: Annotated[Path, typer.Option("--to", help="Where the briefs go, as JSON lines.")],
) -> None:
    """Write stories from both sides, from JSON lines to JSON lines."""
    from newsletter.brief.lines import brief_lines
    from newsletter.stories.coverage import coverage

    here = place(context)
    settings = _section(here, "brief", BriefSettings())
    rules = _section(here, "stories", Stories())
    _write(
        target,
        brief_lines(
            _objects(source, BriefError),
            lambda articles, outlets: coverage(articles, outlets, rules),
            settings,
        ),
    )


def group_file(here: Place, source: Path | None, target: Path | None) -> None:
    """Group articles from JSON lines to JSON lines."""
    from newsletter.stories.embedding import embedding_of
    from newsletter.stories.lines import group_lines

    if source is None or target is None:
        raise typer.BadParameter("--from and --to go together")
    settings = _section(here, "stories", Stories())
    embedding = embedding_of(settings.embedding, here.file.resolve().parent)
    _write(target, group_lines(_objects(source, StoryError), settings, embedding))


def _section(here: Place, name: str, default: Any) -> Any:
    """A table of the configuration where there is one; these commands also work without."""
    if not here.file.is_file() and not here.overrides:
        return default
    return getattr(here.config(), name)


def _objects(source: Path, error: type[NewsletterError]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_text_lines(source), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except ValueError:
            raise error(f"{source}, line {number}", "is not JSON") from None
        if not isinstance(item, dict):
            raise error(f"{source}, line {number}", "is not a JSON object")
        yield item


def _text_lines(file: Path) -> Iterator[str]:
    with _stated(file), file.open(encoding="utf-8") as stream:
        yield from stream


def _bytes(file: Path) -> bytes:
    with _stated(file):
        return file.read_bytes()


def _write(target: Path, items: Iterable[Mapping[str, Any]]) -> None:
    with _stated(target), target.open("w", encoding="utf-8") as stream:
        _print(items, stream)


def _print(items: Iterable[Mapping[str, Any]], stream: IO[str] | None = None) -> None:
    out = stream or sys.stdout
    for item in items:
        out.write(json.dumps(item, ensure_ascii=False, default=str) + "\n")


@contextmanager
def _stated(file: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise FeedUnreadable(str(file), "is not UTF-8 text") from None
    except OSError as error:
        sentence = (error.strerror or "cannot be used").lower()
        raise FeedUnreadable(str(file), sentence) from None
