"""Letters over the SendGrid v3 API, a thousand readers a request.

The library's helpers build objects that validate nothing and are many times slower than the
plain JSON written here; the library's client makes the call. It has no time-out of its own, makes
a new connection per request and repeats nothing, which is what the promise needs: SendGrid has
no idempotency key, so a request whose answer was lost must never be repeated blindly.

Every answer means one of four things. 202: taken (200 in the sandbox). A connection that was never
made (refused, unreachable, a name, a certificate, too late), 429: certainly not taken, try later.
400 and 413: certainly not taken; the request is cut until the poison address is alone. A time-out
after that, a reset, a cut answer, 5xx: unknown.

Only opaque words go where SendGrid keeps things for ever: the delivery's key in custom_args, the
batch's name as category. This is the only file that imports ``sendgrid``.
"""

from __future__ import annotations

import http.client
import json
import queue
import re
import threading
import traceback
import urllib.error
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, TypeVar

import sendgrid
from python_http_client.exceptions import HTTPError

from newsletter.delivery.headers import ascii_address, scrub
from newsletter.delivery.letter import ONE_CLICK, TOKENS, PreparedMail
from newsletter.errors import TransportError
from newsletter.model import DeliveryState, Letter, Outcome

MAX_READERS = 1000
"""Most personalizations in one request (mail send reference)."""
MAX_POISON = 25
"""Refusals of one batch that blame readers before the request itself is taken to be the problem."""

