"""Roles and what they may do. Editing words and sending mail are different rights."""

from __future__ import annotations

from enum import StrEnum

from newsletter.model import Role


class Right(StrEnum):
    """One thing a person may be allowed to do."""

    LOOK = "look"
    """See drafts, stories, sources and figures; nothing about any reader."""
    EDIT = "edit"
    """Change stories and the order of an issue, answer reports, send a test."""
    APPROVE = "approve"
    """Say that an issue may go out."""
    SEND = "send"
    """Start, pause, resume and cancel a send, and decide about letters in doubt."""
    SOURCES = "sources"
    """Retire and try feeds."""
    READERS = "readers"
    """See who reads: addresses, history, consent."""
    PEOPLE = "people"
    """Invite, change and remove the people of the desk, and read the audit log."""


SENTENCES = {
    Role.EDITOR: "Writes and arranges; cannot approve or send.",
    Role.PUBLISHER: "Writes, approves and sends.",
    Role.OPERATOR: "Watches sending, sources and readers; changes no word and approves nothing.",
    Role.ADMIN: "Everything, and decides who works here.",
}

_RIGHTS: dict[Role, frozenset[Right]] = {
    Role.EDITOR: frozenset({Right.LOOK, Right.EDIT}),
    Role.PUBLISHER: frozenset({Right.LOOK, Right.EDIT, Right.APPROVE, Right.SEND}),
    Role.OPERATOR: frozenset({Right.LOOK, Right.SEND, Right.SOURCES, Right.READERS}),
    Role.ADMIN: frozenset(Right),
}


def may(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return right in _RIGHTS[role]
