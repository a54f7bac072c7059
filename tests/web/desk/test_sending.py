"""A send that is under way: watched, paused, resumed, cancelled, and decided about by clicks."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from newsletter.config import Config
from newsletter.delivery.transport.recording import RecordingTransport, accept
from newsletter.model import DeliveryState, IssueState, Letter, Outcome
from newsletter.newsroom import Newsroom
from tests.conftest import StillClock
from tests.web.desk.day import NOON, copy_of, prepare
from tests.web.desk.person import Person, desk_app
from tests.web.serving import served

ISSUE = "daily-2026-11-22"
THERE = f"/desk/sending/{ISSUE}"
READERS = 12


@dataclass(slots=True)
class Gate:
    """Lets letters through one by one, when the test says so; some are lost on the way."""

    permits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    open: threading.Event = field(default_factory=threading.Event)
    lost: set[str] = field(default_factory=set)
    left: Counter[str] = field(default_factory=Counter)

    def __call__(self, letter: Letter) -> Outcome:
        """The answer of the transport about one letter."""
        while not self.open.is_set() and not self.permits.acquire(timeout=0.02):
            pass
        if letter.to in self.lost:
            self.lost.discard(letter.to)
            return Outcome(key=letter.key, state=DeliveryState.UNKNOWN, reason="no answer")
        self.left[letter.to] += 1
        return accept(letter)

    def let(self, number: int) -> None:
        """Let so many letters through."""
        self.permits.release(number)


@dataclass(slots=True)
class Watch:
    """A send, the person who watches it, and the gate."""

    room: Newsroom
    person: Person
    gate: Gate
    clock: StillClock

    def states(self) -> dict[str, int]:
        """Letters by state."""
        return dict(self.room.ledger.states(ISSUE))

    def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for something that is bound to happen."""
        deadline = time.monotonic() + 20
        while not true():
            assert time.monotonic() < deadline, (what, self.states())
            time.sleep(0.01)

    def start(self) -> None:
        """Approve and send, both by the buttons of the page."""
        page = f"/desk/issues/{ISSUE}/approve"
        for act in ("approve", "send"):
            found = re.findall(r'name="sha256" value="([0-9a-f]{64})"', self.person.get(page).text)
            sent = self.person.post(f"/desk/issues/{ISSUE}/{act}", {"sha256": found[0]})
            assert sent.status == 303
        assert sent.headers["location"] == THERE

    def click(self, words: str) -> int:
        """Press the button of the page that says this; it has to be there."""
        page = self.person.get(THERE).text
        found = re.search(rf'<button[^>]*name="act" value="(\w+)"[^>]*>{words}</button>', page)
        assert found, f"no button {words!r}"
        return self.person.post(THERE, {"act": found.group(1)}).status

    def at_rest(self) -> bool:
        """Whether nobody sends at the moment."""
        return "hx-trigger" not in self.person.get(f"{THERE}/progress").text


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Config]:
    """The invented day, made once."""
    folder = tmp_path_factory.mktemp("day")
    return folder, prepare(folder)


@pytest.fixture
def watch(day: tuple[Path, Config], tmp_path: Path) -> Iterator[Watch]:
    """A publisher before an issue that is ready, with a transport that waits to be let through."""
    gate = Gate()
    clock = StillClock(NOON)
    room = copy_of(*day, tmp_path / "place", clock)
    transport = RecordingTransport(gate, batch_size=2, keeps_unknown=False)
    room.__dict__["transport"] = lambda: transport
    with served(desk_app(room)) as client:
        person = Person(client)
        assert person.sign_in("admin@example.org").status == 303
        found = Watch(room, person, gate, clock)
        yield found
        gate.open.set()
        found.until(found.at_rest, "the courier ends")
    room.close()


