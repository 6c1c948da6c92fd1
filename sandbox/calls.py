"""What can be asked of a world from outside. Law: a call is a function; its fields and its documentation are the function's.

control.py serves them over HTTP and makes the list of `GET /control` from them, so that there is no second list that
could be wrong.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sandbox.claude import ClaudeServer, library, orders
from sandbox.claude.script import KINDS
from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.limits import Limits, Shape
from sandbox.record import Record
from sandbox.slack.server import SlackServer

LONGEST_WAIT: Final = 60.0  # real seconds of one long poll
MOST_ENTRIES: Final = 10_000  # of the record in one answer


class World(Protocol):
    """What is steered."""

    clock: Clock
    limits: Limits
    record: Record
    slack: SlackServer
    discord: DiscordServer
    claude: ClaudeServer

    def environment(self) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Call:
    """One control call. Its fields are the parameters of `run`, its documentation is `run`'s docstring."""

    method: str
    path: str
    run: Callable[..., Any]

    def as_json(self) -> dict[str, Any]:
        fields: dict[str, str] = {}
        for name, parameter in inspect.signature(self.run).parameters.items():
            kind = (
                parameter.annotation if isinstance(parameter.annotation, str) else str(parameter.annotation)
            )
            if parameter.kind is parameter.VAR_POSITIONAL:
                fields[name] = f"list[{kind}] = []"
            else:
                default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
                fields[name] = kind + default
        return {
            "call": f"{self.method} /control{self.path}",
            "fields": fields,
            "does": " ".join((inspect.getdoc(self.run) or "").split()),
        }


class ControlError(ValueError):
    """A call that cannot be served; the message is the sentence that is answered."""


# ---------------------------------------------------------------------------------------------------- the world's calls


