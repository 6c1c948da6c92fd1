"""Posts, edits and the search for a lost post. Law: one attempt, the newest text or nothing; nothing is kept to be
sent later.

A message that grows natively goes its own road, see `streaming`; whether it does is not the core's trouble.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack import blocks, budgets
from adapters.slack.blocks import Block
from adapters.slack.outcomes import BLOCKS_DISLIKED, DENIED, EDITS_CLOSED, GONE, Failure, outcome
from adapters.slack.stream import LIFE_SECONDS, mark
from adapters.slack.streaming import Streams
from adapters.slack.web import Answer, ask
from bot.ports import Bucket, Content, Meter, Op, Outcome, Place, Ref, Refused, Rejected, Sent, Unavailable

log = logging.getLogger(__name__)

Call: TypeAlias = Callable[[list[Block]], Awaitable[AsyncSlackResponse]]
K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 1_000
FIND_PAGES = 10
FIND_LIMIT = 200
RECENT_SECONDS = 10.0  # a channel that took no post for so long has not spent its own budget of one a second


class Writing:
    """`team` is the workspace whose budgets are spent; `heard(failure or None)` learns of each answer.

    `native`: direct messages grow natively, each for `life` seconds at most; `stopped(ref, reply)` hears that a
    person has stopped one there.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        team: str,
        meter: Meter,
        heard: Callable[[Failure | None], None],
        *,
        native: bool = False,
        stopped: Callable[[Ref, str], None] = lambda _ref, _reply: None,
        life: float = LIFE_SECONDS,
    ) -> None:
        self._client = client
        self._team = team
        self._meter = meter
        self._heard = heard
        self._plain: OrderedDict[Ref, bool] = OrderedDict()  # messages whose Markdown Slack would not take
        self._posted: OrderedDict[str, float] = OrderedDict()  # channel -> when it last took a post
        self._closed: OrderedDict[str, float] = OrderedDict()  # channel -> until when it refuses posts
        self._threadless: OrderedDict[tuple[str, str], bool] = OrderedDict()  # what Slack takes for no thread
        self._read: OrderedDict[str, str] = OrderedDict()  # key -> up to which ts its thread was read in vain
        self.streams = Streams(
            client, team, meter, native=native, update=self._update, heard=heard, stopped=stopped, life=life
        )

    def buckets(self, op: Op, place: Place, ref: Ref | None = None) -> list[Bucket]:
        """A start of a stream is told the meter when it is made: where there is none to spare, a post is."""
        if op == "edit":
            return [budgets.edits(self._team) if ref is None else self.streams.bucket(ref)]
        return [budgets.posts_in(self._team, place.channel), budgets.posts(self._team)]

    async def post(self, place: Place, content: Content, key: str) -> Outcome:
        """As a stream where that is wanted and to be had, else as a message that edits will make grow."""
        started = await self.streams.start(place, content, key)
        if started is not None:
            return started

        thread = self._thread(place)

        def call(shown: list[Block]) -> Awaitable[AsyncSlackResponse]:
            return self._client.chat_postMessage(
                channel=place.channel,
                thread_ts=thread or None,
                text=blocks.fallback(content),
                blocks=shown,
                unfurl_links=False,
                unfurl_media=False,
                link_names=False,
                metadata=mark(key),
            )

        answer, plain = await self._send(call, content, self.buckets("post", place), plain=False)
        if isinstance(answer, Failure) and answer.code == "invalid_thread_ts" and thread:
            # It can still be read outside the thread, where the question stands or its thread did.
            log.warning("Slack takes no answer in this thread; it goes into the channel")
            _keep(self._threadless, (place.channel, thread), value=True)
            return Unavailable(answer.code, applied=False)
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

    def _thread(self, place: Place) -> str:
        thread = self.streams.thread(place)
        return "" if (place.channel, thread) in self._threadless else thread

    async def edit(self, ref: Ref, content: Content) -> Outcome:
        stream = self.streams.of(ref)
        if stream is not None:
            return await self.streams.edit(stream, content)
        answered = await self._update(ref, content)
        if answered == Rejected("streaming_state_conflict"):
            # A crash left it open: it is stopped first.
            self.streams.met(ref)
            return Unavailable("left_open", applied=False)
        # What cannot be changed had better be replaced: by the page as it stays, not by each frame of it, and not for the
        # sake of buttons.
        replaced = {"block_mismatch"} | (EDITS_CLOSED if content.closed else set())
        if isinstance(answered, Rejected) and answered.code in replaced and not content.stands:
            return await self.streams.take_back(ref, content.reply, answered.code)
        return answered

    async def _update(self, ref: Ref, content: Content) -> Outcome:
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
        thread = self._thread(place)
        left = self.streams.may_have_left(place, key)
        found = await self._find(place.channel, thread, place.reply_to, key, left=left)
        if found is None and thread and not place.thread:
            # Asked before streams were wanted, it was answered at top level.
            return await self._find(place.channel, "", "", key)
        return found

    async def _find(
        self, channel: str, thread: str, after: str, key: str, *, left: bool = False
    ) -> Ref | Unavailable | None:
        """`after`: the question's ts. A thread is read from its beginning and, where it is long, on from the question:
        what is looked for was posted later, by the same clock. What is not read to its end is gone on with the next time.

        `left`: a crash may have left it as a stream, without a mark. Then it is the last that the bot said in the thread.
        """
        cursor, since = None, self._read.get(key, "")
        last: Mapping[str, Any] = {}
        for _ in range(FIND_PAGES):
            if thread:
                call = self._client.conversations_replies(
                    channel=channel,
                    ts=thread,
                    limit=FIND_LIMIT,
                    cursor=cursor,
                    oldest=since or None,
                    include_all_metadata=True,
                )
            else:
                call = self._client.conversations_history(
                    channel=channel, limit=FIND_LIMIT, cursor=cursor, include_all_metadata=True
                )
            answer = await ask(call)
            if isinstance(answer, Failure):
                if answer.code in GONE | DENIED:
                    return None  # where we may not read we may not write either, and nothing can be found
                return Unavailable(answer.code, applied=None, retry_after=answer.retry_after or 0.0)
            found = _marked(answer.get("messages"), key)
            if found:
                return Ref(channel, found)
            if thread and self.streams.memory.lost(key):
                for ts in _unmarked(answer.get("messages"), after or thread):
                    if not self.streams.memory.knows(ref := Ref(channel, ts)):
                        self.streams.found(key, ref)
                        return ref
            last = max([last, *_by_bots(answer.get("messages"))], key=lambda said: said.get("ts", ""))
            cursor = _next_cursor(answer)
            if cursor is None:
                self._read.pop(key, None)
                return self._left_open(channel, last, after or thread) if thread and left else None
            if thread:
                read = max(_newest(answer.get("messages")), since)
                if after > read:
                    cursor, since = None, after
                _keep(self._read, key, max(read, since))
        # A thread is read from its beginning, a channel from its end: what was posted of late stands there.
        return Unavailable("thread_too_long") if thread else None

    def _left_open(self, channel: str, last: Mapping[str, Any], after: str) -> Ref | None:
        """The stream that a crash has left, if that is what the bot said last; it is stopped before it is changed."""
        ref = Ref(channel, last.get("ts", ""))
        if ref.message <= after or not _is_bare(last) or self.streams.memory.knows(ref):
            return None
        log.info("a stream that a crash has left was found")
        self.streams.met(ref)
        return ref

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


