"""Render an issue once: subject, preheader, HTML and text, with the reader's places left open.

Preview, approval, the web page and the send all come through here. The MJML engine runs in a
process of its own (:mod:`newsletter.issue.engine`); what it cannot take ends as a
:class:`~newsletter.errors.TemplateError` or as a story in a plain block, never as a crash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup, escape

from newsletter.config import Site
from newsletter.errors import IssueError, NewsletterError, TemplateError
from newsletter.issue.catalogue import Catalogue, catalogue
from newsletter.issue.clean import clean, safe_url, scrub_header
from newsletter.issue.engine import Engine
from newsletter.issue.environment import DATA_FAULTS, Templates
from newsletter.issue.markup import VOID
from newsletter.issue.shown import StoryView
from newsletter.issue.subject import fit_preheader, fit_subject
from newsletter.issue.theme import Theme, theme_of
from newsletter.issue.view import correction_view, harmless, plain_view, story_view
from newsletter.model import Correction, IssueContent, IssueStory, Place, Rendered

TOKENS = ("unsubscribe", "preferences", "because")
"""The reader's own places. ``unsubscribe`` and ``preferences`` are https addresses inside an
``href``; ``because`` is the sentence why this reader gets the issue."""

_TAG = re.compile(r"[A-Za-z0-9]{8,32}")
_ELEMENT = re.compile(r"<[/a-zA-Z][^>]*>")
_DEPTH = 100
"""Nesting that is refused before the engine sees it: at about 9,000 it kills its process."""
_ENGINE = Engine()
_BODY = re.compile(r"<body[^>]*>")
_WEB_STYLE = (
    ".web{max-width:640px;margin:0 auto;padding:12px 24px 0;"
    "font:13px/20px -apple-system,Segoe UI,Helvetica,Arial,sans-serif;color:#5b616b}"
    "@media(prefers-color-scheme:dark){.web{color:#a3a9b3}.web a{color:#9cc4ee}}"
    "@media print{body{background:#fff!important}.web{display:none}}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A story that could not be laid out as usual, and what was done about it."""

    story: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """A rendering with the problems met on the way; an editor should look at those."""

    rendered: Rendered
    problems: tuple[Problem, ...] = ()


