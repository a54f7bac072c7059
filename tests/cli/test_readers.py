"""The commands about readers and segments."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from newsletter.database.engine import open_database
from newsletter.database.reports import Report, Reports
from tests.cli.conftest import Run, run_newsletter


@pytest.fixture
def drafted(sample_place: Path, tmp_path: Path) -> Path:
    """A copy of the place in which the invented day was drafted."""
    return Path(shutil.copytree(sample_place, tmp_path / "drafted"))


def test_a_person_is_added_shown_and_forgotten_for_good(run: Run, place: Path) -> None:
    """After an erasure no import brings the person back, and the command says so in a sentence."""
    assert run("subscribers", "add", "Ada@example.org", "--topics", "world;sport").code == 0
    assert "unchanged" in run("subscribers", "add", "ada@example.org").out
    facts = run("subscribers", "show", "ada@example.org", "--json").json
    assert (facts["state"], facts["topics"]) == ("active", ["sport", "world"])
    assert run("subscribers", "forget", "ADA@example.org").code == 0
    assert run("subscribers", "forget", "ada@example.org").code == 1
    back = run("subscribers", "add", "ada@example.org")
    assert back.code == 1
    assert "is left alone" in back.err
    bad = run("subscribers", "add", "nobody")
    assert (bad.code, "Traceback" in bad.err) == (1, False)
    assert not list((place / "data").glob("import-refused*"))


def acts(run: Run) -> list[tuple[str, str, str]]:
    """What the log of acts says of this command line, oldest first; no address stands in it."""
    told = run("audit", "--json").json
    assert "@" not in "".join(str(one["subject"]) + str(one["detail"]) for one in told)
    assert all(one["actor"].startswith("cli:") for one in told)
    return [(one["action"], one["subject"], one["detail"]) for one in reversed(told)]


def test_what_is_done_to_readers_is_in_the_log_of_acts(run: Run, place: Path) -> None:
    """Each act by number or by file; what changed nothing or failed is not there."""
    file = place / "people.csv"
    file.write_text("email\nada@example.org\nnobody\n")
    run("subscribers", "import", file)
    run("subscribers", "import", file, "--dry-run")
    run("subscribers", "add", "bo@example.org")
    run("subscribers", "add", "bo@example.org")
    run("subscribers", "unsubscribe", "bo@example.org")
    run("subscribers", "unsubscribe", "nobody@example.org")
    mails = place / "leave.mbox"
    mails.write_text("From a\nFrom: ada@example.org\nSubject: unsubscribe\n\nunsubscribe\n")
    run("subscribers", "unsubscribe", "--from-mbox", mails)
    run("subscribers", "forget", "ada@example.org")
    run("subscribers", "forget", "nobody@example.org")
    assert acts(run) == [
        ("readers imported", "people.csv", "1 added, 0 updated, 1 refused"),
        ("reader added", "reader 2", ""),
        ("reader unsubscribed", "reader 2", ""),
        ("readers unsubscribed", "leave.mbox", "1 by 1 letters"),
        ("reader erased", "reader 1", ""),
    ]


def test_what_is_done_with_programs_is_in_the_log_of_acts(run: Run) -> None:
    """Tokens and webhooks by name, never with their secrets."""
    run("api-tokens", "add", "crm", "--scope", "readers:read")
    run("api-tokens", "revoke", "crm")
    run("webhooks", "add", "crm", "https://crm.example.org/hooks", "--kind", "subscriber.confirmed")
    run("webhooks", "deliver", "--retry-failed")
    run("webhooks", "remove", "crm")
    assert [one[:2] for one in acts(run)] == [
        ("token added", "token crm"),
        ("token revoked", "token crm"),
        ("webhook added", "webhook crm"),
        ("webhooks retried", "webhooks"),
        ("webhook removed", "webhook crm"),
    ]


def test_an_answer_to_a_report_is_in_the_log_of_acts(run: Run, place: Path) -> None:
    """By the number of the report; its words and the reader's address are not there."""
    run("subscribers", "count")
    database = open_database(f"sqlite:///{next((place / 'data').glob('*.sqlite*'))}")
    Reports(database).add(
        Report(
            number="abcdefghijkl",
            kind="wrong_quote",
            slug="ferry",
            story="Ferry",
            details="She said four.",
            email="ada@example.org",
            made=datetime(2026, 11, 22, tzinfo=UTC),
        )
    )
    database.close()
    assert run("reports", "answer", "abcdefghijkl", "closed", "Nothing was wrong.").code == 0
    assert acts(run) == [("report closed", "report abcdefghijkl", "")]


