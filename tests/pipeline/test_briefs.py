"""A person's change to a brief is a version, and no run of the writer takes it away."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter import pipeline
from newsletter.config import load, starter
from newsletter.database.engine import open_database
from newsletter.errors import BriefError, NotFound, NothingToSay
from newsletter.model import Article, Brief, BriefEdit, Bullet, Feed, Sentence, Side, SideStatus
from newsletter.newsroom import Newsroom
from newsletter.pipeline.briefs import (
    check_edit,
    edit_brief,
    ranked_evidence,
    release,
    restore_version,
    rewrite_block,
    versions,
    withhold,
)
from tests.brief.stand_ins import MORNING, OUTLETS, article, roads, story
from tests.conftest import StillClock

ADA, BEA = "Ada", "Bea"


@pytest.fixture
def room(tmp_path: Path, clock: StillClock) -> Iterator[Newsroom]:
    """A newsroom in which one invented story is written."""
    clock.now = MORNING.replace(hour=18)
    tables = "".join(
        f"[[source]]\nid = '{o.id}'\nname = '{o.name}'\nfeed = 'https://{o.id}.example.org/feed'\n"
        f"lean = '{o.lean}'\nfamily = '{o.family}'\n"
        for o in OUTLETS.values()
    )
    (tmp_path / "config.toml").write_text(f"[collect]\nsources = []\n{tables}")
    shutil.copytree(starter() / "templates", tmp_path / "templates")
    config = load(tmp_path / "config.toml")
    database = open_database(config.database_url)
    made = Newsroom(config=config, database=database, clock=clock, random=random.Random(1))
    made.articles.sync_sources(tuple(made.outlets.values()), made.feeds)
    arrive(made, roads())
    pipeline.write(made)
    yield made
    database.close()


def arrive(room: Newsroom, articles: list[Article]) -> None:
    """Articles come in, seen when they are published, and are of the one story."""
    for one in articles:
        feed = Feed(url=f"https://{one.outlet}.example.org/feed", outlet=one.outlet)
        room.articles.save_visits([(feed, [replace(one, feed=feed.url)])])
    known = room.stories.get(["roads"])
    ids = known["roads"].articles if known else ()
    every = [*room.articles.get(ids).values(), *articles]
    room.stories.save([story(sorted(every, key=lambda a: a.published))], room.clock())


def shown(room: Newsroom) -> Brief:
    """What readers would get."""
    return room.briefs.newest(["roads"])["roads"][0]


LATER = article(
    "late", "lark", "Governor signs roads bill",
    "Governor Marian Holt signed the $6.2 billion roads bill on Tuesday evening in Linden City.",
    hours=8,
)  # fmt: skip


def test_an_edit_is_a_version_with_its_person_and_evidence(room: Newsroom) -> None:
    """What a person writes is stored with who, when, from what, and where its words stand."""
    first = shown(room)
    bullet = Bullet(
        text='"A child on that bus loses forty minutes a day," said Senator Lucia Ferrant.',
        quotes=(), citations=("a-lark",),
    )  # fmt: skip
    headline = "Senate approves roads bill with 6-cent fuel levy"
    changes = BriefEdit(headline=headline, bullets={Side.LEFT: (bullet,)}, note="Plainer")
    with pytest.raises(BriefError, match="Left has 1"):
        edit_brief(room, "roads", changes, by=ADA, base_version=1)
    both = replace(changes, bullets={**changes.bullets, Side.RIGHT: first.right.bullets[:1]})
    assert check_edit(room, "roads", both) == ()
    made = edit_brief(room, "roads", both, by=ADA, base_version=1)
    assert (made.version, made.headline, made.edited_by) == (2, headline, ADA)
    quoted = made.left.bullets[0]
    assert quoted.text.startswith("“A child")
    assert quoted.quotes[0].startswith("A child")
    place = quoted.evidence[0]
    words = room.articles.get(["a-lark"])["a-lark"].words
    assert words[place.start : place.end] == place.text
    assert place.speaker == "Senator Lucia Ferrant"
    newest, oldest = versions(room, "roads")
    assert (newest.by, newest.note, newest.base, newest.shown, newest.held) == (
        ADA, "Plainer", 1, True, True,
    )  # fmt: skip
    assert (oldest.by, oldest.writer, oldest.shown) == ("", "extract", False)
    assert shown(room) == made


def test_the_second_of_two_editors_is_told_what_the_first_did(room: Newsroom) -> None:
    """An edit of a version that is no longer the newest is refused, and nothing is lost."""
    edit_brief(room, "roads", BriefEdit(deck=""), by=ADA, base_version=1)
    title = "Senate approves roads bill with 6-cent fuel levy"
    with pytest.raises(BriefError, match=r"Ada made version 2 at 18:00 UTC \(deck\)"):
        edit_brief(room, "roads", BriefEdit(headline=title), by=BEA, base_version=1)
    edit_brief(room, "roads", BriefEdit(headline=title), by=BEA, base_version=2)
    assert (shown(room).deck, shown(room).headline) == ("", title)


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        (BriefEdit(headline="Senate passes $7 billion roads bill"), "numbers"),
        (BriefEdit(headline="Senate passes disastrous roads bill"), "loaded words"),
        (BriefEdit(deck="Ada Lovelace spoke."), "names"),
        (BriefEdit(overview=(Sentence(text="The vote was 31 to 18.", citations=()),)), "citations"),
        (BriefEdit(leads={Side.LEFT: "a-oak"}), "empty sides"),
        (
            BriefEdit(bullets={Side.CENTER: (
                Bullet(text="“The vote was 18 to 31.”", quotes=(), citations=("a-mid",)),
            )}),
            "quotes",
        ),
    ],
)  # fmt: skip
def test_an_edit_passes_the_same_gates(room: Newsroom, changes: BriefEdit, gate: str) -> None:
    """What is not in the sources is found while somebody types, and cannot be stored."""
    assert {finding.gate for finding in check_edit(room, "roads", changes)} == {gate}
    with pytest.raises(BriefError, match="does not pass"):
        edit_brief(room, "roads", changes, by=ADA, base_version=1)
    assert shown(room).version == 1


def test_changed_sources_offer_a_version_and_keep_the_persons(room: Newsroom) -> None:
    """A run of the writer never replaces a person's text: it says that another one waits."""
    mine = edit_brief(room, "roads", BriefEdit(deck=""), by=ADA, base_version=1)
    assert pipeline.write(room).offered == ()
    arrive(room, [LATER])
    report = pipeline.write(room)
    assert report.offered == (("roads", mine.headline),)
    assert pipeline.write(room).written == 0
    assert pipeline.write(room).offered == report.offered
    assert shown(room) == mine
    offer = versions(room, "roads")[0]
    assert (offer.offered, offer.shown, offer.note) == (True, False, "offered: the sources changed")
    second = edit_brief(room, "roads", BriefEdit(leads={Side.LEFT: "late"}), by=ADA, base_version=2)
    assert pipeline.write(room).offered == report.offered
    taken = restore_version(room, "roads", offer.version, by=BEA)
    assert (taken.deck, taken.version) == (offer.brief.deck, second.version + 1)
    assert pipeline.write(room).offered == ()