class Renderer:
    """Renders issues from a folder of templates for one site. Holds no state between calls."""

    def __init__(self, templates: Path, site: Site, theme: Theme | None = None):
        self.site = site
        self.templates = Templates(templates)
        self.theme = theme or theme_of(site)
        self.words = catalogue(site.language)
        self.base_url = site.base_url.rstrip("/")

    def render(
        self,
        content: IssueContent,
        *,
        tag: str,
        variant: str = "",
        topics: frozenset[str] = frozenset(),
    ) -> Rendered:
        """The rendering alone; :meth:`compose` also says what went wrong on the way."""
        return self.compose(content, tag=tag, variant=variant, topics=topics).rendered

    def compose(
        self,
        content: IssueContent,
        *,
        tag: str,
        variant: str = "",
        topics: frozenset[str] = frozenset(),
    ) -> Composition:
        """Render an issue for the readers of one variant.

        :param tag: the issue's random word, 8 to 32 letters and digits; the reader's places are
            ``{tag}_unsubscribe_`` and so on (:data:`TOKENS`).
        :param topics: sections these readers asked for; the others are left out, unless nothing
            would be left. Empty: everything.
        :raises TemplateError: when a template is missing or broken, with file and line.
        :raises IssueError: when the tag is not such a word or the issue has no stories.
        """
        if not _TAG.fullmatch(tag):
            raise IssueError(tag, "is not a tag of 8 to 32 letters and digits")
        stories = for_topics(content.stories, topics)
        if not stories:
            raise IssueError(content.edition, "an issue without stories cannot be rendered")
        problems: list[Problem] = []
        views = [self._view(story, index == 0, problems) for index, story in enumerate(stories)]
        plain = {story.story: plain_view(story, self.words, self.base_url) for story in stories}
        corrections = corrections_for(content.corrections, topics)
        shown = replace(content, stories=stories, corrections=corrections)
        frame = self._frame(shown, tag, whole=content)

        def markup(views: Sequence[StoryView]) -> str:
            return self._html(self._values(frame, views))

        def text(views: Sequence[StoryView]) -> str:
            values = self._values(frame, views)
            return _tidy_text(self.templates.text("email/issue/body.txt", values))

        views, html = _sound(views, plain, markup, problems, self.words)
        views, text_part = _sound(views, plain, text, problems, self.words)
        if any(view.place == "plain" for view in views):
            html = markup(views)
        values = self._values(frame, views)
        rendered = Rendered(
            subject=values["subject"],
            preheader=values["preheader"],
            html=html,
            text=text_part,
            tag=tag,
            variant=variant,
        )
        return Composition(rendered=rendered, problems=tuple(problems))

    def render_mail(self, name: str, values: Mapping[str, Any], *, tag: str = "") -> Rendered:
        """Another mail: a folder ``email/<name>`` of three files, filled in with values.

        There are confirm, welcome, goodbye, preferences, correction, reminder and alert; the first
        line of each template says which values it takes. A correction goes to many readers, so it
        has their places and needs a ``tag``, as an issue does.

        :raises TemplateError: when a template is missing or broken, or a value is missing.
        """
        shared = {
            **self._shared(),
            **values,
            "reader": {place: f"{tag}_{place}_" for place in TOKENS} if tag else None,
        }
        subject = scrub_header(self.templates.text(f"email/{name}/subject.txt", shared))
        html = compile_mjml(self.templates.markup(f"email/{name}/body.mjml", shared))
        text = _tidy_text(self.templates.text(f"email/{name}/body.txt", shared))
        return Rendered(subject=subject, preheader="", html=html, text=text, tag=tag)

    def _view(self, story: IssueStory, first: bool, problems: list[Problem]) -> StoryView:  # noqa: FBT001
        try:
            return story_view(story, self.words, self.base_url, first=first)
        except (NewsletterError, *DATA_FAULTS) as e:
            problems.append(Problem(story=story.story, sentence=f"could not be worded: {e}"))
            return plain_view(story, self.words, self.base_url)

    def _shared(self) -> dict[str, Any]:
        words, theme = self.words, self.theme
        return {
            "t": words,
            "lang": words.language,
            "dir": words.direction,
            "start": words.start,
            "end": words.end,
            "light": theme.light,
            "dark": theme.dark,
            "type": theme.type,
            "site": self.site,
            "logo": self.site.theme.logo or self.site.name,
            "base_url": self.base_url,
            "method_url": f"{self.base_url}/method",
            "corrections_url": f"{self.base_url}/corrections",
            "rule": "-" * 72,
        }

    def _frame(self, content: IssueContent, tag: str, *, whole: IssueContent) -> dict[str, Any]:
        """Everything of the issue that is not a story."""
        words = self.words
        seconds = whole.seconds
        if len(content.stories) < len(whole.stories):
            seconds -= sum(story.seconds for story in whole.stories)
            seconds += sum(story.seconds for story in content.stories)
        from_count = words("from_articles", n=whole.articles)
        return self._shared() | {
            "date_long": words.day(content.day),
            "date_short": words.day(content.day, "short"),
            "web_url": safe_url(f"{self.base_url}/issues/{content.day.isoformat()}"),
            "duration": words.duration(seconds),
            "to_read": words("to_read", time=words.duration(seconds)),
            "story_count": words("stories", n=len(content.stories)),
            "from_count": f"{from_count} {words('by_outlets', n=whole.outlets)}",
            "corrections": [correction_view(one, self.base_url) for one in content.corrections],
            "made_by": made_by(content, words),
            "reader": {name: f"{tag}_{name}_" for name in TOKENS},
        }

    def _values(self, frame: dict[str, Any], views: Sequence[StoryView]) -> dict[str, Any]:
        values = {
            **frame,
            "stories": views,
            "top": views[0],
            "contents": [view.headline for view in views if view.place == Place.TOP.value],
        }
        line = self.templates.text("email/issue/subject.txt", values)
        values["subject"] = fit_subject(
            scrub_header(line), self.words, site=clean(self.site.name), more=len(views) - 1
        )
        values["preheader"] = fit_preheader(
            [view.headline for view in views], views[0].deck, self.words, time=frame["duration"]
        )
        return values

    def _html(self, values: dict[str, Any]) -> str:
        return compile_mjml(self.templates.markup("email/issue/body.mjml", values))


def for_topics(stories: Sequence[IssueStory], topics: frozenset[str]) -> tuple[IssueStory, ...]:
    """The stories of these sections, or all when that would leave nothing."""
    wanted = {topic.casefold() for topic in topics}
    chosen = tuple(story for story in stories if story.section.casefold() in wanted)
    return chosen or tuple(stories)


def corrections_for(
    corrections: Sequence[Correction], topics: frozenset[str]
) -> tuple[Correction, ...]:
    """The corrections of stories that readers of these sections were shown."""
    wanted = {topic.casefold() for topic in topics}
    return tuple(one for one in corrections if not wanted or one.section.casefold() in wanted)


def made_by(content: IssueContent, words: Catalogue) -> str:
    """Which software wrote or chose the words, and what it was checked by."""
    writers = sorted({story.brief.writer for story in content.stories})
    line = (
        words("made_extract")
        if writers == ["extract"]
        else words("made_model", writers=", ".join(clean(writer) for writer in writers))
    )
    return f"{line} {words('made_checked')}"


