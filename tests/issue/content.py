"""An invented day in an invented country: the issue that the tests of this folder render."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from newsletter.config import EditionSettings, Site
from newsletter.issue.choose import Candidate, choose
from newsletter.model import (
    Brief,
    Bullet,
    Correction,
    Coverage,
    Evidence,
    HistoryEntry,
    IssueContent,
    Kind,
    NumberClaim,
    NumbersDiffer,
    Paywall,
    Sentence,
    Side,
    SideBrief,
    SideCoverage,
    SideStatus,
    SourceLine,
    Story,
)

DAY = date(2026, 3, 18)
NOON = datetime(2026, 3, 18, 12, 0, tzinfo=UTC)
TAG = "k3v9x2m8q1z7"
SITE = Site(
    base_url="https://news.example.org",
    postal_address="4 Quarry Lane, Tamarack 40112",
)

CORRECTION = Correction(
    id="c0ffee123456",
    story="ferry-subsidy",
    slug="ferry-subsidy",
    headline="Assembly keeps the island ferries running on a one-year subsidy",
    section="politics",
    sentence="We gave the wrong number of ferry lines.",
    before="four ferry lines",
    after="three ferry lines",
    by="Ada Brook",
    at=NOON,
)

OUTLETS: dict[str, tuple[str, Side | None, Kind, Paywall]] = {
    "lantern": ("The Lantern", Side.LEFT, Kind.OPINION, Paywall.NONE),
    "commons": ("Commons Weekly", Side.LEFT, Kind.ANALYSIS, Paywall.METERED),
    "northside": ("Northside Post", Side.LEFT, Kind.NEWS, Paywall.NONE),
    "wire": ("Tamarack Wire", Side.CENTER, Kind.WIRE, Paywall.NONE),
    "record": ("Capitol Record", Side.CENTER, Kind.NEWS, Paywall.SUBSCRIPTION),
    "keystone": ("Keystone Review", Side.RIGHT, Kind.OPINION, Paywall.SUBSCRIPTION),
    "plainsman": ("The Plainsman", Side.RIGHT, Kind.NEWS, Paywall.NONE),
    "ledgerline": ("Ledgerline", Side.RIGHT, Kind.ANALYSIS, Paywall.METERED),
    "valley": ("Valley Gazette", None, Kind.NEWS, Paywall.UNKNOWN),
}


def source(story: str, outlet: str, title: str) -> SourceLine:
    """An article of a story by one of the invented outlets."""
    name, side, kind, paywall = OUTLETS[outlet]
    return SourceLine(
        article=f"{story}.{outlet}",
        outlet=name,
        title=title,
        url=f"https://{outlet}.example.org/2026/03/18/{story}?from=feed&id={len(story)}",
        side=side,
        kind=kind,
        paywall=paywall,
        published=NOON - timedelta(hours=len(outlet)),
    )


def bullet(story: str, outlet: str, quote: str, speaker: str = "") -> Bullet:
    """One verbatim quotation of one outlet."""
    article = f"{story}.{outlet}"
    return Bullet(
        text=f"“{quote}”",
        quotes=(quote,),
        citations=(article,),
        evidence=(Evidence(article=article, text=quote, end=len(quote), speaker=speaker),),
    )


def side(story: str, *quotes: tuple[str, str] | tuple[str, str, str]) -> SideBrief:
    """A side with its bullets; the first one's article leads."""
    if not quotes:
        return SideBrief(status=SideStatus.NO_COVERAGE)
    bullets = tuple(bullet(story, *quote) for quote in quotes)
    return SideBrief(status=SideStatus.OK, bullets=bullets, lead=bullets[-1].citations[0])