class Controls:
    """What can be asked of the whole world and of Claude."""

    def __init__(self, world: World) -> None:
        self._world = world

    def calls(self) -> list[Call]:
        return [
            Call("GET", "/environment", self.environment),
            Call("GET", "/snapshot", self.snapshot),
            Call("GET", "/record", self.record),
            Call("GET", "/time", self.time),
            Call("POST", "/time", self.set_time),
            Call("GET", "/limits", self.limits),
            Call("POST", "/limits", self.set_limits),
            Call("GET", "/claude/library", self.library),
            Call("GET", "/claude/requests", self.requests),
            Call("POST", "/claude/script", self.script),
            Call("POST", "/claude/fault", self.fault),
            Call("POST", "/claude/clear", self.clear),
            Call("POST", "/claude/speed", self.speed),
        ]

    def environment(self) -> dict[str, str]:
        """The settings with which a bot talks to this sandbox."""
        return self._world.environment()

    def snapshot(self) -> dict[str, Any]:
        """People, channels and every message of both platforms, as they stand now."""
        answer: dict[str, Any] = {"now": self._world.clock.now(), "record": len(self._world.record)}
        for name, server in (("slack", self._world.slack), ("discord", self._world.discord)):
            channels = server.channels()
            answer[name] = {
                "bot": server.bot_id,
                "mention": server.mention,
                "people": server.people(),
                "channels": channels,
                "messages": {channel["id"]: server.messages(channel["id"]) for channel in channels},
            }
        return answer

    async def record(
        self, since: int = 0, wait: float = 0.0, kind: str = "", platform: str = "", limit: int = 1000
    ) -> dict[str, Any]:
        """Entries from number `since` on, of a kind and a platform or of all; `next` is the `since` of the next call.
        With `wait` (real seconds, at most 60) the answer comes with the first entry, or empty when the time is over.
        What the kinds hold is told in sandbox/record.py.
        """
        if since < 0 or not 0 <= wait <= LONGEST_WAIT or not 1 <= limit <= MOST_ENTRIES:
            raise ControlError(
                f"since is 0 or more, wait at most {LONGEST_WAIT:g}, limit 1 to {MOST_ENTRIES}"
            )
        found = self._entries(since, kind, platform)
        if not found and wait:
            # The record's own wait would look through all of it after each entry; only new ones matter here.
            arrived = asyncio.Event()
            stop = self._world.record.listen(
                lambda entry: (
                    arrived.set() if kind in ("", entry.kind) and platform in ("", entry.platform) else None
                )
            )
            try:
                async with asyncio.timeout(wait):
                    await arrived.wait()
            except TimeoutError:
                pass  # an empty answer says so
            finally:
                stop()
            found = self._entries(since, kind, platform)
        page = found[:limit]
        after = page[-1]["number"] + 1 if len(page) < len(found) else len(self._world.record)
        return {"entries": page, "next": max(since, after)}

    def _entries(self, since: int, kind: str, platform: str) -> list[dict[str, Any]]:
        return [
            entry.as_json()
            for entry in self._world.record.entries(kind or None, platform or None)
            if entry.number >= since
        ]

    def time(self) -> dict[str, Any]:
        """Sandbox seconds since the beginning, the scale, and every named duration in sandbox seconds."""
        clock = self._world.clock
        return {"now": clock.now(), "scale": clock.scale, "durations": dict(clock.durations)}

    def set_time(
        self, scale: float | None = None, durations: dict[str, float] | None = None
    ) -> dict[str, Any]:
        """`scale`: sandbox seconds per real second, for limits, expiries, retries and Claude's speed. `durations`:
        single lengths in sandbox seconds, such as {"slack.stream_seal": 2}.
        """
        for name, seconds in (durations or {}).items():
            if seconds < 0:
                raise ControlError(f"{name} is a length, never negative")
            if name not in self._world.clock.durations:
                # Looked up before anything is changed, so that a misspelling changes nothing.
                raise ControlError(
                    f"no duration is called {name!r}; there are {', '.join(sorted(self._world.clock.durations))}"
                )
        if scale is not None:
            self._world.clock.rescale(scale)
        for name, seconds in (durations or {}).items():
            self._world.clock.set_duration(name, seconds)
        return self.time()

    def limits(self) -> dict[str, Any]:
        """Every limit with its certainty, and what is left in each counter that was used."""
        now = self._world.clock.now()
        gates: dict[str, list[dict[str, Any]]] = {}
        for scope, gate in self._world.limits.gates():
            look = gate.look(now)
            gates.setdefault(gate.limit.name, []).append(
                {
                    "scope": scope,
                    "remaining": look.remaining,
                    "reset_after": look.reset_after,
                    "retry_after": look.retry_after,
                    "calls": gate.calls,
                    "refusals": gate.refusals,
                }
            )
        known = [
            {
                "name": limit.name,
                "rate": limit.rate,
                "burst": limit.burst,
                "shape": limit.shape,
                "certainty": limit.certainty,
                "source": limit.source,
                "counters": gates.get(limit.name, []),
            }
            for limit in self._world.limits.known
        ]
        return {"enforced": self._world.limits.enforced, "limits": known}

    def set_limits(
        self,
        name: str = "",
        rate: float | None = None,
        burst: int | None = None,
        shape: Shape | None = None,
        enforced: bool | None = None,
    ) -> dict[str, Any]:
        """Change one limit (`rate` in calls per sandbox second), or whether any is enforced."""
        if name:
            self._world.limits.change(name, rate=rate, burst=burst, shape=shape)
        elif rate is not None or burst is not None or shape is not None:
            raise ControlError("name says which limit is to be changed")
        if enforced is not None:
            self._world.limits.enforced = enforced
        return self.limits()

    # ------------------------------------------------------------------------------------------------ Claude

    def library(self) -> dict[str, Any]:
        """What can stand in a question after #script: and #fault:, and in the calls below."""
        return {"scripts": list(library.names()), "faults": dict(KINDS)}

    def requests(self, since: int = 1) -> list[dict[str, Any]]:
        """Every request to POST /v1/messages from number `since` on, with its whole body and what was answered."""
        return [
            {
                "number": one.number,
                "id": one.id,
                "at": one.at,
                "body": one.body,
                "headers": one.headers,
                "status": one.status,
                "said": one.said,
                "ended": one.ended,
            }
            for one in self._world.claude.requests[max(0, since - 1) :]
        ]

    def script(
        self,
        text: str | None = None,
        script: str | None = None,
        chars: int | None = None,
        blocks: list[dict[str, Any]] | None = None,
        raw: str | None = None,
        when: str = "",
        **fields: Any,
    ) -> dict[str, int]:
        """Queue one answer for the next request, or for the next whose question contains `when`: a text, a script of
        the library, so many characters of prose, blocks (text, thinking, tool_use, server_tool_use) or a recorded
        body. Further fields: speed, first_byte, first_text, piece, write, pairs, pings, stop_reason, stop_details,
        stop_sequence, faults (a list, each as in /control/claude/fault).
        """
        sources = {"text": text, "script": script, "chars": chars, "blocks": blocks, "raw": raw}
        self._world.claude.script(orders.script(sources | fields), when=when)
        return {"queued": self._world.claude.queued}

    def fault(self, fault: str | dict[str, Any], when: str = "") -> dict[str, int]:
        """Queue a fault for the next requests: "529", "fin@300:times=2", or an object with `kind` and the fields at,
        status, error, message, error_code, retry_after, seconds, category, times.
        """
        self._world.claude.fault(orders.fault(fault), when=when)
        return {"queued": self._world.claude.queued}

    def clear(self) -> dict[str, int]:
        """Forget all answers and faults that are queued for Claude."""
        self._world.claude.clear()
        return {"queued": self._world.claude.queued}

    def speed(self, speed: float) -> dict[str, float]:
        """Characters per sandbox second of every answer that does not choose its own; also of those under way."""
        if not 0 < speed < 1e9:
            raise ControlError(f"speed is a positive number, not {speed}")
        self._world.claude.speed = speed
        return {"speed": speed}


