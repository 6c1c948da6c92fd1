"""The line to Slack: on the sandbox where it can break so, on a stranger server where only that can."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from adapters.slack import line
from adapters.slack.platform import SlackPlatform
from bot.ports import Bucket, Event, Incoming
from sandbox.clock import Clock
from sandbox.limits import Limits
from sandbox.record import Record
from sandbox.slack.server import SlackServer


class Meter:
    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


async def heard(events: AsyncIterator[Event]) -> str:
    """The text of the next question."""
    async with asyncio.timeout(10):
        event = await anext(events)
    assert isinstance(event, Incoming)
    return event.text


# ---------------------------------------------------------------------------------------------------- the sandbox's


class Workspace:
    def __init__(self) -> None:
        self.clock = Clock()
        self.record = Record(self.clock)
        self.server = SlackServer(self.clock, Limits(), self.record)

    async def connect(self) -> None:
        await self.server.start()
        self.platform = SlackPlatform(
            bot_token=self.server.bot_token, app_token=self.server.app_token, api_url=self.server.api_url
        )
        await self.platform.connect(Meter())
        self.events = self.platform.events()
        await self.both_lines()

    async def both_lines(self) -> None:
        await self.record.wait(lambda _: self.server.connections == 2)

    async def ask(self, text: str) -> str:
        await self.server.say("U0ADA", "C0GENERAL", f"{self.server.mention} {text}")
        return await heard(self.events)


@pytest.fixture
async def slack() -> AsyncIterator[Workspace]:
    workspace = Workspace()
    await workspace.connect()
    yield workspace
    await workspace.platform.close()
    await workspace.server.stop()


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "link_disabled"])
async def test_a_refresh_loses_nothing(slack: Workspace, reason: str) -> None:
    """The next socket is opened before the old one is let go; what is said meanwhile is heard, once and in order."""
    slack.clock.set_duration("slack.warning", 0.3)
    await slack.server.disconnect(reason)
    for n in range(5):
        assert await slack.ask(str(n)) == str(n)
    await slack.record.wait(lambda r: len(r.entries("connected", "slack")) == 4)
    await slack.both_lines()
    assert await slack.ask("afterwards") == "afterwards"


async def test_a_cut_line_costs_no_question(slack: Workspace) -> None:
    """What was sent on the dead socket is sent again at once, and the spare is there to take it."""
    await slack.server.disconnect("", only_first=True)
    for n in range(3):
        assert await slack.ask(str(n)) == str(n)
    assert slack.platform.health().ready
    await slack.both_lines()


async def test_the_next_socket_is_open_before_the_old_one_closes(slack: Workspace) -> None:
    """Slack warns ten seconds before it closes one."""
    slack.clock.set_duration("slack.warning", 5.0)
    await slack.server.disconnect("warning")
    await slack.record.wait(lambda r: len(r.entries("connected", "slack")) == 4)
    assert slack.record.entries("disconnected", "slack") == []


async def test_closing_amid_a_refresh_leaves_nothing_behind(slack: Workspace) -> None:
    """Neither the old socket nor the one that is being opened."""
    slack.clock.set_duration("slack.warning", 5.0)
    await slack.server.disconnect("warning")
    await slack.record.wait(lambda r: len(r.entries("connected", "slack")) >= 3)
    await slack.platform.close()
    await slack.record.wait(lambda _: slack.server.connections == 0)
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("slack-")]


async def test_both_lines_cut_are_both_opened_again(slack: Workspace) -> None:
    """And until then /readyz says what is wrong."""
    await slack.server.disconnect("")
    await slack.record.wait(lambda r: slack.server.connections == 0)
    await slack.both_lines()
    assert await slack.ask("after") == "after"


async def test_a_slack_that_opens_nothing_for_a_while_is_asked_until_it_does(slack: Workspace) -> None:
    """429 with an empty body, 500, a lost answer, a body that is no JSON: none of them ends the trying."""
    faults = slack.server.faults
    faults.fault("apps.connections.open", status=429, body="", retry_after=1)
    faults.fault("apps.connections.open", status=500, times=2)
    faults.fault("apps.connections.open", drop="after")
    faults.fault("apps.connections.open", body="[1]", status=200)
    await slack.server.disconnect("")
    await slack.record.wait(lambda r: slack.server.connections == 0)
    await slack.record.wait(lambda _: slack.server.connections > 0, within=20)
    assert await slack.ask("after") == "after"


# ---------------------------------------------------------------------------------------------------- a stranger's


Serve = Callable[["Stranger", web.WebSocketResponse], Awaitable[None]]


class Stranger:
    """A server that speaks as little of Slack as the test wants."""

    def __init__(self) -> None:
        self.acknowledged: list[str] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.opened = 0
        self.url = ""
        self.serve: Serve = Stranger.usual
        self.autoping = True
        self.changed = asyncio.Event()

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/api/{method}", self._api)
        application.router.add_get("/link", self._link)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    async def _api(self, request: web.Request) -> web.Response:
        if request.match_info["method"] == "auth.test":
            return web.json_response({"ok": True, "team_id": "T1", "user_id": "UBOT", "bot_id": "BBOT"})
        return web.json_response({"ok": True, "url": self.url.replace("http", "ws") + "/link?ticket=SECRET"})

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=self.autoping)
        await socket.prepare(request)
        self.opened += 1
        self.sockets.append(socket)
        self.changed.set()
        await self.serve(self, socket)
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                self.acknowledged.append(json.loads(message.data)["envelope_id"])
                self.changed.set()
        self.changed.set()
        return socket

    async def usual(self, socket: web.WebSocketResponse) -> None:
        await socket.send_str(json.dumps({"type": "hello"}))

    async def tell(self, envelope: str, payload: Any, kind: Any = "events_api") -> None:
        await self.sockets[-1].send_str(
            json.dumps({"envelope_id": envelope, "type": kind, "payload": payload})
        )

    async def ask(self, text: str, envelope: str) -> None:
        event = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": f"{envelope}.0", "text": text}
        await self.tell(envelope, {"type": "event_callback", "team_id": "T1", "event": event})

    async def until(self, condition: Callable[[], bool]) -> None:
        """Asked again whenever something happens here, and now and then: the client may be the one that moves."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.changed.wait(), 0.05)


