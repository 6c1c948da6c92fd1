"""One answer of Claude's, as typed events. Law: reading never waits for a platform, and no end is taken for whole
unless `message_stop` came.

`create(stream=True)` on the SDK's aiohttp transport: no snapshots that nobody reads, about half the cost per event
of the default. The SDK's own retries are off, because they sleep for whatever `retry-after` says without a word to
anybody; the loop here retries only while nothing has been shown, and says so by a `Retrying` event.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import anthropic
import httpx2
from anthropic.types import MessageParam, RawMessageStreamEvent

from bot.claude import faults
from bot.claude.assembly import Assembly
from bot.claude.events import AnswerEvent, Done, Retrying, Spent, Text, Usage
from bot.claude.faults import ClaudeFault

log = logging.getLogger(__name__)

# Between tries before the first text: 1, 2, 4 s (+- 20 %); people are shown each wait. A longer Retry-After than
# this is not waited for: the sentence with the time is the better answer.
_TRIES = 4
_LONGEST_WAIT = 20.0
# Pings come every 15 to 30 s.
_DEAD_LINE = 120.0
# After `message_stop` the answer is whole, and only the end of the body is to come, in the same packet as a rule: it is
# waited for, since a connection that was read to its end is used again, but nobody waits long for it.
_TAIL = 0.25
# `pause_turn` means "call again to go on"; a model that pauses more often than this is going in circles.
_PAUSES = 5
# Documented: thinking "between_tools" goes with these efforts only, and a request with another is a 400.
_BETWEEN_TOOLS = frozenset({"low", "medium", "high", "off"})
# "messages.0.content.1.document.source.base64.data: The PDF specified was not valid.", "Could not process image"
_ABOUT_FILES = re.compile(
    r"messages\.\d+\.content\.\d+|\b(?:images?|pdfs?|documents?|files?)\b", re.IGNORECASE
)
# Times that files are left out of one request; the last time all that are still in it.
_LEFT_OUT = 3


class Spare(Protocol):
    """The same messages with fewer files: one that Claude does not take must not cost the answer, nor the next ones."""

    def without(self, refusal: str, /, *, everything: bool = False) -> Sequence[MessageParam] | None:
        """With less, by the words of Claude's refusal; None where there is nothing to leave out."""

    def taken(self) -> None:
        """What is left was taken: it was those files."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of the model. `thinking` and `effort` "off": not sent, for servers that do not know them.

    `spare`: where it has files.
    """

    model: str
    messages: Sequence[MessageParam]
    max_tokens: int
    system: str = ""
    effort: str = "off"
    thinking: str = "off"
    extra: dict[str, Any] = field(default_factory=dict)
    spare: Spare | None = field(default=None, compare=False, repr=False)

    def parameters(self, messages: Sequence[MessageParam]) -> dict[str, Any]:
        """The keyword arguments of `messages.create`."""
        told: dict[str, Any] = {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "messages": list(messages),
            # Marks the last block that can be cached, so that a conversation's next turn reads it back.
            "cache_control": {"type": "ephemeral"},
            **self.extra,
        }
        if self.system:
            told["system"] = self.system
        if self.effort != "off":
            told["output_config"] = {"effort": self.effort}
        if self.thinking != "off" and (self.thinking != "between_tools" or self.effort in _BETWEEN_TOOLS):
            told["thinking"] = {"type": self.thinking}
        return told

    @property
    def manner(self) -> tuple[str, str, str]:
        """What is asked of the model beside the answer; not every model takes every thinking and effort."""
        return self.model, self.thinking, self.effort

    def plainer(self) -> Ask | None:
        """The same with less of the manner: without a word about thinking, then about effort. None: nothing to leave."""
        if self.thinking != "off":
            return replace(self, thinking="off")
        return replace(self, effort="off") if self.effort != "off" else None


