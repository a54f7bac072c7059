"""Letters over SMTP, one at a time on connections that are kept.

A letter is in doubt from the moment its last byte is on the way until the server's answer is
read; everything before that is certain. So the message is sent in two steps here (envelope and
DATA, then the text), and only a failure in the second step is ``unknown``.

The library's ``sendmail`` blurs that line, and ``starttls()`` without a context verifies nothing:
both are avoided. Answers: 2xx accepted, 4xx deferred, 5xx rejected, per reader (RFC 5321, 4.2.1).
"""

from __future__ import annotations

import contextlib
import queue
import smtplib
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Literal

from newsletter.delivery.domains import DomainPace
from newsletter.delivery.headers import ascii_address
from newsletter.delivery.letter import PreparedMail
from newsletter.errors import DeliveryError, TransportError
from newsletter.model import DeliveryState, Letter, Outcome

Security = Literal["none", "starttls", "tls"]

EACH = 2
"""Letters that are handed over at once for each of several connections.

A hand-over is written to disk before and after. With one letter each that costs more than the
letters themselves; with more, a crash leaves more of them in doubt.
"""


class SmtpTransport:
    """Hands letters to one SMTP server.

    :param connections: how many letters are under way at once, each on its own connection. After
        a crash two hand-overs may be in doubt, of :data:`EACH` letters a connection; with a
        single connection one letter.
    :param letters_per_connection: after this many a connection is made anew, since servers put a
        limit on it.
    :param domains: the limits of receiving domains, which all processes share; None: there are
        none. A letter beyond them is deferred.
    :param tls: a context for tests; by default certificates and names are verified.
    """

    name = "smtp"
    can_look = False
    settles_after: float | None = None

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security = "none",
        username: str = "",
        password: str = "",
        timeout: float = 60,
        connections: int = 1,
        letters_per_connection: int = 100,
        domains: DomainPace | None = None,
        tls: ssl.SSLContext | None = None,
    ):
        self.host = host
        self.port = port
        self.security = security
        self.username = username
        self.password = password
        self.timeout = timeout
        self.batch_size = EACH * connections if connections > 1 else 1
        # While one hand-over waits for its last answers the next one is committed and begins, so
        # the connections are never idle. They are shared: no more letters are under way at once.
        self.workers = 2 if connections > 1 else 1
        self.letters_per_connection = letters_per_connection
        self.tls = tls
        self._domains = domains
        self._idle: queue.SimpleQueue[_Line] = queue.SimpleQueue()
        self._threads = (
            ThreadPoolExecutor(connections, thread_name_prefix="smtp") if connections > 1 else None
        )

    def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
        """Send the letters, several at once when there are several connections.

        :raises TransportError: when the server refuses our credentials, our sender address or
            the encryption we insist on.
        """
        if self._threads is None or len(letters) == 1:
            results = [self._one(letter, mail) for letter in letters]
        else:
            results = list(self._threads.map(lambda letter: self._one(letter, mail), letters))
        if self._domains is not None:
            self._domains.give_back()
        problems = [result for result in results if isinstance(result, TransportError)]
        outcomes = [result for result in results if isinstance(result, Outcome)]
        if problems and not outcomes:
            raise problems[0]
        if problems:
            # Some letters of this call have left, so the others must be answered for one by one.
            answered = {outcome.key for outcome in outcomes}
            outcomes += [
                Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason=problems[0].sentence)
                for letter in letters
                if letter.key not in answered
            ]
        return outcomes

    def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:  # noqa: ARG002
        """Nothing: an SMTP server keeps no log that we could ask."""
        return {}

    def check(self) -> str:
        """Connect, greet and say goodbye.

        :raises TransportError: when the server does not answer, or refuses our name and password.
        """
        try:
            line = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise TransportError(
                self._place,
                f"does not take mail: {_plain(error)}",
                hint="Check [delivery.smtp] host, port and security.",
                again=True,
            ) from None
        line.quit()
        return f"{self._place} answers"

    def close(self) -> None:
        """Say goodbye on every idle connection."""
        if self._threads is not None:
            self._threads.shutdown()
        if self._domains is not None:
            self._domains.give_back(after=0)
        while True:
            try:
                line = self._idle.get_nowait()
            except queue.Empty:
                return
            line.quit()

    def _one(self, letter: Letter, mail: PreparedMail) -> Outcome | TransportError:
        address = ascii_address(letter.to)
        if not address:
            return _said(letter, DeliveryState.REJECTED, "the address cannot travel over SMTP")
        try:
            message = mail.message(letter)
        except DeliveryError as error:
            return _said(letter, DeliveryState.REJECTED, error.sentence)
        if self._domains is None:
            return self._delivered(letter, mail, address, message)
        domain = address.rpartition("@")[2].lower()
        single = not mail.list_id
        wait = self._domains.turn(domain, single=single)
        if wait:
            return _paced(letter, domain, wait)
        with self._domains.place(domain, single=single) as there_is_one:
            if not there_is_one:
                return _paced(letter, domain, 1.0)
            return self._delivered(letter, mail, address, message)

    def _delivered(
        self, letter: Letter, mail: PreparedMail, address: str, message: bytes
    ) -> Outcome | TransportError:
        try:
            line = self._take()
        except TransportError as error:
            return error
        except (OSError, smtplib.SMTPException) as error:
            return _said(
                letter, DeliveryState.DEFERRED, f"{self._place}: {_plain(error)}", wait=5.0
            )
        outcome = line.deliver(letter, address, mail.from_email, message)
        if line.broken or line.letters >= self.letters_per_connection:
            line.quit()
        else:
            self._idle.put(line)
        return outcome

    @property
    def _place(self) -> str:
        return f"{self.host}:{self.port}"

    def _take(self) -> _Line:
        """An idle connection that still answers, or a new one."""
        while True:
            try:
                line = self._idle.get_nowait()
            except queue.Empty:
                return self._connect()
            if line.alive():
                return line
            line.server.close()

    def _connect(self) -> _Line:
        if self.tls is None and self.security != "none":
            self.tls = ssl.create_default_context()
        context = self.tls
        try:
            server: smtplib.SMTP
            if self.security == "tls":
                server = smtplib.SMTP_SSL(
                    self.host, self.port, timeout=self.timeout, context=context
                )
            else:
                server = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        except ssl.SSLCertVerificationError as error:
            raise self._untrusted(error) from None
        try:
            self._greet(server, context)
        except BaseException:
            server.close()
            raise
        # Without this the last bytes of every letter wait 40 ms for an acknowledgement.
        if server.sock is not None:
            server.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Line(server)

    def _greet(self, server: smtplib.SMTP, context: ssl.SSLContext | None) -> None:
        server.ehlo_or_helo_if_needed()
        if self.security == "starttls":
            if not server.has_extn("starttls"):
                raise TransportError(
                    self._place,
                    "the server does not offer STARTTLS",
                    hint='Ask its operator, or set [delivery.smtp] security = "tls".',
                )
            try:
                server.starttls(context=context)
            except ssl.SSLCertVerificationError as error:
                raise self._untrusted(error) from None
            server.ehlo()
        if self.username:
            if self.security == "none" and not _is_this_machine(server.sock):
                raise TransportError(
                    self._place,
                    "would be sent our user name and password in the clear",
                    hint='Set [delivery.smtp] security = "starttls" or "tls".',
                )
            try:
                server.login(self.username, self.password)
            except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
                code = getattr(error, "smtp_code", 500)
                if 400 <= code < 500:
                    raise
                raise TransportError(
                    self._place,
                    f"the server refuses our user name and password: {_plain(error)}",
                    hint="Check the variables that [delivery.smtp] username_env and "
                    "password_env name.",
                ) from None

    def _untrusted(self, error: ssl.SSLCertVerificationError) -> TransportError:
        return TransportError(
            self._place,
            f"the server's certificate is not trusted: {error.verify_message}",
            hint="Use the host name that the certificate is made out to.",
        )


