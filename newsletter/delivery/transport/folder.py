"""Letters as .eml files in a folder: the default, so a fresh copy can mail nobody.

The name of a file follows from the delivery's key, so a letter written twice is one file. A file
is written beside its place, synced, renamed into it, and the folder is synced: what is there is
whole, and after a crash its presence is the answer to "did it leave?".
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from newsletter.delivery.letter import PreparedMail
from newsletter.errors import DeliveryError, TransportError
from newsletter.model import DeliveryState, Letter, Outcome


class FolderTransport:
    """Writes each letter to ``{root}/{issue}/{key}.eml``."""

    name = "folder"
    can_look = True
    workers = 1
    settles_after: float | None = 0.0

    def __init__(self, root: Path, *, batch_size: int = 50):
        self.root = root
        self.batch_size = batch_size

    def send(self, letters: Sequence[Letter], mail: PreparedMail) -> Sequence[Outcome]:
        """Write the letters, then sync the folder once.

        :raises TransportError: when the folder cannot be made or nothing at all can be written.
        """
        folder = self._folder(mail.issue)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(folder, error) from None
        outcomes: list[Outcome] = []
        for letter in letters:
            try:
                _write(folder / _file(letter.key), mail.message(letter))
            except DeliveryError as error:
                outcomes.append(
                    Outcome(key=letter.key, state=DeliveryState.REJECTED, reason=str(error))
                )
            except OSError as error:
                if not outcomes:
                    raise _unwritable(folder, error) from None
                reason = f"the outbox cannot be written: {error.strerror}"
                outcomes.append(
                    Outcome(key=letter.key, state=DeliveryState.DEFERRED, reason=reason)
                )
            else:
                outcomes.append(Outcome(key=letter.key, state=DeliveryState.ACCEPTED))
        _sync_folder(folder)
        return outcomes

    def find(self, letters: Sequence[Letter], *, batch: str) -> Mapping[str, Outcome]:  # noqa: ARG002
        """The letters whose file is there, whatever issue they belong to."""
        present = {path.stem for path in self.root.glob("*/*.eml")}
        return {
            letter.key: Outcome(
                key=letter.key, state=DeliveryState.ACCEPTED, reason="its file is in the outbox"
            )
            for letter in letters
            if Path(_file(letter.key)).stem in present
        }

    def check(self) -> str:
        """Write and take away a file where letters would go.

        :raises TransportError: when the folder cannot be written.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            raise _unwritable(self.root, error) from None
        return f"{self.root} can be written"

    def close(self) -> None:
        """Nothing is held open."""

    def _folder(self, issue: str) -> Path:
        return self.root / (re.sub(r"[^A-Za-z0-9._-]+", "-", issue).strip(".-") or "issue")


def _file(key: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", key) + ".eml"


def _write(path: Path, message: bytes) -> None:
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(message)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(folder: Path, error: OSError) -> TransportError:
    return TransportError(
        str(folder),
        f"letters cannot be written there: {error.strerror}",
        hint="Check [paths] outbox, its permissions and the free space.",
        again=True,
    )
