"""The API as an application of its own: JSON in, JSON out, errors too, and its own description.

Every answer to a GET has an ETag; asking again with it costs 304 and no body. Lists are pages by
key (``limit``, ``after``). Who may do what is decided by the scopes of a bearer token.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from newsletter import __version__
from newsletter.errors import DatabaseError, NewsletterError, NotFound
from newsletter.newsroom import Newsroom
from newsletter.web.api import content, people
from newsletter.web.api.answers import Problem
from newsletter.web.public.pages import Pages

log = logging.getLogger(__name__)

MAX_BODY = 65_536
ABOUT = (
    "Readers, segments, issues, stories, deliveries and events of one newsletter. Get a token with "
    "`newsletter api-tokens add NAME --scope readers:read`, and send it as "
    "`Authorization: Bearer TOKEN`. Lists come in pages: pass `next` as `after` for the following "
    "one. Every answer has an ETag."
)


def create_api(room: Newsroom, pages: Pages) -> FastAPI:
    """Make the application that is mounted at ``/api/v1``."""
    api = FastAPI(
        title=f"{room.config.site.name} API",
        version=__version__,
        description=ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        responses={
            400: {"model": Problem, "description": "The request cannot be understood."},
            401: {"model": Problem, "description": "No token, or none that works."},
            403: {"model": Problem, "description": "The token lacks the scope."},
            404: {"model": Problem, "description": "There is no such thing."},
            413: {"model": Problem, "description": "The body is too long."},
            422: {"model": Problem, "description": "A value is not of the form it must have."},
            429: {"model": Problem, "description": "Too many sign-ups from this place."},
        },
    )
    api.include_router(people.router(room))
    api.include_router(content.router(room))
    _errors(api)

    @api.middleware("http")
    async def tagged(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        length = request.headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY:
            return problem(413, "The body is too long", f"At most {MAX_BODY:,} bytes are read.")
        return await _with_tag(request, await answer(request))

    @api.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(pages.html("api", title=api.title, api=described(api)))

    return api


def described(api: FastAPI) -> dict[str, object]:
    """The description of the API as its page shows it: one entry an operation."""
    schema = api.openapi()
    operations = [
        {
            "method": method.upper(),
            "path": f"/api/v1{path}",
            "summary": operation.get("summary", ""),
            "text": operation.get("description", ""),
            "scopes": operation.get("x-scope", ""),
            "parameters": [
                (one["name"], one["in"], one.get("description", ""))
                for one in operation.get("parameters", ())
            ],
            "tag": next(iter(operation.get("tags", ())), ""),
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return {"about": schema["info"]["description"], "operations": operations}


def problem(status: int, title: str, detail: str = "") -> JSONResponse:
    """An error as RFC 9457 writes it."""
    body = {"title": title, "status": status, "detail": detail}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


async def _with_tag(request: Request, answer: Response) -> Response:
    """Give a good answer its ETag; nothing is sent again to who has it already."""
    if request.method not in {"GET", "HEAD"} or answer.status_code != 200:
        return answer
    body = b"".join([part async for part in answer.body_iterator])  # type: ignore[attr-defined]  # a streaming answer here
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = dict(answer.headers) | {"ETag": tag, "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "")
    if tag in (part.strip().removeprefix("W/") for part in known.split(",")):
        headers.pop("content-length", None)
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers)


def _errors(api: FastAPI) -> None:
    @api.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> Response:
        answer = problem(error.status_code, str(error.detail))
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    @api.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return problem(422, "A value is not of the form it must have", f"{where}: {first['msg']}")

    @api.exception_handler(NotFound)
    async def missing(_request: Request, error: NotFound) -> Response:
        return problem(404, "There is no such thing", str(error))

    @api.exception_handler(DatabaseError)
    async def unavailable(request: Request, error: DatabaseError) -> Response:
        reference = secrets.token_hex(4)
        log.error("%s %s: %s", reference, request.url.path, error)
        answer = problem(503, "The database cannot be used now", f"Reference {reference}.")
        answer.headers["Retry-After"] = "30"
        return answer

    @api.exception_handler(NewsletterError)
    async def stated(_request: Request, error: NewsletterError) -> Response:
        return problem(400, error.sentence, error.hint)
