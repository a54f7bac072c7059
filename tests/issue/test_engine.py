"""Tests of the engine's own process: what kills it costs one source and nothing else."""

from __future__ import annotations

import stat
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.errors import TemplateError
from newsletter.issue import engine as engine_module
from newsletter.issue import render
from newsletter.issue.engine import Engine
from newsletter.issue.render import Renderer
from tests.issue.content import SITE, TAG, content

TEMPLATES = Path(__file__).parents[2] / "templates"
SOUND = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
NESTED = SOUND.format("<b>" * 12_000 + "x" + "</b>" * 12_000)


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine of one's own."""
    found = Engine(seconds=15)
    yield found
    found.close()


def test_a_sound_source_becomes_html(engine: Engine) -> None:
    """The same process answers again and again."""
    assert "one" in engine.html(SOUND.format("one"))
    first = engine._process
    assert "é ü 漢" in engine.html(SOUND.format("é ü 漢"))
    assert engine._process is first


def test_a_panic_is_a_refusal(engine: Engine) -> None:
    """The engine panics over a bare comparison after an accent; the process survives it."""
    engine.html(SOUND.format("one"))
    with pytest.raises(TemplateError, match="refused"):
        engine.html("<mjml><mj-body><mj-text>café > bar</mj-text></mj-body></mjml>")
    assert "two" in engine.html(SOUND.format("two"))


def test_a_stack_overflow_kills_the_worker_and_not_us(engine: Engine) -> None:
    """Nested 12,000 deep the real engine dies; the next source gets a new process."""
    engine.html(SOUND.format("one"))
    first = engine._process
    with pytest.raises(TemplateError, match="broke down"):
        engine.html(NESTED)
    assert "two" in engine.html(SOUND.format("two"))
    assert engine._process is not first


def test_a_source_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time the worker is killed, and the next one is asked afresh."""
    slow = tmp_path / "slow.py"
    slow.write_text("import sys, time\nsys.stdin.buffer.read(4)\ntime.sleep(60)\n")
    engine = Engine(seconds=0.5)
    with monkeypatch.context() as patched:
        patched.setattr(engine_module, "_WORKER", slow)
        with pytest.raises(TemplateError, match="did not answer"):
            engine.html(SOUND.format("one"))
    assert "two" in Engine(seconds=15).html(SOUND.format("two"))
    engine.close()


def test_threads_share_one_worker(engine: Engine) -> None:
    """Answers never get mixed up."""
    found: dict[int, str] = {}

    def ask(number: int) -> None:
        found[number] = engine.html(SOUND.format(f"number {number}."))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert all(f"number {number}." in html for number, html in found.items())
    assert len(found) == 12


def test_a_worker_killed_by_the_system_is_replaced(engine: Engine) -> None:
    """When memory runs out the system may take any process."""
    engine.html(SOUND.format("one"))
    assert engine._process
    engine._process.kill()
    engine._process.wait()
    assert "two" in engine.html(SOUND.format("two"))


def test_the_worker_gets_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands in our environment is not in the worker's."""
    seen = tmp_path / "seen"
    spy = tmp_path / "spy.py"
    spy.write_text(f"import os\nopen({str(seen)!r}, 'w').write(repr(dict(os.environ)))\n")
    monkeypatch.setattr(engine_module, "_WORKER", spy)
    monkeypatch.setenv("SENDGRID_API_KEY", "SG.secret")
    engine = Engine(seconds=10)
    with pytest.raises(TemplateError):
        engine.html("x")
    assert "PATH" in seen.read_text()
    assert "SG.secret" not in seen.read_text()


def test_a_worker_that_cannot_start_is_a_stated_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without room for another process says so in one sentence."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(TemplateError, match="cannot be started"):
        Engine().html("x")


def test_a_story_that_kills_the_engine_falls_to_a_plain_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The issue is made all the same, the story is flagged, and the others stay as they are."""
    copied(tmp_path)
    part = tmp_path / "email/parts/story.mjml"
    bomb = "{% if story.id == 'teacher-tests' %}" + "<b>" * 12_000 + "</b>" * 12_000 + "{% endif %}"
    part.write_text(part.read_text().replace("{{ p.rule() }}", "{{ p.rule() }}" + bomb, 1))
    monkeypatch.setattr(render, "_DEPTH", 10**9)
    made = Renderer(tmp_path, SITE).compose(content(), tag=TAG)
    [problem] = made.problems
    assert (problem.story, "broke down" in problem.sentence) == ("teacher-tests", True)
    assert "could not be laid out in the mail" in made.rendered.html
    assert "Assembly keeps the island ferries" in made.rendered.html


def copied(folder: Path) -> None:
    """The templates in a folder where they may be broken."""
    for file in TEMPLATES.rglob("*"):
        if file.is_file():
            target = folder / file.relative_to(TEMPLATES)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
            target.chmod(stat.S_IRUSR | stat.S_IWUSR)
