"""The doctor: everything that keeps an issue from going out, looked at one by one.

Each finding is ok, warn or fail, with what was seen and what to do. Nothing is changed, and without
``online`` nothing outside this machine is asked.
"""

from __future__ import annotations

import os
import shutil
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import text

from newsletter.config import Config
from newsletter.database.copying import verify_sqlite
from newsletter.database.tables import HEAD
from newsletter.errors import NewsletterError
from newsletter.newsroom import Newsroom
from newsletter.operations import backup, status
from newsletter.operations.findings import Finding, State
from newsletter.operations.tell import Notice, ways
from newsletter.timetable import SEND, next_of

CLOCK_SECONDS = 5
"""A clock that is further off than this signs, expires and sends at the wrong moment."""
CERTIFICATE_DAYS = 14


Check = Callable[[Newsroom], Iterator[Finding]]


def examine(
    room: Newsroom, *, online: bool = False, selectors: Sequence[str] = ()
) -> list[Finding]:
    """Look at everything; a check that breaks is a finding itself.

    :param selectors: where DKIM keys stand, instead of the usual names.
    """
    checks = dict(LOCAL)
    if online:
        checks |= ONLINE | {"DNS": partial(names, selectors=selectors)}
    found: list[Finding] = []
    for name, check in checks.items():
        try:
            found += check(room)
        except NewsletterError as error:
            found.append(Finding(name=name, state="fail", says=str(error), hint=error.hint))
        except OSError as error:
            says = f"could not be looked at: {error.strerror or error}"
            found.append(Finding(name=name, state="warn", says=says))
    return found


# --------------------------------------------------------------------------- this machine


def configuration(room: Newsroom) -> Iterator[Finding]:
    """The file, and values that are understood but cannot be meant."""
    config = room.config
    feeds = sum(len(source.addresses) for source in config.sources)
    yield _ok("configuration", f"{config.file.name}, {feeds} feeds, {_editions(config)}")
    if not feeds:
        yield Finding(
            name="configuration",
            state="warn",
            says="there is no source",
            hint="Name some in [collect] sources or [[source]].",
        )
    for name, edition in config.editions.items():
        if not next_of(edition, name, SEND, room.clock()):
            yield Finding(
                name="configuration",
                state="warn",
                says=f"the edition {name} never appears",
                hint="Look at its days and holidays.",
            )
        elif edition.draft_at >= edition.send_at:
            yield Finding(
                name="configuration",
                state="fail",
                says=f"the edition {name} is sent at {edition.send_at:%H:%M}, before its draft",
                hint="Put draft_at before send_at, with time to read between them.",
            )
    yield from _examples(config)


def _examples(config: Config) -> Iterator[Finding]:
    samples = (
        ("[site] base_url", config.site.base_url, "example.org"),
        ("[site] postal_address", config.site.postal_address, "Sampleton"),
        ("[site] contact", config.site.contact, "example.org"),
        ("[delivery] from_email", config.delivery.from_email, "example.org"),
    )
    left = [name for name, value, sample in samples if sample in value]
    if left:
        state: State = "warn" if config.delivery.transport in {"folder", "recording"} else "fail"
        yield Finding(
            name="configuration",
            state=state,
            says=f"still the sample values: {', '.join(left)}",
            hint="Put your own in before real people get mail.",
        )


def alerts(room: Newsroom) -> Iterator[Finding]:
    """Whether anybody would hear of trouble."""
    settings = room.config.alerts
    ways = []
    if settings.email:
        ways.append(f"mail to {settings.email}")
    if settings.webhook_env:
        if os.environ.get(settings.webhook_env):
            ways.append("webhook")
        else:
            yield Finding(
                name="alerts",
                state="fail",
                says=f"[alerts] webhook_env names {settings.webhook_env}, which is not set",
                hint="Set it where the service starts, or empty the key.",
            )
    if settings.command:
        if shutil.which(settings.command[0]) or (room.config.root / settings.command[0]).exists():
            ways.append(f"command {settings.command[0]}")
        else:
            yield Finding(
                name="alerts",
                state="fail",
                says=f"the program {settings.command[0]} is not there",
                hint="Give its whole path in [alerts] command.",
            )
    if ways:
        yield _ok("alerts", ", ".join(ways))
    else:
        yield Finding(
            name="alerts",
            state="warn",
            says="nobody is told when the issue does not go out",
            hint="Set [alerts] email, webhook_env or command; newsletter doctor --alert tries it.",
        )


