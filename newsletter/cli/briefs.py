"""``story``, the text of one: its versions, and every way to change it by hand."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from newsletter.cli.place import Json, count, place, say, show_json
from newsletter.cli.stories import story
from newsletter.errors import BriefError, NotFound
from newsletter.model import Brief, BriefEdit, BriefVersion, Side
from newsletter.pipeline import briefs

Person = Annotated[str, typer.Option(help="Who does this; it stands beside the version.")]
StoryId = Annotated[str, typer.Argument(metavar="STORY", help='An id from "story list".')]
_edit = TypeAdapter(BriefEdit)


class Place(StrEnum):
    """Where a passage could stand."""

    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"
    OVERVIEW = "overview"


class Block(StrEnum):
    """A part of a brief that can be written anew."""

    HEADLINE = "headline"
    DECK = "deck"
    OVERVIEW = "overview"
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Writer(StrEnum):
    """Who writes it."""

    EXTRACT = "extract"
    MODEL = "model"


def register(app: typer.Typer) -> None:
    """Add the group "story", with the commands of this file too."""
    app.add_typer(story, name="story")


@story.command()
def versions(context: typer.Context, story_id: StoryId, as_json: Json = False) -> None:
    """List every version of a story's text with who or what made it, newest first."""
    with place(context).newsroom() as room:
        found = briefs.versions(room, story_id)
    if as_json:
        show_json([asdict(one) for one in found])
        return
    for one in found:
        say(_line(one))
        if one.withheld:
            say(f"      withheld: {one.withheld}")
        for finding in one.brief.findings:
            say(f"      {finding.block}: {finding.sentence}")


@story.command()
def show(
    context: typer.Context,
    story_id: StoryId,
    version: Annotated[int, typer.Option(help="A version; the shown one by default.")] = 0,
    as_json: Json = False,
) -> None:
    """Print a story's text; as JSON it can be changed and given back to "story edit --from"."""
    with place(context).newsroom() as room:
        found = briefs.versions(room, story_id)
    one = next((v for v in found if (v.version == version if version else v.shown)), None)
    if one is None:
        raise NotFound(f"{story_id} version {version}", "there is no such version")
    if as_json:
        show_json(_editable(one.brief))
        return
    say(_line(one))
    for line in _text(one.brief):
        say(line)


@story.command()
def evidence(
    context: typer.Context, story_id: StoryId, where: Place, as_json: Json = False
) -> None:
    """List the passages that could stand for a side or in the overview, the best first."""
    side = None if where is Place.OVERVIEW else Side(where.value)
    with place(context).newsroom() as room:
        found = briefs.ranked_evidence(room, story_id, side)
    if as_json:
        show_json([asdict(one) for one in found])
        return
    for one in found:
        kind = ", opinion" if one.opinion else ""
        say(f"{'*' if one.used else ' '} {one.value:5.2f}  {one.outlet}{kind}  {one.article}")
        say(f"         {one.evidence.text}")
    say(f"{count(len(found), 'passage')}; * stands in the text now")


@story.command()
def edit(  # noqa: PLR0917 - the options of a command
    context: typer.Context,
    story_id: StoryId,
    by: Person,
    base: Annotated[int, typer.Option(help="The version you were looking at.")],
    headline: Annotated[str | None, typer.Option(help="A new headline.")] = None,
    deck: Annotated[str | None, typer.Option(help="A new line under it; empty for none.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", help='A JSON file like that of "story show --json"; - for input.'),
    ] = None,
    note: Annotated[str, typer.Option(help="Why, for whoever reads the versions.")] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Only say what the gates find; store nothing.")
    ] = False,
) -> None:
    """Change a story's text; what you change passes the same gates as the program's own."""
    given: dict[str, Any] = _read(source) if source else {}
    given |= {k: v for k, v in (("headline", headline), ("deck", deck)) if v is not None}
    given |= {"note": note} if note else {}
    try:
        changes = _edit.validate_python(given)
    except ValidationError as wrong:
        first = wrong.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BriefError(str(source), f"{where}: {first['msg'].lower()}") from None
    with place(context).newsroom() as room:
        if check:
            findings = briefs.check_edit(room, story_id, changes)
            for finding in findings:
                say(f"{finding.block}: {finding.sentence} ({finding.gate})")
            say(count(len(findings), "finding"))
            return
        made = briefs.edit_brief(room, story_id, changes, by=by, base_version=base)
    say(f"Version {made.version} is {by}'s and is kept until released.")


