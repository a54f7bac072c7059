"""Which addresses the program may contact: none that a feed could use to reach inside.

A feed names addresses, and so do its redirects. Each is checked four times: as text
(:meth:`Guard.check`); as every address its name resolves to, as the address a socket is about to
be opened to, and as the other end of the connection before a request goes into it
(:mod:`newsletter.feeds.connector`). So there is no moment between check and use. What
:mod:`ipaddress` calls global is not enough: it lets through NAT64, 6to4 and multicast forms of
loopback, so the table below is our own, after the IANA special-purpose registries
(https://www.iana.org/assignments/iana-ipv4-special-registry/).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from newsletter.errors import FeedRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_SPECIAL_4 = tuple(
    (ipaddress.ip_network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a carrier's private network"),
        ("127.0.0.0/8", "this machine"),
        ("169.254.0.0/16", "the local link"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "a protocol assignment"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "a name-server experiment"),
        ("192.52.193.0/24", "a multicast relay"),
        ("192.88.99.0/24", "the 6to4 relay"),
        ("192.168.0.0/16", "a private network"),
        ("192.175.48.0/24", "a name-server experiment"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "a reserved range"),
    )
)
# Only 2000::/3 is given out to networks of the public internet; these lie inside it.
_GLOBAL_6 = ipaddress.ip_network("2000::/3")
_SPECIAL_6 = tuple(
    (ipaddress.ip_network(network), name)
    for network, name in (
        ("2001::/23", "a protocol assignment"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "a name-server experiment"),
        ("3fff::/20", "documentation"),
    )
)
# 64:ff9b:1::/48 is for networks of one's own, which may put the IPv4 address anywhere (RFC 8215).
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_ISATAP = (0x0000_5EFE, 0x0200_5EFE)
_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]|%0[0ad]", re.IGNORECASE)


class Guard:
    """Decides about addresses.

    :param allow: hosts the operator opens, as "host:port" or, for ports 80 and 443, "host". A
        named host may resolve to anything and be spoken to on that port.
    :raises ValueError: never; a word that names no host simply matches nothing.
    """

    def __init__(self, allow: Iterable[str] = ()):
        self._allowed = {place for word in allow if word.strip() for place in _places(word)}
        self._granted: set[tuple[str, int]] = set()
        self._checked: dict[str, tuple[str, str, int]] = {}
        self._opened: dict[tuple[str, int], bool] = {}

    def allows(self, host: str, port: int) -> bool:
        """Whether the operator opened this host and port by name."""
        known = self._opened.get((host, port))
        if known is None:
            plain = _plain_host(host)
            known = (plain, port) in self._allowed
            self._opened[host, port] = known
        return known

    def opened(self, url: str) -> str:
        """The host of an address, where the operator opened it by name, or ""."""
        try:
            _, host, port = self.check(url)
        except FeedRefused:
            return ""
        return host if self.allows(host, port) else ""

    def check(self, url: str, *, led_from: str | None = None) -> tuple[str, str, int]:
        """Scheme, host and port of an address that may be asked, by what its text says.

        :param led_from: the opened host that led to the address, "" where another one did, None
            where the operator named it. An opened host is reached from itself only.
        :raises FeedRefused: for any scheme but http and https, a user name, a port other than
            80 and 443 that is not allowed, control characters, or a forbidden literal address.
        """
        # What was found sound stays so for the life of a guard, which is one run.
        known = self._checked.get(url)
        if known is None:
            known = self._checked[url] = self._check(url)
        if led_from not in {None, known[1]} and self.allows(known[1], known[2]):
            raise FeedRefused(url[:200], "the host is open to feeds that are configured there only")
        return known

    def _check(self, url: str) -> tuple[str, str, int]:
        if _CONTROL.search(url):
            raise FeedRefused(url[:200], "the address holds a space, a line break or a backslash")
        try:
            parts = urlsplit(url)
            port = parts.port
            host = _plain_host(parts.hostname or "")
        except ValueError:
            raise FeedRefused(url[:200], "the address cannot be understood") from None
        scheme = parts.scheme.lower()
        if scheme not in _PORTS:
            raise FeedRefused(url[:200], "only http and https addresses are asked")
        if "@" in parts.netloc:
            raise FeedRefused(url[:200], "addresses with a user name or password are not asked")
        if not host:
            raise FeedRefused(url[:200], "the address names no host")
        if port is None:
            port = _PORTS[scheme]
        if self.allows(host, port):
            return scheme, host, port
        if port not in {80, 443}:
            raise FeedRefused(
                url[:200],
                f"port {port} is not asked",
                hint=f'Add "{host}:{port}" to [collect] allow_hosts to open it.',
            )
        literal = _literal(host)
        if literal is not None:
            self._refuse_special(host, literal)
        return scheme, host, port

    def check_resolved(self, host: str, port: int, addresses: Iterable[str]) -> None:
        """Check every address a name resolved to: one that is forbidden spoils the name.

        :raises FeedRefused: when one lies in a special range and the host is not allowed.
        """
        addresses = list(addresses)
        if self.allows(host, port):
            self._granted.update((_bare(address), port) for address in addresses)
            return
        for address in addresses:
            self._refuse_special(host, ipaddress.ip_address(_bare(address)))

    def check_peer(self, address: str, port: int) -> None:
        """Check an address a connection goes to, or was made to.

        :raises FeedRefused: when it lies in a special range and no allowed host resolved to it.
        """
        bare = _bare(address)
        if (bare, port) in self._granted or self.allows(bare, port):
            return
        self._refuse_special(address, ipaddress.ip_address(bare))

    def open_socket(self, info: tuple[Any, Any, Any, Any, Any]) -> socket.socket:
        """A socket for one resolved address, made only when that address may be contacted."""
        family, kind, protocol, _, peer = info
        self.check_peer(str(peer[0]), int(peer[1]))
        opened = socket.socket(family, kind, protocol)
        opened.settimeout(0)
        return opened

    def _refuse_special(self, host: str, address: Address) -> None:
        reason = special(address)
        if reason:
            raise FeedRefused(
                host,
                f"the address {address} belongs to {reason} and is not asked",
                hint=f'Add "{host}:PORT" to [collect] allow_hosts if it is one of yours.',
            )


def special(address: Address) -> str:
    """What a special address belongs to, or "" for one of the public internet.

    IPv4 addresses that travel inside IPv6 ones (mapped, compatible, NAT64, 6to4, Teredo, ISATAP)
    are taken out and judged as themselves.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return next((name for network, name in _SPECIAL_4 if address in network), "")
    inner = _inside(address)
    for one in inner:
        reason = special(one)
        if reason:
            return reason
    if address in _NAT64 or address.ipv4_mapped:
        # Judged by what is inside; the wrapper alone is no reason.
        return ""
    if address not in _GLOBAL_6:
        return "this machine" if address.is_loopback else "a special range"
    return next((name for network, name in _SPECIAL_6 if address in network), "")


def _inside(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Every IPv4 address that an IPv6 address carries."""
    number = int(address)
    found = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address in _COMPATIBLE or address in _NAT64:
        found.append(ipaddress.IPv4Address(number & 0xFFFF_FFFF))
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    if (number >> 32) & 0xFFFF_FFFF in _ISATAP:
        found.append(ipaddress.IPv4Address(number & 0xFFFF_FFFF))
    return found


def _places(word: str) -> list[tuple[str, int]]:
    """The hosts and ports that a word of the allow list opens."""
    word = word.strip()
    host, colon, port = word.rpartition(":")
    bare = word.count(":") > 1 and not word.startswith("[")  # an IPv6 address
    if colon and port.isdecimal() and not bare:
        return [(_plain_host(host), int(port))]
    return [(_plain_host(word), port) for port in _PORTS.values()]


def _plain_host(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _bare(address: str) -> str:
    """An address without its zone ("fe80::1%eth0")."""
    return address.partition("%")[0]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(_bare(host))
    except ValueError:
        return None
