"""Ask a server for a feed: politely, within limits, and through the guard. The one async border.

Nothing here raises for a server's sake: whatever it does is an :class:`Answer`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Container
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from newsletter import __version__
from newsletter.clock import Clock
from newsletter.config import Collect
from newsletter.errors import FeedRefused
from newsletter.feeds.connector import GuardedConnector, NameLate
from newsletter.feeds.guard import Guard
from newsletter.feeds.inflate import ENCODINGS, Broken, TooLarge, inflater
from newsletter.feeds.pace import retry_after

PRODUCT = "BothSidesNewsletter"
HOPS = 5
ACCEPT_FEED = (
    "application/rss+xml, application/atom+xml, application/feed+json;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
EMPTY = "the answer is empty"
_PERMANENT = {301, 308}
_REDIRECTS = {301, 302, 303, 307, 308}
_SENTENCES = {
    401: "the server asks for a password (401)",
    402: "the server asks for payment (402)",
    403: "the server refuses us (403)",
    404: "there is nothing at this address (404)",
    410: "the feed is gone for good (410)",
    429: "the server asks for fewer visits (429)",
    451: "the feed is withheld for legal reasons (451)",
}


May = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one request, redirects included.

    ``problem`` is empty for a 200 with a body and for a 304. ``bytes`` counts the wire.
    ``moved_to`` is set when every hop was permanent, ``detour`` when one was not. ``url`` is where
    the body came from.
    """

    status: int = 0
    body: bytes = b""
    content_type: str = ""
    etag: str = ""
    modified: str = ""
    url: str = ""
    moved_to: str = ""
    retry_after: float = 0
    fresh_for: float = 0
    problem: str = ""
    refused: bool = False
    detour: bool = False
    bytes: int = 0

    @property
    def silent(self) -> bool:
        """Whether no server said anything: no name, no connection, no status line."""
        return not self.status and not self.refused