class Claude:
    """One client for the whole process and its one event loop; make it inside the running loop."""

    def __init__(self, *, api_key: str, base_url: str, silence: float = 120.0) -> None:
        """`silence`: seconds without an event of the model's (pings do not count) after which it is given up."""
        self._silence = silence
        self.first_wait = 1.0  # seconds before the second try; doubled with each
        # A manner that was refused -> what was taken instead.
        self._plainly: dict[tuple[str, str, str], Ask] = {}
        # No byte at all for so long, pings included, is a dead line; a model that only pings may be thinking.
        quiet = min(silence, _DEAD_LINE)
        limits = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=120)
        timeout = httpx2.Timeout(connect=10, read=quiet, write=60, pool=30)
        self._client = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            timeout=timeout,
            http_client=anthropic.DefaultAioHttpClient(limits=limits, timeout=timeout),
        )

    @property
    def client(self) -> anthropic.AsyncAnthropic:
        """For the other things that the API is asked: its models."""
        return self._client

    async def close(self) -> None:
        await self._client.close()

    async def answer(self, ask: Ask) -> AsyncGenerator[AnswerEvent]:
        """The events of one answer, ending in `Done`. Raises ClaudeFault.

        Closing the iterator (or cancelling the task that reads it) closes the connection to Claude at once.
        """
        messages: list[MessageParam] = list(ask.messages)
        asked, ask = ask, self._taken(ask)
        spent = Usage()
        said = False
        tries = pauses = left_out = 0
        while True:
            call = Assembly()
            fault: ClaudeFault | None = None
            refusal = ""
            try:
                async with aclosing(self._events(ask, messages)) as events:
                    async for event in events:
                        if left_out and ask.spare is not None:
                            ask.spare.taken()
                            ask = replace(ask, spare=None)
                        shown = call.take(event)
                        if isinstance(shown, Spent):
                            yield Spent(spent + shown.usage)
                        elif shown is not None:
                            said = said or isinstance(shown, Text)
                            yield shown
                if not call.stopped:
                    fault = faults.ended_early(begun=said)
            except TimeoutError:
                if not call.stopped:
                    fault = faults.went_quiet(begun=said, heard=call.heard)
            except faults.RAISED as error:
                if not call.stopped:  # else it is whole, however the connection ends
                    fault = faults.from_exception(error, begun=said)
                    refusal = error.message if isinstance(error, anthropic.APIError) else ""
            spent += call.usage
            if fault is None:
                if not left_out:  # else who knows what was wrong with it
                    self._learn(asked, ask)
            else:
                refused = fault.kind == faults.REFUSED and not said and not pauses
                plainer = ask.plainer() if refused else None
                if refused and ask.spare is not None and (plainer is None or _ABOUT_FILES.search(refusal)):
                    left_out += 1
                    less = ask.spare.without(refusal, everything=left_out >= _LEFT_OUT)
                    if less is not None:
                        log.warning(
                            "claude.asked_without_files", extra={"model": ask.model, "time": left_out}
                        )
                        messages = list(less)
                        continue
                    ask = replace(ask, spare=None)  # all of them are out, and it was none of them
                if plainer is not None:
                    log.warning("claude.asked_more_plainly", extra={"model": ask.model, "kind": fault.kind})
                    ask = replace(plainer, spare=ask.spare)
                    continue
                tries += 1
                seconds = fault.retry_after or self.first_wait * 2.0 ** (tries - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
                if said or not fault.retryable or tries >= _TRIES or seconds > _LONGEST_WAIT:
                    raise fault
                yield Retrying(fault, seconds)
                await asyncio.sleep(seconds)
                continue
            pauses += 1
            if call.stop_reason != "pause_turn" or pauses > _PAUSES:
                yield Done(call.stop_reason)
                return
            messages.append({"role": "assistant", "content": call.content()})

    def _taken(self, ask: Ask) -> Ask:
        """The request in the manner that this model is known to take."""
        known = self._plainly.get(ask.manner)
        return ask if known is None else replace(ask, thinking=known.thinking, effort=known.effort)

    def _learn(self, asked: Ask, taken: Ask) -> None:
        """A refusal may have had another reason: only what was answered in the end is kept."""
        if asked.manner != taken.manner:
            self._plainly[asked.manner] = replace(taken, messages=(), spare=None)

    async def _events(
        self, ask: Ask, messages: Sequence[MessageParam]
    ) -> AsyncGenerator[RawMessageStreamEvent]:
        """One call's raw events. Raises one of `faults.RAISED`."""
        async with asyncio.timeout(self._silence):
            stream = await self._client.messages.create(stream=True, **ask.parameters(messages))
        async with stream:
            iterator = aiter(stream)
            patience = self._silence
            while True:
                # Not one timeout around the loop: it would fire into whoever holds this generator suspended.
                async with asyncio.timeout(patience):
                    event = await anext(iterator, None)
                if event is None:
                    return
                if event.type == "message_stop":
                    patience = min(_TAIL, self._silence)
                yield event
