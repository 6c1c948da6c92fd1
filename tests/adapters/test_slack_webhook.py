"""Slack over signed HTTP instead of Socket Mode."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlencode

import aiohttp
import pytest

from adapters.slack.platform import SlackPlatform
from bot.ports import (
    Bucket,
    Button,
    Chosen,
    ConnectError,
    Content,
    Control,
    Edited,
    Event,
    Field,
    Group,
    Incoming,
    Ordered,
    Panel,
    Pressed,
    Sent,
    Submitted,
    Wanted,
)
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer

GENERAL, ADA = "C0GENERAL", "U0ADA"


class Meter:
    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


def check(_panel: str, values: Mapping[str, tuple[str, ...]], _language: str) -> Mapping[str, str]:
    return {"question": "Please ask something."} if values.get("question") == ("?",) else {}


class Workspace:
    def __init__(self) -> None:
        clock = Clock()
        self.record = Record(clock)
        self.server = SlackServer(clock, Limits(), self.record)

    def make(self, port: int = 0) -> SlackPlatform:
        return SlackPlatform(
            bot_token=self.server.bot_token,
            signing_secret=self.server.signing_secret,
            api_url=self.server.api_url,
            http_port=port,
            check=check,
        )

    async def connect(self) -> None:
        await self.server.start()
        self.platform = self.make()
        await self.platform.connect(Meter())
        self.events = self.platform.events()
        self.url = f"http://127.0.0.1:{self.platform.http_port}/slack/events"
        await self.server.set_request_url(self.url)

    async def next(self) -> Event:
        async with asyncio.timeout(10):
            return await anext(self.events)

    async def send(self, body: bytes, *, kind: str = "application/json", **changed: str) -> int:
        """A request signed as Slack does, but for what is changed; the status of its answer."""
        now = changed.get("timestamp", str(int(time.time())))
        mark = hmac.new(self.server.signing_secret.encode(), f"v0:{now}:".encode() + body, hashlib.sha256)
        headers = {
            "Content-Type": kind,
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": changed.get("signature", f"v0={mark.hexdigest()}"),
        }
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url, data=body, headers=headers) as got,
        ):
            return got.status


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    workspace = Workspace()
    await workspace.connect()
    yield workspace
    await workspace.platform.close()
    await workspace.server.stop()


async def test_questions_commands_and_buttons_arrive(slack: Workspace) -> None:
    """The same events as over a socket; the address passes Slack's verification."""
    assert slack.platform.health().ready
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} why?")
    asked = await slack.next()
    assert isinstance(asked, Incoming)
    assert asked.text == "why?"
    sent = await slack.platform.post(asked.place, Content("because", (Control.STOP,), "r1"), key="k")
    assert isinstance(sent, Sent)
    await slack.server.press(ADA, GENERAL, sent.ref.message, "Stop")
    assert isinstance(await slack.next(), Pressed)
    await slack.server.command(ADA, GENERAL, "ask", "and how?")
    commanded = await slack.next()
    assert isinstance(commanded, Incoming)
    assert commanded.text == "and how?"
    assert slack.record.entries("unacked", "slack") == []


async def test_orders_shortcuts_forms_edits_and_reactions_arrive(slack: Workspace) -> None:
    """One address takes them all; a form closes by an empty answer, and stays open by one that says what is wrong."""
    await slack.server.command(ADA, GENERAL, "claude", "usage")
    order = await slack.next()
    assert isinstance(order, Ordered)
    assert await slack.platform.whisper(order.place, order.person, "Sure?", (Button("yes", "Yes"),))
    told = slack.record.entries("shown", "slack", ephemeral_for=ADA)[-1]
    await slack.server.press(ADA, GENERAL, told["message"], "Yes")
    assert isinstance(await slack.next(), Chosen)
    said = await slack.server.say(ADA, GENERAL, "look at this")
    assert isinstance(await slack.next(), Incoming)
    await slack.server.shortcut(ADA, "ask_message", GENERAL, said)
    wanted = await slack.next()
    assert isinstance(wanted, Wanted)
    ask = Panel("ask", "Ask", (Group("q", "", (Field("question", "Question", "text"),)),), "Ask")
    assert await slack.platform.open(wanted.place, wanted.person, ask)
    [view] = slack.server.views()
    await slack.server.fill(ADA, view["id"], {"question": "?"})
    [given_back] = await slack.record.wait(lambda record: record.entries("view", "slack", verb="errors"))
    assert given_back["body"] == {"question": "Please ask something."}
    await slack.server.fill(ADA, view["id"], {"question": "what is it?"})
    sent = await slack.next()
    assert isinstance(sent, Submitted)
    assert sent.values == {"question": ("what is it?",)}
    await slack.record.wait(lambda _: not slack.server.views())
    await slack.server.change(ADA, GENERAL, said, "look at that")
    assert isinstance(await slack.next(), Edited)
    answer = await slack.platform.post(wanted.place, Content("It is a file."), key="k")
    assert isinstance(answer, Sent)
    await slack.server.react(ADA, GENERAL, answer.ref.message, "octagonal_sign")
    assert isinstance(await slack.next(), Pressed)
    assert slack.record.entries("unacked", "slack") == []


async def test_everything_is_acknowledged(slack: Workspace) -> None:
    """An event without use is no failure: failures switch events off."""
    said = await slack.server.say(ADA, GENERAL, "x" * 100_000)
    await slack.server.react(ADA, GENERAL, said, "eyes")
    await slack.server.shortcut(ADA, "unknown")
    await slack.server.open_home(ADA)
    await slack.record.wait(lambda r: len(r.entries("acked", "slack")) >= 4)
    assert slack.record.entries("unacked", "slack") == []


EVENT = json.dumps({"type": "event_callback", "event": {"type": "app_mention", "text": "forged"}}).encode()


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": "v0=" + "0" * 64},
        {"signature": ""},
        {"signature": "v1=x"},
        {"timestamp": str(int(time.time()) - 600)},
        {"timestamp": "0"},
        {"timestamp": "soon"},
    ],
)
async def test_an_unsigned_or_stale_request_is_turned_away(slack: Workspace, changed: dict[str, str]) -> None:
    """401, and nothing of it is read."""
    assert await slack.send(EVENT, **changed) == 401
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} real")
    asked = await slack.next()
    assert isinstance(asked, Incoming)
    assert asked.text == "real"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"7", "application/json", 400),
        (b"", "application/json", 200),
        (b"{}", "application/json", 200),
        (b'{"event": null, "type": "event_callback"}', "application/json", 200),
        (b"payload=%7B", "application/x-www-form-urlencoded", 400),
        (urlencode({"payload": "[]"}).encode(), "application/x-www-form-urlencoded", 400),
        (urlencode({"command": "/ask"}).encode(), "application/x-www-form-urlencoded", 200),
        (b"\xff\xfe", "application/json", 401),  # cannot have been signed as text
    ],
)
async def test_a_signed_body_that_is_no_payload_gets_a_clear_refusal(
    slack: Workspace, body: bytes, kind: str, status: int
) -> None:
    """And never stops the bot."""
    assert await slack.send(body, kind=kind) == status
    await slack.server.say(ADA, GENERAL, f"{slack.server.mention} still there?")
    assert isinstance(await slack.next(), Incoming)


async def test_a_taken_port_is_said(slack: Workspace) -> None:
    """In a sentence that names the setting."""
    other = slack.make(slack.platform.http_port or 0)
    with pytest.raises(ConnectError, match="SLACK_HTTP_PORT"):
        await other.connect(Meter())
