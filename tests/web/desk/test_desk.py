"""The desk over a real day: what is stored, who may, and what two people at once do to each other."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from newsletter import pipeline
from newsletter.config import Config, Segment
from newsletter.database.reports import Report, Reports
from newsletter.errors import NewsletterError
from newsletter.model import IssueState
from newsletter.newsroom import Newsroom
from tests.conftest import StillClock
from tests.web.desk.at_once import work_at_once
from tests.web.desk.day import NOON, copy_of, prepare
from tests.web.desk.person import Person, desk_app
from tests.web.serving import Client, served

ISSUE = "daily-2026-11-22"
HERE = f"/desk/issues/{ISSUE}"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """The invented day, made once."""
    folder = tmp_path_factory.mktemp("day")
    return folder, prepare(folder)


@pytest.fixture
def room(day: tuple[Path, Config], tmp_path: Path) -> Iterator[Newsroom]:
    """A newsroom over a copy of the day."""
    room = copy_of(*day, tmp_path / "place", StillClock(NOON))
    yield room
    room.close()


@pytest.fixture
def desk(room: Newsroom) -> Iterator[Client]:
    """The desk, served."""
    with served(desk_app(room)) as client:
        yield client


def somebody(desk: Client, role: str) -> Person:
    """Somebody of a role, signed in."""
    person = Person(desk)
    assert person.sign_in(f"{role}@example.org").status == 303
    return person


def told(room: Newsroom) -> list[str]:
    """The stories of the issue, in order."""
    return list(room.issues.stories_of(room.issues.find(ISSUE)))


def arrange(person: Person, seen: int, act: str, story: str, **more: object) -> int:
    """Send one decision about a story; the status of the answer."""
    person.get(HERE)
    fields = {"act": act, "story": story, "seen": seen, **more}
    return person.post(f"{HERE}/arrange", fields).status


def test_an_editor_arranges_the_issue(desk: Client, room: Newsroom) -> None:
    """Up, pin, drop, hold, back and swap are stored, and the issue says them at once."""
    editor = somebody(desk, "editor")
    one, two, *_, last = told(room)
    assert arrange(editor, 0, "up", two) == 303
    assert told(room)[:2] == [two, one]
    assert arrange(editor, 1, "drop", last) == 303
    assert last not in told(room)
    assert "Out by your decision (1)" in editor.get(HERE).text
    assert arrange(editor, 2, "back", last) == 303
    assert last in told(room)
    assert arrange(editor, 3, "hold", last) == 303
    waiting = [one.story for one in room.arrangements.waiting("daily", NOON.date())]
    outside = next(story for story in waiting if story not in told(room) and story != last)
    gone = told(room)[2]
    assert arrange(editor, 4, "swap", outside, out=gone) == 303
    assert outside in told(room)
    assert gone not in told(room)
    assert arrange(editor, 5, "pin", last) == 303
    assert last in told(room)
    assert arrange(editor, 6, "unpin", last) == 303
    assert [c.number for c in room.arrangements.changes("daily", NOON.date())] == [*range(1, 8)]
    assert room.arrangements.changes("daily", NOON.date())[-1].sentence.startswith("unpinned")


def test_what_was_held_is_pinned_the_next_day(desk: Client, room: Newsroom) -> None:
    """A story held for tomorrow stands before the others when tomorrow's issue is made."""
    held = told(room)[-1]
    assert arrange(somebody(desk, "editor"), 0, "hold", held) == 303
    clock = room.clock
    assert isinstance(clock, StillClock)
    clock.pass_(days=1)
    tomorrow = pipeline.compose(room).issue
    assert tomorrow.id == "daily-2026-11-23"
    assert held in room.issues.stories_of(tomorrow)


def test_the_second_editor_is_told_what_the_first_did(desk: Client, room: Newsroom) -> None:
    """A decision made on an old list is not stored; the answer says who changed what."""
    one, other = somebody(desk, "editor"), somebody(desk, "publisher")
    _, second, third, *_ = told(room)
    assert arrange(one, 0, "up", second) == 303
    assert arrange(other, 0, "drop", third) == 409
    assert other.last is not None
    assert "Edda Ito moved" in other.last.text
    assert "Nothing of yours was stored" in other.last.text
    assert third in told(room)
    assert arrange(other, 1, "drop", third) == 303


