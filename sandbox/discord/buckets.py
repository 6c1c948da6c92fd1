"""Discord's rate limits. Law: the headers say exactly what the counters hold; lengths in them are real seconds.

Discord publishes the headers (docs topics/rate-limits), the global 50 per second, the 10,000 invalid requests per 10
minutes and the Gateway's 120 per 60 s; it does not publish the routes' own figures, so each of those here names who saw
it. A bucket is a limit and a major parameter (channel, guild, or interaction token).
"""

from __future__ import annotations

import hashlib
import math
import time
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.limits import Limit, Limits, Verdict
from sandbox.record import Record

POST, PATCH, OLD = "discord.messages.post", "discord.messages.patch", "discord.messages.patch_old"
DELETE, TYPING, REACTIONS = "discord.messages.delete", "discord.typing", "discord.reactions"
WEBHOOK, GLOBAL, INVALID = "discord.webhook", "discord.global", "discord.invalid"
READ, THREADS, CHANNEL, COMMANDS = (
    "discord.messages.read",
    "discord.threads",
    "discord.channel.patch",
    "discord.commands",
)
DM, OTHER = "discord.users.dm", "discord.other"
GATEWAY_SEND, IDENTIFY = "discord.gateway.send", "discord.gateway.identify"

JAVACORD = "javacord.org/wiki, rate limits; seen by many bots"

DECLARED = (
    Limit(POST, 1.0, 5, "fixed", "observed", JAVACORD + ": 5 per 5 s per channel"),
    Limit(
        PATCH,
        1.0,
        5,
        "fixed",
        "observed",
        "discord-net issue 2375: about one per second per channel; as POST",
    ),
    Limit(
        OLD,
        0.5,
        3,
        "fixed",
        "observed",
        "uddocs message.mdx, PR 551: 3 per 6 s for messages older than an hour",
    ),
    Limit(DELETE, 5.0, 5, "fixed", "observed", JAVACORD + ": 5 per 1 s per channel"),
    Limit(
        REACTIONS, 4.0, 1, "fixed", "observed", JAVACORD + ": 1 per 0.25 s, though the headers say 1 per 1 s"
    ),
    Limit(TYPING, 1.0, 5, "fixed", "guessed", "hit by OpenACP issue 240; the figure is that of POST"),
    Limit(
        WEBHOOK, 2.5, 5, "fixed", "observed", "discord-api-docs issue 2701: 5 per 2 s per interaction token"
    ),
    Limit(READ, 5.0, 5, "fixed", "guessed", "reading of messages; not published"),
    Limit(THREADS, 1.0, 5, "fixed", "guessed", "starting of threads; not published"),
    Limit(
        CHANNEL, 2 / 600, 2, "fixed", "observed", "discord.js issue 6651: name and topic, 2 per 10 minutes"
    ),
    Limit(COMMANDS, 0.25, 5, "fixed", "guessed", "registering of commands; hit by openclaw issue 75341"),
    Limit(DM, 1.0, 10, "fixed", "guessed", "opening of DMs; docs resources/user only warn"),
    Limit(OTHER, 10.0, 10, "fixed", "guessed", "routes that nobody has measured"),
    Limit(
        GLOBAL,
        50.0,
        50,
        "fixed",
        "documented",
        "docs topics/rate-limits: 50 requests per second; the shape is a guess",
    ),
    Limit(
        INVALID,
        10_000 / 600,
        10_000,
        "fixed",
        "documented",
        "docs topics/rate-limits: 401, 403, 429 per 10 minutes",
    ),
    Limit(
        GATEWAY_SEND,
        2.0,
        120,
        "fixed",
        "documented",
        "docs events/gateway: 120 events per 60 s and connection",
    ),
    Limit(IDENTIFY, 0.2, 1, "fixed", "documented", "docs events/gateway: max_concurrency identifies per 5 s"),
)

# Limits that each route has for itself: one figure is assumed for all of them, and no two share a counter.
PER_ROUTE = frozenset({READ, THREADS, COMMANDS, OTHER})

# The headers of reactions promise less than is enforced (JAVACORD).
HEADERS_SAY_RESET = {REACTIONS: 1.0}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a call met: headers for its answer, and, where it was refused, the 429's figures (sandbox seconds)."""

    headers: dict[str, str]
    refused_by: str = ""
    retry_after: float = 0.0
    scope: str = "user"
    code: int = 0


