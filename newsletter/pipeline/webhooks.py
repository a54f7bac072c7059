"""Posting what waits for webhooks: signed, to checked addresses only, again after a failure."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from newsletter.audience import webhooks as signing
from newsletter.database.webhooks import Message, Webhook
from newsletter.errors import AudienceError, FeedRefused
from newsletter.newsroom import Newsroom

SECONDS = 15
"""How long one attempt may take in all."""
HOLD = timedelta(minutes=5)
"""How long a message is held back while it is posted; longer than a round can take."""
_READ = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class PostReport:
    """What one round did."""

    taken: int = 0
    again: int = 0
    failed: int = 0
    problems: tuple[str, ...] = ()


def add_webhook(room: Newsroom, name: str, url: str, kinds: Sequence[str]) -> Webhook:
    """Take an address on; its secret is made here and shown to whoever set it up.

    :raises AudienceError: when the address may not be posted to, or a kind or name is not good.
    """
    from newsletter.feeds.guard import Guard

    try:
        Guard(room.config.audience.webhook_allow_hosts).check(url)
    except FeedRefused as refused:
        raise AudienceError(
            url[:200],
            refused.sentence,
            hint='Hosts of your own stand in [audience] webhook_allow_hosts, as "host:port".',
        ) from None
    secret = signing.new_secret(secrets.token_bytes(24))
    return room.webhooks.add(name, url, kinds, secret=secret, now=room.clock())


def deliver_webhooks(room: Newsroom) -> PostReport:
    """Post every message that is due; what is not taken is tried again later.

    An answer of 200 to 299 takes a message, 410 ends the tries at once, anything else and
    no answer at all counts as a failure. Redirects are not followed, because the guard checked
    the address that was set up and no other.
    """
    messages = room.webhooks.take(now=room.clock(), hold=HOLD)
    if not messages:
        return PostReport()
    hooks = {hook.name: hook for hook in room.webhooks.listed()}
    answers = asyncio.run(_post_all(room, messages, hooks))
    taken = again = failed = 0
    problems: list[str] = []
    for message, (status, sentence, wait) in zip(messages, answers, strict=True):
        now = room.clock()
        if 200 <= status < 300:
            room.webhooks.settle(message.id, state="taken", answer=sentence, due=now)
            taken += 1
            continue
        due = None if status == 410 else signing.next_try(message.attempts, now, wait)
        problems.append(f"{message.webhook}: {sentence}")
        if due is None:
            room.webhooks.settle(message.id, state="failed", answer=sentence, due=now)
            failed += 1
        else:
            room.webhooks.settle(message.id, state="waiting", answer=sentence, due=due)
            again += 1
    return PostReport(
        taken=taken, again=again, failed=failed, problems=tuple(dict.fromkeys(problems))
    )


async def _post_all(
    room: Newsroom, messages: Sequence[Message], hooks: dict[str, Webhook]
) -> list[tuple[int, str, float]]:
    import aiohttp

    from newsletter.feeds.connector import GuardedConnector
    from newsletter.feeds.guard import Guard

    guard = Guard(room.config.audience.webhook_allow_hosts)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    at_once = asyncio.Semaphore(8)

    async def post(message: Message) -> tuple[int, str, float]:
        hook = hooks.get(message.webhook)
        if hook is None:
            return 410, "the webhook was removed", 0.0
        headers = signing.headers(message.id, message.body, hook.secret, room.clock())
        try:
            guard.check(hook.url)
            async with (
                at_once,
                session.post(
                    hook.url, data=message.body.encode(), headers=headers, allow_redirects=False
                ) as answer,
            ):
                await answer.content.read(_READ)
                wait = answer.headers.get("Retry-After", "")
                asked = float(wait) if wait.isdigit() else 0.0
                return answer.status, f"answered {answer.status}", asked
        except FeedRefused as refused:
            return 0, refused.sentence, 0.0
        except TimeoutError:
            return 0, f"no answer within {SECONDS} seconds", 0.0
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return 0, f"cannot be reached: {type(error).__name__}", 0.0

    async with aiohttp.ClientSession(
        connector=GuardedConnector(guard),
        timeout=timeout,
        headers={"User-Agent": "both-sides-newsletter-webhook"},
        trust_env=False,
    ) as session:
        return list(await asyncio.gather(*(post(message) for message in messages)))
