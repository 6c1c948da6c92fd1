"""What Slack lists of the conversations with an agent, and the stop button beside each. Law: while an answer is owed in a
thread its session is processing, afterwards it is not; and nobody waits for that to be said.

Streams say it themselves. Of answers that grow by edits Slack has to be told (docs.slack.dev/ai/agent-sessions), or there
is no stop button; and a session that is left processing has one for an hour.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outcomes import NO_FEATURE, Failure
from adapters.slack.web import ask
from bot.ports import Content, Control, Ordered, Place, Pressed, Ref

log = logging.getLogger(__name__)

State: TypeAlias = Literal["processing", "active"]

# An answer that is over sooner needs no stop button, and none of the calls, which are scarce.
AFTER_SECONDS = 1.0
# Documented: tier 3, 50 and more a minute in a workspace. How many at once is guessed.
CALLS_A_SECOND, AT_ONCE = 50 / 60, 10.0
# Slack counts a call when it arrives: one that took long may leave too little time before the next.
ON_THE_WAY = 0.1 * CALLS_A_SECOND
PATIENCE_SECONDS = 5.0
OFF_SECONDS = 3600.0
TRIES = 4
PAUSE_SECONDS = 2.0
REMEMBERED = 2_000  # threads; of older ones it is only said once more that they are active


@dataclass(slots=True)
class _Session:
    """`growing`: the replies that can be stopped, each with the message that grows."""

    place: Place
    title: str = ""
    wanted: State = "active"
    told: State | None = None
    growing: dict[str, Ref] = field(default_factory=dict)
    errand: asyncio.Task[None] | None = None


class Sessions:
    """One for a connection of an agent's; places in channels, and those without a thread, have none."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._sessions: OrderedDict[tuple[str, str], _Session] = OrderedDict()
        self._off_until = 0.0
        self._calls = AT_ONCE  # that may be made at `_counted_at`
        self._counted_at = asyncio.get_running_loop().time()

    def titled(self, place: Place, title: str) -> None:
        """How the session is to be called when it is made."""
        if (session := self._of(place)) is not None:
            session.title = title

    def owed(self, place: Place) -> None:
        """Somebody has asked, and no text is there yet."""
        if (session := self._of(place)) is not None:
            self._want(session, "processing")

    def over(self, place: Place) -> None:
        """There is nothing that is waited for, but for what can be seen growing."""
        session = self._of(place)
        if session is not None and not session.growing:
            self._want(session, "active")

    def shown(self, place: Place, ref: Ref, content: Content) -> None:
        """A message of ours looks like this now. What has no Stop button any more, or never had one, is over."""
        session = self._of(place)
        if session is None:
            return
        # What grows natively bears no button of ours: Slack has its own, which is there while the session is processing.
        if Control.STOP in content.controls or (content.settled is not None and not content.closed):
            session.growing[content.reply] = ref
            self._want(session, "processing")
        elif session.growing.get(content.reply, ref) == ref:  # else the button stands on a newer page by now
            session.growing.pop(content.reply, None)
            self.over(place)

    def gone(self, ref: Ref) -> None:
        """Somebody has deleted a message."""
        for session in tuple(self._sessions.values()):
            for reply, page in tuple(session.growing.items()):
                if page == ref:
                    del session.growing[reply]
                    self.over(session.place)

    def stopped(self, pressed: Pressed) -> Sequence[Pressed | Ordered]:
        """Slack's own stop button under a thread where no stream grows: whose Stop it is."""
        session = self._of(pressed.place)
        if session is None:
            return [pressed]
        if session.growing:
            return [
                replace(pressed, reply=reply, message=ref) for reply, ref in tuple(session.growing.items())
            ]
        if session.wanted == "processing":  # nothing is seen yet
            # Deliveries of one press were told apart before; the core wants a name for each order.
            key = f"stop:{secrets.token_hex(8)}"
            return [Ordered(key, "stop", "", pressed.person, pressed.place, "")]
        # It was over when the button was pressed; Slack is told once more.
        session.told = None
        self._want(session, "active")
        return []

    async def close(self) -> None:
        tasks = [session.errand for session in self._sessions.values() if session.errand is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------------------------------------------------------ telling Slack

    def _of(self, place: Place) -> _Session | None:
        if not place.private or not place.thread:
            return None
        key = (place.channel, place.thread)
        session = self._sessions.get(key)
        if session is None:
            session = self._sessions[key] = _Session(place)
            if len(self._sessions) > REMEMBERED:
                _, oldest = self._sessions.popitem(last=False)
                if oldest.errand is not None:
                    oldest.errand.cancel()
        self._sessions.move_to_end(key)
        return session

    def _want(self, session: _Session, state: State) -> None:
        session.wanted = state
        if session.told != state and session.errand is None:
            session.errand = asyncio.create_task(self._tell(session), name="slack-session")

    async def _tell(self, session: _Session) -> None:
        """Until Slack knows what holds by then: a state that is past is not told."""
        loop, tries = asyncio.get_running_loop(), 0
        try:
            if session.wanted == "processing":
                await asyncio.sleep(AFTER_SECONDS)
            while session.told != session.wanted and loop.time() >= self._off_until and tries < TRIES:
                state = session.wanted
                if (length := self._wait(state)) > 0:
                    await asyncio.sleep(length)
                    continue
                self._calls -= 1
                answer = await ask(
                    self._client.agents_sessions_setStatus(
                        channel_id=session.place.channel,
                        thread_ts=session.place.thread,
                        status=state,
                        title=session.title or None,
                    ),
                    within=PATIENCE_SECONDS,
                )
                if not isinstance(answer, Failure):
                    session.told, tries = state, 0
                    continue
                log.info("a session's state was not taken", extra={"state": state, "code": answer.code})
                if answer.code in NO_FEATURE:
                    self._off_until = loop.time() + OFF_SECONDS
                    return
                tries += 1
                if answer.retry_after is not None:
                    self._calls = min(self._calls, -answer.retry_after * CALLS_A_SECOND)  # for all of them
                else:
                    await asyncio.sleep(PAUSE_SECONDS * tries)
        finally:
            session.errand = None

    def _wait(self, state: State) -> float:
        """How long until a call may be made. Each session that is processing will need one more, to be so no longer."""
        now = asyncio.get_running_loop().time()
        self._calls = min(AT_ONCE, self._calls + (now - self._counted_at) * CALLS_A_SECOND)
        self._counted_at = now
        owing = sum(session.told == "processing" for session in self._sessions.values())
        needed = min(AT_ONCE, (1.0 if state == "active" else 2.0 + owing) + ON_THE_WAY)
        return max(0.0, (needed - self._calls) / CALLS_A_SECOND)
