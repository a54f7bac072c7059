"""Fill in the pages of the desk, each with headers that let nothing but our own script run."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi.responses import HTMLResponse, RedirectResponse, Response

from newsletter.web.desk.door import Visitor
from newsletter.web.public.pages import Pages

PREVIEW_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; {images}form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'self'; sandbox"
)
"""For mail shown inside the desk: nothing runs, nothing is fetched, no form, no way out."""


def policy(nonce: str) -> str:
    """The content policy of a page of the desk."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; object-src 'none'"
    )


HEADERS = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    # With "no-referrer" a browser would not say which page a form was sent from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Over plain HTTP browsers pass it over.
    "Strict-Transport-Security": "max-age=31536000",
}


class DeskPages:
    """The templates under ``web/desk/``."""

    def __init__(self, pages: Pages):
        self.pages = pages
        self.words = pages.words

    def html(
        self, visitor: Visitor | None, template: str, nonce: str = "", /, **values: Any
    ) -> str:
        """The page or part of a page ``web/desk/<template>.html``."""
        return self.pages.page(
            f"desk/{template}.html", visitor=visitor, nonce=nonce, **{"here": "", **values}
        )

    def show(
        self, visitor: Visitor | None, template: str, /, *, status: int = 200, **values: Any
    ) -> Response:
        """A whole page, with a fresh word that its own scripts carry."""
        nonce = secrets.token_urlsafe(16)
        html = self.html(visitor, template, nonce, **values)
        return HTMLResponse(html, status, {**HEADERS, "Content-Security-Policy": policy(nonce)})

    def part(
        self, visitor: Visitor, template: str, /, *, status: int = 200, **values: Any
    ) -> Response:
        """A part of a page, for a script of ours that asked for it."""
        html = self.html(visitor, template, **values)
        headers = {**HEADERS, "Content-Security-Policy": "default-src 'none'"}
        return HTMLResponse(html, status, headers)

    def mail(self, html: str, *, images: bool) -> Response:
        """Mail exactly as it is sent, inside a frame of the desk."""
        policy = PREVIEW_POLICY.format(images="img-src 'self' data:; " if images else "")
        return HTMLResponse(
            html,
            headers={
                **HEADERS,
                "Content-Security-Policy": policy,
                "X-Frame-Options": "SAMEORIGIN",
                "Cross-Origin-Opener-Policy": "same-origin",
            },
        )

    @staticmethod
    def go(address: str, headers: Mapping[str, str] | None = None) -> Response:
        """On to another page of the desk, so that a reload does nothing twice."""
        return RedirectResponse(address, 303, {**HEADERS, **(headers or {})})
