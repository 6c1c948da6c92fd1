"""The sandbox's Gateway, spoken to frame by frame."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.discord.sessions import ALL_INTENTS, EVERYTHING, MESSAGE_CONTENT
from sandbox.limits import Limits
from sandbox.record import Record

GUILD_AND_MESSAGES = 1 | 1 << 9


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    clock = Clock()
    server = DiscordServer(clock, Limits(), Record(clock))
    await server.start()
    yield server
    await server.stop()


class Socket:
    """One connection of a client that does nothing by itself."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse, server: DiscordServer) -> None:
        self.ws, self.server = ws, server
        self._inflate = zlib.decompressobj()

    async def send(self, op: int, d: Any) -> None:
        await self.ws.send_str(json.dumps({"op": op, "d": d}))

    async def next(self) -> dict[str, Any]:
        message = await self.ws.receive(timeout=5)
        if message.type is aiohttp.WSMsgType.BINARY:
            frame = json.loads(self._inflate.decompress(message.data))
        else:
            assert message.type is aiohttp.WSMsgType.TEXT, message
            frame = json.loads(message.data)
        assert isinstance(frame, dict)
        return frame

    async def closed(self) -> int | None:
        """Read on until the server closes; its code."""
        while True:
            message = await self.ws.receive(timeout=5)
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED):
                return self.ws.close_code

    async def identify(self, intents: int = GUILD_AND_MESSAGES, **more: Any) -> dict[str, Any]:
        """HELLO, IDENTIFY, READY; returns READY's data."""
        assert (await self.next())["op"] == 10
        await self.send(2, {"token": self.server.bot_token, "intents": intents, "properties": {}, **more})
        ready = await self.next()
        assert ready["t"] == "READY", ready
        data = ready["d"]
        assert isinstance(data, dict)
        return data


@asynccontextmanager
async def connected(server: DiscordServer, query: str = "v=10&encoding=json") -> AsyncIterator[Socket]:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.gateway_url}?{query}") as ws:
        yield Socket(ws, server)


async def test_the_handshake_is_hello_ready_guild(server: DiscordServer) -> None:
    """HELLO with the interval, READY with where to resume, then the guild with everything in it."""
    async with connected(server) as socket:
        hello = await socket.next()
        assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, 41_250)
        await socket.send(1, None)
        assert (await socket.next())["op"] == 11
        await socket.send(2, {"token": server.bot_token, "intents": GUILD_AND_MESSAGES, "properties": {}})
        ready, guild = await socket.next(), await socket.next()
        assert (ready["s"], guild["s"], guild["t"]) == (1, 2, "GUILD_CREATE")
        assert ready["d"]["resume_gateway_url"] == server.gateway_url
        assert ready["d"]["guilds"] == [{"id": server.guild_id, "unavailable": True}]
        assert {"general", "random"} <= {channel["name"] for channel in guild["d"]["channels"]}


async def test_compressed_frames_are_one_zlib_stream(server: DiscordServer) -> None:
    """Each frame ends with the flush marker and continues the stream of the one before."""
    async with connected(server, "v=10&encoding=json&compress=zlib-stream") as socket:
        await socket.identify()
        assert (await socket.next())["t"] == "GUILD_CREATE"
    server.gateway.compress = False
    async with connected(server, "v=10&encoding=json&compress=zlib-stream") as socket:
        assert (await socket.ws.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (["nonsense"], 4002),
        (["[]"], 4002),
        (['{"op": "1"}'], 4002),
        (['{"op": 2, "d": 5}'], 4002),
        (['{"op": 99, "d": {}}'], 4001),
        (['{"op": 3, "d": {}}'], 4003),
        (['{"op": 2, "d": {"token": "wrong", "intents": 0}}'], 4004),
        (['{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}'], 4004),
        (['{"op": 2, "d": {"token": "TOKEN"}}'], 4013),
        (['{"op": 2, "d": {"token": "TOKEN", "intents": 1073741824}}'], 4013),
        (['{"op": 2, "d": {"token": "TOKEN", "intents": 1, "shard": [2, 2]}}'], 4010),
        (['{"op": 2, "d": {"token": "TOKEN", "intents": 1}}'] * 2, 4005),
    ],
)
async def test_mistakes_close_with_their_code(server: DiscordServer, frames: list[str], code: int) -> None:
    """The close codes of the documentation."""
    async with connected(server) as socket:
        for frame in frames:
            await socket.ws.send_str(frame.replace("TOKEN", server.bot_token))
        assert await socket.closed() == code


