"""Whatever is asked, answered, changed, summarised, forked and forgotten in whatever order: Claude is told what a plain list
of exchanges says.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.store import Store
from tests.store.stage import answer, begin, question, summarise, words


@dataclass
class Exchange:
    reply: str
    person: str
    asked: str
    told: str = ""
    summary: str = ""
    refused: bool = False


@dataclass
class Model:
    """One conversation as it ought to be."""

    id: int
    anchor: str
    exchanges: list[Exchange] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)  # who asked what was deleted since

    def words(self, before: str | None = None) -> list[str]:
        said: list[str] = []
        for exchange in self.exchanges:
            if exchange.refused:
                continue
            if exchange.reply == before:
                return [*said, exchange.asked]
            if exchange.summary:
                said = [exchange.summary]
            else:
                said += [exchange.asked, *([exchange.told] if exchange.told else [])]
        return said

    def changes(self, exchange: Exchange) -> None:
        """What it has been summarised with is told word for word again."""
        for one in self.exchanges[self.exchanges.index(exchange) :]:
            one.summary = ""

    def covered(self, exchange: Exchange) -> bool:
        """Whether a summary stands for it."""
        return any(
            one.summary and not one.refused for one in self.exchanges[self.exchanges.index(exchange) :]
        )

    def upto(self, reply: str) -> list[Exchange]:
        copied: list[Exchange] = []
        for one in self.exchanges:
            if one.refused:
                continue
            last = one.reply == reply
            copied.append(
                Exchange(f"{one.reply}~", one.person, one.asked, one.told, "" if last else one.summary)
            )
            if last:
                break
        return copied


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["exchange", "exchange", "exchange", "ask", "answer", "refuse", "again", "change", "summarise", "fork", "fork",
             "delete", "forget"]
        ),
        st.integers(0, 99),  # which conversation
        st.integers(0, 99),  # which exchange, or who
    ),
    min_size=12,
    max_size=30,
)  # fmt: skip


@pytest.mark.long
def test_claude_is_told_what_a_plain_list_of_exchanges_says(tmp_path: Path) -> None:
    fresh = count()

    async def ask(
        store: Store, talks: list[Model], talk: Model | None, which: int, upto: str = ""
    ) -> Exchange:
        number = next(fresh)
        anchor = talk.anchor if talk and not upto else f"a{number}"
        person, reply, text = f"P{which % 2}", f"r{number}", f"q{number}"
        asked = question(f"k{number}", anchor, text=text, person=person, upto=upto)
        conversation = await begin(store, asked, reply)
        if upto and talk is not None and conversation != talk.id:
            talk = Model(conversation, anchor, talk.upto(upto))
            talks.append(talk)
        elif talk is None:
            talk = Model(conversation, anchor)
            talks.append(talk)
        assert conversation == talk.id
        talk.exchanges.append(Exchange(reply, person, text))
        return talk.exchanges[-1]

    async def step(store: Store, talks: list[Model], what: str, where: int, which: int) -> None:
        if what in ("ask", "exchange") or not talks:
            talk = talks[where % len(talks)] if talks and where % 5 else None
            reply = await ask(store, talks, talk, which)
            if what == "exchange":
                reply.told = f"t{next(fresh)}"
                await answer(store, reply.reply, reply.told)
            return
        talk = talks[where % len(talks)]
        own = [one for one in talk.exchanges if not one.reply.endswith("~")]
        if what == "forget":
            await _forget(store, talks, f"P{which % 2}")
            return
        if not own:
            return
        one = own[which % len(own)]
        number = next(fresh)
        ended = bool(one.told) or one.refused
        match what:
            case "answer" if not ended:
                one.told = f"t{number}"
                await answer(store, one.reply, one.told)
            case "refuse" if not ended:
                one.refused = True
                one.told = ""
                await answer(store, one.reply, f"t{number}", "refused")
            case "again" if ended:
                talk.changes(one)
                one.refused, one.told = False, ""
                await store.again(one.reply, model="m")
            case "change" if not one.refused:
                talk.changes(one)
                one.asked = f"c{number}"
                assert await store.replace_question(one.reply, one.asked)
            case "summarise" if one.told and not talk.covered(one):
                one.summary = f"s{number}"
                await summarise(store, talk.id, one.reply, one.summary)
            case "fork" if one.told:
                await ask(store, talks, talk, which, upto=one.reply)
            case "delete" if one.told:
                talk.changes(one)
                await store.forget_exchange(one.reply)
                talk.gone.add(one.person)
                talk.exchanges.remove(one)

    async def play(store: Store, steps: list[Step]) -> None:
        talks: list[Model] = []
        for what, where, which in steps:
            await step(store, talks, what, where, which)
            for talk in talks:
                assert await words(store, talk.id) == talk.words(), what
                own = [one for one in talk.exchanges if not (one.refused or one.reply.endswith("~"))]
                if own:
                    one = own[which % len(own)]
                    assert await words(store, talk.id, one.reply) == talk.words(one.reply), what
        await store.forget_person("slack", None, "P0")
        await store.forget_person("slack", None, "P1")

    with asyncio.Runner() as runner:
        store = runner.run(Store.open(f"sqlite:///{tmp_path}/s.sqlite3"))

        @settings(max_examples=15)
        @given(STEPS)
        def run(steps: list[Step]) -> None:
            runner.run(play(store, steps))

        try:
            run()
        finally:
            runner.run(store.close())


async def _forget(store: Store, talks: list[Model], person: str) -> None:
    await store.forget_person("slack", None, person)
    for talk in list(talks):
        others = [one for one in talk.exchanges if one.person != person]
        # A summary may quote what was deleted since: of whom, only the reply's row still knows.
        concerned = len(others) < len(talk.exchanges) or person in talk.gone
        talk.gone.discard(person)
        talk.exchanges = others
        if concerned:
            for one in others:
                one.summary = ""
        if not others:
            talks.remove(talk)
