"""Whatever is wrong, the command line says it in one sentence with a hint and loses nothing."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli.conftest import Run, Said, run_newsletter


@pytest.fixture
def drafted(sample_place: Path, tmp_path: Path) -> Path:
    """A copy of the place with the invented day's draft."""
    folder = tmp_path / "drafted"
    shutil.copytree(sample_place, folder)
    return folder


def stated(said: Said, *words: str) -> None:
    """The command ended with 1, one sentence that has these words, and a hint; no traceback."""
    assert said.code == 1, (said.code, said.out, said.err)
    assert "Traceback" not in said.err + said.out
    sentence, *rest = said.err.strip().splitlines()
    assert sentence.startswith("newsletter: ")
    for word in words:
        assert word in sentence
    assert any(line.startswith("  hint: ") for line in rest), said.err


def test_without_a_configuration_the_hint_is_init(tmp_path: Path) -> None:
    """In an empty folder the program says how to begin."""
    stated(run_newsletter("status", cwd=tmp_path), "no such configuration file")


def test_init_does_not_overwrite(run: Run, place: Path) -> None:
    """A place that is there already is left alone."""
    before = (place / "config.toml").read_text()
    stated(run("init", "."), "is there already")
    assert (place / "config.toml").read_text() == before


def test_init_refuses_an_unknown_key_and_leaves_no_half_place(tmp_path: Path) -> None:
    """A wrong --set names the nearest key, and no config.toml stays behind."""
    said = run_newsletter("init", "x", "--set", "delivery.transprt=smtp", cwd=tmp_path)
    stated(said, 'did you mean "transport"?')
    assert not (tmp_path / "x" / "config.toml").exists()


def test_an_empty_day_is_said(run: Run) -> None:
    """Without articles there is no issue, and the reason is given."""
    stated(run("--set", "collect.sources=[]", "draft"), "no story of this day")


def test_a_missing_template_is_named(drafted: Path) -> None:
    """The file that is missing is named, and the old draft is still there."""
    (drafted / "templates/email/issue/body.mjml").unlink()
    said = run_newsletter("check", cwd=drafted)
    assert said.code == 1
    assert "body.mjml: there is no such template" in said.out
    assert run_newsletter("status", cwd=drafted).code == 0


def test_a_broken_template_is_named_with_its_line(sample_place: Path, tmp_path: Path) -> None:
    """A template that does not compile stops the draft with file and line."""
    folder = tmp_path / "broken"
    shutil.copytree(sample_place, folder)
    file = folder / "templates/email/issue/body.mjml"
    file.write_text(file.read_text() + "\n{% if %}\n")
    said = run_newsletter("check", cwd=folder)
    assert said.code == 1
    assert "body.mjml, line" in said.out
    assert "Traceback" not in said.err


def test_a_broken_segment_rule_is_named(run: Run, place: Path) -> None:
    """A segment that asks for an unknown field stops everything that would count readers."""
    (place / "subscribers/segments.toml").write_text(
        '[segments.x]\nwhere = [{field = "shoe-size", in = ["44"]}]\n'
    )
    stated(run("segments", "list"), "segments.toml", "segments.x.where.0.field")


def test_a_locked_database_is_said_and_nothing_is_lost(drafted: Path) -> None:
    """While another process holds the database the command waits, then says so."""
    file = drafted / "data/newsletter.sqlite"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said = run_newsletter("--set", "database.busy_seconds=0.2", "approve", "latest", cwd=drafted)
    stated(said, "locked by another process")
    other.close()
    assert run_newsletter("approve", "latest", cwd=drafted).code == 0