def test_segments_are_shown_with_their_rules_and_readers(run: Run, place: Path) -> None:
    """The example people spread over all four segments, and each shows what it asks for."""
    said = run("subscribers", "import", place / "subscribers" / "example.csv", "--json")
    assert said.json["added"] == 30
    shown = run("segments", "show", "business", "--json").json
    assert shown["exclude"] == ["staff"]
    assert 0 < shown["readers"] < 30
    assert "topics any politics, world" in run("segments", "show", "uk-mornings").out
    assert run("segments", "show", "nobody").code == 1
    assert all(row["readers"] for row in run("segments", "list", "--json").json)


def test_reports_are_listed_and_answered(run: Run) -> None:
    """An empty list says so, and a number that is nobody's is a stated error."""
    assert run("reports", "list").out == "No report waits for an answer.\n"
    assert run("reports", "list", "--json").json == []
    said = run("reports", "answer", "abcdefghijkl", "closed", "Nothing was wrong.")
    assert (said.code, "is not the number of a report" in said.err) == (1, True)


def test_an_import_is_looked_at_tried_and_done(run: Run, place: Path) -> None:
    """A preview takes nothing, a dry run counts, the import does what the dry run said."""
    file = place / "people.csv"
    file.write_text("Kontakt,Plan\nada@example.org,gold\nADA@example.org,free\nnobody,\n")
    mapped = ("--map", "email=Kontakt", "--attribute", "Plan")
    shown = run("subscribers", "import", file, *mapped, "--preview", "--json").json
    assert shown["columns"] == {"Kontakt": "email", "Plan": "attributes.plan"}
    assert "line 4: refused" in run("subscribers", "import", file, *mapped, "--preview").out
    tried = run("subscribers", "import", file, *mapped, "--dry-run", "--json").json
    assert run("subscribers", "count", "--json").json["total"] == 0
    done = run("subscribers", "import", file, *mapped, "--json").json
    same = ("added", "updated", "unchanged", "refused", "kept_out")
    assert [tried[name] for name in same] == [done[name] for name in same] == [1, 0, 0, 2, 0]
    assert "Kontakt" in Path(done["report"]).read_text()
    bad = run("subscribers", "import", file, "--map", "email")
    assert (bad.code, "FIELD=COLUMN" in bad.err) == (1, True)


def test_modes_of_an_import(run: Run, place: Path) -> None:
    """Add leaves who is here, update brings both up to date, sync brings in nobody."""
    file = place / "people.csv"

    def bring(text: str, mode: str) -> dict[str, object]:
        file.write_text(text)
        words = ("--mode", mode, "--attribute", "plan", "--json")
        found: dict[str, object] = run("subscribers", "import", file, *words).json
        return found

    def ada() -> tuple[str, object, object]:
        facts = run("subscribers", "show", "ada@example.org", "--json").json
        return facts["name"], facts["attributes"], facts["lists"]

    head = "email,name,plan,lists\n"
    assert bring(head + "ada@example.org,Ada,gold,vip\n", "add")["added"] == 1
    assert bring(head + "ada@example.org,Other,free,x\n", "add")["unchanged"] == 1
    assert ada() == ("Ada", {"plan": "gold"}, ["vip"])
    assert bring(head + "ada@example.org,Ada F,,x\n", "update")["updated"] == 1
    assert ada() == ("Ada F", {"plan": "gold"}, ["vip", "x"])
    synced = bring(head + "ada@example.org,,,y\nbo@example.org,,gold,\n", "sync-attributes")
    assert (synced["updated"], synced["added"], synced["not_here"]) == (1, 0, 1)
    assert ada() == ("Ada F", {}, ["vip", "x"])


def test_who_asks_by_mail_is_taken_off(run: Run, place: Path) -> None:
    """By the sender or by hand; the proof of it can be shown, also after an erasure."""
    for who in ("ada", "bo"):
        run("subscribers", "add", f"{who}@example.org", "--consent", "paper form")
    box = place / "leave.mbox"
    box.write_text(
        "From ada@example.org Sun Nov 22 12:00:00 2026\nFrom: ada@example.org\n"
        "Subject: unsubscribe\n\nbye\n\nFrom x Sun Nov 22 12:00:00 2026\nFrom: zed@example.org\n\n"
    )
    told = run("subscribers", "unsubscribe", "--from-mbox", box, "--json").json
    assert (told["letters"], told["unsubscribed"]) == (2, 1)
    assert told["passed_over"][0]["from"] == "zed@example.org"
    assert run("subscribers", "unsubscribe", "bo@example.org").code == 0
    proof = run("subscribers", "consent", "ada@example.org", "--json").json
    assert [line["action"] for line in proof["consents"]] == ["imported", "unsubscribed"]
    assert proof["consents"][0]["detail"] == "paper form"
    run("subscribers", "forget", "ada@example.org")
    left = run("subscribers", "consent", "ada@example.org", "--json").json
    assert (left["state"], left["suppressed"]["reason"]) == ("erased", "erased")
    assert run("subscribers", "consent", "nobody@example.org").code == 1
    assert run("subscribers", "unsubscribe").code == 1
    assert run("subscribers", "unsubscribe", "--from-mbox", place / "none").code == 1


