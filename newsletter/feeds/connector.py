"""Names and connections as aiohttp makes them, each through the guard."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Future
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from newsletter.errors import FeedRefused
from newsletter.feeds.guard import Guard

NAME_SECONDS = 5.0


class NameLate(OSError):
    """A name server takes too long."""


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses those with an address that may not be contacted."""

    def __init__(self, guard: Guard, seconds: float = NAME_SECONDS):
        self._guard = guard
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All addresses of a name.

        :raises FeedRefused: when the guard refuses one of them.
        :raises NameLate: when that takes too long.
        :raises OSError: when the name does not resolve.
        """
        try:
            async with asyncio.timeout(self._seconds):
                found = await asyncio.wrap_future(_looked_up(host, port, family))
        except TimeoutError:
            raise NameLate(f"{host} is not resolved within {self._seconds:g} s") from None
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


def _looked_up(host: str, port: int, family: int) -> Future[list[Any]]:
    """A look-up on a thread of its own, which nobody has to wait for.

    Loops have few threads for look-ups (two with uvloop), so that two dead name servers would hold
    up all other names; and those of a pool are waited for when the program ends.
    """
    future: Future[list[Any]] = Future()
    future.set_running_or_notify_cancel()  # from here on it can only be abandoned

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        except Exception as error:  # noqa: BLE001 - raised where it is waited for
            future.set_exception(error)
        else:
            future.set_result(found)

    threading.Thread(target=look_up, name="look-up", daemon=True).start()
    return future


class GuardedConnector(aiohttp.TCPConnector):
    """Makes connections to checked addresses only, and looks again at each that is used.

    :param through_proxy: the other end is a proxy of the operator's, which decides about names.
    :param name_seconds: how long a name may take to resolve.
    """

    def __init__(
        self, guard: Guard, *, through_proxy: bool = False, name_seconds: float = NAME_SECONDS
    ):
        super().__init__(
            limit=0,  # the number of runners is the limit
            resolver=GuardedResolver(guard, name_seconds),
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
