"""The headline of a story: one outlet's own title, the most typical of those that keep calm.

A title is cleaned of the outlet's name, of shouts such as "BREAKING:", and of nothing else. It is
never shortened by cutting words out of it; the one shortening is to stop at the end of its main
clause. Opinion pieces are not asked. Where no title will do, a short plain sentence of a news
article stands in, and where there is none either, there is no headline and the story is withheld.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from newsletter.brief import furniture, wording
from newsletter.brief.evidence import Span, family_of, is_opinion
from newsletter.brief.weighing import Weights, overlap
from newsletter.model import Article, Outlet

_SHOUT = re.compile(
    r"^\W*(?:(?:live )?(?:breaking(?: news)?|update[ds]?|live(?: updates?)?|watch(?: live)?|"
    r"video|photos?|exclusive|"
    r"just in|developing|alert|report|read|listen|newswatch|morning mail|in pictures|gallery|"
    r"scoop|must see|"
    r"first on \w+|ap|reuters|\w+ exclusive|politics|world|news|uk|us|explained)\s*(?:[:|]|"
    r"\s[-–—]\s|\]\s*))+\s*",
    re.IGNORECASE,
)
_TAIL = re.compile(r"\s+(?:[-–—|•·:]|[|]{2})\s+([^|]{2,60})$")
_PRESS_WORD = re.compile(
    r"\b(?:news|times|post|herald|tribune|gazette|journal|guardian|telegraph|mail|today|press|"
    r"tv|radio|"
    r"magazine|chronicle|observer|independent|star|sun|mirror|express|wire|report|daily|online|"
    r"\w+\.(?:com|org|net|co|uk|tv))\b",
    re.IGNORECASE,
)
_CLICKBAIT = re.compile(
    r"""(?xi)
    [?!] | ^(?:no|yes|sorry|oh|dear|well|and[ ]so), | \.\.\.|… | ^(?:why|how|what|(?-i:[Ww]ho)|when|
    where|which|inside|meet|opinion|analysis|editorial|column|
    perspective|explainer|explained|fact[ -]check|review|letters?|podcast|interview|quiz|
    timeline|transcript|full[ ]text|
    factbox|perspectives|commentary|recap|newsletter|briefing|q&a|here|this|these|that|those|it|
    he|she|they|his|her|
    their|but|and|so|if|don['’]t|stop|let|imagine|remember|defend|blame|boycott|end|fix|save|keep|give|vote|meet|stand|forget|think|look|ready|can|should|
    is|are|was|does|did|do|will|could|would)\b |
    \b(?:here['’]s|what[ ]to[ ]know|what[ ]we[ ]know|you|your|you['’]re|we|our|us[ ]all|
    let['’]s|i|i['’]m|my|need[ ]to[ ]know|things|
    reasons?[ ](?:why|to)|takeaways?|ways[ ]to|explained|explainer|won['’]t[ ]believe|
    must[ -](?:see|read)|this[ ]is|the[ ]truth|
    secrets?|everything|what[ ]happens[ ]next|live[ ]updates?|as[ ]it[ ]happened|
    key[ ](?:points|moments)|day[ ]\d+|analysis|opinion|
    editorial|fact[ ]check|watch|podcast|in[ ]photos|in[ ]pictures|photos|video|poll:|best|
    worst|perfect|ever|lesson|lessons|
    myth|irony|gaslight\w*|about[ ]time|of[ ]course|exactly|actually|really|obviously|clearly)\b |
    [:|][ ]*(?:live|report|analysis|opinion|reports?|explainer)$ | \bby\b.*\|
    """
)
# Where the main clause of a title ends: before an addition set off by a comma or dash, or before
# "as" and "amid". "After" needs the comma, because "15 minutes after" belongs together.
_CLAUSE = re.compile(
    r"(?:,| [-–—]+|;)\s+(?:as|after|but|while|amid|with|in|despite|following|says?|and|saying|"
    r"citing|ahead|when|though|\w+ing|which|who|officials|sources|report)\b|;\s|"
    r"\s(?:[Aa]s|[Aa]mid|[Aa]head [Oo]f)\s|"
    # A second thing that the same subject does.
    r"\s[Aa]nd\s(?=(?:finds|says|calls|warns|orders|seeks|vows|urges|asks|tells|leaves|kills|adds|"
    r"makes|takes|gets|faces|plans|wants|blames|accuses|demands|promises|threatens|urge|ask)\b)",
)
# "Names him as ambassador" means nothing without its end.
_AS_WHAT = re.compile(
    r"\b(?:names?|named|picks?|picked|taps?|tapped|nominates?|nominated|appoints?|appointed|"
    r"elects?|elected|seen|known|described|sworn|treats?|serves?|resigns?|steps?|confirms?|"
    r"confirmed|such|same|far|well|as)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|will|to|can|could|may|might|\w{3,}(?:s|ed|es)|won|wins|"
    r"met|led|set|hit|cut|won't|"
    r"says?|makes?|gets?|shot|dies?|dead|begins?|began|fell|rose|held|sent|leaves?|left|takes?|"
    r"took|put|let|found|charged|arrested)\b",
    re.IGNORECASE,
)
_SINGLE = re.compile(r"(?<!\w)[‘'][^‘’']{3,}[’'](?!\w)")
_BANG = re.compile(r"[?!]")
_TYPICAL = 0.5  # of the best title: a sentence must be as near to the titles as this
_FEWEST = 4  # words: fewer say too little to be a headline


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A possible headline, the article it comes from, and how good it is."""

    text: str
    article: str
    score: float


def cleaned(title: str, outlet: Outlet | None) -> str:
    """A title without the outlet's name, shouts, stray spaces and a final stop."""
    text = " ".join(title.split())
    text = _SHOUT.sub("", text)
    names = _names(outlet)
    for _ in range(2):
        tail = _TAIL.search(text)
        if tail is None or not _is_outlet(tail.group(1), names, sign=tail.group()[:3]):
            break
        text = text[: tail.start()].rstrip()
    for name in names:
        if name and text.casefold().startswith(f"{name}: "):
            text = text[len(name) + 2 :]
    if text.endswith(".") and not text.endswith((" U.S.", " U.K.", " U.N.", "..", " D.C.", " Jr.")):
        text = text[:-1]
    return text[:1].upper() + text[1:]


def candidates(
    articles: Sequence[Article],
    outlets: Mapping[str, Outlet],
    evidence: Sequence[Span],
    weights: Weights,
    most: int,
) -> list[Candidate]:
    """Headlines in the order they should be tried, each passing its own rules.

    :param evidence: sentences and main clauses; the openings of news articles stand in where no
        title will do.
    :param most: words a headline may have.
    """
    news = [article for article in articles if not is_opinion(article)]
    pool: list[tuple[int, float, str, str]] = []
    titles = [(article, cleaned(article.title, outlets.get(article.outlet))) for article in news]
    keys = {text: frozenset(wording.terms(text)) for _, text in titles}
    families = {article.id: family_of(article, outlets) for article in news}
    for article, text in titles:
        fellows = {
            families[other.id]
            for other, said in titles
            if families[other.id] != families[article.id] and overlap(keys[text], keys[said]) >= 0.5
        }
        value = weights.about(keys[text]) * weights.typical(keys[text])
        value *= 1 + 0.1 * min(4, len(fellows))
        if article.same_as:
            value *= 0.98
        for rank, form in enumerate(forms(text, most)):
            pool.append((rank + _trouble(form), value, form, article.id))
    best = max((weights.typical(terms) for terms in keys.values()), default=0.0)
    for span in evidence:
        form = span.text.rstrip(".").removesuffix(",")
        if span.opinion or span.place > 1 or wording.words(form) > most:
            continue
        typical = weights.typical(span.terms)
        if typical < _TYPICAL * best or span.first_person or span.leans or not span.stands_plain:
            continue
        if not wording.QUOTED.search(form) and not span.speaker:
            pool.append(
                (2 + _trouble(form), weights.about(span.terms) * typical, form, span.article)
            )
    good = [entry for entry in pool if entry[0] < 4]
    good.sort(key=lambda entry: (entry[0], -round(entry[1], 9), len(entry[2]), entry[2], entry[3]))
    return [Candidate(text=text, article=article, score=value) for _, value, text, article in good]


def acceptable(text: str, most: int) -> str:
    """Why a headline will not do, in a few words; empty when it will."""
    count = wording.words(text)
    if count > most:
        return f"it has {count} words, {most} are allowed"
    if count < _FEWEST:
        return f"it has only {count} words"
    found = wording.loaded_words(wording.outside_quotes(text))
    if found:
        return f"it has a loaded word: {found[0]}"
    trap = baits(text)
    return f"it does not state plainly: {trap}" if trap else ""


def _own_words(text: str) -> str:
    """A title without what it quotes: a person quoted in it may well say "we" or "you"."""
    return _SINGLE.sub(" | ", wording.outside_quotes(text))


def baits(text: str) -> str:
    """The words by which a title asks, teases or addresses the reader; empty when it states."""
    trap = _CLICKBAIT.search(_own_words(text)) or _BANG.search(text)
    if furniture.instructs(text):
        return "it gives an order"
    return trap.group().strip() if trap else ""


def forms(text: str, most: int) -> list[str]:
    """A title, and its main clause where that stands before a comma or "as".

    The first is empty where the whole title has more than ``most`` words.
    """
    found = [text] if wording.words(text) <= most else [""]
    for cut in _CLAUSE.finditer(text):
        head = text[: cut.start()].rstrip(" ,;-–—")
        if cut.group().strip().lower() == "as" and _AS_WHAT.search(head):
            continue
        if _FEWEST < wording.words(head) <= most and _VERB.search(head):
            found.append(head)
            break
    return found


def _trouble(text: str) -> int:
    """0 for a headline as it should be, 1 for one with a partial quotation, 9 for none at all."""
    if not text or acceptable(text, 10_000):
        return 9
    if not _VERB.search(text) or _shouting(text) or not _balanced(text):
        return 9
    if ": " in text:
        return 1
    return 1 if re.search(r"[“”\"]|(?<!\w)['‘]|['’](?!\w)", text) else 0


def _balanced(text: str) -> bool:
    return (
        text.count('"') % 2 == 0
        and text.count("“") == text.count("”")
        and text.count("(") == text.count(")")
    )


def _shouting(text: str) -> bool:
    long = [word for word in wording.WORD.findall(text) if len(word) > 4 and word.isalpha()]
    return len(long) >= 2 and sum(word.isupper() for word in long) * 2 > len(long)


def _names(outlet: Outlet | None) -> tuple[str, ...]:
    if outlet is None:
        return ()
    shown = re.sub(r"\s*\([^()]*\)$", "", outlet.name).casefold()
    return tuple(
        dict.fromkeys([shown, shown.removeprefix("the "), *map(str.casefold, outlet.domains)])
    )


def _is_outlet(tail: str, names: Sequence[str], *, sign: str) -> bool:
    """Whether the words after a dash or bar are the outlet's name, or look like any outlet's."""
    folded = tail.casefold().strip()
    squeezed = re.sub(r"[^a-z0-9]", "", folded.removeprefix("the "))
    for name in names:
        known = re.sub(r"[^a-z0-9]", "", name)
        stem = re.sub(r"[^a-z0-9]", "", name.rsplit(".", 1)[0].removeprefix("www."))
        if squeezed and (
            squeezed == known
            or squeezed in {stem, known}
            or (len(stem) > 3 and (stem in squeezed or (len(squeezed) > 4 and squeezed in stem)))
        ):
            return True
    count = wording.words(tail)
    if "|" in sign:
        return count <= 5
    return count <= 4 and _PRESS_WORD.search(tail) is not None and tail[:1].isupper()
