"""How Discord counts our calls: which budget each call spends, and what a response's headers say of it. Pure.

Law: routes share a budget exactly where Discord says that they do, and a budget keeps its key while that is so.

Discord publishes no figures per route and asks bots to read the headers (topics/rate-limits). A budget is the
`X-RateLimit-Bucket` hash together with the major parameter (here the channel, or the interaction). The hash is learnt
from the first response, when other calls of the budget are under way and booked under the name that was known then;
so a budget is called after the first route that was seen to spend it, before and after its hash is known, and only a
route that turns out to share another's hash changes its key. Calls by the bot's token also spend 50 a second over
everything; calls by an interaction's token do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.ports import Bucket, Rule

POST: Final = "POST /channels/{c}/messages"
EDIT: Final = "PATCH /channels/{c}/messages/{m}"
TYPING: Final = "POST /channels/{c}/typing"
READ: Final = "GET /channels/{c}/messages"
DELETE: Final = "DELETE /channels/{c}/messages/{m}"
BRANCH: Final = "POST /channels/{c}/messages/{m}/threads"
MEMBER: Final = "GET /guilds/{c}/members/{id}"
WEBHOOK_ORIGINAL: Final = "PATCH /webhooks/{a}/{t}/messages/@original"
WEBHOOK_EDIT: Final = "PATCH /webhooks/{a}/{t}/messages/{m}"
WEBHOOK_POST: Final = "POST /webhooks/{a}/{t}"
WEBHOOK_DELETE: Final = "DELETE /webhooks/{a}/{t}/messages/{m}"
OTHER: Final = "other"

_WEBHOOK: Final = (WEBHOOK_ORIGINAL, WEBHOOK_EDIT, WEBHOOK_POST, WEBHOOK_DELETE)

_FIVE_IN_FIVE: Final = Rule(
    rate=1.0,
    burst=5,
    shape="window",
    certainty="observed",
    source="javacord.org/wiki ratelimits; discord-net#2375; the headers say what holds",
)

RULES: Final[Mapping[str, Rule]] = {
    POST: _FIVE_IN_FIVE,
    EDIT: _FIVE_IN_FIVE,
    TYPING: _FIVE_IN_FIVE,
    DELETE: Rule(
        rate=5.0,
        burst=5,
        shape="window",
        certainty="observed",
        source="javacord.org/wiki ratelimits: 5 in 1 s; lower for messages of two weeks, which headers tell",
    ),
    READ: Rule(
        rate=1.0,
        burst=5,
        shape="window",
        certainty="guessed",
        source="as other routes of a channel; headers decide",
    ),
}

INTERACTION: Final = Rule(
    rate=2.5,
    burst=5,
    shape="window",
    certainty="observed",
    source="5 in 2 s for each interaction: discord-api-docs#2701; as webhooks, says receiving-and-responding",
)
"""Posts and edits by one interaction's token: whether they share a budget is not known, so they do until the hashes
say otherwise."""

OLD: Final = Rule(
    rate=0.5,
    burst=3,
    shape="window",
    certainty="observed",
    source="3 in 6 s: discord-userdoccers resources/message, code 30046",
)
OLD_SECONDS: Final = 3600.0
"""Edits of a message older than an hour have a budget of their own (code 30046) beside the usual one."""

GLOBAL: Final = Rule(
    rate=50.0,
    burst=50,
    shape="window",
    certainty="documented",
    source="topics/rate-limits: 50 requests per second",
)
GLOBAL_KEY: Final = "discord:global"

ANY: Final = Rule(
    rate=1.0,
    burst=5,
    shape="window",
    certainty="guessed",
    source="a route of which nothing is known but its headers",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What headers say of a budget: `remaining` of `limit` calls are left, all are back in `reset_after` seconds."""

    limit: int
    remaining: int
    reset_after: float


class Budgets:
    """The budgets' names, learnt from responses. `major` is the channel id, or the id of the interaction."""

    def __init__(self) -> None:
        self._hashes: dict[str, str] = {}  # route -> hash
        self._names: dict[str, str] = {}  # hash -> what we call it

    def route(self, route: str, major: str) -> Bucket:
        """The budget of this route for this major parameter."""
        rule = INTERACTION if route in _WEBHOOK else RULES.get(route, ANY)
        return Bucket(f"discord:{self._name(route)}:{major}", rule)

    def _name(self, route: str) -> str:
        known = self._hashes.get(route)
        if known is not None:
            return self._names[known]
        return "webhook" if route in _WEBHOOK else route

    def _learn_hash(self, route: str, told: str) -> None:
        old = self._hashes.get(route)
        if old == told:
            return
        name = self._name(route)
        self._hashes[route] = told
        if old is not None and old not in self._hashes.values():
            del self._names[old]
        if told not in self._names:
            # The name that calls under way are booked under, unless another budget goes by it.
            taken = self._names.values()
            self._names[told] = next(one for one in (name, route, f"{route} {told}") if one not in taken)

    def everywhere(self) -> Bucket:
        """All calls by the bot's token together."""
        return Bucket(GLOBAL_KEY, GLOBAL)

    def old(self, channel: str) -> Bucket:
        """Edits of old messages in this channel."""
        return Bucket(f"discord:old:{channel}", OLD)

    def learn(self, route: str, headers: Mapping[str, str]) -> Told | None:
        """Take the route's hash and figures from a response's headers; None where they do not say.

        A global 429 carries no figures of the route, and a header that is not a number says nothing.
        """
        named = headers.get("X-RateLimit-Bucket")
        if named:
            self._learn_hash(route, named)
        try:
            limit = int(headers["X-RateLimit-Limit"])
            remaining = int(headers["X-RateLimit-Remaining"])
            reset_after = float(headers["X-RateLimit-Reset-After"])
        except (KeyError, ValueError):
            return None
        if limit < 1 or remaining < 0 or not 0.0 <= reset_after < float("inf"):
            return None
        return Told(limit, remaining, reset_after)


def route_of(method: str, path: str) -> tuple[str, str]:
    """(route, major parameter) of a call that discord.py made, from its path below `/api/v10`."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 2 and parts[0] in ("channels", "guilds"):
        shape = "/".join("{id}" if part.isdigit() and n != 1 else part for n, part in enumerate(parts))
        return f"{method} /{shape.replace(parts[1], '{c}', 1)}", parts[1]
    # Interactions and webhooks are not discord.py's here; what is left has no major parameter.
    shape = "/".join("{id}" if part.isdigit() else part for part in parts)
    return f"{method} /{shape}", ""