def coverage(
    left: int, center: int, right: int, unrated: int, blindspot: Side | None = None
) -> Coverage:
    """Coverage by so many families, each with an article or two."""

    def some(families: int) -> SideCoverage:
        return SideCoverage(articles=families + families // 2, families=families)

    return Coverage(
        left=some(left),
        center=some(center),
        right=some(right),
        unrated=some(unrated),
        outlets=left + center + right + unrated,
        blindspot=blindspot,
    )


def sentence(story: str, text: str, *outlets: str) -> Sentence:
    """A copied sentence of the overview and the outlets it is corroborated by."""
    return Sentence(
        text=f"“{text}” ({OUTLETS[outlets[0]][0]})",
        citations=tuple(f"{story}.{outlet}" for outlet in outlets),
        evidence=(Evidence(article=f"{story}.{outlets[0]}", text=text, end=len(text)),),
    )


def candidate(
    id_: str,
    section: str,
    headline: str,
    deck: str,
    *,
    overview: tuple[Sentence, ...] = (),
    left: SideBrief | None = None,
    center: SideBrief | None = None,
    right: SideBrief | None = None,
    covered: Coverage,
    differ: tuple[NumbersDiffer, ...] = (),
    history: tuple[HistoryEntry, ...] = (),
    update: bool = False,
    score: float = 1.0,
) -> Candidate:
    """A candidate with an article by every invented outlet."""
    sources = {line.article: line for line in (source(id_, outlet, headline) for outlet in OUTLETS)}
    return Candidate(
        story=Story(
            id=id_,
            slug=id_,
            headline=headline,
            articles=tuple(sources),
            section=section,
            first_seen=NOON - timedelta(days=len(history)),
            updated=NOON,
        ),
        brief=Brief(
            story=id_,
            headline=headline,
            deck=deck,
            overview=overview,
            left=left or side(id_),
            center=center or side(id_),
            right=right or side(id_),
            coverage=covered,
            differ=differ,
        ),
        section=section,
        score=score,
        sources=sources,
        history=history,
        update=update,
    )


def candidates() -> list[Candidate]:
    """The day, best story first: seven that both sides cover, two that one side covers."""
    return [
        candidate(
            "ferry-subsidy",
            "politics",
            "Assembly keeps the island ferries running on a one-year subsidy",
            "The 61-38 vote moves $212 million to three ferry lines and puts off the question of "
            "who owns the boats.",
            overview=(
                sentence(
                    "ferry-subsidy",
                    "The Assembly voted 61 to 38 late on Tuesday to pay three ferry lines $212 "
                    "million for one more year.",
                    "wire",
                    "northside",
                    "plainsman",
                ),
                sentence(
                    "ferry-subsidy",
                    "Service to the outer islands would have ended on April 1.",
                    "record",
                    "keystone",
                ),
                sentence(
                    "ferry-subsidy",
                    "A plan to sell the fleet was sent back to committee without a date.",
                    "plainsman",
                    "wire",
                ),
            ),
            left=side(
                "ferry-subsidy",
                (
                    "lantern",
                    (
                        "A boat that carries nurses and schoolchildren is a road, and nobody asks "
                        "a road to turn a profit."
                    ),
                ),
                (
                    "northside",
                    (
                        "Islanders will have their boats in April, but the crews still have no "
                        "contract past June."
                    ),
                    "Mirela Osgood",
                ),
                ("commons", "The committee heard forty islanders and quoted none of them."),
            ),
            center=side(
                "ferry-subsidy",
                (
                    "record",
                    (
                        "The clerk counted 11 members who crossed party lines, six in one "
                        "direction and five in the other."
                    ),
                ),
                ("wire", "The next committee hearing on ownership has no date."),
            ),
            right=side(
                "ferry-subsidy",
                (
                    "keystone",
                    (
                        "A third one-year rescue in three years is not a policy, it is a habit "
                        "with an invoice."
                    ),
                ),
                (
                    "plainsman",
                    (
                        "Two private operators had offered to run the northern line for half the "
                        "subsidy."
                    ),
                ),
                ("ledgerline", "Every ticket sold is matched by four dollars from the treasury."),
            ),
            covered=coverage(11, 6, 12, 4),
            differ=(
                NumbersDiffer(
                    about="Passengers a year",
                    claims=(
                        NumberClaim(
                            value="3.1 million",
                            citations=("ferry-subsidy.northside", "ferry-subsidy.wire"),
                        ),
                        NumberClaim(
                            value="“under 2 million”", citations=("ferry-subsidy.keystone",)
                        ),
                    ),
                ),
            ),
            history=(
                HistoryEntry(
                    day=date(2026, 3, 9), articles=7, headline="Ferry lines warn of an April stop"
                ),
                HistoryEntry(
                    day=date(2026, 3, 16), articles=15, headline="Assembly opens ferry debate"
                ),
                HistoryEntry(day=DAY, articles=27, headline="Assembly votes for the ferries"),
            ),
            update=True,
        ),
        candidate(
            "teacher-tests",
            "education",
            "State drops the second licensing test for new teachers",
            "The board says the exam kept classrooms empty; opponents say it kept standards up.",
            overview=(
                sentence(
                    "teacher-tests",
                    "The State Board of Education voted 7 to 2 to end the second of two licensing "
                    "exams for new teachers.",
                    "record",
                    "northside",
                    "plainsman",
                ),
                sentence(
                    "teacher-tests",
                    "About 1,900 classrooms began the school year without a licensed teacher.",
                    "wire",
                    "commons",
                ),
            ),
            left=side(
                "teacher-tests",
                (
                    "commons",
                    (
                        "The test measured who could pay to sit it three times, and the board "
                        "finally said so."
                    ),
                ),
                ("northside", "Rural districts asked for this change four years in a row."),
            ),
            center=side(
                "teacher-tests",
                ("record", "Pass rates on the dropped exam were 58 percent last spring."),
            ),
            right=side(
                "teacher-tests",
                (
                    "plainsman",
                    (
                        "Parents were told for ten years that this exam was the floor; the floor "
                        "was removed in one evening."
                    ),
                    "Dale Whitlock",
                ),
                ("ledgerline", "No other state in the region has gone below one exam and stayed."),
            ),
            covered=coverage(8, 5, 7, 6),
        ),
        candidate(
            "reservoir-levels",
            "environment",
            "Reservoirs end the winter at 64 percent, the lowest in eleven years",
            "Water districts disagree on whether to ration now or wait for the April snow survey.",
            overview=(
                sentence(
                    "reservoir-levels",
                    "Nine of the state’s fourteen large reservoirs stand below their ten-year "
                    "average.",
                    "wire",
                    "lantern",
                ),
                sentence(
                    "reservoir-levels",
                    "The snow survey that decides summer allotments is due on April 6.",
                    "record",
                    "ledgerline",
                ),
            ),
            left=side(
                "reservoir-levels",
                (
                    "lantern",
                    "Rationing lawns in March is cheaper than trucking drinking water in August.",
                ),
            ),
            center=SideBrief(status=SideStatus.TOO_THIN),
            right=side(
                "reservoir-levels",
                (
                    "ledgerline",
                    (
                        "Farms have already cut planting by a fifth, and cities are asking them to "
                        "cut first again."
                    ),
                ),
            ),
            covered=coverage(6, 2, 5, 3),
        ),
        candidate(
            "chip-plant",
            "business",
            "Orrin Semiconductor delays its second plant by eighteen months",
            "The company cites slower orders; the county had already widened the road.",
            overview=(
                sentence(
                    "chip-plant",
                    "Orrin Semiconductor will open its second plant in Harlow County eighteen "
                    "months later than planned, in the fall of 2028.",
                    "wire",
                    "record",
                    "ledgerline",
                ),
                sentence(
                    "chip-plant",
                    "The county spent $31 million on a road, a water main and a bus line to the "
                    "site.",
                    "northside",
                    "plainsman",
                ),
            ),
            left=side(
                "chip-plant",
                (
                    "northside",
                    (
                        "The road is finished, the bus runs empty, and the tax agreement has no "
                        "clause for a plant that comes late."
                    ),
                ),
                ("commons", "Public money was early and private money was late."),
            ),
            center=side(
                "chip-plant",
                ("record", "Hiring fairs set for June and September were taken off the calendar."),
            ),
            right=side(
                "chip-plant",
                (
                    "ledgerline",
                    (
                        "A firm that builds ahead of its orders does not stay a firm for long, and "
                        "the county knew the cycle."
                    ),
                ),
                ("keystone", "Subsidies cannot order chips.", "Anselm Pruett"),
            ),
            covered=coverage(5, 7, 6, 2),
        ),
        candidate(
            "hospital-merger",
            "health",
            "Regulators let two hospital groups merge with conditions",
            "St. Brannoc and Lakeland must keep four emergency rooms open until 2031.",
            overview=(
                sentence(
                    "hospital-merger",
                    "The Health Commission approved the merger of St. Brannoc and Lakeland on "
                    "Tuesday with eleven conditions.",
                    "wire",
                    "commons",
                ),
                sentence(
                    "hospital-merger",
                    "Prices for insured patients may rise by no more than inflation for three "
                    "years.",
                    "ledgerline",
                    "record",
                ),
            ),
            left=side(
                "hospital-merger",
                (
                    "commons",
                    "Eleven conditions need eleven inspectors, and the commission has three.",
                ),
            ),
            center=side(
                "hospital-merger",
                ("wire", "The two groups run nineteen of the region’s thirty hospitals."),
            ),
            right=side(
                "hospital-merger",
                (
                    "plainsman",
                    (
                        "Two of the four emergency rooms would have closed within a year without "
                        "the merger."
                    ),
                    "Ines Calloway",
                ),
            ),
            covered=coverage(4, 3, 4, 1),
        ),
        candidate(
            "river-ruling",
            "courts",
            "Appeals court sends the Alder River dam permit back to the agency",
            "Judges found the fish study ten years out of date, two to one.",
            covered=coverage(5, 2, 3, 2),
        ),
        candidate(
            "rail-strike",
            "business",
            "Freight rail union sets a strike vote for March 27",
            "Talks stopped over scheduling rules that both sides call safety rules.",
            covered=coverage(6, 4, 4, 0),
        ),
        candidate(
            "audit-tolls",
            "politics",
            "Auditor counts $48 million in uncollected bridge tolls",
            "",
            covered=coverage(0, 1, 8, 3, Side.LEFT),
            right=side("audit-tolls", ("plainsman", "The gates were open for 212 days.")),
        ),
        candidate(
            "prison-kitchens",
            "nation",
            "Inspectors close kitchens at two state prisons",
            "",
            covered=coverage(7, 1, 0, 2, Side.RIGHT),
            left=side("prison-kitchens", ("lantern", "The inspectors left before lunch.")),
        ),
    ]


def content() -> IssueContent:
    """The issue of the day."""
    return choose(candidates(), EditionSettings(), edition="daily", day=DAY)
