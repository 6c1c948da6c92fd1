"""Questions that are edited or deleted. Law: the newest words are answered, in the messages that the old answer has, and a
deleted question is not answered any further.
"""

from __future__ import annotations

import logging

from bot import sentences
from bot.conversation.admission import Admission, Terms, Turned
from bot.conversation.answers import Answers
from bot.conversation.channel import Channel
from bot.conversation.controls import Controls
from bot.ports import Deleted, Edited, Incoming, Ref
from bot.store.nouns import Answered
from bot.store.store import Store
from bot.translations import say

log = logging.getLogger(__name__)


class Revisions:
    """One for the process."""

    def __init__(
        self, *, store: Store, admission: Admission, answers: Answers, controls: Controls, longest: int
    ) -> None:
        self._store = store
        self._admission = admission
        self._answers = answers
        self._controls = controls
        self._longest = longest
        self._newest: dict[Ref, Edited] = {}  # edits that are not answered yet

    async def edited(self, channel: Channel, edited: Edited) -> None:
        """Somebody changed a message: if it is a question of ours, it is answered anew."""
        known = await self._store.reply_of_question(edited.message, platform=edited.place.platform)
        answered = await self._store.reply(known) if known else None
        if answered is None or answered.asker != edited.person.id:
            return
        pending = self._newest.get(edited.message)
        stands = (answered.question, answered.files) if pending is None else (pending.text, pending.files)
        same = stands == (edited.text, edited.files)
        if same or not (edited.text.strip() or edited.files):
            return
        self._newest[edited.message] = edited
        try:
            await self._changed(channel, answered, edited)
        finally:
            if self._newest.get(edited.message) is edited:
                del self._newest[edited.message]

    async def _changed(self, channel: Channel, answered: Answered, edited: Edited) -> None:
        terms = await self._admission.terms(channel, edited.place, edited.person, answered.locale)
        turned = self._turned(answered, edited, terms)
        if turned is not None:
            if turned.sentence:
                await channel.answer(edited.place, edited.person, turned.sentence)
            return
        if self._newest.get(edited.message) is not edited:
            return  # changed once more, or deleted: that event answers
        log.info("question.edited", extra={"reply": answered.reply, "characters": len(edited.text)})
        await self._store.replace_question(answered.reply, edited.text, edited.files)
        owed = self._answers.live.of(answered.reply)
        if any(live.waits for live in owed):
            return  # its turn is still to come, and these are the words that are asked then
        for live in owed:
            live.stop(sentences.QUESTION_CHANGED)
        async with self._answers.turns.next(answered.conversation):
            pass  # what was growing has ended
        if self._newest.get(edited.message) is not edited:
            return
        known = await self._store.reply(answered.reply)
        if known is None or not known.refs:
            return
        sentence = await self._controls.again(channel, known, edited.person, terms, way="edit")
        if sentence and sentence != sentences.NOT_KNOWN_ANY_MORE:
            await channel.answer(edited.place, edited.person, say(terms.language, sentence))

    def _turned(self, answered: Answered, edited: Edited, terms: Terms) -> Turned | None:
        """Why the new words are not answered."""
        if len(edited.text) > self._longest:
            length, limit = f"{len(edited.text):,}", f"{self._longest:,}"
            return Turned(say(terms.language, sentences.LONG_QUESTION, length=length, limit=limit))
        asked = Incoming(
            key=answered.key,
            person=edited.person,
            text=edited.text,
            how="mention",
            place=edited.place,
            scope="",
            message=edited.message,
        )
        turned = self._admission.may_ask(asked, "edit", terms)
        if turned is None and self._answers.draining:
            turned = Turned(say(terms.language, sentences.RESTARTING))
        return turned or self._admission.count(edited.place, edited.person, terms)

    async def deleted(self, channel: Channel, deleted: Deleted) -> None:
        """A message disappeared: one of ours, whose reply is over quietly, or a question."""
        if channel.outbox.deleted(deleted.message):
            return
        platform = channel.platform.profile.name
        self._newest.pop(deleted.message, None)
        for live in self._answers.live.by_question(deleted.message):
            live.drop(sentences.QUESTION_DELETED)
        known = await self._store.reply_of_question(deleted.message, platform=platform)
        answered = await self._store.reply(known) if known else None
        if answered is None:
            return
        preferences = await self._admission.preferences(answered.place)
        if preferences.remove_with_question:
            await self._controls.take_away(channel, answered)
