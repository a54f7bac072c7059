"""Write what the sample outlets publish: RSS, Atom, article pages and home pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

from newsletter.sample.day import SampleArticle, Source

KIND_LABELS = {
    "opinion": "Opinion",
    "analysis": "Analysis",
    "live": "Live",
    "wire": "Wire",
    "press-release": "Press release",
}
"""The category that tells a feed reader what kind of article it has; plain news has none."""

MARK = "Invented sample article. The outlet, the people and the events do not exist."


def article_path(article: SampleArticle) -> str:
    """Return the path of an article's page on the sample server."""
    folder = "opinion" if article.kind == "opinion" else "articles"
    return f"/{article.outlet}/{folder}/{article.slug}.html"


def article_link(article: SampleArticle, source: Source, link_base: str | None) -> str:
    """Return the address a feed gives for an article.

    Without `link_base` it is a page on the outlet's own invented domain, which nobody fetches.
    """
    if link_base is not None:
        return link_base.rstrip("/") + article_path(article)
    folder = "opinion" if article.kind == "opinion" else article.section
    day = article.day.strftime("%Y/%m/%d")
    return f"https://{source['domains'][0]}/{folder}/{day}/{article.slug}"


def rss(
    source: Source,
    articles: Sequence[SampleArticle],
    links: Mapping[str, str],
    updated: datetime,
) -> str:
    """Write an outlet's articles as RSS 2.0 with the full text in content:encoded."""
    items = "".join(
        "<item>"
        f"<title>{escape(article.title)}</title>"
        f"<link>{escape(links[article.slug])}</link>"
        f'<guid isPermaLink="false">{escape(_guid(article, source))}</guid>'
        f"<dc:creator>{escape(article.author)}</dc:creator>"
        + "".join(f"<category>{escape(name)}</category>" for name in _categories(article))
        + f"<pubDate>{format_datetime(article.published)}</pubDate>"
        f"<description>{escape(article.summary)}</description>"
        f"<content:encoded>{escape(_paragraphs(article))}</content:encoded>"
        "</item>\n"
        for article in articles
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"><channel>\n'
        f"<title>{escape(source['name'])}</title>"
        f"<link>https://{source['domains'][0]}/</link>"
        f"<description>{escape(source['name'])}, an invented outlet</description>"
        "<language>en-us</language>"
        f"<lastBuildDate>{format_datetime(updated)}</lastBuildDate>\n"
        f"{items}</channel></rss>\n"
    )


def atom(
    source: Source,
    articles: Sequence[SampleArticle],
    links: Mapping[str, str],
    updated: datetime,
) -> str:
    """Write an outlet's articles as Atom with the full text in content."""
    entries = "".join(
        "<entry>"
        f"<title>{escape(article.title)}</title>"
        f'<link rel="alternate" type="text/html" href={quoteattr(links[article.slug])}/>'
        f"<id>{escape(_guid(article, source))}</id>"
        f"<author><name>{escape(article.author)}</name></author>"
        + "".join(f"<category term={quoteattr(name)}/>" for name in _categories(article))
        + f"<published>{article.published.isoformat()}</published>"
        f"<updated>{article.published.isoformat()}</updated>"
        f"<summary>{escape(article.summary)}</summary>"
        f'<content type="html">{escape(_paragraphs(article))}</content>'
        "</entry>\n"
        for article in articles
    )
    domain = source["domains"][0]
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en-US">\n'
        f"<title>{escape(source['name'])}</title>"
        f"<id>tag:{domain},2020:feed</id>"
        f'<link rel="alternate" type="text/html" href="https://{domain}/"/>'
        f"<author><name>{escape(source['name'])}</name></author>"
        f"<updated>{updated.isoformat()}</updated>\n"
        f"{entries}</feed>\n"
    )


def article_page(article: SampleArticle, source: Source) -> str:
    """Write the readable page of one article, marked as invented."""
    label = " · ".join(_categories(article))
    moment = article.published.isoformat()
    return _html(
        f"{article.title} - {source['name']}",
        f"<p><em>{MARK}</em></p>\n<article>\n<p>{escape(label)}</p>\n"
        f"<h1>{escape(article.title)}</h1>\n<p>{escape(article.summary)}</p>\n"
        f"<p>By {escape(article.author)}, {escape(source['name'])}, "
        f'<time datetime="{moment}">{article.published:%H:%M} UTC</time></p>\n'
        f"{_paragraphs(article)}\n</article>",
    )


def home_page(source: Source, articles: Sequence[SampleArticle], feed_type: str) -> str:
    """Write an outlet's home page, which names its feed in a rel=alternate link."""
    items = "\n".join(
        f"<li><a href={quoteattr(article_path(article))}>{escape(article.title)}</a></li>"
        for article in articles
    )
    alternate = (
        f'<link rel="alternate" type="{feed_type}" title={quoteattr(source["name"])}'
        f" href={quoteattr(source['feed'])}>\n"
    )
    return _html(
        source["name"],
        f"<p><em>{MARK}</em></p>\n<h1>{escape(source['name'])}</h1>\n<ul>\n{items}\n</ul>",
        alternate,
    )


def _html(title: str, body: str, head: str = "") -> str:
    """Wrap a body in a complete document."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n{head}"
        "<style>body{max-width:640px;margin:32px auto;padding:0 24px;"
        "font:16px/25px Georgia,serif}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _paragraphs(article: SampleArticle) -> str:
    """The article's text as HTML paragraphs."""
    return "\n".join(f"<p>{escape(text)}</p>" for text in article.paragraphs)


def _categories(article: SampleArticle) -> list[str]:
    """The kind, where it is not plain news, and the section."""
    section = article.section.capitalize()
    return [KIND_LABELS[article.kind], section] if article.kind in KIND_LABELS else [section]


def _guid(article: SampleArticle, source: Source) -> str:
    """An id that is the same whenever the day is served, and another on another day."""
    day = article.day.isoformat()
    return f"tag:{source['domains'][0]},{day}:{article.slug}"
