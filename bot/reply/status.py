"""The status before the first text ("is thinking…"). Law: a courtesy. Nothing waits for it, nothing fails with it, and
it never outlives the first text.

A post clears the status on its platform. But a status whose call was under way when the text began may arrive behind
the post and would then stand under a growing answer until it lapses: such a one is taken back.
"""

from __future__ import annotations

import asyncio
import logging

from bot.ports import Place, Platform

log = logging.getLogger(__name__)

# An answer that is quicker than this needs no status, and Claude's request is on its way before anything cosmetic is.
_AFTER = 0.2
# For one call. Adapters have limits of their own; this holds where one has not.
_PATIENCE = 5.0


class Status:
    """The status of one reply: `start` it, `say` what is going on, `over` at the first text, `end` it last."""

    def __init__(self, platform: Platform, place: Place, text: str) -> None:
        self.place = place  # where it is shown; changes when an announcement has made a thread
        self._platform = platform
        self._text = text
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._closed = asyncio.Event()
        self._posted = False
        self._shown_at: Place | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Show it from now on. A second call says nothing new."""
        if self._task is None:
            self._task = asyncio.create_task(self._show(), name="status")

    def say(self, text: str) -> None:
        """What is going on now; shown at once, if it is not over."""
        if text != self._text:
            self._text = text
            self._changed.set()

    def over(self) -> None:
        """There is a text to show, or an end: no status is sent any more."""
        self._over.set()
        self._changed.set()

    def posted(self) -> None:
        """A message of the reply exists; it has cleared the status that came before it."""
        self.over()
        self._posted = True
        self._closed.set()

    async def end(self) -> None:
        """Nothing more is posted: a status that still stands is taken back. Takes two calls' patience at most."""
        self.over()
        self._closed.set()
        if self._task is not None:
            await asyncio.wait({self._task})

    def cancel(self) -> None:
        """Leave it as it is."""
        if self._task is not None:
            self._task.cancel()

    async def _show(self) -> None:
        if await _within(_AFTER, self._over):
            return
        crossed = False
        while not self._over.is_set():
            self._changed.clear()
            await self._call(self.place, self._text)
            crossed = self._over.is_set()
            if not crossed:
                await _within(self._platform.profile.status_seconds, self._changed)
        await self._closed.wait()
        if self._shown_at is not None and (crossed or not self._posted):
            await self._call(self._shown_at, "")

    async def _call(self, place: Place, text: str) -> None:
        self._shown_at = place
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._platform.status(place, text)
        except TimeoutError:
            log.info("status.slow", extra={"platform": place.platform})
        except Exception:
            # An adapter's verbs do not raise; one that does must not cost anybody an answer.
            log.exception("status.failed", extra={"platform": place.platform})


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether the event came in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