@pytest.fixture
async def stranger() -> AsyncIterator[Stranger]:
    server = Stranger()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def guest(stranger: Stranger) -> AsyncIterator[SlackPlatform]:
    """The adapter, not yet connected."""
    platform = SlackPlatform(bot_token="xoxb-1", app_token="xapp-1", api_url=stranger.url + "/api/")
    yield platform
    await platform.close()


async def test_no_frame_takes_the_line_down(stranger: Stranger, guest: SlackPlatform) -> None:
    """Whatever comes in an envelope is acknowledged; whatever is none is passed over."""
    await guest.connect(Meter())
    socket = stranger.sockets[0]
    for raw in ("", "not json", "[]", "null", '{"type": 7}', '{"envelope_id": 7}', '{"type": "new_thing"}'):
        await socket.send_str(raw)
    await socket.send_bytes(b"\xff\x00")
    strange: list[Any] = [
        None, [], "text", 7, {}, {"event": None}, {"type": "event_callback"}, {"type": "event_callback", "event": []},
        {"type": "event_callback", "event": {"type": None}}, {"type": "event_callback", "event": {"type": "message"}},
        {"type": "event_callback", "authorizations": 7, "event": {"type": "message"}},
        {"type": "block_actions", "actions": []}, {"type": "block_actions", "actions": [{"action_id": "x"}]},
        {"type": "view_submission", "view": None}, {"type": "view_closed"}, {"type": "message_action"},
        {"command": "/ask"}, {"command": None, "text": "x"}, {"type": "unheard_of", "user": 7},
    ]  # fmt: skip
    kinds = ("events_api", "interactive", "slash_commands", "new_kind", None)
    for kind in kinds:
        for number, payload in enumerate(strange):
            await stranger.tell(f"{kind}-{number}", payload, kind)
    await stranger.ask("<@UBOT> still there?", "last")
    assert await heard(guest.events()) == "still there?"
    every = {f"{kind}-{n}" for kind in kinds for n in range(len(strange))}
    await stranger.until(lambda: every < set(stranger.acknowledged))


