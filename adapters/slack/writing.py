"""Posts, edits and the search for a lost post. Law: one attempt, the newest text or nothing; nothing is kept to be
sent later.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias, TypeVar

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack import blocks, budgets
from adapters.slack.blocks import Block
from adapters.slack.outcomes import BLOCKS_DISLIKED, GONE, Failure, outcome
from adapters.slack.web import Answer, ask
from bot.ports import Bucket, Content, Meter, Op, Outcome, Place, Ref, Refused, Sent, Unavailable

log = logging.getLogger(__name__)

Call: TypeAlias = Callable[[list[Block]], Awaitable[AsyncSlackResponse]]
K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 1_000
FIND_PAGES = 10
FIND_LIMIT = 200
RECENT_SECONDS = 10.0  # a channel that took no post for so long has not spent its own budget of one a second


class Writing:
    """`team` is the workspace whose budgets are spent; `heard(failure or None)` learns of each answer."""

    def __init__(
        self, client: AsyncWebClient, team: str, meter: Meter, heard: Callable[[Failure | None], None]
    ) -> None:
        self._client = client
        self._team = team
        self._meter = meter
        self._heard = heard
        self._plain: OrderedDict[Ref, bool] = OrderedDict()  # messages whose Markdown Slack would not take
        self._posted: OrderedDict[str, float] = OrderedDict()  # channel -> when it last took a post
        self._closed: OrderedDict[str, float] = OrderedDict()  # channel -> until when it refuses posts

    def buckets(self, op: Op, place: Place) -> list[Bucket]:
        if op == "edit":
            return [budgets.edits(self._team)]
        return [budgets.posts_in(self._team, place.channel), budgets.posts(self._team)]

    async def post(self, place: Place, content: Content, key: str) -> Outcome:
        def call(shown: list[Block]) -> Awaitable[AsyncSlackResponse]:
            return self._client.chat_postMessage(
                channel=place.channel,
                thread_ts=place.thread or None,
                text=blocks.fallback(content),
                blocks=shown,
                unfurl_links=False,
                unfurl_media=False,
                link_names=False,
                metadata={"event_type": blocks.METADATA, "event_payload": {"key": key}},
            )

        answer, plain = await self._send(call, content, self.buckets("post", place), plain=False)
        if isinstance(answer, Failure):
            return outcome(answer, bucket=self._refusing(place.channel, answer))
        _keep(self._posted, place.channel, asyncio.get_running_loop().time())
        ts, channel = answer.get("ts"), answer.get("channel")
        if not isinstance(ts, str) or not ts:
            return Unavailable("no_ts", applied=True)
        ref = Ref(channel if isinstance(channel, str) and channel else place.channel, ts)
        if plain:
            _keep(self._plain, ref, value=True)
        return Sent(ref)

    async def edit(self, ref: Ref, content: Content) -> Outcome:
        def call(shown: list[Block]) -> Awaitable[AsyncSlackResponse]:
            return self._client.chat_update(
                channel=ref.channel,
                ts=ref.message,
                text=blocks.fallback(content),
                blocks=shown,
                link_names=False,
            )

        bucket = budgets.edits(self._team)
        # The page as it stays (no button left) is worth a second look: only what was in between may have been odd.
        known = ref in self._plain and bool(content.controls)
        answer, plain = await self._send(call, content, [bucket], plain=known)
        if isinstance(answer, Failure):
            return outcome(answer, bucket=bucket.key)
        if plain:
            _keep(self._plain, ref, value=True)
        return Sent(ref)

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        """Reads the thread (or the channel's latest messages) for the metadata of `post`."""
        cursor: str | None = None
        for _ in range(FIND_PAGES):
            if place.thread:
                call = self._client.conversations_replies(
                    channel=place.channel,
                    ts=place.thread,
                    limit=FIND_LIMIT,
                    cursor=cursor,
                    include_all_metadata=True,
                )
            else:
                call = self._client.conversations_history(
                    channel=place.channel, limit=FIND_LIMIT, cursor=cursor, include_all_metadata=True
                )
            answer = await ask(call)
            if isinstance(answer, Failure):
                if answer.code in GONE:
                    return None
                return Unavailable(answer.code, applied=None, retry_after=answer.retry_after or 0.0)
            found = _marked(answer.get("messages"), key)
            if found:
                return Ref(place.channel, found)
            cursor = _next_cursor(answer)
            if cursor is None:
                return None
        return Unavailable("thread_too_long")

    async def _send(
        self, call: Call, content: Content, spent: Sequence[Bucket], *, plain: bool
    ) -> tuple[Answer | Failure, bool]:
        """One attempt, and a second one in plain sections where Slack will not make blocks of the Markdown."""
        answer = await ask(call(blocks.sections(content) if plain else blocks.markdown(content)))
        if isinstance(answer, Failure) and answer.code in BLOCKS_DISLIKED and not plain:
            log.warning("the Markdown was not taken; plain sections go instead", extra={"code": answer.code})
            for bucket in spent:
                self._meter.spent(bucket)
            plain = True
            answer = await ask(call(blocks.sections(content)))
        self._heard(answer if isinstance(answer, Failure) else None)
        return answer, plain

    def _refusing(self, channel: str, failed: Failure) -> str:
        """Which budget a refused post has met; Slack does not say.

        The channel's own, unless this cannot be: it has taken nothing lately and another one is refusing too.
        """
        own, shared = budgets.posts_in(self._team, channel).key, budgets.posts(self._team).key
        verdict = outcome(failed, bucket=own)
        if not isinstance(verdict, Refused):
            return own
        now = asyncio.get_running_loop().time()
        others = any(until > now for name, until in self._closed.items() if name != channel)
        _keep(self._closed, channel, now + verdict.retry_after)
        idle = now - self._posted.get(channel, float("-inf")) > RECENT_SECONDS
        return shared if others and idle else own


def _marked(messages: object, key: str) -> str:
    """The ts of the message that carries the key, or ""."""
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, Mapping):
            continue
        metadata, ts = message.get("metadata"), message.get("ts")
        if not isinstance(metadata, Mapping) or metadata.get("event_type") != blocks.METADATA:
            continue
        payload = metadata.get("event_payload")
        if isinstance(payload, Mapping) and payload.get("key") == key and isinstance(ts, str):
            return ts
    return ""


def _next_cursor(answer: Answer) -> str | None:
    more = answer.get("response_metadata")
    cursor = more.get("next_cursor") if isinstance(more, Mapping) else None
    return cursor if isinstance(cursor, str) and cursor else None


def _keep(table: OrderedDict[K, V], key: K, value: V) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > REMEMBERED:
        table.popitem(last=False)
