"""What the world's name servers say about the sending domain: SPF, DKIM, DMARC, MX, PTR.

checkdmarc reads the records as receivers do: it follows SPF's includes, counts its look-ups and
finds the DMARC policy of a parent domain. The rest is a question each to dnspython.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from newsletter.config import Config
from newsletter.operations.findings import Finding

if TYPE_CHECKING:
    from dns.resolver import Resolver

SELECTORS = {"sendgrid": ("s1", "s2"), "smtp": ("default", "mail", "dkim")}
"""Where DKIM keys usually stand; another one is named with --selector."""
SECONDS = 5.0
SPF_LOOKUPS = 10
"""RFC 7208, 4.6.4: a record that needs more look-ups is an error to receivers."""


def look_up(
    config: Config, *, selectors: Sequence[str] = (), resolver: Resolver | None = None
) -> Iterator[Finding]:
    """Look at the domain of ``[delivery] from_email``.

    :param selectors: where DKIM keys stand, instead of the usual names.
    :param resolver: asks the name servers; this machine's own when left out.
    """
    try:
        from checkdmarc.dmarc import check_dmarc  # noqa: PLC0415 - an extra
        from checkdmarc.spf import check_spf  # noqa: PLC0415
        from dns.resolver import Resolver as Own  # noqa: PLC0415
    except ModuleNotFoundError:
        yield Finding(
            name="DNS",
            state="warn",
            says="could not be looked at: the extra doctor is not installed",
            hint='pip install "both-sides-newsletter[doctor]"',
        )
        return
    domain = config.delivery.from_email.rpartition("@")[2]
    ask = resolver or Own()
    ask.lifetime = SECONDS
    given: dict[str, Any] = {"resolver": ask, "timeout": SECONDS}
    yield _spf(domain, dict(check_spf(domain, **given)))
    yield from _dkim(domain, selectors or SELECTORS.get(config.delivery.transport, ()), ask)
    yield _dmarc(domain, dict(check_dmarc(domain, **given)))
    yield _mx(domain, ask)
    if config.delivery.transport == "smtp":
        yield from _reverse(config.delivery.smtp.host, ask)


def _spf(domain: str, found: dict[str, Any]) -> Finding:
    if not found.get("record"):
        return _fail("SPF", f"{domain} has no record", "Publish the one your provider names.")
    if not found.get("valid"):
        return _fail("SPF", f"{domain}: {found.get('error')}", "Mend the record.")
    lookups = found.get("dns_lookups", 0)
    says = f"{domain}: {found['record']} ({lookups} of {SPF_LOOKUPS} look-ups)"
    if "+all" in found["record"]:
        return _fail("SPF", f"{says} lets everybody send as you", "End it with ~all or -all.")
    return _ok("SPF", says)


def _dkim(domain: str, selectors: Sequence[str], ask: Resolver) -> Iterator[Finding]:
    for selector in selectors:
        record = _text(ask, f"{selector}._domainkey.{domain}")
        if "p=" in record and "p=;" not in record.replace(" ", "") + ";":
            yield _ok("DKIM", f"{selector}._domainkey.{domain} holds a key")
            return
    tried = ", ".join(selectors) or "none"
    yield Finding(
        name="DKIM",
        state="warn",
        says=f"{domain} has no key where it was looked for ({tried})",
        hint="Name the place with --selector, or publish the key your provider gives you.",
    )


def _dmarc(domain: str, found: dict[str, Any]) -> Finding:
    record = found.get("record")
    if not record:
        return _fail(
            "DMARC",
            f"{domain} has no policy; large providers refuse bulk mail without one",
            'Publish at _dmarc at least "v=DMARC1; p=none; rua=mailto:you@your.domain".',
        )
    if not found.get("valid"):
        return _fail("DMARC", f"{domain}: {found.get('error')}", "Mend the record.")
    tags = found.get("tags") or {}
    policy = str((tags.get("p") or {}).get("value", ""))
    if policy == "none":
        return Finding(
            name="DMARC",
            state="warn",
            says=f"{domain}: {record} only watches",
            hint="When its reports are clean, go on to p=quarantine.",
        )
    return _ok("DMARC", f"{domain}: {record}")


def _mx(domain: str, ask: Resolver) -> Finding:
    records = [record.split() for record in _all(ask, domain, "MX")]
    # A lone dot says that a domain takes no mail: RFC 7505.
    hosts = [record[1].rstrip(".") for record in records if record[1] != "."]
    if not hosts:
        return _fail(
            "MX",
            f"{domain} takes no mail, so answers and bounces are lost",
            "Give the domain a mail server, even if it only forwards.",
        )
    return _ok("MX", f"{domain}: {', '.join(hosts)}")


def _reverse(host: str, ask: Resolver) -> Iterator[Finding]:
    """Whether the sending server's address leads back to its name."""
    for address in _addresses(ask, host):
        if not ipaddress.ip_address(address).is_global:
            yield _ok("PTR", f"{host} is {address}: its own relay's name counts, not this one")
            continue
        name = _first(ask, ipaddress.ip_address(address).reverse_pointer, "PTR")
        if not name:
            yield _fail("PTR", f"{address} has no name", "Ask whoever gave you the address for it.")
        elif address not in _addresses(ask, name):
            yield _fail("PTR", f"{address} is named {name}, which is elsewhere", "Make both agree.")
        else:
            yield _ok("PTR", f"{address} is {name}, and back")


def _addresses(ask: Resolver, host: str) -> list[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return [*_all(ask, host, "A"), *_all(ask, host, "AAAA")]


def _text(ask: Resolver, name: str) -> str:
    parts = _all(ask, name, "TXT")
    return parts[0].replace('" "', "").strip('"') if parts else ""


def _first(ask: Resolver, name: str, kind: str) -> str:
    found = _all(ask, name, kind)
    return found[0].rstrip(".") if found else ""


def _all(ask: Resolver, name: str, kind: str) -> list[str]:
    from dns.exception import DNSException  # noqa: PLC0415 - an extra

    try:
        return [answer.to_text() for answer in ask.resolve(name, kind)]
    except DNSException:
        return []


def _ok(name: Literal["SPF", "DKIM", "DMARC", "MX", "PTR"], says: str) -> Finding:
    return Finding(name=name, state="ok", says=says)


def _fail(name: str, says: str, hint: str) -> Finding:
    return Finding(name=name, state="fail", says=says, hint=hint)