class Buckets:
    """The counters of all routes, and the switches that Discord's own surprises are made with.

    `share_post_and_patch`: sending and editing count in one bucket and say so by one hash.
    """

    def __init__(self, clock: Clock, limits: Limits, record: Record) -> None:
        self._clock, self._limits, self._record = clock, limits, record
        self._salt: dict[str, int] = {}
        self._hidden: dict[str, str] = {}
        self.share_post_and_patch = False
        self.enforce_identify = False
        for limit in DECLARED:
            limits.declare(limit)

    # ------------------------------------------------------------------ switches

    def rehash(self, name: str) -> str:
        """From now on this limit's buckets have another hash, as when Discord moves a route. Returns the new one."""
        self._known(name)
        self._salt[name] = self._salt.get(name, 0) + 1
        return self.hash(name)

    def hide(self, name: str, *, rate: float, burst: int) -> None:
        """A second limit on the same calls that no header shows: 429 while Remaining is above 0."""
        self._known(name)
        hidden = f"{name}.hidden"
        self._limits.declare(
            Limit(hidden, rate, burst, "fixed", "observed", "api-docs issue 2190: sub-limits exist")
        )
        self._limits.change(hidden, rate=rate, burst=burst)
        self._hidden[name] = hidden

    @staticmethod
    def _known(name: str) -> None:
        names = [limit.name for limit in DECLARED]
        if name not in names:
            raise LookupError(f"no limit is called {name!r}; there are {', '.join(names)}")

    def reveal(self, name: str) -> None:
        """Take the hidden limit off again."""
        self._hidden.pop(name, None)

    # ------------------------------------------------------------------ one call

    def hash(self, name: str, route: str = "") -> str:
        """The opaque name of a limit's buckets, without the major parameter."""
        if name == PATCH and self.share_post_and_patch:
            name = POST
        own = route if name in PER_ROUTE else ""
        text = f"{name}/{own}/{self._salt.get(name, 0)}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _gate(self, name: str, major: str, route: str) -> tuple[str, str]:
        """(limit, scope) of the counter that a call spends."""
        if name == PATCH and self.share_post_and_patch:
            name = POST
        return name, f"{major} {route}".strip() if name in PER_ROUTE else major

    def rule(self, name: str, major: str, route: str) -> Ruling:
        """Count one call of a limit whose major parameter is `major`, on the route of that name."""
        gate, scope = self._gate(name, major, route)
        now = self._clock.now()
        hidden = self._hidden.get(name)
        if hidden and self._limits.enforced:
            under = self._limits.gate(hidden, scope).look(now)
            if not under.allowed:
                self._limits.take(hidden, scope, now)
                return Ruling(self.peek(name, major, route), hidden, under.retry_after)
        verdict = self._limits.take(gate, scope, now)
        headers = self._headers(gate, route, self._limits.gate(gate, scope).limit, verdict)
        if not verdict.allowed:
            return Ruling(headers, gate, verdict.retry_after)
        if hidden:
            self._limits.take(hidden, scope, now)
        return Ruling(headers)

    def peek(self, name: str, major: str, route: str) -> dict[str, str]:
        """The headers of a bucket as it stands, spending nothing."""
        limit, scope = self._gate(name, major, route)
        gate = self._limits.gate(limit, scope)
        return self._headers(limit, route, gate.limit, gate.look(self._clock.now()))

    def old_edit(self, channel: str, headers: dict[str, str]) -> Ruling:
        """An edit of a message older than an hour, which counts twice: here and in the route's bucket."""
        verdict = self._limits.take(OLD, channel, self._clock.now())
        if verdict.allowed:
            return Ruling(headers)
        return Ruling(headers, OLD, verdict.retry_after, code=30046)

    def everywhere(self, token: str) -> Ruling | None:
        """The bot's global limit; None where the call may pass."""
        verdict = self._limits.take(GLOBAL, token, self._clock.now())
        return None if verdict.allowed else Ruling({}, GLOBAL, verdict.retry_after, scope="global")

    def invalid(self, address: str) -> None:
        """Count an answer of 401, 403 or 429."""
        self._limits.take(INVALID, address, self._clock.now())

    def banned(self, address: str) -> float:
        """For how many sandbox seconds this address is shut out for its invalid requests; 0.0: it is not."""
        if not self._limits.enforced:
            return 0.0
        verdict = self._limits.gate(INVALID, address).look(self._clock.now())
        return 0.0 if verdict.allowed else verdict.retry_after

    def identify(self, shard_key: str) -> bool:
        """Whether this IDENTIFY comes slowly enough."""
        verdict = self._limits.take(IDENTIFY, shard_key, self._clock.now())
        return verdict.allowed or not self.enforce_identify

    def gateway_send(self, connection: str) -> bool:
        return self._limits.take(GATEWAY_SEND, connection, self._clock.now()).allowed

    def _headers(self, name: str, route: str, limit: Limit, verdict: Verdict) -> dict[str, str]:
        reset = up(self._clock.real(max(verdict.reset_after, HEADERS_SAY_RESET.get(name, 0.0))))
        return {
            "X-RateLimit-Limit": str(1 if limit.shape == "single" else limit.burst),
            "X-RateLimit-Remaining": str(verdict.remaining),
            "X-RateLimit-Reset": f"{time.time() + reset:.3f}",
            "X-RateLimit-Reset-After": f"{reset:.3f}",
            "X-RateLimit-Bucket": self.hash(name, route),
        }


def up(seconds: float) -> float:
    """Rounded up to the millisecond that the headers show, so that whoever waits that long is not too early."""
    return math.ceil(seconds * 1000) / 1000
