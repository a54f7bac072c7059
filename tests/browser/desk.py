"""A desk that is served, people who sit down at it in Chromium, and an ear for what goes wrong."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
)

from newsletter.newsroom import Newsroom
from tests.web.desk.person import PASSWORD, Person, desk_app
from tests.web.serving import Client, served

ISSUE = "daily-2026-11-22"
HERE = f"/desk/issues/{ISSUE}"
SHOTS = os.environ.get("DESK_SHOTS", "")
"""A folder where the pictures of docs/editing.md go; empty for a run that keeps none."""
PARTS = ("/check", "/evidence", "/progress")
"""What a page asks for while somebody works. Leaving the page may cut it off, and nothing else."""

NOTES = """
document.addEventListener("click", (e) => {
  const one = e.target.closest("a, button, summary, label");
  if (one) __did("click", one.textContent.trim().replace(/\\s+/g, " "));
}, true);
document.addEventListener("change", (e) => {
  const one = e.target.labels?.[0];
  if (one) __did("click", one.textContent.trim().replace(/\\s+/g, " "));
}, true);
document.addEventListener("drop", () => __did("click", "dragged"), true);
document.addEventListener("keydown", (e) => __did("key", e.key), true);
"""
AXE = find_spec("axe_playwright_python")


@dataclass
class Desk:
    """A desk and its browser. ``refusals`` is what a test means to be refused, as "400 edit"."""

    room: Newsroom
    client: Client
    browser: Browser
    refusals: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    did: dict[str, set[str]] = field(default_factory=lambda: {"click": set(), "key": set()})
    answers: list[str] = field(default_factory=list)
    cut_off: Counter[str] = field(default_factory=Counter)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.client.port}"

    def seat(self, **settings: Any) -> Page:
        """A browser of one's own, in which nobody is signed in."""
        context = self.browser.new_context(
            **{"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce", **settings}
        )
        context.set_default_timeout(20_000)
        self._listen(context)
        return context.new_page()

    def sit_down(self, role: str, **settings: Any) -> Page:
        """Somebody of a role, signed in and looking at today."""
        if role not in self.cookies:
            person = Person(self.client)
            assert person.sign_in(f"{role}@example.org").status == 303
            self.cookies[role] = person.cookies
        page = self.seat(**settings)
        page.context.add_cookies(
            [{"name": n, "value": v, "url": self.base} for n, v in self.cookies[role].items()]
        )
        page.goto(f"{self.base}/desk")
        return page

    def _listen(self, context: BrowserContext) -> None:
        context.expose_binding("__did", lambda _, kind, what: self.did[kind].add(what))
        context.add_init_script(NOTES)
        context.on("dialog", self._dialog)
        context.on("weberror", lambda one: self.alarms.append(f"error {one.error}"))
        context.on("console", self._console)
        context.on("response", self._response)
        context.on("requestfailed", self._failed)

    def _dialog(self, opened: Dialog) -> None:
        self.alarms.append(f"{opened.type} {opened.message}")
        opened.dismiss()

    def _console(self, said: ConsoleMessage) -> None:
        if said.type != "error" or said.text.startswith("Failed to load resource: the server"):
            return  # a refusal: the answer itself is looked at
        if re.match(r"Blocked script execution in '\S+/preview\?", said.text):
            return  # our own note-taker, which no frame without scripts lets in
        if said.text.startswith(("htmx:sendAbort", "htmx:afterRequest")):
            self.cut_off[said.text.partition(" ")[0]] += 1
        else:
            self.alarms.append(said.text)

    def _response(self, answer: Response) -> None:
        if answer.status >= 400:
            self.answers.append(f"{answer.status} {urlsplit(answer.url).path.rpartition('/')[2]}")

    def _failed(self, request: Request) -> None:
        path = urlsplit(request.url).path
        part = request.resource_type in {"xhr", "fetch"} and path.endswith(PARTS)
        frame = path.endswith("/preview")
        if request.failure == "net::ERR_ABORTED" and (
            part or frame or request.is_navigation_request()
        ):
            self.cut_off["parts"] += part
        else:
            self.alarms.append(f"{request.method} {request.url}: {request.failure}")

    def must_be_quiet(self) -> None:
        """Nothing ran, failed or was refused but what the test meant to be."""
        assert not self.alarms, "\n".join(self.alarms)
        assert Counter(self.answers) == Counter(self.refusals), self.answers
        # htmx says twice that a request was cut off: each has a request that leaving cut off.
        for said in ("htmx:sendAbort", "htmx:afterRequest"):
            assert self.cut_off[said] <= self.cut_off["parts"], self.cut_off


@contextmanager
def desk_over(room: Newsroom, browser: Browser) -> Iterator[Desk]:
    """Serve a desk, and listen until the end."""
    with served(desk_app(room)) as client:
        desk = Desk(room, client, browser)
        yield desk
        for context in browser.contexts:
            context.close()
    room.close()
    desk.must_be_quiet()


def sign_in(page: Page, base: str, role: str) -> None:
    """Through the form, as a person does."""
    page.goto(f"{base}/desk")
    page.get_by_label("Address").fill(f"{role}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{base}/desk")


def shot(page: Page, name: str) -> None:
    """Keep a picture for the handbook."""
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/desk-{name}.png")


def seen(page: Page, name: str = "") -> None:
    """A state of the morning: no rule of axe-core is broken in it, by day and by night."""
    if name:
        shot(page, name)
    if AXE is None:
        return
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE_SCRIPT)
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        found = page.evaluate(
            "axe.run('html', {iframes: false, resultTypes: ['violations']})"
            ".then((all) => all.violations.map((one) => one.id + ' ' + one.nodes[0].html))"
        )
        assert not found, f"{name or page.url}, {scheme}: {found}"


def promised(handbook: str) -> tuple[set[str], set[str]]:
    """What a chapter says one clicks, in bold, and the keys it names, in code."""
    bold = {" ".join(one.split()).rstrip("…") for one in re.findall(r"\*\*([^*]+)\*\*", handbook)}
    keys = set(re.findall(r"`([^`\s]|Ctrl|Enter|Esc|Space|Tab)`", handbook))
    return bold, keys
