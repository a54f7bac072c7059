"""Single sign-on against a real provider: who comes in, who does not, and that no lie helps."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from newsletter.config import Oidc, load
from newsletter.editors import totp
from newsletter.errors import ConfigError
from newsletter.model import Proof, Role
from newsletter.newsroom import Newsroom, open_newsroom
from newsletter.pipeline import people as pipeline
from tests.conftest import ROOT, StillClock
from tests.web.desk import provider as ways
from tests.web.desk.person import PASSWORD, Person, desk_app, employ
from tests.web.desk.provider import CLIENT, SECRET, Claims, Provider, provider_at_work
from tests.web.serving import Answer, Client, served

BACK = "/desk/login/provider/back"
REFUSED = "Only people who were invited"


@dataclass(slots=True)
class House:
    """A desk with single sign-on, its provider, and the room behind."""

    room: Newsroom
    provider: Provider
    client: Client
    clock: StillClock

    def visitor(self) -> Person:
        """A browser that was never here."""
        return Person(self.client)

    def there(self, person: Person, link: str = "/desk/login/provider?next=/desk/account") -> str:
        """Go to the provider; the address on this desk that it sends the browser back to."""
        away = person.get(link).headers["location"]
        parts = urlsplit(away)
        assert f"{parts.scheme}://{parts.netloc}" == self.provider.issuer
        asked = HTTPConnection(parts.netloc, timeout=10)
        asked.request("GET", f"{parts.path}?{parts.query}")
        home = asked.getresponse().headers["Location"]
        asked.close()
        assert home.startswith(f"http://127.0.0.1:{self.client.port}{BACK}?")
        return home.removeprefix(f"http://127.0.0.1:{self.client.port}")

    def sign_on(
        self, person: Person, link: str = "/desk/login/provider?next=/desk/account"
    ) -> Answer:
        """The whole way there and back."""
        return person.get(self.there(person, link))


@pytest.fixture
def house(tmp_path: Path, clock: StillClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A desk with an admin who has a password, and an editor who was only invited."""
    monkeypatch.setenv("DESK_SECRET", SECRET)
    (tmp_path / "config.toml").write_text("[collect]\nsources = []\n")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    with provider_at_work(clock) as provider:
        config = load(
            tmp_path / "config.toml",
            [
                f"desk.oidc.issuer={provider.issuer}",
                f"desk.oidc.client_id={CLIENT}",
                "desk.oidc.client_secret_env=DESK_SECRET",
                "desk.oidc.name=Example House",
            ],
        )
        room = open_newsroom(config, clock=clock)
        employ(room, "admin@example.org", Role.ADMIN, "Ada")
        pipeline.invite(room, "edda@example.org", name="Edda", role=Role.EDITOR, by="cli:test")
        # The desk's port is known once it listens, and the provider must know the way back.
        with served(desk_app(room)) as client:
            room.sign_on._back = f"http://127.0.0.1:{client.port}{BACK}"  # type: ignore[union-attr]  # configured
            yield House(room, provider, client, clock)
        room.close()


def edda(house: House) -> None:
    """The provider knows the editor."""
    house.provider.who = {"email": "Edda@Example.org"}


def test_an_invited_person_comes_in_by_the_provider(house: House) -> None:
    """The sign-in page has a button; there and back, and an invited person is inside, bound."""
    edda(house)
    person = house.visitor()
    page = person.get("/desk/login").text
    assert 'href="/desk/login/provider?next=/desk"' in page
    assert "Sign in with Example House" in page
    answer = house.sign_on(person)
    assert (answer.status, answer.headers["location"]) == (303, "/desk/account")
    shown = person.get("/desk/account").text
    assert "edda@example.org" in shown
    assert "Example House" in shown
    found = house.room.people.by_email("edda@example.org")
    assert found is not None
    assert found.subject == f"{house.provider.issuer} person-1"
    [session] = house.room.people.sessions_of(found.id)
    assert session.proof is Proof.PROVIDER
    entries = house.room.audit.entries(action="sign-in")
    assert any(one.detail.startswith("provider") for one in entries)
    [asked] = house.provider.asked
    assert (asked["scope"], len(asked["state"]) > 40) == ("openid email", True)
    assert person.cookies["desk-sign-on"] in {"", chr(34) * 2}, "what was under way is over"


def test_the_invitation_ends_when_its_person_came_in_otherwise(house: House) -> None:
    """A link that could set a password holds no longer than the first sign-in by the provider."""
    person = house.room.people.by_email("edda@example.org")
    assert person is not None
    link = pipeline.reset(house.room, person, by="cli:test")
    assert house.visitor().get(link).status == 200
    edda(house)
    assert house.sign_on(house.visitor()).status == 303
    assert house.visitor().get(link).status == 404


