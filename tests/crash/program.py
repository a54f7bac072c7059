"""A small program around the real send, for drivers that kill it.

It understands the words of the newsletter command line that a send needs, on a configuration
file of the same shape::

    program.py init DIR
    program.py --config FILE subscribers import CSV
    program.py --config FILE today --sample --approve
    program.py --config FILE send latest
    program.py --config FILE status latest --json
    program.py --config FILE deliveries latest --jsonl
    program.py --config FILE reconcile latest

With NEWSLETTER_CRASH_BROKEN=1 in the environment the ledger is broken on purpose: it forgets to
commit that letters are about to leave, and takes what was in flight for queued. A driver that
does not find fault with that finds nothing.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select

from newsletter.clock import system_clock
from newsletter.config import Config, load
from newsletter.database.deliveries import DeliveryLedger
from newsletter.database.engine import Database, open_database
from newsletter.database.tables import issues, readers, subscriptions
from newsletter.delivery.letter import prepare_issue
from newsletter.delivery.reconcile import reconcile
from newsletter.delivery.send import SendSettings, send_issue
from newsletter.delivery.transport import make_transport
from newsletter.errors import NewsletterError
from newsletter.model import Delivery, Rendered

ISSUE = "daily-2026-05-04"
TAG = "Zq7mX2bV9cLk"
ISSUED = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)


class BrokenLedger(DeliveryLedger):
    """What a sender without a promise does: it writes down what happened only afterwards."""

    def hand(self, claimed: Sequence[Delivery], **_: Any) -> list[Delivery]:
        """Let the letters go without a word."""
        return list(claimed)

    def settle(self, outcomes: Any, **more: Any) -> Any:
        """Write it down as if it had been handed."""
        kept = list(outcomes)
        with self.database.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE deliveries SET state = 'handed' WHERE state = 'claimed'"
            )
        return super().settle(kept, **more)


def main(words: Sequence[str]) -> int:
    """Do what a command line says; its exit status."""
    if words[0] == "init":
        folder = Path(words[1])
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(
            '[site]\nbase_url = "https://news.example.org"\n', "utf-8"
        )
        return 0
    config = load(Path(words[1]))
    database = open_database(config.database_url, busy_seconds=60)
    broken = bool(os.environ.get("NEWSLETTER_CRASH_BROKEN"))
    ledger = BrokenLedger(database) if broken else DeliveryLedger(database)
    match list(words[2:]):
        case ["subscribers", "import", file]:
            subscribe(database, Path(file))
        case ["today", *_]:
            prepare(database, ledger)
        case ["send", _]:
            return send(config, ledger)
        case ["status", *_]:
            print(json.dumps({"issue": ISSUE, "states": ledger.states(ISSUE)}))
        case ["deliveries", *_]:
            for row in ledger.rows(ISSUE):
                print(json.dumps(row))
        case ["reconcile", _]:
            report = reconcile(
                ISSUE,
                ledger=ledger,
                transport=make_transport(config),
                clock=system_clock,
                absence_after=1.0 if config.delivery.transport == "sendgrid" else None,
            )
            print(report)
        case other:
            print(f"unknown words: {other}", file=sys.stderr)
            return 2
    return 0


def subscribe(database: Database, file: Path) -> None:
    """Put the addresses of a file into the database as active readers."""
    with file.open(newline="") as lines:
        emails = [row["email"] for row in csv.DictReader(lines)]
    with database.begin() as connection:
        for start in range(0, len(emails), 5000):
            rows = [
                {
                    "id": number,
                    "email": email,
                    "address_key": email,
                    "email_domain": email.partition("@")[2],
                    "name": "",
                    "country": "",
                    "language": "",
                    "timezone": "",
                    "state": "active",
                    "token": f"t{number:08d}",
                    "joined": ISSUED,
                    "source": "csv",
                    "attributes": {},
                }
                for number, email in enumerate(emails[start : start + 5000], start=start + 1)
            ]
            connection.execute(insert(readers), rows)
            connection.execute(
                insert(subscriptions),
                [
                    {"reader": row["id"], "edition": "daily", "state": "active", "since": ISSUED}
                    for row in rows
                ],
            )


def prepare(database: Database, ledger: DeliveryLedger) -> None:
    """Make an approved issue and freeze its audience."""
    with database.begin() as connection:
        connection.execute(
            insert(issues).values(
                id=ISSUE,
                edition="daily",
                day=date(2026, 5, 4),
                state="approved",
                revision=1,
                created=ISSUED,
                approved_by="ed",
                approved_sha256="",
            )
        )
    everybody = select(subscriptions.c.reader, subscriptions.c.edition)
    ledger.freeze(ISSUE, everybody, random_word=lambda: uuid4().hex, now=system_clock())


def send(config: Config, ledger: DeliveryLedger) -> int:
    """Send the issue; 0 when everybody has it, 3 when a person should look, 1 for an error."""
    size = int(os.environ.get("NEWSLETTER_CRASH_LETTER_BYTES", "4000"))
    paragraph = "<p>A street was closed and opened again; both sides were pleased.</p>\n"
    rendered = Rendered(
        subject="Both sides, Monday",
        preheader="",
        html=f"<html><body>{paragraph * (size // len(paragraph))}<p>{TAG}_because_ "
        f'<a href="{TAG}_unsubscribe_">leave</a> <a href="{TAG}_preferences_">change</a></p>'
        "</body></html>\n",
        text=f"Both sides\n\n{TAG}_because_\n{TAG}_unsubscribe_\n{TAG}_preferences_\n",
        tag=TAG,
    )
    mail = prepare_issue(
        ISSUE,
        [rendered],
        date=ISSUED,
        from_email=config.delivery.from_email,
        from_name="Both Sides Daily",
        reply_to="",
        base_url=config.site.base_url,
        edition="daily",
        edition_title="The daily issue",
    )
    transport = make_transport(config)
    try:
        report = send_issue(
            ISSUE,
            ledger=ledger,
            transport=transport,
            mail=mail,
            clock=system_clock,
            sleep=time.sleep,
            owner=uuid4().hex[:16],
            settings=SendSettings.from_config(config.delivery, started=system_clock()),
        )
    except NewsletterError as error:
        print(f"{error}\n  hint: {error.hint}", file=sys.stderr)
        return 1
    finally:
        transport.close()
    print(json.dumps({"settled": report.settled, "states": report.states}))
    return 3 if report.needs_person else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