async def test_an_old_version_is_refused(server: DiscordServer) -> None:
    """4012."""
    async with connected(server, "v=5") as socket:
        assert await socket.closed() == 4012


async def test_a_privileged_intent_needs_its_toggle(server: DiscordServer) -> None:
    """4014 for content; without it the same client is welcome."""
    server.gateway.allowed_intents = EVERYTHING & ~MESSAGE_CONTENT
    async with connected(server) as socket:
        await socket.send(2, {"token": server.bot_token, "intents": GUILD_AND_MESSAGES | MESSAGE_CONTENT})
        assert await socket.closed() == 4014
    async with connected(server) as socket:
        ready = await socket.identify()
        assert ready["application"]["flags"] == 0


async def test_too_many_frames_close_with_4008(server: DiscordServer) -> None:
    """120 a minute and connection."""
    async with connected(server) as socket:
        for _ in range(121):
            await socket.send(1, None)
        assert await socket.closed() == 4008


async def test_a_client_that_does_not_beat_is_taken_for_dead(server: DiscordServer) -> None:
    """4009 after two intervals and a second; with acks muted the client hears nothing of its beats."""
    server._clock.set_duration("discord.heartbeat", 0.05)
    server.gateway.mute_acks = 1
    async with connected(server) as socket:
        await socket.identify()
        await socket.send(1, 2)
        await socket.send(1, 2)
        assert (await socket.next())["t"] == "GUILD_CREATE"
        assert (await socket.next())["op"] == 11
        assert await socket.closed() == 4009
    assert server._record.entries("event", event="READY")


async def test_resume_replays_exactly_what_was_missed(server: DiscordServer) -> None:
    """From the number that the client names, in order, RESUMED last; the numbers go on."""
    async with connected(server) as socket:
        session = (await socket.identify())["session_id"]
        await socket.next()
        await server.say("Ada", "general", "seen")
        assert (await socket.next())["s"] == 3
        await socket.ws.close(code=4000)
    await server._record.wait(lambda _: server.connections == 0)
    await server.say("Ada", "general", "missed")
    async with connected(server) as socket:
        await socket.next()
        await socket.send(6, {"token": server.bot_token, "session_id": session, "seq": 3})
        missed, resumed = await socket.next(), await socket.next()
        assert (missed["s"], missed["t"], resumed["t"]) == (4, "MESSAGE_CREATE", "RESUMED")
        assert resumed["d"] is not None


@pytest.mark.parametrize("why", ["unknown", "refused", "expired", "ended"])
async def test_a_session_that_is_over_is_invalid(server: DiscordServer, why: str) -> None:
    """Op 9 with false: unknown, refused by script, too late, or ended by the client's own 1000."""
    async with connected(server) as socket:
        session = (await socket.identify())["session_id"]
        await socket.ws.close(code=1000 if why == "ended" else 4000)
    await server._record.wait(lambda _: server.connections == 0)
    if why == "refused":
        server.gateway.refuse_resumes = 1
    if why == "expired":
        server._clock.set_duration("discord.session", 0.0)
    async with connected(server) as socket:
        await socket.next()
        name = "unknown" if why == "unknown" else session
        await socket.send(6, {"token": server.bot_token, "session_id": name, "seq": 1})
        invalid = await socket.next()
        assert (invalid["op"], invalid["d"]) == (9, False)


