"""Names and connections as aiohttp makes them, each through the guard."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from newsletter.errors import FeedRefused
from newsletter.feeds.guard import Guard


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those with an address that may not be contacted."""

    def __init__(self, guard: Guard):
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name.

        :raises FeedRefused: when the guard refuses one of them.
        :raises OSError: when the name does not resolve.
        """
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        self._guard.check_resolved(host, port, [str(peer[0]) for *_, peer in found])
        return [
            ResolveResult(
                hostname=host,
                host=str(peer[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST,
            )
            for kind, _, protocol, _, peer in found
        ]

    async def close(self) -> None:
        """Nothing is held open."""


class GuardedConnector(aiohttp.TCPConnector):
    """Makes connections to checked addresses only, and looks again at each that is used.

    :param through_proxy: the other end is a proxy of the operator's, which decides about names.
    """

    def __init__(self, guard: Guard, *, through_proxy: bool = False):
        super().__init__(
            limit=0,  # the number of runners is the limit
            resolver=GuardedResolver(guard),
            socket_factory=guard.open_socket,
            ttl_dns_cache=300,
        )
        self._guard = guard
        self._through_proxy = through_proxy

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - aiohttp's signature
    ) -> aiohttp.connector.Connection:
        """A connection for one request, new or kept from an earlier one.

        :raises FeedRefused: when its other end may not be contacted.
        """
        connection = await super().connect(req, traces, timeout)
        transport = connection.transport
        peer = transport.get_extra_info("peername") if transport else None
        if peer and not self._through_proxy:
            try:
                self._guard.check_peer(str(peer[0]), int(peer[1]))
            except FeedRefused:
                connection.close()
                raise
        return connection
