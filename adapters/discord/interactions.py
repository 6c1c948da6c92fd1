"""Slash commands and buttons while their tokens live. Law: each is acknowledged at once, and its token never leaves this module's memory.

Discord gives 3 seconds to acknowledge an interaction and 15 minutes to use its token (docs: receiving and
responding). Acknowledging is a task of its own, begun before anybody hears of the event: no event waits for it, and
it waits for nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.discord.outbound import whisper
from adapters.discord.rest import Answer, Rest

_log = logging.getLogger(__name__)

ACKNOWLEDGE_SECONDS: Final = 3.0
"""Documented: after 3 s without a first response the token is invalid."""

TOKEN_SECONDS: Final = 14.5 * 60.0
"""Documented life 15 minutes, less half a minute for clocks and queues: later calls count as invalid requests."""

KEPT: Final = 10_000

DEFERRED: Final = 5
DEFERRED_UPDATE: Final = 6
MESSAGE: Final = 4

ALREADY_ACKNOWLEDGED: Final = 40060


@dataclass(slots=True, eq=False)
class Interaction:
    """One slash command. `messages` are those that its token may edit."""

    id: str
    token: str = field(repr=False)
    visible: bool
    until: float
    acknowledged: asyncio.Task[bool] | None = None
    original: str = ""
    key: str = ""
    messages: set[str] = field(default_factory=set)
    dead: bool = False

    def alive(self, now: float) -> bool:
        return not self.dead and now < self.until


class Interactions:
    """The commands that are being answered, by interaction id (`Place.route`)."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._live: OrderedDict[str, Interaction] = OrderedDict()
        self._tasks: set[asyncio.Task[bool]] = set()

    def defer(self, id_: str, token: str, *, visible: bool, now: float) -> Interaction:
        """Show "thinking" for a command, at once, in a task of its own."""
        interaction = Interaction(id_, token, visible, now + TOKEN_SECONDS)
        interaction.acknowledged = self._start(id_, token, {"type": DEFERRED})
        self._live[id_] = interaction
        while len(self._live) > KEPT:
            self._live.popitem(last=False)
        return interaction

    def acknowledge(self, id_: str, token: str) -> None:
        """Take a pressed button: nothing changes by it but that Discord knows we heard."""
        _ = self._start(id_, token, {"type": DEFERRED_UPDATE})

    def decline(self, id_: str, token: str, sentence: str) -> None:
        """Answer a command that we do not know, to the asker alone."""
        _ = self._start(id_, token, {"type": MESSAGE, "data": whisper(sentence)})

    def of(self, route: str, now: float) -> Interaction | None:
        """The interaction of a place while it can be used; None sends the reply by the channel."""
        interaction = self._live.get(route) if route else None
        if interaction is not None and not interaction.alive(now):
            return None
        return interaction

    def known(self, route: str) -> Interaction | None:
        """The same, dead or alive."""
        return self._live.get(route) if route else None

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._live.clear()

    def _start(self, id_: str, token: str, body: dict[str, Any]) -> asyncio.Task[bool]:
        task = asyncio.get_running_loop().create_task(
            self._answer(id_, token, body), name=f"discord:ack:{id_}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _answer(self, id_: str, token: str, body: dict[str, Any]) -> bool:
        """True when Discord has taken it. Repeated while the 3 s last: an acknowledgement lost is a command lost."""
        loop = asyncio.get_running_loop()
        until = loop.time() + ACKNOWLEDGE_SECONDS
        pause = 0.1
        answer = Answer(failure="timeout")
        while loop.time() < until:
            try:
                async with asyncio.timeout_at(until):
                    answer = await self._rest.call(
                        "POST", f"/interactions/{id_}/{token}/callback", body, bot=False
                    )
            except TimeoutError:
                break
            if (
                answer.ok
                or answer.code == ALREADY_ACKNOWLEDGED
                or (answer.failure == "cut" and answer.applied)
            ):
                return True
            if not answer.failure and answer.status < 500 and answer.status != 429:
                break
            await asyncio.sleep(min(pause, max(0.0, until - loop.time())))
            pause *= 2
        _log.warning("interaction %s could not be acknowledged: %s", id_, answer.label)
        return False