def permissions(room: Newsroom) -> Iterator[Finding]:
    """Folders that must be writable, and files that others must not read."""
    config = room.config
    database = backup.sqlite_file(config)
    places = {config.path("data"), backup.folder(config), config.path(config.paths.previews)}
    if database is not None:
        places.add(database.parent)
    if config.delivery.transport == "folder":
        places.add(config.path(config.paths.outbox))
    bad = [place for place in places if not os.access(_nearest(place), os.W_OK | os.X_OK)]
    for place in sorted(bad):
        yield Finding(
            name="permissions",
            state="fail",
            says=f"{place} cannot be written",
            hint=f"Give it to the user that runs the service (here: {_user()}).",
        )
    if database is not None and database.exists():
        mode = stat.S_IMODE(database.stat().st_mode)
        if mode & 0o004:
            yield Finding(
                name="permissions",
                state="warn",
                says=f"{database.name} can be read by everybody on this machine (mode {mode:03o})",
                hint=f"chmod 600 {database}; it holds your readers' addresses.",
            )
    if not bad:
        yield _ok("permissions", f"all folders can be written by {_user()}")


def clock(room: Newsroom) -> Iterator[Finding]:
    """Whether the clock is set, as far as this machine itself can tell."""
    now = room.clock()
    newest = max(
        (entry.at for entry in room.audit.entries(limit=1)), default=now - timedelta(seconds=1)
    )
    if newest > now + timedelta(seconds=CLOCK_SECONDS):
        yield Finding(
            name="clock",
            state="fail",
            says=f"it is {now:%Y-%m-%d %H:%M} UTC here, before something already written down",
            hint="Set the clock; run time synchronisation (systemd-timesyncd or chrony).",
        )
        return
    zones = ", ".join(sorted({edition.zone for edition in room.config.editions.values()}))
    yield _ok("clock", f"{now:%Y-%m-%d %H:%M:%S} UTC; editions in {zones}")


def disk(room: Newsroom) -> Iterator[Finding]:
    """Free space beside the data."""
    free = status.disk_free(room) // 1_000_000
    limit = room.config.alerts.disk_free_mb
    if free < limit:
        yield Finding(
            name="disk",
            state="fail",
            says=f"{free:,} MB are free, {limit:,} MB are wanted",
            hint="Free some space, or shorten [retention].",
        )
    else:
        yield _ok("disk", f"{free / 1000:,.1f} GB free")


def database(room: Newsroom) -> Iterator[Finding]:
    """Integrity and version of the tables."""
    file = backup.sqlite_file(room.config)
    with room.database.reading() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        server = (
            connection.execute(text("SHOW server_version")).scalar()
            if room.database.dialect == "postgresql"
            else None
        )
    if file is not None:
        started = time.monotonic()
        verify_sqlite(file)
        took = time.monotonic() - started
        size = file.stat().st_size / 1e6
        yield _ok("database", f"{file.name}, {size:,.1f} MB, read through in {took:.1f} s")
    else:
        yield _ok("database", f"PostgreSQL {server}")
    if revision != HEAD:
        yield Finding(
            name="database",
            state="warn",
            says=f"its tables are {revision}, this program's are {HEAD}",
            hint="When no older program is left: newsletter upgrade --finish.",
        )


