"""Who left, written down beside the database, so that an older backup brings nobody back.

One line a person: the keyed hash of the address, why, and when; never the address. The database
remembers how much of the file it has taken in. After a backup is put back it remembers less than
the file holds, and the rest is taken in before anything else is done. Lines are only added; when
somebody comes back by their own act, that is a line too.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from newsletter.database.bulk import matching
from newsletter.database.engine import Database
from newsletter.database.farewells import bar, erase, log_line
from newsletter.database.reader_import import AddressHash
from newsletter.database.rows import insert_new, slices, upsert
from newsletter.database.tables import readers, settings, subscriptions, suppressions
from newsletter.errors import DatabaseError
from newsletter.model import ReaderState

RETURNED = "returned"
"""The reason of a line that takes an earlier one back: the person confirmed a new sign-up."""
_TAKEN_IN = "farewells:"
"""Before the file's own name in ``settings``: how many of its bytes are taken in."""
ERASED = "erased"
_OWN_ACT = {ERASED: "unsubscribed", "unsubscribed": "unsubscribed"}


class FarewellJournal:
    """The file; every process of one place adds to the same one.

    :param path: the file, made when the first person leaves, readable by its owner only.
    """

    def __init__(self, path: Path):
        self._path = path

    def add(self, connection: Connection, hashes: Sequence[str], reason: str, at: datetime) -> None:
        """Write people down, on the disk, before the transaction they leave in is committed.

        :raises DatabaseError: when the file cannot be written; the transaction must not go on.
        """
        if not hashes:
            return
        text = "".join(
            json.dumps({"hash": one, "reason": reason, "at": at.isoformat()}) + "\n"
            for one in hashes
        )
        try:
            self._begin()
            number = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(number, text.encode())
                os.fsync(number)
                size = os.fstat(number).st_size
            finally:
                os.close(number)
            own = self._name()
        except OSError as error:
            raise DatabaseError(
                str(self._path),
                f"the journal of those who left cannot be written: {error.strerror}",
                hint="Nobody was changed; free the disk or mend the permissions and try again.",
            ) from None
        upsert(connection, settings, [{"name": own, "value": str(size)}])

    def take_in(self, database: Database, *, address_hash: AddressHash, now: datetime) -> int:
        """Bring the database up to the journal; return how many people left again by that.

        Costs one look where nothing is missing. Otherwise every address is hashed once, about two
        seconds for a million.

        :raises DatabaseError: when the file is there and cannot be read.
        """
        try:
            if not self._path.exists():
                return 0
            size, own = self._path.stat().st_size, self._name()
        except OSError as error:
            raise DatabaseError(str(self._path), f"cannot be read: {error.strerror}") from None
        with database.reading() as connection:
            known = connection.execute(
                select(settings.c.value).where(settings.c.name == own)
            ).scalar()
        if size <= int(known or 0):
            return 0
        last = self._lines()
        with database.begin() as connection:
            gone = {one: line for one, line in last.items() if line["reason"] != RETURNED}
            returned = [one for one in last if one not in gone]
            if returned:
                column = suppressions.c.address_hash
                connection.execute(
                    delete(suppressions).where(
                        matching(connection, column, returned),
                        suppressions.c.reason.in_(list(_OWN_ACT)),
                    )
                )
            for part in slices(gone.values()):
                rows = [
                    {
                        "address_hash": line["hash"],
                        "reason": line["reason"],
                        "at": datetime.fromisoformat(line["at"]),
                    }
                    for line in part
                ]
                insert_new(connection, suppressions, rows)
            changed = _close(connection, gone, address_hash, now)
            upsert(connection, settings, [{"name": own, "value": str(size)}])
        return changed

    def _begin(self) -> None:
        """Make the file, with a first line that tells it from the files of other machines."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        try:
            os.write(number, (json.dumps({"journal": secrets.token_hex(8)}) + "\n").encode())
        finally:
            os.close(number)

    def _name(self) -> str:
        """What the database calls this file: by its first line, not by where it lies."""
        with self._path.open("rb") as stream:
            return _TAKEN_IN + hashlib.sha256(stream.readline(200)).hexdigest()[:32]

    def _lines(self) -> dict[str, Mapping[str, str]]:
        """The last line about each person; a line that was cut short by a crash is passed over."""
        last: dict[str, Mapping[str, str]] = {}
        try:
            with self._path.open(encoding="utf-8", errors="replace") as stream:
                for text in stream:
                    try:
                        line = json.loads(text)
                        datetime.fromisoformat(line["at"])
                        hashed, reason = str(line["hash"]), str(line["reason"])[:24]
                        before = last.get(hashed, {}).get("erased", "")
                        # A complaint that came after an erasure does not undo it.
                        erased = "yes" if reason == ERASED else before
                        last[hashed] = {
                            "hash": hashed,
                            "reason": reason,
                            "at": str(line["at"]),
                            "erased": "" if reason == RETURNED else erased,
                        }
                    except (ValueError, KeyError, TypeError):
                        continue
        except OSError as error:
            raise DatabaseError(str(self._path), f"cannot be read: {error.strerror}") from None
        return last


def _close(
    connection: Connection,
    gone: Mapping[str, Mapping[str, str]],
    address_hash: AddressHash,
    now: datetime,
) -> int:
    """Take those off who are in the database as if they had never left; erase who was erased."""
    left = {ReaderState.UNSUBSCRIBED.value, ReaderState.SUPPRESSED.value}
    query = select(readers.c.id, readers.c.address_key, readers.c.state)
    again = [
        (row.id, line)
        for row in connection.execute(query)
        if (line := gone.get(address_hash(row.address_key)))
        and (line["erased"] or row.state not in left)
    ]
    for number, line in again:
        if line["erased"]:
            erase(connection, number, now)
            continue
        state = _OWN_ACT.get(line["reason"], ReaderState.SUPPRESSED.value)
        connection.execute(
            update(readers)
            .where(readers.c.id == number)
            .values(state=state, paused_until=None, receives="")
        )
        connection.execute(
            update(subscriptions)
            .where(subscriptions.c.reader == number)
            .values(state="unsubscribed", since=now)
        )
        log_line(
            connection,
            number,
            state,
            now,
            source="journal",
            detail=f"{line['reason']} on {line['at'][:10]}; the database was older than that",
        )
        bar(connection, line["hash"], line["reason"], datetime.fromisoformat(line["at"]))
    return len(again)
