"""Letters: the shared parts encoded once, one reader's own words joined in as bytes.

An issue of 100 KB for 500,000 readers differs between two readers in three places. So the parts
are quoted-printable encoded once per variant (:func:`prepare`), cut at the reader tokens, and a
letter is a join of bytes (:func:`join`). The standard library would encode the whole of it again
for each reader, a thousand times slower.

A token is ``{tag}_unsubscribe_``, ``{tag}_preferences_`` or ``{tag}_because_``, and in letters to
readers who let us count clicks ``{tag}_click_``; the tag is drawn at random per issue, so no
article can contain one. Around each token the encoded text has soft
line breaks: a value can then never push a line over 76 characters, nor be cut by one.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.utils import format_datetime
from functools import lru_cache

from newsletter.delivery.headers import (
    ascii_address,
    mailbox_header,
    plain_header,
    scrub,
    text_header,
)
from newsletter.errors import DeliveryError
from newsletter.model import Delivery, Letter, Rendered

TOKENS = ("unsubscribe", "preferences", "because", "click")
"""The reader tokens, by the names under which :attr:`Letter.values` holds their values."""

ONE_CLICK = "List-Unsubscribe=One-Click"
"""The only value RFC 8058 allows in List-Unsubscribe-Post."""

Why = Callable[[str, date], str]
"""The sentence that says to whoever subscribed on a day why they get an edition; no markup."""

_SHORT = re.compile(rb"[!-\-/-<>-~](?:[ -<>-~]{0,72}[!-<>-~])?")
_DOTS = re.compile(rb"^\.+", re.MULTILINE)
_MARKUP = str.maketrans("", "", '&<>"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Text and HTML of one variant as encoded bytes, cut where the reader's values go.

    ``pieces`` has an empty place at each index of ``slots``, which names the token for it.
    ``common`` are the header lines that are the same for every reader.
    """

    common: bytes
    pieces: tuple[bytes, ...]
    slots: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedMail:
    """What all letters of one variant of an issue share.

    Transports that take whole messages use ``parts``; providers that join on their side get
    ``subject``, ``text`` and ``html`` with the tokens in place. ``batch`` is the opaque name of
    the hand-over these letters belong to.
    """

    issue: str
    variant: str
    from_email: str
    from_name: str
    reply_to: str
    subject: str
    date: datetime
    list_id: str
    tag: str
    text: str
    html: str
    parts: Parts
    batch: str = ""

    def token(self, name: str) -> str:
        """The words that stand in text and html for one of :data:`TOKENS`."""
        return f"{self.tag}_{name}_"

    def message(self, letter: Letter) -> bytes:
        """The whole message for one reader: lines end in CRLF, and none begins with a dot."""
        return join(self.parts, letter)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueMail:
    """An issue ready to be written to any reader: every variant, and how letters are addressed."""

    issue: str
    variants: Mapping[str, PreparedMail]
    base_url: str
    edition_title: str
    domain: str
    mailto: str = ""
    click: Callable[[Delivery], str] | None = None
    why: Why | None = None
    message_key: str = ""

    def prepared(self, variant: str, batch: str) -> PreparedMail:
        """The shared part of the letters of one variant in one batch.

        :raises DeliveryError: when the issue was not rendered in that variant.
        """
        mail = self.variants.get(variant)
        if mail is None:
            raise DeliveryError(
                self.issue,
                f'has no variant "{variant}", which a reader was promised',
                hint="Draft the issue again; its audience changed after it was rendered.",
            )
        return replace(mail, batch=batch)

    def letters(self, deliveries: Iterable[Delivery]) -> list[Letter]:
        """One letter per delivery."""
        return letters_for(
            deliveries,
            issue=self.issue,
            base_url=self.base_url,
            edition_title=self.edition_title,
            domain=self.domain,
            mailto=self.mailto,
            click=self.click,
            why=self.why,
            message_key=self.message_key,
        )


