"""The sandbox's Slack without a socket, on the loop's clock: the real client, the real methods, and faults by call.

The SDK's client builds each call and reads each answer; between the two stands `deliver` instead of a network.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.dialect import SlackDialect
from adapters.slack.writing import Writing
from bot.ports import (
    Bucket,
    Content,
    Dialect,
    Event,
    Health,
    Meter,
    Op,
    Outcome,
    Place,
    Profile,
    Ref,
    Sent,
    Unavailable,
)
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack import methods
from sandbox.slack.agent import Agent
from sandbox.slack.arguments import Arguments
from sandbox.slack.chat import Chat
from sandbox.slack.conversations import Conversations
from sandbox.slack.methods import METHODS, SCOPES, budgets
from sandbox.slack.nouns import TEAM, Message
from sandbox.slack.places import Places
from sandbox.slack.refusals import SlackError
from sandbox.slack.streams import Streams
from sandbox.slack.workspace import Workspace


class LoopClock(Clock):
    """The sandbox's clock, which is the loop's."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    code    answered instead of carrying it out ("ratelimited" as a 429; "block_mismatch" only of former streams)
    status  an HTTP status that says nothing; carried out before if `applied`
    cut     the connection breaks; carried out before if `applied`
    lose    no answer ever comes; carried out `after` seconds later, if `applied`
    """

    code: str = ""
    status: int = 0
    cut: bool = False
    lose: bool = False
    applied: bool = True
    after: float = 0.0


FaultOf = Callable[[str, int], Fault | None]


class SlackInMemory:
    """One workspace. `fault(method, number of the call)` says what goes wrong."""

    def __init__(self, fault: FaultOf = lambda _method, _number: None, *, seal: float = 300.0) -> None:
        self.clock = LoopClock()
        self.record = Record(self.clock)
        self.limits = Limits()
        methods.declare(self.limits, self.clock)
        self.clock.set_duration("slack.stream_seal", seal)
        self.workspace = Workspace(self.clock, self.record)
        places = Places(self.workspace, set(SCOPES))
        self._handlers = {
            **Chat(places).handlers(),
            **Streams(places, Agent(places, set())).handlers(),
            **Conversations(places).handlers(),
        }
        self._fault = fault
        self._late: set[asyncio.Task[None]] = set()
        self._streamed: set[str] = set()
        self.calls: list[tuple[str, str, str]] = []  # method, message, error
        self.refusals: list[str] = []
        self.under_way: dict[str, int] = {}
        self.overtaken = 0

    @property
    def client(self) -> AsyncWebClient:
        return _Client(self)

    def answers(self, place: Place) -> list[Message]:
        """What the bot has in the thread, in order."""
        channel = self.workspace.channels[place.channel]
        thread = place.thread or place.reply_to
        return [m for m in channel.messages.values() if m.by_bot and thread in (m.thread, "")]

    def ask(self, person: str, number: int) -> Place:
        """A question in somebody's DM."""
        direct = self.workspace.direct(person)
        question = self.workspace.post(direct, person, f"why, {number}?")
        return Place("slack", TEAM, direct.id, reply_to=question.ts, private=True)

    def stop_by_person(self, place: Place, ref: Ref) -> bool:
        """Slack's own button. False: there is none, for nothing streams."""
        message = self.workspace.channels[place.channel].messages.get(ref.message)
        if message is None or message.stream is None or message.stream.over:
            return False
        message.stream.over, message.stream.stopped_by = True, self.workspace.channels[place.channel].person
        return True

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    # -------------------------------------------------------------------------------------------- one call

    async def deliver(self, method: str, said: dict[str, Any]) -> tuple[int, dict[str, str], dict[str, Any]]:
        """(status, headers, body) after a tenth of a second; or the way in which a connection fails."""
        message = str(said.get("ts") or "")
        writes = method.startswith("chat.") and message != ""
        if writes:
            self.under_way[message] = self.under_way.get(message, 0) + 1
            self.overtaken += self.under_way[message] > 1
        try:
            await asyncio.sleep(0.05)
            fault = self._fault(method, len(self.calls)) or Fault()
            if fault.code == "block_mismatch" and message not in self._streamed:
                fault = Fault()
            if fault.code == "ratelimited":
                self.calls.append((method, message, "ratelimited"))
                return 429, {"Retry-After": "2"}, {"ok": False, "error": "ratelimited"}
            if fault.code:
                self.calls.append((method, message, fault.code))
                return 200, {}, {"ok": False, "error": fault.code}
            if fault.lose:
                self.calls.append((method, message, "lost"))
                if fault.applied:
                    task = asyncio.create_task(self._later(fault.after, method, said))
                    self._late.add(task)
                await asyncio.sleep(3600)
            refused = self._spend(method, str(said.get("channel") or ""))
            if refused:
                self.refusals.append(method)
                self.calls.append((method, message, "ratelimited"))
                return 429, {"Retry-After": str(math.ceil(refused))}, {"ok": False, "error": "ratelimited"}
            body = await self._carry_out(method, said) if fault.applied else {"ok": True}
            self.calls.append((method, message, str(body.get("error") or "")))
            await asyncio.sleep(0.05)
            if fault.cut:
                raise aiohttp.ServerDisconnectedError
            if fault.status:
                return fault.status, {}, {"ok": False, "error": "internal_error"}
            return 200, {}, body
        finally:
            if writes:
                self.under_way[message] -= 1

    async def _carry_out(self, method: str, said: dict[str, Any]) -> dict[str, Any]:
        arguments = Arguments(said)
        try:
            arguments.need(*METHODS[method].needs)
            body = {"ok": True, **await self._handlers[method](arguments)}
            if method == "chat.startStream":
                self._streamed.add(body["ts"])
            return body  # noqa: TRY300  one road through
        except SlackError as refused:
            return refused.as_json()

    async def _later(self, after: float, method: str, said: dict[str, Any]) -> None:
        await asyncio.sleep(after)
        await self._carry_out(method, said)

    def _spend(self, method: str, channel: str) -> float:
        now = self.clock.now()
        wanted = budgets(METHODS[method], TEAM, channel)
        for name, scope in wanted:
            verdict = self.limits.gate(name, scope).look(now)
            if not verdict.allowed:
                return verdict.retry_after
        for name, scope in wanted:
            self.limits.take(name, scope, now)
        return 0.0


