"""What a language model is asked for, and how: without naming any library.

Whatever goes wrong on the way to an answer becomes :class:`NoAnswer` with a sentence for the desk.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from newsletter.config import BriefModel
from newsletter.errors import BriefError


class Piece(BaseModel):
    """One text of a draft with the ids of the evidence it rests on."""

    model_config = ConfigDict(extra="ignore")

    text: str = Field(max_length=1200)
    evidence: list[str] = Field(default_factory=list, max_length=12)


class Draft(BaseModel):
    """What a model is asked for."""

    model_config = ConfigDict(extra="ignore")

    headline: Piece
    deck: Piece
    overview: list[Piece] = Field(max_length=8)
    left: list[Piece] = Field(default_factory=list, max_length=6)
    center: list[Piece] = Field(default_factory=list, max_length=6)
    right: list[Piece] = Field(default_factory=list, max_length=6)


@dataclass(frozen=True, slots=True)
class Answer:
    """A draft and what it used."""

    draft: Draft
    tokens_in: int
    tokens_out: int


class NoAnswer(Exception):
    """The model gave no usable draft; the message is one sentence for the desk.

    Tokens may have been used all the same.
    """

    def __init__(self, sentence: str, tokens_in: int = 0, tokens_out: int = 0):
        super().__init__(sentence)
        self.tokens_in, self.tokens_out = tokens_in, tokens_out


def signature(model: str, rules: str) -> str:
    """How a brief names its writer: the model and a hash of the rules it was given."""
    return f"model {model} prompt {hashlib.sha256(rules.encode()).hexdigest()[:12]}"


def read_signature(writer: str) -> tuple[str, str]:
    """Model and prompt hash of a brief's writer; both empty where no model wrote."""
    found = re.fullmatch(r"model (\S+) prompt ([0-9a-f]{12})", writer)
    return (found.group(1), found.group(2)) if found else ("", "")


class Ask(Protocol):
    """Puts rules and data to a model and returns its draft."""

    def __call__(self, rules: str, data: str, candidate: int) -> Answer:
        """Ask for one draft; ``candidate`` counts from 0 and varies the answer.

        :raises NoAnswer: when no usable draft came back in time.
        """
        ...


def connect(settings: BriefModel, secret: Callable[[str], str]) -> Ask:
    """Make the configured model ready to be asked.

    :param secret: gives the value of a named environment variable, empty when unset.
    :raises BriefError: when the extra is not installed, or name or key are missing.
    """
    try:
        providers = import_module("newsletter.brief.providers")
    except ImportError:
        raise BriefError(
            "[brief] writer",
            'is "model", but the extra for it is not installed',
            hint='Install "both-sides-newsletter[model]", or set writer = "extract".',
        ) from None
    ask: Ask = providers.connect(settings, secret)
    return ask
