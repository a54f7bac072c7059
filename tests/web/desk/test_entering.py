"""The door of the desk: everybody outside gets the same answers, and nothing can be forced."""

from __future__ import annotations

import email as mail_parser
import re
from datetime import timedelta
from email.policy import default as as_mail

import pytest

from newsletter.editors import totp
from newsletter.editors.sessions import hashed
from newsletter.errors import TransportError
from newsletter.model import Editor, Role
from newsletter.newsroom import Newsroom
from newsletter.pipeline import people as pipeline
from newsletter.pipeline.mails import deliver_mail
from tests.conftest import StillClock
from tests.web.desk.conftest import Signed
from tests.web.desk.person import CHEAP, PASSWORD, Person, employ
from tests.web.serving import Client

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def with_phone(room: Newsroom) -> None:
    """Give the admin a second factor."""
    admin = room.people.by_email("admin@example.org")
    assert admin is not None
    room.people.set_totp(admin.id, SECRET, 0, [totp.recovery_hash("abcde-fghjk")])


def test_nobody_gets_in_without_signing_in(desk: Client) -> None:
    """Every page leads to the sign-in and back afterwards, on this desk and nowhere else."""
    for path in ("/desk/people", "/desk/account"):
        answer = desk.get(path)
        assert (answer.status, answer.headers["location"]) == (303, f"/desk/login?next={path}")
    part = desk.get("/desk/people", **{"HX-Request": "true"})
    assert part.headers["hx-redirect"].startswith("/desk/login")


def test_answers_of_a_failed_sign_in_are_alike(desk: Client, room: Newsroom) -> None:
    """An unknown address, a wrong password and an account that waits look the same."""
    answers = []
    for email, password in (("nobody@example.org", PASSWORD), ("admin@example.org", "wrong")):
        person = Person(desk)
        answer = person.sign_in(email, password)
        answers.append((answer.status, re.sub(r'(nonce|value)="[^"]*"', "", answer.text)))
    admin = room.people.by_email("admin@example.org")
    assert admin is not None
    for _ in range(6):
        room.people.failed(admin.id, room.clock())
    waiting = Person(desk).sign_in("admin@example.org")
    answers.append((waiting.status, re.sub(r'(nonce|value)="[^"]*"', "", waiting.text)))
    assert answers[0][0] == 403
    assert answers[0] == answers[1] == answers[2]


def test_waiting_ends(desk: Client, room: Newsroom, clock: StillClock) -> None:
    """After the wait the right password works, and the count begins anew."""
    admin = room.people.by_email("admin@example.org")
    assert admin is not None
    for _ in range(6):
        room.people.failed(admin.id, clock())
    assert Person(desk).sign_in("admin@example.org").status == 403
    clock.pass_(minutes=15)
    assert Person(desk).sign_in("admin@example.org").status == 303
    assert room.people.get(admin.id).failures == 0


def test_one_place_cannot_go_on_guessing(desk: Client) -> None:
    """Ten tries a minute from one address, whoever is tried."""
    person = Person(desk)
    answers = [person.sign_in(f"p{n}@example.org", "x").status for n in range(12)]
    assert answers == [403] * 10 + [429] * 2