async def test_a_silent_socket_is_replaced(
    stranger: Stranger, guest: SlackPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A peer that answers no ping is dead, whatever TCP believes."""
    monkeypatch.setattr(line, "HEARTBEAT_SECONDS", 0.2)
    stranger.autoping = False
    await guest.connect(Meter())
    await stranger.until(lambda: stranger.opened >= 4)


async def test_a_server_that_says_no_hello_is_heard(
    stranger: Stranger, guest: SlackPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connected is connected."""
    monkeypatch.setattr(line, "HELLO_SECONDS", 0.1)

    async def mute(_server: Stranger, _socket: web.WebSocketResponse) -> None:
        return

    stranger.serve = mute
    await guest.connect(Meter())
    await stranger.ask("<@UBOT> hello?", "1")
    assert await heard(guest.events()) == "hello?"


async def test_a_server_that_wants_one_socket_gets_one(
    stranger: Stranger, guest: SlackPlatform, caplog: pytest.LogCaptureFixture
) -> None:
    """It closes the older when a newer comes: the spare gives up, the line stays, and what is said arrives."""
    caplog.set_level(logging.INFO, "adapters.slack.line")

    async def jealous(server: Stranger, socket: web.WebSocketResponse) -> None:
        for older in server.sockets[:-1]:
            await older.close()
        server.sockets[:] = [socket]
        await server.usual(socket)

    stranger.serve = jealous
    await guest.connect(Meter())
    events = guest.events()
    await stranger.until(lambda: "the spare socket rests" in caplog.messages)
    for n in range(3):
        await stranger.ask(f"<@UBOT> {n}", f"{n}")
        assert await heard(events) == str(n)


async def test_a_server_that_tells_everybody_is_heard_once(stranger: Stranger, guest: SlackPlatform) -> None:
    """The same envelope on both sockets is one question, one press, one command."""
    await guest.connect(Meter())
    await stranger.until(lambda: len(stranger.sockets) == 2)
    command = {"command": "/ask", "text": "x", "channel_id": "C1", "user_id": "U1", "trigger_id": "1.1"}
    press = {
        "type": "block_actions",
        "trigger_id": "2.2",
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "container": {"message_ts": "1.2"},
        "actions": [{"action_id": "inkstream:stop", "value": "r1"}],
    }
    events = guest.events()
    for _ in range(2):
        await stranger.ask("<@UBOT> one", "1")
        await stranger.tell("2", command, "slash_commands")
        await stranger.tell("3", press, "interactive")
        stranger.sockets.reverse()
    await stranger.ask("<@UBOT> two", "4")
    kinds = [type(await anext(events)).__name__ for _ in range(4)]
    assert sorted(kinds) == ["Incoming", "Incoming", "Incoming", "Pressed"]


async def test_what_one_socket_brings_at_once_is_handed_on_in_its_order(
    stranger: Stranger, guest: SlackPlatform
) -> None:
    """Questions, presses and commands, of which Bolt answers some at once and others by and by."""
    await guest.connect(Meter())
    events = guest.events()
    press = {
        "type": "block_actions",
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "container": {"message_ts": "1.2"},
        "actions": [{"action_id": "inkstream:stop", "value": "r1"}],
    }
    command = {"command": "/ask", "channel_id": "C1", "user_id": "U1"}
    sent: list[str] = []
    for n in range(0, 60, 4):
        # In a direct message: a mention waits a moment for its twin, and would put the others in order by that.
        for at in (n, n + 3):
            said = {"type": "message", "channel_type": "im", "channel": "D1", "user": "U1", "ts": f"{at}.0"}
            await stranger.tell(f"{at}", {"type": "event_callback", "event": {**said, "text": f"{at}"}})
        await stranger.tell(f"{n}p", {**press, "trigger_id": f"{n + 1}"}, "interactive")
        await stranger.tell(f"{n}c", {**command, "text": f"{n}c", "trigger_id": f"{n + 2}"}, "slash_commands")
        sent += [f"{n}", f"{n + 3}", "pressed", f"{n}c"]
    async with asyncio.timeout(10):
        came = [await anext(events) for _ in sent]
    assert [event.text if isinstance(event, Incoming) else "pressed" for event in came] == sent


@pytest.mark.parametrize(("failures", "least", "most"), [(1, 0.25, 0.5), (4, 2.0, 4.0), (10_000, 15.0, 30.0)])
def test_pauses_grow_and_stay_bearable(failures: int, least: float, most: float) -> None:
    """A month of failures is not a month of waiting, and a fleet does not come back as one."""
    assert all(least <= line.pause(failures) <= most for _ in range(50))
