"""Tests of the checks before an approval: a sound issue passes, each fault is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from newsletter.issue.lint import blocking, lint, visible_words
from newsletter.issue.render import Renderer
from newsletter.model import Rendered
from tests.issue.content import SITE, TAG, content

TEMPLATES = Path(__file__).parents[2] / "templates"


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    """The invented issue."""
    return Renderer(TEMPLATES, SITE).render(content(), tag=TAG)


def test_our_own_issue_has_nothing_wrong(rendered: Rendered) -> None:
    """The templates as they are shipped raise no error and no warning."""
    assert lint(rendered, SITE) == ()


FAULTS: list[tuple[str, str, str]] = [
    ('lang="en"', 'lang="und"', "language"),
    (' dir="ltr"', "", "direction"),
    ("<h1", "<h2", "first-level"),
    ("<h3", "<h5", "level 5 follows"),
    ("<title>", "<titel>", "title"),
    ('name="color-scheme"', 'name="x"', "night"),
    ('role="presentation"', 'role="grid"', "layout table"),
    ('href="https://news.example.org/method"', 'href="javascript:alert(1)"', "script address"),
    ('href="https://news.example.org/method"', 'href="method"', "neither http"),
    ('href="https://news.example.org/method"', 'href="http://news.example.org/method"', "encrypt"),
    (f'href="{TAG}_unsubscribe_"', 'href="https://example.org/"', "unsubscribe"),
    (f"{TAG}_because_", f"{TAG}_reason_", "because"),
    (f"{TAG}_because_", f"{TAG}_because_ {TAG}_name_", "Nobody fills in"),
    ("4 Quarry Lane", "", "postal address"),
    ("</body>", "<script></script></body>", "<script>"),
    ("</body>", "<form></form></body>", "<form>"),
    ("</body>", '<img src="https://example.org/x.png"></body>', "alternative text"),
    ("</body>", '<img src="x.png" alt="" width="9"></body>', "https address"),
    (
        "</body>",
        '<img src="https://example.org/x.png" alt="" width="1" height="1"></body>',
        "tracking",
    ),
    ("</body>", '<p onclick="x()">x</p></body>', "event handler"),
    ("</body>", "{{ name }}</body>", "template is left"),
    ("</body>", "<p>Dear %FIRST_NAME%</p></body>", "template is left"),
    ("</body>", "<p>\x07</p></body>", "control character"),
    ("</body>", "<p>\u202e</p></body>", "reading direction"),
    ("</body>", "<p>\ufffd</p></body>", "broken characters"),
    ("</body>", "</span></body>", "crooked"),
    ("</body>", '<a href="https://example.org/new">new</a></body>', "lacks the link"),
    ("</body>", '<a href="https://news.example.org/method">here</a></body>', "does not say where"),
    (
        "</body>",
        '<a href="https://news.example.org/method">bank.example.com</a></body>',
        "leads to",
    ),
    ("</body>", '<p id="a"></p><p id="a"></p></body>', "stands 2 times"),
    ("</body>", '<p class="a" class="b"></p></body>', "twice"),
    ("</body>", "<p>undefined</p></body>", "filler"),
    ("</body>", "<p>" + "word " * 1300 + "</p></body>", "minutes to read"),
    ("</body>", "<!-- " + "x" * 60_000 + " --></body>", "Gmail"),
    ("</body>", "<!-- " + "x" * 30_000 + " --></body>", "little room"),
    ("<style", '<link rel="stylesheet" href="https://example.org/x.css"><style', "fetched"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), FAULTS)
def test_a_fault_in_the_html_is_found(
    rendered: Rendered, old: str, new: str, sentence: str
) -> None:
    """Each fault put into a sound issue is named in a sentence."""
    assert old in rendered.html
    faulty = replace(rendered, html=rendered.html.replace(old, new))
    assert any(sentence in finding.sentence for finding in lint(faulty, SITE))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"text": ""}, "empty"),
        ({"text": "no links at all"}, "lacks the link"),
        ({"text": "<p>markup</p>"}, "markup"),
        ({"subject": ""}, "one line"),
        ({"subject": "Two\nlines"}, "one line"),
        ({"subject": "Short"}, "characters"),
        ({"subject": "=?utf-8?q?x?= and so on and so on"}, "encoded word"),
        ({"subject": "Will the ferries keep running to the isles?"}, "asks or shouts"),
    ],
)
def test_a_fault_beside_the_html_is_found(
    rendered: Rendered, change: dict[str, Any], sentence: str
) -> None:
    """Subject and text part are looked over as well."""
    faulty = replace(rendered, **change)
    assert any(sentence in finding.sentence for finding in lint(faulty, SITE))


def test_warnings_do_not_block(rendered: Rendered) -> None:
    """A short subject is a person's decision, a missing text part is not."""
    assert not blocking(lint(replace(rendered, subject="Short"), SITE))
    assert blocking(lint(replace(rendered, text=""), SITE))


def test_hidden_words_are_not_counted() -> None:
    """The preheader and the style sheet take no time to read."""
    html = '<body><div style="display:none">a b c</div><style>d</style><p>one two</p></body>'
    assert visible_words(html) == 2