def test_a_released_story_is_the_writers_again(room: Newsroom) -> None:
    """After a release the newest text of the writer is shown, and later runs replace it."""
    edit_brief(room, "roads", BriefEdit(deck=""), by=ADA, base_version=1)
    arrive(room, [LATER])
    pipeline.write(room)
    offer = versions(room, "roads")[0]
    back = release(room, "roads", by=BEA)
    assert (back.deck, back.edited_by) == (offer.brief.deck, "")
    assert (pipeline.write(room).written, pipeline.write(room).offered) == (0, ())
    with pytest.raises(BriefError, match="nobody holds"):
        release(room, "roads", by=BEA)
    arrive(room, [replace(LATER, id="later", outlet="oak", published=MORNING.replace(hour=16))])
    assert (pipeline.write(room).written, shown(room).edited_by) == (1, "")


def test_a_withheld_story_stays_out_until_released(room: Newsroom) -> None:
    """A person's reason holds over new sources and edits; the release gives the edit back."""
    mine = edit_brief(room, "roads", BriefEdit(deck=""), by=ADA, base_version=1)
    withhold(room, "roads", "The court asked us to wait.", by=BEA)
    arrive(room, [LATER])
    report = pipeline.write(room)
    assert report.withheld[0][1] == "The court asked us to wait."
    back = release(room, "roads", by=BEA)
    assert (back.withheld, back.deck, back.edited_by) == ("", mine.deck, BEA)
    assert pipeline.write(room).offered


def test_a_text_that_cites_a_departed_article_is_kept_and_withheld(room: Newsroom) -> None:
    """When a cited article leaves the story, the person's text is neither shown nor lost."""
    mine = edit_brief(room, "roads", BriefEdit(deck=""), by=ADA, base_version=1)
    gone = next(iter(mine.left.bullets)).citations[0]
    rest = [a for a in roads() if a.id != gone]
    room.stories.save([story(rest), story([a for a in roads() if a.id == gone], "apart")], MORNING)
    report = pipeline.write(room)
    assert "no longer of this story" in dict(report.withheld)[story(rest).headline]
    assert (shown(room).headline, shown(room).left) == (mine.headline, mine.left)
    assert release(room, "roads", by=ADA).withheld == ""


