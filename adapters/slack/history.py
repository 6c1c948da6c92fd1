"""What stands in a thread before a question, read once. Law: bounded in calls, messages and seconds; whatever goes wrong,
what has come so far is the answer.

conversations.replies gives the oldest first, so a long thread is read to its end for its newest messages. Apps that
are sold outside Slack's Marketplace get 15 messages a call and one call a minute: there it ends with the first page.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import reading
from adapters.slack.events import SPOKEN, Identity
from adapters.slack.names import Names, display_name
from adapters.slack.outcomes import DEFAULT_RETRY, REFUSED, Failure
from adapters.slack.web import Answer, ask
from bot.ports import Line, Person, Ref

log = logging.getLogger(__name__)

Payload: TypeAlias = Mapping[str, Any]

FIRST_PAGE = 200
NEXT_PAGES = 1_000
"""Documented: at most 1,000 a call, and "no more than 200 results at a time" recommended; most threads are short."""

MOST_PAGES = 10
READ_SECONDS = 10.0
"""The whole of it: somebody waits for an answer, and sees that the bot is thinking."""

NAMES_SECONDS = 2.0
TELLING = SPOKEN | {"bot_message", "me_message"}
"""Subtypes that say something; joins, pins, tombstones and the like are none."""

_TS = re.compile(r"\d{1,12}(?:\.\d{1,9})?\Z")


async def read_thread(
    client: AsyncWebClient,
    *,
    channel: str,
    root: str,
    before: str,
    limit: int,
    me: Identity,
    names: Names,
    within: float = READ_SECONDS,
) -> list[Line]:
    """The thread's messages older than the ts `before` ("": all), oldest first: the root, and the newest of the others,
    `limit` in all. Our own messages are among them, as Claude's words alone.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    found = await _messages(client, channel, root, before, until)
    spoken = [one for one in found if _speaks(one)]
    if limit < len(spoken):
        # The root tells what the thread is about.
        first = spoken[:1] if spoken and spoken[0].get("ts") == root else []
        spoken = first + spoken[len(spoken) - limit + len(first) :] if limit > len(first) else first[:limit]
    left = max(0.0, until - loop.time())
    await names.learn(_ids(spoken, me, names), within=min(NAMES_SECONDS, left))
    return [one for said in spoken if (one := line(said, channel, me, names.known)) is not None]


def line(said: Payload, channel: str, me: Identity, name_of: Callable[[str], str]) -> Line | None:
    """One message as a line; None where nothing is left of it (a notice, a status), or where it is no message."""
    ts = _text(said, "ts")
    if not ts:
        return None
    ours = is_ours(said, me)
    text = (reading.ours if ours else reading.message)(said, bot=me.user, name_of=name_of)
    files = reading.files(said)
    if not text and not files:
        return None
    return Line(Ref(channel, ts), _author(said, name_of), text, ours=ours, files=files)


def is_ours(said: Payload, me: Identity) -> bool:
    """By the bot's user id, or by its bot id where Slack gives no user."""
    return _text(said, "user") == me.user or bool(me.bot and _text(said, "bot_id") == me.bot)


async def _messages(
    client: AsyncWebClient, channel: str, root: str, before: str, until: float
) -> list[Payload]:
    """All that can be had in time, each once, in order."""
    found: dict[str, Payload] = {}
    cursor: str | None = None
    for page in range(MOST_PAGES):
        size, asked_from = FIRST_PAGE if page == 0 else NEXT_PAGES, cursor

        async def call(size: int = size, cursor: str | None = asked_from) -> Answer | Failure:
            return await ask(
                client.conversations_replies(
                    channel=channel, ts=root, limit=size, cursor=cursor, latest=before or None
                )
            )

        answer = await _patiently(call, until)
        if isinstance(answer, Failure):
            log.info("a thread could not be read", extra={"code": answer.code, "pages": page})
            break
        for one in _listed(answer.get("messages")):
            ts = _text(one, "ts")
            # Each page may repeat the root; "latest" may or may not leave out the question itself.
            if _TS.match(ts) and (not before or _moment(ts) < _moment(before)):
                found[ts] = one
        following = _text(answer.get("response_metadata"), "next_cursor")
        if not following or following == cursor:
            break
        cursor = following
    return [found[ts] for ts in sorted(found, key=_moment)]


async def _patiently(call: Callable[[], Awaitable[Answer | Failure]], until: float) -> Answer | Failure:
    """The answer; a refusal is waited for where it ends in time, a fault of Slack's is tried once more."""
    loop = asyncio.get_running_loop()
    faults = 0
    while True:
        try:
            async with asyncio.timeout_at(until):
                answer = await call()
        except TimeoutError:
            return Failure(0, "timeout")
        if not isinstance(answer, Failure):
            return answer
        refused = answer.status == 429 or answer.code in REFUSED
        if not refused and (faults or (answer.applied is False and answer.status)):
            return answer  # Slack has said no; asking again is no use
        faults += not refused
        pause = (answer.retry_after or DEFAULT_RETRY) if refused else 0.5
        if loop.time() + pause >= until:
            return answer
        await asyncio.sleep(pause)


def _speaks(said: Payload) -> bool:
    return _text(said, "subtype") in TELLING and not said.get("hidden")


def _author(said: Payload, name_of: Callable[[str], str]) -> Person:
    user = _text(said, "user")
    bot = _text(said, "bot_id")
    profile = said.get("bot_profile")
    told = (
        name_of(user) if user and not bot else "",
        _text(said, "username"),
        _text(profile, "name"),
        display_name({"profile": said.get("user_profile")}),
        name_of(user),
    )
    return Person(user or bot or _text(profile, "id"), next(filter(None, told), ""))


def _ids(spoken: Iterable[Payload], me: Identity, names: Names) -> list[str]:
    """Whose names are wanted: who speaks, newest first, then who is spoken of."""
    newest = list(spoken)[::-1]
    authors = [_text(one, "user") for one in newest if not one.get("bot_id")]
    named = [id_ for one in newest for id_ in reading.strangers(one, names.known)]
    return [id_ for id_ in (*authors, *named) if id_ and id_ != me.user]


def _listed(value: object) -> list[Payload]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _moment(ts: str) -> tuple[int, int]:
    """A ts as what it orders by; its digits are microseconds."""
    if not _TS.match(ts):
        return (0, 0)
    whole, _, fraction = ts.partition(".")
    return (int(whole), int(fraction.ljust(9, "0") or "0"))


def _text(payload: object, field: str) -> str:
    value = payload.get(field) if isinstance(payload, Mapping) else None
    return value if isinstance(value, str) else ""
