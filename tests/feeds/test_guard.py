"""Guard: no address a feed can name leads inside."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import FeedRefused
from newsletter.feeds.connector import GuardedResolver
from newsletter.feeds.guard import Guard, special

FORBIDDEN = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.168.1.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "64:ff9b:1:a00:0:100:808:808", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::",
    "2002:0a00:0001::1", "2001:0:7f00:1::", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1",
    "ff02::1", "3fff::1", "2606:4700::5efe:7f00:1", "5f00::1",
]  # fmt: skip
ALLOWED = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111",
           "2a00:1450:4001::1", "64:ff9b::808:808", "::ffff:8.8.8.8"]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_special_ranges_are_known_in_every_wrapping(address: str) -> None:
    """Private, local, reserved and wrapped addresses are special."""
    assert special(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ALLOWED)
def test_public_addresses_may_be_asked(address: str) -> None:
    """The public internet stays open, also through NAT64."""
    assert special(ipaddress.ip_address(address)) == ""


@given(st.ip_addresses(v=4))
def test_nothing_that_python_calls_private_passes(address: ipaddress.IPv4Address) -> None:
    """The table is at least as strict as the standard library, in every wrapping."""
    if not address.is_global:
        number = int(address)
        assert special(address)
        for wrapped in (
            0xFFFF_0000_0000 | number,
            (0x0064_FF9B << 96) | number,
            (0x2002 << 112) | (number << 80),
            (0x2606_4700 << 96) | (0x5EFE << 32) | number,
        ):
            assert special(ipaddress.IPv6Address(wrapped))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "http://127.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://example.org:22/",
        "http://example.org:8080/",
        "http://user@example.org/",
        "http://example.org:x/",
        "http:///path",
        "http://example.org/a\r\nHost: b",
        "http://example.org/%0d%0aHost:%20b",
        "http://example.org\\@127.0.0.1/",
        "http://exa mple.org/",
        "http://[::1",
        "",
    ],
)
def test_addresses_are_refused_by_their_text(url: str) -> None:
    """Schemes, ports, users, line breaks and literal addresses need no look-up to be refused."""
    with pytest.raises(FeedRefused):
        Guard().check(url)


def test_an_operator_may_open_one_port_of_one_host() -> None:
    """An allowance opens exactly what it names."""
    guard = Guard(["127.0.0.1:8765", "feeds.example"])
    assert guard.check("http://127.0.0.1:8765/a") == ("http", "127.0.0.1", 8765)
    assert guard.check("https://feeds.example/") == ("https", "feeds.example", 443)
    assert guard.opened("http://feeds.example/") == "feeds.example"
    assert not guard.opened("http://a.feeds.example/")
    with pytest.raises(FeedRefused):
        guard.check("http://feeds.example/", led_from="")
    with pytest.raises(FeedRefused):
        guard.check("http://feeds.example/", led_from="127.0.0.1")
    assert guard.check("https://feeds.example/", led_from="feeds.example")
    for shut in (
        "http://127.0.0.1:8766/", "http://127.0.0.1/", "http://a.feeds.example:8080/",
        "http://feeds.example:8080/", "http://feeds.example:6379/",
    ):  # fmt: skip
        assert not guard.opened(shut)
        with pytest.raises(FeedRefused):
            guard.check(shut)


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001", "localhost"])
def test_names_that_resolve_to_this_machine_are_refused(host: str) -> None:
    """Whatever the resolver makes of a host is what counts."""

    async def resolve() -> object:
        return await GuardedResolver(Guard()).resolve(host, 80)

    with pytest.raises(FeedRefused):
        asyncio.run(resolve())


def test_one_bad_address_spoils_a_name() -> None:
    """A name with a public and a private address is not asked at all."""
    with pytest.raises(FeedRefused):
        Guard().check_resolved("example.org", 80, ["8.8.8.8", "10.0.0.1"])


def test_a_socket_is_made_for_allowed_addresses_only() -> None:
    """The last check is on the address that is connected to."""
    info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 80))
    with pytest.raises(FeedRefused):
        Guard().open_socket(info)
    Guard(["127.0.0.1:80"]).open_socket(info).close()


def test_a_named_host_grants_its_addresses_on_its_port_only() -> None:
    """Opening a host by name opens what it resolves to, on that port."""
    guard = Guard(["inside.example:8080"])
    guard.check_resolved("inside.example", 8080, ["10.0.0.7"])
    guard.check_peer("10.0.0.7", 8080)
    with pytest.raises(FeedRefused):
        guard.check_peer("10.0.0.7", 80)