async def test_a_number_from_the_future_closes_with_4007(server: DiscordServer) -> None:
    """RESUME with a sequence that never was."""
    async with connected(server) as socket:
        session = (await socket.identify())["session_id"]
        await socket.ws.close(code=4000)
    await server._record.wait(lambda _: server.connections == 0)
    async with connected(server) as socket:
        await socket.send(6, {"token": server.bot_token, "session_id": session, "seq": 999})
        assert await socket.closed() == 4007


async def test_identifies_come_one_at_a_time_when_the_switch_says_so(server: DiscordServer) -> None:
    """max_concurrency of 1 per 5 s: the second is an invalid session."""
    server.buckets.enforce_identify = True
    async with connected(server) as first, connected(server) as second:
        await first.identify()
        await second.next()
        await second.send(2, {"token": server.bot_token, "intents": 1})
        assert (await second.next())["op"] == 9


async def test_two_sessions_both_hear_everything(server: DiscordServer) -> None:
    """Two processes with one token: every event to each, as Discord does."""
    async with connected(server) as first, connected(server) as second:
        for socket in (first, second):
            await socket.identify(ALL_INTENTS)
            await socket.next()
        await server.say("Ada", "general", "both")
        heard = [await socket.next() for socket in (first, second)]
        assert [frame["d"]["content"] for frame in heard] == ["both", "both"]


async def test_events_need_their_intent(server: DiscordServer) -> None:
    """A client that asked for guild messages only hears no DM, no typing and no reaction."""
    async with connected(server) as socket:
        await socket.identify(GUILD_AND_MESSAGES)
        await socket.next()
        await server.say("Ada", server.direct("Ada"), "private")
        await server.type("Ada", "general")
        message = await server.say("Ada", "general", "public")
        await server.react("Ada", "general", message, "👍")
        await server.delete("Ada", "general", message)
        assert [(await socket.next())["t"] for _ in range(2)] == ["MESSAGE_CREATE", "MESSAGE_DELETE"]


async def test_what_the_bot_cannot_see_it_does_not_hear(server: DiscordServer) -> None:
    """No events from a private channel; after the permission is given they come."""
    async with connected(server) as socket:
        await socket.identify()
        await socket.next()
        await server.say("Ada", "staff", "among us")
        await server.grant("staff", "view_channel")
        await server.say("Ada", "staff", "welcome")
        assert [(await socket.next())["t"] for _ in range(2)] == ["CHANNEL_UPDATE", "MESSAGE_CREATE"]


async def test_members_can_be_asked_for(server: DiscordServer) -> None:
    """Op 8 by ids: who is there, and who is not."""
    async with connected(server) as socket:
        await socket.identify()
        await socket.next()
        ada = server.state.person("Ada").id
        await socket.send(8, {"guild_id": server.guild_id, "user_ids": [ada, "1"], "nonce": "n"})
        chunk = (await socket.next())["d"]
        assert [one["user"]["global_name"] for one in chunk["members"]] == ["Ada"]
        assert (chunk["not_found"], chunk["nonce"]) == (["1"], "n")


async def test_a_plain_request_is_answered(server: DiscordServer) -> None:
    """Somebody opens the Gateway's address without a WebSocket."""
    url = server.gateway_url.replace("ws", "http")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 400


async def test_closing_the_server_leaves_nothing_running() -> None:
    """stop() ends timers, sockets and tasks, and can be called twice."""
    before = asyncio.all_tasks()
    clock = Clock()
    server = DiscordServer(clock, Limits(), Record(clock))
    await server.start()
    async with connected(server) as socket:
        await socket.identify()
        await server.type("Ada", "general")
        server.interactions.create(
            2, server.state.person("Ada"), server.state.channel("general"), {}, name="a"
        )
        closing = asyncio.create_task(server.stop())
        assert await socket.closed() == 1001
        await closing
    await server.stop()
    assert asyncio.all_tasks() <= before
