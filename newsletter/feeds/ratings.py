"""Ratings of others, read into a file that stays on this machine.

AllSides, Media Bias/Fact Check and Ad Fontes license their ratings; an operator who has a file of
theirs may use it here. It goes into an overlay beside the configuration, which nothing exports,
and its source is named wherever the ratings show.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from newsletter.config import Source
from newsletter.errors import ConfigError
from newsletter.feeds.links import host_of, link
from newsletter.feeds.text import line
from newsletter.model import Lean, Outlet

OVERLAY_FILE = "ratings.local.toml"
"""Belongs in .gitignore: what is in it may not be passed on."""
LARGEST = 5_000_000
DISAGREE = "# Not rated, as its rows disagree: "
"""How a line of the overlay begins that names an outlet no one rating was found for."""

_WORDS = {
    "left": Lean.LEFT, "far left": Lean.LEFT, "extreme left": Lean.LEFT, "left bias": Lean.LEFT,
    "lean left": Lean.LEAN_LEFT, "left center": Lean.LEAN_LEFT, "left-center": Lean.LEAN_LEFT,
    "center left": Lean.LEAN_LEFT, "skews left": Lean.LEAN_LEFT, "leftcenter": Lean.LEAN_LEFT,
    "center": Lean.CENTER, "centre": Lean.CENTER, "least biased": Lean.CENTER,
    "middle": Lean.CENTER, "balanced": Lean.CENTER, "neutral": Lean.CENTER,
    "pro science": Lean.CENTER,
    "lean right": Lean.LEAN_RIGHT, "right center": Lean.LEAN_RIGHT, "center right": Lean.LEAN_RIGHT,
    "right-center": Lean.LEAN_RIGHT, "skews right": Lean.LEAN_RIGHT,
    "rightcenter": Lean.LEAN_RIGHT,
    "right": Lean.RIGHT, "far right": Lean.RIGHT, "extreme right": Lean.RIGHT,
    "right bias": Lean.RIGHT, "hyper partisan left": Lean.LEFT, "hyper partisan right": Lean.RIGHT,
    "most extreme left": Lean.LEFT, "most extreme right": Lean.RIGHT,
    "strong left": Lean.LEFT, "strong right": Lean.RIGHT,
}  # fmt: skip
# As its site and its lists number them.
_NUMBERS_OF_ALLSIDES = {
    "1": Lean.LEFT, "2": Lean.LEAN_LEFT, "3": Lean.CENTER, "4": Lean.LEAN_RIGHT, "5": Lean.RIGHT,
    "71": Lean.LEFT, "72": Lean.LEAN_LEFT, "73": Lean.CENTER, "74": Lean.LEAN_RIGHT,
    "75": Lean.RIGHT,
}  # fmt: skip
# Services rate the opinion pages of a paper apart from its news.
_OPINION_PAGES = re.compile(r"\b(?:opinion|editorial|op-ed|commentary)s?\b", re.IGNORECASE)
# Ad Fontes places outlets from -42 to 42; these are the edges of its own named bands.
_BAND_FAR, _BAND_SKEW = 18.0, 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One outlet's rating as a file has it."""

    name: str
    domain: str
    lean: Lean
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """A file of ratings: who made it, and the line that its licence asks to be shown."""

    service: str
    attribution: str
    ratings: tuple[Rating, ...]
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class _Shape:
    service: str
    home: str
    attribution: str
    name: tuple[str, ...]
    domain: tuple[str, ...]
    lean: tuple[str, ...]