def test_a_letter_names_the_mailbox_that_takes_its_reader_off(drafted: Path) -> None:
    """The second address of List-Unsubscribe, answered as a mail program does, ends the mail."""
    (drafted / "people.csv").write_text("email\nada@example.org\nbo@example.org\n")
    assert run_newsletter("subscribers", "import", "people.csv", cwd=drafted).code == 0
    assert run_newsletter("approve", "latest", cwd=drafted).code == 0
    mailbox = "audience.unsubscribe_mailto=leave@news.example.org"
    assert run_newsletter("--set", mailbox, "send", "latest", cwd=drafted).code == 0
    letters = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in (drafted / "outbox").glob("*/*.eml")
    ]
    [header] = [str(one["List-Unsubscribe"]) for one in letters if one["To"] == "ada@example.org"]
    _, link = header.split(", ")
    address = urlsplit(link.strip("<>"))
    assert (address.scheme, address.path) == ("mailto", "leave@news.example.org")
    # From another address than the letter went to: the word in the subject counts.
    answer = f"From: other@example.com\nSubject: {parse_qs(address.query)['subject'][0]}\n\n"
    (drafted / "leave.eml").write_text(answer)
    said = run_newsletter("subscribers", "unsubscribe", "--from-mbox", "leave.eml", cwd=drafted)
    assert "1 unsubscribed" in said.out
    shown = run_newsletter("subscribers", "show", "ada@example.org", "--json", cwd=drafted).json
    assert (shown["state"], shown["consents"][-1]["source"]) == ("unsubscribed", "mail")


@pytest.mark.parametrize(
    "body",
    [
        b"email\nada@example.org\nbo@example.org,Zo\xeb\n",
        "email\nada@example.org\n".encode("utf-16-le"),
        b"PK\x03\x04 not a table",
        b"\x1f\x8b\x08 neither",
        b"name\nAda\n",
        b"email\n" + b"ada@example.org\n" * 30_000 + b"\xff\n",
    ],
    ids=["latin-1", "utf-16", "zip", "gzip", "no-email", "late"],
)
def test_of_a_file_that_is_refused_nothing_is_imported(run: Run, place: Path, body: bytes) -> None:
    """One sentence with a hint, and not a single person."""
    (place / "bad.csv").write_bytes(body)
    said = run("subscribers", "import", "bad.csv")
    assert said.code == 1
    assert "bad.csv" in said.err
    assert "Traceback" not in said.err
    assert run("subscribers", "count", "--json").json.get("active", 0) == 0


def test_tokens_and_webhooks_are_listed_and_ended(run: Run) -> None:
    """A token's word is shown once; a webhook prints its secret; both can be taken away."""
    word = run("api-tokens", "add", "crm", "--scope", "readers:read", "--json").json["token"]
    assert word.startswith("nlt_")
    assert word not in run("api-tokens", "list", "--json").out
    assert run("api-tokens", "add", "crm", "--scope", "readers:read").code == 1
    assert run("api-tokens", "add", "x", "--scope", "everything").code == 1
    assert run("api-tokens", "revoke", "crm").code == 0
    assert run("api-tokens", "revoke", "crm").code == 1
    added = run("webhooks", "add", "crm", "https://hooks.example.org/x", "--json").json
    assert added["secret"].startswith("whsec_")
    assert run("webhooks", "list", "--json").json[0]["waiting"] == 0
    assert run("webhooks", "add", "in", "http://127.0.0.1:80/").code == 1
    assert run("webhooks", "deliver", "--json").json["taken"] == 0
    assert run("webhooks", "remove", "crm").code == 0
    assert run("webhooks", "list").out == "There are no webhooks.\n"
    assert "rule is off" in run("subscribers", "sunset").out


def test_the_silent_are_asked_by_mail(run: Run, place: Path) -> None:
    """With the rule on, nobody is asked whose clicks may not be counted."""
    run("subscribers", "add", "ada@example.org")
    said = run("--set", "audience.sunset_months=6", "subscribers", "sunset", "--dry-run", "--json")
    assert said.json == {"months": 6, "asked": [], "stopped": 0}