@story.command()
def rewrite(
    context: typer.Context,
    story_id: StoryId,
    block: Block,
    by: Person,
    writer: Annotated[Writer, typer.Option(help="Who writes it.")] = Writer.EXTRACT,
) -> None:
    """Have one block written anew; the rest stays as it is."""
    with place(context).newsroom() as room:
        made = briefs.rewrite_block(room, story_id, block.value, writer.value, by=by)
    say(f"Version {made.version} has a new {block.value}.")


@story.command()
def restore(context: typer.Context, story_id: StoryId, version: int, by: Person) -> None:
    """Show an earlier or an offered version again."""
    with place(context).newsroom() as room:
        made = briefs.restore_version(room, story_id, version, by=by)
    say(f"Version {made.version} says what version {version} said.")


@story.command()
def withhold(context: typer.Context, story_id: StoryId, reason: str, by: Person) -> None:
    """Keep a story out of every issue until it is released."""
    with place(context).newsroom() as room:
        made = briefs.withhold(room, story_id, reason, by=by)
    say(f"Withheld: {made.withheld}")


@story.command()
def release(context: typer.Context, story_id: StoryId, by: Person) -> None:
    """Undo a withholding; where there is none, give the text back to the writer."""
    with place(context).newsroom() as room:
        made = briefs.release(room, story_id, by=by)
    held = f"{made.edited_by}'s and is kept until released" if made.edited_by else "the writer's"
    say(f"Version {made.version} is shown; it is {held}.")


def _line(one: BriefVersion) -> str:
    marks = [word for word in ("shown", "held", "offered") if getattr(one, word)]
    who = f"{one.by} ({one.writer})" if one.by else one.writer
    line = f"{one.version:>4}  {one.made:%Y-%m-%d %H:%M}  {who}"
    line += f"  [{', '.join(marks)}]" if marks else ""
    return line + (f"  {one.note}" if one.note else "")


def _text(brief: Brief) -> list[str]:
    lines = [brief.headline, brief.deck, ""]
    lines += [f"{s.text}  [{', '.join(s.citations)}]" for s in brief.overview]
    for side in Side:
        own = brief.of(side)
        lines += ["", f"{side}: {own.status.replace('_', ' ')}"]
        lines += [f"- {b.text}  [{', '.join(b.citations)}]" for b in own.bullets]
    return lines


def _editable(brief: Brief) -> dict[str, Any]:
    """The parts of a brief that a person may change, in the shape an edit takes."""
    return {
        "headline": brief.headline,
        "deck": brief.deck,
        "overview": [{"text": s.text, "citations": list(s.citations)} for s in brief.overview],
        "bullets": {
            side.value: [
                {"text": b.text, "quotes": list(b.quotes), "citations": list(b.citations)}
                for b in brief.of(side).bullets
            ]
            for side in Side
        },
        "leads": {side.value: brief.of(side).lead for side in Side},
    }


def _read(source: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(source) == "-" else source.read_text("utf-8")
        given = json.loads(text)
    except OSError as error:
        sentence = (error.strerror or "cannot be read").lower()
        raise BriefError(str(source), sentence) from None
    except ValueError:
        raise BriefError(str(source), "is not JSON") from None
    if not isinstance(given, dict):
        raise BriefError(str(source), "is not a JSON object")
    return given