_CONNECT = {
    http.client.HTTPConnection.connect.__code__,
    http.client.HTTPSConnection.connect.__code__,
}
_POISON_FIELD = re.compile(r"personalizations\.(\d+)(?:\.|$)")
_NAME_LISTED = str.maketrans(",;", "  ")  # the API refuses both in a name

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back of one request: an HTTP status, or a failure with what it proves."""

    status: int = 0
    message_id: str = ""
    problems: tuple[tuple[str, str], ...] = ()
    wait: float = 0.0
    certain: bool = False
    failure: str = ""

    @property
    def said(self) -> str:
        """The first sentence of the answer."""
        return self.problems[0][1] if self.problems else self.failure or f"status {self.status}"


class SendGridTransport:
    """Hands letters to SendGrid.

    :param api_url: the API's address, with or without the ``/v3`` at its end.
    :param timeout: seconds for a whole request, counted until the last byte of the answer.
    :param workers: requests under way at once.
    :param settles_after: seconds after which a letter that the provider's log does not have is
        taken never to have arrived. None, the default: the log only ever proves that a letter
        arrived, because nobody promises that it is complete.
    """

    name = "sendgrid"
    can_look = True

    def __init__(
        self,
        *,
        api_key: str,
        api_url: str = "https://api.sendgrid.com",
        batch_size: int = MAX_READERS,
        timeout: float = 30,
        workers: int = 1,
        sandbox: bool = False,
        settles_after: float | None = None,
    ):
        self.batch_size = min(batch_size, MAX_READERS)
        self.workers = workers
        self.timeout = timeout
        # A connection that cannot be made is to be seen as such before the whole time is over.
        self._patience = 0.9 * timeout
        self.sandbox = sandbox
        self.settles_after = settles_after
        host = api_url.rstrip("/").removesuffix("/v3")
        self._client: Any = sendgrid.SendGridAPIClient(api_key=api_key or "none", host=host).client
        # With exactly "application/json" the library would encode what is encoded already.
        self._client.request_headers["Content-Type"] = "application/json; charset=utf-8"

    def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
        """Send the letters in one request, and in more only where one is refused.

        :raises TransportError: when the key, the sender or the content is refused, and nothing
            of these letters was taken.
        """
        return _Sending(self._post, mail, sandbox=self.sandbox).run(letters)

    def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:
        """The letters of one batch that SendGrid's log has, by the batch's category.

        :raises TransportError: when the log cannot be read, for example because the key has no
            right to it.
        """
        if not letters or not batch:
            return {}
        body = {"query": f"categories IN ('{batch}')", "limit": MAX_READERS}
        answer, found = self._ask_log(body)
        if answer.status != 200:
            raise TransportError(
                "SendGrid's log",
                f"cannot be read: {answer.said}",
                hint="The API key needs the right to read messages (Email Logs).",
                again=answer.status not in {401, 403},
            )
        known = {str(row.get("to_email", "")).lower(): row for row in found}
        outcomes = {}
        for letter in letters:
            row = known.get(ascii_address(letter.to).lower())
            if row is not None:
                outcomes[letter.key] = Outcome(
                    key=letter.key,
                    state=DeliveryState.ACCEPTED,
                    reason="SendGrid's log has it",
                    provider_id=str(row.get("sg_message_id", "")).split(".")[0][:120],
                )
        return outcomes

    def check(self) -> str:
        """Ask which rights the API key has.

        :raises TransportError: when SendGrid does not answer, or the key may not send mail.
        """
        rights = self.rights()
        if "mail.send" not in rights:
            raise TransportError(
                "SendGrid",
                "knows the key, but it has no right to send mail",
                hint="Give the key the right mail.send.",
            )
        return f"the key may send mail ({len(rights)} rights)"

    def rights(self) -> frozenset[str]:
        """What the API key may do, in SendGrid's words.

        :raises TransportError: when SendGrid does not answer, or does not know the key.
        """
        answer, raw = _answered(
            lambda: self._client.scopes.get(timeout=self._patience), self.timeout
        )
        if answer.status != 200:
            raise _stated(answer)
        try:
            return frozenset(json.loads(raw)["scopes"])
        except (ValueError, KeyError, TypeError):
            return frozenset()

    def close(self) -> None:
        """Nothing is held open."""

    def _post(self, body: str) -> _Answer:
        return _answered(
            lambda: self._client.mail.send.post(request_body=body, timeout=self._patience),
            self.timeout,
        )[0]

    def _ask_log(self, body: dict[str, Any]) -> tuple[_Answer, list[dict[str, Any]]]:
        answer, raw = _answered(
            lambda: self._client.logs.post(request_body=json.dumps(body), timeout=self._patience),
            self.timeout,
        )
        try:
            found = json.loads(raw)["messages"] if answer.status == 200 else []
        except (ValueError, KeyError, TypeError):
            return _Answer(failure="the answer is not what the reference says"), []
        return answer, found


class _Sending:
    """One call of ``send``: cuts a refused request until what is wrong stands alone.

    Half of a refused lot is tried. If it is taken, the poison is in the other half, which is then
    not tried as a whole but cut at once; if it is refused, the other half waits for the end,
    when all that waits goes in one request. One bad address among a thousand costs eleven more
    requests, and one when the answer names it.
    """

    def __init__(self, post: Callable[[str], _Answer], mail: PreparedMail, *, sandbox: bool):
        self.post = post
        self.mail = mail
        self.sandbox = sandbox
        self.outcomes: list[Outcome] = []
        self.poison = 0

    def run(self, letters: Sequence[Letter]) -> list[Outcome]:
        good = list(self._sendable(letters))
        for start in range(0, len(good), MAX_READERS):
            self._whole(good[start : start + MAX_READERS])
        return self.outcomes

    def _sendable(self, letters: Sequence[Letter]) -> Iterator[Letter]:
        """Letters without those that would make SendGrid refuse all the others."""
        seen: set[str] = set()
        for letter in letters:
            address = ascii_address(letter.to).lower()
            if not address:
                self._say([letter], DeliveryState.REJECTED, "SendGrid takes no such address")
            elif address in seen:
                self._say([letter], DeliveryState.SKIPPED, "another reader has this address")
            else:
                seen.add(address)
                yield letter

    def _whole(self, letters: list[Letter]) -> None:
        """Send a lot that may or may not hold something poisonous."""
        while letters:
            answer = self._try(letters)
            if answer is None:
                return
            if answer.status == 413 and len(letters) > 1:
                middle = len(letters) // 2
                self._whole(letters[:middle])
                letters = letters[middle:]
                continue
            named = _named(answer, len(letters)) if answer.status == 400 else {}
            if len(named) > max(MAX_POISON, len(letters) // 2):
                # What most of them share is refused, and no reader is to blame.
                self._refuse_all(letters, answer)
                return
            if named:
                letters = self._drop(letters, named)
            elif answer.status == 400 and _about_readers(answer):
                letters = self._search(letters, answer)
            else:
                self._refuse_all(letters, answer)
                return

    def _search(self, letters: list[Letter], answer: _Answer) -> list[Letter]:
        """Find one poison address in a refused lot; what was left untried on the way."""
        untried: list[Letter] = []
        while len(letters) > 1:
            middle = len(letters) // 2
            half, rest = letters[:middle], letters[middle:]
            refusal = self._try(half)
            if refusal is None and self.outcomes[-1].state is DeliveryState.ACCEPTED:
                letters = rest
                continue
            if refusal is None:
                # Nothing was learned about the half, so nothing about the rest; it was refused
                # together with it, and is better off when SendGrid answers again.
                reason = "SendGrid did not answer while a bad address was looked for"
                wait = max(self.outcomes[-1].wait, 1.0)
                self._say(rest + untried, DeliveryState.DEFERRED, reason, wait=wait)
                return []
            if refusal.status != 400:
                self._refuse_all(half, refusal)
                return rest + untried
            letters, answer = half, refusal
            untried = rest + untried
        return self._drop(letters, {0: answer.said}) + untried

    def _drop(self, letters: list[Letter], named: Mapping[int, str]) -> list[Letter]:
        """Reject the letters at some places; the others."""
        self.poison += 1
        if self.poison > MAX_POISON:
            # So many are no accident: what they share is refused, and no reader is to blame.
            said = next(iter(named.values()))
            self._refuse_all(letters, _Answer(status=400, failure=said))
            return []
        for index, said in named.items():
            self._say([letters[index]], DeliveryState.REJECTED, f"SendGrid: {said}")
        return [letter for index, letter in enumerate(letters) if index not in named]

    def _try(self, letters: list[Letter]) -> _Answer | None:
        """Send a lot. None when that settled it; otherwise the refusal that is left to handle."""
        answer = self.post(body(letters, self.mail, sandbox=self.sandbox))
        if answer.status == (200 if self.sandbox else 202):
            taken = DeliveryState.ACCEPTED
            self._say(letters, taken, "", provider_id=answer.message_id, wait=answer.wait)
        elif answer.status == 429:
            reason = "SendGrid asks us to slow down"
            self._say(letters, DeliveryState.DEFERRED, reason, wait=max(answer.wait, 1.0))
        elif answer.status >= 500 or 0 < answer.status < 400:
            # A 200 outside the sandbox is somebody else's answer: a proxy, a redirection.
            self._say(letters, DeliveryState.UNKNOWN, f"SendGrid answered {answer.status}")
        elif not answer.status and answer.certain:
            self._say(letters, DeliveryState.DEFERRED, answer.failure, wait=1.0)
        elif not answer.status:
            self._say(letters, DeliveryState.UNKNOWN, answer.failure)
        else:
            return answer
        return None

    def _refuse_all(self, letters: list[Letter], answer: _Answer) -> None:
        """Stop because what is refused is not a reader's fault."""
        error = _stated(answer)
        taken = {DeliveryState.ACCEPTED, DeliveryState.UNKNOWN}
        if not any(outcome.state in taken for outcome in self.outcomes):
            raise error
        self._say(letters, DeliveryState.DEFERRED, f"{error.subject}: {error.sentence}", wait=5.0)

    def _say(
        self,
        letters: Sequence[Letter],
        state: DeliveryState,
        reason: str,
        *,
        provider_id: str = "",
        wait: float = 0.0,
    ) -> None:
        reason = reason[:300]
        self.outcomes += [
            Outcome(key=letter.key, state=state, reason=reason, provider_id=provider_id, wait=wait)
            for letter in letters
        ]


