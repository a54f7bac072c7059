"""How words become HTML, MJML or plain text: the one place where they are escaped.

Two Jinja environments over one folder of templates. Both refuse a name that is not there
(StrictUndefined). The first escapes everything, whatever a file is called, because Jinja's own
choice by suffix leaves ``.mjml`` unescaped; the second, for text parts and subjects, only cleans.
"""

from __future__ import annotations

import textwrap
import traceback
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    Template,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2 import TemplateError as JinjaError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from newsletter.errors import TemplateError
from newsletter.issue.clean import clean, defuse, defuse_plain, first_upper

ISSUE_FILES = ("subject.txt", "body.mjml", "body.txt")
"""What an issue cannot be rendered without."""

TEXT_WIDTH = 72
"""Columns of the plain-text part; longer lines are folded by old mail programs."""

DATA_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a template or a wording raises over data it was not made for."""

_BRACES = str.maketrans({"{": "&#123;", "}": "&#125;", "|": "&#124;", "`": "&#96;"})


class _Laid(str):
    """Text that already has its line breaks and is clean."""

    __slots__ = ()


class Templates:
    """The templates of a folder, ready to fill in."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._markup = _environment(folder, markup=True)
        self._text = _environment(folder, markup=False)

    def markup(self, name: str, values: dict[str, Any]) -> str:
        """Fill in an HTML or MJML template; every value is escaped.

        :raises TemplateError: with the file and line, when it is missing or broken.
        """
        return self._render(self._markup, name, values)

    def text(self, name: str, values: dict[str, Any]) -> str:
        """Fill in a text template; every value is cleaned to one line, none is escaped.

        :raises TemplateError: with the file and line, when it is missing or broken.
        """
        return self._render(self._text, name, values)

    def has(self, name: str) -> bool:
        """Whether there is a template of that name."""
        return (self.folder / name).is_file()

    def check(self) -> int:
        """Read every template without filling it in, and say how many there are.

        :raises TemplateError: when the issue's own templates are missing, or one is not valid.
        """
        names = sorted(
            file.relative_to(self.folder).as_posix()
            for file in self.folder.rglob("*")
            if file.suffix in {".mjml", ".html", ".txt", ".xml"}
        )
        for name in {*names, *(f"email/issue/{part}" for part in ISSUE_FILES)}:
            environment = self._text if name.endswith(".txt") else self._markup
            self._load(environment, name)
        return len(names)

    def _render(self, environment: Environment, name: str, values: dict[str, Any]) -> str:
        template = self._load(environment, name)
        try:
            return template.render(values)
        except (TemplateNotFound, TemplateSyntaxError) as error:
            raise self._unusable(error, name) from None
        except (JinjaError, *DATA_FAULTS) as e:
            where = self._where(e) or name
            raise TemplateError(where, f"cannot be filled in: {str(e).rstrip('.')}") from e

    def _load(self, environment: Environment, name: str) -> Template:
        try:
            return environment.get_template(name)
        except (TemplateNotFound, TemplateSyntaxError) as error:
            raise self._unusable(error, name) from None

    def _unusable(self, error: TemplateNotFound | TemplateSyntaxError, name: str) -> TemplateError:
        if isinstance(error, TemplateSyntaxError):
            return TemplateError(
                f"{error.name or name}, line {error.lineno}",
                f"is not a valid template: {(error.message or '').rstrip('.')}",
            )
        return TemplateError(
            str(self.folder / str(error.name or name)),
            "there is no such template",
            hint='"newsletter init DIR" lays out a full set to copy it from.',
        )

    def _where(self, error: BaseException) -> str:
        """The innermost template and line an error came from."""
        folder = str(self.folder)
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if frame.filename.startswith(folder):
                name = Path(frame.filename).relative_to(folder).as_posix()
                return f"{name}, line {frame.lineno}"
        return ""


def _environment(folder: Path, *, markup: bool) -> Environment:
    # Templates can be pushed by program: what they say must not reach beyond their values.
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        autoescape=markup,  # off only for text parts, whose values are cleaned below
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escaped if markup else _cleaned,
        cache_size=200,
    )
    environment.filters["wrap"] = wrap
    environment.filters["link"] = _Laid
    environment.filters["first_upper"] = first_upper
    return environment


def _escaped(value: object) -> object:
    """Cleaned, escaped, and without braces or bars that mailing software could expand."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _escaped_text(value)


@lru_cache(maxsize=8192)
def _escaped_text(value: str) -> Markup:
    return Markup(str(escape(defuse(clean(value)))).translate(_BRACES))  # noqa: S704 - escaped here


def _cleaned(value: object) -> object:
    if isinstance(value, _Laid) or not isinstance(value, str):
        return value
    return defuse_plain(clean(value))


def wrap(text: str, indent: str = "", width: int = TEXT_WIDTH) -> str:
    """Fold text to the width; an address is never broken. ``indent`` is for the later lines."""
    leading = text[: len(text) - len(text.lstrip(" "))]
    return _Laid(
        textwrap.fill(
            leading + defuse_plain(clean(text)),
            width,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