class _Client(AsyncWebClient):
    """The SDK's client with `deliver` for a network."""

    def __init__(self, slack: SlackInMemory) -> None:
        super().__init__(token="xoxb-in-memory", retry_handlers=[])
        self._slack = slack

    async def api_call(
        self,
        api_method: str,
        *,
        params: dict[str, Any] | None = None,
        json: dict[str, Any] | None = None,
        **_: Any,
    ) -> AsyncSlackResponse:
        said = {
            name: value for name, value in {**(params or {}), **(json or {})}.items() if value is not None
        }
        status, headers, body = await self._slack.deliver(api_method, said)
        response = AsyncSlackResponse(
            client=self,
            http_verb="POST",
            api_url=api_method,
            req_args={},
            data=body,
            headers=headers,
            status_code=status,
        )
        response.validate()  # type: ignore[no-untyped-call]  # the SDK's; raises where Slack says no
        return response


class Adapter:
    """What of the Slack adapter writes, as a `Platform`."""

    def __init__(
        self,
        slack: SlackInMemory,
        *,
        native: bool = True,
        life: float = 240.0,
        page_limit: int = 10_000,
        stopped: Callable[[Ref, str], None] = lambda _ref, _reply: None,
        dialect: Dialect | None = None,
    ) -> None:
        self._slack = slack
        self._native = native
        self._life = life
        self._stopped = stopped
        self.profile = Profile("slack", page_limit, dialect or cast("Dialect", SlackDialect()), 60.0)

    async def connect(self, meter: Meter) -> None:
        self._writing = Writing(
            self._slack.client,
            TEAM,
            meter,
            lambda _failed: None,
            native=self._native,
            stopped=self._stopped,
            life=self._life,
        )

    def buckets(self, op: Op, place: Place, ref: Ref | None, *, age: float = 0.0) -> Sequence[Bucket]:
        return self._writing.buckets(op, place, ref)

    async def post(self, place: Place, content: Content, *, key: str) -> Outcome:
        return await self._writing.post(place, content, key)

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        return await self._writing.edit(ref, content)

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        return await self._writing.find(place, key)

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        await self._slack.client.chat_delete(channel=ref.channel, ts=ref.message)
        return Sent(ref)

    async def events(self) -> AsyncIterator[Event]:
        return
        yield

    def health(self) -> Health:
        return Health(ready=True)