_SHAPES = (
    _Shape(
        "AllSides",
        "allsides.com",
        "Media bias ratings by AllSides (allsides.com), CC BY-NC 4.0, as imported by the operator.",
        ("news_source", "source_name", "name", "publication"),
        ("url", "source_url", "domain", "website"),
        ("allsides_bias", "media_bias_rating", "bias_rating", "rating_num", "rating"),
    ),
    _Shape(
        "Media Bias/Fact Check",
        "mediabiasfactcheck.com",
        "Bias ratings by Media Bias/Fact Check (mediabiasfactcheck.com), as imported by the "
        "operator.",
        ("source", "name", "source_name"),
        ("source_url", "domain", "url", "website"),
        ("mbfc_bias", "bias", "bias_label"),
    ),
    _Shape(
        "Ad Fontes Media",
        "adfontesmedia.com",
        "Media Bias Chart ratings by Ad Fontes Media (adfontesmedia.com), as imported by the "
        "operator.",
        ("moniker_name", "source", "news_source", "name"),
        ("domain", "url", "website"),
        ("horizontal_rank", "bias_score", "bias_mean", "bias"),
    ),
)
_SIGNS = (
    (0, {"allsides_bias", "media_bias_rating", "bias_rating", "rating_num", "news_source"}),
    (1, {"mbfc_bias", "factual_reporting", "factual", "mbfc_url", "credibility"}),
    (
        2,
        {
            "moniker_name",
            "vertical_rank",
            "horizontal_rank",
            "reliability",
            "bias_score",
            "quality",
        },
    ),
)


def read_ratings(body: bytes, file: str) -> Ratings:
    """Read a CSV file of one of the three services; whose it is shows in its columns.

    :param file: what it is called, for messages.
    :raises ConfigError: when it is no CSV of a known shape, or holds no rating that is known.
    """
    if len(body) > LARGEST:
        raise ConfigError(file, f"is larger than {LARGEST // 1_000_000} MB")
    text = body.decode("utf-8-sig", "replace").replace("\x00", "")
    dialect: type[csv.Dialect] | csv.Dialect = csv.excel
    if "\t" in text.partition("\n")[0]:
        dialect = csv.excel_tab
    try:
        rows = list(csv.DictReader(io.StringIO(text), dialect=dialect))
    except csv.Error as error:
        raise ConfigError(file, f"is not a CSV file: {error}") from None
    columns = {_key(name): name for name in (rows[0] if rows else {}) if name}
    shape = _shape(set(columns))
    if shape is None:
        raise ConfigError(
            file,
            "has no columns of AllSides, Media Bias/Fact Check or Ad Fontes",
            hint="The first line must name the columns, as those services' own files do.",
        )
    ratings = [rating for row in rows if (rating := _rating(row, columns, shape))]
    if not ratings:
        raise ConfigError(file, f"holds no rating of {shape.service} that is known")
    return Ratings(
        service=shape.service,
        attribution=shape.attribution,
        ratings=tuple(ratings),
        passed_over=len(rows) - len(ratings),
    )


def write_overlay(found: Ratings, sources: Iterable[Source], today: date) -> str:
    """The overlay file's text: the lean of every configured outlet that the ratings know.

    An outlet whose rows disagree stands there as a comment only.

    :param sources: matched by their exact name, then by domain or by the host of a feed, then by
        a name that differs in case, signs or an article.
    """
    rows: dict[str, list[Rating]] = {}
    for one in found.ratings:
        for name in {f"={one.name}", one.domain, f"~{_key(one.name)}"} - {"=", "", "~"}:
            rows.setdefault(name, []).append(one)
    parts = [
        "# Licensed ratings, for use on this machine only. Nothing exports this file; do not",
        "# commit it or pass it on.",
        f"service = {_toml(found.service)}",
        f"attribution = {_toml(found.attribution)}",
        f'imported = "{today.isoformat()}"',
        "",
    ]
    for source in sources:
        hosts = [*source.domains, *map(host_of, source.addresses)]
        names = (f"={source.name}", *map(_site, hosts), f"~{_key(source.name)}")
        meant = next((rows[name] for name in names if name in rows), [])
        rating = _agreed(meant)
        if rating:
            parts += [
                f"[ratings.{_toml(source.id)}]",
                f'lean = "{rating.lean.value}"',
                f"said = {_toml(rating.said)}",
                "",
            ]
        elif meant:
            told = ", ".join(f"{one.name} {one.lean.value}" for one in meant)
            parts += [f"{DISAGREE}{_printable(f'{source.id}: {told}')}", ""]
    return "\n".join(parts)


