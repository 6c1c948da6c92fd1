"""The core between a platform, a Claude and a store in memory, on virtual time: scripted, and judged by what people saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence, Sized
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeAlias, cast

import anthropic

from adapters.slack.dialect import SlackDialect
from bot.claude.answer import Ask, Claude
from bot.claude.events import AnswerEvent, Done, Text
from bot.claude.models import Model, Models
from bot.claude.prices import Prices
from bot.conversation.channel import Channel
from bot.conversation.conversations import Conversations
from bot.conversation.journal import StoreJournal
from bot.ports import (
    Attachment,
    Button,
    File,
    Incoming,
    Line,
    Panel,
    Person,
    Place,
    Profile,
    Ref,
    Standing,
    Unread,
)
from bot.settings import Settings, load
from tests.conversation.fake_store import FakeStore as FakeStore  # noqa: PLC0414 - tests import it from here
from tests.conversation.fake_store import Row as Row  # noqa: PLC0414 - the same
from tests.reply.fake_platform import FakePlatform, Running

DIALECT = SlackDialect()
STATUS_SECONDS = 8.0
THREAD = Place("fake", "T1", "C1", thread="1700.1")
ADA, GRACE = Person("U1", "Ada"), Person("U2", "Grace")
WORDS = "The quick brown fox jumps over the lazy dog and rests. " * 20


def now() -> float:
    return asyncio.get_running_loop().time()


def notice(sentence: str) -> str:
    """One of our own sentences as people see it."""
    return DIALECT.notice(sentence)


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
    standing_takes: float = 0.0
    standings: dict[str, Standing] = field(default_factory=dict)
    opens: bool = True
    threads: bool = False
    before: list[Line] = field(default_factory=list)  # what stands in every thread
    files: dict[str, File] = field(default_factory=dict)
    panels: list[Panel] = field(default_factory=list)
    branches: list[str] = field(default_factory=list)
    buttons: tuple[Button, ...] = ()
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

    async def whisper(self, place: Place, person: Person, text: str, buttons: Sequence[Button] = ()) -> bool:
        self.asides.append(("told", now(), text))
        self.buttons = tuple(buttons)
        return self.tells

    async def standing(self, place: Place, person: Person) -> Standing:
        await asyncio.sleep(self.standing_takes)
        return self.standings.get(person.id, Standing())

    async def open(self, place: Place, person: Person, panel: Panel) -> bool:
        if self.opens:
            self.panels.append(panel)
        return self.opens

    async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Line]:
        await asyncio.sleep(self.call)
        return self.before[-limit:]

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        self.branches.append(name)
        return (
            replace(place, channel=f"thread-{message.message}", parent=place.channel)
            if self.threads
            else None
        )

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        await asyncio.sleep(self.call)
        return self.files.get(attachment.id, Unread("gone"))

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

    def vanish(self, ref: Ref) -> None:
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

    @property
    def client(self) -> anthropic.AsyncAnthropic:
        """Nobody asks it for models here."""
        return cast("anthropic.AsyncAnthropic", None)

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


# ------------------------------------------------------------------------------------------------ models


class FakeModels(Models):
    """Two to choose from."""

    def __init__(self) -> None:
        return

    async def offered(self, *, within: float = 1.0) -> Sequence[Model]:
        return (Model("claude-sonnet-5-5", "Claude Sonnet 5.5"), Model("claude-opus-5", "Claude Opus 5"))


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
            "replies": conversations._answers.live,
            "tasks": conversations._tasks,
            "turns": conversations._answers.turns,
            "arrivals": conversations._questions._arrivals,
            "taking": conversations._questions._taking,
            "edits": conversations._revisions._newest,
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
    conversations = Conversations(
        settings=settings(**options),
        store=store,
        journal=journal,
        claude=claude,
        prices=Prices.load(),
        models=FakeModels(),
    )
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


def asked(stage: Stage) -> list[str]:
    """Claude's requests, each as its turns."""
    return [
        " | ".join(f"{turn['role'][0]}: {turn['content']}" for turn in request.ask.messages)
        for request in stage.claude.asked
    ]