def backups(room: Newsroom) -> Iterator[Finding]:
    """The newest backup: its age, and whether it can be read."""
    copies = backup.copies(room.config)
    now = room.clock()
    if not copies:
        yield Finding(
            name="backup",
            state="warn",
            says="there is none yet",
            hint="newsletter backup makes one; newsletter run makes one a day.",
        )
        return
    newest = copies[0]
    if newest.file.suffix == ".sqlite":
        verify_sqlite(newest.file)
    age = now - newest.made
    limit = room.config.alerts.backup_hours
    says = f"{newest.file.name}, {age // timedelta(hours=1)} h old, {len(copies)} in all"
    if limit and age > timedelta(hours=limit):
        yield Finding(name="backup", state="fail", says=says, hint="newsletter backup")
    else:
        yield _ok("backup", says)
    data = backup.sqlite_file(room.config)
    if data is not None and newest.file.stat().st_dev == data.stat().st_dev:
        yield Finding(
            name="backup",
            state="warn",
            says="backups lie on the same disk as the database",
            hint="Copy [backup] folder to another machine every day.",
        )


def templates(room: Newsroom) -> Iterator[Finding]:
    """Whether every template compiles."""
    number = room.renderer.templates.check()
    yield _ok("templates", f"{number} compile")


def sending(room: Newsroom) -> Iterator[Finding]:
    """The transport's own settings and secrets, without asking it anything."""
    delivery = room.config.delivery
    room.transport().close()
    if delivery.transport in {"folder", "recording"}:
        yield Finding(
            name="transport",
            state="warn",
            says=f"{delivery.transport}: letters are written to files, nobody gets mail",
            hint='Set [delivery] transport to "smtp" or "sendgrid" when you are ready.',
        )
    else:
        yield _ok("transport", f"{delivery.transport}, from {delivery.from_email}")
    if delivery.transport == "sendgrid":
        yield from _webhook_key(room.config)


def _webhook_key(config: Config) -> Iterator[Finding]:
    """The public key that SendGrid's signed events are checked with."""
    name = config.delivery.sendgrid.webhook_public_key_file
    if not name:
        yield Finding(
            name="webhook",
            state="warn",
            says="no public key is set, so bounces and complaints are not heard of",
            hint="Put the key of SendGrid's signed event webhook into a file and name it.",
        )
        return
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - half a second
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        load_der_public_key,
        load_pem_public_key,
    )

    try:
        raw = config.path(name).read_bytes().strip()
        if raw.startswith(b"-----"):
            load_pem_public_key(raw)
        else:
            import base64  # noqa: PLC0415

            load_der_public_key(base64.b64decode(raw, validate=True))
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        yield Finding(
            name="webhook",
            state="fail",
            says=f"{name} is not a public key: {type(error).__name__}",
            hint="Copy the verification key from SendGrid's settings again.",
        )
        return
    yield _ok("webhook", f"events are checked with {name}")


def scheduler(room: Newsroom) -> Iterator[Finding]:
    """Whether somebody rings the bells."""
    leader = room.leaders.current(status.OFFICE, now=room.clock())
    if leader is not None and leader.alive:
        yield _ok("scheduler", f"at work, process {leader.pid}")
    else:
        yield Finding(
            name="scheduler",
            state="warn",
            says="none is running",
            hint="systemctl status newsletter; or newsletter run.",
        )


def troubles(room: Newsroom) -> Iterator[Finding]:
    """What the alerts know of."""
    found = room.alerts.open()
    for one in found:
        yield Finding(name="troubles", state="fail", says=one.sentence, hint=one.hint)
    if not found:
        yield _ok("troubles", "nothing needs you")


LOCAL: dict[str, Check] = {
    "configuration": configuration,
    "permissions": permissions,
    "clock": clock,
    "disk": disk,
    "database": database,
    "backup": backups,
    "templates": templates,
    "transport": sending,
    "alerts": alerts,
    "scheduler": scheduler,
    "troubles": troubles,
}


# --------------------------------------------------------------------------- the outside


def provider(room: Newsroom) -> Iterator[Finding]:
    """Whether the mail provider takes us: keys, scopes, connection."""
    if room.config.delivery.transport in {"folder", "recording"}:
        return
    transport = room.transport()
    try:
        says = transport.check()
    finally:
        transport.close()
    yield _ok("provider", f"{room.config.delivery.transport}: {says}")


