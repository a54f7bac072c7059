"""What collecting survives: other projects' feeds, mutated feeds, and strings made to hurt.

    python benchmarks/hostile_feeds.py                 all of it, 20,000 mutated bodies
    python benchmarks/hostile_feeds.py --mutants 500   a shorter look
    python benchmarks/hostile_feeds.py --mutants 5000 --first 15000    some of the mutants alone

Needs the data beside the project (../shared/data). Every body goes through the worker processes
that a real run uses, with their limits. Mutants come from a fixed seed, so a finding can be found
again. The strings are put into every field of a feed, plain, escaped once and escaped twice; what
comes out is put unescaped into a page, which no template of ours would do, and judged there by an
HTML5 parser and, where there is one, by Chromium.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gzip
import html
import io
import random
import re
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import feedparser
import html5lib

from newsletter.errors import FeedRefused
from newsletter.feeds.articles import Context
from newsletter.feeds.background import Way, stream
from newsletter.feeds.guard import Guard
from newsletter.feeds.lines import parse_many
from newsletter.feeds.links import link
from newsletter.feeds.text import line
from newsletter.feeds.workers import Reading, Workers
from newsletter.model import Article

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "https://feed.example/dir/feed.xml"
SECONDS = 10.0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--mutants", type=int, default=20_000)
    arguments.add_argument("--first", type=int, help="begin at this mutant, and run only mutants")
    given = arguments.parse_args()
    if not (DATA / "feeds").is_dir():
        print(f"skipped: no data at {DATA}")
        return
    if given.first is not None:
        mutants(given.mutants, given.first)
        return
    corpus()
    mutants(given.mutants)
    strings()
    addresses()


# --------------------------------------------------------------------------- other feeds


def corpus() -> None:
    """Every file of other projects' test suites; what feedparser finds is what must be kept."""
    files = sorted(path for path in (DATA / "feeds").rglob("*") if path.is_file())
    started = time.perf_counter()
    lines = (f"{path}\t{URL}" for path in files)
    results = {one["file"]: one for one in parse_many(lines, first_seen=NOW)}
    took = time.perf_counter() - started
    found = kept = dated = 0
    warnings.simplefilter("ignore")
    for path in files:
        if path.suffix in {".json", ".md", ".py"} or path.stat().st_size > 3_000_000:
            continue
        try:
            parsed = feedparser.parse(
                io.BytesIO(path.read_bytes()),
                response_headers={"content-location": URL},
                sanitize_html=False,
                resolve_relative_uris=False,
            )
        except Exception:  # noqa: BLE001 - what feedparser cannot read asks nothing of us
            continue
        articles = results[str(path)]["articles"]
        urls = {article["url"] for article in articles}
        titles = {article["title"] for article in articles}
        for entry in parsed.entries:
            title, address = line(entry.get("title", "")), link(entry.get("link", ""), URL)
            if not (title or address):
                continue
            found += 1
            kept += address in urls if address and address in urls else title in titles
        dated += sum(article["published"] is not None for article in articles)
    total = sum(len(one["articles"]) for one in results.values())
    print(
        f"corpus: {len(files)} files in {took:.1f} s, {total} articles, {dated} of them dated; of "
        f"{found} entries that feedparser finds {kept} are kept ({100 * kept / found:.2f} %); "
        f"exceptions 0"
    )


# --------------------------------------------------------------------------- mutants


def mutants(count: int, first: int = 0) -> None:
    """Bodies cut, mislabelled, packed, flipped and spliced: no crash and no hang."""
    problems: collections.Counter[str] = collections.Counter()
    slowest, articles = 0.0, 0
    started = time.perf_counter()
    for reading, seconds in read_all(islice(mutated(first + count), first, None)):
        slowest = max(slowest, seconds)
        articles += len(reading.articles)
        problems[re.sub(r"\d+", "N", reading.problem) or "read"] += 1
    print(
        f"mutants: {count} in {time.perf_counter() - started:.0f} s, {articles} articles, slowest "
        f"{slowest:.1f} s of {SECONDS:.0f}, ended processes "
        f"{problems['the feed ended the process that read it']}, hangs "
        f"{sum(n for name, n in problems.items() if 'takes more than' in name)}"
    )
    for name, number in problems.most_common(10):
        print(f"   {number:6} {name}")


