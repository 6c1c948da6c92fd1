"""What Claude is asked: the conversation so far, what stood on the platform before it, files. Law: everything that people
said in it and nothing of our own; and what had to be left out is told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from bot.claude.answer import Ask
from bot.conversation import history
from bot.conversation.admission import Terms
from bot.conversation.channel import Channel
from bot.ports import Incoming, Line
from bot.settings import Settings
from bot.store.store import Store

log = logging.getLogger(__name__)

_LINES = 200  # of a thread that the bot comes into; more would say little and cost much


class Taken(Protocol):
    """A question that was taken up: see answers.py."""

    @property
    def incoming(self) -> Incoming: ...
    @property
    def conversation(self) -> int: ...
    @property
    def reply(self) -> str: ...
    @property
    def terms(self) -> Terms: ...


class Remarks(Protocol):
    """Where a line of our own goes that is to stand under the answer."""

    def remark(self, sentence: str, /) -> None: ...


class Context:
    """One for the process."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store

    async def ask(self, channel: Channel, taken: Taken, remarks: Remarks) -> Ask:
        """The request for one answer."""
        settings, preferences, place = self._settings, taken.terms.preferences, taken.incoming.place
        turns = await self._store.turns(taken.conversation, before=taken.reply)
        if taken.incoming.threaded and all(turn.reply == taken.reply for turn in turns):
            lines = await self._before(channel, taken.incoming)
            if lines:
                await self._store.import_lines(taken.conversation, lines)
                turns = await self._store.turns(taken.conversation, before=taken.reply)
        extra = "\n\n".join(part for part in (settings.system_prompt, preferences.persona) if part)
        return Ask(
            model=preferences.model,
            messages=history.messages(turns, limit=settings.history_characters, private=place.private),
            max_tokens=settings.max_tokens,
            system=history.system_prompt(place.platform, private=place.private, extra=extra),
            effort=preferences.effort,
            thinking=settings.thinking,
        )

    async def _before(self, channel: Channel, incoming: Incoming) -> Sequence[Line]:
        """What was said in the thread before anybody asked us."""
        try:
            return await channel.platform.history(incoming, limit=_LINES)
        except Exception:
            # An adapter's verbs do not raise; an answer without what stood before is better than none.
            log.exception("history.failed", extra={"key": incoming.key})
            return ()
