"""What Claude is asked: the conversation so far, what stood on the platform before it, files. Law: everything that people
said in it and nothing of our own; and what had to be left out is told.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Protocol

from anthropic.types import MessageParam

from bot import sentences
from bot.claude.answer import Ask, Claude
from bot.conversation import history, summaries
from bot.conversation.admission import Terms, account
from bot.conversation.attachments import Attachments, Seen, Shown
from bot.conversation.channel import Channel
from bot.conversation.fewer import Fewer
from bot.conversation.spending import Spending
from bot.conversation.summaries import Summaries
from bot.ports import Incoming, Line
from bot.settings import Settings
from bot.store.nouns import Said
from bot.store.store import Store
from bot.translations import say

log = logging.getLogger(__name__)

_LINES: Final = 200  # of a thread that the bot comes into; more would say little and cost much
# An imported thread may be far larger than any model takes; of so many times the budget a summary is made.
_SUMMARISED_AT_ONCE: Final = 2
_SUMMARIES: Final = 2  # for one answer, where what the first was made of is changed meanwhile


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


class Noted:
    """Remarks before there is a reply to make them to; once there is, it hears those and all that come later."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._to: Remarks | None = None

    def remark(self, sentence: str, /) -> None:
        if self._to is None:
            self._lines.append(sentence)
        else:
            self._to.remark(sentence)

    def to(self, reply: Remarks) -> None:
        """From here on they are made to this."""
        self._to = reply
        for line in self._lines:
            reply.remark(line)


class Context:
    """One for the process."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        claude: Claude,
        spending: Spending,
    ) -> None:
        self._settings = settings
        self._store = store
        self._attachments = Attachments(settings)
        self._summaries = Summaries(store, claude, spending)

    async def ask(self, channel: Channel, taken: Taken, remarks: Remarks) -> Ask:
        """The request for one answer. Cancelled, it leaves nothing open; what was written down by then is whole."""
        turns = await self._turns(channel, taken)
        old, kept = self._parted(turns)
        if old:
            turns = await self._shortened(channel, taken, remarks, old, kept)
        return await self._asking(channel, taken, turns, remarks=remarks)

    async def _asking(
        self,
        channel: Channel,
        taken: Taken,
        turns: Sequence[Said],
        *,
        remarks: Remarks | None = None,
        then: str = "",
    ) -> Ask:
        """The turns with their files. `remarks`: where the asker is told what of the question's was left out."""
        settings, preferences, place = self._settings, taken.terms.preferences, taken.incoming.place
        attached = await self._attachments.of(
            channel.platform, turns, conversation=taken.conversation, question=taken.reply
        )
        language = taken.terms.language
        if (told := attached.told(language)) and remarks is not None:
            remarks.remark(told)

        def tell(shown: Sequence[Sequence[Shown]]) -> Sequence[MessageParam]:
            return history.messages(turns, shown, private=place.private, then=then)

        def taken_without(refused: Sequence[Seen]) -> None:
            left_out = self._attachments.refused(taken.conversation, refused, language)
            if left_out and remarks is not None:
                remarks.remark(left_out)

        extra = "\n\n".join(part for part in (settings.system_prompt, preferences.persona) if part)
        return Ask(
            model=preferences.model,
            messages=tell(attached.shown),
            max_tokens=settings.max_tokens,
            system=history.system_prompt(place.platform, private=place.private, extra=extra),
            effort=preferences.effort,
            thinking=settings.thinking,
            spare=Fewer(attached.shown, attached.seen, tell, taken_without) if attached.seen else None,
        )

    # ------------------------------------------------------------------------------------------ what came before

    async def _turns(self, channel: Channel, taken: Taken) -> list[Said]:
        incoming, conversation = taken.incoming, taken.conversation
        if incoming.threaded and await self._store.is_new(conversation):
            # Kept also where there is nothing, so that nobody reads it again.
            await self._store.import_lines(conversation, await self._before(channel, incoming))
        return await self._store.turns(conversation, before=taken.reply)

    async def _before(self, channel: Channel, incoming: Incoming) -> Sequence[Line]:
        """What was said in the thread before anybody asked us; what is in the question already is not said twice."""
        try:
            lines = await channel.platform.history(incoming, limit=_LINES)
        except Exception:
            # An adapter's verbs do not raise; an answer without what stood before is better than none.
            log.exception("history.failed", extra={"key": incoming.key})
            return ()
        said = {incoming.message, incoming.about.message if incoming.about else None}
        return [replace(line, files=()) if line.ours else line for line in lines if line.message not in said]

    # ------------------------------------------------------------------------------------------ what is too long

    def _parted(self, turns: Sequence[Said]) -> tuple[list[Said], list[Said]]:
        settings = self._settings
        return history.parted(turns, budget=settings.history_tokens, characters=settings.file_characters)

    async def _shortened(
        self, channel: Channel, taken: Taken, remarks: Remarks, old: Sequence[Said], kept: list[Said]
    ) -> list[Said]:
        """The conversation with a summary in the place of its oldest turns; without them, where there is none."""
        language, conversation, reply = taken.terms.language, taken.conversation, taken.reply
        for _ in range(_SUMMARIES):
            text = await self._summary(channel, taken, old)
            if not text:
                break
            done = await self._store.summarised(conversation, old, text, before=reply)
            turns = await self._store.turns(conversation, before=reply)
            if done:
                remarks.remark(say(language, sentences.SUMMARISED))
                return turns
            # Somebody has edited or taken away what it was made of: it would tell Claude what is not said any more.
            log.info("summary.outdated", extra={"reply": reply})
            old, kept = self._parted(turns)
            if not old:
                return kept
        remarks.remark(say(language, sentences.HISTORY_LEFT_OUT))
        return kept

    async def _summary(self, channel: Channel, taken: Taken, old: Sequence[Said]) -> str:
        settings, preferences = self._settings, taken.terms.preferences
        budget = _SUMMARISED_AT_ONCE * settings.history_tokens
        told = history.newest(old, budget=budget, characters=settings.file_characters)
        # Asked in the same way as the answers were, so that what Claude has in its cache of them counts.
        asked = await self._asking(channel, taken, told, then=history.SUMMARISE)
        ask = replace(asked, max_tokens=summaries.TOKENS)
        if settings.summary_model and settings.summary_model != ask.model:
            # What one model takes of these another may refuse.
            ask = replace(ask, model=settings.summary_model, effort="off", thinking="off")
        incoming = taken.incoming
        payer = account(incoming.place, incoming.person)
        return await self._summaries.make(ask, taken.reply, payer, preferences)
