"""The journal of growing replies. Law: frames never wait for the disk, nor the disk for frames.

Messages that came to exist and texts that grew are gathered and written by one task, about once a second, in one
transaction; only the end of a reply is waited for. A disk that fails is logged and costs the crash safety of the
replies under way, not the replies.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Literal

from bot.claude.events import Usage
from bot.conversation.routing import reply_anchors
from bot.ports import Place, Ref
from bot.reply.reply import Turn
from bot.store.store import Store, StoreError

log = logging.getLogger(__name__)

# What a killed process may lose of a text that people had seen.
_EVERY = 1.0


class StoreJournal:
    """`bot.reply.reply.Journal` on the store; `run` it in a task group."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._growing: dict[str, Callable[[], str]] = {}
        self._written: dict[str, int] = {}
        self._posted: dict[str, tuple[Sequence[Ref], Place]] = {}
        self._work = asyncio.Event()

    async def run(self) -> None:
        """Write what has come together, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            await self.flush()
            await asyncio.sleep(_EVERY)

    async def flush(self) -> None:
        """Write everything that is not written yet."""
        posted, self._posted = self._posted, {}
        texts = []
        for reply, text in self._growing.items():
            now = text()
            if len(now) != self._written.get(reply, 0):
                self._written[reply] = len(now)
                texts.append((reply, now))
        try:
            for reply, (refs, place) in posted.items():
                await self._store.posted(reply, refs, place, reply_anchors(place, list(refs)))
            if texts:
                await self._store.grew(texts)
        except StoreError:
            log.exception("journal.not_written", extra={"replies": len(texts) + len(posted)})
        if self._growing:
            self._work.set()

    def posted(self, reply: str, refs: Sequence[Ref], place: Place) -> None:
        self._posted[reply] = (refs, place)
        self._work.set()

    def growing(self, reply: str, text: Callable[[], str]) -> None:
        self._growing[reply] = text
        self._work.set()

    async def ended(self, reply: str, *, text: str, notice: str, turn: Turn, usage: Usage) -> None:
        self._growing.pop(reply, None)
        self._written.pop(reply, None)
        try:
            await self._write_posted(reply)
            await self._store.ended(reply, text=text, notice=notice, turn=turn, tokens=asdict(usage))
        except StoreError:
            log.exception("journal.end_not_written", extra={"reply": reply})

    async def closed(self, reply: str, state: Literal["shown", "gone", "denied"]) -> None:
        try:
            await self._write_posted(reply)
            await self._store.closed(reply, state)
        except StoreError:
            log.exception("journal.close_not_written", extra={"reply": reply})

    async def _write_posted(self, reply: str) -> None:
        if reply in self._posted:
            refs, place = self._posted.pop(reply)
            await self._store.posted(reply, refs, place, reply_anchors(place, list(refs)))