class Fetcher:
    """A client for one run. Use as an async context manager.

    One request at a time to each host, unless the operator opened the host by name: such a host
    is their own, often a mirror or a test stand-in for many outlets, and the limit on all
    requests is what they set for it.
    """

    def __init__(self, settings: Collect, clock: Clock):
        self._settings = settings
        self._clock = clock
        self.agent = settings.user_agent or f"{PRODUCT}/{__version__}"
        self._proxies = getproxies() if settings.use_proxy_environment else {}
        self.guard = Guard([*settings.allow_hosts, *map(_place, self._proxies.values())])
        self._locks: dict[tuple[str, int], asyncio.Lock] = {}
        self._busy: dict[tuple[str, int], Answer] = {}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=GuardedConnector(
                self.guard,
                through_proxy=settings.use_proxy_environment,
                name_seconds=settings.connect_seconds,
            ),
            # The first byte and the whole have clocks of their own, below.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds),
            headers={
                "User-Agent": self.agent,
                "Accept-Encoding": ENCODINGS,
            },
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            # With the environment's proxies would come the passwords of ~/.netrc.
            trust_env=False,
            read_bufsize=64 * 1024,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session:
            await self._session.close()

    async def get(
        self,
        url: str,
        *,
        named_by: str = "",
        may: May | None = None,
        etag: str = "",
        modified: str = "",
        accept: str = ACCEPT_FEED,
    ) -> Answer:
        """Ask for one address, following at most five redirects, each through the guard.

        :param named_by: the configured address that led to this one, by default itself. Only from
            an address at a host that the operator opened does the way lead to that host.
        :param may: asked before each request whether the address may be asked for.
        """
        headers = {"Accept": accept}
        if etag and etag.isprintable():
            headers["If-None-Match"] = etag
        if modified and modified.isprintable():
            headers["If-Modified-Since"] = modified
        left = self._settings.total_seconds
        loop = asyncio.get_running_loop()
        permanent, seen, current = True, {url}, url
        own = self.guard.opened(named_by or url)
        for _ in range(HOPS + 1):
            try:
                scheme, host, port = self.guard.check(current, led_from=own)
                if may is not None and not await may(current):
                    raise FeedRefused(current, "robots.txt forbids the address")
            except FeedRefused as error:
                return Answer(url=current, problem=error.sentence, refused=True)
            own = host if self.guard.allows(host, port) else ""
            async with self._turn(host, port):
                if (host, port) in self._busy:
                    return replace(self._busy[host, port], url=current)
                started = loop.time()
                answer, location = await self._hop(current, headers, left)
                left -= loop.time() - started
                if answer.status == 429 or (answer.status == 503 and answer.retry_after):
                    self._keep_away(host, port, answer)
            if answer.status not in _REDIRECTS or answer.problem:
                if permanent and current != url and answer.status in {200, 304}:
                    return replace(answer, moved_to=current)
                return answer if permanent else replace(answer, detour=True)
            permanent = permanent and answer.status in _PERMANENT
            following, problem = _following(current, location, scheme, seen)
            if problem:
                return Answer(status=answer.status, url=current, problem=problem)
            seen.add(following)
            current = following
        problem = f"there are more than {HOPS} redirects"
        return Answer(status=answer.status, url=current, problem=problem)

    async def _hop(self, url: str, headers: dict[str, str], left: float) -> tuple[Answer, str]:
        """One request. Every way a server can fail becomes a sentence."""
        try:
            return await self._request(url, headers, left)
        except FeedRefused as error:
            return Answer(url=url, problem=error.sentence, refused=True), ""
        except _FAILURES as error:
            refused = error.__cause__
            if isinstance(refused, FeedRefused):
                return Answer(url=url, problem=refused.sentence, refused=True), ""
            return Answer(url=url, problem=_sentence(error, self._settings)), ""

    async def _request(self, url: str, headers: dict[str, str], left: float) -> tuple[Answer, str]:
        assert self._session is not None  # noqa: S101 - entered before use
        settings = self._settings
        loop = asyncio.get_running_loop()
        end = loop.time() + max(left, 0.001)
        first = min(end, loop.time() + settings.connect_seconds + settings.first_byte_seconds)
        response = None
        try:
            async with asyncio.timeout_at(first) as limit:
                response = await self._session.get(
                    URL(url, encoded=True),
                    headers=headers,
                    allow_redirects=False,
                    proxy=self._proxy(url),
                )
                answer = self._judge(response, url)
                if not answer.problem and answer.status == 200:
                    limit.reschedule(end)
                    answer = await self._read(response, answer)
                return answer, response.headers.get("Location", "")
        except aiohttp.ConnectionTimeoutError:
            raise  # also a TimeoutError, and has a sentence of its own
        except _FAILURES as error:
            if response is not None:  # a server that began to answer is not silent
                problem = _sentence(error, settings)
                return Answer(status=response.status, url=url, problem=problem), ""
            if isinstance(error, TimeoutError) and first < end:
                raise _FirstByteLate from None
            raise
        finally:
            # A connection with bytes left in it is of no use to anybody.
            if response is not None:
                response.release() if response.content.at_eof() else response.close()

    def _judge(self, response: aiohttp.ClientResponse, url: str) -> Answer:
        """The answer without its body; a status that gives none is a problem."""
        status, headers, now = response.status, response.headers, self._clock()
        problem = ""
        if status not in {200, 304, *_REDIRECTS}:
            problem = _SENTENCES.get(status) or (
                f"the server has a problem of its own ({status})"
                if status >= 500
                else f"the server answers {status}"
            )
        return Answer(
            status=status,
            url=url,
            content_type=_plain(headers.get("Content-Type", ""))[:200],
            etag=_plain(headers.get("ETag", ""))[:500],
            modified=_plain(headers.get("Last-Modified", ""))[:100],
            retry_after=retry_after(headers.get("Retry-After", ""), now) if problem else 0,
            fresh_for=_max_age(headers.get("Cache-Control", "")),
            problem=problem,
        )

    async def _read(self, response: aiohttp.ClientResponse, answer: Answer) -> Answer:
        settings = self._settings
        wire = 0
        try:
            unpacked = inflater(
                response.headers.get("Content-Encoding", ""), settings.decoded_bytes
            )
            async for chunk in response.content.iter_any():
                wire += len(chunk)
                if wire > settings.wire_bytes:
                    raise TooLarge
                unpacked.feed(chunk)
            body = unpacked.finish()
        except TooLarge:
            limit = min(settings.decoded_bytes, settings.wire_bytes) // 1_000_000
            return replace(answer, problem=f"the answer is larger than {limit} MB", bytes=wire)
        except Broken as error:
            return replace(answer, problem=str(error), bytes=wire)
        if not body.strip():
            return replace(answer, problem=EMPTY, bytes=wire)
        return replace(answer, body=body, bytes=wire)

    def _keep_away(self, host: str, port: int, answer: Answer) -> None:
        """Ask a host no more in this run that wants to be left alone, unless it is our own."""
        if not self.guard.allows(host, port):
            self._busy[host, port] = answer

    def _proxy(self, url: str) -> str | None:
        """The proxy of the environment for an address, where proxies are to be used."""
        parts = urlsplit(url)
        if not self._proxies or proxy_bypass(parts.netloc):
            return None
        return self._proxies.get(parts.scheme)

    def _turn(self, host: str, port: int) -> AbstractAsyncContextManager[None]:
        """Wait for this host to be free. Never held while waiting for another host."""
        if self.guard.allows(host, port):
            return _AT_ONCE
        return self._locks.setdefault((host, port), asyncio.Lock())


