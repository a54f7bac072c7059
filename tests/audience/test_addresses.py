"""Which addresses may be written to, and when two are the same."""

from __future__ import annotations

import string

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.addresses import Address, read_address
from newsletter.database.readers import address_key


@pytest.mark.parametrize(
    ("text", "email", "key"),
    [
        ("ada@example.org", "ada@example.org", "ada@example.org"),
        (" Ada@Example.ORG\n", "Ada@example.org", "ada@example.org"),
        ("ada+news@mail.example.com", "ada+news@mail.example.com", "ada+news@mail.example.com"),
        ("o'neil@example.org", "o'neil@example.org", "o'neil@example.org"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("Jürgen@example.org", "Jürgen@example.org", "jürgen@example.org"),
        ("ada@lab.test", "ada@lab.test", "ada@lab.test"),
    ],
)
def test_addresses_are_taken(text: str, email: str, key: str) -> None:
    """Plain, tagged, quoted-looking, international and invented addresses are all taken."""
    found = read_address(text)
    assert isinstance(found, Address)
    assert (found.email, found.key) == (email, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "ada@@example.org",
        "ada@example..org",
        "ada.@example.org",
        ".ada@example.org",
        "ada..b@example.org",
        "ada@-example.org",
        "ada@example-.org",
        "ada@exa mple.org",
        "a da@example.org",
        "ada@[127.0.0.1]",
        '"ada b"@example.org',
        "Ada <ada@example.org>",
        "mailto:ada@example.org",
        "ada@example.org, bo@example.org",
        "ada@example.org\nBcc: bo@example.org",
        "ada@example.org\x00",
        "ada@mail.local",
        "ada@nowhere.invalid",
        "ada@127.0.0.1",
        "a" * 65 + "@example.org",
        "a@" + "b" * 64 + ".org",
        "a@" + "b." * 130 + "org",
        "ada\u202e@example.org",
        "ada@exam\u200bple.org",
    ],
)
def test_what_is_no_address_says_why_in_one_sentence(text: str) -> None:
    """A refusal is a short sentence without a stop, whatever is thrown at it."""
    reason = read_address(text)
    assert isinstance(reason, str)
    assert 5 < len(reason) < 250
    assert not reason.endswith(".")


_local = st.text(string.ascii_letters + string.digits + "._+-'!", min_size=1, max_size=66)
_domain = st.text(string.ascii_letters + string.digits + "-.", min_size=1, max_size=70)


@given(_local, _domain, st.sampled_from(["org", "test", "local", "x", "1a", "example", "xn--p1ai"]))
def test_the_pattern_and_the_library_agree(local: str, domain: str, end: str) -> None:
    """The fast way takes exactly what email-validator takes, and writes it the same way."""
    text = f"{local}@{domain}.{end}"
    found = read_address(text)
    try:
        expected = validate_email(
            text, check_deliverability=False, test_environment=end == "test", strict=True
        )
    except EmailNotValidError:
        assert isinstance(found, str)
    else:
        assert isinstance(found, Address)
        assert found.email == expected.ascii_email
        assert found.domain == expected.ascii_domain


@given(st.text(max_size=40), st.sampled_from(["example.org", "BÜCHER.example", "straße.example"]))
def test_the_database_compares_as_the_import_does(local: str, domain: str) -> None:
    """Looking a person up by a typed address finds the key that the import stored."""
    found = read_address(f"{local}@{domain}")
    if isinstance(found, Address):
        assert address_key(f"{found.email}") == found.key
