"""The people of the desk, on both engines."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from newsletter.database.engine import Database
from newsletter.database.people import People
from newsletter.errors import AccountError, NotFound
from newsletter.model import Role, Session, Stage
from tests.conftest import StillClock


def test_somebody_comes_and_goes(database: Database, clock: StillClock) -> None:
    """An address works here once; somebody who left comes back with nothing of before."""
    people = People(database)
    ada = people.add(" Ada@Example.org", name="Ada", role=Role.ADMIN, now=clock())
    bo = people.add("bo@example.org", name="", role=Role.EDITOR, now=clock())
    assert (ada.email, bo.shown) == ("ada@example.org", "bo@example.org")
    with pytest.raises(AccountError, match="works here already"):
        people.add("ADA@example.org", name="", role=Role.EDITOR, now=clock())
    people.set_password(bo.id, "hash")
    people.set_totp(bo.id, "SECRET", 5, ["a", "b"])
    people.remove(bo.id, now=clock())
    assert people.by_email("bo@example.org") is None
    with pytest.raises(NotFound):
        people.get(bo.id)
    back = people.add("bo@example.org", name="Bo", role=Role.OPERATOR, now=clock())
    assert (back.id, back.password, back.totp, people.codes(back.id)) == (bo.id, "", "", set())


def test_an_admin_always_stays(database: Database, clock: StillClock) -> None:
    """The last admin can neither leave nor become something else."""
    people = People(database)
    ada = people.add("ada@example.org", name="", role=Role.ADMIN, now=clock())
    with pytest.raises(AccountError, match="last admin"):
        people.remove(ada.id, now=clock())
    with pytest.raises(AccountError, match="last admin"):
        people.change_role(ada.id, Role.EDITOR)
    bo = people.add("bo@example.org", name="", role=Role.ADMIN, now=clock())
    done: list[str] = []

    def leave(number: int) -> None:
        try:
            people.remove(number, now=clock())
            done.append("left")
        except AccountError:
            done.append("stays")

    threads = [threading.Thread(target=leave, args=(one.id,)) for one in (ada, bo)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == ["left", "stays"]


def test_a_link_works_once_and_for_a_while(database: Database, clock: StillClock) -> None:
    """The second to take up a link, and whoever comes too late, gets nothing."""
    people = People(database)
    ada = people.add("ada@example.org", name="", role=Role.ADMIN, now=clock())
    for word in ("old", "new"):
        people.add_link(
            ada.id,
            link_hash=word,
            purpose="invite",
            now=clock(),
            expires=clock() + timedelta(days=7),
        )
    assert people.of_link("old", now=clock()) is None
    assert people.of_link("new", now=clock() + timedelta(days=8)) is None
    assert people.take_link("new", password="h", name="Ada L", now=clock())
    assert not people.take_link("new", password="other", name="", now=clock())
    found = people.get(ada.id)
    assert (found.password, found.name) == ("h", "Ada L")


def test_another_domain_of_like_letters_is_nobody(database: Database, clock: StillClock) -> None:
    """The first time the address decides: in any case, and never by letters that fold alike."""
    people = People(database)
    ada = people.add("ada@strasse.example", name="", role=Role.ADMIN, now=clock())
    for other in ("ada@stra\u00dfe.example", "ada@\u017ftrasse.example"):
        assert people.of_identity("other", other) is None
    found = people.of_identity("own", "Ada@STRASSE.example")
    assert found is not None
    assert (found.id, found.subject) == (ada.id, "own")


def test_sessions_end_with_what_they_rest_on(database: Database, clock: StillClock) -> None:
    """A new password, another role and leaving end every session; others' cannot be ended."""
    people = People(database)
    ada = people.add("ada@example.org", name="", role=Role.ADMIN, now=clock())
    bo = people.add("bo@example.org", name="", role=Role.EDITOR, now=clock())

    def begin(number: int, word: str) -> None:
        people.open_session(
            Session(
                hash=word, editor=number, stage=Stage.FULL, csrf="c", made=clock(), seen=clock()
            )
        )

    begin(ada.id, "a1")
    begin(bo.id, "b1")
    found = people.session("b1")
    assert found is not None
    assert found[1] == people.get(bo.id)
    assert not people.end_session("a1", of=bo.id)
    people.change_role(bo.id, Role.OPERATOR)
    assert people.session("b1") is None
    begin(bo.id, "b2")
    begin(bo.id, "b3")
    people.set_password(bo.id, "h", keep="b3")
    assert (people.session("b2"), people.session("b3") is None) == (None, False)
    assert people.count_try("b3") == 1
    people.remove(bo.id, now=clock())
    assert people.session("b3") is None
    assert people.session("a1") is not None
    assert people.tidy(clock() + timedelta(days=1)) == 1


def test_codes_are_used_up_once(database: Database, clock: StillClock) -> None:
    """A step of time and a recovery code each open the door one time."""
    people = People(database)
    ada = people.add("ada@example.org", name="", role=Role.ADMIN, now=clock())
    people.set_totp(ada.id, "S", 10, ["one", "two"])
    assert people.use_step(ada.id, 11)
    assert not people.use_step(ada.id, 11)
    assert not people.use_step(ada.id, 10)
    assert people.use_code(ada.id, "one")
    assert not people.use_code(ada.id, "one")
    assert people.codes(ada.id) == {"two"}
    assert [people.failed(ada.id, clock()) for _ in range(3)] == [1, 2, 3]
    people.succeeded(ada.id)
    assert people.get(ada.id).failures == 0


def test_addresses_for_test_letters(database: Database, clock: StillClock) -> None:
    """An address is saved once and forgotten when asked."""
    people = People(database)
    assert people.add_tester("t@example.org", by="ada", now=clock())
    assert not people.add_tester("t@example.org", by="bo", now=clock())
    assert people.testers() == ["t@example.org"]
    assert people.remove_testers(["t@example.org", "x@example.org"]) == 1