def prepare_issue(
    issue: str,
    rendered: Sequence[Rendered],
    *,
    date: datetime,
    from_email: str,
    from_name: str,
    reply_to: str,
    base_url: str,
    edition: str,
    edition_title: str,
    single: bool = False,
    mailto: str = "",
    click: Callable[[Delivery], str] | None = None,
    why: Why | None = None,
    message_key: str = "",
) -> IssueMail:
    """Make an issue ready to be written to its readers.

    :param rendered: one rendering per variant; the one with an empty variant is for everybody.
    :param date: what the Date header says; the same for every letter and every attempt.
    :param edition: the edition's short name, first label of the List-Id.
    :param single: True for a mail to one person, which belongs to no list and may be without an
        unsubscribe link.
    :param mailto: the other way to leave, a mailto link with ``{token}`` for the reader's word.
    :param click: the address that the counted links of a delivery begin with; empty for one
        without such links.
    :param why: says why a reader gets this, in the language of the letter; English when absent.
    :param message_key: what Message-IDs are made with, see :func:`message_id`.
    :raises DeliveryError: when an address cannot be used, or a rendering has no place for the
        unsubscribe link.
    """
    domain = (ascii_address(from_email).rpartition("@")[2] or "localhost").lower()
    list_id = f"{re.sub(r'[^a-z0-9-]+', '-', edition.lower()).strip('-') or 'news'}.{domain}"
    if single:
        list_id = ""
    variants: dict[str, PreparedMail] = {}
    for one in rendered:
        subject = scrub(one.subject)
        parts = prepare(
            one,
            date=date,
            from_email=from_email,
            from_name=from_name,
            reply_to=reply_to,
            list_title=edition_title,
            list_id=list_id,
            single=single,
        )
        variants[one.variant] = PreparedMail(
            issue=issue,
            variant=one.variant,
            from_email=ascii_address(from_email),
            from_name=scrub(from_name, limit=120),
            reply_to=ascii_address(reply_to),
            subject=subject,
            date=date,
            list_id=list_id,
            tag=one.tag,
            text=one.text,
            html=one.html,
            parts=parts,
        )
    return IssueMail(
        issue=issue,
        variants=variants,
        base_url=base_url.rstrip("/"),
        edition_title=edition_title,
        domain=domain,
        mailto=mailto,
        click=click,
        why=why,
        message_key=message_key,
    )


def prepare(
    rendered: Rendered,
    *,
    date: datetime,
    from_email: str,
    from_name: str = "",
    reply_to: str = "",
    list_title: str = "",
    list_id: str = "",
    single: bool = False,
) -> Parts:
    """Encode the text and HTML of one rendering once, and write the headers all readers share.

    :raises DeliveryError: when the tag is not usable, a part has no unsubscribe link, or a part
        holds a token that no reader has a value for.
    """
    if not re.fullmatch(r"[A-Za-z0-9]{8,32}", rendered.tag):
        raise DeliveryError(rendered.variant or "the issue", "has no usable tag for reader links")
    # Readers may ask for letters without HTML; such a variant has none.
    bodies = {"text": rendered.text} | ({"html": rendered.html} if rendered.html else {})
    for name, part in bodies.items():
        _check_tokens(rendered.tag, name, part, single=single)
    boundary = "=_" + hashlib.sha256(rendered.tag.encode()).hexdigest()[:24]
    common = [
        mailbox_header("From", from_name, from_email),
        text_header("Subject", rendered.subject),
        plain_header("Date", format_datetime(date)),
    ]
    if reply_to:
        common.append(mailbox_header("Reply-To", "", reply_to))
    if list_id:
        title = scrub(list_title, limit=60).replace('"', "").replace("\\", "")
        shown = f'"{title}" ' if title.isascii() and title else ""
        common.append(plain_header("List-Id", f"{shown}<{list_id}>"))
    common += [
        plain_header("MIME-Version", "1.0"),
        plain_header("Content-Type", f'multipart/alternative; boundary="{boundary}"'),
        b"\r\n",
    ]
    template: list[bytes | str] = []
    for name, part in bodies.items():
        kind = {"text": "plain"}.get(name, name)
        template.append(
            f"--{boundary}\r\nContent-Type: text/{kind}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode()
        )
        template += _cut(rendered.tag, part)
        template.append(b"\r\n")
    template.append(f"--{boundary}--\r\n".encode())
    pieces: list[bytes] = [b""]
    slots: list[tuple[int, str]] = []
    for piece in template:
        if isinstance(piece, str):
            slots.append((len(pieces), piece))
            pieces += [b"", b""]
        else:
            pieces[-1] += piece
    return Parts(common=b"".join(common), pieces=tuple(pieces), slots=tuple(slots))


def join(parts: Parts, letter: Letter) -> bytes:
    """The whole message for one reader.

    :raises DeliveryError: when the reader's address cannot stand in a header.
    """
    values = {name: _value(text) for name, text in letter.values.items()}
    body = list(parts.pieces)
    for index, name in parts.slots:
        body[index] = values[name]
    body[0] = b"".join((_own_headers(letter), parts.common, body[0]))
    return b"".join(body)