def test_an_edit_after_approval_needs_a_new_approval(desk: Client, room: Newsroom) -> None:
    """Approval is bound to the bytes: any change takes it back, and an old page approves nothing."""
    publisher = somebody(desk, "publisher")
    page = publisher.get(f"{HERE}/approve").text
    [seen] = re.findall(r'name="sha256" value="([0-9a-f]{64})"', page)
    assert publisher.post(f"{HERE}/approve", {"sha256": ""}).status == 409
    publisher.get(f"{HERE}/approve")
    assert publisher.post(f"{HERE}/approve", {"sha256": seen}).status == 303
    assert room.issues.find(ISSUE).approved_by == "Pia Lund"
    again = somebody(desk, "admin")
    again.get(f"{HERE}/approve")
    assert "has approved this already" in again.post(f"{HERE}/approve", {"sha256": seen}).text
    assert arrange(somebody(desk, "editor"), 0, "up", told(room)[1]) == 303
    issue = room.issues.find(ISSUE)
    assert (issue.state, issue.approved_by, issue.approved_sha256) == (IssueState.DRAFT, "", "")
    publisher.get(f"{HERE}/approve")
    late = publisher.post(f"{HERE}/approve", {"sha256": seen})
    assert late.status == 409
    assert "as changed since you looked at it" in late.text
    publisher.get(f"{HERE}/approve")
    assert publisher.post(f"{HERE}/send", {"sha256": seen}).status == 409
    assert room.issues.find(ISSUE).state is IssueState.DRAFT


def test_two_people_where_two_are_needed(day: tuple[Path, Config], tmp_path: Path) -> None:
    """One approval is not enough, the same person's twice neither; nobody sends it unattended."""

    def two(config: Config) -> Config:
        return config.model_copy(
            update={"desk": config.desk.model_copy(update={"two_person": True})}
        )

    room = copy_of(*day, tmp_path / "place", StillClock(NOON), two)
    with served(desk_app(room)) as client:
        for role, state in (("publisher", "draft"), ("publisher", "draft"), ("admin", "approved")):
            person = somebody(client, role)
            page = person.get(f"{HERE}/approve").text
            [seen] = re.findall(r'name="sha256" value="([0-9a-f]{64})"', page)
            person.post(f"{HERE}/approve", {"sha256": seen})
            assert room.issues.find(ISSUE).state == state
        assert room.issues.find(ISSUE).approved_by in {
            "Pia Lund and Ada Moss",
            "Ada Moss and Pia Lund",
        }
        with pytest.raises(NewsletterError, match="two people"):
            pipeline.approve_unattended(room, room.issues.find(ISSUE))
    room.close()


def test_editing_does_not_send_and_sending_does_not_edit(desk: Client, room: Newsroom) -> None:
    """Each role is refused what is not its own, on the page and behind it."""
    sha = room.issues.revision(room.issues.find(ISSUE)).sha256
    story = told(room)[0]
    text = f"{HERE}/stories/{story}"
    refused = {
        "editor": [(f"{HERE}/approve", {"sha256": sha}), (f"{HERE}/send", {"sha256": sha}),
                   (f"/desk/sending/{ISSUE}", {"act": "cancel"}), (f"{HERE}/plan", {"at": "never"}),
                   ("/desk/sources/state", {"url": "x", "act": "retire"})],
        "operator": [(f"{HERE}/approve", {"sha256": sha}), (f"{HERE}/arrange", {"act": "drop"}),
                     (f"{text}/edit", {"headline": "x"}), (f"{text}/withhold", {"reason": "x"}),
                     (f"{text}/articles", {"act": "merge"}), (f"{HERE}/test", {"act": "add"}),
                     ("/desk/reports/abc123def456", {"outcome": "closed", "answer": "x"})],
        "publisher": [("/desk/people", {"email": "x@example.org", "role": "admin"}),
                      ("/desk/sources/try", {"url": "http://127.0.0.1/"})],
    }  # fmt: skip
    for role, acts in refused.items():
        person = somebody(desk, role)
        for path, fields in acts:
            person.get("/desk/account")
            assert person.post(path, fields).status == 403, (role, path)
    for path in ("/desk/readers", "/desk/people", "/desk/audit"):
        assert somebody(desk, "editor").get(path).status == 403
    preview = somebody(desk, "editor").get(f"{HERE}/preview?reader=reader1@example.org")
    assert preview.status == 403
    assert room.issues.find(ISSUE).state is IssueState.DRAFT


def test_no_page_changes_anything(desk: Client, room: Newsroom) -> None:
    """Everything that acts is a POST: following a link never does."""
    admin, story = somebody(desk, "admin"), told(room)[0]
    before = room.issues.find(ISSUE)
    for path in (
        f"{HERE}/arrange", f"{HERE}/send", f"{HERE}/plan", f"{HERE}/test",
        f"{HERE}/stories/{story}/edit", f"{HERE}/stories/{story}/withhold",
        f"{HERE}/stories/{story}/rewrite", f"{HERE}/stories/{story}/restore",
        f"{HERE}/stories/{story}/correct", f"{HERE}/stories/{story}/locks/1",
        "/desk/draft", "/desk/reports/abc123def456", "/desk/sources/try", "/desk/sources/state",
    ):  # fmt: skip
        assert admin.get(f"{path}?act=drop&story={story}&csrf=x").status == 405, path
    assert room.issues.find(ISSUE) == before


