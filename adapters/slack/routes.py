"""By which way the person who has just acted can be answered alone. Law: a way is forgotten when it is worn out, and
never logged: whoever knows a response_url may write with it.

A command, a shortcut, a press and a form each bring a `trigger_id` (opens one form, within three seconds) and mostly a
`response_url` (five answers within thirty minutes, also where the bot is no member). `Place.route` is the key to them.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from adapters.slack.payloads import Payload, text

RESPONSE_SECONDS = 1_800.0
RESPONSES = 5
TRIGGER_SECONDS = 3.0
REMEMBERED = 2_000


@dataclass(slots=True)
class Answering:
    """A response_url, shared by all that came of one act.

    original  the act was a press under a message that its one reader has no more use for: the first answer takes its place
    """

    url: str
    until: float
    original: bool = False
    left: int = RESPONSES


@dataclass(slots=True)
class _Route:
    answering: Answering | None
    trigger: str
    until: float


class Routes:
    """Bounded: the oldest goes first."""

    def __init__(self) -> None:
        self._routes: OrderedDict[str, _Route] = OrderedDict()

    def keep(self, body: Payload, *, after: str = "", replaces: bool = False) -> str:
        """The key for an interaction's ways. `after`: the key of the act that it came of, whose answers it may use up;
        `replaces`: the first answer takes the place of the message that was pressed on.
        """
        now = asyncio.get_running_loop().time()
        url = text(body, "response_url")
        answering: Answering | None = None
        if url.startswith(("https://", "http://")):
            answering = Answering(url, now + RESPONSE_SECONDS, original=replaces)
        elif after in self._routes:
            answering = self._routes[after].answering
        key = secrets.token_hex(8)
        self._routes[key] = _Route(answering, text(body, "trigger_id"), now + TRIGGER_SECONDS)
        if len(self._routes) > REMEMBERED:
            self._routes.popitem(last=False)
        return key

    def respond(self, key: str) -> Answering | None:
        """An address that takes one more answer, which is counted now; None for none."""
        route = self._routes.get(key)
        answering = route.answering if route is not None else None
        if answering is None or answering.left < 1 or asyncio.get_running_loop().time() >= answering.until:
            return None
        answering.left -= 1
        return answering

    def trigger(self, key: str) -> str:
        """The trigger id, once and in time; else ""."""
        route = self._routes.get(key)
        if route is None:
            return ""
        trigger, route.trigger = route.trigger, ""
        return trigger if asyncio.get_running_loop().time() < route.until else ""
