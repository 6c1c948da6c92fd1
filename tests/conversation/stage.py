"""The core between a platform, a Claude and a store in memory, on virtual time: scripted, and judged by what people saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence, Sized
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, Literal, TypeAlias

from adapters.slack.dialect import SlackDialect
from bot.claude.answer import Ask, Claude
from bot.claude.events import AnswerEvent, Done, Text
from bot.conversation.conversations import Channel, Conversations
from bot.conversation.journal import StoreJournal
from bot.ports import Incoming, Person, Place, Profile, Ref
from bot.settings import Settings, load
from bot.store.nouns import Question, Said, Unfinished
from bot.store.store import Store, StoreError
from tests.reply.fake_platform import FakePlatform, Running

DIALECT = SlackDialect()
STATUS_SECONDS = 8.0
THREAD = Place("fake", "T1", "C1", thread="1700.1")


def now() -> float:
    return asyncio.get_running_loop().time()


def settings(**more: Any) -> Settings:
    known = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "ANTHROPIC_API_KEY": "sk-ant-1"}
    return load(None, **(known | more))


# ------------------------------------------------------------------------------------------------ the platform


@dataclass
class Chat(FakePlatform):
    """The platform in memory with a real dialect, and with what is said beside a reply."""

    status_takes: float = 0.05
    status_raises: bool = False
    tells: bool = True
    names: dict[str, str] = field(default_factory=dict)
    closed: bool = False
    # what happened, in order: ("status", at, text), ("told", at, sentence), ("name", at, id)
    asides: list[tuple[str, float, str]] = field(default_factory=list)

    @property
    def profile(self) -> Profile:
        return Profile("fake", self.page_limit, DIALECT, STATUS_SECONDS)

    async def status(self, place: Place, text: str) -> None:
        self.asides.append(("status", now(), text))
        if self.status_raises:
            raise RuntimeError("the adapter is broken")
        await asyncio.sleep(self.status_takes)

    async def tell(self, incoming: Incoming, sentence: str) -> bool:
        self.asides.append(("told", now(), sentence))
        return self.tells

    async def name(self, person: Person) -> str:
        self.asides.append(("name", now(), person.id))
        await asyncio.sleep(self.call)
        return self.names.get(person.id, "")

    # ------------------------------------------------------------------------------------------ what was seen

    def said_beside(self, kind: str = "status") -> list[str]:
        return [text for what, _, text in self.asides if what == kind]

    def texts(self) -> list[str]:
        """The messages as they stand now, in the order in which they were posted."""
        return [message.text for message in self.visible()]

    def thread(self, thread: str) -> list[str]:
        return [message.text for message in self.visible() if message.thread == thread]

    def delete(self, ref: Ref) -> None:
        self.messages[ref.message] = replace(self.messages[ref.message], deleted=True)


# ------------------------------------------------------------------------------------------------ Claude

Step: TypeAlias = float | str | AnswerEvent | BaseException


@dataclass
class Asked:
    """One request: when it came, what it was, and when it ended, however it ended."""

    at: float
    ask: Ask
    ended: float | None = None

    @property
    def question(self) -> str:
        return str(self.ask.messages[-1]["content"])


class FakeClaude(Claude):
    """Says what the script for a question says: text, pauses in seconds, events, faults. Without one: "Yes."."""

    def __init__(self, *steps: Step) -> None:
        self.asked: list[Asked] = []
        self._default: Sequence[Step] = steps or ("Yes.", Done("end_turn"))
        self._scripts: dict[str, Sequence[Step]] = {}

    def will(self, words: str, *steps: Step) -> None:
        """What it says to a question that holds these words."""
        self._scripts[words] = steps

    async def close(self) -> None:
        return

    async def answer(self, ask: Ask) -> AsyncGenerator[AnswerEvent]:
        asked = Asked(now(), ask)
        self.asked.append(asked)
        try:
            for step in self._script(asked.question):
                match step:
                    case int() | float():
                        await asyncio.sleep(step)
                    case str():
                        yield Text(step)
                    case BaseException():
                        raise step
                    case _:
                        yield step
        finally:
            asked.ended = now()

    def _script(self, question: str) -> Sequence[Step]:
        # The newest words count where several questions stand in one message.
        found = {question.rfind(words): steps for words, steps in self._scripts.items() if words in question}
        return found[max(found)] if found else self._default

    @property
    def open(self) -> int:
        """Requests that nobody has closed."""
        return sum(asked.ended is None for asked in self.asked)


def growing(text: str, *, seconds: float, step: float = 0.1, end: str = "end_turn") -> list[Step]:
    """`text` in even steps over so many seconds, then the end."""
    pieces = max(1, round(seconds / step))
    size = -(-len(text) // pieces)
    steps: list[Step] = []
    for at in range(0, len(text), size):
        steps += [step, text[at : at + size]]
    return [*steps, Done(end)]


# ------------------------------------------------------------------------------------------------ the store


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


Trouble = Literal["fails", "hangs"]


class FakeStore(Store):
    """The store's promises in memory. `delay` seconds for each call; `trouble` by the method's name."""

    def __init__(self, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.trouble: dict[str, Trouble] = {}
        self.calls: list[tuple[float, str, str]] = []  # when a write was done, which, of which reply
        self.rows: dict[str, Row] = {}
        self.claims: set[str] = set()
        self.anchors: dict[str, int] = {}
        self.said: dict[int, list[tuple[Said, str]]] = {}
        self.people: dict[tuple[str, str], str] = {}
        self._numbers = count(1)

    async def close(self) -> None:
        return

    async def _work(self, method: str, about: str = "") -> None:
        trouble = self.trouble.get(method) or self.trouble.get("")
        if trouble == "hangs":
            await asyncio.get_running_loop().create_future()
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
        conversation = known[0] if known else next(self._numbers)
        for anchor in question.known_as:
            self.anchors[anchor] = conversation
        said = Said("user", question.person, question.name, question.text, reply)
        self.said.setdefault(conversation, []).append((said, "whole"))
        self.rows[reply] = Row(reply, conversation, question.place, question.announce)
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
        now: float | None = None,
    ) -> None:
        await self._work("ended", reply)
        row = self.rows.get(reply)
        if row is None:
            return
        row.state, row.text, row.notice, row.tokens = "ending", text, notice, tokens
        said = self.said.setdefault(row.conversation, [])
        if turn == "refused":
            said[:] = [(one, "refused" if one.reply == reply else state) for one, state in said]
        if text:
            said.append((Said("assistant", "", "", text, reply), turn))

    async def closed(self, reply: str, state: str, *, now: float | None = None) -> None:
        await self._work("closed", reply)
        if reply in self.rows:
            self.rows[reply].state = state

    async def unfinished(self) -> list[Unfinished]:
        return [
            Unfinished(
                row.id, row.conversation, row.state, row.place, row.refs, row.text, row.notice, row.announce
            )
            for row in self.rows.values()
            if row.state in ("growing", "ending")
        ]

    async def turns(self, conversation: int, *, before: str | None = None) -> list[Said]:
        await self._work("turns")
        exchanges: dict[str, list[Said]] = {}
        for one, state in self.said.get(conversation, []):
            if state != "refused":
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


# ------------------------------------------------------------------------------------------------ all of it


@dataclass
class Stage:
    """`Conversations` at work."""

    chat: Chat
    channel: Channel
    claude: FakeClaude
    store: FakeStore
    journal: StoreJournal
    conversations: Conversations
    numbers: count[int] = field(default_factory=lambda: count(1))

    def ask(
        self, text: str, *, thread: str = "1700.1", channel: Channel | None = None, **more: Any
    ) -> Incoming:
        """Somebody says something; by default to the bot, in a thread."""
        place = Place("fake", "T1", "C1", thread=thread)
        number = next(self.numbers)
        incoming = Incoming(
            key=more.pop("key", f"message:{number}"),
            person=more.pop("person", Person("U1", "Ada")),
            text=text,
            how=more.pop("how", "mention"),
            place=more.pop("place", place),
            scope=more.pop("scope", f"thread:C1:{thread}"),
            **more,
        )
        self.conversations.take(channel or self.channel, incoming)
        return incoming

    async def quiet(self, within: float = 600.0) -> None:
        """Until nothing is under way any more."""
        async with asyncio.timeout(within):
            while self.conversations._tasks:
                await asyncio.wait(self.conversations._tasks)

    def left(self) -> dict[str, int]:
        """What is still held anywhere, by name; empty once all is quiet."""
        journal, conversations = self.journal, self.conversations
        held: dict[str, Sized] = {
            "replies": conversations._replies,
            "tasks": conversations._tasks,
            "turns": conversations._turns,
            "arrivals": conversations._arrivals,
            "growing": journal._growing,
            "written": journal._written,
            "debts": journal._debts,
            "payments": journal._payments,
            "views": self.channel.outbox._desk.views,
            "plans": self.channel.outbox._desk.plans,
            "searches": self.channel.outbox._desk.searches,
            "requests": range(self.claude.open),
        }
        return {name: len(things) for name, things in held.items() if len(things)}


@asynccontextmanager
async def staged(
    *steps: Step, chat: Chat | None = None, store: FakeStore | None = None, **options: Any
) -> AsyncGenerator[Stage]:
    chat, store = chat or Chat(), store or FakeStore()
    claude, journal = FakeClaude(*steps), StoreJournal(store)
    conversations = Conversations(settings=settings(**options), store=store, journal=journal, claude=claude)
    async with AsyncExitStack() as stack:
        outbox = await stack.enter_async_context(Running(chat))
        writing = asyncio.create_task(journal.run())
        stage = Stage(chat, Channel(chat, outbox), claude, store, journal, conversations)
        try:
            yield stage
            assert not writing.done(), "the journal ended by itself"
        finally:
            await conversations.close(0.0)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