def test_a_template_reads_nothing_of_the_machine(desk: Client, room: Newsroom) -> None:
    """Words that look like a template, wherever they are typed, are words (CVE of a neighbour)."""
    editor, story = somebody(desk, "editor"), told(room)[0]
    attack = "{{ cycler.__init__.__globals__.os.environ }}${7*7}<%= 7*7 %>"
    editor.get(f"{HERE}/stories/{story}")
    page = editor.post(
        f"{HERE}/stories/{story}/edit", {"headline": attack, "version": 1, "at": "headline"}
    ).text
    assert "PATH" not in page
    assert "{{" not in page.split("<main", 1)[1].split("</main>", 1)[0]
    Reports(room.database).add(
        Report(number="abc123def456", kind="unfair", slug="x", story=attack, details=attack,
               email="", made=NOON)
    )  # fmt: skip
    shown = editor.get("/desk/reports").text
    assert "environ" in shown
    assert "/usr/" not in shown


def test_the_preview_is_what_will_be_sent(desk: Client, room: Newsroom) -> None:
    """The stored bytes, with nobody's links, in a frame that nothing gets out of."""
    operator = somebody(desk, "operator")
    answer = operator.get(f"{HERE}/preview")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    [rendered] = room.issues.revision(room.issues.find(ISSUE)).rendered
    sent = re.sub(rf"{rendered.tag}_\w+?_", "", rendered.html)
    pieces = [piece for piece in re.findall(r">([^<>]{20,})<", sent) if "{" not in piece]
    assert len(pieces) > 20
    assert all(piece in answer.text for piece in pieces)
    assert rendered.tag not in answer.text
    reader = room.readers.by_email("reader1@example.org")
    assert reader is not None
    own = operator.get(f"{HERE}/preview?reader=reader1@example.org&as=text").text
    assert reader.token not in own
    assert "no reader of this address" in operator.get(f"{HERE}/preview?reader=x@example.org").text
    dark = operator.get(f"{HERE}/preview?dark=1").text
    assert "prefers-color-scheme" not in dark


def test_letters_in_doubt_are_decided_by_a_person(desk: Client, room: Newsroom) -> None:
    """Pause, go on, check, send again and write off are buttons; the log finds a reader."""
    publisher = somebody(desk, "admin")
    page = publisher.get(f"{HERE}/approve").text
    [seen] = re.findall(r'name="sha256" value="([0-9a-f]{64})"', page)
    publisher.post(f"{HERE}/approve", {"sha256": seen})
    pipeline.send(room, ISSUE)
    with room.database.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state='unknown' WHERE id <= 3")
        connection.exec_driver_sql("UPDATE issues SET state='partly_sent'")
    there = f"/desk/sending/{ISSUE}"
    assert "3 letters in doubt" in publisher.get(there).text
    found = publisher.get(f"{there}?q=READER4@")
    assert found.text.count("reader4@example.org") >= 1
    assert "reader5@example.org" not in found.text
    assert publisher.post(there, {"act": "write_off"}).status == 303
    assert room.ledger.states(ISSUE) == {"accepted": 9, "rejected": 3}
    publisher.get(there)
    assert publisher.post(there, {"act": "dance"}).status == 409
    assert "reader4@" not in somebody(desk, "editor").get(f"{there}?q=reader4").text


def test_reports_are_tickets(desk: Client, room: Newsroom) -> None:
    """A report waits, is answered in words, and its page says so to whoever made it."""
    Reports(room.database).add(
        Report(number="abc123def456", kind="wrong_fact", slug="x", story="Roads", details="Wrong.",
               email="reader1@example.org", made=NOON)
    )  # fmt: skip
    editor = somebody(desk, "editor")
    page = editor.get("/desk/reports").text
    assert "reader1@example.org" not in page, "an editor does not see who reads"
    assert (
        editor.post("/desk/reports/abc123def456", {"outcome": "fixed", "answer": "x"}).status == 400
    )
    editor.get("/desk/reports")
    answer = {"outcome": "corrected", "answer": "You are right."}
    assert editor.post("/desk/reports/abc123def456", answer).status == 303
    assert "You are right." in desk.get("/reports/abc123def456").text


def test_two_editors_and_the_scheduler_at_once(room: Newsroom) -> None:
    """Whatever runs side by side, no edit is lost and no approval counts twice."""
    tally = work_at_once(room, ISSUE, rounds=9)
    assert tally.wrong == []
    assert tally.told["decisions stored"]
    assert tally.told["texts stored"]