def test_afterwards_the_providers_own_word_counts(house: House) -> None:
    """The same account with another address is the same person; the address alone is nobody."""
    edda(house)
    house.sign_on(house.visitor())
    house.provider.who = {"email": "edda@elsewhere.example"}
    assert house.sign_on(house.visitor()).status == 303
    house.provider.who = {"email": "edda@example.org", "sub": "somebody-else-now"}
    refused = house.sign_on(house.visitor())
    assert (refused.status, REFUSED in refused.text) == (403, True)
    # An admin may let another account in.
    person = house.room.people.by_email("edda@example.org")
    assert person is not None
    pipeline.reset(house.room, person, by="cli:test", identity=True)
    assert house.sign_on(house.visitor()).status == 303


def without(*names: str) -> Callable[[Claims], Claims]:
    """A token in which something is missing."""
    return lambda claims: {name: value for name, value in claims.items() if name not in names}


def having(**more: object) -> Callable[[Claims], Claims]:
    """A token that says something else."""
    return lambda claims: {**claims, **more}


LIES = {
    "another nonce": having(nonce="another"),
    "no nonce": without("nonce"),
    "another audience": having(aud="another-client"),
    "one of several audiences": having(aud=[CLIENT, "another"]),
    "another party": having(azp="another-client"),
    "another issuer": having(iss="http://127.0.0.1:1"),
    "over": having(exp=1_600_000_000),
    "from tomorrow": having(iat=4_000_000_000, nbf=4_000_000_000),
    "no end": without("exp"),
    "no subject": without("sub"),
    "an address nobody verified": having(email_verified=False),
    "an address that says nothing of it": without("email_verified"),
    "no address": without("email"),
    "nobody here": having(email="stranger@example.org"),
    "a subject that is no word": having(sub={"a": 1}),
    "the empty subject": having(sub=""),
}
FORGERIES = [
    ways.by_another_key, ways.not_at_all, ways.with_the_public_key,
    ways.with_the_clients_secret, ways.altered,
]  # fmt: skip


def test_no_lie_opens_the_door(house: House) -> None:
    """Wrong nonce, audience, issuer, time, signature or address: refused, all in the same words."""
    edda(house)
    answers = {}
    for name, lie in LIES.items():
        house.provider.lie = lie
        answers[name] = house.sign_on(house.visitor())
        house.clock.pass_(minutes=7)
    house.provider.lie = having()
    for forgery in FORGERIES:
        house.provider.sign = forgery
        answers[forgery.__name__] = house.sign_on(house.visitor())
        house.clock.pass_(minutes=7)
    pages = {re.sub(r'nonce="[^"]*"', "", one.text) for one in answers.values()}
    assert {name for name, one in answers.items() if one.status != 403} == set()
    assert len(pages) == 1
    assert REFUSED in pages.pop()
    found = house.room.people.by_email("edda@example.org")
    assert found is not None
    assert found.subject == ""
    assert house.room.people.sessions_of(found.id) == []
    house.provider.sign = None
    assert house.sign_on(house.visitor()).status == 303, "and the truth opens it"


def test_an_answer_counts_once_and_in_its_own_browser(house: House) -> None:
    """A state that was used, made up, or of another browser is refused; so is a stranger's code."""
    edda(house)
    house.provider.forgiving = True
    person = house.visitor()
    way_home = house.there(person)
    kept = dict(person.cookies)
    assert person.get(way_home).status == 303
    replayed = house.visitor()
    replayed.cookies |= kept
    assert replayed.get(way_home).status == 403
    # The code of a fresh sign-in in the browser of somebody else: login forgery.
    other = house.visitor()
    assert other.get(house.there(house.visitor())).status == 403
    mixed = house.visitor()
    own = house.there(mixed)
    foreign = house.there(house.visitor())
    code = re.search(r"code=([^&]+)", foreign)
    assert code is not None
    assert mixed.get(re.sub(r"code=[^&]+", code.group(0), own)).status == 403, "PKCE"
    other_state = house.visitor()
    way_home = house.there(other_state)
    assert other_state.get(re.sub(r"state=[^&]+", f"state={'x' * 43}", way_home)).status == 403
    house.clock.pass_(minutes=2)  # ten tries a minute are allowed from one place
    late = house.visitor()
    way_home = house.there(late)
    house.clock.pass_(minutes=11)
    assert late.get(way_home).status == 403
    elsewhere = house.visitor()
    way_home = house.there(elsewhere)
    assert elsewhere.get(re.sub(r"iss=[^&]+", "iss=http://evil.example", way_home)).status == 403
    assert house.visitor().get(f"{BACK}?state=x&code=y").status == 403
    assert house.visitor().get(f"{BACK}?error=access_denied").status == 403