def mutated(count: int) -> Iterator[bytes]:  # noqa: PLR0912 - one branch a mutation
    """Mutants of the corpus, the same on every run."""
    chance = random.Random(20_261_122)
    seeds = [
        path.read_bytes()
        for path in sorted((DATA / "feeds").rglob("*"))
        if path.suffix in {".xml", ".rss", ".atom"} and path.stat().st_size < 60_000
    ]
    charsets = (b"utf-16", b"shift_jis", b"utf-7", b"idna", b"rot13", b"x", b"utf-32", b"koi8-r")
    for _ in range(count):
        body = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(body) + 1)
            match chance.randrange(10):
                case 0:
                    del body[place:]
                case 1:
                    body[:0] = b'<?xml version="1.0" encoding="%s"?>' % chance.choice(charsets)
                case 2:
                    body[:0] = chance.choice(
                        (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\x00\x00")
                    )
                case 3:
                    body[:] = gzip.compress(bytes(body))[: chance.randrange(20, 5_000)]
                case 4:
                    body[place:place] = b"<html><body><p>" + b"<div>" * chance.randrange(500)
                case 5:
                    body[place:place] = b"\x00" * chance.randrange(1, 50)
                case 6:
                    for _ in range(chance.randrange(1, 40)):
                        if body:
                            body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
                case 7:
                    body[place:place] = body[chance.randrange(len(body) + 1) :][:3_000]
                case 8:
                    body[place:place] = chance.choice(
                        (b"&#xD800;", b"&undefined;", b"]]>", b"<![CDATA[", b"<!--", b"&#0;")
                    ) * chance.randrange(1, 200)
                case _:
                    del body[place : place + chance.randrange(1, 300)]
        yield bytes(body)


def read_all(bodies: Iterable[bytes]) -> Iterator[tuple[Reading, float]]:
    """Read bodies in two workers, and time each."""
    context = Context(
        url=URL, feed=URL, outlet="paper", first_seen=NOW, compared_from=NOW - timedelta(days=9_000)
    )

    async def read(way: Way[tuple[Reading, float]]) -> None:
        line_ = iter(bodies)

        async def runner(workers: Workers) -> None:
            for body in line_:
                started = time.perf_counter()
                reading = await workers.read(body, "", context)
                await way.give((reading, time.perf_counter() - started))

        async with (
            Workers(2, seconds=SECONDS, memory_mb=512) as workers,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(runner(workers))
            group.create_task(runner(workers))

    yield from stream(read, room=64)


# --------------------------------------------------------------------------- strings


def strings() -> None:
    """XSS, template, spreadsheet, header and naughty strings through every field."""
    payloads = sorted(set(_payloads()))
    articles: list[Article] = []
    for reading, _ in read_all(_feeds(payloads)):
        if reading.problem:
            print(f"   a feed of strings was not read: {reading.problem}")
        articles += reading.articles
    shown = [
        text
        for one in articles
        for text in (one.title, one.summary, one.text, one.author, one.section)
        if text
    ]
    elements = sum(len(html5lib.parseFragment(text, namespaceHTMLElements=False)) for text in shown)
    broken = sum("\n" in one.title or "\r" in one.title + one.author for one in articles)
    links = [one.url for one in articles]
    bad_links = sum(
        urlsplit(url).scheme not in {"http", "https"} or bool(set(url) & set(' "<>\\\r\n'))
        for url in links
    )
    print(
        f"strings: {len(payloads)} in every field, {len(shown)} texts shown, {elements} elements "
        f"in them, {broken} line breaks in titles and names, {bad_links} of {len(links)} links "
        f"dangerous; Chromium: {_in_chromium(shown, links)}"
    )


def _payloads() -> Iterator[str]:
    for folder in ("xss", "ssti", "crlf", "redirect"):
        for path in sorted((DATA / "security" / folder).iterdir()):
            for text in path.read_text("utf-8", "replace").splitlines():
                if text.strip():
                    yield text[:4_000]
    import json

    yield from json.loads((DATA / "security" / "naughty-strings.json").read_text("utf-8"))


def _feeds(payloads: list[str]) -> Iterator[bytes]:
    """Feeds of 100 items with one string in every field: escaped once, twice and as CDATA."""

    def safe(text: str) -> str:
        return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]", "", text)

    ways = (
        lambda text: html.escape(safe(text)),
        lambda text: html.escape(html.escape(safe(text))),
        lambda text: "<![CDATA[" + safe(text).replace("]]>", "]] >") + "]]>",
    )
    for way in ways:
        for start in range(0, len(payloads), 100):
            items = []
            for number, text in enumerate(payloads[start : start + 100]):
                said = way(text)
                fields = f"<title>{said}</title><description>{said}</description>"
                fields += f"<author>{said}</author><category>{said}</category>"
                place = f"https://example.org/{start}/{number}"
                items.append(f"<item>{fields}<link>{place}</link></item>")
                items.append(f"<item><title>Link {number}</title><link>{said}</link></item>")
            yield (
                f'<rss version="2.0"><channel><title>t</title>{"".join(items)}</channel></rss>'
            ).encode()


def _in_chromium(shown: list[str], links: list[str]) -> str:
    """Put every text raw, and every link in an href, into one page, and see whether any acts."""
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError:
        return "skipped, no playwright"
    page_text = "<!doctype html><meta charset=utf-8><title>x</title><main>"
    page_text += "".join(f"<p>{text}</p>" for text in shown)
    page_text += "</main><nav>" + "".join(f'<a href="{url}">x</a>' for url in links) + "</nav>"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page_text, "utf-8", "replace")
        acted: list[str] = []
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(
                    executable_path="/usr/bin/chromium", args=["--no-sandbox"]
                )
                page = browser.new_page()
                page.on("dialog", lambda dialog: (acted.append(dialog.message), dialog.dismiss()))
                page.on("request", lambda asked: acted.append(asked.url))
                page.goto(file.as_uri())
                page.wait_for_timeout(1_000)
                inside = page.evaluate("document.querySelectorAll('main *:not(p)').length")
                schemes = page.evaluate(
                    "[...new Set([...document.links].map(a => a.protocol))].sort().join(' ')"
                )
                browser.close()
        except Error as error:
            return f"skipped, {str(error).splitlines()[0][:80]}"
        requests = [one for one in acted if one != file.as_uri()]
        return f"{inside} elements, {len(requests)} dialogs or requests, links of {schemes}"


