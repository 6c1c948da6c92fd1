"""Questions that are edited or deleted. Law: the newest words are answered, in the messages that the old answer has, and a
deleted question is not answered any further.
"""

from __future__ import annotations

import logging
from collections import OrderedDict

from bot import sentences
from bot.conversation.admission import Admission
from bot.conversation.answers import Answers
from bot.conversation.channel import Channel
from bot.conversation.controls import Controls
from bot.ports import Deleted, Edited, Incoming, Ref
from bot.store.store import Store

log = logging.getLogger(__name__)

_REMEMBERED = 1_000


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
        self._newest: OrderedDict[Ref, Edited] = OrderedDict()

    async def edited(self, channel: Channel, edited: Edited) -> None:
        """Somebody changed a message: if it is a question of ours, it is answered anew."""
        known = await self._store.reply_of_question(edited.message, platform=edited.place.platform)
        answered = await self._store.reply(known) if known else None
        if answered is None or answered.asker != edited.person.id:
            return
        same = answered.question == edited.text and answered.files == edited.files
        if same or not (edited.text.strip() or edited.files) or len(edited.text) > self._longest:
            return
        self._newest[edited.message] = edited
        self._newest.move_to_end(edited.message)
        while len(self._newest) > _REMEMBERED:
            self._newest.popitem(last=False)
        log.info("question.edited", extra={"reply": answered.reply, "characters": len(edited.text)})
        terms = await self._admission.terms(channel, edited.place, edited.person, answered.locale)
        asked = Incoming(
            key=answered.key,
            person=edited.person,
            text=edited.text,
            how="mention",
            place=edited.place,
            scope="",
            message=edited.message,
        )
        turned = self._admission.may_ask(asked, "edit", terms) or self._admission.count(
            edited.place, edited.person, terms
        )
        if turned is not None:
            if turned.sentence:
                await channel.answer(edited.place, edited.person, turned.sentence)
            return
        live = self._answers.live.by_id(answered.reply)
        if live is not None:
            live.reply.stop(sentences.QUESTION_CHANGED, offers=False)
        async with self._answers.turns.next(answered.conversation):
            pass  # what was growing has ended
        if self._newest.get(edited.message) is not edited:
            return  # changed once more: that event answers
        answered = await self._store.reply(answered.reply)
        if answered is None or not answered.refs:
            return
        await self._controls.again(
            channel, answered, edited.person, terms, way="edit", question=edited.text, files=edited.files
        )

    async def deleted(self, channel: Channel, deleted: Deleted) -> None:
        """A message disappeared: one of ours, whose reply is over quietly, or a question."""
        if channel.outbox.deleted(deleted.message):
            return
        platform = channel.platform.profile.name
        live = self._answers.live.by_question(deleted.message)
        if live is not None:
            live.reply.stop(sentences.QUESTION_DELETED)
        known = await self._store.reply_of_question(deleted.message, platform=platform)
        answered = await self._store.reply(known) if known else None
        if answered is None:
            return
        preferences = await self._admission.preferences(answered.place)
        if not preferences.remove_with_question:
            return
        async with self._answers.turns.next(answered.conversation):
            answered = await self._store.reply(answered.reply)
            if answered is not None:
                await self._controls.take_away(channel, answered.place, answered.refs)
                await self._store.forget_exchange(answered.reply)
