"""Addresses of articles: which are shown, in which form, and when two mean one article."""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit

MOST_CHARACTERS = 2_000

_TRACKING = re.compile(
    r"^(?:utm_.*|mc_[ce]id|mkt_tok|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|twclid|"
    r"igshid|igsh|ttclid|li_fat_id|_hsenc|_hsmi|__hs\w+|hsctatracking|vero_\w+|oly_\w+|wickedid|"
    r"s_cid|cmpid|cmp|icid|ncid|cid|ito|ftag|taid|spm|xtor|at_\w+|ns_\w+|pk_\w+|mtm_\w+|piwik_\w+|"
    r"smid|smtyp|sr_share|soc_src|soc_trk|ref|ref_src|ref_url|referrer|rss|feed|partner|"
    r"traffic_source|src|source|campaign|share|shared|guccounter|guce_\w+|ocid|_ga|_gl|trk|"
    r"sh|sharetype|sref|ceid|emci|emdi|linkid|rpc|fr|op|wprss|f)$",
    re.IGNORECASE,
)
# Short names above mean something else on some sites, so they go only with a value that is
# known to be a mark of origin.
_ONLY_WITH_MARK = frozenset({"cid", "src", "source", "ref", "feed", "f", "fr", "op", "rss", "sh",
                             "share", "cmp", "partner", "campaign", "rpc"})  # fmt: skip
_MARK = re.compile(
    r"^(?:.*(?:rss|feed|twitter|facebook|newsletter|email|social|share|syndicat|sitemap|homepage).*"
    r"|1|true|)$",
    re.IGNORECASE,
)
_AMP_VALUES = frozenset({"", "1", "true", "amp", "amp-type", "yes"})
_IDENTIFYING = re.compile(
    r"^(?:id|p|v|k|n|nid|aid|sid|pid|oid|docid|itemid|item|article|articleid|article_id|story|"
    r"storyid|story_id|newsid|news_id|content|contentid|postid|post|page_id|uuid|guid|doc)$",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"\.(?:php\d?|aspx?|cgi|jsp|cfm|do|dll|pl)$", re.IGNORECASE)