def test_an_unwritable_outbox_is_said_and_the_send_goes_on_later(drafted: Path) -> None:
    """When the outbox cannot be written nobody is lost: the next send serves everybody."""
    csv = drafted / "people.csv"
    csv.write_text("email\n" + "".join(f"p{n}@example.org\n" for n in range(5)))
    assert run_newsletter("subscribers", "import", csv, cwd=drafted).code == 0
    assert run_newsletter("approve", "latest", cwd=drafted).code == 0
    (drafted / "outbox").write_text("a file where a folder should be")
    stated(run_newsletter("send", "latest", cwd=drafted), "outbox")
    (drafted / "outbox").unlink()
    said = run_newsletter("send", "latest", cwd=drafted)
    assert said.code == 0, said.err
    assert run_newsletter("status", "latest", "--json", cwd=drafted).json["states"] == {
        "accepted": 5
    }


def test_sending_what_nobody_approved_is_refused(drafted: Path) -> None:
    """A draft does not leave the house."""
    stated(run_newsletter("send", "latest", cwd=drafted), "nobody has approved it")
    assert not (drafted / "outbox").exists()


def test_an_unknown_issue_is_said(run: Run) -> None:
    """An issue that is not there is named; a wrong date too."""
    stated(run("status", "latest"), "there is no issue yet")
    stated(run("status", "2026-01-01"), "there is no such issue")
    stated(run("status", "2026-13-41"), "is not a date")


def test_a_date_to_come_cannot_be_drafted(drafted: Path) -> None:
    """Nobody can write tomorrow's issue."""
    stated(run_newsletter("draft", "--date", "2999-01-01", cwd=drafted), "has not come yet")


def test_a_database_of_real_news_takes_no_invented_day(drafted: Path) -> None:
    """The sample refuses a place that holds other outlets' articles."""
    database = sqlite3.connect(drafted / "data/newsletter.sqlite")
    database.execute(
        "INSERT INTO outlets SELECT 'other','Other',domains,family,owner,country,lean,kind,"
        "paywall,provenance FROM outlets LIMIT 1"
    )
    database.execute("UPDATE articles SET outlet='other' WHERE id=(SELECT min(id) FROM articles)")
    database.commit()
    database.close()
    stated(run_newsletter("today", "--sample", cwd=drafted), "the invented day does not belong")


def test_a_missing_key_for_sendgrid_is_said(drafted: Path) -> None:
    """Without its key in the environment the SendGrid transport does not start."""
    assert run_newsletter("approve", "latest", cwd=drafted).code == 0
    said = run_newsletter(
        "--set", "delivery.transport=sendgrid", "--set", "delivery.sendgrid.api_key_env=NO_SUCH_KEY",
        "send", "latest", cwd=drafted,
    )  # fmt: skip
    stated(said, "NO_SUCH_KEY")


@pytest.mark.parametrize(
    "words",
    [
        ("subscribers", "import", "nowhere.csv"),
        ("parse", "nowhere.xml", "--url", "https://a.example/f"),
        ("brief", "--from", "nowhere.jsonl", "--to", "x.jsonl"),
        ("group", "--from", "nowhere.jsonl", "--to", "x.jsonl"),
    ],
)
def test_a_missing_file_is_said(run: Run, words: tuple[str, ...]) -> None:
    """A file that is not there is named."""
    said = run(*words)
    assert said.code == 1
    assert "nowhere" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    "words", [("sned", "latest"), ("send",), ("draft", "--date", "tomorrow"), ("--nonsense",)]
)
def test_wrong_usage_ends_with_two(run: Run, words: tuple[str, ...]) -> None:
    """A command that does not exist, or lacks its argument, is a usage error."""
    assert run(*words).code == 2


def test_broken_json_lines_are_named_with_their_line(run: Run, place: Path) -> None:
    """Line 2 of a file of JSON lines is not JSON: the line is named."""
    (place / "a.jsonl").write_text(
        '{"id": "1", "title": "A", "published": "2026-01-01T00:00:00Z"}\n{oops\n'
    )
    said = run("group", "--from", "a.jsonl", "--to", "s.jsonl")
    assert said.code == 1
    assert "line 2" in said.err