def with_overlay(
    outlets: Mapping[str, Outlet], overlay: Mapping[str, object], file: str = OVERLAY_FILE
) -> dict[str, Outlet]:
    """The outlets with the leans of an overlay, and where each comes from.

    :param overlay: the overlay file's parsed TOML.
    :raises ConfigError: when the file is not one that :func:`write_overlay` wrote.
    """
    service, rated = overlay.get("service"), overlay.get("ratings", {})
    if not isinstance(service, str) or not isinstance(rated, Mapping):
        raise ConfigError(file, "is not an overlay of ratings", hint="Import the ratings again.")
    result = dict(outlets)
    for id_, entry in rated.items():
        lean = entry.get("lean") if isinstance(entry, Mapping) else None
        if id_ not in result:
            continue
        if lean not in set(Lean):
            raise ConfigError(file, f'has an unknown lean for "{id_}"')
        sentence = f"rated {lean} by {service}, imported by the operator"
        result[id_] = replace(result[id_], lean=Lean(lean), provenance=(sentence,))
    return result


def _shape(columns: set[str]) -> _Shape | None:
    scores = [(len(columns & signs), -place) for place, signs in _SIGNS]
    best, place = max(scores)
    if not best:
        return None
    shape = _SHAPES[-place]
    return shape if columns & set(shape.lean) and columns & set(shape.name + shape.domain) else None


def _rating(
    row: Mapping[str, str | None], columns: Mapping[str, str], shape: _Shape
) -> Rating | None:
    def cells(names: tuple[str, ...]) -> Iterator[str]:
        for name in names:
            value = row.get(columns[name]) if name in columns else None
            if isinstance(value, str) and value.strip():
                yield line(value, 200)

    rated = ((said, lean) for said in cells(shape.lean) if (lean := _lean(said, shape.service)))
    said, lean = next(rated, ("", None))
    name, address = next(cells(shape.name), ""), next(cells(shape.domain), "")
    domain = _site(host_of(link(address if "://" in address else f"https://{address}")))
    if domain == shape.home:  # the service's own page about an outlet
        domain = ""
    if lean is None or not (name or domain):
        return None
    return Rating(name=name, domain=domain, lean=lean, said=said)


def _agreed(rows: Sequence[Rating]) -> Rating | None:
    """The one rating of an outlet's rows, its news before its opinion; None where they disagree."""
    news = [one for one in rows if not _OPINION_PAGES.search(one.name)] or rows
    return news[0] if len({one.lean for one in news}) == 1 else None


def _lean(said: str, service: str) -> Lean | None:
    if service == "AllSides" and said in _NUMBERS_OF_ALLSIDES:
        return _NUMBERS_OF_ALLSIDES[said]
    word = " ".join(re.sub(r"[^a-z]+", " ", said.lower()).split())
    if word in _WORDS:
        return _WORDS[word]
    try:
        score = float(said)
    except ValueError:
        return None
    if service != "Ad Fontes Media" or not -50 <= score <= 50:
        return None
    bands = ((-_BAND_FAR, Lean.LEFT), (-_BAND_SKEW, Lean.LEAN_LEFT), (_BAND_SKEW, Lean.CENTER))
    within = next((lean for edge, lean in bands if score <= edge), None)
    return within or (Lean.RIGHT if score >= _BAND_FAR else Lean.LEAN_RIGHT)


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").removeprefix("the_")


def _site(host: str) -> str:
    """A host without the labels that feeds and phones are served from."""
    return re.sub(r"^(?:www|feeds?|rss|m|mobile|amp|edition)\d?\.", "", host.lower())


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _toml(text: str) -> str:
    return '"' + _printable(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
