"""What the columns of import files are called, and whose export file a header belongs to.

The names are those the programs themselves write: Mailchimp (audience export), Substack
(subscriber export), Ghost (members), Buttondown (subscribers) and listmonk (subscribers). Each
also says in a way of its own who left, never confirmed, or bounced, and since when a person has
been there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

HEADERS: dict[str, str] = {
    "email": "email",
    "emailaddress": "email",
    "mail": "email",
    "mailaddress": "email",
    "subscriberemail": "email",
    "name": "name",
    "fullname": "name",
    "displayname": "name",
    "firstname": "first name",
    "givenname": "first name",
    "lastname": "last name",
    "surname": "last name",
    "familyname": "last name",
    "country": "country",
    "countrycode": "country",
    "cc": "country",
    "timezone": "timezone",
    "tz": "timezone",
    "topics": "topics",
    "topic": "topics",
    "interests": "topics",
    "lists": "lists",
    "list": "lists",
    "tags": "lists",
    "labels": "lists",
    "language": "language",
    "lang": "language",
    "locale": "language",
}
"""The usual titles of each field, folded: small letters and digits only."""

_NO = frozenset({"false", "no", "0", "f", "n"})
_YES = frozenset({"true", "yes", "1", "t", "y"})
_OUT = frozenset(
    {
        "unsubscribed", "unsubscribe", "cleaned", "bounced", "complained", "complaint", "spam",
        "blocklisted", "blacklisted", "blocked", "disabled", "suppressed", "inactive", "removed",
        "deleted", "archived", "unconfirmed", "unactivated", "pending", "non-subscribed",
        "nonsubscribed", "opted out", "undeliverable", "upstream_unsubscribed",
    }
)  # fmt: skip
LEFT: dict[str, Callable[[str], bool]] = {
    "unsubtime": bool,
    "unsubscribedat": bool,
    "unsubscriptiondate": bool,
    "deletedat": bool,
    "bouncedat": bool,
    "cleantime": bool,
    "subscribedtoemails": _NO.__contains__,
    "subscribed": _NO.__contains__,
    "emaildisabled": _YES.__contains__,
    "unsubscribed": _YES.__contains__,
    "optedout": _YES.__contains__,
    "status": _OUT.__contains__,
    "state": _OUT.__contains__,
    "emailstatus": _OUT.__contains__,
    "subscriberstatus": _OUT.__contains__,
    "subscriptionstatus": _OUT.__contains__,
    "subscribertype": _OUT.__contains__,
    "type": _OUT.__contains__,
}
"""How files say that somebody left, never confirmed, or bounced: by folded title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The export file of one program.

    ``sure`` are folded titles that all stand in its header and in no other program's. ``since``
    is the title of the time a person agreed or came. ``inside`` is a column of JSON whose values
    are attributes.
    """

    name: str
    sure: frozenset[str]
    since: tuple[str, ...] = ()
    inside: str = ""


FORMATS = (
    Format(
        name="Mailchimp",
        sure=frozenset({"emailaddress", "memberrating", "optintime"}),
        since=("confirmtime", "optintime"),
    ),
    Format(
        name="Ghost",
        sure=frozenset({"email", "subscribedtoemails", "complimentaryplan"}),
        since=("createdat",),
    ),
    Format(
        name="Substack",
        sure=frozenset({"email", "activesubscription", "emaildisabled"}),
        since=("createdat",),
    ),
    Format(
        name="Buttondown",
        sure=frozenset({"email", "subscribertype", "creationdate"}),
        since=("creationdate",),
        inside="metadata",
    ),
    Format(
        name="Buttondown",
        sure=frozenset({"email", "secondaryid", "referrerurl"}),
        since=("creationdate",),
        inside="metadata",
    ),
    Format(
        name="listmonk",
        sure=frozenset({"uuid", "email", "attributes", "status"}),
        since=("createdat",),
        inside="attributes",
    ),
)


def recognise(header: Sequence[str]) -> Format | None:
    """Whose export file this is, by its header; None for a file of nobody we know."""
    titles = {folded(title) for title in header}
    return next((one for one in FORMATS if one.sure <= titles), None)


def folded(title: str) -> str:
    """A title as titles are compared: small letters and digits only."""
    return re.sub(r"[\W_]+", "", title.casefold())
