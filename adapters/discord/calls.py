"""Every call to Discord that is ours, counted. Law: one attempt each, and whatever Discord says of its budgets is heard.

Calls of the outbox were booked by it before they are made; calls beside it are booked here, and left out while their
budget is refused. After a refusal at Discord's edge nothing at all is called until it is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from adapters.discord import budgets
from adapters.discord.budgets import Budgets
from adapters.discord.handles import Interaction
from adapters.discord.outcomes import (
    EDGE_CAP_SECONDS,
    EDGE_SECONDS,
    Blocked,
    Expired,
    Keys,
    Reading,
    Unreferenced,
    read,
    retry_after_of,
)
from adapters.discord.rest import Answer, Rest
from adapters.discord.seen import Recent
from bot.ports import Bucket, Denied, File, Meter, Outcome, Ref, Refused, Unavailable

_log = logging.getLogger(__name__)

KEPT: Final = 1_000

Method: TypeAlias = Literal["GET", "POST", "PATCH", "PUT", "DELETE"]
Met: TypeAlias = Outcome | Expired | Unreferenced


@dataclass(frozen=True, slots=True)
class Call:
    """One call, with the route and major parameter that its budget hangs on."""

    method: Method
    path: str
    route: str
    major: str
    bot: bool = True


class Calls:
    """All calls, and what is known of their budgets.

    meter        who is told about budgets; nobody before `connect`
    application  the application's id, known after the login; interactions come later
    """

    def __init__(self, rest: Rest) -> None:
        self.meter: Meter = _Nobody()
        self.application = ""
        self.budgets = Budgets()
        self._rest = rest
        self._shut_until = float("-inf")
        self._blocked_at = float("-inf")
        self._blocks = 0
        self._flying: Counter[tuple[str, str]] = Counter()
        self._quiet: Recent[str, float] = Recent(KEPT)

    def webhook(self, interaction: Interaction, method: Method, tail: str, route: str) -> Call:
        """A call by an interaction's token."""
        path = f"/webhooks/{self.application}/{interaction.token}{tail}"
        return Call(method, path, route, interaction.id, bot=False)

    async def perform(
        self,
        call: Call,
        body: Mapping[str, Any] | None = None,
        *,
        ref: Ref | None = None,
        channel: str = "",
        aside: bool = False,
        files: Sequence[File] = (),
    ) -> Met:
        """One attempt. `aside`: its budget was not booked by the outbox."""
        left = self._shut_until - now()
        if left > 0:
            return Refused(left, self._shut(call))
        if aside:
            self._spend(call)
        left_at = now()
        reading = self._read(call, await self._made(call, body, files), left_at, ref, channel)
        if aside and isinstance(reading, Refused):
            self._refused(call, reading)
        return reading

    async def aside(self, call: Call, body: Mapping[str, Any] | None = None) -> Answer | None:
        """A call beside the outbox: counted, and left out while its budget is refused. None: it was left out."""
        quiet_until = self._quiet.get(self.budgets.route(call.route, call.major).key) or 0.0
        if now() < max(self._shut_until, quiet_until):
            return None
        self._spend(call)
        left_at = now()
        answer = await self._made(call, body)
        reading = self._read(call, answer, left_at, None, call.major)
        if isinstance(reading, Refused):
            self._quiet.put(self._refused(call, reading).key, now() + reading.retry_after)
        return answer

    def _refused(self, call: Call, reading: Refused) -> Bucket:
        """Tell which budget refused a call that the outbox knows nothing of; returns the route's, by the hash that the
        refusal may have told.
        """
        route = self.budgets.route(call.route, call.major)
        known = (self.budgets.everywhere(), self.budgets.old(call.major))
        bucket = next((one for one in known if one.key == reading.bucket), route)
        self.meter.refused(bucket, reading.retry_after)
        return route

    async def callback(self, path: str, body: Mapping[str, Any]) -> Answer | None:
        """The first response to an interaction, which spends no budget that we know of; None: it was left out, since
        Discord's edge has shut us out of everything.
        """
        if now() < self._shut_until:
            return None
        left_at = now()
        answer = await self._rest.call("POST", path, body, bot=False)
        self._heed(answer, read(answer, Keys("callback"), channel="callback"), left_at)
        return answer

    async def patiently(
        self, call: Call, body: Mapping[str, Any] | None = None, *, within: float
    ) -> Answer | None:
        """The same for what somebody waits for: tried again while it may help, for so many seconds. Whether it was applied
        matters only to a POST; anything else may be done twice.
        """
        until, pause = now() + within, 0.3
        while True:
            answer = await self.aside(call, body)
            if answer is not None and not _again(call, answer):
                return answer
            wait = pause if answer is None else max(pause, retry_after_of(answer) or 0.0)
            if now() + wait >= until:
                return answer
            await asyncio.sleep(wait)
            pause *= 2

    async def insist(
        self,
        call: Call,
        body: Mapping[str, Any] | None = None,
        *,
        within: float,
        ref: Ref | None = None,
        channel: str = "",
        files: Sequence[File] = (),
    ) -> Met:
        """A call beside the outbox whose outcome somebody waits for: what certainly was not applied is tried again while
        that may help. What may be done twice without harm (`ref`: a deletion) also where nobody knows.
        """
        until, pause = now() + within, 0.3
        while True:
            met = await self.perform(call, body, ref=ref, channel=channel, aside=True, files=files)
            again = isinstance(met, Refused) or (
                isinstance(met, Unavailable) and (met.applied is False or ref is not None)
            )
            if not again:
                return met
            wait = max(pause, met.retry_after) if isinstance(met, Refused | Unavailable) else pause
            if now() + wait >= until:
                return met
            await asyncio.sleep(wait)
            pause *= 2

    def overheard(self, route: str, major: str, status: int, headers: Mapping[str, str]) -> None:
        """A call that discord.py made, and what Discord said to it."""
        self.meter.spent(self.budgets.everywhere())
        told = self.budgets.learn(route, headers)
        bucket = self.budgets.route(route, major)
        if told is not None:
            self.meter.told(bucket, limit=told.limit, remaining=told.remaining, reset_after=told.reset_after)
        if status == 429:
            everywhere = headers.get("X-RateLimit-Scope") == "global" or "X-RateLimit-Global" in headers
            wait = retry_after_of(Answer(status=status, headers=headers)) or 1.0
            self.meter.refused(self.budgets.everywhere() if everywhere else bucket, wait)

    # ------------------------------------------------------------------------------------------------------- one call

    async def _made(self, call: Call, body: Mapping[str, Any] | None, files: Sequence[File] = ()) -> Answer:
        """The call, and what its headers tell."""
        counted = (call.route, call.major)
        self._flying[counted] += 1
        try:
            answer = await self._rest.call(call.method, call.path, body, bot=call.bot, files=files)
            self._hear(call, answer)
        finally:
            self._flying[counted] -= 1
            if not self._flying[counted]:
                del self._flying[counted]
        return answer

    def _read(self, call: Call, answer: Answer, left_at: float, ref: Ref | None, channel: str) -> Met:
        route = self.budgets.route(call.route, call.major).key
        keys = Keys(
            route,
            everywhere=self.budgets.everywhere().key if call.bot else "",
            old=self.budgets.old(call.major).key if call.route == budgets.EDIT else "",
        )
        reading = read(answer, keys, ref=ref, channel=channel)
        self._heed(answer, reading, left_at)
        return (
            Refused(self._shut_until - now(), self._shut(call)) if isinstance(reading, Blocked) else reading
        )

    def _shut(self, call: Call) -> str:
        """The budget that the edge shuts: all of them together, where the call spends that. It says nothing of a channel's."""
        return (self.budgets.everywhere() if call.bot else self.budgets.route(call.route, call.major)).key

    def _heed(self, answer: Answer, reading: Reading, left_at: float) -> None:
        """Be silent for as long as the edge wants, and the longer, the more often it says so: what was under way when it
        first did says nothing new.
        """
        if not isinstance(reading, Blocked):
            if not answer.failure:
                self._blocks = 0
            return
        if left_at < self._blocked_at:
            self._shut_until = max(self._shut_until, now() + reading.retry_after)
            return
        self._blocked_at = now()
        wait = reading.retry_after or min(EDGE_CAP_SECONDS, EDGE_SECONDS * 2.0 ** min(self._blocks, 10))
        self._blocks += 1
        self._shut_until = now() + wait
        self.meter.refused(self.budgets.everywhere(), wait)
        _log.warning("shut out at Discord's edge (%s) for %.0f s", answer.label, wait)

    def _hear(self, call: Call, answer: Answer) -> None:
        before = self.budgets.route(call.route, call.major).key
        told = self.budgets.learn(call.route, answer.headers)
        bucket = self.budgets.route(call.route, call.major)
        if told is not None:
            self.meter.told(bucket, limit=told.limit, remaining=told.remaining, reset_after=told.reset_after)
        if bucket.key == before:
            return
        # This route spends another's budget, as we now know. Calls under way were booked elsewhere: they count here.
        for (route, major), flying in self._flying.items():
            if route == call.route:
                others = flying - 1 if major == call.major else flying
                for _ in range(others):
                    self.meter.spent(self.budgets.route(route, major))

    def _spend(self, call: Call) -> None:
        self.meter.spent(self.budgets.route(call.route, call.major))
        if call.bot:
            self.meter.spent(self.budgets.everywhere())


def _again(call: Call, answer: Answer) -> bool:
    if answer.status == 429 or answer.applied is False:
        return not answer.ok
    return call.method != "POST" and (bool(answer.failure) or answer.status >= 500)


class _Nobody:
    """A meter before there is one."""

    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


def plain(reading: Met) -> Outcome:
    """The outcomes that only one road knows, where the other met them: the bot has no way there."""
    if isinstance(reading, Expired | Unreferenced):
        return Denied(reading.code)
    return reading


def now() -> float:
    return asyncio.get_running_loop().time()
