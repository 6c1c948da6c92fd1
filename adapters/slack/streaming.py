"""chat.startStream, chat.appendStream, chat.stopStream: a direct message that grows natively. Law: nothing is appended
twice, and what a stream shows is known, or is made known before its message is left.

A stream takes nothing back, is sealed by Slack after some five minutes and holds some eleven thousand bytes. So a
message has a *road* here, and the core need not know which:

    streaming   what is settled is appended, the last call (stopStream) carries the rest
    stopping    it takes no more (age, size, an error, an answer that was lost): `Full` closes its page, and stopStream
                without text makes sure that no late append changes it any more
    replaced    stopped, and not known to show what it should: chat.update gives it its text
    taken back  Slack will not update it (block_mismatch is reported): chat.delete, and the page is posted anew

An appendStream whose answer was lost may have happened, or may yet; none of this is guessed: stopStream is the fence
after which nothing can be appended, and chat.update writes the whole text.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container
from typing import TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import blocks, budgets
from adapters.slack.budgets import Allowance
from adapters.slack.outcomes import (
    DEFAULT_RETRY,
    GONE,
    NEVER_DELETED,
    NEVER_UPDATED,
    NO_STREAMS,
    STOPPED_BY_PERSON,
    STREAM_OVER,
    TOKEN_LOST,
    Failure,
    outcome,
)
from adapters.slack.stream import (
    LEFT_AT_BYTES,
    LIFE_SECONDS,
    MOST_BYTES,
    Memory,
    Stream,
    chunks,
    is_refusal,
    mark,
    was_refused,
)
from adapters.slack.web import ask
from bot.ports import (
    Bucket,
    Content,
    Full,
    Gone,
    Meter,
    Outcome,
    Place,
    Ref,
    Rejected,
    Sent,
    Unavailable,
    Withdrawn,
)

__all__ = ["LIFE_SECONDS", "Streams"]

log = logging.getLogger(__name__)

Update: TypeAlias = Callable[[Ref, Content], Awaitable[Outcome]]

OFF_SECONDS = 3_600.0  # a workspace that has no streams is not asked again for so long
PAUSE_SECONDS = 60.0  # the same after an odd answer to one start


class Streams:
    """The streams of one workspace. `native`: whether new ones are started; `update`: chat.update, one attempt.

    `stopped(ref, reply)` hears that a person has ended one with Slack's own button.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        team: str,
        meter: Meter,
        *,
        native: bool,
        update: Update,
        heard: Callable[[Failure], None],
        stopped: Callable[[Ref, str], None],
        life: float = LIFE_SECONDS,
    ) -> None:
        self._life = life
        self._client = client
        self._team = team
        self._meter = meter
        self._native = native
        self._update = update
        self._heard = heard
        self._stopped = stopped
        self.memory = Memory()
        self._starts = Allowance(budgets.STARTS)
        self._stops = Allowance(budgets.STOPS)
        self._off_until = float("-inf")

    def of(self, ref: Ref) -> Stream | None:
        return self.memory.of(ref)

    @property
    def withdrawn(self) -> Container[Ref]:
        """Messages that we have deleted ourselves: the news of that is no news."""
        return self.memory.withdrawn

    def thread(self, place: Place) -> str:
        """Where posts go: where streams are wanted, the answer in a DM opens a thread under its question."""
        return place.thread or (place.reply_to if self._native and place.private else "")

    def bucket(self, ref: Ref) -> Bucket:
        """What the next call for this message spends."""
        stream = self.memory.of(ref)
        if stream is None or not stream.live or stream.doomed:
            return budgets.edits(self._team)
        return budgets.stops(self._team) if stream.closing else budgets.appends(self._team)

    # ------------------------------------------------------------------------------------------------ starting

    async def start(self, place: Place, content: Content, key: str) -> Outcome | None:
        """The first text of an answer as a stream; None: it had better be posted."""
        now = asyncio.get_running_loop().time()
        self.memory.trying(key)
        thread = self.thread(place)
        if not self._native or not place.private or not thread or now < self._off_until:
            return None
        if content.settled is None or content.closed or content.ping or self.memory.left(content.reply):
            return None
        if self.memory.lost(key):  # looked for in vain: posts bear a mark by which they are found
            return None
        if len(content.text.encode()) > LEFT_AT_BYTES or not self._starts.take(now):
            return None
        bucket = budgets.starts(self._team)
        self._meter.spent(bucket)
        first = content.text[: content.settled]
        # Until an answer says more: whoever waits for it may give up.
        self.memory.starting(key, place.channel)
        answer = await ask(
            self._client.chat_startStream(
                channel=place.channel, thread_ts=thread, chunks=chunks(first) or None
            )
        )
        if isinstance(answer, Failure):
            return self._not_started(answer, key, bucket)
        ts, channel = answer.get("ts"), answer.get("channel")
        if not isinstance(ts, str) or not ts:
            self._off_until = now + PAUSE_SECONDS
            return Unavailable("no_ts", applied=True)
        self.memory.answered(key)
        ref = Ref(channel if isinstance(channel, str) and channel else place.channel, ts)
        stream = Stream(ref, key, content.reply, now + self._life, text=first if first.strip() else "")
        self.memory.keep(stream)
        return stream.open(content.settled)

    def _not_started(self, failed: Failure, key: str, bucket: Bucket) -> Outcome | None:
        now = asyncio.get_running_loop().time()
        if was_refused(failed):
            self.memory.answered(key)
        if is_refusal(failed):
            wait = DEFAULT_RETRY if failed.retry_after is None else failed.retry_after
            self._meter.refused(bucket, wait)
            self._starts.shut(now + wait)
            return None
        off = OFF_SECONDS if failed.code in NO_STREAMS else PAUSE_SECONDS
        if failed.status == 0 and failed.applied is False:
            return Unavailable(failed.code, applied=False)
        self._off_until = now + off
        log.warning("no stream was started; edits go instead", extra={"code": failed.code, "seconds": off})
        if was_refused(failed):
            return None
        return Unavailable(failed.code, None, failed.retry_after or 0.0)

    def may_have_left(self, place: Place, key: str) -> bool:
        """Whether a crash may have left a start with this key, which bears no mark and of which we know nothing."""
        return self._native and place.private and self.memory.foreign(key, place.channel)

    def found(self, key: str, ref: Ref) -> None:
        """A start whose answer was lost. What it shows is not known: the answer goes on in a new message."""
        self.memory.answered(key)
        self.memory.keep(Stream(ref, key, "", float("-inf"), sure=False, broken="start_lost"))

    def met(self, ref: Ref) -> None:
        """A message of ours that streams, of which we know nothing: a crash left it."""
        self.memory.keep(Stream(ref, "", "", float("-inf"), sure=False, broken="left_open", closing=True))

    # ------------------------------------------------------------------------------------------------ growing

    async def edit(self, stream: Stream, content: Content) -> Outcome:
        """One step on the message's road; `Sent` with `open` where another one is needed."""
        stream.reply = content.reply
        if stream.doomed:
            return await self._take_back(stream)
        if not content.closed:
            return await self._grow(stream, content)
        return await (self._stop(stream, content) if stream.live else self._replace(stream, content))

    async def _grow(self, stream: Stream, content: Content) -> Outcome:
        if not stream.broken:
            stream.broken = self._had_better_end(stream, content)
        if stream.broken in STOPPED_BY_PERSON:
            # The reply ends in a moment, and closes its page then.
            return Unavailable(stream.broken, applied=False)
        if stream.broken:
            return Full(stream.broken)
        settled = content.settled or 0
        more = content.text[len(stream.text) : settled]
        if not more.strip():
            return stream.open(max(settled, len(stream.text)))
        failed = await self._append(stream, more)
        if failed is None:
            return stream.open()
        return self._not_appended(stream, failed)

    def _had_better_end(self, stream: Stream, content: Content) -> str:
        if not stream.sure:
            return "answer_lost"
        if not stream.live:
            return "over"
        if asyncio.get_running_loop().time() >= stream.until:
            return "age"
        if len(content.text.encode()) > LEFT_AT_BYTES:
            return "size"
        return "" if content.text.startswith(stream.text) else "changed"

    async def _append(self, stream: Stream, more: str) -> Failure | None:
        stream.sure = False  # until an answer says more: whoever waits for it may give up
        answer = await ask(
            self._client.chat_appendStream(
                channel=stream.ref.channel, ts=stream.ref.message, chunks=chunks(more)
            )
        )
        if isinstance(answer, Failure):
            stream.sure = was_refused(answer)
            return answer
        stream.text, stream.sure = stream.text + more, True
        return None

    def _not_appended(self, stream: Stream, failed: Failure) -> Outcome:
        told = self._told(stream, failed, budgets.appends(self._team))
        if told is not None:
            return told
        stream.broken, stream.mute = failed.code, True
        stream.live = failed.code not in STREAM_OVER
        return Full(failed.code)

    def _told(self, stream: Stream, failed: Failure, bucket: Bucket) -> Outcome | None:
        """What any call for a stream may meet; None for an answer that says only that the stream takes no more."""
        if is_refusal(failed):
            return outcome(failed, bucket=bucket.key)
        if failed.code in GONE:
            self.memory.forget(stream)
            return outcome(failed, bucket=bucket.key)
        if failed.code in TOKEN_LOST - NO_STREAMS:
            self._heard(failed)
            return outcome(failed, bucket=bucket.key)
        if failed.code in STOPPED_BY_PERSON:
            self._ended_by_person(stream)
            return Unavailable(failed.code, applied=False)
        if failed.status == 0 and failed.applied is False:
            return Unavailable(failed.code, applied=False)
        if not was_refused(failed):
            stream.broken = stream.broken or "answer_lost"
            return Unavailable(failed.code, None, failed.retry_after or 0.0)
        return None

    def _ended_by_person(self, stream: Stream) -> None:
        """Somebody pressed Slack's own stop button: the reply is to end as if it were ours."""
        if stream.broken not in STOPPED_BY_PERSON:
            stream.live, stream.broken = False, next(iter(STOPPED_BY_PERSON))
            self._stopped(stream.ref, stream.reply)

    # ------------------------------------------------------------------------------------------------ ending

    async def _stop(self, stream: Stream, content: Content) -> Outcome:
        """The last call of a stream, with the rest of its text where it may take it."""
        fits = stream.sure and not stream.mute and content.text.startswith(stream.text)
        fits = fits and len(content.text.encode()) <= MOST_BYTES
        rest = content.text[len(stream.text) :] if fits else ""
        bucket = budgets.stops(self._team)
        if not stream.closing:
            if not self._stops.take(asyncio.get_running_loop().time()):
                # Stops are rare: the text comes first, by an append, and its end when there is one to spare.
                return await self._rest_first(stream, rest)
            self._meter.spent(bucket)
        paid, stream.closing = stream.closing, True
        sure, stream.sure = stream.sure, stream.sure and not rest
        answer = await ask(
            self._client.chat_stopStream(
                channel=stream.ref.channel,
                ts=stream.ref.message,
                chunks=chunks(rest) or None,
                blocks=(blocks.markdown(content)[1:] or None) if fits else None,
                metadata=mark(stream.key) if fits and stream.key else None,
            )
        )
        if isinstance(answer, Failure):
            stream.sure = stream.sure or (sure and was_refused(answer))
            return self._not_stopped(stream, answer, fits=fits, paid=paid)
        stream.live, stream.sure = False, sure
        return self._whole(stream) if fits else stream.open()

    async def _rest_first(self, stream: Stream, rest: str) -> Outcome:
        stream.closing = True
        failed = await self._append(stream, rest) if rest.strip() else None
        if failed is None:
            return stream.open()
        told = self._told(stream, failed, budgets.appends(self._team))
        stream.mute, stream.live = True, failed.code not in STREAM_OVER
        return told or stream.open()

    def _not_stopped(self, stream: Stream, failed: Failure, *, fits: bool, paid: bool) -> Outcome:
        """`paid`: the outbox has booked this call as what it was."""
        bucket = budgets.stops(self._team)
        if is_refusal(failed) and not paid:
            wait = DEFAULT_RETRY if failed.retry_after is None else failed.retry_after
            self._meter.refused(bucket, wait)
            self._stops.shut(asyncio.get_running_loop().time() + wait)
            stream.closing = False  # an append brings the text meanwhile
            return stream.open()
        if failed.code in STOPPED_BY_PERSON:
            self._ended_by_person(stream)
            return stream.open()
        told = self._told(stream, failed, bucket)
        if told is not None:
            return told
        if failed.code in STREAM_OVER:
            # Slack's seal: even where the text is whole, the message looks broken until it is updated.
            stream.live, stream.sealed = False, True
            return stream.open()
        # Refused with what it carried, it is tried with nothing; refused with nothing, it may be over all the same.
        stream.mute, stream.live = True, fits
        log.warning("a stream was not stopped", extra={"code": failed.code})
        return stream.open()

    async def _replace(self, stream: Stream, content: Content) -> Outcome:
        """It is stopped: give it its text, unless that is what it shows."""
        whole = stream.sure and stream.text == content.text and not content.controls
        if whole and not stream.sealed:
            return self._whole(stream)
        result = await self._update(stream.ref, content)
        match result:
            case Sent() | Gone():
                self.memory.forget(stream)
            case Rejected("streaming_state_conflict") if not stream.conflicts:
                stream.conflicts += 1
                stream.live = stream.closing = stream.mute = True
                return stream.open()
            case Rejected(code) if code in NEVER_UPDATED and whole:
                return self._whole(stream)
            case Rejected(code) if code in NEVER_UPDATED and not content.controls:
                stream.doomed = code
                return stream.open()
        return result

    async def take_back(self, ref: Ref, reply: str, code: str) -> Outcome:
        """Delete a message that cannot be changed any more; mostly one that streamed once."""
        stream = Stream(ref, "", reply, float("-inf"), doomed=code)
        self.memory.keep(stream)
        return await self._take_back(stream)

    async def _take_back(self, stream: Stream) -> Outcome:
        self.memory.withdrawing(stream.ref)
        answer = await ask(self._client.chat_delete(channel=stream.ref.channel, ts=stream.ref.message))
        if isinstance(answer, Failure) and answer.code in NEVER_DELETED:
            # It stays, with its beginning of the answer: a page that can be read twice is better than one that is lost.
            log.warning("a message could not be taken back", extra={"code": answer.code})
        elif isinstance(answer, Failure) and answer.code not in GONE:
            if is_refusal(answer):
                return Unavailable(
                    answer.code, applied=False, retry_after=answer.retry_after or DEFAULT_RETRY
                )
            return outcome(answer, bucket="")
        self.memory.forget(stream)
        self.memory.leave(stream.reply)
        return Withdrawn(stream.doomed)

    def _whole(self, stream: Stream) -> Outcome:
        self.memory.forget(stream)
        return Sent(stream.ref)