class _Line:
    """One open connection."""

    def __init__(self, server: smtplib.SMTP):
        self.server = server
        self.letters = 0
        self.broken = False

    def alive(self) -> bool:
        """Whether the server has not hung up meanwhile."""
        sock = self.server.sock
        if sock is None:
            return False
        sock.settimeout(0)
        try:
            # Between letters the server has nothing to say but goodbye.
            return not _readable(sock)
        finally:
            with contextlib.suppress(OSError):
                sock.settimeout(self.server.timeout)

    def deliver(
        self, letter: Letter, address: str, sender: str, message: bytes
    ) -> Outcome | TransportError:
        """Send one letter and say what became of it; an error when it is we who are refused."""
        self.letters += 1
        try:
            refusal = self._envelope(letter, address, sender, len(message))
        except (OSError, smtplib.SMTPException) as error:
            self.broken = True
            return _said(
                letter, DeliveryState.DEFERRED, f"the connection broke off: {_plain(error)}", wait=1
            )
        return refusal or self._text(letter, message)

    def _envelope(
        self, letter: Letter, address: str, sender: str, size: int
    ) -> Outcome | TransportError | None:
        """Say who writes to whom, up to the go-ahead for the text. None is the go-ahead."""
        server = self.server
        words = f" SIZE={size}" if server.has_extn("size") else ""
        commands = [f"MAIL FROM:<{sender}>{words}", f"RCPT TO:<{address}>", "DATA"]
        if server.has_extn("pipelining"):
            # One round trip for all three (RFC 2920); nothing but the go-ahead depends on them.
            server.send("".join(f"{command}\r\n" for command in commands).encode("ascii"))
            answers = [server.getreply() for _ in commands]
            from_, to, data = answers
            if data[0] == 354 and not (from_[0] == 250 and to[0] in {250, 251}):
                # The server wants a text although it refused; an empty one ends the matter.
                server.send(b".\r\n")
                server.getreply()
        else:
            from_, to, data = (250, b""), (250, b""), (354, b"")
            from_ = server.docmd(commands[0])
            if from_[0] == 250:
                to = server.docmd(commands[1])
                if to[0] in {250, 251}:
                    data = server.docmd(commands[2])
        if from_[0] != 250:
            return self._sender_refused(letter, *from_)
        if to[0] not in {250, 251}:
            return self._refused(letter, *to, "the address")
        if data[0] != 354:
            return self._refused(letter, *data, "the letter")
        return None

    def _text(self, letter: Letter, message: bytes) -> Outcome:
        """Send the text. From here until the answer is read nobody knows whether it was taken.

        No line of a letter begins with a dot (:mod:`newsletter.delivery.letter`), so none needs
        another one before it (RFC 5321, 4.5.2).
        """
        server = self.server
        try:
            server.send(message + b".\r\n")
            code, text = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            code, text = -1, _plain(error).encode()
        if 200 <= code < 300:
            return Outcome(
                key=letter.key,
                state=DeliveryState.ACCEPTED,
                provider_id=text.decode("ascii", "replace")[:120],
            )
        if 400 <= code < 600:
            return self._refused(letter, code, text, "the letter", reset=False)
        self.broken = True
        return _said(
            letter,
            DeliveryState.UNKNOWN,
            "the connection broke off before the server answered: "
            + text.decode("utf-8", "replace"),
        )

    def quit(self) -> None:
        """End the connection politely, and in any case."""
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if not self.broken:
                self.server.quit()
        self.server.close()

    def _sender_refused(self, letter: Letter, code: int, text: bytes) -> Outcome | TransportError:
        outcome = self._refused(letter, code, text, "the sender")
        if code == 552 or outcome.state is not DeliveryState.REJECTED:  # 552: this letter's size
            return outcome
        return TransportError(
            "[delivery] from_email",
            outcome.reason,
            hint="The server does not let us send in this name; no reader is to blame.",
        )

    def _refused(
        self, letter: Letter, code: int, text: bytes, what: str, *, reset: bool = True
    ) -> Outcome:
        if code == 421 or code < 0:
            self.broken = True
        elif reset:
            try:
                self.server.rset()
            except (OSError, smtplib.SMTPException):
                self.broken = True
        reason = f"the server refused {what}: {code} {text.decode('utf-8', 'replace')}"
        if 500 <= code < 600:
            return _said(letter, DeliveryState.REJECTED, reason)
        return _said(letter, DeliveryState.DEFERRED, reason)


def _readable(sock: object) -> bool:
    """Whether bytes or an end wait on a socket that is not blocking; nothing is lost of them."""
    try:
        if isinstance(sock, ssl.SSLSocket):
            return sock.recv(1) is not None
        peek = sock.recv(1, 2)  # type: ignore[attr-defined]  # MSG_PEEK
    except (BlockingIOError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    return peek is not None


def _is_this_machine(sock: socket.socket | None) -> bool:
    """Whether what we are connected to is on this machine, so that nobody else can listen."""
    return sock is not None and ip_address(sock.getpeername()[0]).is_loopback


def _said(letter: Letter, state: DeliveryState, reason: str, *, wait: float = 0.0) -> Outcome:
    return Outcome(key=letter.key, state=state, reason=reason[:300], wait=wait)


def _paced(letter: Letter, domain: str, later: float) -> Outcome:
    reason = f"{domain} gets letters at a limited pace"
    return Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason=reason, later=later)


def _plain(error: BaseException) -> str:
    """What a library's error says, in one line."""
    if isinstance(error, smtplib.SMTPResponseException):
        said = error.smtp_error
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{error.smtp_code} {text}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
