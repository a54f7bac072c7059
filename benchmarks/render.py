"""Rendering an issue and joining letters: size, time per variant, letters a second.

Beside them the two ways most programs take: filling in a template for every reader, and building
an ``EmailMessage`` for every reader.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from jinja2 import Environment

from newsletter.config import EditionSettings
from newsletter.delivery.letter import join, prepare
from newsletter.issue.choose import choose
from newsletter.issue.lint import lint
from newsletter.issue.render import Renderer
from newsletter.issue.view import count_words
from newsletter.model import Letter
from newsletter.web.public.issues import front_page
from newsletter.web.public.story import story_page
from tests.issue.content import DAY, SITE, TAG, candidates, content
from tests.web.public.content import EDITIONS, PAGES, story_content

TEMPLATES = Path(__file__).parents[1] / "templates"
SECONDS = 2.0


def main() -> None:
    renderer = Renderer(TEMPLATES, SITE)
    issue = content()
    rendered = renderer.render(issue, tag=TAG)
    size = len(rendered.html.encode())
    print(f"HTML of {len(issue.stories)} stories          {size:10,} bytes (limit 102,400)")
    print(f"text part                      {len(rendered.text.encode()):10,} bytes")
    print(f"words in the text part         {count_words(rendered.text):10,}")

    each = per_call(lambda: renderer.render(issue, tag=TAG))
    print(f"render one variant             {1000 * each:10.1f} ms")
    print(
        f"lint one variant               {1000 * per_call(lambda: lint(rendered, SITE)):10.1f} ms"
    )
    found = candidates()
    each = per_call(lambda: choose(found, EditionSettings(), edition="daily", day=DAY))
    print(f"choose from {len(found)} candidates       {1000 * each:10.1f} ms")

    parts = prepare(rendered, date=datetime(2026, 3, 18, tzinfo=UTC), from_email="n@example.org")
    letter = Letter(
        key="k",
        to="ada@example.org",
        to_name="Ada",
        message_id="<k@example.org>",
        list_unsubscribe="<https://news.example.org/u/x7>",
        values={
            "unsubscribe": "https://news.example.org/u/x7",
            "preferences": "https://news.example.org/p/x7",
            "because": "You get this because you subscribed on 3 March 2026.",
        },
    )
    page = story_content()
    rates: list[tuple[str, Callable[[], object]]] = [
        ("join a letter from bytes", lambda: join(parts, letter)),
        ("a template per reader", per_reader(rendered.html)),
        ("an EmailMessage per reader", lambda: message(rendered.html, rendered.text)),
        ("a story page", lambda: story_page(PAGES, page)),
        ("the front page", lambda: front_page(PAGES, latest=issue, editions=EDITIONS)),
    ]
    for what, do in rates:
        print(f"{what:<30} {1 / per_call(do):10,.0f} a second")


def per_call(do: Callable[[], object]) -> float:
    """Seconds of one core a call, the best of three rounds of together about two seconds."""
    do()
    started = time.process_time()
    do()
    once = max(time.process_time() - started, 1e-7)
    calls = max(1, int(SECONDS / 3 / once))
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        for _ in range(calls):
            do()
        best = min(best, (time.process_time() - started) / calls)
    return best


def per_reader(html: str) -> Callable[[], str]:
    """The final HTML as a template that is filled in for each reader."""
    source = html.replace(f"{TAG}_unsubscribe_", "{{ u }}").replace(f"{TAG}_because_", "{{ b }}")
    template = Environment(autoescape=True).from_string(source)
    return lambda: template.render(u="https://news.example.org/u/x7", b="You signed up.")


def message(html: str, text: str) -> bytes:
    """A message built by the standard library."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"], mail["From"], mail["To"] = "Issue", "n@example.org", "ada@example.org"
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    return mail.as_bytes()


if __name__ == "__main__":
    main()