def test_the_second_factor_is_asked_for_here_unless_the_provider_did(house: House) -> None:
    """With a phone the code comes after the provider; its own word counts where the house says."""
    edda(house)
    found = house.room.people.by_email("edda@example.org")
    assert found is not None
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    house.room.people.set_totp(found.id, secret, 0, ())
    house.provider.lie = having(amr=["pwd", "mfa"])
    person = house.visitor()
    assert house.sign_on(person).headers["location"].startswith("/desk/login/code")
    assert person.get("/desk/account").status == 303, "half a sign-in opens no page"
    person.get("/desk/login/code")
    code = totp.code_at(secret, totp.step_of(house.clock()))
    assert person.post("/desk/login/code", {"code": code}).status == 303
    assert person.get("/desk/account").status == 200
    trusting = house.room.config.desk.oidc.model_copy(update={"second_factor": "provider"})
    house.room.config.desk.__dict__["oidc"] = trusting
    house.room.config.desk.__dict__["second_factor"] = "required"
    person = house.visitor()
    assert house.sign_on(person).headers["location"] == "/desk/account"
    house.room.people.set_totp(found.id, "", 0, ())
    person = house.visitor()
    house.sign_on(person)
    assert person.get("/desk/issues").status == 200, "two factors were shown at the provider"
    house.provider.lie = having(amr=["pwd"])
    person = house.visitor()
    house.sign_on(person)
    assert person.get("/desk/issues").headers["location"] == "/desk/account"


def test_who_has_no_password_shows_again_by_the_provider(house: House) -> None:
    """What asks for a fresh sign-in asks the provider for one, and believes no old one."""
    edda(house)
    person = house.visitor()
    house.sign_on(person)
    page = person.get("/desk/account").text
    assert "there is no password here to steal" in page
    assert 'name="fresh"' not in page
    assert person.post("/desk/account/password", {"fresh": "x", "again": "x"}).status == 403
    house.clock.pass_(minutes=20)
    person.get("/desk/account")
    answer = person.post("/desk/account/sessions")
    assert answer.headers["location"] == "/desk/again?next=/desk/account"
    page = person.get(answer.headers["location"]).text
    assert 'name="password"' not in page
    again = "/desk/login/provider?again=1&next=/desk/account"
    assert again in page.replace("&amp;", "&")
    house.provider.lie = having(auth_time=int(house.clock().timestamp()) - 3_600)
    assert house.sign_on(person, again).status == 403, "the provider asked nobody"
    house.provider.lie = having(sub="person-2", email="admin@example.org")
    assert house.sign_on(person, again).status == 403, "somebody else showed themselves"
    house.provider.lie = having()
    assert house.sign_on(person, again).status == 303
    assert house.provider.asked[-1]["prompt"] == "login"
    person.get("/desk/account")
    assert person.post("/desk/account/sessions").headers["location"] == "/desk/account"
    found = house.room.people.by_email("edda@example.org")
    assert found is not None
    assert len(house.room.people.sessions_of(found.id)) == 1


@pytest.mark.parametrize("asked", [3_600, None])
def test_a_provider_that_asked_nobody_shows_nothing_again(house: House, asked: int | None) -> None:
    """Coming in by an old sign-in at the provider, or one of no age, does no guarded act."""
    edda(house)
    old = house.clock().timestamp() - (asked or 0)
    house.provider.lie = having(auth_time=old) if asked else without("auth_time")
    person = house.visitor()
    assert house.sign_on(person).headers["location"] == "/desk/account", "they are in"
    assert person.get("/desk/account").status == 200
    answer = person.post("/desk/account/sessions")
    assert answer.headers["location"] == "/desk/again?next=/desk/account"
    assert house.sign_on(person).status == 303, "and the plain way once more changes nothing"
    person.get("/desk/account")
    answer = person.post("/desk/account/sessions")
    assert answer.headers["location"] == "/desk/again?next=/desk/account"
    house.provider.lie = having()
    house.sign_on(person, "/desk/login/provider?again=1&next=/desk/account")
    person.get("/desk/account")
    assert person.post("/desk/account/sessions").headers["location"] == "/desk/account"


def test_a_link_shuts_no_other_way_in(house: House) -> None:
    """Images of a strange page are not counted; many tries by a link leave passwords alone."""
    edda(house)
    for dest in ("image", "iframe", "empty"):
        for link in ("/desk/login/provider", f"{BACK}?state=x&code=y"):
            for _ in range(6):
                assert house.visitor().get(link, **{"Sec-Fetch-Dest": dest}).status == 403
    assert house.provider.asked == []
    navigated = house.visitor().get("/desk/login/provider", **{"Sec-Fetch-Dest": "document"})
    assert navigated.status == 303, "none of them counted"
    told = [house.visitor().get("/desk/login/provider").status for _ in range(12)]
    assert (told[0], told[-1]) == (303, 429)
    assert house.visitor().sign_in("admin@example.org", PASSWORD).status == 303


