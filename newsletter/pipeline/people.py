"""People: an invitation is a link that works once; every coming and going is written down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from newsletter.audience.addresses import Address, read_address
from newsletter.errors import AccountError, NewsletterError
from newsletter.model import Editor, Role
from newsletter.newsroom import Newsroom
from newsletter.pipeline.mails import deliver_mail, new_link, post_mail

INVITED_FOR = timedelta(days=7)
RESET_FOR = timedelta(hours=24)
MOST_TESTERS = 20


def invite(room: Newsroom, email: str, *, name: str, role: Role, by: str) -> tuple[Editor, str]:
    """Take somebody on; return them with the address where they choose a password.

    :raises AccountError: when the address is not one, or works here already.
    """
    address = read_address(email)
    if not isinstance(address, Address):
        raise AccountError(email, f"is not an address to write to: {address}")
    found = room.people.add(address.email, name=name, role=role, now=room.clock())
    room.audit.note(by, "editor.add", found.email, role.value)
    return found, _link(room, found, "invite", INVITED_FOR)


def reset(
    room: Newsroom,
    editor: Editor,
    *,
    by: str,
    second_factor: bool = False,
    identity: bool = False,
) -> str:
    """Make a fresh link for somebody who cannot sign in; what they have now works until then.

    :param second_factor: take the second factor off as well, for a phone that is lost with its
        recovery codes.
    :param identity: forget who they are at the provider of single sign-on, for somebody who has
        another account there now.
    """
    if identity:
        room.people.forget_identity(editor.id)
    if second_factor:
        room.people.set_totp(editor.id, "", 0, ())
        room.people.end_sessions(editor.id)
    also = [
        words
        for words, wanted in (("second factor", second_factor), ("single sign-on", identity))
        if wanted
    ]
    room.audit.note(by, "editor.reset", editor.email, f"with {' and '.join(also)}" if also else "")
    return _link(room, editor, "reset", RESET_FOR)


def remove(room: Newsroom, editor: Editor, *, by: str) -> None:
    """Let somebody go; they are signed out everywhere at once."""
    room.people.remove(editor.id, now=room.clock())
    room.audit.note(by, "editor.remove", editor.email, "")


def change_role(room: Newsroom, editor: Editor, role: Role, *, by: str) -> None:
    """Give somebody another role; they sign in again with it."""
    room.people.change_role(editor.id, role)
    room.audit.note(by, "editor.role", editor.email, f"{editor.role.value} to {role.value}")


def change_testers(
    room: Newsroom, *, add: Sequence[str] = (), remove: Sequence[str] = (), by: str
) -> None:
    """Save and forget addresses that get test letters.

    :raises AccountError: when one is no address, or there are :data:`MOST_TESTERS` already; then
        nothing is changed.
    """
    fresh = []
    for text in add:
        address = read_address(text)
        if not isinstance(address, Address):
            raise AccountError(text, f"is not an address to write to: {address}")
        fresh.append(address.email)
    if fresh and len({*room.people.testers(), *fresh} - {*remove}) > MOST_TESTERS:
        raise AccountError(
            "", f"there are {MOST_TESTERS} addresses for tests already", hint="Remove one first."
        )
    for one in fresh:
        if room.people.add_tester(one, by=by, now=room.clock()):
            room.audit.note(by, "tester added", one)
    if remove and room.people.remove_testers(remove):
        room.audit.note(by, "testers removed", ", ".join(remove))


def sign_out(room: Newsroom, editor: Editor, *, by: str) -> int:
    """End every session of somebody; how many there were."""
    ended = room.people.end_sessions(editor.id)
    room.audit.note(by, "editor.sign_out", editor.email, f"{ended} sessions")
    return ended


def mail_link(room: Newsroom, editor: Editor, *, reset: bool = False) -> bool:
    """Mail somebody an address where they choose a password; False when it did not leave now.

    The mail that waits says only who is meant: the address is made when it leaves (see
    :mod:`newsletter.pipeline.mails`), so that no table and no backup holds one that works.
    """
    until = room.clock() + (RESET_FOR if reset else INVITED_FOR)
    posted = post_mail(
        room,
        "invite",
        editor.email,
        {
            "role": editor.role.value,
            "editor": editor.id,
            "expires": until.isoformat(),
            "until": f"{until:%Y-%m-%d %H:%M} UTC",
            "reset": "yes" if reset else "",
        },
        f"invite-{editor.id}-{room.tag()}",
    )
    try:
        report = deliver_mail(room)
    except NewsletterError:
        return False
    return posted and not report.problem


def _link(room: Newsroom, editor: Editor, purpose: str, good_for: timedelta) -> str:
    now = room.clock()
    return new_link(room, editor.id, purpose, expires=now + good_for)