def compile_mjml(source: str) -> str:
    """MJML to HTML, made fit for mail: no remote font, layout tables marked as such.

    :raises TemplateError: when the engine refuses the source, or dies over it.
    """
    if _deepest(source) > _DEPTH:
        raise TemplateError("MJML", f"is nested more than {_DEPTH} levels deep")
    html = _ENGINE.html(source)
    if "<mj-" in html:
        raise TemplateError("MJML", "an element of it is not known to the engine")
    return _tidy_html(html)


def web_page(
    rendered: Rendered,
    site: Site,
    *,
    address: str = "",
    description: str = "",
    image: str = "",
    corrected: Sequence[tuple[str, str]] = (),
) -> str:
    """The public page of an issue: the mail's own HTML with nobody's links in it.

    :param address: the page's own canonical address.
    :param image: the address of a picture for previews elsewhere.
    :param corrected: stories of it that were corrected later: address and headline.
    """
    words = catalogue(site.language)
    base_url = site.base_url.rstrip("/")
    neutral = {
        "unsubscribe": f"{base_url}/unsubscribe",
        "preferences": f"{base_url}/preferences",
    }
    html = rendered.html
    for name, value in neutral.items():
        html = html.replace(f"{rendered.tag}_{name}_", str(escape(value)))
    sign_up = Markup('{} <a href="{}/">{}</a>.').format(
        words("web_because"), base_url, words("web_get")
    )
    html = html.replace(f"{rendered.tag}_because_", sign_up)
    html = _BODY.sub(lambda match: f"{match[0]}{_above(base_url, words, corrected)}", html, count=1)
    head = "".join(
        (
            f'<link rel="canonical" href="{escape(address)}">' if address else "",
            f'<meta name="description" content="{escape(description or rendered.preheader)}">',
            f'<meta property="og:title" content="{escape(rendered.subject)}">',
            '<meta property="og:type" content="article">',
            f'<meta property="og:site_name" content="{escape(site.name)}">',
            f'<meta property="og:image" content="{escape(image)}">' if image else "",
            f"<style>{_WEB_STYLE}</style>",
        )
    )
    html = html.replace("</head>", f"{head}</head>", 1)
    # In a mail program the mail is an article among others; as a page it is the main thing.
    html = html.replace(' aria-roledescription="email"', "", 1)
    return html.replace('role="article"', 'role="main"', 1)


def _above(base_url: str, words: Catalogue, corrected: Sequence[tuple[str, str]]) -> Markup:
    """What a page has above the mail: the way to the others, and what was corrected since."""
    links = ((f"{base_url}/", words("front_page")), (f"{base_url}/issues", words("nav_archive")))
    nav = Markup(" · ").join(
        Markup('<a href="{}">{}</a>').format(address, text) for address, text in links
    )
    notes = Markup("").join(
        Markup('<br>{} <a href="{}">{}</a>').format(words("corrected_since"), address, text)
        for address, text in corrected
    )
    label = words("nav_label")
    return Markup('<nav class="web" aria-label="{}">{}{}</nav>').format(label, nav, notes)


def _sound(
    views: list[StoryView],
    plain: dict[str, StoryView],
    make: Callable[[Sequence[StoryView]], str],
    problems: list[Problem],
    words: Catalogue,
) -> tuple[list[StoryView], str]:
    """Make a part of the mail; a story that breaks it is put in a plain block.

    When a harmless story in the same place breaks it too, the fault is the template's: raised.
    """
    try:
        return views, make(views)
    except TemplateError:
        sound: list[StoryView] = []
        for view in views:
            try:
                make([view])
            except TemplateError as error:
                make([harmless(view, words)])
                problems.append(Problem(story=view.id, sentence=str(error)))
                sound.append(plain[view.id])
            else:
                sound.append(view)
        return sound, make(sound)


def _deepest(source: str) -> int:
    """How deep elements are nested."""
    depth = deepest = 0
    for element in _ELEMENT.findall(source):
        if element[1] == "/":
            depth -= 1
        elif element[-2] != "/" and element[1:-1].partition(" ")[0].lower() not in VOID:
            depth += 1
            deepest = max(deepest, depth)
    return deepest


def _tidy_html(html: str) -> str:
    """Take out what only costs bytes or misleads, outside Outlook's own comments.

    The engine sets ``font-size:0px`` against gaps between columns; an issue has one column, and
    some checkers read such text as hidden.
    """
    pieces = re.split(r"(<!--\[if.*?<!\[endif\]-->)", html, flags=re.DOTALL)
    for index in range(0, len(pieces), 2):
        # The hidden preheader comes in white, which spam filters count as text hidden from people.
        piece = pieces[index].replace("font-size:1px;color:#ffffff;", "font-size:1px;")
        pieces[index] = re.sub(r"\n\s*\n+|\n +", "\n", piece.replace("font-size:0px;", ""))
    # Neighbouring comments for Outlook become one, as the engine's JavaScript sibling has it.
    return "".join(pieces).replace("<![endif]--><!--[if mso | IE]>", "").strip() + "\n"


def _tidy_text(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
