"""Whether a sentence can be understood without the ones around it.

A quotation is torn from its place, so it must carry its own subject: no "He" or "This" to begin
with, no "But", no person spoken of only as "her", no question, no half of a dialogue.
"""

from __future__ import annotations

import re

from newsletter.brief import speakers, wording

_DANGLING_START = re.compile(
    r"""(?xi)^[“"‘'(]*(?:
      he|she|it|they|him|her|his|hers|its|their|theirs|them|this|that|these|those|such|both|neither|
      either|others?|another|some[ ]of[ ](?:them|these|those)|many[ ]of[ ](?:them|these|those)|one[ ]of[ ](?:them|these|those)|
      all[ ]of[ ](?:them|these|those|which)|most[ ]of[ ](?:them|these|those)|none[ ]of|
      but|and|or|nor|so|yet|however|meanwhile|moreover|furthermore|nevertheless|nonetheless|still|
      instead|also|then|thus|hence|therefore|likewise|similarly|otherwise|additionally|besides|indeed|
      consequently|afterwards?|later|earlier|previously|elsewhere|here|there|thereafter|too|again|plus|
      in[ ](?:addition|contrast|response|turn|fact|other[ ]words|short|the[ ]meantime|doing[ ]so|that|this|his|her|their|it|so[ ]doing|return|particular|part|all|total)|
      as[ ](?:a[ ]result|such|for|well|he|she|they|it|mentioned|noted|before|previously|usual)|
      on[ ](?:the[ ](?:other|contrary|one)|top[ ]of)|at[ ](?:the[ ](?:same[ ]time|time)|that|this|least[ ]that)|
      for[ ](?:example|instance|that|this|his|her|their|its|one[ ]thing|now|more|once)|
      because[ ]of[ ](?:that|this)|to[ ](?:that|this|be[ ]sure|do[ ]so|make[ ]matters|his|her)|by[ ](?:contrast|comparison|then|that|doing)|
      after[ ](?:that|this|he|she|they|it|all|which|his|her)|before[ ](?:that|this|he|she|they|it)|
      when[ ](?:he|she|they|it|asked|that|this)|while[ ](?:he|she|they|it|that|this)|if[ ](?:he|she|they|it|so|not|that|this|you)|
      with[ ](?:that|this|his|her|their|it)|even[ ](?:so|then|if[ ]he|if[ ]she|though|as|more)|of[ ](?:course|those|these|them|that|this|the[ ](?:\w+[ ])?(?:two|three|four|five|six))|
      that['’]s|it['’]s|there['’]s|here['’]s|he['’]s|she['’]s|they['’](?:re|ve|ll)|what['’]s[ ]more|
      the[ ](?:former|latter|same|pair|two|three|four|duo|trio|group|move|decision|news|incident|statement|announcement|comments?|remarks?|
         development|ruling|measure|proposal|plan|report|study|survey|poll|findings?|letter|document|filing|lawsuit|complaint|post|tweet|video|footage|
         clip|message|interview|answer|question|reason|result|idea|problem|issue|point|man|woman|boy|girl|couple|suspect|victim|official|officer|
         spokesman|spokeswoman|spokesperson|company|organization|organisation|agency|bill|law|order|policy|act|deal|agreement|meeting|event|trial|
         case|charges?|attack|crash|fire|storm|vote|change|changes|rest|others?|situation|effort|practice|figures?|numbers?|data|senator|
         congressman|congresswoman|lawmaker|governor|mayor|judge|justice|lawyer|attorney|minister|author|paper|outlet|newspaper|site|network|
         first|second|third|last|next|resulting)\b(?![ ](?:of|on|for|that|against|by|to|from|between|in|at|over|about|called|with|would[ ]make|House|Senate|Court)\b)
    )\b"""
)
# Openings that point further back than one sentence, or at something outside the text.
_CONTRAST = re.compile(r"(?i)^(?:both|others?|another|here|there|then|later|earlier|previously|elsewhere|so far)\b")
_SINGULAR_PERSON = re.compile(r"\b(?:he|she|him|his|her|hers|himself|herself)\b", re.IGNORECASE)
_PROPER = re.compile(r"(?<![.!?:“\"‘]\s)(?<!^)(?<![“\"‘])\b[A-Z][\w’'-]*[a-z][\w’'-]*")
_OPENING_NAME = re.compile(
    r"^[“\"‘(]*(?:(?:Mr|Mrs|Ms|Dr|Sen|Rep|Gov|President|Former|Prime|Senate|House)\b\.? ?)*"
    r"[A-Z][\w’'.-]+(?: [A-Z][\w’'.-]+)+"
)
_THEY_SAID = re.compile(rf"\|\s*(?:they|it|who|I|we) (?:\w+ )?(?:{speakers.SAYING})\b", re.IGNORECASE)
_VAGUE_SPEAKER = re.compile(
    r"[”\"],? (?:the (?:\w+ )?(?:officer|official|source|statement|report|group|company|spokes\w+|post|letter|"
    r"agency|ministry|minister|president|senator|governor|judge|lawmaker|lawsuit|complaint|document|filing|"
    r"memo|email|paper|study|man|woman|mother|father|resident|expert|professor|author)|it|one|another|"
    r"someone|a (?:\w+ )?(?:source|official|statement|post|tweet)) (?:\w+ )?"
    rf"(?:{speakers.SAYING})\b"
)
_QUESTION = re.compile(
    r"\?[”\"’']*$|^[“\"‘]*(?:How|Why|What|Who|When|Where|Should|Is|Are|Does|Did|Can|Will)\b[^.]*\?"
)
_ADDRESSES_READER = re.compile(
    r"\b(?:you|your|you['’]re|yours|let['’]s|here['’]s)\b", re.IGNORECASE
)
_BACKWARD = re.compile(
    r"\b(?:the latter|the former(?! \w)|as mentioned|mentioned above|said earlier|see below|above photo|"
    r"that same|this same|the same day|do so|did so|doing so|the pair)\b",
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
    if wording.words(own) == 0 or _VAGUE_SPEAKER.search(said) or _THEY_SAID.search(own):
        return False
    if _ADDRESSES_READER.search(own) or _BACKWARD.search(own):
        return False
    if not quoting and said[0] in "“\"‘":
        return False
    return not (_SINGULAR_PERSON.search(own) and not names_somebody(said))


def leans_back(said: str) -> bool:
    """Whether a sentence fails to stand alone only because it refers to the one before it."""
    if _QUESTION.search(said) or _HALF_DIALOGUE.match(said) or _ADDRESSES_READER.search(said):
        return False
    return _DANGLING_START.match(said) is not None and _CONTRAST.match(said) is None


def names_somebody(said: str) -> bool:
    """Whether a proper name stands before, or at the latest soon after, a personal pronoun."""
    own = wording.outside_quotes(said)
    person = _SINGULAR_PERSON.search(own)
    before = own[: person.start()] if person else own
    if _OPENING_NAME.match(before) or _PROPER.search(before):
        return True
    # "In his speech, Biden said": the name follows within the same opening phrase.
    after = own[person.end() : person.end() + 60] if person else ""
    comma = after.find(",")
    return 0 <= comma < 40 and _PROPER.search(after[comma:]) is not None
