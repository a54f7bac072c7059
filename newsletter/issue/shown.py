"""What a reader sees of a story, as frozen data: the words the templates lay out and no others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceView:
    """An article as a line names it. ``marks`` are kind and paywall in words."""

    outlet: str
    url: str
    marks: tuple[str, ...] = ()
    number: int = 0
    title: str = ""

    @property
    def words(self) -> str:
        """The line as it is read."""
        return " ".join((self.outlet, *self.marks))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """A quotation or sentence with who says it and where it stands."""

    text: str
    speaker: str = ""
    source: SourceView | None = None
    sources: tuple[SourceView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SideView:
    """One side of a story: bullets, or the sentence that says why there are none."""

    side: str
    heading: str
    bullets: tuple[QuoteView, ...] = ()
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """One part of the coverage bar: side, publishers, share of the bar in percent, label."""

    side: str
    count: int
    percent: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BarView:
    """The coverage bar: three segments, the unrated, and the same as one spoken sentence."""

    segments: tuple[SegmentView, ...]
    unrated: str
    aloud: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureView:
    """One figure of a quantity and the outlets that give it."""

    value: str
    outlets: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferView:
    """One quantity on which the sources disagree."""

    about: str
    figures: tuple[FigureView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryView:
    """One story as it stands in the issue. ``leads`` is (side, article) to read in full.

    ``news`` is what is new since the story was mailed before.
    """

    id: str
    place: str
    first: bool
    kicker: tuple[str, ...]
    headline: str
    deck: str
    bar: BarView | None
    overview: tuple[QuoteView, ...] = ()
    differ: tuple[DifferView, ...] = ()
    sides: tuple[SideView, ...] = ()
    leads: tuple[tuple[str, SourceView], ...] = ()
    history: tuple[str, ...] = ()
    news: QuoteView | None = None
    coverage_line: str = ""
    url: str = ""
    report_url: str = ""
    all_articles: str = ""
    plain: str = ""

    def side(self, name: str) -> SideView | None:
        """The side of that name, when the story shows sides."""
        return next((side for side in self.sides if side.side == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionView:
    """A correction as it is read: about which story, what was wrong, before and now."""

    sentence: str
    headline: str
    url: str
    before: str = ""
    after: str = ""
    when: str = ""
