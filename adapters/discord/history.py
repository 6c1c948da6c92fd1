"""What stands in a thread or a reply chain before a question, read once. Law: bounded in calls, messages and seconds;
whatever goes wrong, what has come so far is the answer.

Discord lists a channel's newest first, so a long thread costs no more than a short one. A reply chain is walked message by
message; each answer brings the message before it along (`referenced_message`), which saves every second call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from adapters.discord import reading
from adapters.discord.outcomes import retry_after_of
from adapters.discord.reading import Cache, Payload
from adapters.discord.rest import Answer
from bot.ports import Line, Ref

_log = logging.getLogger(__name__)

Get: TypeAlias = Callable[[str, str], Awaitable[Answer | None]]
"""`get(channel, tail)`: GET /channels/{channel}/messages{tail}. None: the call was left out, its budget is closed now."""

READ_SECONDS: Final = 10.0
"""The whole of it: somebody waits for an answer, and sees that the bot is thinking."""

PAGE: Final = 100
"""Documented: the most that one call lists."""

MOST_PAGES: Final = 20
MOST_HOPS: Final = 20
"""Calls that a reply chain may take: at five in five seconds somewhat more than there is time for."""

MOST_PAGES_OF_OURS: Final = 10
"""Messages of one answer that stand under each other without an arrow."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How messages are read: the calls, who we are, and what is known already."""

    get: Get
    me: str
    cache: Cache
    guild: str = ""

    def lines(self, found: list[Payload]) -> list[Line]:
        made = (reading.line(one, self.me, self.cache, guild=self.guild) for one in found)
        return [line for line in made if line is not None]

    async def listed(self, channel: str, tail: str, until: float) -> list[Payload]:
        """A channel's messages, newest first."""
        body = await self._patiently(channel, tail, until)
        return [one for one in body if isinstance(one, Mapping)] if isinstance(body, list) else []

    async def one(self, ref: Ref, until: float) -> Payload | None:
        body = await self._patiently(ref.channel, f"/{ref.message}", until)
        return body if isinstance(body, Mapping) else None

    async def _patiently(self, channel: str, tail: str, until: float) -> Any:
        """The answer's body; a closed budget is waited for where it opens in time, a fault is tried once more."""
        loop = asyncio.get_running_loop()
        faults = 0
        while loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    answer = await self.get(channel, tail)
            except TimeoutError:
                break
            if answer is not None and answer.ok:
                return answer.body
            pause = 1.0
            if answer is not None and answer.status == 429:
                pause = retry_after_of(answer) or 1.0
            elif answer is not None:
                faults += 1
                pause = 0.5
                if faults > 1 or not (answer.failure or answer.status >= 500):
                    _log.info("messages could not be read: %s", answer.label)
                    return None
            if loop.time() + pause >= until:
                break
            await asyncio.sleep(pause)
        _log.info("messages could not be read in time")
        return None


async def read_thread(
    reader: Reader, *, channel: str, parent: str, before: str, limit: int, within: float = READ_SECONDS
) -> list[Line]:
    """The thread's messages older than `before` (a message's id), oldest first: the one that it grew from, and the newest
    of the others, `limit` in all. `parent`: the channel that the thread is in, "" where that is not known.
    """
    until = asyncio.get_running_loop().time() + within
    found: list[Payload] = []  # newest first
    start: Payload | None = None
    whole = False
    mark = before
    for _ in range(MOST_PAGES):
        page = await reader.listed(channel, f"?limit={PAGE}" + (f"&before={mark}" if mark else ""), until)
        for one in page:
            if one.get("type") == reading.THREAD_STARTER and isinstance(
                one.get("referenced_message"), Mapping
            ):
                start = one["referenced_message"]
            elif one.get("type", 0) in reading.TELLING:
                found.append(one)
        whole = len(page) < PAGE
        oldest = page[-1].get("id") if page else None
        if whole or len(found) >= limit or not isinstance(oldest, str) or oldest == mark:
            break
        mark = oldest
    if start is None and not any(one.get("id") == channel for one in found):
        # The message that a thread grew from has the thread's id; a forum's post stands in the thread itself.
        start = await reader.one(Ref(parent, channel), until) if parent else None
        if start is None and not whole:
            start = await reader.one(Ref(channel, channel), until)
    found.reverse()
    if start is None and found and found[0].get("id") == channel:
        start = found.pop(0)
    first = [start] if start is not None and start.get("id") != before else []
    rest = max(0, limit - len(first))
    return reader.lines([*first[:limit], *found[max(0, len(found) - rest) :]])


async def read_chain(reader: Reader, *, start: Ref, limit: int, within: float = READ_SECONDS) -> list[Line]:
    """The messages that led to a reply, oldest first; `start` is the one that it replies to."""
    until = asyncio.get_running_loop().time() + within
    found: dict[str, Payload] = {}  # newest first
    at_hand: dict[str, Payload] = {}
    next_: Ref | None = start
    for _ in range(MOST_HOPS):
        while next_ is not None and next_.message in at_hand and next_.message not in found:
            next_ = _take(found, at_hand, at_hand[next_.message])
        if next_ is None or next_.message in found or len(found) >= limit:
            break
        one = await reader.one(next_, until)
        if one is None or not isinstance(one.get("id"), str):
            break
        next_ = _take(found, at_hand, one)
        last = list(found.values())[-1]
        begins = reading.answers(last) is not None or last.get("interaction_metadata")
        if next_ is None and not begins and reading.is_by(last, reader.me):
            next_ = await _pages_above(reader, last, found, at_hand, until)
    chain = list(found.values())[:limit]
    return reader.lines(chain[::-1])


def _take(found: dict[str, Payload], at_hand: dict[str, Payload], one: Payload) -> Ref | None:
    """Puts a message into the chain; the reference to the one before it."""
    found[str(one["id"])] = one
    before = one.get("referenced_message", one)
    if before is None:
        return None  # deleted: Discord says so beside the reference
    if before is not one and isinstance(before, Mapping) and isinstance(before.get("id"), str):
        at_hand[before["id"]] = before
    return reading.answers(one)


async def _pages_above(
    reader: Reader, last: Payload, found: dict[str, Payload], at_hand: dict[str, Payload], until: float
) -> Ref | None:
    """A page of an answer has no arrow where it stands right under the page before it: those above are ours, up to the
    first, which has one.
    """
    channel = str(last.get("channel_id") or "")
    page = await reader.listed(channel, f"?limit={MOST_PAGES_OF_OURS}&before={last['id']}", until)
    for one in page:
        if not reading.is_by(one, reader.me) or not isinstance(one.get("id"), str) or one["id"] in found:
            return None
        before = _take(found, at_hand, one)
        if before is not None or one.get("interaction_metadata"):
            return before
    return None