def test_a_send_is_watched_paused_resumed_and_cancelled(watch: Watch) -> None:
    """Progress, pace and time left move with the letters; pause holds, cancel ends, none twice."""
    watch.start()
    watch.gate.let(4)
    watch.until(lambda: watch.states().get("accepted") == 4, "two batches leave")
    live = watch.person.get(f"{THERE}/progress").text
    assert "<b>Being sent</b>: 4 of 12 letters, 33 %" in live
    assert "4 letters a second" in live
    assert "about 2 s" in live
    assert 'hx-trigger="every 2s"' in live
    assert watch.click("Pause") == 303
    watch.clock.pass_(seconds=2)
    watch.gate.let(2)  # what was handed over before is finished
    watch.until(watch.at_rest, "the send stops")
    held = watch.states()
    assert (held["accepted"], sum(held.values())) == (6, READERS)
    page = watch.person.get(THERE).text
    assert "6 letters wait" in page
    assert watch.room.issues.find(ISSUE).state is IssueState.PAUSED

    assert watch.click("Go on") == 303
    watch.gate.let(2)
    watch.until(lambda: watch.states()["accepted"] == 8, "it goes on")
    assert watch.click("Cancel the rest for good") == 303
    watch.clock.pass_(seconds=2)
    watch.gate.open.set()
    watch.until(watch.at_rest, "the send ends")
    ended = watch.states()
    assert watch.room.issues.find(ISSUE).state is IssueState.CANCELLED
    assert sum(ended.values()) == READERS
    assert ended["accepted"] == len(watch.gate.left) <= 10
    assert set(watch.gate.left.values()) == {1}, "nobody got it twice"
    log = watch.person.get(f"{THERE}?state=accepted").text
    assert all(email in log for email in watch.gate.left)
    acts = [one.action for one in watch.room.audit.entries(subject=ISSUE)]
    assert {"approve", "send", "pause", "resume", "cancel"} <= set(acts)


def test_letters_in_doubt_have_four_ways_out(watch: Watch) -> None:
    """Wait changes nothing, check asks, send again sends just those, write off ends them."""
    doubtful = {f"reader{n}@example.org" for n in range(3)}
    watch.gate.lost = set(doubtful)
    watch.gate.open.set()
    watch.start()
    watch.until(watch.at_rest, "the send ends")
    assert watch.states() == {"accepted": 9, "unknown": 3}
    page = watch.person.get(THERE).text
    assert "3 letters in doubt" in page
    assert "<b>9</b>taken" in page
    assert "<td>in doubt</td>" in page
    assert not re.search(r">(accepted|unknown)<", page), "the states' own names are for programs"
    found = watch.person.get(f"{THERE}?state=unknown&q=NO+ANSWER").text
    assert sum(f">{email}<" in found for email in doubtful) == 3
    assert "reader5@example.org" not in found
    assert watch.click("Wait") == 303
    assert watch.states()["unknown"] == 3
    assert "decided to wait" in watch.person.get(THERE).text
    assert watch.click("Check with the provider") == 303
    assert watch.states()["unknown"] == 3, "that nothing was found proves nothing"
    watch.gate.lost = {"reader0@example.org"}
    assert watch.click("Send 3 again") == 303
    watch.until(watch.at_rest, "the three leave")
    watch.until(lambda: watch.states() == {"accepted": 11, "unknown": 1}, "one is lost again")
    assert watch.click("Write 1 off") == 303
    assert watch.states() == {"accepted": 11, "rejected": 1}
    assert watch.room.issues.find(ISSUE).state is IssueState.SENT
    assert set(watch.gate.left.values()) == {1}


def test_a_correction_leads_to_a_page_that_may_be_opened_again(watch: Watch) -> None:
    """Correcting answers with an address: reloading it, or going back to it, sends nothing."""
    watch.gate.open.set()
    watch.start()
    watch.until(lambda: watch.room.issues.find(ISSUE).state is IssueState.SENT, "the send")
    watch.until(watch.at_rest, "the courier ends")
    watch.clock.pass_(minutes=5)
    issue = watch.room.issues.find(ISSUE)
    story = watch.room.issues.stories_of(issue)[0]
    there = f"/desk/issues/{ISSUE}/stories/{story}"
    watch.person.get(there)
    words = {"text": "We misnamed the committee.", "mail": "yes"}
    answer = watch.person.post(f"{there}/correct", words)
    [made] = watch.room.corrections.of_story(story)
    assert (answer.status, answer.headers["location"]) == (303, f"{there}/corrections/{made.id}")
    letters = 2 * READERS
    watch.until(lambda: sum(watch.gate.left.values()) == letters, "the courier mails the notice")
    for _ in range(2):
        page = watch.person.get(answer.headers["location"]).text
        assert "<h1>The correction is published</h1>" in page
        assert f"A notice goes to {READERS} readers." in page
        assert f'href="/stories/{made.slug}">The story as readers see it</a>' in page
    assert sum(watch.gate.left.values()) == letters
    assert watch.person.get(f"{there}/corrections/0123456789ab").status == 404


def test_who_may_not_send_sees_no_button(watch: Watch) -> None:
    """An editor watches the figures; buttons and addresses are for others."""
    watch.gate.open.set()
    watch.start()
    watch.until(watch.at_rest, "the send ends")
    editor = Person(watch.person.client)
    editor.sign_in("editor@example.org")
    page = editor.get(THERE).text
    assert "12 of 12 letters" in page
    assert 'name="act"' not in page
    assert "reader0@example.org" not in page
    assert editor.post(THERE, {"act": "cancel"}).status == 403
