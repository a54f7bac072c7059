"""Templates that all machines share: pushed from one of them, kept here, laid out on each.

A set of files has one fingerprint. A machine whose own folder has another one works with the set
that was pushed, in a folder of its own that is made from these rows.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from sqlalchemy import delete, insert, select

from newsletter.database.engine import Database
from newsletter.database.rows import upsert
from newsletter.database.tables import settings, template_files
from newsletter.errors import TemplateError

_FACT = "templates"

Files = Mapping[str, bytes]
"""What a folder holds: names as in an address ("email/issue/body.mjml"), and bytes."""


class TemplateFiles:
    """The set of templates that was pushed, if any."""

    def __init__(self, database: Database):
        self._database = database

    def current(self) -> str:
        """The fingerprint of the set; empty when every machine has its own."""
        with self._database.reading() as connection:
            query = select(settings.c.value).where(settings.c.name == _FACT)
            return connection.scalar(query) or ""

    def push(self, files: Files) -> str:
        """Have every machine work with these files from now on; their fingerprint."""
        found = fingerprint(files)
        rows = [{"name": name, "body": body} for name, body in files.items()]
        with self._database.begin() as connection:
            connection.execute(delete(template_files))
            connection.execute(insert(template_files), rows)
            upsert(connection, settings, [{"name": _FACT, "value": found}])
        return found

    def drop(self) -> None:
        """Let every machine work with its own folder again."""
        with self._database.begin() as connection:
            connection.execute(delete(settings).where(settings.c.name == _FACT))
            connection.execute(delete(template_files))

    def files(self) -> dict[str, bytes]:
        """The files of the set."""
        with self._database.reading() as connection:
            return {row.name: bytes(row.body) for row in connection.execute(select(template_files))}

    def lay_out(self, parent: Path) -> Path:
        """Make a folder of the set within another one, unless it is there, whole and unchanged.

        :raises TemplateError: when it cannot be written.
        """
        files = self.files()
        found = fingerprint(files)
        folder = parent / f"templates-{found[:16]}"
        try:
            if folder.is_dir():
                if fingerprint(read_folder(folder)) == found:
                    return folder
                shutil.rmtree(folder)
            parent.mkdir(parents=True, exist_ok=True)
            making = Path(tempfile.mkdtemp(prefix="templates-", dir=parent))
            write_folder(files, making)
            making.chmod(0o755)
            try:
                making.rename(folder)
            except OSError:
                shutil.rmtree(making)  # another process of this machine was faster
                if not folder.is_dir():
                    raise
        except OSError as error:
            raise TemplateError(
                str(folder),
                f"cannot be made from the templates in the database: {error.strerror}",
                hint="Make the folder beside the configuration writable.",
            ) from None
        return folder


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every file below a folder; hidden ones are left out."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in name.parts):
            found[name.as_posix()] = file.read_bytes()
    return found


def write_folder(files: Files, folder: Path) -> None:
    """Write files below a folder, and never outside it."""
    for name, body in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise TemplateError(name, "is not a name within the folder of templates")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)


def fingerprint(files: Files) -> str:
    """One SHA-256 over names and bytes."""
    total = hashlib.sha256()
    for name in sorted(files):
        total.update(f"{name}\0{len(files[name])}\0".encode())
        total.update(files[name])
    return total.hexdigest()
