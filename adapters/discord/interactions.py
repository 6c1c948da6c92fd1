"""Commands, menus, buttons and forms while their tokens live. Law: each is acknowledged in time, and its token never leaves this module's memory.

What a first response means, and who gives it, is told in `handles`; here it is given. Acknowledging is a task of its
own: no event waits for it, and it waits for nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from adapters.discord.acts import Act
from adapters.discord.calls import Calls
from adapters.discord.handles import (
    DEFERRED,
    DEFERRED_UPDATE,
    MESSAGE,
    TOKEN_SECONDS,
    Interaction,
    State,
    at_once,
    held_for,
    in_the_end,
)
from adapters.discord.outbound import EPHEMERAL, whisper
from adapters.discord.outcomes import retry_after_of
from adapters.discord.rest import Answer
from bot.ports import Place

_log = logging.getLogger(__name__)

ACKNOWLEDGE_SECONDS: Final = 3.0
"""Documented: after 3 s without a first response the token is invalid."""

KEPT: Final = 10_000

ALREADY_ACKNOWLEDGED: Final = 40060

_DEFERRALS: Final[Mapping[State, Mapping[str, Any]]] = {
    "thinking": {"type": DEFERRED},
    "quiet": {"type": DEFERRED, "data": {"flags": EPHEMERAL}},
    "silent": {"type": DEFERRED_UPDATE},
}


class Interactions:
    """What is being answered, by interaction id (`Place.route`)."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._live: OrderedDict[str, Interaction] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def take(self, act: Act) -> Interaction:
        """Acknowledge it at once, or hold it for a while."""
        loop = asyncio.get_running_loop()
        one = Interaction(
            act.id, act.token, act.kind, act.channel, act.visible, until=loop.time() + TOKEN_SECONDS
        )
        self._live[one.id] = one
        while len(self._live) > KEPT:
            self._live.popitem(last=False)
        state = at_once(one)
        if state is not None:
            self.acknowledge(one, state)
        else:
            self._timers[one.id] = loop.call_later(held_for(one), self._lapse, one)
        return one

    def _lapse(self, one: Interaction) -> None:
        """Nobody has used it: what was held is acknowledged without a form or a refusal."""
        if one.state == "held":
            self.acknowledge(one, in_the_end(one))

    def acknowledge(self, one: Interaction, state: State) -> None:
        """Defer what is held."""
        self._first(one, state, _DEFERRALS[state])

    async def respond(self, one: Interaction, kind: int, data: Mapping[str, Any]) -> bool:
        """Answer what is held, at once. True when Discord has taken it."""
        self._first(one, "said", {"type": kind, "data": data})
        return await acknowledged(one)

    def _first(self, one: Interaction, state: State, body: Mapping[str, Any]) -> None:
        if one.state != "held":
            raise RuntimeError("an interaction is acknowledged once")
        one.state = state
        timer = self._timers.pop(one.id, None)
        if timer is not None:
            timer.cancel()
        one.acknowledged = self.spawn(self._answer(one.id, one.token, body), f"discord:ack:{one.id}")

    def decline(self, act: Act, sentence: str) -> None:
        """Answer what we do not know, to its asker alone."""
        body = {"type": MESSAGE, "data": whisper(sentence)}
        _ = self.spawn(self._answer(act.id, act.token, body), f"discord:ack:{act.id}")

    def answering(self, place: Place, now: float) -> Interaction | None:
        """The interaction by which a reply in this place grows; None sends it by the channel."""
        one = self.alive(place.route, now)
        return one if one is not None and one.carries(place.channel) else None

    def alive(self, route: str, now: float) -> Interaction | None:
        """The interaction while its token lives."""
        one = self.known(route)
        return one if one is not None and one.alive(now) else None

    def known(self, route: str) -> Interaction | None:
        """The same, dead or alive."""
        return self._live.get(route) if route else None

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._live.clear()

    def spawn(self, work: Coroutine[Any, Any, bool], name: str) -> asyncio.Task[bool]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answer(self, id_: str, token: str, body: Mapping[str, Any]) -> bool:
        """True when Discord has taken it. Repeated while the 3 s last: an acknowledgement lost is a command lost."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ACKNOWLEDGE_SECONDS
        pause = 0.1
        answer = Answer(failure="timeout")
        while loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    met = await self._calls.callback(f"/interactions/{id_}/{token}/callback", body)
            except TimeoutError:
                break
            if met is None:
                answer = Answer(failure="shut", applied=False)
                break
            answer = met
            if (
                answer.ok
                or answer.code == ALREADY_ACKNOWLEDGED
                or (answer.failure == "cut" and answer.applied)
            ):
                return True
            if not answer.failure and answer.status < 500 and answer.status != 429:
                break
            wait = max(pause, (retry_after_of(answer) or 0.0) if answer.status == 429 else 0.0)
            if loop.time() + wait >= until:
                break  # each call before the refusal is over would count against us
            await asyncio.sleep(wait)
            pause *= 2
        _log.warning("interaction %s could not be acknowledged: %s", id_, answer.label)
        return False


async def acknowledged(one: Interaction) -> bool:
    """Wait for the acknowledgement, which goes on if the waiting is given up. False: Discord has given it up."""
    return one.acknowledged is not None and await asyncio.shield(one.acknowledged)
