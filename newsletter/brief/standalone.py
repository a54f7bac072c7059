"""Whether a sentence can be understood without the ones around it.

A quotation is torn from its place, so it must carry its own subject: no "He" or "This" to begin
with, no "But", no person spoken of only as "her", no question, no half of a dialogue.
"""

from __future__ import annotations

import re

from newsletter.brief import speakers, wording

_THING = wording.word_list(
    """
    group move decision news incident statement announcement comment comments remark remarks
    development ruling measure proposal plan report study survey poll finding findings letter
    document filing lawsuit complaint post posts tweet video footage clip message interview
    answer question reason result idea problem issue point man woman boy girl couple suspect
    victim official officer spokesman spokeswoman spokesperson company organization organisation
    agency bill law order policy act deal agreement meeting event trial case charge charges
    attack crash fire storm vote change changes rest situation effort practice figure figures
    number numbers data senator congressman congresswoman lawmaker governor mayor judge justice
    lawyer attorney minister author paper outlet newspaper site network first second third last
    next resulting same pair duo trio two three four men women legislation book film game
    article story speech hearing investigation probe inquiry moment desire
    """
)
_DANGLING_START = re.compile(
    rf"""(?xi)^[“"‘'(]*(?:
      (?:he|she|it|they|him|her|his|hers|its|their|theirs|them|this|that|these|those|such|
      neither|either)\b|
      one[ ](?:such|is|was|way|reason)\b|there['’]s\b|there\b(?![ ](?:is|are|was|were|has|have|
      had|will|would|may|could)\b)|
      both\b(?![ ](?:\w+[ ])?[A-Z])|both[ ](?:of[ ]the|sides|men|women)\b|others?\b|
      another\b(?![ ](?:[\d.,]+|government|round)\b)|
      (?:some|many|one|all|most|none|few|several|two|three)[ ]of[ ](?:them|these|those|which|
      whom)\b|
      (?:but|and|or|nor|so|yet|however|meanwhile|moreover|furthermore|nevertheless|nonetheless|
      still|instead|also|then|thus|hence|
      (?:take|consider|imagine|recall|look|think|remember)[ ](?!over|place)|
      first(?=,)|firstly|second(?=,)|secondly|third(?=,)|thirdly|finally|lastly|
      therefore|likewise|similarly|otherwise|additionally|besides|indeed|consequently|
      afterwards?|previously|elsewhere|here|thereafter|
      too|again|plus|skip[ ]ahead|fast[ -]forward|yeah|yes|no|sure|ok|okay|well)\b
      (?![ ]far\b)(?![ ](?:one|matter)\b)|
      (?:later|earlier)\b(?![ ]this)|
      in[ ](?:addition|contrast|response|turn|fact|other[ ]words|short|the[ ]meantime|
      doing[ ]so|that|this|it|so[ ]doing|return|particular|part)\b|
      as[ ](?:\w+[ ])?(?:reported|mentioned|noted)\b|
      as[ ](?:a[ ]result|such|for|well|he|she|they|it|mentioned|noted|before|previously|usual)\b|
      on[ ](?:the[ ](?:other|contrary|one)|top[ ]of)\b|at[ ](?:the[ ](?:same[ ]time|time)|that|
      this)\b|
      for[ ](?:example|instance|that|this|his|her|their|its|one[ ]thing|now|more)\b|
      because[ ]of[ ](?:that|this)\b|to[ ](?:that|this|be[ ]sure|do[ ]so|make[ ]matters)\b|
      by[ ](?:contrast|comparison|then|that|doing)\b|
      after[ ](?:that|this|he|she|they|it|all|which)\b|before[ ](?:that|this|he|she|they|it)\b|
      when[ ](?:he|she|they|it|asked|that|this)\b|while[ ](?:he|she|they|it|that|this)\b|
      if[ ](?:he|she|they|it|so|not|that|this|you)\b|
      with[ ](?:that|this|it)\b|even[ ](?:so|then|if[ ]he|if[ ]she|though|as|more)\b|
      of[ ](?:course|those|these|them|that|this)\b|
      (?:that|it|here|he|she|what)['’]s\b|they['’](?:re|ve|ll)\b|
      the[ ](?-i:{"|".join(_THING)})\b(?![ ](?:of|on|for|that|against|by|to|from|between|in|at|
      over|about|called|with|would[ ]make|(?-i:[A-Z]\w+)|top|who|which)\b)|
      the[ ](?:former|latter)\b(?![ ](?-i:[a-z-]+[ ]){{0,4}}(?:of|for|who|
      in)\b)(?![ ](?:\w+[ ]){{0,4}}(?-i:[A-Z]))
    )"""
)
# Openings that point further back than one sentence, or at something outside the text.
_CONTRAST = re.compile(
    r"(?i)^(?:both|others?|another|here|there|then|later|earlier|previously|elsewhere|so far)\b"
)
# "Evers has issued": one capitalised word, no plural, straight before a verb.
_LONE_NAME = re.compile(
    r"^[“\"‘]*[A-Z][\w’-]*(?:[^s\W]|[ei]s|ss|ers)(?:['’]s)? (?:is|was|has|had|will|would|could|"
    r"also|then|said|says|told|"
    r"went|did|does|may|made|took|\w+ed)\b"
)
# "On Monday, it implemented": the subject is a pronoun with nothing before it to stand for.
_LATE_PRONOUN = re.compile(r"^([^,]{0,60}),\s(?:he|she|it|they|his|her|their|its)\b", re.IGNORECASE)
# "As per Newswire, his arrest": the name before the pronoun is only who says so.
_SOURCE_FIRST = re.compile(r"^(?:As per|According to|Citing|As reported by)\b", re.IGNORECASE)
_NAMED = re.compile(
    r"(?<!^)\b(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|"
    r"June|July|"
    r"August|September|October|November|December)[A-Z][a-z]+"
)
_KNOWN_THING = re.compile(
    r"^The ([a-z]+)(?:,| (?:has|have|had|is|are|was|were|will|would|could|can|may|also|then|"
    r"later|says?|said|"
    r"found|came|comes|gave|made|took|began|shows?|\w+ed|\w+s)\b)"
)
_ALWAYS_KNOWN = frozenset(
    wording.word_list(
        """
        government president pandemic economy court police virus military army world country war
        nation public state city king queen pope prime vice white federal national new first
        world stock markets dollar euro weather internet media press market united
        """
    )
)
_SINGULAR_PERSON = re.compile(r"\b(?:he|she|him|his|her|hers|himself|herself)\b", re.IGNORECASE)
_PROPER = re.compile(
    r"(?!\b(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|"
    r"August|September|October|November|December)\b)"
    r"(?<![.!?:“\"‘]\s)(?<!^)(?<![“\"‘])\b[A-Z][\w’'-]*[a-z][\w’'-]*"
)
# Capitalised, and never what "he" or "she" stands for.
_NOT_PERSONS = re.compile(
    r"\b(?:White House|Supreme Court|Capitol(?: Hill)?|(?:State|Justice|Labor|Treasury|Education) "
    r"Department|Department of [A-Z]\w+|Pentagon|Kremlin|Congress|Senate|United (?:States|Nations|"
    r"Kingdom)|U\.S\.|Republicans?|Democrats?|GOP|Twitter|Facebook|CNN|Fox News|NBC|CBS|ABC|"
    r"Associated Press|Reuters)(?= (?:said|says|told|also|was|is|has|had|on|and|in|,)|,)"
)
_BROKEN = re.compile(
    r"^[^,]{4,60}, (?:speaking|writing|talking) [^,]*\.$|"
    r"^[A-Z][\w’']+, (?:\w{3,}ed|said|says|told|was|is|has|had) (?!by\b)"
)
_NAME_AFTER = re.compile(
    r"[^,]{0,80}, (?:the |former |then-|a |[a-z]+ ){0,3}"
    r"(?!The\b|A\b|He\b|She\b|They\b|It\b)[A-Z]\w+"
)
_OPENING_NAME = re.compile(
    r"^[“\"‘(]*(?:(?:Mr|Mrs|Ms|Dr|Sen|Rep|Gov|President|Former|Prime|Senate|House)\b\.? ?)*"
    r"[A-Z][\w’'.-]+(?: [A-Z][\w’'.-]+)+"
)
_THEY_SAID = re.compile(
    rf"\|\s*(?:they|it|who|I|we) (?:\w+ )?(?:{speakers.SAYING})\b", re.IGNORECASE
)
_VAGUE_SPEAKER = re.compile(
    r"[”\"],? (?:the (?:\w+ )?(?:officer|official|source|statement|report|group|company|"
    r"spokes\w+|post|letter|"
    r"agency|ministry|minister|president|senator|governor|judge|lawmaker|lawsuit|complaint|"
    r"document|filing|"
    r"memo|email|paper|study|man|woman|mother|father|resident|expert|professor|author)|it|one|"
    r"another|"
    r"someone|a (?:\w+ )?(?:source|official|statement|post|tweet)) (?:\w+ )?"
    rf"(?:{speakers.SAYING})\b|[”\"],? (?:{speakers.SAYING}) (?:another|one)\b"
)
_QUESTION = re.compile(
    r"\?[”\"’']*$|^[“\"‘]*(?:How|Why|What|Who|When|Where|Should|Is|Are|Does|Did|Can|"
    r"Will)\b[^.]*\?"
)
_ADDRESSES_READER = re.compile(
    r"\b(?:you|your|you['’]re|yours|let['’]s|here['’]s)\b", re.IGNORECASE
)
_BACKWARD = re.compile(
    r"\b(?:the latter|the former(?! \w)|as mentioned|mentioned above|said earlier|see below|"
    r"above photo|this (?:man|woman|boy|girl|person|couple|family)\b|"
    r"that same|this same|the same day|the pair)\b",
    re.IGNORECASE,
)
_HALF_DIALOGUE = re.compile(r"^(?:Q|A|Question|Answer|Host|[A-Z]{3,}(?: [A-Z]{3,})?):")