def test_cookies_cannot_be_read_or_sent_along(desk: Client, signed: Signed) -> None:
    """HttpOnly and SameSite always; Secure and the __Host- prefix wherever there is TLS."""
    person = Person(desk)
    answer = person.sign_in("editor@example.org")
    [cookie] = [line for line in answer.cookies if line.startswith("desk=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    # What a proxy on this machine says about the browser's connection counts.
    over_tls = desk.get("/desk/login", **{"X-Forwarded-Proto": "https"})
    [cookie] = over_tls.cookies
    assert cookie.startswith("__Host-desk-form=")
    assert "Secure" in cookie


def test_the_word_changes_at_every_step(desk: Client, room: Newsroom, clock: StillClock) -> None:
    """A word that was known before a sign-in opens nothing after it (session fixation)."""
    with_phone(room)
    person = Person(desk)
    person.cookies["desk"] = "a-word-that-somebody-else-planted-here"
    person.sign_in("admin@example.org")
    half = person.cookies["desk"]
    assert half != "a-word-that-somebody-else-planted-here"
    assert person.get("/desk/people").status == 303, "half a sign-in opens no page"
    person.get("/desk/login/code")
    code = totp.code_at(SECRET, totp.step_of(clock()))
    assert person.post("/desk/login/code", {"code": code, "next": "/desk/people"}).status == 303
    assert person.cookies["desk"] != half
    assert person.get("/desk/people").status == 200
    assert room.people.session(hashed(half)) is None


def test_codes_cannot_be_guessed(desk: Client, room: Newsroom, clock: StillClock) -> None:
    """After five wrong codes the sign-in is over, and the account waits: no brute force."""
    with_phone(room)
    person = Person(desk)
    person.sign_in("admin@example.org")
    person.get("/desk/login/code")
    for _ in range(5):
        answer = person.post("/desk/login/code", {"code": "000000"})
    assert "Begin again" in answer.text
    clock.pass_(minutes=2)
    # The password alone does not reset the count: the account still waits.
    again = Person(desk)
    for _ in range(3):
        again.sign_in("admin@example.org")
        again.get("/desk/login/code")
        again.post("/desk/login/code", {"code": "111111"})
    admin = room.people.by_email("admin@example.org")
    assert admin is not None
    assert admin.failures >= 6
    right = totp.code_at(SECRET, totp.step_of(clock()))
    again.get("/desk/login/code")
    assert again.post("/desk/login/code", {"code": right}).status != 303 or not again.get(
        "/desk/people"
    ).text.count("People</h1>")


def test_a_recovery_code_works_once(desk: Client, room: Newsroom) -> None:
    """A lost phone is not the end; the same code never opens twice."""
    with_phone(room)
    for status in (303, 403):
        person = Person(desk)
        person.sign_in("admin@example.org")
        person.get("/desk/login/code")
        assert person.post("/desk/login/code", {"code": "ABCDE FGHJK"}).status == status


def test_forms_of_other_places_do_nothing(desk: Client, signed: Signed, room: Newsroom) -> None:
    """Another origin, a missing origin, another site or a wrong word: refused, nothing changed."""
    admin = signed("admin")
    wish = {"email": "evil@example.org", "role": "admin"}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert admin.post("/desk/people", wish, **headers).status == 403
    assert admin.post("/desk/people", {**wish, "csrf": "guess"}).status == 403
    assert admin.post("/desk/people", {**wish, "csrf": ""}).status == 403
    admin.get("/desk/people")
    own = admin.csrf()
    other = signed("publisher")
    other.get("/desk/account")
    assert other.post("/desk/logout", {"csrf": own}).status == 403
    assert room.people.by_email("evil@example.org") is None
    outside = Person(desk)
    outside.get("/desk/login")
    forged = outside.post(
        "/desk/login", {"email": "admin@example.org", "password": PASSWORD, "word": "x" * 32}
    )
    assert forged.status == 403


@pytest.mark.parametrize(
    "back",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "/desk/../u/x", "/desk//x",
     "javascript:alert(1)", "/desk\r\nX: y", "/deskevil", "/desk?x=//evil.example/%0d"],
)  # fmt: skip
def test_signing_in_leads_nowhere_else(desk: Client, back: str) -> None:
    """No address of another place, in any spelling, is gone to after a sign-in."""
    person = Person(desk)
    person.get("/desk/login")
    answer = person.post(
        "/desk/login", {"email": "editor@example.org", "password": PASSWORD, "next": back}
    )
    assert answer.headers["location"] == "/desk"


def test_rights_are_checked_for_every_page(signed: Signed) -> None:
    """Who works here is for admins; the others are told so and see nothing."""
    for role in ("editor", "publisher", "operator"):
        person = signed(role)
        answer = person.get("/desk/people")
        assert answer.status == 403
        assert "example.org" not in answer.text
        assert (
            person.post("/desk/people", {"email": "x@example.org", "role": "admin"}).status == 403
        )


def test_nobody_changes_their_own_rights(signed: Signed, room: Newsroom) -> None:
    """An admin can neither raise, lower nor remove themselves; an unknown person is not there."""
    admin = signed("admin")
    me = room.people.by_email("admin@example.org")
    assert me is not None
    for act in ("role", "reset", "remove"):
        assert admin.post(f"/desk/people/{me.id}/{act}", {"role": "editor"}).status == 403
    admin.get("/desk/people")
    assert admin.post("/desk/people/9999/remove").status == 404
    admin.get("/desk/people")
    assert admin.post("/desk/people/99999999999999999999/remove").status == 422
    assert admin.post("/desk/people", {"email": "x@example.org", "role": "king"}).status == 403


def test_an_invitation_from_link_to_first_page(
    desk: Client, signed: Signed, room: Newsroom
) -> None:
    """An admin invites, the link sets a password once, the new person signs in."""
    admin = signed("admin")
    page = admin.post("/desk/people", {"email": "new@example.org", "name": "Nia", "role": "editor"})
    [link] = re.findall(r"/desk/join/[A-Za-z0-9_-]+", page.text)
    person = Person(desk)
    assert "new@example.org" in person.get(link).text
    short = person.post(link, {"name": "Nia", "password": "short", "again": "short"})
    assert (short.status, "12 characters" in short.text) == (400, True)
    differ = person.post(link, {"password": PASSWORD, "again": "x"})
    assert "differ" in differ.text
    assert person.post(link, {"name": "Nia", "password": PASSWORD, "again": PASSWORD}).status == 303
    assert person.get(link).status == 404
    assert person.sign_in("new@example.org").status == 303
    actions = {(entry.action, entry.actor) for entry in room.audit.entries()}
    assert ("editor.add", "editor:admin@example.org") in actions


def test_letting_go_ends_everything_at_once(signed: Signed, room: Newsroom) -> None:
    """Whoever is removed is outside with the next click; so is who gets another role."""
    admin, editor, operator = signed("admin"), signed("editor"), signed("operator")
    numbers = {one.email.partition("@")[0]: one.id for one in room.people.all()}
    admin.get("/desk/people")
    assert admin.post(f"/desk/people/{numbers['editor']}/remove").status == 303
    assert editor.get("/desk/account").status == 303
    admin.get("/desk/people")
    admin.post(f"/desk/people/{numbers['operator']}/role", {"role": "publisher"})
    assert operator.get("/desk/account").status == 303


def test_ones_own_account(desk: Client, signed: Signed, room: Newsroom, clock: StillClock) -> None:
    """A second factor, a new password and ended sessions, each asked for with the password."""
    editor, elsewhere = signed("editor"), signed("editor")
    assert editor.post("/desk/account/second-factor", {"password": "wrong"}).status == 400
    page = editor.post("/desk/account/second-factor", {"password": PASSWORD})
    [link] = re.findall(r"secret=([A-Z2-7]+)", page.text)
    code = totp.code_at(link, totp.step_of(clock()))
    assert editor.post("/desk/account/second-factor/confirm", {"code": "abc"}).status == 400
    done = editor.post("/desk/account/second-factor/confirm", {"code": code})
    codes = re.findall(r"<code>((?:[a-z2-9]{6}-?){4})</code>", done.text)
    assert len(codes) == totp.RECOVERY_CODES
    assert elsewhere.get("/desk/account").status == 303
    changed = editor.post(
        "/desk/account/password",
        {"password": PASSWORD, "fresh": "green lamp by a door", "again": "green lamp by a door"},
    )
    assert changed.status == 303
    editor.get("/desk/account")
    found = room.people.by_email("editor@example.org")
    assert found is not None
    assert CHEAP.verify(found.password, "green lamp by a door")
    assert len(room.people.sessions_of(found.id)) == 1
    admin = signed("admin")
    [session] = room.people.sessions_of(admin_id := room.people.by_email("admin@example.org").id)  # type: ignore[union-attr]
    editor.post("/desk/account/sessions", {"session": session.hash})
    assert len(room.people.sessions_of(admin_id)) == 1, "nobody ends another person's session"
    editor.get("/desk/account")
    assert editor.post("/desk/logout").status == 303
    assert editor.get("/desk/account").status == 303
    assert admin.get("/desk/account").status == 200


def test_reading_changes_nothing(signed: Signed, room: Newsroom) -> None:
    """What a form does cannot be done by following a link."""
    admin = signed("admin")
    for path in ("/desk/logout", "/desk/people/2/remove", "/desk/people/2/role",
                 "/desk/account/password", "/desk/account/sessions"):  # fmt: skip
        assert admin.get(path).status == 405
    assert len(room.people.all()) == len(Role)


def test_pages_let_no_other_script_run(signed: Signed) -> None:
    """Each page has a fresh nonce; nothing inline, no frame around it, nothing kept."""
    admin = signed("admin")
    seen = set()
    for path in ("/desk/account", "/desk/people", "/desk/login?next=/desk"):
        answer = admin.get(path)
        if answer.status == 303:
            continue
        policy = answer.headers["content-security-policy"]
        [nonce] = re.findall(r"script-src 'nonce-([A-Za-z0-9_-]{20,})'", policy)
        seen.add(nonce)
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        scripts = re.findall(r"<script\b[^>]*>", answer.text)
        assert scripts
        assert all(f'nonce="{nonce}"' in one and "src=" in one for one in scripts)
        assert not re.search(r"\son[a-z]+=|javascript:|<style|style=", answer.text)
    assert len(seen) == 2


def test_no_password_travels_in_the_open(room: Newsroom) -> None:
    """From another machine without TLS the desk takes nothing, unless it was told to."""
    from fastapi.testclient import TestClient

    from tests.web.desk.person import desk_app

    employ(room, "ada@example.org", Role.ADMIN)
    far = TestClient(desk_app(room), base_url="http://desk.example.org", client=("203.0.113.9", 1))
    assert far.get("/desk/login").status_code == 403
    assert far.post("/desk/login", data={"email": "ada@example.org"}).status_code == 403
    safe = TestClient(
        desk_app(room), base_url="https://desk.example.org", client=("203.0.113.9", 1)
    )
    assert safe.get("/desk/login").status_code == 200


def test_idle_sessions_end(signed: Signed, clock: StillClock) -> None:
    """An hour without a click, or twelve hours with them, and the door is closed."""
    editor = signed("editor")
    for _ in range(11):
        clock.pass_(minutes=59)
        assert editor.get("/desk/account").status == 200
    clock.pass_(minutes=80)
    assert editor.get("/desk/account").status == 303
    again = signed("editor")
    for _ in range(13):
        clock.now += timedelta(minutes=58)
        last = again.get("/desk/account").status
    assert last == 303


@pytest.mark.parametrize("part", ["/desk/status/now", "/desk/sending/daily-2026-11-22/progress"])
def test_a_page_that_looks_again_by_itself_keeps_nobody_inside(
    signed: Signed, clock: StillClock, part: str
) -> None:
    """An open page that nobody looks at ends with its hour, and comes back whole after it."""
    person = signed("publisher")
    asked = {"HX-Request": "true", "HX-Current-URL": "https://desk.example.org/desk/status"}
    for _ in range(5):
        clock.pass_(minutes=11)
        assert person.get(part, **asked).status in {200, 404}, "inside"
    clock.pass_(minutes=11)
    answer = person.get(part, **asked)
    assert (answer.status, answer.headers["hx-redirect"]) == (401, "/desk/login?next=/desk/status")
    lying = asked | {"HX-Current-URL": "https://evil.example//evil.example/"}
    assert person.get(part, **lying).headers["hx-redirect"] == "/desk/login?next=/desk"


def test_a_reset_lets_a_lost_phone_go(desk: Client, room: Newsroom) -> None:
    """A new link ends the second factor when an admin says the phone is lost."""
    with_phone(room)
    admin = room.people.by_email("admin@example.org")
    assert admin is not None
    link = pipeline.reset(room, admin, by="cli:test", second_factor=True)
    assert room.people.get(admin.id).totp == ""
    assert Person(desk).get(link).status == 200


def test_changing_rights_asks_for_a_fresh_sign_in(
    desk: Client, signed: Signed, room: Newsroom, clock: StillClock
) -> None:
    """A quarter of an hour after the sign-in an admin shows again that it is them, code included."""
    with_phone(room)
    admin = Person(desk)
    admin.sign_in("admin@example.org")
    admin.get("/desk/login/code")
    admin.post("/desk/login/code", {"code": totp.code_at(SECRET, totp.step_of(clock()))})
    editor = room.people.by_email("editor@example.org")
    assert editor is not None
    clock.pass_(minutes=16)
    wishes = [
        ("/desk/people", {"email": "x@example.org", "role": "admin"}),
        *[
            (f"/desk/people/{editor.id}/{act}", {"role": "admin"})
            for act in ("role", "reset", "sessions", "remove")
        ],
    ]
    for path, fields in wishes:
        admin.get("/desk/people")
        answer = admin.post(path, fields)
        assert answer.headers.get("location") == "/desk/again?next=/desk/people", path
    assert room.people.by_email("editor@example.org") == editor
    assert room.people.by_email("x@example.org") is None
    code = totp.code_at(SECRET, totp.step_of(clock()))
    back = {"next": "/desk/people"}
    for wrong in ({"password": "no", "code": code}, {"password": PASSWORD, "code": "000000"}):
        admin.get("/desk/again?next=/desk/people")
        assert admin.post("/desk/again", {**wrong, **back}).status == 403
    before = admin.cookies["desk"]
    right = {"password": PASSWORD, "code": code}
    assert admin.post("/desk/again", {**right, **back}).headers["location"] == "/desk/people"
    assert admin.cookies["desk"] != before
    assert room.people.session(hashed(before)) is None
    admin.get("/desk/people")
    assert admin.post(f"/desk/people/{editor.id}/role", {"role": "operator"}).status == 303
    assert room.people.get(editor.id).role is Role.OPERATOR


def test_showing_oneself_again_is_no_place_to_guess(
    signed: Signed, room: Newsroom, clock: StillClock
) -> None:
    """Wrong passwords there count like those of a sign-in: the account waits."""
    admin = signed("admin")
    for _ in range(6):
        admin.get("/desk/again")
        assert admin.post("/desk/again", {"password": "guess"}).status == 403
    admin.get("/desk/again")
    assert admin.post("/desk/again", {"password": PASSWORD}).status == 403
    clock.pass_(minutes=20)
    admin.get("/desk/again")
    answer = admin.post("/desk/again", {"password": PASSWORD, "next": "https://evil.example"})
    assert answer.headers["location"] == "/desk"


def test_an_admin_ends_sessions_of_somebody(signed: Signed, room: Newsroom) -> None:
    """The page says where people are signed in; a click signs one of them out everywhere."""
    admin, editor = signed("admin"), signed("editor")
    signed("editor")
    person = room.people.by_email("editor@example.org")
    assert person is not None
    assert "signed in at 2 places" in admin.get("/desk/people").text
    done = admin.post(f"/desk/people/{person.id}/sessions")
    assert "2 sessions ended" in done.text
    assert editor.get("/desk/account").status == 303
    assert list(room.audit.entries(action="editor.sign_out"))
    me = room.people.by_email("admin@example.org")
    assert me is not None
    assert admin.post(f"/desk/people/{me.id}/sessions").status == 403


def mail_later(room: Newsroom, person: Editor) -> None:
    """Mail somebody a link while no mail leaves."""

    class Down:
        def __getattr__(self, name: str) -> object:
            raise TransportError("", "is down", hint="Wait.")

    transport = room.transport
    room.__dict__["transport"] = Down
    assert not pipeline.mail_link(room, person)
    room.__dict__["transport"] = transport


def mailed(room: Newsroom) -> list[str]:
    """Let the mails leave; the addresses of the desk in all of them."""
    deliver_mail(room)
    left = []
    for file in room.config.path(room.config.paths.outbox).rglob("*.eml"):
        letter = mail_parser.message_from_bytes(file.read_bytes(), policy=as_mail)
        body = letter.get_body(("plain",))
        assert body is not None
        left += re.findall(r"/desk/[A-Za-z0-9_/-]+", body.get_content())
    return left


def test_a_waiting_invitation_holds_no_link(room: Newsroom, desk: Client) -> None:
    """The mail says only who is meant until it leaves; what leaves works, once."""
    person, shown = pipeline.invite(
        room, "nia@example.org", name="Nia", role=Role.EDITOR, by="cli:test"
    )
    mail_later(room, person)
    with room.database.reading() as connection:
        kept = str(connection.exec_driver_sql("SELECT * FROM mails").all())
    assert "nia@example.org" in kept
    assert "/desk/join/" not in kept
    [link] = mailed(room)
    assert link != shown
    browser = Person(desk)
    assert browser.get(shown).status == 200, "what an admin gave by hand holds as well"
    browser.get(link)
    words = {"name": "Nia", "password": PASSWORD, "again": PASSWORD}
    assert browser.post(link, words).status == 303
    assert browser.get(shown).status == 404
    assert browser.get(link).status == 404


@pytest.mark.parametrize("meanwhile", ["used", "removed", "removed and back", "over"])
def test_a_mail_that_waited_too_long_brings_no_link_to_life(
    room: Newsroom, desk: Client, clock: StillClock, meanwhile: str
) -> None:
    """Who came in, was let go or waited too long gets a mail that opens nothing new."""
    person, shown = pipeline.invite(
        room, "nia@example.org", name="Nia", role=Role.EDITOR, by="cli:test"
    )
    mail_later(room, person)
    if meanwhile == "used":
        browser = Person(desk)
        browser.get(shown)
        browser.post(shown, {"name": "Nia", "password": PASSWORD, "again": PASSWORD})
    elif meanwhile == "over":
        clock.pass_(days=8)
    else:
        pipeline.remove(room, person, by="cli:test")
        if meanwhile == "removed and back":
            soon = clock() + timedelta(days=1)
            # A mail that left at the very moment of the removal.
            room.people.add_link(
                person.id, link_hash="h", purpose="invite", now=clock(), expires=soon
            )
            room.people.add("nia@example.org", name="", role=Role.ADMIN, now=clock())
            assert room.people.of_link("h", now=clock()) is None
    assert mailed(room) == ["/desk/login"]
    assert not room.people.has_link(person.id, clock())