def letters_for(
    deliveries: Iterable[Delivery],
    *,
    issue: str,
    base_url: str,
    edition_title: str,
    domain: str,
    mailto: str = "",
    click: Callable[[Delivery], str] | None = None,
    why: Why | None = None,
    message_key: str = "",
) -> list[Letter]:
    """One letter per delivery: where it goes, its Message-ID, and the reader's own words.

    The Message-ID follows from issue, reader and a key that never changes, so a copy that goes out
    twice by accident carries the same one, and mail programs that know it show it once.
    """
    title = " ".join(scrub(edition_title, limit=120).translate(_MARKUP).split())
    why = why or because
    letters: list[Letter] = []
    for delivery in deliveries:
        unsubscribe = f"{base_url}/u/{delivery.token}"
        values = {
            "unsubscribe": unsubscribe,
            "preferences": f"{base_url}/p/{delivery.token}",
            "because": why(title, delivery.joined.date()),
        }
        if click is not None and (own := click(delivery)):
            values["click"] = own
        letters.append(
            Letter(
                key=delivery.key,
                to=delivery.email,
                to_name=delivery.name,
                message_id=message_id(issue, delivery.reader, domain, message_key),
                list_unsubscribe=f"<{unsubscribe}>"
                + (f", <{mailto.replace('{token}', delivery.token)}>" if mailto else ""),
                values=values,
            )
        )
    return letters


def message_id(issue: str, reader: int, domain: str, key: str) -> str:
    """The Message-ID of one reader's copy of one issue; the same for ever.

    Bounces are believed by it, so nobody may guess it: issues and readers are numbered.

    :param key: a secret of this installation; "" makes the older form, which anybody can make.
    """
    said = f"{issue}\0{reader}".encode()
    digest = hmac.digest(key.encode(), said, "sha256") if key else hashlib.sha256(said).digest()
    return f"<{digest.hex()[:32]}@{domain}>"


@lru_cache(maxsize=4096)
def because(edition_title: str, day: date) -> str:
    """Why somebody who subscribed on a day gets this letter, in English."""
    return f"You get {edition_title} because you subscribed on {day.day} {day:%B %Y}."


def _own_headers(letter: Letter) -> bytes:
    lines = [
        mailbox_header("To", letter.to_name, letter.to),
        plain_header("Message-ID", letter.message_id),
    ]
    if letter.list_unsubscribe:
        lines.append(plain_header("List-Unsubscribe", letter.list_unsubscribe))
    # RFC 8058 allows the one-click line only beside an https link.
    if letter.list_unsubscribe.startswith("<https://"):
        lines.append(_ONE_CLICK_LINE)
    return b"".join(lines)


_ONE_CLICK_LINE = plain_header("List-Unsubscribe-Post", ONE_CLICK)


def _check_tokens(tag: str, name: str, part: str, *, single: bool) -> None:
    known = set(re.findall(rf"{tag}_({'|'.join(TOKENS)})_", part))
    if "unsubscribe" not in known and not single:
        raise DeliveryError(
            f"the {name} part",
            "has no unsubscribe link",
            hint="Every letter needs one; put the unsubscribe token back into the template.",
        )
    if part.count(tag) != len(re.findall(rf"{tag}_(?:{'|'.join(TOKENS)})_", part)):
        raise DeliveryError(
            f"the {name} part",
            "holds a reader token that no reader has a value for",
            hint=f"Known tokens: {', '.join(TOKENS)}.",
        )


def _cut(tag: str, part: str) -> list[bytes | str]:
    """Encoded bytes and token names in turn; bytes end in a soft break where a token follows."""
    found = re.split(rf"{tag}_({'|'.join(TOKENS)})_", part)
    cut: list[bytes | str] = []
    for index, piece in enumerate(found):
        if index % 2:
            cut.append(piece)
            continue
        first, last = index == 0, index == len(found) - 1
        encoded = _quoted_printable(piece)
        cut.append((b"" if first else b"=\r\n") + encoded + (b"" if last else b"=\r\n"))
    return cut


def _quoted_printable(text: str) -> bytes:
    raw = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")
    return _lines(binascii.b2a_qp(raw, istext=True))


def _lines(encoded: bytes) -> bytes:
    """What binascii wrote, with CRLF, and no line that begins with a dot.

    Every LF it leaves is a line end, because the raw ones are text lines. SMTP ends a letter with
    a dot alone and doubles others, which some servers get wrong; so the bytes need no such care.
    """
    if b"\n." in encoded or encoded.startswith(b"."):
        encoded = _DOTS.sub(lambda dots: b"=2E=\n" * len(dots[0]), encoded)
    return encoded.replace(b"\n", b"\r\n")


def _value(text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if _SHORT.fullmatch(raw):
        return raw
    return _lines(binascii.b2a_qp(raw, istext=False))