def _unmarked(messages: object, after: str) -> Iterator[str]:
    """Messages of bots without a mark of ours: a start of a stream cannot carry one. `after`: the question's ts."""
    return (message["ts"] for message in _by_bots(messages) if message["ts"] > after and _is_bare(message))


def _by_bots(messages: object) -> Iterator[Mapping[str, Any]]:
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, Mapping) and message.get("bot_id") and isinstance(message.get("ts"), str):
            yield message


def _is_bare(message: Mapping[str, Any]) -> bool:
    """Whether it has no mark of ours, and could have had none: a file's message is no stream."""
    metadata = message.get("metadata")
    marked = isinstance(metadata, Mapping) and metadata.get("event_type") == blocks.METADATA
    return not marked and not message.get("files")


def _newest(messages: object) -> str:
    """The ts of the last of these messages, or ""."""
    listed = messages if isinstance(messages, list) else ()
    stamps = (message.get("ts") for message in listed if isinstance(message, Mapping))
    return max((ts for ts in stamps if isinstance(ts, str)), default="")


def _next_cursor(answer: Answer) -> str | None:
    more = answer.get("response_metadata")
    cursor = more.get("next_cursor") if isinstance(more, Mapping) else None
    return cursor if isinstance(cursor, str) and cursor else None


def _keep(table: OrderedDict[K, V], key: K, value: V) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > REMEMBERED:
        table.popitem(last=False)