def public_address(room: Newsroom) -> Iterator[Finding]:
    """Whether readers reach the pages, by TLS with a certificate that lasts; and the time there."""
    base = room.config.site.base_url.rstrip("/")
    url = urlsplit(base)
    if url.scheme != "https":
        yield Finding(
            name="public address",
            state="fail",
            says=f"{base} is not https",
            hint="One-click unsubscribe needs TLS; put a proxy with a certificate in front.",
        )
    try:
        with urllib.request.urlopen(f"{base}/healthz", timeout=10) as answer:  # noqa: S310
            body = answer.read(2000)
            served = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        body, served = b"", error.headers.get("Date", "")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        wrong = isinstance(reason, ssl.SSLError)
        yield Finding(
            name="TLS" if wrong else "public address",
            state="fail",
            says=f"{base} does not answer: {reason}",
            hint="Renew the certificate." if wrong else "Is the proxy up, and the name in DNS?",
        )
        return
    if b'"version"' in body:
        yield _ok("public address", f"{base} is this program")
    else:
        yield Finding(
            name="public address",
            state="fail",
            says=f"{base} answers, but it is not this program",
            hint="Pass everything under [site] base_url on to [web] host and port.",
        )
    yield from _time_there(room, served)
    if url.scheme == "https" and url.hostname:
        yield from _certificate(url.hostname, url.port or 443, room.clock())


def _time_there(room: Newsroom, served: str) -> Iterator[Finding]:
    try:
        there = parsedate_to_datetime(served)
    except (TypeError, ValueError):
        return
    off = abs((room.clock() - there).total_seconds())
    if off > CLOCK_SECONDS + 1:
        yield Finding(
            name="clock",
            state="warn",
            says=f"this machine and the public address differ by {off:.0f} s",
            hint="Run time synchronisation on both.",
        )


def _certificate(host: str, port: int, now: datetime) -> Iterator[Finding]:
    import socket  # noqa: PLC0415 - only online

    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
    ends = datetime.fromtimestamp(
        ssl.cert_time_to_seconds(str(certificate.get("notAfter", "Jan  1 00:00:00 1970 GMT"))), UTC
    )
    left = (ends - now).days
    state: State = "ok" if left > CERTIFICATE_DAYS else "fail" if left < 1 else "warn"
    yield Finding(
        name="TLS",
        state=state,
        says=f"the certificate of {host} ends on {ends:%Y-%m-%d}, in {left} days",
        hint="" if state == "ok" else "Renew it; see to it that renewal runs by itself.",
    )


def names(room: Newsroom, *, selectors: Sequence[str] = ()) -> Iterator[Finding]:
    """SPF, DKIM, DMARC, MX and PTR of the sending domain, as receivers read them."""
    from newsletter.operations.names import look_up  # noqa: PLC0415 - an extra

    yield from look_up(room.config, selectors=selectors)


ONLINE: dict[str, Check] = {
    "provider": provider,
    "public address": public_address,
}


def try_alerts(room: Newsroom) -> list[Finding]:
    """Send a test alert by every way of telling, and say which took it."""
    notice = Notice(
        key="test",
        sentence="This is a test: alerts from this newsletter reach you",
        hint="Nothing is wrong.",
        since=room.clock(),
    )
    found = []
    for way in ways(room):
        try:
            way.tell(room, [notice])
        except NewsletterError as error:
            found.append(Finding(name=way.name, state="fail", says=str(error), hint=error.hint))
        else:
            found.append(_ok(way.name, "took the test alert"))
    return found or list(alerts(room))


# --------------------------------------------------------------------------- small


def _ok(name: str, says: str) -> Finding:
    return Finding(name=name, state="ok", says=says)


def _editions(config: Config) -> str:
    number = len(config.editions)
    return f"{number} edition{'s' if number != 1 else ''}"


def _nearest(path: Path) -> Path:
    return next(one for one in (path, *path.parents) if one.exists())


def _user() -> str:
    import getpass  # noqa: PLC0415 - only here

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "this user"
