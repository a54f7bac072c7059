"""The people of the desk: who they are, how they sign in, and where they are signed in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select, update

from newsletter.database.engine import Database
from newsletter.database.rows import insert_new, reader_of, values_of
from newsletter.database.tables import (
    editor_codes,
    editor_links,
    editor_sessions,
    editors,
    sign_on_answers,
    testers,
)
from newsletter.errors import AccountError, NotFound
from newsletter.model import Editor, Role, Session, Stage

_editor = reader_of(Editor)
_session = reader_of(Session)


class People:
    """Everybody who works here, or did: who approved an issue stays readable for ever."""

    def __init__(self, database: Database):
        self._database = database

    # -- looking

    def all(self, *, removed: bool = False) -> list[Editor]:
        """The people by address; with those who left when asked for."""
        query = select(editors).order_by(editors.c.email)
        if not removed:
            query = query.where(editors.c.removed.is_(None))
        with self._database.reading() as connection:
            return [_editor(row) for row in connection.execute(query)]

    def by_email(self, email: str) -> Editor | None:
        """Somebody who works here, by address."""
        return self._one(editors.c.email == _key(email))

    def get(self, number: int) -> Editor:
        """Somebody who works here.

        :raises NotFound: when nobody of that number does.
        """
        found = self._one(editors.c.id == number)
        if found is None:
            raise NotFound("", "this person does not work here")
        return found

    # -- coming and going

    def add(self, email: str, *, name: str, role: Role, now: datetime) -> Editor:
        """Take somebody on, without a password yet; somebody who left comes back with nothing old.

        :raises AccountError: when somebody of this address works here.
        """
        key = _key(email)
        fresh: dict[str, Any] = {
            "email": key,
            "name": name.strip(),
            "role": role.value,
            "password": "",
            "subject": "",
            "totp": "",
            "totp_pending": "",
            "totp_last": 0,
            "made": now,
            "removed": None,
            "failures": 0,
            "failed": None,
        }
        with self._database.begin() as connection:
            row = connection.execute(select(editors).where(editors.c.email == key)).one_or_none()
            if row is not None and row.removed is None:
                raise AccountError(
                    key,
                    "works here already",
                    hint='"newsletter editors list" shows everybody; "reset" makes a new link.',
                )
            if row is None:
                statement: Any = insert(editors).values(**fresh)
            else:
                _end_everything(connection, row.id)
                statement = update(editors).where(editors.c.id == row.id).values(**fresh)
            return _editor(connection.execute(statement.returning(*editors.columns)).one())

    def remove(self, number: int, *, now: datetime) -> Editor:
        """Let somebody go: their sessions, codes and links end at once.

        :raises AccountError: when nobody who may invite others would be left.
        """
        with self._database.begin() as connection:
            found = self._held(connection, number)
            if found.role is Role.ADMIN:
                _must_leave_an_admin(connection, number)
            _end_everything(connection, number)
            values = {
                "removed": now,
                "password": "",
                "subject": "",
                "totp": "",
                "totp_pending": "",
            }
            connection.execute(update(editors).where(editors.c.id == number).values(**values))
        return found

    def change_role(self, number: int, role: Role) -> Editor:
        """Give somebody another role; they sign in again.

        :raises AccountError: when nobody who may invite others would be left.
        """
        with self._database.begin() as connection:
            found = self._held(connection, number)
            if found.role is Role.ADMIN and role is not Role.ADMIN:
                _must_leave_an_admin(connection, number)
            connection.execute(
                update(editors).where(editors.c.id == number).values(role=role.value)
            )
            connection.execute(delete(editor_sessions).where(editor_sessions.c.editor == number))
        return self.get(number)

    # -- links that work once

    def add_link(
        self,
        number: int,
        *,
        link_hash: str,
        purpose: str,
        now: datetime,
        expires: datetime,
        beside: bool = False,
    ) -> None:
        """Keep the hash of a link that lets somebody set a password.

        :param beside: whether older ones hold on; the first that is used ends them all.
        """
        with self._database.begin() as connection:
            if not beside:
                connection.execute(delete(editor_links).where(editor_links.c.editor == number))
            connection.execute(
                insert(editor_links).values(
                    hash=link_hash, editor=number, purpose=purpose, made=now, expires=expires
                )
            )

    def has_link(self, number: int, now: datetime) -> bool:
        """Whether somebody has a link that holds: none was used, and nobody ended them."""
        query = select(editor_links.c.hash).where(
            editor_links.c.editor == number, editor_links.c.expires > now
        )
        with self._database.reading() as connection:
            return connection.execute(query.limit(1)).scalar() is not None

    def of_link(self, link_hash: str, *, now: datetime) -> Editor | None:
        """Whom a link belongs to, while it holds."""
        query = (
            select(editors)
            .join(editor_links, editor_links.c.editor == editors.c.id)
            .where(
                editor_links.c.hash == link_hash,
                editor_links.c.expires > now,
                editors.c.removed.is_(None),
            )
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _editor(row)

    def take_link(self, link_hash: str, *, password: str, name: str, now: datetime) -> bool:
        """Set a password by a link, once; everything else that was open of this person ends.

        Two people who hold the same link race for it in the database; one of them wins.
        """
        statement = (
            delete(editor_links)
            .where(editor_links.c.hash == link_hash, editor_links.c.expires > now)
            .returning(editor_links.c.editor)
        )
        with self._database.begin() as connection:
            number = connection.execute(statement).scalar()
            if number is None:
                return False
            _end_everything(connection, number, codes=False)
            values: dict[str, Any] = {"password": password, "failures": 0, "failed": None}
            if name.strip():
                values["name"] = name.strip()
            connection.execute(update(editors).where(editors.c.id == number).values(**values))
        return True

    # -- how somebody signs in

    def set_password(self, number: int, password: str, *, keep: str = "") -> None:
        """Keep another hash; every session but ``keep`` ends."""
        with self._database.begin() as connection:
            connection.execute(
                update(editors).where(editors.c.id == number).values(password=password)
            )
            connection.execute(
                delete(editor_sessions).where(
                    editor_sessions.c.editor == number, editor_sessions.c.hash != keep
                )
            )

    def rehash(self, number: int, *, before: str, after: str) -> None:
        """Keep a password's newer hash, if it was not changed meanwhile."""
        with self._database.begin() as connection:
            connection.execute(
                update(editors)
                .where(editors.c.id == number, editors.c.password == before)
                .values(password=after)
            )

    def of_identity(self, subject: str, email: str) -> Editor | None:
        """Whom the provider of single sign-on means; None when nobody here.

        Whoever came in once is known by the provider's own word for them. The first time the
        address decides, and the word is kept: an address that the provider gives to somebody else
        later opens nothing. Links that could still set a password end with it.

        :param email: an address that the provider has verified; empty when it has none.
        """
        bound = self._one(editors.c.subject == subject)
        if bound is not None or not email:
            return bound
        # Folding beyond ASCII makes one of two addresses: "straße.de" would be "strasse.de".
        wanted = _key(email) if email.isascii() else email.strip()
        statement = (
            update(editors)
            .where(
                editors.c.email == wanted,
                editors.c.subject == "",
                editors.c.removed.is_(None),
            )
            .values(subject=subject)
            .returning(*editors.columns)
        )
        with self._database.begin() as connection:
            row = connection.execute(statement).one_or_none()
            if row is None:
                return None
            connection.execute(delete(editor_links).where(editor_links.c.editor == row.id))
        return _editor(row)

    def forget_identity(self, number: int) -> None:
        """Let somebody come in with another account of the provider; their sessions end."""
        with self._database.begin() as connection:
            connection.execute(update(editors).where(editors.c.id == number).values(subject=""))
            connection.execute(delete(editor_sessions).where(editor_sessions.c.editor == number))

    def use_answer(self, state_hash: str, *, now: datetime) -> bool:
        """Use up an answer of the provider by its state; False when it was used before."""
        with self._database.begin() as connection:
            row = {"state": state_hash, "made": now}
            return insert_new(connection, sign_on_answers, [row]) == 1

    def propose_totp(self, number: int, secret: str) -> None:
        """Keep a secret that counts once a code of it was shown."""
        with self._database.begin() as connection:
            connection.execute(
                update(editors).where(editors.c.id == number).values(totp_pending=secret)
            )

    def set_totp(self, number: int, secret: str, step: int, codes: Sequence[str]) -> None:
        """Begin, change or (with an empty secret) end a second factor, with fresh codes."""
        with self._database.begin() as connection:
            connection.execute(
                update(editors)
                .where(editors.c.id == number)
                .values(totp=secret, totp_pending="", totp_last=step)
            )
            connection.execute(delete(editor_codes).where(editor_codes.c.editor == number))
            if codes:
                rows = [{"editor": number, "hash": code} for code in codes]
                connection.execute(insert(editor_codes), rows)

    def use_step(self, number: int, step: int) -> bool:
        """Use up a code by its step of time; False when it, or a newer one, was used before."""
        statement = (
            update(editors)
            .where(editors.c.id == number, editors.c.totp_last < step)
            .values(totp_last=step)
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def codes(self, number: int) -> set[str]:
        """The hashes of the recovery codes that are left."""
        query = select(editor_codes.c.hash).where(editor_codes.c.editor == number)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def use_code(self, number: int, code_hash: str) -> bool:
        """Use up a recovery code; False when somebody was faster."""
        statement = delete(editor_codes).where(
            editor_codes.c.editor == number, editor_codes.c.hash == code_hash
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def failed(self, number: int, now: datetime) -> int:
        """Count a wrong password or code; how many there are in a row."""
        statement = (
            update(editors)
            .where(editors.c.id == number)
            .values(failures=editors.c.failures + 1, failed=now)
            .returning(editors.c.failures)
        )
        with self._database.begin() as connection:
            return int(connection.execute(statement).scalar_one())

    def succeeded(self, number: int) -> None:
        """Forget the wrong tries."""
        with self._database.begin() as connection:
            connection.execute(
                update(editors)
                .where(editors.c.id == number, editors.c.failures > 0)
                .values(failures=0, failed=None)
            )

    # -- sessions

    def open_session(self, session: Session, *, instead_of: str = "") -> None:
        """Begin a session; the one it takes the place of ends in the same transaction."""
        with self._database.begin() as connection:
            if instead_of:
                connection.execute(
                    delete(editor_sessions).where(editor_sessions.c.hash == instead_of)
                )
            connection.execute(insert(editor_sessions).values(**values_of(session)))

    def session(self, session_hash: str) -> tuple[Session, Editor] | None:
        """A session and whose it is; None when it was ended or its person left."""
        query = (
            select(editor_sessions, *[column.label(f"e_{column.name}") for column in editors.c])
            .join(editors, editors.c.id == editor_sessions.c.editor)
            .where(editor_sessions.c.hash == session_hash, editors.c.removed.is_(None))
        )
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        own = {
            name.removeprefix("e_"): value
            for name, value in row._mapping.items()
            if name.startswith("e_")
        }
        own["role"] = Role(own["role"])
        return _session(row), Editor(**own)

    def touch(self, session_hash: str, now: datetime) -> None:
        """Note a sign of life."""
        with self._database.begin() as connection:
            connection.execute(
                update(editor_sessions)
                .where(editor_sessions.c.hash == session_hash)
                .values(seen=now)
            )

    def count_try(self, session_hash: str) -> int:
        """Count a wrong code of one sign-in; how many there are."""
        statement = (
            update(editor_sessions)
            .where(editor_sessions.c.hash == session_hash)
            .values(tries=editor_sessions.c.tries + 1)
            .returning(editor_sessions.c.tries)
        )
        with self._database.begin() as connection:
            return int(connection.execute(statement).scalar() or 0)

    def signed_in(self, *, since: datetime) -> dict[int, int]:
        """In how many browsers each person is signed in and was seen since then."""
        query = (
            select(editor_sessions.c.editor, func.count())
            .where(editor_sessions.c.seen >= since, editor_sessions.c.stage == Stage.FULL.value)
            .group_by(editor_sessions.c.editor)
        )
        with self._database.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def sessions_of(self, number: int) -> list[Session]:
        """Where somebody is signed in, the newest first."""
        query = (
            select(editor_sessions)
            .where(editor_sessions.c.editor == number)
            .order_by(editor_sessions.c.made.desc())
        )
        with self._database.reading() as connection:
            return [_session(row) for row in connection.execute(query)]

    def end_session(self, session_hash: str, *, of: int) -> bool:
        """End a session of this person and of nobody else."""
        statement = delete(editor_sessions).where(
            editor_sessions.c.hash == session_hash, editor_sessions.c.editor == of
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def end_sessions(self, number: int, *, keep: str = "") -> int:
        """End every session of somebody, but perhaps one; how many."""
        statement = delete(editor_sessions).where(
            editor_sessions.c.editor == number, editor_sessions.c.hash != keep
        )
        with self._database.begin() as connection:
            return connection.execute(statement).rowcount

    def tidy(self, before: datetime) -> int:
        """Forget sessions without a sign of life since then, links and answers that are over."""
        with self._database.begin() as connection:
            connection.execute(delete(editor_links).where(editor_links.c.expires < before))
            connection.execute(delete(sign_on_answers).where(sign_on_answers.c.made < before))
            return connection.execute(
                delete(editor_sessions).where(editor_sessions.c.seen < before)
            ).rowcount

    # -- addresses for test letters

    def testers(self) -> list[str]:
        """The addresses that get test letters."""
        with self._database.reading() as connection:
            query = select(testers.c.email).order_by(testers.c.email)
            return list(connection.execute(query).scalars())

    def add_tester(self, email: str, *, by: str, now: datetime) -> bool:
        """Save an address for test letters; False when it is there."""
        with self._database.begin() as connection:
            return insert_new(connection, testers, [{"email": email, "by": by, "made": now}]) == 1

    def remove_testers(self, emails: Collection[str]) -> int:
        """Forget addresses for test letters; how many."""
        with self._database.begin() as connection:
            return connection.execute(
                delete(testers).where(testers.c.email.in_(list(emails)))
            ).rowcount

    # -- within

    def _one(self, condition: ColumnElement[bool]) -> Editor | None:
        query = select(editors).where(condition, editors.c.removed.is_(None))
        with self._database.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else _editor(row)

    def _held(self, connection: Connection, number: int) -> Editor:
        row = connection.execute(
            select(editors).where(editors.c.id == number, editors.c.removed.is_(None))
        ).one_or_none()
        if row is None:
            raise NotFound("", "this person does not work here")
        return _editor(row)


def _key(email: str) -> str:
    return email.strip().casefold()


def _must_leave_an_admin(connection: Connection, number: int) -> None:
    # Held until the end of the transaction, so that two admins cannot remove each other at once.
    rows = connection.execute(
        select(editors.c.id)
        .where(editors.c.role == Role.ADMIN.value, editors.c.removed.is_(None))
        .with_for_update()
    ).scalars()
    if set(rows) <= {number}:
        raise AccountError(
            "",
            "the last admin stays: nobody could invite anybody any more",
            hint="Make somebody else an admin first.",
        )


def _end_everything(connection: Connection, number: int, *, codes: bool = True) -> None:
    connection.execute(delete(editor_sessions).where(editor_sessions.c.editor == number))
    connection.execute(delete(editor_links).where(editor_links.c.editor == number))
    if codes:
        connection.execute(delete(editor_codes).where(editor_codes.c.editor == number))
