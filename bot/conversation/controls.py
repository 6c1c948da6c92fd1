"""The buttons under an answer, and the reactions and words that mean the same. Law: a press has exactly one outcome, after
a restart too; and who pressed in vain is told why, alone.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from bot import sentences
from bot.conversation.admission import Admission, Terms, Turned
from bot.conversation.answers import Answers, Taken
from bot.conversation.channel import Channel
from bot.conversation.context import Noted
from bot.conversation.live import Ended, Live
from bot.conversation.permissions import Way
from bot.ports import (
    Control,
    Field,
    Gone,
    Group,
    Incoming,
    Panel,
    Person,
    Place,
    Pressed,
    Sent,
)
from bot.reply import attaching
from bot.reply.nouns import Declined
from bot.store.nouns import Answered, Verdict
from bot.store.store import Store
from bot.translations import say

log = logging.getLogger(__name__)

FEEDBACK = "feedback:"
COMMENT = "comment"
_LONGEST_COMMENT = 2_000


class Controls:
    """One for the process. `ask` answers a question that came by way of a button."""

    def __init__(
        self,
        *,
        store: Store,
        admission: Admission,
        answers: Answers,
        ask: Callable[[Channel, Incoming, Way], Awaitable[None]],
    ) -> None:
        self._store = store
        self._admission = admission
        self._answers = answers
        self._ask = ask
        self._going_on: set[str] = set()  # replies whose Continue was pressed, and answers to that still

    async def pressed(self, channel: Channel, pressed: Pressed) -> None:
        """One press, or one reaction."""
        place, person = pressed.place, pressed.person
        live = self._live(pressed)
        if live is None and not pressed.reply:
            await self._answers.live.appearing(
                lambda there: there.channel == place.channel, lambda: self._live(pressed) is not None
            )
            live = self._live(pressed)
        log.info(
            "control.pressed",
            extra={"control": pressed.control.value, "reply": pressed.reply, "live": live is not None},
        )
        stops = live is not None and pressed.control is Control.STOP and (live.owed or not pressed.reply)
        if live is not None and stops and person.id == live.incoming.person.id:
            # Whoever asked may always stop, and nothing is looked up first.
            live.stop()
            return
        answered = await self._answered(pressed, live)
        if answered is None and not pressed.reply:
            return  # a reaction may stand on anything, and most do: nothing more is looked up for them
        terms = await self._admission.terms(channel, place, person, pressed.locale)
        if answered is None:
            await channel.whisper(place, person, say(terms.language, sentences.NOT_KNOWN_ANY_MORE))
            return
        turned = self._admission.may_control(pressed.control, place, person, terms, asker=answered.asker)
        if turned is not None:
            if turned.sentence:
                await channel.whisper(place, person, turned.sentence)
            return
        match pressed.control:
            case Control.STOP:
                if live is not None and stops:
                    live.stop()
                elif pressed.reply:
                    await channel.whisper(place, person, say(terms.language, sentences.NOTHING_TO_STOP))
            case Control.REGENERATE:
                await self._regenerate(channel, pressed, terms, answered)
            case Control.CONTINUE:
                await self._continue(channel, pressed, terms, answered)
            case Control.GOOD | Control.BAD:
                await self._judge(channel, pressed, terms, answered)
            case Control.FILE:
                await self._file(channel, pressed, terms, answered)
            case Control.DELETE:
                await self._delete(channel, pressed, terms, answered)

    def _live(self, pressed: Pressed) -> Live | None:
        return (
            self._answers.live.by_id(pressed.reply)
            if pressed.reply
            else self._answers.live.by_message(pressed.message)
        )

    async def _answered(self, pressed: Pressed, live: Live | None) -> Answered | None:
        place = pressed.place
        reply = live.id if live is not None else pressed.reply
        known = reply or await self._store.reply_of_message(pressed.message, platform=place.platform)
        return await self._store.reply(known) if known else None

    # ------------------------------------------------------------------------------------------ stop

    def growing(self, incoming: Incoming, conversation: int | None) -> list[Live]:
        """What is being answered where this was said: in its conversation, by the message that it replies to, and in its
        thread, where a command begins a conversation of its own.
        """
        live, place = self._answers.live, incoming.place
        found = live.in_conversation(conversation) if conversation is not None else []
        if incoming.answers is not None and (replied := live.by_message(incoming.answers)) is not None:
            found.append(replied)
        if place.thread or place.parent:
            found += live.in_place(place.platform, place.workspace, place.channel, place.thread)
        return _owed(dict.fromkeys(found))

    async def stop_here(self, channel: Channel, place: Place, person: Person, locale: str = "") -> bool:
        """The command, or the word to us alone at a channel's top level: stop what grows in the thread that its answer
        would open, or else in this channel. Whether there was anything to stop; somebody who may not stop it is told so.
        """
        live = self._answers.live
        growing = _owed(live.in_place(place.platform, place.workspace, place.channel, place.thread))
        if not growing and place.thread:
            growing = _owed(live.in_place(place.platform, place.workspace, place.channel))
        return await self.stop(channel, growing, place, person, locale)

    async def stop_all(self, person: Person, place: Place) -> None:
        """End every answer of somebody's in a workspace, and wait until it has ended."""
        theirs = (place.platform, place.workspace, person.id)
        own = [
            live
            for live in self._answers.live
            if (live.place.platform, live.place.workspace, live.incoming.person.id) == theirs
        ]
        for live in own:
            live.stop()
        for live in own:
            async with self._answers.turns.next(live.conversation):
                pass

    async def stop(
        self, channel: Channel, growing: Sequence[Live], place: Place, person: Person, locale: str = ""
    ) -> bool:
        """Stop one's own among these answers; whoever has none there, those that they may stop. As by the button, what
        waits behind them is answered then; where nothing is under way yet, it is what is stopped.
        """
        own = [live for live in growing if live.incoming.person.id == person.id]
        for live in _first(own):
            live.stop()
        if own or not growing:
            return bool(own)
        terms = await self._admission.terms(channel, place, person, locale)
        turned = None
        for live in _first(growing):
            asker = live.incoming.person.id
            turned = self._admission.may_control(Control.STOP, place, person, terms, asker=asker)
            if turned is None:
                live.stop()
        if turned is not None and turned.sentence:
            await channel.whisper(place, person, turned.sentence)
        return True

    # ------------------------------------------------------------------------------------------ again, and on

    async def _regenerate(self, channel: Channel, pressed: Pressed, terms: Terms, answered: Answered) -> None:
        turned = self._busy(answered, terms) or self._admission.count(pressed.place, pressed.person, terms)
        if turned is not None:
            await channel.whisper(pressed.place, pressed.person, turned.sentence)
            return
        if sentence := await self.again(channel, answered, pressed.person, terms, way="regenerate"):
            await channel.answer(pressed.place, pressed.person, say(terms.language, sentence))

    def _busy(self, answered: Answered, terms: Terms) -> Turned | None:
        """Why this answer cannot be had anew, or gone on with, at this moment."""
        if self._answers.draining:
            return Turned(say(terms.language, sentences.RESTARTING))
        if any(live.owed for live in self._answers.live.of(answered.reply)):
            return Turned(say(terms.language, sentences.STILL_GROWING))
        return None

    async def again(
        self, channel: Channel, answered: Answered, person: Person, terms: Terms, *, way: Way
    ) -> str:
        """Answer the same question anew, in the words that it has by now and in the messages of the answer that it has.

        Returns the sentence that says why it was not; "" where it was.
        """
        incoming = Incoming(
            key=answered.key,
            person=person,
            text=answered.question,
            how="mention",
            place=answered.place,
            scope="",
            message=answered.message,
            files=answered.files,
        )
        live = Live(incoming, answered.conversation, answered.reply)
        with self._answers.live.holding(live):
            # Not in its turn: what is asked next waits for no button of an earlier page.
            await self._answers.live.settled(answered.reply)
            async with self._answers.turns.next(answered.conversation):
                known = await self._store.reply(answered.reply)
                if known is None or not (known.question or known.files):
                    return sentences.NOT_KNOWN_ANY_MORE  # deleted, or forgotten, while we waited
                if self._answers.draining:
                    return sentences.RESTARTING  # the answer that stands is better than half a new one
                taken = Taken(incoming, known.conversation, known.reply, way, terms, known.refs)
                remarks = Noted()
                try:
                    # Before the old answer is given up for it.
                    ask = await live.prepare(self._answers.paid(channel, taken, remarks))
                except Declined as declined:
                    return str(declined)
                except Ended:
                    await self._answers.unpaid(answered.reply)
                    early = sentences.INTERRUPTED_EARLY
                    return early if live.stopped == early else ""
                # To words that were changed since, the old answer is none: it stands under the same alone.
                stands = way == "regenerate" and bool(known.text and known.refs)
                current = await self._store.again(
                    answered.reply, model=terms.preferences.model, keeping=stands
                )
                if current is None:
                    await self._answers.unpaid(answered.reply)
                    return sentences.STILL_GROWING
                try:
                    taken = replace(taken, refs=current.refs, stands=stands)
                    await self._answers.now(channel, taken, live, ask=ask, remarks=remarks)
                except Declined as declined:
                    return f"{declined} {taken.say(sentences.KEPT)}" if str(declined) else ""
                except Exception:
                    log.exception("question.failed", extra={"key": incoming.key, "reply": taken.reply})
                    await self._answers.give_up(channel, taken)
        return ""

    async def _continue(self, channel: Channel, pressed: Pressed, terms: Terms, answered: Answered) -> None:
        turned = self._busy(answered, terms)
        if turned is not None:
            await channel.whisper(pressed.place, pressed.person, turned.sentence)
            return
        if answered.reply in self._going_on:
            return  # pressed twice
        self._going_on.add(answered.reply)
        try:
            await self._go_on(channel, pressed, terms, answered)
        finally:
            self._going_on.discard(answered.reply)

    async def _go_on(self, channel: Channel, pressed: Pressed, terms: Terms, answered: Answered) -> None:
        """To the end of what is said then. Whoever is turned away may press again: each press is a question."""
        last = answered.refs[-1] if answered.refs else pressed.message
        # By the route of the press its asker can be told alone why not.
        reply_to = last.message if answered.place.reply_to else ""
        # The answer may stand in a thread that its own first words have opened, which its place does not name; without
        # that, our last message would be taken for a thread's root.
        thread = answered.place.thread or (pressed.place.thread if answered.place.private else "")
        place = replace(answered.place, route=pressed.place.route, reply_to=reply_to, thread=thread)
        await self._ask(
            channel,
            Incoming(
                key=f"continue:{answered.reply}:{secrets.token_hex(8)}",
                person=pressed.person,
                text=say(terms.language, sentences.GOING_ON),
                how="mention",
                place=place,
                scope="",
                answers=last,
                locale=pressed.locale,
            ),
            "continue",
        )

    # ------------------------------------------------------------------------------------------ thumbs

    async def _judge(self, channel: Channel, pressed: Pressed, terms: Terms, answered: Answered) -> None:
        verdict: Verdict = "good" if pressed.control is Control.GOOD else "bad"
        await self._store.feedback(answered.reply, pressed.person.id, verdict)
        log.info("reply.judged", extra={"reply": answered.reply, "verdict": verdict})
        if not pressed.reply:
            return  # a reaction is its own acknowledgement
        if pressed.control is Control.BAD and await channel.open(
            pressed.place, pressed.person, feedback_panel(answered.reply, terms.language)
        ):
            return
        await channel.whisper(pressed.place, pressed.person, say(terms.language, sentences.THANK_YOU))

    async def comment(
        self, channel: Channel, place: Place, person: Person, reply: str, text: str, locale: str
    ) -> None:
        """What was written into the form that a thumb down opens."""
        if text.strip():
            await self._store.feedback(reply, person.id, "bad", text.strip()[:_LONGEST_COMMENT])
        await channel.whisper(place, person, say(locale, sentences.THANK_YOU))

    # ------------------------------------------------------------------------------------------ file, delete

    async def _file(self, channel: Channel, pressed: Pressed, terms: Terms, answered: Answered) -> None:
        if not answered.text:
            await channel.whisper(
                pressed.place, pressed.person, say(terms.language, sentences.NOT_KNOWN_ANY_MORE)
            )
            return
        place = answered.place
        if not (
            place.private and place.reply_to
        ):  # that is the thread of an answer in a direct message (Slack)
            last = answered.refs[-1] if answered.refs else pressed.message
            place = replace(place, reply_to=last.message)
        outcome = await channel.upload(
            place, attaching.whole(answered.text), say(terms.language, sentences.FILE_TITLE)
        )
        if not isinstance(outcome, Sent):
            log.warning(
                "reply.not_attached", extra={"reply": answered.reply, "outcome": type(outcome).__name__}
            )
            await channel.whisper(pressed.place, pressed.person, say(terms.language, sentences.FILE_FAILED))

    async def _delete(self, channel: Channel, pressed: Pressed, terms: Terms, answered: Answered) -> None:
        for live in self._answers.live.of(answered.reply):
            live.stop(offers=False)
        whole = await self.take_away(channel, answered)
        sentence = sentences.DELETED if whole else sentences.DELETE_FAILED
        await channel.whisper(pressed.place, pressed.person, say(terms.language, sentence))

    async def take_away(self, channel: Channel, answered: Answered) -> bool:
        """Delete an answer's messages, the last first, once it has ended, and forget what was said. Whether all are gone."""
        growing = self._answers.live.of(answered.reply)
        async with self._answers.turns.next(answered.conversation):
            known = await self._store.reply(answered.reply) or answered
            # What a disk that fails has not been told yet, the replies themselves know.
            refs = dict.fromkeys((*known.refs, *(ref for live in growing for ref in live.refs)))
            whole = True
            for ref in reversed(refs):
                outcome = await channel.delete(known.place, ref)
                if not isinstance(outcome, Sent | Gone):
                    whole = False
                    log.warning("message.not_deleted", extra={"outcome": type(outcome).__name__})
            await self._store.forget_exchange(answered.reply)
        return whole


def _owed(found: Iterable[Live]) -> list[Live]:
    """Those that Claude has not ended: of others no more than a button may be to go."""
    return [live for live in found if live.owed]


def _first(growing: Sequence[Live]) -> Sequence[Live]:
    """Those that are under way; where none is, those that wait."""
    return [live for live in growing if live.under_way] or growing


def feedback_panel(reply: str, language: str) -> Panel:
    """The form that a thumb down opens."""
    field = Field(COMMENT, say(language, sentences.FEEDBACK_FIELD), "paragraph", limit=_LONGEST_COMMENT)
    return Panel(
        f"{FEEDBACK}{reply}",
        say(language, sentences.FEEDBACK_TITLE),
        (Group("feedback", "", (field,)),),
        say(language, sentences.FEEDBACK_SUBMIT),
    )