# ---------------------------------------------------------------------------------------------------- the platforms' calls

# Verbs of the servers themselves: what people do, what administrators do, what goes wrong.
SLACK_VERBS: Final = (
    "say",
    "command",
    "press",
    "delete",
    "change",
    "react",
    "shortcut",
    "submit",
    "fill",
    "close_view",
    "stop_stream",
    "stop_session",
    "choose_prompt",
    "create_channel",
    "open_home",
    "invite",
    "remove_bot",
    "unfurl",
    "set_archived",
    "set_request_url",
    "disconnect",
    "deliver_twice",
    "swallow_acks",
    "revoke",
)
DISCORD_VERBS: Final = (
    "say",
    "command",
    "press",
    "select",
    "menu",
    "menu_on_person",
    "complete",
    "submit",
    "dismiss",
    "delete",
    "change",
    "react",
    "unreact",
    "type",
    "start_thread",
    "archive",
    "unarchive",
    "invite_bot",
    "create_channel",
    "delete_channel",
    "revoke",
    "grant",
    "unfurl",
    "disconnect",
)
GATEWAY_VERBS: Final = ("reconnect", "invalidate", "twice", "lose", "reverse", "release", "forget")
BUCKET_VERBS: Final = ("rehash", "hide", "reveal")


def platform_calls(world: World) -> list[Call]:
    calls: list[Call] = []
    servers: dict[str, SlackServer | DiscordServer] = {"slack": world.slack, "discord": world.discord}
    for name, server in servers.items():
        calls += [
            Call("GET", f"/{name}/people", server.people),
            Call("GET", f"/{name}/channels", server.channels),
            Call("GET", f"/{name}/messages", server.messages),
            Call("GET", f"/{name}/direct", server.direct),
            Call("GET", f"/{name}/commands", server.commands),
            Call("POST", f"/{name}/fault", server.faults.fault),
            Call("GET", f"/{name}/faults", server.faults.as_json),
            Call("POST", f"/{name}/faults/clear", server.faults.clear),
        ]
    calls += [Call("POST", f"/slack/{verb}", getattr(world.slack, verb)) for verb in SLACK_VERBS]
    calls += [Call("POST", f"/discord/{verb}", getattr(world.discord, verb)) for verb in DISCORD_VERBS]
    calls += [
        Call("POST", f"/discord/gateway/{verb}", getattr(world.discord.gateway, verb))
        for verb in GATEWAY_VERBS
    ]
    calls += [
        Call("POST", f"/discord/buckets/{verb}", getattr(world.discord.buckets, verb))
        for verb in BUCKET_VERBS
    ]
    calls += [
        Call("GET", "/slack/views", world.slack.views),
        Call("GET", "/slack/status", world.slack.status),
        Call("GET", "/discord/modals", world.discord.modals),
        Call("POST", "/discord/switches", Switches(world.discord).set),
    ]
    return calls


class Switches:
    """The attributes of the Discord server that a test sets directly, as a call."""

    def __init__(self, discord: DiscordServer) -> None:
        self._discord = discord

    def set(
        self,
        allowed_intents: int | None = None,
        compress: bool | None = None,
        refuse_resumes: int | None = None,
        mute_acks: int | None = None,
        latency: float | None = None,
        picky_user_agent: bool | None = None,
        share_post_and_patch: bool | None = None,
        enforce_identify: bool | None = None,
    ) -> dict[str, Any]:
        """What the application may ask for (allowed_intents), how the Gateway answers (compress, refuse_resumes,
        mute_acks), REST's latency in sandbox seconds and whether it wants a proper User-Agent, and how its buckets are
        shared. Answers with how all of them stand.
        """
        given = dict(locals())
        homes = self._homes()
        for name, home in homes.items():
            if given[name] is not None:
                setattr(home, name, given[name])
        return {name: getattr(home, name) for name, home in homes.items()}

    def _homes(self) -> dict[str, Any]:
        gateway, rest, buckets = self._discord.gateway, self._discord.rest, self._discord.buckets
        return {
            "allowed_intents": gateway,
            "compress": gateway,
            "refuse_resumes": gateway,
            "mute_acks": gateway,
            "latency": rest,
            "picky_user_agent": rest,
            "share_post_and_patch": buckets,
            "enforce_identify": buckets,
        }


def all_calls(world: World) -> list[Call]:
    return [*Controls(world).calls(), *platform_calls(world)]
