"""A person's hand on a brief: edit, rewrite, restore, withhold, release, each a new version.

What a person makes is held: a later run of the writer offers its text beside it and never puts it
in its place. Every change names the version it started from, so that of two people at once the
second is told what the first one did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from newsletter.errors import BriefError
from newsletter.model import (
    Brief,
    BriefEdit,
    BriefVersion,
    GateFinding,
    Quotable,
    Side,
)
from newsletter.newsroom import Newsroom
from newsletter.pipeline.story_text import (
    Table,
    furniture_lines,
    not_there,
    overtaken,
    speaks_against,
    version_of,
)

Block = Literal["headline", "deck", "overview", "left", "center", "right"]
WriterName = Literal["extract", "model"]


def check_edit(room: Newsroom, story_id: str, changes: BriefEdit) -> tuple[GateFinding, ...]:
    """What the gates find in an edit of the shown version, storing nothing.

    Meant to run while somebody types: only what the edit touches is judged again, and how left
    and right stand to each other.

    :raises NotFound: when there is no such story or it has no text yet.
    """
    table = Table.load(room, story_id)
    return speaks_against(room, table, _applied(table, changes))


def edit_brief(
    room: Newsroom, story_id: str, changes: BriefEdit, *, by: str, base_version: int
) -> Brief:
    """Store a person's edit as a new version, which is held from then on.

    :param base_version: the version the person was looking at.
    :raises BriefError: when another version is shown meanwhile, when the edit changes nothing,
        or when it does not pass the gates; nothing is stored then.
    """
    table = Table.load(room, story_id)
    if table.stands.brief.version != base_version:
        raise overtaken(room, story_id, base_version)
    brief = _applied(table, changes)
    return _edited(room, table, brief, by=by, note=changes.note)


def rewrite_block(
    room: Newsroom, story_id: str, block: Block, writer: WriterName, *, by: str
) -> Brief:
    """Have one block written anew by a writer; the rest stays as the person left it.

    Where a new left or right would not be alike to the other, both are taken, since half a
    change would make them unequal.

    :raises BriefError: when the new text does not pass, is the same, or cannot be written.
    """
    from newsletter.brief.edit import BLOCKS, with_blocks

    if block not in BLOCKS:
        raise BriefError(block, "is no part of a brief", hint=f"Known: {', '.join(BLOCKS)}.")
    table = Table.load(room, story_id)
    before = table.stands.brief

    def written(name: WriterName) -> Brief:
        return room.writer(name)(
            table.story,
            table.articles,
            table.outlets,
            before.coverage,
            room.config.brief,
            furniture=furniture_lines(room, table.outlets),
        )

    fresh = written(writer)
    # Where nothing of a model's passes, its writer gives the extract in that place.
    if writer == "model" and getattr(fresh, block) == getattr(written("extract"), block):
        about = [f.sentence for f in fresh.findings if f.block == "model"]
        about += [f.sentence for f in fresh.findings if f.block.startswith(block)]
        reason = f": {about[-1].rstrip('.')}" if about else ""
        raise BriefError(
            story_id,
            f"the model gave no {block} that passes the gates{reason}",
            hint="Try again, use the extract writer, or edit by hand.",
        )
    brief = with_blocks(before, fresh, (block,))
    taken = [block]
    if block in {"left", "right"} and _fails(speaks_against(room, table, brief), "parallel"):
        taken = ["left", "right"]
        brief = with_blocks(before, fresh, taken)
    if fresh.writer != "extract":
        brief = replace(brief, writer=fresh.writer)
    note = f"{' and '.join(taken)} written anew by {fresh.writer}"
    return _edited(room, table, brief, by=by, note=note)


def restore_version(room: Newsroom, story_id: str, version: int, *, by: str) -> Brief:
    """Make an earlier or an offered version the shown one again, as a new version.

    :raises NotFound: when there is no such version.
    :raises BriefError: when it no longer passes the gates, because articles have left the story.
    """
    table = Table.load(room, story_id)
    wanted = version_of(room, story_id, version)
    if wanted.version == table.stands.brief.version:
        raise BriefError(story_id, f"version {version} is the one that is shown already")
    present = {article.id for article in table.articles}
    brief = replace(
        wanted.brief,
        coverage=table.stands.brief.coverage,
        highlights={a: said for a, said in wanted.brief.highlights.items() if a in present},
    )
    return _edited(room, table, brief, by=by, note=f"version {version} restored", of=wanted)


def withhold(room: Newsroom, story_id: str, reason: str, *, by: str) -> Brief:
    """Keep a story out of every issue until it is released, for a stated reason."""
    table = Table.load(room, story_id)
    reason = " ".join(reason.split())
    if not reason:
        raise BriefError(story_id, "is not withheld without a reason", hint="Say why.")
    brief = replace(table.stands.brief, withheld=reason)
    return _saved(room, table, brief, by=by, note=f"withheld: {reason}")


def release(room: Newsroom, story_id: str, *, by: str) -> Brief:
    """Undo a person's hold: first the withholding, else the text goes back to the writer.

    A story that a person withheld is shown again as it was before. A story whose text a person
    holds gets the newest text of the writer, and later runs replace that freely.

    :raises BriefError: when nobody holds the story, or the writer itself withholds it.
    """
    table = Table.load(room, story_id)
    stands = table.stands
    if not stands.held:
        sentence = "nobody holds this story"
        hint = "The gates withheld it; edit it." if stands.brief.withheld else ""
        raise BriefError(story_id, sentence, hint=hint)
    known = room.briefs.versions(story_id)
    if stands.brief.withheld and stands.by:
        before = next((one for one in known if not one.withheld and not one.offered), None)
        if before is not None:
            brief = replace(before.brief, coverage=stands.brief.coverage)
            note = f"released as it was in version {before.version}"
            return _edited(room, table, brief, by=by, note=note, held=before.held)
    own = next((one for one in known if not one.held), None)
    if own is None:
        raise BriefError(story_id, "the writer has written nothing yet", hint="Run write.")
    note = f"given back to the writer, version {own.version}"
    return _saved(room, table, own.brief, by=by, note=note, held=False, of=own)


def versions(room: Newsroom, story_id: str) -> tuple[BriefVersion, ...]:
    """Every version of a story's text, newest first.

    :raises NotFound: when there is no such story or it has no text yet.
    """
    found = tuple(room.briefs.versions(story_id))
    if not found:
        raise not_there(room, story_id)
    return found


def ranked_evidence(room: Newsroom, story_id: str, side: Side | None) -> tuple[Quotable, ...]:
    """The passages that could stand for a side, best first, as bullets ready to be taken over.

    :param side: None asks for sentences of the overview.
    """
    from newsletter.brief.choices import ranked

    table = Table.load(room, story_id)
    return ranked(
        table.stands.brief,
        side,
        table.articles,
        table.outlets,
        room.config.brief,
        furniture=furniture_lines(room, table.outlets),
    )


# --------------------------------------------------------------------------- within


def _applied(table: Table, changes: BriefEdit) -> Brief:
    from newsletter.brief.edit import edited

    return edited(table.stands.brief, changes, table.articles, table.outlets)


def _edited(
    room: Newsroom,
    table: Table,
    brief: Brief,
    *,
    by: str,
    note: str = "",
    of: BriefVersion | None = None,
    held: bool = True,
) -> Brief:
    """Store a changed text when it is one and passes; what the program withheld is then shown."""
    from newsletter.brief.edit import what_changed

    before = table.stands.brief
    if _same(brief, before):
        raise BriefError(table.story.id, "the text is the same as before, so nothing was stored")
    findings = speaks_against(room, table, brief)
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        first = findings[0]
        raise BriefError(
            table.story.id,
            f"the text does not pass: {first.block}: {first.sentence.rstrip('.')}{more}",
            hint="Nothing was stored; change that part and try again.",
        )
    if not (table.stands.by and before.withheld and brief.withheld):
        brief = replace(brief, withheld="")
    changed = what_changed(before, brief)
    note = note or f"changed: {', '.join(changed)}"
    return _saved(room, table, brief, by=by, note=note, of=of, held=held)


def _saved(
    room: Newsroom,
    table: Table,
    brief: Brief,
    *,
    by: str,
    note: str,
    held: bool = True,
    of: BriefVersion | None = None,
) -> Brief:
    """Store a person's version over the shown one; refused when somebody was quicker."""
    from newsletter.brief.drafts import read_signature

    by = " ".join(by.split())
    if not by:
        raise BriefError(table.story.id, "a person's version needs a name", hint="Say who you are.")
    stands = table.stands
    base = stands.brief.version
    model, prompt = read_signature(brief.writer)
    saved = room.briefs.save(
        replace(brief, edited_by=by if held else ""),
        sources_sha256=of.sources if of else stands.sources,
        made=room.clock(),
        model=model,
        prompt=prompt,
        by=by,
        note=note,
        base=of.version if of else base,
        held=held,
        expected=base,
    )
    if saved is None:
        raise overtaken(room, table.story.id, base)
    return saved


def _same(one: Brief, other: Brief) -> bool:
    def bare(brief: Brief) -> Brief:
        return replace(brief, version=0, edited_by="", findings=(), coverage=other.coverage)

    return bare(one) == bare(other)


def _fails(findings: Sequence[GateFinding], gate: str) -> bool:
    return any(finding.gate == gate for finding in findings)
