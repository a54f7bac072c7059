"""Publish the sample day on a loopback address, as its outlets would."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from newsletter.sample.day import SampleArticle, Source, load_articles, load_sources
from newsletter.sample.pages import article_link, article_page, article_path, atom, home_page, rss

HOST = "127.0.0.1"
RSS_TYPE = "application/rss+xml"
ATOM_TYPE = "application/atom+xml"
HTML_TYPE = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer of the server, with what a client needs to ask for it again cheaply."""

    body: bytes
    content_type: str
    modified: datetime
    etag: str


class SampleServer:
    """The sample day behind one loopback port, for as long as the `with` block runs.

    `now` is the moment the day is seen from. `link_base` replaces the invented domains in the
    feeds' article links; without it no link names the loopback port.
    """

    def __init__(self, now: datetime, *, port: int = 0, link_base: str | None = None) -> None:
        """Load the day as it looks at `now`; nothing listens yet."""
        self.articles: tuple[SampleArticle, ...] = load_articles(now)
        self._outlets = load_sources()
        self._pages = _build_pages(self._outlets, self.articles, link_base)
        self._port = port
        self._http: _PageServer | None = None
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        """Bind the port and begin to answer."""
        self._http = _PageServer(self._port, self._pages)
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop answering and free the port."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._http.server_close()
            self._thread.join()
        self._http = self._thread = None

    @property
    def base_url(self) -> str:
        """The address of the server, without a slash at the end."""
        if self._http is None:
            message = "the sample server is not running; use it in a with statement"
            raise RuntimeError(message)
        return f"http://{HOST}:{self._http.server_address[1]}"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The outlets as [[source]] tables whose feeds point to this server."""
        return tuple({**outlet, "feed": self.base_url + outlet["feed"]} for outlet in self._outlets)


class _PageServer(ThreadingHTTPServer):
    """A threading server that knows the pages it may give out."""

    daemon_threads = True

    def __init__(self, port: int, pages: Mapping[str, Page]) -> None:
        self.pages = pages
        super().__init__((HOST, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answer GET and HEAD from the prepared pages."""

    server: _PageServer
    protocol_version = "HTTP/1.1"
    server_version = "SampleDay"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer with the page, or with 304 when the client has it already."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer with the headers of the page alone."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet: requests to the sample are of no interest in a log."""

    def _answer(self, *, with_body: bool) -> None:
        page = self.server.pages.get(urlsplit(self.path).path)
        if page is None:
            body = b"Not part of the sample day.\n"
            self.send_response(HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
        elif self._has_it(page):
            self.send_response(HTTPStatus.NOT_MODIFIED)
            self._send_validators(page)
            self.end_headers()
            return
        else:
            body = page.body
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", f"{page.content_type}; charset=utf-8")
            self._send_validators(page)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _send_validators(self, page: Page) -> None:
        self.send_header("ETag", page.etag)
        self.send_header("Last-Modified", format_datetime(page.modified, usegmt=True))

    def _has_it(self, page: Page) -> bool:
        """Whether the request's validators match; an ETag outranks a date, as HTTP asks."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
            return "*" in known or page.etag in known
        since = self.headers.get("If-Modified-Since")
        if since is None:
            return False
        try:
            moment = parsedate_to_datetime(since)
        except ValueError:
            return False
        return page.modified <= (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _build_pages(
    outlets: tuple[Source, ...], articles: tuple[SampleArticle, ...], link_base: str | None
) -> dict[str, Page]:
    """Write every page once; outlets take turns between RSS and Atom."""
    pages: dict[str, Page] = {}
    for turn, outlet in enumerate(outlets):
        own = [article for article in reversed(articles) if article.outlet == outlet["id"]]
        newest = own[0].published
        links = {article.slug: article_link(article, outlet, link_base) for article in own}
        write, feed_type = (rss, RSS_TYPE) if turn % 2 == 0 else (atom, ATOM_TYPE)
        feed = write(outlet, own, links, newest)
        pages[outlet["feed"]] = _page(feed, feed_type, newest)
        pages[f"/{outlet['id']}/"] = _page(home_page(outlet, own, feed_type), HTML_TYPE, newest)
        for article in own:
            text = article_page(article, outlet)
            pages[article_path(article)] = _page(text, HTML_TYPE, article.published)
    return pages


def _page(text: str, content_type: str, modified: datetime) -> Page:
    """Encode a text and derive its ETag from the bytes."""
    body = text.encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    whole = modified.replace(microsecond=0)
    return Page(body=body, content_type=content_type, modified=whole, etag=etag)
