"""Terms: what is counted of a text, and what is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.stories import terms
from tests.stories.make import article


def words(title: str, text: str = "", lang: str = "en") -> tuple[list[str], list[str]]:
    """The terms of one article as words."""
    tokens = terms.tokenise([article("a", title, text)], lang)
    return (
        [tokens.names[number] for number in tokens.title[0]],
        [tokens.names[number] for number in tokens.body[0]],
    )


def test_plurals_and_possessives_fold() -> None:
    """A plural, a possessive and the bare word are one term."""
    assert words("Bridge bridges bridge's bridge’s")[0] == ["bridge"] * 4
    assert words("Cities city")[0] == ["city", "city"]


def test_words_that_end_in_s_by_nature_stay() -> None:
    """Congress, crisis and campus are not plurals."""
    assert words("Congress crisis campus")[0] == ["congress", "crisis", "campus"]


def test_numbers_of_two_digits_are_kept() -> None:
    """Numbers tell one event from another; a single digit does not."""
    assert words("Storm kills 47 in 3 towns")[0] == ["storm", "kill", "47", "town"]


def test_stop_words_and_weekdays_go() -> None:
    """Words that any article may hold are no terms."""
    assert words("The mayor said on Tuesday that she will resign")[0] == ["mayor", "resign"]


def test_only_the_opening_of_a_text_is_read() -> None:
    """A text beyond the limit adds no terms."""
    assert len(words("Title", "word " * 5000)[1]) == terms.BODY_WORDS


def test_unspaced_scripts_become_pairs() -> None:
    """A run of characters without spaces gives overlapping pairs."""
    assert words("東京都知事", lang="ja")[0] == ["東京", "京都", "都知", "知事"]


def test_a_sentence_under_every_article_of_an_outlet_is_furniture() -> None:
    """What one outlet prints three times is not text; what another prints once is."""
    own = "The mayor opened the bridge. Crowds cheered all day. "
    line = "Sign up for our morning letter."
    many = [article(f"a{n}", f"Title {n}", own + line, outlet="post") for n in range(3)]
    # Each article says something of its own, or all of it would be taken for one report.
    many = [
        article(a.id, a.title, f"Number {n} came{n}. Then left{n} again. {line}", outlet="post")
        for n, a in enumerate(many)
    ]
    other = article("b", "Title", f"Something else happened here. {line}", outlet="times")
    tokens = terms.tokenise([*many, other])
    texts = [{tokens.names[number] for number in body} for body in tokens.body]
    assert all("letter" not in text for text in texts[:3])
    assert "letter" in texts[3]


def test_three_versions_of_one_report_are_not_furniture() -> None:
    """An outlet that runs one report three times keeps its text."""
    text = "The dam is being drained. A crack has widened. Ansley is to be left."
    tokens = terms.tokenise([article(f"a{n}", "Dam", text, outlet="post") for n in range(3)])
    assert all("crack" in {tokens.names[n] for n in body} for body in tokens.body)


def test_the_tail_of_an_outlets_titles_is_furniture() -> None:
    """A site's name behind three titles is cut; a tail seen once stays."""
    many = [
        article(f"a{n}", f"{word} opened | Harbor Post", outlet="post")
        for n, word in enumerate(["Bridge", "Tunnel", "Station"])
    ]
    tokens = terms.tokenise([*many, article("b", "Quay closed | Harbor Post", outlet="other")])
    titles = [[tokens.names[number] for number in title] for title in tokens.title]
    assert titles == [
        ["bridge", "opened"],
        ["tunnel", "opened"],
        ["station", "opened"],
        ["quay", "closed", "harbor", "post"],
    ]


def test_the_background_holds_counts_of_a_language() -> None:
    """The background that ships knows common words and has none for other languages."""
    english = terms.background("en")
    assert english.documents > 5000
    assert english.frequency["president"] > english.frequency["spillway"] >= 5
    assert terms.background("xx") is terms.NO_BACKGROUND


def test_a_background_survives_writing() -> None:
    """What is counted can be written and says how often each word stands."""
    articles = [article(f"a{n}", "Heron seen", f"The heron number{n} nested") for n in range(6)]
    counted = terms.count_background(articles)
    assert counted.documents == 6
    assert counted.frequency == {"heron": 6, "nested": 6}
    assert terms.write_background(counted) == "# documents 6\nheron\t6\nnested\t6\n"


@given(st.text(max_size=300), st.text(max_size=300), st.sampled_from(["en", "de", "ja", "und"]))
def test_any_text_can_be_read(title: str, text: str, lang: str) -> None:
    """No text breaks the reading, and every number given has a name."""
    tokens = terms.tokenise([article("a", title, text)], lang)
    assert all(0 <= n < len(tokens.names) for n in (*tokens.title[0], *tokens.body[0]))
    assert all(tokens.names)


def test_a_title_in_another_language_than_its_text_is_reduced() -> None:
    """Title words that neither the text nor the background knows are dropped where they are many."""
    known = terms.Background(
        documents=9, frequency={"senate": 5, "tariff": 5, "vote": 5, "canada": 5, "clear": 5}
    )
    text = "The Senate voted against tariffs on Canada."
    some = [
        article("a", "Senado rechaza aranceles contra Canada", text),
        article("b", "Senate clears Zorn tariff vote", text),
        article("c", "Senado rechaza aranceles"),
    ]
    tokens = terms.tokenise(some, "en", known)
    titles = [[tokens.names[number] for number in title] for title in tokens.title]
    assert titles[0] == ["canada"]
    assert "zorn" in titles[1]
    assert titles[2] == ["senado", "rechaza", "arancele"]
