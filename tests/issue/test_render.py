"""Tests of rendering: what stands in the mail, what can break it, and what cannot."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import IssueError, TemplateError
from newsletter.issue.lint import blocking, lint, visible_words
from newsletter.issue.markup import Page
from newsletter.issue.render import TOKENS, Renderer, compile_mjml, web_page
from newsletter.model import IssueContent, Rendered
from tests.issue.content import SITE, TAG, content

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "templates"
SCORER = ROOT.parent / "shared" / "score" / "issue_html.py"


@pytest.fixture(scope="module")
def rendered() -> Rendered:
    """The invented issue."""
    return Renderer(TEMPLATES, SITE).render(content(), tag=TAG)


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A copy of the templates that a test may break."""
    return Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))


def with_headline(headline: str) -> IssueContent:
    """The issue with another headline on its first story."""
    issue = content()
    first = issue.stories[0]
    changed = replace(first, brief=replace(first.brief, headline=headline))
    return replace(issue, stories=(changed, *issue.stories[1:]))


def test_a_normal_issue_is_small(rendered: Rendered) -> None:
    """Nine stories take at most 60 KB of HTML, far under what Gmail cuts."""
    assert len(rendered.html.encode()) <= 60_000


def test_the_stated_reading_time_is_that_of_the_page(rendered: Rendered) -> None:
    """The words counted when choosing are the words a reader sees, within two in a hundred."""
    counted = content().seconds * 238 / 60
    because = 18  # "You get this because you signed up on …", filled in per reader
    assert visible_words(rendered.html) + because == pytest.approx(counted, rel=0.02)


def test_the_readers_places_are_in_both_parts(rendered: Rendered) -> None:
    """Each of the three places stands in HTML and text, and nothing else carries the tag."""
    for part in (rendered.html, rendered.text):
        assert set(re.findall(rf"{TAG}_(\w+?)_", part)) == set(TOKENS)
        assert part.count(TAG) == len(TOKENS)


def test_subject_and_preheader_fit_an_inbox(rendered: Rendered) -> None:
    """30 to 60 characters, and the preheader goes on where the subject ends."""
    assert 30 <= len(rendered.subject) <= 60
    assert 30 <= len(rendered.preheader) <= 150
    assert rendered.subject.rstrip("…") not in rendered.preheader


def test_the_text_part_stands_alone(rendered: Rendered) -> None:
    """Every headline, quotation and link of the HTML is in the text part, folded to 72."""
    flat = " ".join(rendered.text.split())
    for story in content().stories:
        assert story.brief.headline in flat
        assert f"https://news.example.org/stories/{story.slug}" in flat
    assert "“A boat that carries nurses and schoolchildren is a road," in flat
    assert max(len(line) for line in rendered.text.splitlines() if "http" not in line) <= 72


def test_rendering_twice_gives_the_same_bytes(rendered: Rendered) -> None:
    """Preview and send are one path: no clock, no chance."""
    assert Renderer(TEMPLATES, SITE).render(content(), tag=TAG) == rendered


@pytest.mark.parametrize(
    "headline",
    [
        "<script>alert(1)</script> wins the vote in the Assembly",
        "</mj-text><mj-raw><script>alert(1)</script></mj-raw><mj-text>",
        "<img src=x onerror=alert(1)> and nothing more to say today",
        "café > bar: a sign that a comparison is not a markup",
        "{{ 7 * 7 }} {% raw %} ${x} *|NAME|* %NAME% <%= x %> in a headline",
        "Control \x00\x07\x1b characters\u2028 and \u202e direction \u2066 marks",
        "=?utf-8?q?x=0D=0ABcc=3A_evil=40example.org?= is a headline",
        "&lt;b&gt;double&amp;amp; encoded&lt;/b&gt; and then some words",
        "\ufffd\ud800 broken characters everywhere in this headline",
    ],
)
def test_a_hostile_headline_stays_a_headline(headline: str) -> None:
    """Markup, MJML, template marks and control characters are shown or dropped, never obeyed."""
    composition = Renderer(TEMPLATES, SITE).compose(with_headline(headline), tag=TAG)
    assert composition.problems == ()
    assert blocking(lint(composition.rendered, SITE)) == ()
    assert "49" not in composition.rendered.subject


def test_a_panic_of_the_engine_is_an_error_like_others() -> None:
    """The engine's panics are no exceptions to Python; here they are."""
    with pytest.raises(TemplateError):
        compile_mjml("<mjml><mj-body><mj-text>café > bar</mj-text></mj-body></mjml>")


def test_markup_nested_beyond_reason_never_reaches_the_engine() -> None:
    """What would kill the process is refused in a sentence."""
    deep = "<div>" * 9000 + "</div>" * 9000
    with pytest.raises(TemplateError, match="deep"):
        compile_mjml(f"<mjml><mj-body><mj-text>{deep}</mj-text></mj-body></mjml>")


@pytest.mark.parametrize(
    "poison",
    [
        "{% if story.id == 'teacher-tests' %}<mj-section>{% endif %}",
        "{% if story.id == 'teacher-tests' %}{{ story.nothing_of_the_kind }}{% endif %}",
        "{% if story.id == 'teacher-tests' %}café > bar{% endif %}",
    ],
)
def test_one_story_that_cannot_be_laid_out_becomes_a_plain_block(
    workshop: Path, poison: str
) -> None:
    """The issue goes on: the story is a headline and a link, and the editor is told."""
    template = workshop / "email" / "parts" / "story.mjml"
    template.write_text(template.read_text("utf-8").replace("{{ p.rule() }}", poison), "utf-8")
    composition = Renderer(workshop, SITE).compose(content(), tag=TAG)
    assert [problem.story for problem in composition.problems] == ["teacher-tests"]
    assert "could not be laid out" in composition.rendered.html
    assert "could not be laid out" in composition.rendered.text
    assert "State drops the second licensing test" in composition.rendered.html
    assert blocking(lint(composition.rendered, SITE)) == ()