# --------------------------------------------------------------------------- addresses


def addresses() -> None:
    """Addresses that lead inside: each refused by text or by what it resolves to."""
    text = (DATA / "security" / "ssrf" / "ssrf.md").read_text("utf-8", "replace")
    urls = sorted(set(re.findall(r"\b[a-z][a-z0-9+.-]{2,12}://[^\s`'\"<>)]+", text)))
    refused = local = names = 0
    passed = []
    guard = Guard()
    for url in urls:
        try:
            _, host, port = guard.check(url)
        except FeedRefused:
            refused += 1
            continue
        if not re.fullmatch(r"[\d.a-fx:\[\]①-⓿]+|localhost.*", host):
            names += 1  # a real name: what it resolves to is checked when it does
            continue
        try:
            asyncio.run(_resolve(guard, host, port))
            passed.append(url)
        except (FeedRefused, OSError, UnicodeError):
            local += 1
    print(
        f"addresses: {len(urls)}, {refused} refused by their text, {local} by what they resolve "
        f"to, {names} names to be judged when they resolve, passed: {passed or 'none'}"
    )


async def _resolve(guard: Guard, host: str, port: int) -> None:
    from newsletter.feeds.connector import GuardedResolver

    await GuardedResolver(guard).resolve(host, port)


if __name__ == "__main__":
    main()
