"""What systemd hears of a service, where its unit says ``Type=notify``."""

from __future__ import annotations

import logging
import os
import socket

log = logging.getLogger(__name__)


def say_ready() -> None:
    """Say that the service does its work from now on; says nothing where nobody listens.

    Source of the rule: sd_notify(3), one datagram to the socket that ``NOTIFY_SOCKET`` names.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # a name that stands in no folder
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as speaking:
            speaking.sendto(b"READY=1", address)
    except OSError as error:
        log.warning("systemd could not be told that the service is ready: %s", error)