def body(letters: Sequence[Letter], mail: PreparedMail, *, sandbox: bool = False) -> str:
    """The request for some letters, as JSON.

    What all of them share is encoded once for the whole issue; a reader's own part is put
    together from encoded words, four times as fast as from dictionaries. What SendGrid would add
    by itself is switched off: tracking rewrites links, and its own unsubscribe footer would stand
    beside ours.
    """
    tokens = tuple((quoted(mail.token(name)), name) for name in TOKENS)
    people = ",".join([_personalization(letter, tokens) for letter in letters])
    parts = [f'{{"personalizations":[{people}]', _shared(mail)]
    if mail.batch:
        parts.append(f'"categories":[{quoted(mail.batch)}]')
    if sandbox:
        parts.append('"mail_settings":{"sandbox_mode":{"enable":true}}')
    return ",".join(parts) + "}"


def _shared(mail: PreparedMail) -> str:
    """The members of a request that are the same for every batch of an issue."""
    return _encoded(
        mail.from_email,
        mail.from_name,
        mail.reply_to,
        mail.subject,
        mail.list_id,
        mail.text,
        mail.html,
    )


@lru_cache(maxsize=8)
def _encoded(  # noqa: PLR0917 - the members of a request, all of them words
    from_email: str,
    from_name: str,
    reply_to: str,
    subject: str,
    list_id: str,
    text: str,
    html: str,
) -> str:
    off = {"enable": False}
    message: dict[str, Any] = {
        "from": {"email": from_email},
        "subject": subject,
        "content": [
            {"type": kind, "value": value}
            for kind, value in (("text/plain", text), ("text/html", html))
            if value  # a variant for readers who want text alone has no HTML
        ],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": off,
            "subscription_tracking": off,
            "ganalytics": off,
        },
    }
    if list_id:
        message["headers"] = {"List-Id": f"<{list_id}>"}
    if from_name:
        message["from"]["name"] = from_name
    if reply_to:
        message["reply_to"] = {"email": reply_to}
    return json.dumps(message)[1:-1]


