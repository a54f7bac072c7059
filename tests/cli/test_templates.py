"""``templates`` as a person types it, and what the other machine then works with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from newsletter.config import load
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.operations.live import LiveRoom
from tests.cli.conftest import run_newsletter


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders on one database, as two machines have them."""
    one, other = tmp_path / "one", tmp_path / "other"
    assert run_newsletter("init", "one", cwd=tmp_path).code == 0
    shutil.copytree(one, other)
    shared = f"sqlite:///{tmp_path}/shared.sqlite"
    for folder in (one, other):
        file = folder / "config.toml"
        lines = file.read_text("utf-8").splitlines(keepends=True)
        at = next(n for n, line in enumerate(lines) if line.startswith("url = "))
        lines[at] = f'url = "{shared}"\n'
        file.write_text("".join(lines), "utf-8")
    return one, other


def room_of(folder: Path) -> Newsroom:
    """The newsroom of a machine."""
    return open_newsroom(load(folder / "config.toml"))


def change(folder: Path, words: str) -> Path:
    """Edit a template on a machine."""
    file = folder / "templates" / "web" / "message.html"
    file.write_text(file.read_text("utf-8") + words, "utf-8")
    return file


def test_what_is_pushed_on_one_machine_is_used_on_the_other(
    machines: tuple[Path, Path], caplog: pytest.LogCaptureFixture
) -> None:
    """Its own folder stays as it is; the difference is said; after a drop its own is used again."""
    one, other = machines
    change(one, "<!-- new -->")
    pushed = run_newsletter("templates", "push", cwd=one)
    assert pushed.code == 0, pushed.err
    room = room_of(other)
    assert room.templates != other / "templates"
    assert (room.templates / "web/message.html").read_text("utf-8").endswith("<!-- new -->")
    assert room.renderer.templates.folder == room.templates
    assert "differ from those that were pushed" in caplog.text
    room.close()
    shown = run_newsletter("templates", "show", cwd=other)
    assert "web/message.html: differs" in shown.out
    assert run_newsletter("templates", "show", "--json", cwd=one).json["differ"] == []
    assert "data/templates-" in run_newsletter("check", cwd=other).out
    assert run_newsletter("templates", "drop", cwd=one).code == 0
    room = room_of(other)
    assert room.templates == other / "templates"
    room.close()


def test_a_copy_that_was_tampered_with_is_made_anew(machines: tuple[Path, Path]) -> None:
    """What is laid out on a machine has the fingerprint of what was pushed, or it is not used."""
    one, other = machines
    change(one, "<!-- new -->")
    run_newsletter("templates", "push", cwd=one)
    room = room_of(other)
    file = room.templates / "web/message.html"
    file.write_text("something else", "utf-8")
    room.close()
    room = room_of(other)
    assert (room.templates / "web/message.html").read_text("utf-8").endswith("<!-- new -->")
    room.close()


def test_a_program_at_work_follows_within_a_beat(machines: tuple[Path, Path]) -> None:
    """A worker or the pages need no restart: the next beat sees that other templates were pushed."""
    one, other = machines
    room = room_of(other)
    live = LiveRoom(room, lambda: load(other / "config.toml"))
    assert not live.check()
    change(one, "<!-- newer -->")
    run_newsletter("templates", "push", cwd=one)
    assert live.check()
    assert (live().templates / "web/message.html").read_text("utf-8").endswith("<!-- newer -->")
    assert not live.check()
    room.close()


def test_broken_templates_are_not_pushed(machines: tuple[Path, Path]) -> None:
    """What would break every machine is refused with the file and line; nothing was changed."""
    one, _ = machines
    change(one, "\n{% if %}")
    refused = run_newsletter("templates", "push", cwd=one)
    assert refused.code == 1
    assert "message.html, line" in refused.err
    assert "none" in run_newsletter("templates", "show", cwd=one).out
    assert run_newsletter("templates", "pull", "there", cwd=one).code == 1


def test_what_was_pushed_can_be_pulled_and_edited(machines: tuple[Path, Path]) -> None:
    """A new folder gets the same bytes, with those of pictures and scripts; a full one is refused."""
    one, other = machines
    run_newsletter("templates", "push", cwd=one)
    assert run_newsletter("templates", "pull", "there", cwd=other).code == 0
    ours = {p.relative_to(one / "templates"): p for p in (one / "templates").rglob("*")}
    for name, file in ours.items():
        if file.is_file():
            assert (other / "there" / name).read_bytes() == file.read_bytes()
    assert run_newsletter("templates", "pull", "there", cwd=other).code == 1