def test_an_earlier_version_comes_back(room: Newsroom) -> None:
    """Restoring makes a new version with the old words; the one in between is still there."""
    first = shown(room)
    edit_brief(room, "roads", BriefEdit(deck=""), by=ADA, base_version=1)
    back = restore_version(room, "roads", 1, by=ADA)
    assert (back.version, back.deck) == (3, first.deck)
    assert [one.version for one in versions(room, "roads")] == [3, 2, 1]
    for wrong, error in ((3, BriefError), (9, NotFound)):
        with pytest.raises(error):
            restore_version(room, "roads", wrong, by=ADA)


def test_a_block_is_written_anew(room: Newsroom) -> None:
    """The extract writer gives one block again and leaves the person's others."""
    first = shown(room)
    title = "Senate approves roads bill with 6-cent fuel levy"
    shorter = {side: first.of(side).bullets[:1] for side in (Side.LEFT, Side.RIGHT)}
    changes = BriefEdit(headline=title, deck="", bullets=shorter)
    edit_brief(room, "roads", changes, by=ADA, base_version=1)
    again = rewrite_block(room, "roads", "deck", "extract", by=BEA)
    assert (again.headline, again.deck) == (title, first.deck)
    again = rewrite_block(room, "roads", "left", "extract", by=BEA)
    assert len(again.left.bullets) == len(first.left.bullets)
    assert abs(len(again.left.bullets) - len(again.right.bullets)) <= 1
    with pytest.raises(BriefError, match="same as before"):
        rewrite_block(room, "roads", "deck", "extract", by=BEA)


def test_the_next_best_quotations_are_ready_to_be_taken(room: Newsroom) -> None:
    """Every ranked passage passes the gates as a point of its side, and used ones are marked."""
    for side in (Side.LEFT, Side.RIGHT):
        found = ranked_evidence(room, "roads", side)
        assert sum(one.used for one in found) == len(shown(room).of(side).bullets)
        other = next(one for one in found if not one.used)
        assert other.bullet is not None
        bullets = (*shown(room).of(side).bullets[1:], other.bullet)
        assert check_edit(room, "roads", BriefEdit(bullets={side: bullets})) == ()
    overview = ranked_evidence(room, "roads", None)
    assert any(one.used for one in overview)
    assert all(one.sentence is not None and one.sentence.citations for one in overview)


def test_what_is_not_there_is_said(room: Newsroom) -> None:
    """An unknown story, a nameless person, an empty reason and an empty edit are one sentence."""
    for ask in (versions, lambda r, s: withhold(r, s, "Why", by=ADA)):
        with pytest.raises(NotFound, match="no such story"):
            ask(room, "nothing")
    with pytest.raises(BriefError, match="needs a name"):
        edit_brief(room, "roads", BriefEdit(deck=""), by=" ", base_version=1)
    with pytest.raises(BriefError, match="without a reason"):
        withhold(room, "roads", " ", by=ADA)
    with pytest.raises(BriefError, match="same as before"):
        edit_brief(room, "roads", BriefEdit(headline=shown(room).headline), by=ADA, base_version=1)
    assert shown(room).right.status is SideStatus.OK


VETO = "Governor Marian Holt vetoed the roads bill on Wednesday and asked for a smaller levy."


def test_a_mailed_story_comes_back_with_what_is_new(room: Newsroom, clock: StillClock) -> None:
    """The second day's mail says what two families report since; without that it stays away."""
    pipeline.compose(room)
    pipeline.approve(room, "latest", by=ADA)
    pipeline.send(room, "latest")
    clock.pass_(hours=20)
    repeated = article("again", "tide", *(roads("lark")[0].title, roads("lark")[0].text), hours=30)
    arrive(room, [repeated])
    pipeline.write(room)
    with pytest.raises(NothingToSay):
        pipeline.compose(room)
    later = (
        ("v1", "lark", "Governor vetoes roads bill", VETO),
        ("v2", "oak", "Holt vetoes roads bill", VETO.replace("asked", "called")),
    )
    arrive(room, [article(*words, hours=31) for words in later])
    pipeline.write(room)
    revision = pipeline.compose(room).revision
    told = revision.content.stories[0]
    assert told.update
    assert told.brief.news is not None
    assert told.brief.news.text.startswith("“Governor Marian Holt vetoed the roads bill")
    assert not any("vetoed" in sentence.text for sentence in told.brief.overview)
    assert room.issues.find("latest").id == "daily-2026-03-04"
    mail = revision.rendered[0]
    assert "What is new: “Governor Marian Holt vetoed" in " ".join(mail.text.split())
    assert "What is new:</b> “Governor Marian Holt vetoed" in " ".join(mail.html.split())
    assert "Update" in mail.html
