"""The store's promises in memory, on the loop's clock: no thread, so that virtual time may jump."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal, TypeAlias

from bot.ports import Attachment, Line, Place, Ref
from bot.store.engine import HANGING
from bot.store.nouns import Answered, Question, Said, Unfinished
from bot.store.store import Store, StoreError
from tests.conversation.fake_ledger import FakeLedger, FakePreferences


def now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Row:
    """A reply as the store keeps it."""

    id: str
    conversation: int
    place: Place
    announce: str
    state: str = "growing"
    refs: tuple[Ref, ...] = ()
    text: str = ""
    notice: str = ""
    tokens: dict[str, int] = field(default_factory=dict)
    question: Question | None = None
    turn: str = ""
    stop_reason: str = ""
    model: str = ""


Trouble: TypeAlias = Literal["fails", "hangs"]


class FakeStore(Store):
    """The store's promises in memory. `delay` seconds for each call; `trouble` by the method's name, and the reply's."""

    preferences: FakePreferences
    ledger: FakeLedger

    def __init__(self, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.trouble: dict[str, Trouble] = {}
        self.calls: list[tuple[float, str, str]] = []  # when a write was done, which, of which reply
        self.rows: dict[str, Row] = {}
        self.claims: set[str] = set()
        self.anchors: dict[str, int] = {}
        self.said: dict[int, list[tuple[Said, str]]] = {}
        self.people: dict[tuple[str, str], str] = {}
        self.judged: dict[tuple[str, str], tuple[str, str]] = {}
        self.forgotten: list[str] = []
        self.preferences = FakePreferences()
        self.ledger = FakeLedger()
        self._numbers = count(1)

    async def close(self) -> None:
        return

    async def _work(self, method: str, about: str = "") -> None:
        trouble = self.trouble.get(f"{method} {about}") or self.trouble.get(method) or self.trouble.get("")
        if trouble == "hangs":
            await asyncio.sleep(HANGING)
            raise StoreError("Hanging: no answer")
        await asyncio.sleep(self.delay)
        if trouble == "fails":
            raise StoreError("OperationalError: disk I/O error")
        self.calls.append((now(), method, about))

    async def begin(
        self, question: Question, *, reply: str, model: str, silence: float, now: float | None = None
    ) -> int | None:
        await self._work("begin", reply)
        if question.key in self.claims:
            return None
        self.claims.add(question.key)
        known = [self.anchors[anchor] for anchor in question.known_by if anchor in self.anchors]
        if question.upto in self.rows:
            known = [self._forked(question.upto), *known]
        conversation = known[0] if known else next(self._numbers)
        for anchor in question.known_as:
            self.anchors[anchor] = conversation
        said = Said("user", question.person, question.name, question.text, reply, question.files)
        self.said.setdefault(conversation, []).append((said, "whole"))
        self.rows[reply] = Row(
            reply, conversation, question.place, question.announce, question=question, model=model
        )
        return conversation

    async def place_before(self, reply: str, later: Collection[str]) -> None:
        await self._work("place_before", reply)
        said = self.said[self.rows[reply].conversation]
        at = next(n for n, (one, _) in enumerate(said) if one.reply == reply)
        answered = {one.reply for one, _ in said if one.role == "assistant"}
        behind = [told for told in said[:at] if told[0].reply in later and told[0].reply not in answered]
        said[:] = [told for told in said if told not in behind] + behind

    def _forked(self, upto: str) -> int:
        """The conversation of a reply; a copy up to there, if it has gone on since."""
        conversation = self.rows[upto].conversation
        said = self.said[conversation]
        exchanges = list(dict.fromkeys(one.reply for one, _ in said))
        if upto not in exchanges or exchanges[-1] == upto:
            return conversation
        kept = exchanges[: exchanges.index(upto) + 1]
        fork = next(self._numbers)
        self.said[fork] = [(one, state) for one, state in said if one.reply in kept]
        return fork

    async def conversation_of(self, anchors: Sequence[str]) -> int | None:
        await self._work("conversation_of")
        return next((self.anchors[anchor] for anchor in anchors if anchor in self.anchors), None)

    async def answers_to(self, anchors: Sequence[str], people: Collection[str]) -> int:
        conversation = await self.conversation_of(anchors)
        in_a_row = 0
        for one, _ in self.said.get(conversation or 0, []):
            if one.role == "user":
                in_a_row = in_a_row + 1 if one.person in people else 0
        return in_a_row

    async def begin_anew(self, place: Place, anchors: Sequence[str], *, now: float | None = None) -> int:
        await self._work("begin_anew")
        conversation = next(self._numbers)
        self.anchors.update(dict.fromkeys(anchors, conversation))
        return conversation

    async def takes_part(self, anchors: Iterable[str]) -> bool:
        await self._work("takes_part")
        return any(anchor in self.anchors for anchor in anchors)

    async def claim(self, key: str, *, now: float | None = None) -> bool:
        await self._work("claim")
        fresh = key not in self.claims
        self.claims.add(key)
        return fresh

    async def posted(self, reply: str, refs: Sequence[Ref], place: Place, anchors: Sequence[str]) -> None:
        await self._work("posted", reply)
        if reply in self.rows:
            row = self.rows[reply]
            row.refs, row.place = tuple(refs), replace(place, route="")
            self.anchors.update(dict.fromkeys(anchors, row.conversation))

    async def grew(self, texts: Sequence[tuple[str, str]]) -> None:
        await self._work("grew", " ".join(reply for reply, _ in texts))
        for reply, text in texts:
            if reply in self.rows and self.rows[reply].state == "growing":
                self.rows[reply].text = text

    async def ended(
        self,
        reply: str,
        *,
        text: str,
        notice: str,
        turn: str,
        tokens: dict[str, int],
        stop_reason: str = "",
        seconds: float = 0.0,
        micros: int = 0,
        now: float | None = None,
    ) -> None:
        await self._work("ended", reply)
        row = self.rows.get(reply)
        if row is None:
            return
        row.state, row.text, row.notice, row.tokens = "ending", text, notice, tokens
        row.turn, row.stop_reason = turn, stop_reason
        said = self.said.setdefault(row.conversation, [])
        said[:] = [(one, state) for one, state in said if (one.reply, one.role) != (reply, "assistant")]
        asked = "refused" if turn == "refused" else "whole"
        said[:] = [
            (one, asked if (one.reply, one.state) == (reply, "whole") else state) for one, state in said
        ]
        if text:
            said.append((Said("assistant", "", "", text, reply), turn))

    async def closed(self, reply: str, state: str, *, now: float | None = None) -> None:
        await self._work("closed", reply)
        if reply in self.rows:
            self.rows[reply].state = state

    # ------------------------------------------------------------------------------------------ what buttons need

    async def reply(self, reply: str) -> Answered | None:
        await self._work("reply", reply)
        row = self.rows.get(reply)
        if row is None or row.question is None:
            return None
        asked = row.question
        said = [one for one, _ in self.said.get(row.conversation, []) if one.reply == reply]
        question = next((one for one in said if one.role == "user"), None)
        answer = next((one for one in said if one.role == "assistant"), None)
        return Answered(
            reply=reply,
            conversation=row.conversation,
            state=row.state,
            place=row.place,
            refs=row.refs,
            asker=asked.person,
            key=asked.key,
            how=asked.how,
            locale=asked.locale,
            question=question.text if question else "",
            message=asked.message,
            files=asked.files,
            text=answer.text if answer and row.state != "growing" else "",
            turn=row.turn,
            notice=row.notice,
            stop_reason=row.stop_reason,
            model=row.model,
            seconds=0.0,
            micros=0,
            created=0.0,
        )

    async def reply_of_message(
        self, message: Ref, *, platform: str, workspace: str | None = None
    ) -> str | None:
        await self._work("reply_of_message")
        return next((row.id for row in self.rows.values() if message in row.refs), None)

    async def reply_of_question(
        self, message: Ref, *, platform: str, workspace: str | None = None
    ) -> str | None:
        await self._work("reply_of_question")
        found = [row.id for row in self.rows.values() if row.question and row.question.message == message]
        return found[-1] if found else None

    async def again(
        self, reply: str, *, model: str, keeping: bool = False, now: float | None = None
    ) -> Answered | None:
        await self._work("again", reply)
        row = self.rows[reply]
        if row.state in ("growing", "ending"):
            return None
        row.state, row.text, row.notice = "growing", "", row.notice if keeping else ""
        said = self.said[row.conversation]
        said[:] = [told for told in said if told[0].reply != reply or told[0].role == "user" or keeping]
        return await self.reply(reply)

    async def replace_question(
        self, reply: str, text: str, files: Sequence[Attachment] | None = None
    ) -> bool:
        await self._work("replace_question", reply)
        said = self.said[self.rows[reply].conversation]
        said[:] = [
            (replace(one, text=text) if (one.reply, one.role) == (reply, "user") else one, state)
            for one, state in said
        ]
        return True

    async def forget_exchange(self, reply: str) -> None:
        await self._work("forget_exchange", reply)
        said = self.said[self.rows[reply].conversation]
        said[:] = [(one, state) for one, state in said if one.reply != reply]

    async def feedback(
        self, reply: str, person: str, verdict: str, comment: str = "", *, now: float | None = None
    ) -> bool:
        await self._work("feedback", reply)
        self.judged[reply, person] = (verdict, comment)
        return True

    async def forget_person(self, platform: str, workspace: str | None, person: str) -> None:
        await self._work("forget_person")
        self.forgotten.append(person)

    async def is_new(self, conversation: int) -> bool:
        await self._work("is_new")
        said = self.said.get(conversation, [])
        return not any(one.role == "assistant" or not one.reply for one, _ in said)

    async def import_lines(
        self, conversation: int, lines: Sequence[Line], *, now: float | None = None
    ) -> bool:
        await self._work("import_lines")
        before = [
            Said(
                "assistant" if line.ours else "user",
                line.person.id,
                line.person.name,
                line.text,
                "",
                line.files,
            )
            for line in lines
        ]
        self.said[conversation] = [
            *((one, "whole") for one in before),
            *self.said.get(conversation, []),
        ]
        return True

    async def summarised(
        self,
        conversation: int,
        told: Sequence[Said],
        text: str,
        *,
        before: str | None = None,
        now: float | None = None,
    ) -> bool:
        await self._work("summarised")
        if list(told) != (await self.turns(conversation, before=before))[: len(told)]:
            return False
        said, upto = self.said[conversation], told[-1].reply
        last = max(at for at, (one, _) in enumerate(said) if one.reply == upto)
        self.said[conversation] = [
            (Said("user", "", "", text, upto, state="summary"), "summary"),
            *said[last + 1 :],
        ]
        return True

    async def unfinished(self) -> list[Unfinished]:
        return [
            Unfinished(
                row.id,
                row.conversation,
                row.state,
                row.place,
                row.refs,
                row.text,
                row.notice,
                row.announce,
                turn=row.turn,
                stood=self._stood(row) if row.state == "growing" else "",
            )
            for row in self.rows.values()
            if row.state in ("growing", "ending")
        ]

    def _stood(self, row: Row) -> str:
        said = (one for one, _ in self.said.get(row.conversation, []) if one.reply == row.id)
        return next((one.text for one in said if one.role == "assistant"), "")

    async def turns(self, conversation: int, *, before: str | None = None) -> list[Said]:
        await self._work("turns")
        exchanges: dict[str, list[Said]] = {}
        for one, state in self.said.get(conversation, []):
            if state != "refused" or one.reply == before:
                known = replace(one, name=self.people.get(("T1", one.person), one.name))
                exchanges.setdefault(one.reply, []).append(known)
        told: list[Said] = []
        for reply, exchange in exchanges.items():
            if reply == before:
                return [*told, *(one for one in exchange if one.role == "user")]
            told += exchange
        return told

    async def named(self, place: Place, person: str, name: str, *, now: float | None = None) -> None:
        await self._work("named")
        self.people[place.workspace, person] = name

    async def knows_name(self, place: Place, person: str) -> bool:
        await self._work("knows_name")
        return (place.workspace, person) in self.people

    def state(self, reply: str = "") -> str:
        """The state of this reply, or of the only one."""
        row = self.rows[reply] if reply else next(iter(self.rows.values()))
        return row.state
