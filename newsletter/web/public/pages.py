"""Fill in the public web pages: the same words, colours and escaping as the mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from newsletter.config import Site
from newsletter.issue.catalogue import catalogue
from newsletter.issue.environment import Templates
from newsletter.issue.theme import Theme, theme_of


class Pages:
    """The templates under ``web/`` for one site.

    Every page knows ``site``, ``t`` (the fixed words), ``lang``, ``dir`` and ``base_url``.
    Not for the text of strangers as HTML: every value is escaped.
    """

    def __init__(self, templates: Path, site: Site):
        self.site = site
        self.words = catalogue(site.language)
        self.templates = Templates(templates)
        self.base_url = site.base_url.rstrip("/")
        # Only a site with colours of its own needs more than the style sheet.
        plain = theme_of(site) == Theme()
        self.own_colors = None if plain else theme_of(site)
        self.static = templates / "web" / "static"
        self.shared: dict[str, Any] = {}
        """What every page may use besides, such as the word of the sign-up form."""

    def page(self, name: str, /, **values: Any) -> str:
        """A page by the name of its template, such as ``unsubscribe``.

        :raises TemplateError: with file and line, when the template is missing or broken.
        """
        return self.templates.markup(f"web/{name}", self._with_shared(values))

    def html(self, name: str, /, **values: Any) -> str:
        """The page ``web/<name>.html``."""
        return self.page(f"{name}.html", **values)

    def message(self, title: str, *sentences: str, **values: Any) -> str:
        """A page that says one thing.

        :param values: ``action`` and ``button`` for a form that posts, with ``hidden`` values;
            ``links`` as pairs of address and words.
        """
        defaults: dict[str, Any] = {"action": "", "button": "", "hidden": {}, "links": ()}
        return self.html("message", title=title, sentences=sentences, **{**defaults, **values})

    def unsubscribe(
        self,
        *,
        address: str,
        action: str,
        done: bool = False,
        hidden: dict[str, str] | None = None,
        preferences_url: str = "",
    ) -> str:
        """The page that asks before a reader leaves, and the one that says it is done."""
        title = self.words("unsubscribed_title" if done else "unsubscribe_title")
        return self.html(
            "unsubscribe",
            title=title,
            address=address,
            action=action,
            done=done,
            hidden=hidden or {},
            preferences_url=preferences_url,
        )

    def error(self, status: int, *, reference: str = "", sentence: str = "") -> str:
        """The page of an HTTP error; what is not known has the words of 404 or 500."""
        kind = 404 if status < 500 else 500
        return self.html(
            "error",
            status=str(status),
            title=self.words(f"error_{kind}_title"),
            sentence=sentence or self.words(f"error_{kind}_sentence"),
            hint="" if sentence else self.words(f"error_{kind}_hint"),
            reference=reference,
        )

    def _with_shared(self, values: dict[str, Any]) -> dict[str, Any]:
        return {
            "site": self.site,
            "logo": self.site.theme.logo or self.site.name,
            "own_colors": self.own_colors,
            "t": self.words,
            "lang": self.words.language,
            "dir": self.words.direction,
            "base_url": self.base_url,
            **self.shared,
            **values,
        }