def test_a_missing_template_is_named(workshop: Path) -> None:
    """The error says which file and how to get it back."""
    (workshop / "email" / "parts" / "story.mjml").unlink()
    with pytest.raises(TemplateError, match=r"story\.mjml") as caught:
        Renderer(workshop, SITE).render(content(), tag=TAG)
    assert "newsletter init" in caught.value.hint


@pytest.mark.parametrize(
    ("broken", "where"),
    [
        ("{{ p.rule( }}", r"email/parts/story\.mjml, line 3"),
        ("{{ no_such_name }}", r"email/parts/story\.mjml, line 3"),
        ("{% endfor %}", r"email/parts/story\.mjml, line 3"),
    ],
)
def test_a_broken_template_is_an_error_with_its_line(
    workshop: Path, broken: str, where: str
) -> None:
    """A fault in the template is not taken for a fault of the stories."""
    template = workshop / "email" / "parts" / "story.mjml"
    template.write_text(template.read_text("utf-8").replace("{{ p.rule() }}", broken), "utf-8")
    with pytest.raises(TemplateError, match=where):
        Renderer(workshop, SITE).render(content(), tag=TAG)


def test_a_variant_shows_the_topics_its_readers_asked_for() -> None:
    """Other sections are left out, and the masthead counts what is left."""
    renderer = Renderer(TEMPLATES, SITE)
    variant = renderer.render(
        content(), tag=TAG, variant="education", topics=frozenset({"Education"})
    )
    assert variant.variant == "education"
    assert variant.subject == "State drops the second licensing test for new teachers"
    assert "ferries" not in variant.html
    assert "1 story" in variant.html


def test_topics_that_nothing_matches_show_the_whole_issue(rendered: Rendered) -> None:
    """Nobody gets an empty mail."""
    whole = Renderer(TEMPLATES, SITE).render(content(), tag=TAG, topics=frozenset({"chess"}))
    assert whole.html == rendered.html


@pytest.mark.parametrize("tag", ["", "a b c d e f", "{{x}}xxx", "ab"])
def test_a_tag_must_be_a_word(tag: str) -> None:
    """Tags go into addresses and patterns, so they are letters and digits."""
    with pytest.raises(IssueError):
        Renderer(TEMPLATES, SITE).render(content(), tag=tag)


def test_the_web_page_is_the_mail_without_anybodys_links(rendered: Rendered) -> None:
    """The public page has the same stories, neutral links and no reader's place."""
    page = web_page(rendered, SITE, address="https://news.example.org/issues/2026-03-18")
    assert TAG not in page
    assert "https://news.example.org/unsubscribe" in page
    assert 'rel="canonical"' in page
    for story in content().stories:
        assert story.brief.headline in page


def test_every_source_is_named_and_linked(rendered: Rendered) -> None:
    """A quotation stands with its outlet, kind and paywall mark."""
    assert re.search(
        r"“A third one-year rescue.*?Keystone Review</a> · opinion · subscription",
        rendered.html,
        re.DOTALL,
    )
    assert "Mirela Osgood · <a" in rendered.html


def test_an_empty_side_says_why(rendered: Rendered) -> None:
    """Too thin is not the same as not covered."""
    assert "Too little to quote fairly: 3 short articles from this side." in rendered.html


@pytest.mark.skipif(not SCORER.is_file(), reason="the shared scorer is not beside the project")
def test_the_shared_scorer_finds_no_hard_failure(rendered: Rendered, tmp_path: Path) -> None:
    """An independent reading of the same rules agrees."""
    links = {
        "unsubscribe": "https://news.example.org/u/x",
        "preferences": "https://news.example.org/p/x",
        "because": "You signed up.",
    }
    html, text = rendered.html, rendered.text
    for name, value in links.items():
        html = html.replace(f"{TAG}_{name}_", value)
        text = text.replace(f"{TAG}_{name}_", value)
    (tmp_path / "issue.html").write_text(html, "utf-8")
    (tmp_path / "issue.txt").write_text(text, "utf-8")
    files = [str(tmp_path / "issue.html"), "--text", str(tmp_path / "issue.txt")]
    command = [sys.executable, str(SCORER), *files]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stdout
    assert "0 hard failures, 0 warnings" in result.stdout


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            '“"Nobody opposes bridges," said Radcliffe.”',
            "“‘Nobody opposes bridges,’ said Radcliffe.”",
        ),
        ("“He said “yes” to it.”", "“He said ‘yes’ to it.”"),
        ("“One.” and “two.”", "“One.” and “two.”"),
        ("A plain copied sentence.", "“A plain copied sentence.”"),
    ],
)
def test_a_quotation_inside_a_quotation_has_single_marks(text: str, shown: str) -> None:
    """Printers' usage, whatever marks the outlet typed; no letter changes."""
    issue = content()
    first = issue.stories[0]
    bullet = replace(
        first.brief.left.bullets[0], text=text, quotes=(text.strip("“”"),), evidence=()
    )
    left = replace(first.brief.left, bullets=(bullet,))
    story = replace(first, brief=replace(first.brief, left=left))
    rendered = Renderer(TEMPLATES, SITE).render(replace(issue, stories=(story,)), tag=TAG)
    assert shown in html_text(rendered.html)


def html_text(html: str) -> str:
    """The words of a page."""
    return " ".join(Page(html).root.text(hidden=True).split())
