"""A platform with its outbox, and our own words on it. Law: one sentence, to the asker alone where it concerns nobody
else, and never an exception from here.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from bot import sentences
from bot.ports import (
    Button,
    Content,
    File,
    Incoming,
    Outcome,
    Panel,
    Person,
    Place,
    Platform,
    Ref,
    Unavailable,
)
from bot.reply import attaching
from bot.reply.outbox import Outbox, Settled
from bot.reply.pages import Document
from bot.translations import say

log = logging.getLogger(__name__)

T = TypeVar("T")

# What Slack answers where the bot is not in the channel; everywhere else it is in, but may not write.
_OUTSIDE = frozenset({"not_in_channel", "channel_not_found"})
# A view that failed by our own fault (see outbox.py and view.py): the place itself takes posts.
_OURS = ("internal:", "rejected:")
# The platform did not even take the sentence about it there: not for lack of a permission.
_REFUSED = "refused:"
# Seconds for one call beside the outbox. Adapters have limits of their own, and wait for a Retry-After within them.
_SAYING = 20.0


@dataclass(frozen=True, slots=True)
class Channel:
    """A platform and the outbox that writes to it."""

    platform: Platform
    outbox: Outbox

    async def show(self, place: Place, text: str) -> Settled:
        """One sentence of our own, in the place itself."""
        document = self._page()
        document.end(text)
        return await self._shown(place, document)

    async def _shown(self, place: Place, document: Document) -> Settled:
        view = self.outbox.open(place, secrets.token_hex(6), document)
        try:
            view.finish()
            return await view.settled()
        finally:
            view.abandon()

    def _page(self) -> Document:
        profile = self.platform.profile
        return Document(profile.dialect, profile.page_limit)

    async def notify(self, place: Place, text: str, person: str) -> Settled:
        """One sentence in the place that names one person, so that the platform tells them."""
        nothing = self._page()
        nothing.end()
        view = self.outbox.open(place, secrets.token_hex(6), nothing, announce=Content(text, ping=person))
        try:
            view.finish()
            return await view.settled()
        finally:
            view.abandon()

    async def whisper(self, place: Place, person: Person, text: str, buttons: Sequence[Button] = ()) -> bool:
        """To one person alone. False: there is no way to."""
        told = await self._tried(
            "whisper", self.platform.whisper(place, person, text, buttons), within=_SAYING
        )
        return bool(told)

    async def answer(self, place: Place, person: Person, sentence: str) -> None:
        """To one person alone if that can be, else in the place."""
        if not await self.whisper(place, person, sentence):
            await self.show(place, sentence)

    async def explained(self, place: Place, person: Person, text: str) -> None:
        """The same for a text of ours that is laid out (Markdown), which a sentence is not."""
        if not await self.whisper(place, person, text):
            document = self._page()
            document.feed(text)
            document.end()
            await self._shown(place, document)

    async def open(self, place: Place, person: Person, panel: Panel) -> bool:
        """Show a form. False: the moment for it is over."""
        return bool(await self._tried("open", self.platform.open(place, person, panel), within=_SAYING))

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        """Take a message of ours away."""
        outcome = await self._tried("delete", self.platform.delete(place, ref), within=_SAYING)
        return outcome if outcome is not None else Unavailable("adapter")

    async def upload(self, place: Place, file: File, text: str) -> Outcome:
        outcome = await self._tried(
            "upload", self.platform.upload(place, file, text), within=attaching.UPLOADING
        )
        return outcome if outcome is not None else Unavailable("adapter")

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        """A thread of its own for a message. None: it grows without one."""
        return await self._tried("branch", self.platform.branch(place, message, name), within=_SAYING)

    async def name(self, person: Person) -> str:
        return await self._tried("name", self.platform.name(person), within=_SAYING) or ""

    async def _tried(self, verb: str, call: Awaitable[T], *, within: float) -> T | None:
        """An adapter's verbs neither raise nor hang; one that does must not silence or hold up what comes next."""
        try:
            async with asyncio.timeout(within):
                return await call
        except TimeoutError:
            log.warning("platform.slow", extra={"verb": verb, "seconds": within})
        except Exception:
            log.exception("platform.failed", extra={"verb": verb})
        return None

    async def refuse(self, incoming: Incoming, language: str, text: str, *, alone: bool = False) -> None:
        """One sentence instead of an answer: in the thread; but `alone`, or to who typed a command, to them alone."""
        alone = incoming.how == "command" or (alone and not incoming.place.private)
        if alone and await self.whisper(incoming.place, incoming.person, text):
            return
        settled = await self.show(incoming.place, text)
        if settled.kind == "denied" and not settled.code.startswith(_OURS):
            await self.explain(incoming, language, settled)

    async def explain(self, incoming: Incoming, language: str, settled: Settled) -> None:
        """Why no answer can be seen, told to the asker alone; where it was our fault, in the place itself."""
        if settled.code.startswith(_OURS):
            await self.show(incoming.place, say(language, sentences.OUR_FAULT))
            return
        sentence = sentences.NOT_A_MEMBER if settled.code in _OUTSIDE else sentences.MAY_NOT_WRITE
        if settled.code.startswith(_REFUSED):
            sentence = sentences.OUR_FAULT
        if not await self.whisper(incoming.place, incoming.person, say(language, sentence)):
            log.warning("reply.nowhere_to_say", extra={"key": incoming.key, "code": settled.code})