def test_odd_requests_get_an_answer(desk: Client, room: Newsroom) -> None:
    """Ids, numbers and bodies that no page of ours sends end in a refusal, never in a crash."""
    admin, story = somebody(desk, "admin"), told(room)[0]
    odd = ["%00", "latest", "%F0%9F%98%80", "a" * 300, "'%22<"]
    for word in odd:
        for path in (
            f"/desk/issues/{word}", f"{HERE}/stories/{word}", f"/desk/sending/{word}",
            f"{HERE}/stories/{story}?at={word}", f"{HERE}/stories/{story}/versions?version={word}",
            f"{HERE}/preview?revision={word}&variant={word}", f"/desk/readers?q={word}&after={word}",
            f"/desk/numbers/{word}", f"/desk/audit?actor={word}", f"{HERE}?as={word}",
        ):  # fmt: skip
            assert admin.get(path).status < 500, path
    for path in (f"{HERE}/arrange", f"{HERE}/stories/{story}/articles", "/desk/sources/try",
                 f"{HERE}/stories/{story}/quotes", f"/desk/sending/{ISSUE}"):  # fmt: skip
        for word in odd:
            admin.get("/desk/account")
            body = dict.fromkeys(("act", "story", "seen", "other", "article", "at", "start", "version", "url", "published", "kind"), word)  # fmt: skip
            assert admin.post(path, body).status < 500, (path, word)
    huge = urlencode({"csrf": admin.csrf(), "act": "x" * 300_000})
    answer = desk.ask("POST", f"{HERE}/arrange", huge,
                      {"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert answer.status in {303, 403, 413}


def test_numbers_say_what_was_read_and_never_by_whom(desk: Client, room: Newsroom) -> None:
    """Followed links by story and side, of readers who let us count; without any, the page says so."""
    with room.database.begin() as connection:
        connection.exec_driver_sql("UPDATE readers SET tracking = 1 WHERE email LIKE 'reader1@%'")
    issue = room.issues.find(ISSUE)
    sha = room.issues.revision(issue).sha256
    pipeline.approve(room, ISSUE, by="Pia Lund", sha256=sha)
    pipeline.send(room, ISSUE)
    editor = somebody(desk, "editor")
    page = editor.get(f"/desk/numbers/{ISSUE}").text
    assert "0 links followed by readers of 1 letter, of 12." in page
    with room.database.reading() as connection:
        key = connection.exec_driver_sql(
            "SELECT key FROM deliveries JOIN readers ON readers.id = reader "
            "WHERE readers.email LIKE 'reader1@%'"
        ).scalar_one()
        link, story = connection.exec_driver_sql(
            "SELECT number, story FROM issue_links WHERE side = 'left' ORDER BY number"
        ).first() or (0, "")
    assert room.clicks.note(key, link, at=NOON)
    page = editor.get(f"/desk/numbers/{ISSUE}").text
    assert "1 link followed by readers of 1 letter, of 12." in page
    headline = room.briefs.newest([story])[story][0].headline
    row = re.search(rf"<tr data-item><td>{re.escape(html.escape(headline))}</td>(.*?)</tr>", page)
    assert row is not None
    assert re.findall(r">([0-9]+)<", row[1]) == ["1", "0", "0", "0", "0", "1"]
    assert 'aria-label="Links followed by side. left: 1; center: 0; right: 0; unrated: 0"' in page
    assert "reader1@" not in page
    numbers = editor.get("/desk/numbers").text
    assert re.findall(r'<td class="n">([0-9]+)</td>', numbers) == [
        "12",
        "12",
        "0",
        "0",
        "0",
        "1",
        "1",
    ]
    with room.database.begin() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET variant = ''")
    page = editor.get(f"/desk/numbers/{ISSUE}").text
    assert "1 link followed by readers who let us count; their letters are no longer kept." in page
    assert "Links followed by side. left: 1;" in page
    with room.database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM clicks")
    assert "None is counted" in editor.get(f"/desk/numbers/{ISSUE}").text


def test_a_segment_is_looked_at(day: tuple[Path, Config], tmp_path: Path) -> None:
    """Segments stand with their rules in words, a count and some of their readers."""
    rules = {"title": "Londoners", "where": [{"field": "timezone", "in": ["Europe/London"]}]}
    segment = Segment.model_validate(rules)
    room = copy_of(
        *day,
        tmp_path / "place",
        StillClock(NOON),
        lambda config: config.model_copy(update={"segments": {"london": segment}}),
    )
    with served(desk_app(room)) as client:
        page = somebody(client, "operator").get("/desk/readers?segment=london").text
        assert "timezone in Europe/London" in page
        assert ">12</td>" in page
        assert page.count("reader7@example.org") > 1
        assert somebody(client, "operator").get("/desk/readers?segment=nobody").status == 200
    room.close()
