"""``editors``: who works on the desk.

The first admin comes from here. Nobody has a default password: everybody chooses their own by a
link that works once.
"""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from newsletter.cli.audit import who
from newsletter.cli.place import Json, place, say, show_json
from newsletter.config import Config
from newsletter.editors.passwords import Passwords, why_not
from newsletter.editors.roles import SENTENCES
from newsletter.errors import AccountError, NotFound
from newsletter.model import Editor, Role
from newsletter.newsroom import Newsroom
from newsletter.pipeline import people as pipeline

editors = typer.Typer(help="Who works on the editors' desk.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--name", help="As readers see it under an issue.")]
AskPassword = Annotated[
    bool,
    typer.Option("--password", help="Type the password here instead of getting a link."),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(editors, name="editors")


@editors.command()
def add(  # noqa: PLR0917 - typer calls it by name
    context: typer.Context,
    email: str,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.EDITOR,
    name: Name = "",
    password: AskPassword = False,
    as_json: Json = False,
) -> None:
    """Take somebody on; prints the link where they choose a password."""
    with place(context).newsroom() as room:
        about = (email, name, room.config.site.name)
        chosen = _typed(about, room.config) if password else ""
        person, link = pipeline.invite(room, email, name=name, role=role, by=who())
        if chosen:
            room.people.set_password(person.id, Passwords().hash(chosen))
        _say(room, person, "" if chosen else link, as_json=as_json)


@editors.command()
def invite(
    context: typer.Context,
    email: str,
    role: Annotated[Role, typer.Option(help="What they may do.")] = Role.EDITOR,
    name: Name = "",
) -> None:
    """Take somebody on and mail them the link where they choose a password."""
    with place(context).newsroom() as room:
        person, link = pipeline.invite(room, email, name=name, role=role, by=who())
        mailed = pipeline.mail_link(room, person)
        if mailed and room.config.delivery.transport != "folder":
            say(f"{person.role:<10} {person.email}, by mail")
        else:
            say("No mail reaches them from here; give them the link by hand.")
            _say(room, person, link, as_json=False)


@editors.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List everybody who works here."""
    with place(context).newsroom() as room:
        people = room.people.all()
    if as_json:
        show_json(
            [
                {
                    "email": person.email,
                    "name": person.name,
                    "role": person.role,
                    "signs_in": bool(person.password or person.subject),
                    "second_factor": bool(person.totp),
                    "single_sign_on": bool(person.subject),
                }
                for person in people
            ]
        )
        return
    for person in people:
        how = "no password yet" if not person.password else "password"
        how = "single sign-on" if person.subject and not person.password else how
        how = f"{how} and phone" if person.totp else how
        say(f"{person.role:<10} {person.email:<32} {how:<20} {person.name}".rstrip())
    if not people:
        say("Nobody works here yet: newsletter editors add EMAIL --role admin")


@editors.command()
def remove(context: typer.Context, email: str) -> None:
    """Let somebody go; they are signed out everywhere at once."""
    with place(context).newsroom() as room:
        person = _found(room, email)
        pipeline.remove(room, person, by=who())
    say(f"removed  {person.email}")


@editors.command()
def reset(
    context: typer.Context,
    email: str,
    lost_phone: Annotated[
        bool, typer.Option("--lost-phone", help="Take the second factor off as well.")
    ] = False,
    other_account: Annotated[
        bool,
        typer.Option("--other-account", help="Forget who they are at the single sign-on as well."),
    ] = False,
    password: AskPassword = False,
) -> None:
    """Make a new link for somebody who cannot sign in."""
    with place(context).newsroom() as room:
        person = _found(room, email)
        chosen = (
            _typed((person.email, person.name, room.config.site.name), room.config)
            if password
            else ""
        )
        link = pipeline.reset(
            room, person, by=who(), second_factor=lost_phone, identity=other_account
        )
        if chosen:
            room.people.set_password(person.id, Passwords().hash(chosen))
        _say(room, person, "" if chosen else link, as_json=False)


@editors.command("sign-out")
def sign_out(context: typer.Context, email: str) -> None:
    """End every session of somebody, who keeps their account."""
    with place(context).newsroom() as room:
        ended = pipeline.sign_out(room, _found(room, email), by=who())
    say(f"signed out  {email}, {ended} sessions")


@editors.command("testers")
def saved_testers(
    context: typer.Context,
    add_: Annotated[list[str], typer.Option("--add", help="Save an address.")] = [],  # noqa: B006
    remove_: Annotated[list[str], typer.Option("--remove", help="Forget one.")] = [],  # noqa: B006
    as_json: Json = False,
) -> None:
    """Show who gets test copies, the same list as on the desk; add and remove."""
    with place(context).newsroom() as room:
        pipeline.change_testers(room, add=add_, remove=remove_, by=who())
        found = room.people.testers()
    if as_json:
        show_json(found)
        return
    for one in found:
        say(one)


@editors.command()
def role(context: typer.Context, email: str, role: Role) -> None:
    """Give somebody another role; they sign in again."""
    with place(context).newsroom() as room:
        person = _found(room, email)
        pipeline.change_role(room, person, role, by=who())
    say(f"{role:<10} {person.email}")
    say(f"  {SENTENCES[role]}")


def _say(room: Newsroom, person: Editor, link: str, *, as_json: bool) -> None:
    web, base = room.config.web, room.config.site.base_url.rstrip("/")
    if as_json:
        show_json({"email": person.email, "role": person.role, "link": link})
        return
    say(f"{person.role:<10} {person.email}")
    if link:
        say("  Choose a password here; the link works once:")
        say(f"  {base}{link}")
        say(f"  on this machine: http://{web.host}:{web.port}{link}")


def _typed(about: tuple[str, ...], config: Config) -> str:
    """A password typed twice, or one line of standard input."""
    if sys.stdin.isatty():
        first = getpass.getpass("Password: ")
        if getpass.getpass("The same again: ") != first:
            raise AccountError("", "the two passwords differ")
    else:
        first = sys.stdin.readline().rstrip("\n")
    if problem := why_not(first, about=about, breached=config.breached_passwords):
        raise AccountError("", problem[:1].lower() + problem[1:].rstrip("."))
    return first


def _found(room: Newsroom, email: str) -> Editor:
    person = room.people.by_email(email)
    if person is None:
        raise NotFound(
            email, "does not work here", hint='"newsletter editors list" shows who does.'
        )
    return person