def test_both_ways_in_lead_to_one_account(house: House) -> None:
    """A person with a password may come by either; a removed one by neither."""
    house.provider.who = {"email": "admin@example.org"}
    assert house.sign_on(house.visitor()).status == 303
    assert house.visitor().sign_in("admin@example.org", PASSWORD).status == 303
    admin = house.room.people.by_email("admin@example.org")
    assert admin is not None
    employ(house.room, "other@example.org", Role.ADMIN)
    pipeline.remove(house.room, admin, by="cli:test")
    assert house.sign_on(house.visitor()).status == 403
    pipeline.invite(house.room, "admin@example.org", name="", role=Role.EDITOR, by="cli:test")
    assert house.room.people.by_email("admin@example.org").subject == ""  # type: ignore[union-attr]


def test_new_keys_of_the_provider_are_read(house: House) -> None:
    """A provider that changes its key is believed again at once, and the old key no longer."""
    edda(house)
    house.sign_on(house.visitor())
    house.provider.key = ways.fresh_key("two")
    assert house.sign_on(house.visitor()).status == 303


def test_an_address_may_stand_on_the_account_page(house: House) -> None:
    """Providers that keep the address out of the token are asked for it; of another account, not."""
    house.provider.account = {
        "sub": "person-1",
        "email": "edda@example.org",
        "email_verified": True,
    }
    assert house.sign_on(house.visitor()).status == 303
    house.room.people.forget_identity(house.room.people.by_email("edda@example.org").id)  # type: ignore[union-attr]
    house.provider.account["sub"] = "person-2"
    assert house.sign_on(house.visitor()).status == 403


def test_a_provider_that_cannot_be_used_is_said(house: House) -> None:
    """Wrong descriptions and a dead provider end in a page that says so; passwords go on."""
    house.provider.described = {"issuer": "http://127.0.0.1:1"}
    answer = house.visitor().get("/desk/login/provider")
    assert (answer.status, "does not answer" in answer.text) == (503, True)
    house.provider.described = {"token_endpoint": "ftp://127.0.0.1/token"}
    house.clock.pass_(seconds=31)
    assert house.visitor().get("/desk/login/provider").status == 503
    assert house.visitor().sign_in("admin@example.org").status == 303


def test_a_provider_that_did_not_answer_is_left_alone_for_a_while(house: House) -> None:
    """A failure is remembered for half a minute, so that visitors do not wait in turn for it."""
    house.provider.described = {"issuer": "http://127.0.0.1:1"}
    assert house.visitor().get("/desk/login/provider").status == 503
    house.provider.described = {}
    house.clock.pass_(seconds=29)
    assert house.visitor().get("/desk/login/provider").status == 503, "it was not asked"
    house.clock.pass_(seconds=1)
    assert house.visitor().get("/desk/login/provider").status == 303


def test_without_a_provider_there_is_no_button(room: Newsroom) -> None:
    """Where none is configured the page has no button and its addresses are not there."""
    with served(desk_app(room)) as client:
        assert "provider" not in client.get("/desk/login").text
        assert client.get("/desk/login/provider").status == 404
        assert client.get(BACK).status == 404


def test_the_configuration_is_looked_at_before_anybody_signs_in(tmp_path: Path) -> None:
    """No issuer over plain HTTP, no issuer without a client, no secret that is not there."""
    file = tmp_path / "config.toml"
    file.write_text("[collect]\nsources = []\n")
    shutil.copytree(ROOT / "templates", tmp_path / "templates")
    for wrong in (
        ["desk.oidc.issuer=http://id.example.org", "desk.oidc.client_id=x"],
        ["desk.oidc.issuer=https://id.example.org"],
        ["desk.oidc.client_secret_env=A", "desk.oidc.client_secret_file=b"],
    ):
        with pytest.raises(ConfigError, match="oidc"):
            load(file, wrong)
    right = ["desk.oidc.issuer=https://id.example.org", "desk.oidc.client_id=x"]
    for more in ("desk.oidc.client_secret_env=NOT_SET_ANYWHERE", "desk.oidc.client_secret_file=no"):
        room = open_newsroom(load(file, [*right, more]))
        with pytest.raises(ConfigError, match="oidc"):
            desk_app(room)
        room.close()
    (tmp_path / "secret.txt").write_text("word\n")
    room = open_newsroom(load(file, [*right, "desk.oidc.client_secret_file=secret.txt"]))
    assert room.sign_on is not None
    assert room.sign_on._secret == "word"
    room.close()
    assert Oidc().issuer == ""
