"""What a name server says about the sending domain, asked of a real one on this machine."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.config import Config

pytest.importorskip("checkdmarc", reason="the extra doctor is not installed")

import dns.flags
import dns.message
import dns.rdatatype
import dns.resolver
import dns.rrset

from newsletter.operations.names import look_up

COUNT = itertools.count(1)


def good(domain: str) -> dict[tuple[str, str], list[str]]:
    """The records of a well kept domain."""
    return {
        (f"{domain}.", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
        (f"s1._domainkey.{domain}.", "TXT"): ['"v=DKIM1; k=rsa; p=MIGf"'],
        (f"_dmarc.{domain}.", "TXT"): [f'"v=DMARC1; p=quarantine; rua=mailto:a@{domain}"'],
        (f"{domain}.", "MX"): [f"10 mail.{domain}."],
        (f"mail.{domain}.", "A"): ["203.0.113.7"],
        (f"{domain}.", "NS"): [f"ns.{domain}."],
        (f"{domain}.", "SOA"): [f"ns.{domain}. a.{domain}. 1 1 1 1 1"],
    }


class NameServer:
    """Answers from a table, over UDP on loopback."""

    def __init__(self, domain: str):
        self.domain = domain
        self.records = good(domain)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Answer until the socket is closed."""
        while True:
            raw, peer = self.socket.recvfrom(4096)
            if raw == b"end":
                return
            query = dns.message.from_wire(raw)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            [question] = query.question
            kind = dns.rdatatype.to_text(question.rdtype)
            found = self.records.get((question.name.to_text().lower(), kind))
            if found:
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
            self.socket.sendto(answer.to_wire(), peer)

    def end(self) -> None:
        """Stop."""
        self.socket.sendto(b"end", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.socket.close()

    @property
    def resolver(self) -> dns.resolver.Resolver:
        """Asks this server only."""
        found = dns.resolver.Resolver(configure=False)
        found.nameservers = ["127.0.0.1"]
        found.port = self.port
        return found


@pytest.fixture
def server() -> Iterator[NameServer]:
    """A server with a well kept domain."""
    # A domain of its own for each test: checkdmarc remembers answers.
    made = NameServer(f"names-test-{next(COUNT)}.com")
    yield made
    made.end()


def config(server: NameServer, **delivery: object) -> Config:
    """Mail from the server's domain."""
    return Config.model_validate(
        {
            "root": Path(),
            "file": Path("c"),
            "delivery": {
                "from_email": f"news@{server.domain}",
                "transport": "sendgrid",
                **delivery,
            },
        }
    )


def states(server: NameServer) -> dict[str, str]:
    """What the doctor says of each record."""
    return {one.name: one.state for one in look_up(config(server), resolver=server.resolver)}


def test_a_well_kept_domain(server: NameServer) -> None:
    """All records are found and good."""
    assert states(server) == {"SPF": "ok", "DKIM": "ok", "DMARC": "ok", "MX": "ok"}


@pytest.mark.parametrize(
    ("name", "records", "what", "state"),
    [
        (("", "TXT"), [], "SPF", "fail"),
        (("", "TXT"), ['"v=spf1 +all"'], "SPF", "fail"),
        (("", "TXT"), ['"v=spf1 ip4:nonsense -all"'], "SPF", "fail"),
        (("s1._domainkey.", "TXT"), [], "DKIM", "warn"),
        (("s1._domainkey.", "TXT"), ['"v=DKIM1; p="'], "DKIM", "warn"),
        (("_dmarc.", "TXT"), [], "DMARC", "fail"),
        (("_dmarc.", "TXT"), ['"v=DMARC1; p=none"'], "DMARC", "warn"),
        (("", "MX"), ["0 ."], "MX", "fail"),
    ],
)
def test_what_is_missing_or_weak(
    server: NameServer, name: tuple[str, str], records: list[str], what: str, state: str
) -> None:
    """Each record that is not as it must be is named alone."""
    server.records[f"{name[0]}{server.domain}.", name[1]] = records
    assert states(server)[what] == state


def test_the_name_of_the_sending_server(server: NameServer) -> None:
    """An address whose name leads back is good; one without a name is not."""
    host = f"mail.{server.domain}"
    made = config(server, transport="smtp", smtp={"host": host})
    server.records[f"{host}.", "A"] = ["8.8.4.4"]
    found = [one for one in look_up(made, resolver=server.resolver) if one.name == "PTR"]
    assert [one.state for one in found] == ["fail"]
    server.records["4.4.8.8.in-addr.arpa.", "PTR"] = [f"{host}."]
    found = [one for one in look_up(made, resolver=server.resolver) if one.name == "PTR"]
    assert [one.state for one in found] == ["ok"]