_AT_ONCE = nullcontext()


class _FirstByteLate(Exception):
    """Neither a connection nor headers within the limit."""


_FAILURES = (
    _FirstByteLate,
    aiohttp.ClientError,
    aiohttp.http.HttpProcessingError,
    OSError,  # and with it TimeoutError
    ValueError,
)
# The narrowest first.
_FAILED: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "the server accepts no connection for {connect_seconds:g} s"),
    (_FirstByteLate, "the server says nothing for {first_byte_seconds:g} s"),
    (TimeoutError, "the server takes more than {total_seconds:g} s"),
    (aiohttp.ClientConnectorDNSError, "the server's name does not resolve"),
    (
        (aiohttp.ClientSSLError, ssl.SSLError),
        "the server's certificate or encryption is not sound",
    ),
    (aiohttp.ClientPayloadError, "the answer is cut short or damaged"),
    (aiohttp.ServerDisconnectedError, "the server closes the connection without an answer"),
    (aiohttp.ClientConnectorError, "the server does not accept a connection"),
    (aiohttp.InvalidURL, "the address cannot be understood"),
    ((aiohttp.ClientError, aiohttp.http.HttpProcessingError), "the answer is not proper HTTP"),
)


def _sentence(error: Exception, settings: Collect) -> str:
    if isinstance(error.__cause__, NameLate):
        return f"the server's name is not resolved within {settings.connect_seconds:g} s"
    found = next((words for kind, words in _FAILED if isinstance(error, kind)), "")
    return found.format(**dict(settings)) or "the connection fails"


def _following(current: str, location: str, scheme: str, seen: Container[str]) -> tuple[str, str]:
    """Where a redirect leads, and why it is not followed, if it is not."""
    if not location:
        return "", "the redirect names no address"
    try:
        following = urljoin(current, location.strip()).partition("#")[0]
    except ValueError:
        return "", "the redirect's address cannot be understood"
    if scheme == "https" and following.lower().startswith("http:"):
        return "", "the redirect leads from https to http"
    if following in seen:
        return "", "the redirects go in a circle"
    return following, ""


def _plain(header: str) -> str:
    """A header that can be stored and sent back as it came; "" for any other."""
    return header if header.isascii() and header.isprintable() else ""


def _max_age(header: str) -> float:
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "max-age" and value.isdecimal() and len(value) < 10:
            return float(value)
    return 0


def _place(proxy: str) -> str:
    """A proxy as the guard's list of opened hosts has it."""
    return proxy.rpartition("://")[2].rpartition("@")[2].strip("/")
