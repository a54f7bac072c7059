"""What a site puts around its articles: asked out before anything is quoted.

Three ways to know it: by what it says (sign-up lines, cookie notices, credits), by where it stands
(an author note or a list of links at the end), and by coming back word for word in several
articles of one outlet.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from newsletter.brief import wording
from newsletter.model import Article

# On lower-cased text: a pattern that ignores case takes twice as long.
_SAYS = re.compile(
    r"""(?x)
    \b(?:
      newsletters? | sign(?:ing|ed)?[ ]up\b | sign[ ]in\b | log[ ]in\b | subscrib\w+ |
      subscription |
      unsubscribe | cookies? | privacy[ ]policy | terms[ ]of[ ](?:use|service) | recaptcha |
      all[ ]rights[ ]reserved | copyright | getty[ ]images | photo[ ](?:credit|by)s? |
      file[ ]photo |
      image[ ](?:source|credit|caption) | (?:ap|afp|reuters)[ ]photo | (?:ap|reuters|afp)/ |
      screenshot | screen[ ]grab | advertisement | sponsored | click[ ]here | tap[ ]here |
      read[ ](?:more|also|next|the[ ]full|our[ ]full) | also[ ]read | see[ ]also |
      watch[ ](?:live|now|below|the[ ]video) |
      listen[ ]to[ ]this | scroll[ ](?:down|on) | story[ ]continues | continue[ ]reading |
      follow[ ](?:us|topic|live|him[ ]on|her[ ]on|the[ ]author) | join[ ](?:us|group|our|
      the[ ]conversation) | share[ ](?:this|on) |
      download[ ](?:the|our) | (?:our|the)[ ]app\b | whatsapp[ ](?:group|channel) |
      your[ ]inbox | breaking[ ]news[ ]alerts? |
      on[ ]facebook[ ](?:and|or|at) | on[ ]twitter[ ]at | twitter\.com/ | https?:// | www\. |
      contributed[ ]to[ ]this | reporting[ ]by | (?:edited|editing|written|compiled|translated|
      additional[ ]reporting)[ ]by |
      with[ ](?:inputs|agency[ ]inputs|files)[ ]from | this[ ](?:article|story|post|piece|
      report|content|column)[ ](?:was|has[ ]been|is|first|originally|may|appeared) |
      (?:this|the)[ ](?:\w+[ ])?(?:article|version|story)[ ]corrects | has[ ]been[ ](?:updated|
      corrected) | correction: | editor['’]?s?[ ]note |
      news[ ]department[ ]was[ ]not | may[ ]not[ ]be[ ](?:published|reproduced|broadcast|
      rewritten) | republish\w* | syndicated |
      views[ ]expressed | opinions[ ]expressed | not[ ]necessarily[ ](?:reflect|represent|
      those) | letters?[ ]to[ ]the[ ]editor |
      send[ ](?:us|your) | contact[ ]us | e-?mail(?:ed)?[ ](?:us|me|the[ ]author) |
      comments?[ ]section | comment[ ]below | leave[ ]a[ ]comment |
      comments[ ](?:are|on|policy) | report['’]?[ ]link | caps[ ]lock | register[ ]for[ ]free |
      support[ ]our | donat(?:e|ing)[ ](?:to[ ]us|now|today[ ]to)|
      support[ ](?:independent|quality|local)[ ]journalism | journalism[ ](?:free|possible) |
      become[ ]a[ ]member | free[ ]trial | premium[ ]content |
      \b(?:has|have)[ ](?:approached|contacted|reached[ ]out[ ]to)\b |
      paid[ ](?:membership|subscriber)s? |
      full[ ]access | unlock[ ](?:full|all|this) |
      video[ ]credit | key[ ](?:topics|takeaways)\b | ^highlights\b | ^summary\b |
      ,[ ](?:right|left|center|centre),[ ] | ,[ ](?:second|third)[ ]from[ ](?:left|right)\b |
      ^(?:\w+[ ]){0,4}(?:poses?|posing)[ ](?:for|with) |
      for[ ]more[ ](?:information|news|stories|from|on[ ]this|coverage)[, ]? |
      stay[ ](?:informed|tuned|up[ ]to[ ]date) | you[ ](?:can[ ])?also[ ]like |
      recommended[ ](?:stories|reading|videos?) | related[ ](?:stories|articles?|content|
      coverage|topics) | most[ ](?:read|popular|viewed) | trending |
      latest[ ](?:news|headlines|updates) | top[ ]stories | live[ ](?:updates?|blog|
      coverage)\b | ai[ -]generated | automated[ ]technology | stock[ ]photo |
      video[ ](?:below|above) | (?:pictured|left|right|center)\)[ ] |
      all[ ]times[ ](?:are[ ])?(?:local|est|gmt) | minutes?[ ]read\b | min[ ]read\b |
      regular[ ]rate | price[ ]increases[ ]to | cancel[ ]any[ ]?time | (?:every|
      per)[ ](?:four[ ]weeks|month)[ ]after | plus[ ]gst | gift[ ]article | listen[ ]now
    )""",
)
_HINTS = wording.phrase_list(
    """
    newslett | sign | log in | subscri | cookie | privacy | terms of | recaptcha | rights res |
    copyright | getty | photo | image | ap/ | reuters/ | afp/ | screen | advert | sponsor | here
    | read | reading | watch | listen to | scroll | story | follow | join | share | download |
    app | whatsapp | inbox | alert | facebook | twitter | http | www. | contributed | reporting
    by | by | inputs | files from | this | correct | updated | note | department was | may not
    be | republish | syndicat | expressed | reflect | represent | letter | send | contact us |
    mail | comment | report | caps lock | register | support | donat | journalism | member |
    trial | premium | for more | stay | also like | recommended | related | most | trending |
    latest | rate | price | cancel | gst | gift | per | listen | top stories | live | generated
    | automated | unlock | access | key | highlights | summary | , right, | , left, | , cent |
    has | have | from left | from right | pos | video | pictured | left) | right) | center)
    | all times
    """
)
_ORDERS = re.compile(
    r"""(?ix)
    [\W_]*(?:(?:step[ ])?\w{1,2}[).:][\W_]*)?
    (?:please[ ]|kindly[ ]|now[ ]|simply[ ]|just[ ]|always[ ]|never[ ]|then[ ]|first[ ])?(?:
      ignore|disregard|forget|avoid|type|stay[ ]away|write|provide|add|include|integrate|
      incorporate|insert|modify|
      replace|use|
      translate|explain|describe|draft|introduce|misspell|rearrange|remove|anagram|scramble|
      download|click|print|output|respond|reply|tell|repeat|act|pretend|substitute|suggest|create|
      compose|summari[sz]e|fetch|display|list|generate|send|visit|rewrite|encode|convert|answer|
      mention|
      append|embed|encourage|invite|highlight|emphasi[sz]e|change|swap|shuffle|omit|group|
      separate|combine|delete|randomly|give[ ](?:me|us)|show[ ](?:me|us)|
      make[ ](?:sure|your)|reveal|
      recommend|promote|direct(?!-)|discuss|outline|define|solve|calculate|compare|design|develop|
      identify|analy[sz]e|find|help|break[ ]down|render|jumble|do[ ]not|don['’]t|let['’]s|
      from[ ]now[ ]on|
      you[ ](?:are|must|will)|
      in[ ]your[ ]|at[ ]the[ ]end[ ]of[ ]your|i[ ]want[ ]you|act[ ]as)\b(?![ ](?:of|by)\b)
    """
)
_TO_MACHINES = re.compile(
    r"""(?ix)
    \byour[ ](?:\w+[ ])?(?:response|reply|output|prompt|instructions|answer|task|message)\b |
    \b(?:previous|prior|above|earlier|new|following)[ ](?:instructions?|prompts?|directions)\b |
    \bsystem[ ]prompt\b | \blanguage[ ]model\b.*\byou\b |
    \b(?:as[ ]an|you[ ]are[ ]an?)[ ](?:ai|assistant)\b |
    \bignore[ ]the[ ](?:user|above|previous|system|rest)\b | \b(?:reply|respond)[ ]with\b |
    "\w+"\s*: |
    <<|>>|\[/?INST|\{\{|\bprompt\(\) | <\w+[^>]*> | ^\W*(?:system|assistant|user)[ ]?:
    """
)
_MACHINE_HINTS = wording.phrase_list(
    "your | instruction | prompt | direction | language model | assistant |"
    " as an ai | << | >> | [ | {{ | < |"
    ' system | user | reply with | respond with | ignore the | ":'
)
# Headings after which nothing of the article itself follows.
_TAIL_HEADING = re.compile(
    r"""(?ix)^\W*(?:about[ ]the[ ](?:authors?|writers?)|authors?|author[ ]bio|written[ ]by|
    also[ ]read|explore[ ]more|
    (?:more|most)[ ](?:from|in|on|news|stories|read|popular|like[ ]this)\b.{0,40}|
    related[ ](?:articles?|stories|posts|news|topics|content).{0,20}|
    you[ ]may[ ]also.{0,20}|recommended.{0,30}|(?:join|start)[ ]the[ ](?:conversation|
    discussion).{0,20}|comments?(?:[ ]\(\d+\))?|leave[ ]a.{0,20}|
    tags?:?.{0,80}|topics:?.{0,80}|keep[ ]it[ ]clean\b.{0,80}|be[ ](?:nice|truthful|
    proactive)\b.{0,120}|read[ ]next.{0,40}|what[ ]to[ ]read[ ]next|
    sources?:.{0,60}|notes?[ ]and[ ]references|footnotes?|disclaimer.{0,40}|
    filed[ ]under.{0,60}|share[ ](?:this|on|via).{0,40})\W*$"""
)
_AUTHOR_NOTE = re.compile(
    r"""(?x)^(?:[A-Z][\w.'’-]+[ ]){1,4}(?:is|was|are|writes|covers|reports|teaches|serves|works|
    has[ ]written)[ ](?:
      an?[ ](?:\w+[ -]){0,6}(?:columnist|fellow|professor|author|reporter|writer|journalist|
      editor|correspondent|contributor|analyst|producer|lecturer|scholar|host|consultant|
      strategist)\b |
      the[ ](?:\w+[ -]){0,6}(?:author|editor|host|director|founder|president|columnist|
      correspondent|reporter)\b |
      (?:about|for|on)\b.{0,60}(?:Times|Post|News|Journal|Magazine|Review|Today|Press|Guardian|
      Digital|desk)\b |
      covers?\b )"""
)
_AUTHOR_LINE = re.compile(
    r"^(?:Author|Follow|Contact|Reach|Email|E-mail|Twitter|Write to)\b[ :“\"@]"
)
_NOTE_WINDOW = 4  # an author note stands among the last lines
_REPEATED = 2  # the same line in this many articles of one outlet
_LINE = re.compile(r"[^\n\r\u2028\u2029]+")


def says_furniture(sentence: str) -> bool:
    """Whether a sentence speaks about the site instead of the news."""
    folded = sentence.lower()
    # The pattern is long and most sentences hold none of its words: look for those first.
    return any(hint in folded for hint in _HINTS) and _SAYS.search(folded) is not None


def instructs(sentence: str) -> bool:
    """Whether a text gives orders, to a reader or to a program, instead of reporting.

    News does not begin with "Ignore", "Write" or "Add". Hidden in an article, such lines are
    meant for language models; nothing of them is ever quoted or shown to one.
    """
    if _ORDERS.match(sentence):
        return True
    folded = sentence.lower()
    return (
        any(hint in folded for hint in _MACHINE_HINTS) and _TO_MACHINES.search(sentence) is not None
    )


def body_end(text: str) -> int:
    """Where the article proper ends: before the author note, the links, the house rules.

    Only the second half of a text is looked at, because "Related" in the middle of a page is
    followed by more of the article.
    """
    lines = list(_LINE.finditer(text))
    half = len(text) // 2
    for line in lines:
        if line.start() >= half and len(line.group()) < 160 and _TAIL_HEADING.match(line.group()):
            return line.start()
    end = len(text)
    for line in reversed(lines[-_NOTE_WINDOW:]):
        said = line.group().strip()
        if line.start() > half and (_AUTHOR_NOTE.match(said) or _AUTHOR_LINE.match(said)):
            end = line.start()
    return end


def repeated_lines(articles: Sequence[Article]) -> frozenset[str]:
    """Lines found in several articles of one outlet: its furniture, whatever they say.

    Revisions of one and the same article share most of their lines; they are told apart by that
    and count as one.
    """
    by_outlet: dict[str, list[set[str]]] = {}
    for article in articles:
        lines = {line.group().strip() for line in _LINE.finditer(article.words)}
        known = by_outlet.setdefault(article.outlet, [])
        if any(len(lines & other) * 2 > min(len(lines), len(other)) for other in known):
            continue
        known.append(lines)
    found: set[str] = set()
    for pages in by_outlet.values():
        if len(pages) >= _REPEATED:
            counted = Counter(line for page in pages for line in page)
            found |= {line for line, n in counted.items() if n >= _REPEATED and line}
    return frozenset(found)
