"""``backup`` and ``restore`` as a person types them."""

from __future__ import annotations

from newsletter.cli.place import NEEDS_A_PERSON
from tests.cli.conftest import Run


def test_a_backup_is_put_back_by_its_name(run: Run) -> None:
    """What was added after it is gone, nothing is sent, and the release ends that."""
    name = run("backup", "--json").json[0]["file"].rpartition("/")[2]
    assert run("subscribers", "add", "late@example.org").code == 0
    assert run("restore", name).code == NEEDS_A_PERSON
    assert "late@" not in run("subscribers", "count", "--json").out
    assert run("status", "--json").json["restored"]
    assert run("restore", "--release").code == 0
    assert run("status", "--json").json["restored"] is None


def test_a_backup_that_is_not_there_is_said(run: Run) -> None:
    """Older ones are taken away: the name and where the others are listed."""
    said = run("restore", "newsletter-20261122T030000Z.sqlite")
    assert said.code == 1
    assert "newsletter-20261122T030000Z.sqlite: there is no such backup" in said.err
    assert "backup --list" in said.err
