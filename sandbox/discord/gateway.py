"""Discord's Gateway: sessions, their events, and what can go wrong with them. Law: a session's events keep their order
and their numbers, whether or not anybody is connected, until the session ends.

Docs: events/gateway (lifecycle, intents, sharding), topics/opcodes-and-status-codes (close codes).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import zlib
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.clock import Clock
from sandbox.discord import payloads
from sandbox.discord.buckets import Buckets
from sandbox.discord.sessions import (
    ACK,
    ALL_INTENTS,
    DISPATCH,
    EVERYTHING,
    GUILDS,
    HEARTBEAT,
    HELLO,
    IDENTIFY,
    INVALID_SESSION,
    MEMBERS,
    MESSAGE_CONTENT,
    NEEDS,
    PRESENCE,
    PRIVILEGED,
    RECONNECT,
    RESUME,
    VOICE,
    Connection,
    Session,
)
from sandbox.discord.state import Channel, Json, State
from sandbox.record import Record

# What a switch of the Gateway is set to is part of its face.
__all__ = ["ALL_INTENTS", "EVERYTHING", "MESSAGE_CONTENT", "Gateway"]


class Gateway:
    """All sessions of the bot.

    `allowed_intents`: what the application may ask for (the portal's toggles); a privileged intent outside it closes
    the socket with 4014. `compress`: answer `compress=zlib-stream` with zlib; else with plain text, which clients take.
    """

    def __init__(self, clock: Clock, state: State, buckets: Buckets, record: Record) -> None:
        self._clock, self._state, self._buckets, self._record = clock, state, buckets, record
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.token = ""
        self.url = ""
        self.allowed_intents = EVERYTHING
        self.compress = True
        self.refuse_resumes = 0  # so many RESUMEs are answered with an invalid session
        self.mute_acks = 0  # so many heartbeats get no answer
        self._twice: dict[str, int] = {}
        self._lost: dict[str, int] = {}
        self._held: dict[str, tuple[int, list[tuple[str, Json, Channel | None, str]]]] = {}
        clock.declare("discord.heartbeat", 41.25)
        clock.declare("discord.session", 180.0)

    @property
    def connected(self) -> bool:
        """Whether a client is there and has identified."""
        return any(session.connection is not None for session in self.sessions.values())

    @property
    def sees_content(self) -> bool:
        """Whether the application may read people's messages, by REST too."""
        return bool(self.allowed_intents & MESSAGE_CONTENT)

    # ------------------------------------------------------------------ events out

    def dispatch(self, event: str, data: Json, *, channel: Channel | None = None, ident: str = "") -> None:
        """Send an event to every session that is meant to see it. `ident` is what the record calls it."""
        if self._take(self._lost, event):
            self._record.add("event", "discord", event=event, id=ident, fate="lost")
            return
        if event in self._held:
            count, held = self._held[event]
            held.append((event, data, channel, ident))
            if len(held) >= count:
                self.release(event)
            return
        self._deliver(event, data, channel, ident)
        if self._take(self._twice, event):
            self._deliver(event, data, channel, ident)

    def _deliver(self, event: str, data: Json, channel: Channel | None, ident: str) -> None:
        guild, direct = NEEDS.get(event, (GUILDS, GUILDS))
        private = channel is not None and channel.kind == "dm"
        hidden = channel is not None and not self._state.may(channel, "view_channel")
        if hidden and event not in ("CHANNEL_UPDATE", "CHANNEL_DELETE", "INTERACTION_CREATE"):
            return
        need = direct if private else guild
        for session in self.sessions.values():
            if need and not session.intents & need:
                continue
            if not session.takes(None if private else self._state.guild_id):
                continue
            body = data
            if (
                event in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
                and not private
                and not session.intents & MESSAGE_CONTENT
            ):
                body = payloads.without_content(data, self._state.bot_id)
            session.seq += 1
            session.events.append((session.seq, event, body))
            self._record.add("event", "discord", event=event, id=ident, seq=session.seq, session=session.id)
            if session.connection is not None:
                session.connection.send(DISPATCH, body, seq=session.seq, event=event)

    @staticmethod
    def _take(counts: dict[str, int], event: str) -> bool:
        left = counts.get(event, 0)
        if left:
            counts[event] = left - 1
        return left > 0

    # ------------------------------------------------------------------ faults

    def twice(self, event: str, *, times: int = 1) -> None:
        """The next `times` events of this name are delivered twice."""
        self._twice[event] = self._twice.get(event, 0) + times

    def lose(self, event: str, *, times: int = 1) -> None:
        """The next `times` events of this name never reach anybody, not even by RESUME."""
        self._lost[event] = self._lost.get(event, 0) + times

    def reverse(self, event: str, *, count: int = 2) -> None:
        """The next `count` events of this name are held back and then delivered, the last one first."""
        if count < 1:
            raise ValueError(f"at least one event is held back, not {count}")
        self._held[event] = (count, [])

    def release(self, event: str) -> None:
        """Deliver what `reverse` holds back."""
        _, held = self._held.pop(event, (0, []))
        for one in reversed(held):
            self._deliver(*one)

    async def disconnect(self, code: int | None = None) -> None:
        """Close every socket with this code; None cuts the connection without a word. Sessions stay resumable."""
        for connection in tuple(self.connections):
            self._detach(connection)
            if code is None:
                if connection.request.transport is not None:
                    connection.request.transport.abort()
            else:
                await connection.socket.close(code=code, message=b"")

    def reconnect(self) -> None:
        """Op 7: clients should close and resume."""
        for connection in self.connections:
            connection.send(RECONNECT, None)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9. Not resumable: the sessions are over, and what happens until the next IDENTIFY is lost."""
        for connection in self.connections:
            if not resumable and connection.session is not None:
                self.sessions.pop(connection.session.id, None)
                connection.session = None
            connection.send(INVALID_SESSION, resumable)

    def forget(self) -> None:
        """End every session that nobody is connected to, so that a RESUME comes too late."""
        for name in [name for name, session in self.sessions.items() if session.connection is None]:
            del self.sessions[name]

    # ------------------------------------------------------------------ one socket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One WebSocket from HELLO to its close."""
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400, text="Bad Request")
        socket = web.WebSocketResponse(max_msg_size=16 * 1024)
        await socket.prepare(request)
        connection = Connection(socket, request, secrets.token_hex(4))
        if request.query.get("v") not in ("9", "10"):
            await socket.close(code=4012, message=b"Invalid API version.")
            return socket
        if request.query.get("encoding", "json") != "json":
            await socket.close(code=4002, message=b"The sandbox speaks JSON only.")
            return socket
        if self.compress and request.query.get("compress") == "zlib-stream":
            connection.deflate = zlib.compressobj()
        self.connections.add(connection)
        writer = asyncio.create_task(connection.write())
        interval = self._clock.real(self._clock.duration("discord.heartbeat"))
        connection.send(
            HELLO, {"heartbeat_interval": max(1, int(interval * 1000)), "_trace": ['["sandbox"]']}
        )
        try:
            await self._listen(connection, interval)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self.connections.discard(connection)
            self._leave(connection)
        return socket

    async def _listen(self, connection: Connection, interval: float) -> None:
        loop = asyncio.get_running_loop()
        connection.beat = loop.time()
        socket = connection.socket
        while not socket.closed:
            # Two intervals without a heartbeat: the client is taken for dead.
            left = connection.beat + 2 * interval + 1.0 - loop.time()
            try:
                message = await socket.receive(timeout=max(0.01, left))
            except TimeoutError:
                await socket.close(code=4009, message=b"Session timed out.")
                return
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR):
                return
            if not self._buckets.gateway_send(connection.name):
                await socket.close(code=4008, message=b"You are being rate limited.")
                return
            refusal = self._receive(connection, message.data)
            if refusal is not None:
                code, reason = refusal
                await socket.close(code=code, message=reason.encode())
                return

    def _receive(self, connection: Connection, data: Any) -> tuple[int, str] | None:
        """Handle one frame; a close code and its reason where the client may not stay."""
        try:
            frame = json.loads(data)
        except (ValueError, UnicodeDecodeError):
            return 4002, "Error while decoding payload."
        if (
            not isinstance(frame, dict)
            or not isinstance(frame.get("op"), int)
            or isinstance(frame["op"], bool)
        ):
            return 4002, "Error while decoding payload."
        op, body = frame["op"], frame.get("d")
        if op == HEARTBEAT:
            connection.beat = asyncio.get_running_loop().time()
            if self.mute_acks > 0:
                self.mute_acks -= 1
            else:
                connection.send(ACK, None)
            return None
        if op in (IDENTIFY, RESUME):
            if connection.session is not None:
                return 4005, "Already authenticated."
            if not isinstance(body, dict):
                return 4002, "Error while decoding payload."
            if body.get("token") != self.token:
                return 4004, "Authentication failed."
            return self._identify(connection, body) if op == IDENTIFY else self._resume(connection, body)
        if op not in (PRESENCE, VOICE, MEMBERS, 31, 43):
            return 4001, "Unknown opcode."
        if connection.session is None:
            return 4003, "Not authenticated."
        if op == MEMBERS:
            self._members(connection.session, body if isinstance(body, dict) else {})
        return None

    def _identify(self, connection: Connection, body: Json) -> tuple[int, str] | None:
        shard = body.get("shard")
        if shard is not None and not (
            isinstance(shard, list)
            and len(shard) == 2
            and all(isinstance(one, int) and not isinstance(one, bool) for one in shard)
            and 0 <= shard[0] < shard[1]
        ):
            return 4010, "Invalid shard."
        intents = body.get("intents")
        if not isinstance(intents, int) or isinstance(intents, bool) or intents < 0 or intents & ~ALL_INTENTS:
            return 4013, "Invalid intent(s)."
        if intents & PRIVILEGED & ~self.allowed_intents:
            return 4014, "Disallowed intent(s)."
        if not self._buckets.identify(str(shard[0] if shard else 0)):
            connection.send(INVALID_SESSION, data=False)
            return None
        session = Session(secrets.token_hex(16), intents, (shard[0], shard[1]) if shard else None)
        self.sessions[session.id] = session
        session.connection, connection.session = connection, session
        self._record.add("session", "discord", session=session.id, what="identified", intents=intents)
        guild = session.takes(self._state.guild_id)
        ready: Json = {
            "v": 10,
            "user": {
                **payloads.user(self._state.users[self._state.bot_id]),
                "verified": True,
                "mfa_enabled": False,
            },
            "guilds": [{"id": self._state.guild_id, "unavailable": True}] if guild else [],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "session_type": "normal",
            "application": {"id": self._state.application_id, "flags": self.application_flags},
            "private_channels": [],
            "relationships": [],
            "_trace": ['["sandbox"]'],
        }
        if shard:
            ready["shard"] = shard
        self._own(session, "READY", ready)
        if guild and intents & GUILDS:
            self._own(session, "GUILD_CREATE", payloads.guild(self._state, gateway=True))
        return None

    @property
    def application_flags(self) -> int:
        """GATEWAY_MESSAGE_CONTENT_LIMITED where the portal's toggle is on (docs: resources/application)."""
        return 1 << 19 if self.sees_content else 0

    def _own(self, session: Session, event: str, data: Json) -> None:
        """An event for one session alone."""
        if self._take(self._lost, event):
            return
        session.seq += 1
        session.events.append((session.seq, event, data))
        self._record.add("event", "discord", event=event, id=session.id, seq=session.seq, session=session.id)
        if session.connection is not None:
            session.connection.send(DISPATCH, data, seq=session.seq, event=event)

    def _resume(self, connection: Connection, body: Json) -> tuple[int, str] | None:
        session = self.sessions.get(str(body.get("session_id")))
        seq = body.get("seq")
        if self.refuse_resumes > 0:
            self.refuse_resumes -= 1
            if session is not None:
                del self.sessions[session.id]
            session = None
        if session is not None and session.connection is None:
            away = self._clock.now() - session.left_at
            if away > self._clock.duration("discord.session"):
                del self.sessions[session.id]
                session = None
        if session is None:
            connection.send(INVALID_SESSION, data=False)
            return None
        if not isinstance(seq, int) or isinstance(seq, bool) or not 0 <= seq <= session.seq:
            del self.sessions[session.id]
            return 4007, "Invalid seq."
        if session.events and seq < session.events[0][0] - 1:
            del self.sessions[session.id]
            connection.send(INVALID_SESSION, data=False)
            return None
        if session.connection is not None:
            self._detach(session.connection)
        session.connection, connection.session = connection, session
        self._record.add("session", "discord", session=session.id, what="resumed", since=seq)
        for number, event, data in session.events:
            if number > seq:
                connection.send(DISPATCH, data, seq=number, event=event)
        self._own(session, "RESUMED", {"_trace": ['["sandbox"]']})
        return None

    def _members(self, session: Session, body: Json) -> None:
        """Op 8: Request Guild Members, by ids or by the beginning of the name."""
        wanted = body.get("user_ids") or []
        wanted = [wanted] if isinstance(wanted, (str, int)) else wanted
        ids = {str(one) for one in wanted} if isinstance(wanted, list) else set()
        query = str(body.get("query") or "").lower()
        people = list(self._state.users.values())
        found = [one for one in people if (one.id in ids if ids else one.handle.startswith(query))]
        data: Json = {
            "guild_id": self._state.guild_id,
            "members": [payloads.member(self._state, one, with_user=True) for one in found],
            "chunk_index": 0,
            "chunk_count": 1,
            "not_found": sorted(ids - set(self._state.users)),
        }
        if body.get("nonce") is not None:
            data["nonce"] = body["nonce"]
        self._own(session, "GUILD_MEMBERS_CHUNK", data)

    def _detach(self, connection: Connection) -> None:
        """The socket is as good as gone: its session waits for a RESUME."""
        session, connection.session = connection.session, None
        if session is not None and session.connection is connection:
            session.connection = None
            session.left_at = self._clock.now()
            code = connection.socket.close_code
            self._record.add("session", "discord", session=session.id, what="left", code=code)

    def _leave(self, connection: Connection) -> None:
        session = connection.session
        self._detach(connection)
        # docs: a client that closes with 1000 or 1001 ends its session
        if session is not None and connection.socket.close_code in (1000, 1001):
            self.sessions.pop(session.id, None)