def stands_alone(said: str, *, quoting: bool) -> bool:
    """Whether a sentence is complete on its own.

    :param quoting: True where the sentence may begin with a person's direct words.
    """
    if _DANGLING_START.match(said) or _QUESTION.search(said) or _HALF_DIALOGUE.match(said):
        return False
    own = wording.outside_quotes(said)
    if (
        wording.words(own) == 0
        or _BROKEN.match(own)
        or _VAGUE_SPEAKER.search(said)
        or _THEY_SAID.search(own)
    ):
        return False
    if _ADDRESSES_READER.search(own) or _BACKWARD.search(own):
        return False
    if not quoting and said[0] in '“"‘':
        return False
    late = _LATE_PRONOUN.match(own)
    if late and (_SOURCE_FIRST.match(own) or not _NAMED.search(late.group(1))):
        return False
    return not (_SINGULAR_PERSON.search(own) and not names_somebody(said))


def opens_as_known(said: str) -> bool:
    """Whether a sentence opens with a plain "The such-and-such" that was introduced before."""
    found = _KNOWN_THING.match(said)
    return found is not None and found.group(1) not in _ALWAYS_KNOWN


def leans_back(said: str) -> bool:
    """Whether a sentence fails to stand alone only because it refers to the one before it."""
    if _QUESTION.search(said) or _HALF_DIALOGUE.match(said) or _ADDRESSES_READER.search(said):
        return False
    return _DANGLING_START.match(said) is not None and _CONTRAST.match(said) is None


def names_somebody(said: str) -> bool:
    """Whether a proper name stands before, or at the latest soon after, a personal pronoun."""
    own = _NOT_PERSONS.sub("it", wording.outside_quotes(said))
    person = _SINGULAR_PERSON.search(own)
    before = own[: person.start()] if person else own
    if _OPENING_NAME.match(before) or _PROPER.search(before) or _LONE_NAME.match(before):
        return True
    # "In his speech, Biden said": the name follows within the same opening phrase.
    after = own[person.end() : person.end() + 120] if person else ""
    return _NAME_AFTER.match(after) is not None
