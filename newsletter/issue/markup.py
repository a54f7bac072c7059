"""Read rendered HTML as a tree, for the checks in :mod:`newsletter.issue.lint`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "cite",
        "code",
        "em",
        "i",
        "mark",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "wbr",
    ]
)
_UNSEEN = frozenset({"style", "script", "title", "template", "head"})
_MAY_STAY_OPEN = frozenset(
    ["li", "p", "td", "th", "tr", "thead", "tbody", "tfoot", "dt", "dd", "option"]
)
_HIDING = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|max-height\s*:\s*0|font-size\s*:\s*0",
    re.IGNORECASE,
)


@dataclass(slots=True, eq=False)
class Element:
    """One element: name, attributes, children (elements and text), and the line it starts on."""

    name: str
    attributes: dict[str, str]
    parent: Element | None
    line: int
    children: list[Element | str] = field(default_factory=list)

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    @property
    def hides(self) -> bool:
        """Whether this element keeps what is in it from being seen."""
        return (
            self.name in _UNSEEN
            or "hidden" in self.attributes
            or bool(_HIDING.search(self.attributes.get("style", "")))
        )

    @property
    def seen(self) -> bool:
        """Whether a reader sees it: nothing around it hides it."""
        at: Element | None = self
        while at is not None:
            if at.hides:
                return False
            at = at.parent
        return True

    def text(self, *, hidden: bool = False) -> str:
        """The words in it; those of hidden parts only when asked for."""
        if self.hides and not hidden:
            return ""
        parts: list[str] = []
        for child in self.children:
            if isinstance(child, str):
                parts.append(child)
            else:
                parts.append(child.text(hidden=hidden))
                if child.name == "img":
                    parts.append(child.attributes.get("alt", ""))
                if child.name not in _INLINE:
                    parts.append(" ")
        return "".join(parts)


class Page(HTMLParser):
    """A page as a tree, with what a parser would have to forgive."""

    def __init__(self, html: str):
        super().__init__(convert_charrefs=True)
        self.root = Element("#page", {}, None, 0)
        self.doctype = ""
        self.crooked: list[str] = []
        self.doubled: list[str] = []
        self._at = self.root
        self.feed(html)
        self.close()
        self._close_down_to(self.root)

    def elements(self, *names: str) -> list[Element]:
        """All elements of these names, in order."""
        return [element for element in self.root.walk() if element.name in names]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element; the first of two equal attributes counts, as in browsers."""
        attributes: dict[str, str] = {}
        for name, value in attrs:
            if name in attributes:
                self.doubled.append(f"{tag} {name}")
            else:
                attributes[name] = value or ""
        element = Element(tag, attributes, self._at, self.getpos()[0])
        self._at.children.append(element)
        if tag not in VOID:
            self._at = element

    def handle_endtag(self, tag: str) -> None:
        """Close the nearest open element of that name."""
        if tag in VOID:
            return
        opened: Element | None = self._at
        while opened is not None and opened.name != tag:
            opened = opened.parent
        if opened is None:
            self.crooked.append(f"</{tag}> closes nothing")
            return
        self._close_down_to(opened)
        if opened.parent is not None:
            self._at = opened.parent

    def handle_data(self, data: str) -> None:
        """Text belongs to the element it stands in."""
        self._at.children.append(data)

    def handle_decl(self, decl: str) -> None:
        """Remember the document type."""
        self.doctype = decl

    def _close_down_to(self, element: Element) -> None:
        while self._at is not element and self._at.parent is not None:
            if self._at.name not in _MAY_STAY_OPEN and self._at.name not in {"html", "body"}:
                self.crooked.append(f"<{self._at.name}> is not closed")
            self._at = self._at.parent