def _personalization(letter: Letter, tokens: Sequence[tuple[str, str]]) -> str:
    to = f'"email":{quoted(ascii_address(letter.to))}'
    if letter.to_name:
        name = scrub(letter.to_name.translate(_NAME_LISTED), limit=120)
        if name:
            to += f',"name":{quoted(name)}'
    headers = ""
    if letter.list_unsubscribe:
        headers = f'"List-Unsubscribe":{quoted(letter.list_unsubscribe)}'
        if letter.list_unsubscribe.startswith("<https://"):
            headers += f',"List-Unsubscribe-Post":{quoted(ONE_CLICK)}'
        headers = f',"headers":{{{headers}}}'
    values = letter.values
    filled = ",".join(
        [f"{token}:{quoted(values[name])}" for token, name in tokens if name in values]
    )
    return (
        f'{{"to":[{{{to}}}],"substitutions":{{{filled}}},'
        f'"custom_args":{{"delivery":{quoted(letter.key)}}}{headers}}}'
    )


def _named(answer: _Answer, count: int) -> dict[int, str]:
    """The places of the personalizations that a refusal names, with what is wrong."""
    named: dict[int, str] = {}
    for field, said in answer.problems:
        found = _POISON_FIELD.match(field)
        if not found or int(found[1]) >= count:
            return {}  # something else is wrong as well; dropping readers would not help
        named.setdefault(int(found[1]), said)
    return named


def _about_readers(answer: _Answer) -> bool:
    """Whether a refusal may be one reader's fault: it names no field, or the readers' one."""
    return all(not field or field.startswith("personalizations") for field, _ in answer.problems)


def _stated(answer: _Answer) -> TransportError:
    if answer.status in {401, 403}:
        return TransportError(
            "SendGrid",
            f"refuses us: {answer.said}",
            hint="Check the API key, its right to send mail, and that the From address is a "
            "verified sender.",
        )
    return TransportError(
        "SendGrid",
        f"refuses the request ({answer.status}): {answer.said}",
        hint="No reader is to blame; look at [delivery] and at the issue.",
    )


def _answered(call: Callable[[], Any], seconds: float) -> tuple[_Answer, bytes]:
    """Make a call within a time and read what came back."""
    try:
        response = _within(call, seconds)
    except HTTPError as error:
        return _refusal(error), b""
    except urllib.error.URLError as error:
        reason = error.reason
        certain = isinstance(reason, OSError) and _connecting(reason)
        return _Answer(failure=f"SendGrid cannot be reached: {reason}", certain=certain), b""
    except TimeoutError:
        return _Answer(failure=f"SendGrid gave no whole answer in {seconds:g} s"), b""
    except (OSError, http.client.HTTPException) as error:
        said = str(error) or type(error).__name__
        return _Answer(failure=f"the connection to SendGrid broke off: {said}"), b""
    headers = response.headers
    identity = headers.get("X-Message-Id") or ""
    wait = _wait(headers) if headers.get("X-RateLimit-Remaining") == "0" else 0.0
    answer = _Answer(status=response.status_code, message_id=identity[:120], wait=wait)
    return answer, response.body or b""


def _connecting(error: OSError) -> bool:
    """Whether an error came while the connection was being made, before a byte of the request."""
    return any(frame.f_code in _CONNECT for frame, _ in traceback.walk_tb(error.__traceback__))


def _refusal(error: Any) -> _Answer:
    problems: list[tuple[str, str]] = []
    try:
        listed = json.loads(error.body)["errors"]
        problems = [
            (str(one.get("field") or ""), scrub(str(one.get("message") or ""), limit=250))
            for one in listed
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return _Answer(
        status=int(error.status_code), problems=tuple(problems), wait=_wait(error.headers or {})
    )


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds that an answer asks for, at most a minute: Retry-After, or else X-RateLimit-Reset.

    The latter is a moment in Unix time; it is compared with the answer's own Date, since the two
    clocks need not agree with ours.
    """
    text = str(headers.get("Retry-After") or "")
    if re.fullmatch(r"\d{1,6}", text):
        return min(float(text), 60.0)
    reset = str(headers.get("X-RateLimit-Reset") or "")
    try:
        answered = parsedate_to_datetime(str(headers.get("Date") or "")).timestamp()
    except ValueError:
        return 0.0
    return min(max(float(reset) - answered, 0.0), 60.0) if reset.isdigit() else 0.0


def _within(call: Callable[[], _T], seconds: float) -> _T:
    """Run a call and give up on it after a time, whatever it is doing.

    A server that sends one byte a second never runs into a socket's time-out. The thread that is
    given up on is a daemon: it ends with its socket or with the program.

    :raises TimeoutError: when the time is over.
    """
    done: queue.SimpleQueue[tuple[_T | None, BaseException | None]] = queue.SimpleQueue()

    def work() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread as it is
            done.put((None, error))

    threading.Thread(target=work, name="sendgrid", daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # without an error there is a result