_GENERIC = frozenset(
    {"", "index", "story", "article", "articles", "view", "item", "node", "page", "read", "news",
     "default", "show", "display", "detail", "details", "content", "watch", "post", "posts",
     "viewtopic", "home", "rss", "feed", "blog", "en", "us", "live", "search"}
)  # fmt: skip
# A headline in a path has its words parted, or a number or a date beside it.
_TELLING = re.compile(r"[0-9]|[-_+][^/]*$")
_AMP_CACHE = re.compile(
    r"^(?:[a-z0-9-]+\.cdn\.ampproject\.org|www\.google\.[a-z]{2,3}(?:\.[a-z]{2})?)$"
)
_LABEL = re.compile(r"^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$")
_BREAKS = re.compile(r"[\t\r\n\x00]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986 reserved and unreserved characters, and the sign of an escape that is there already.
_SAFE_PATH = "/%:@!$&'()*+,;=~-._"


_MINOR_LABEL = re.compile(r"^(?:www\d?|m|mobile|amp)\.")
_PLAIN_PATH = re.compile(r"^/[A-Za-z0-9/._~-]*$")
# Nearly all addresses. Taking them apart by this takes a fifth of the time that urlsplit does.
_USUAL = re.compile(r"(https?://[A-Za-z0-9.:-]+)(/[A-Za-z0-9/._~-]*)?(?:\?([!-\"$-~]*))?")


def link(raw: str, base: str = "") -> str:
    """An address fit to be shown and followed, or "" where there is none.

    Only http and https, no user name, no line break, a sound host in lower case; default ports,
    fragments, tracking parameters and AMP forms go. A mobile host stays, since the desktop form
    of it cannot be known without asking (:func:`identity` knows that they mean the same).
    """
    parts = _parts(raw.strip(), base)
    if parts is None:
        return ""
    origin, path, query = parts
    if "amp" in path.lower():
        path = _without_amp(path)
    query = _query(query)
    result = f"{origin}{path}?{query}" if query else f"{origin}{path}"
    return result if len(result) <= MOST_CHARACTERS else ""


def identity(address: str, *, whole_query: bool = False) -> str:
    """What stays the same in an article's address between two visits; "" where nothing does.

    Scheme, ``www.``, ``m.``, ``amp.`` and ``/amp/`` do not count, nor do trailing slashes. The
    query counts only where the path alone cannot name an article (scripts, bare words such as
    ``/player``) or where it has a parameter such as ``id``: some sites put a new random query on
    every answer.

    :param address: a result of :func:`link`.
    :param whole_query: keep the whole query, for feeds where the path alone is shared.
    """
    place, _, query = address.partition("://")[2].partition("?")
    host, slash, path = place.partition("/")
    host = _MINOR_LABEL.sub("", host)
    path = f"{slash}{path.removeprefix('amp/')}".rstrip("/")
    name = path.rsplit("/", 1)[-1].lower()
    pairs = parse_qsl(query, keep_blank_values=True) if query else []
    stem = name.rsplit(".", 1)[0]
    bare = stem in _GENERIC or bool(pairs and (_SCRIPT.search(name) or not _TELLING.search(path)))
    if not (bare or whole_query):
        pairs = [pair for pair in pairs if _IDENTIFYING.match(pair[0])]
    if stem in _GENERIC and not pairs:
        return ""
    query = urlencode(sorted(pairs))
    return f"{host}{path}?{query}" if query else f"{host}{path}"


def host_of(address: str) -> str:
    """The host of an address without ``www.``, or ""."""
    try:
        return (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def _parts(text: str, base: str) -> tuple[str, str, str] | None:
    """Origin, path and query of an address as they are shown, None where it cannot be."""
    usual = _USUAL.fullmatch(text) if len(text) <= MOST_CHARACTERS else None
    origin = _origin(usual[1]) if usual else ""
    if usual and origin:
        return origin, usual[2] or "/", usual[3] or ""
    return _unusual_parts(text, base)


@lru_cache(4_096)  # a feed has a hundred links to one site
def _origin(raw: str) -> str:
    """The origin of a usual address as it is shown; "" where the whole must be looked at."""
    parts = _unusual_parts(raw, "")
    return "" if parts is None or _AMP_CACHE.match(parts[0].partition("://")[2]) else parts[0]


def _unusual_parts(text: str, base: str) -> tuple[str, str, str] | None:
    text = _BREAKS.sub("", text)
    if not text or len(text) > MOST_CHARACTERS:
        return None
    try:
        text.encode()  # halves of characters, which JSON can spell, are in no address
        # Joining is slow and changes nothing for the addresses that nearly all feeds have.
        whole = text.startswith(("https://", "http://")) or not base
        parts = urlsplit(text if whole else urljoin(base, text))
        port = parts.port
        host = _host(parts.hostname or "")
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc or "\\" in parts.netloc:
        return None
    path = parts.path or "/"
    if not _PLAIN_PATH.match(path):
        path = quote(path.replace("\\", "/"), safe=_SAFE_PATH)
    if _AMP_CACHE.match(host):
        unwrapped = re.match(r"^/(?:[a-z]|amp)/(s/)?([^/]+\.[^/]+)(/.*)?$", path)
        if unwrapped:
            scheme = "https" if unwrapped[1] else "http"
            host, path, port = _host(unwrapped[2]), unwrapped[3] or "/", None
            if not host:
                return None
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != _DEFAULT_PORTS[scheme]:
        shown = f"{shown}:{port}"
    return f"{scheme}://{shown}", path, parts.query


def _host(name: str) -> str:
    """A host in lower case and in ASCII; "" when it cannot be one."""
    name = name.rstrip(".").lower()
    if ":" in name:
        return name if re.fullmatch(r"[0-9a-f:.]+", name) else ""
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    if len(name) > 253 or not all(_LABEL.match(label) for label in name.split(".")):
        return ""
    return name


def _query(query: str) -> str:
    if not query:
        return ""
    kept = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if not part or (name.lower() in {"amp", "outputtype"} and value.lower() in _AMP_VALUES):
            continue
        if _TRACKING.match(name) and (name.lower() not in _ONLY_WITH_MARK or _MARK.match(value)):
            continue
        kept.append(part)
    return quote("&".join(kept), safe=_SAFE_PATH + "?[]")


def _without_amp(path: str) -> str:
    shorter = re.sub(r"(?:/amp/?|\.amp(?=\.html?$)|\.amp)$", "", path, flags=re.IGNORECASE)
    shorter = re.sub(r"\.amp(?=\.html?$)", "", shorter, flags=re.IGNORECASE)
    return shorter if shorter.strip("/") else path
