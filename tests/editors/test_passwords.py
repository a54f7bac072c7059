"""Passwords are long, not clever, and kept as argon2id."""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from newsletter.editors.passwords import LONGEST, SHORTEST, Passwords, has_leaked, why_not
from newsletter.errors import ConfigError

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.mark.parametrize(
    ("password", "word"),
    [
        ("short", "12 characters"),
        ("x" * 200, "128 characters"),
        ("aaaaaaaaaaaaaaaa", "first passwords"),
        ("abababababababab", "first passwords"),
        ("1q2w3e4r5t6y", "first passwords"),
        ("p@ssw0rdp@ssw0rd", "first passwords"),
        ("password12345678", "first passwords"),
        ("qwertyuiop123456", "first passwords"),
        ("Ada.Lovelace2026", "your own name"),
        ("BothSidesDaily26", "your own name"),
    ],
)
def test_what_is_guessed_first_is_refused(password: str, word: str) -> None:
    """A short, repeating, common or personal password is refused with the reason."""
    about = ("ada.lovelace@example.org", "Ada Lovelace", "Both Sides Daily", "bothsidesdaily")
    assert word in why_not(password, about=about)


def test_every_common_password_that_is_long_enough_is_refused() -> None:
    """Of thirty thousand passwords that people use most, none of 12 characters or more will do."""
    long = [one for one in FREQUENCY_LISTS["passwords"] if len(one) >= SHORTEST]
    assert len(long) > 200
    assert [one for one in long if not why_not(one)] == []


@pytest.mark.parametrize(
    "password", ["blue kettle on a hill", "ééé übermütig ñandú", "Tr0ub4dor&3xyzzy"]
)
def test_words_in_a_row_will_do(password: str) -> None:
    """Length is enough: no digits, capitals or signs are asked for."""
    assert why_not(password, about=("ada@example.org",)) == ""


@given(
    st.lists(st.text(max_size=12), min_size=1, max_size=40),
    st.sampled_from(["\n", "\r\n", ":37\n", ":1\r\n"]),
)
def test_a_leaked_password_is_found_wherever_it_stands(
    tmp_path_factory: pytest.TempPathFactory, leaked: list[str], end: str
) -> None:
    """Every line of a sorted file is found by halving, first and last too, and nothing else is."""
    file = tmp_path_factory.mktemp("leaks") / "leaked.txt"
    known = {unicodedata.normalize("NFC", one) for one in leaked}
    hashes = sorted(hashlib.sha1(one.encode()).hexdigest().upper() for one in known)
    file.write_bytes("".join(f"{one}{end}" for one in hashes).encode())
    assert all(has_leaked(one, file) for one in leaked)
    assert not has_leaked("a word of thirteen letters or more", file)


def test_what_has_leaked_is_refused(tmp_path: Path) -> None:
    """A long password of a leaked list is refused; a list that is not there is said at once."""
    file = tmp_path / "leaked.txt"
    file.write_text(hashlib.sha1(b"blue kettle on a hill").hexdigest() + ":3\n")
    assert "leaked" in why_not("blue kettle on a hill", breached=file)
    assert why_not("green lamp by a door", breached=file) == ""
    with pytest.raises(ConfigError, match="cannot be read"):
        why_not("blue kettle on a hill", breached=tmp_path / "none.txt")


def test_a_hash_is_argon2id_with_the_recommended_work() -> None:
    """What is kept is argon2id with 64 MiB and three passes, and no two hashes are alike."""
    passwords = Passwords()
    kept = passwords.hash("blue kettle on a hill")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert kept != passwords.hash("blue kettle on a hill")
    assert passwords.verify(kept, "blue kettle on a hill")
    assert not passwords.outdated(kept)
    assert passwords.outdated(CHEAP.hash("x"))


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(WORDS, WORDS)
def test_only_the_same_password_opens(one: str, other: str) -> None:
    """A password opens its own hash and no other, whatever characters it has."""
    passwords = Passwords(CHEAP)
    kept = passwords.hash(one)
    assert passwords.verify(kept, one)
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    assert passwords.verify(kept, other) is same


def test_nobody_has_no_password() -> None:
    """An account without a password is opened by nothing, not even by the empty password."""
    passwords = Passwords(CHEAP)
    assert not passwords.verify("", "")
    assert not passwords.verify("", "a password that belongs to nobody")
    assert not passwords.verify("not a hash", "x")
    assert not passwords.verify(passwords.hash("y" * LONGEST), "y" * 10_000)
