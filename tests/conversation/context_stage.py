"""`Context` by itself: a platform with files, a store in memory that keeps them, a Claude that is only asked to summarise."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from bot.claude.answer import Ask
from bot.claude.prices import Prices
from bot.conversation import preferences as prefs
from bot.conversation.admission import Terms
from bot.conversation.channel import Channel
from bot.conversation.context import Context
from bot.conversation.spending import Spending
from bot.ports import Attachment, File, Incoming, Place, Standing, Unread
from bot.reply.outbox import Outbox
from bot.store.nouns import Question
from bot.store.store import Store
from tests.conversation.stage import ADA, Chat, FakeClaude, FakeStore, settings

_TOKENS = {"tokens_in": 1, "tokens_out": 1, "cache_read": 0, "cache_written": 0}


@dataclass
class FileChat(Chat):
    """Serves `files` by their address, and notes what is fetched. `takes`: seconds, by address."""

    takes: dict[str, float] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    fetching: int = 0

    def attach(
        self, name: str, data: bytes, mime: str = "", *, size: int | None = None, id_: str = ""
    ) -> Attachment:
        """A file on somebody's message; `size` as the platform tells it."""
        url = f"file-{len(self.files)}"
        self.files[url] = File(name, mime, data)
        return Attachment(id_ or f"F{len(self.files)}", name, mime, len(data) if size is None else size, url)

    def lose(self, attachment: Attachment) -> None:
        """Somebody deletes it."""
        del self.files[attachment.url]

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        self.fetched.append(attachment.name)
        self.fetching += 1
        try:
            await asyncio.sleep(self.takes.get(attachment.url, self.call))
        finally:
            self.fetching -= 1
        file = self.files.get(attachment.url)
        if file is None:
            return Unread("gone")
        return file if len(file.data) <= limit else Unread("too_large")


@dataclass(frozen=True)
class Taken:
    incoming: Incoming
    conversation: int
    reply: str
    terms: Terms


@dataclass
class Remarks:
    lines: list[str] = field(default_factory=list)

    def remark(self, sentence: str, /) -> None:
        self.lines.append(sentence)


@dataclass
class Asked:
    """One request, and what its asker was told beside it."""

    ask: Ask
    remarks: list[str]

    @property
    def words(self) -> str:
        """All of it, as it would go over the wire."""
        return json.dumps(self.ask.messages, ensure_ascii=False)

    def roles(self) -> str:
        return " ".join(message["role"][0] for message in self.ask.messages)

    def last(self) -> Any:
        return self.ask.messages[-1]["content"]


@dataclass
class Asker:
    """Questions to a `Context`, and the answers that Claude would have given, written into the store."""

    chat: FileChat
    store: Store
    claude: FakeClaude
    context: Context
    numbers: count[int] = field(default_factory=lambda: count(1))

    async def ask(
        self,
        text: str,
        files: Sequence[Attachment] = (),
        *,
        language: str = "en",
        answer: str = "Yes.",
        **more: Any,
    ) -> Asked:
        """One question to its end. `answer`: what Claude says to it; "" leaves it unanswered."""
        taken = await self.take(text, files, language=language, **more)
        remarks = Remarks()
        ask = await self.context.ask(self.channel, taken, remarks)
        await self.store.ended(taken.reply, text=answer, notice="", turn="whole", tokens=_TOKENS)
        return Asked(ask, remarks.lines)

    async def take(
        self, text: str, files: Sequence[Attachment] = (), *, language: str = "en", **more: Any
    ) -> Taken:
        person = more.pop("person", ADA)
        place = more.pop("place", Place("fake", "T1", "C1", thread="1", private=more.pop("private", False)))
        number = next(self.numbers)
        incoming = Incoming(
            key=f"q{number}",
            person=person,
            text=text,
            how="mention",
            place=place,
            scope="",
            files=tuple(files),
            **more,
        )
        anchor = f"{place.platform}:{place.workspace}:{place.channel}:{place.thread}"
        about = incoming.about.files if incoming.about else ()
        question = Question(
            key=incoming.key,
            known_by=[anchor],
            known_as=[anchor],
            message=incoming.message,
            place=place,
            person=person.id,
            name=person.name,
            text=text,
            files=(*files, *about),
        )
        reply = f"r{number}"
        conversation = await self.store.begin(question, reply=reply, model="m", silence=3600.0)
        assert conversation is not None
        return Taken(incoming, conversation, reply, Terms(prefs.defaults(settings()), Standing(), language))

    @property
    def channel(self) -> Channel:
        # Nothing is shown here: what is asked of Claude needs the platform alone.
        return Channel(self.chat, Outbox(self.chat))


def asker(
    *,
    claude: FakeClaude | None = None,
    chat: FileChat | None = None,
    store: Store | None = None,
    **options: Any,
) -> Asker:
    """Made inside the running loop. Options are settings, by their variables' names."""
    chat, store, claude = chat or FileChat(), store or FakeStore(), claude or FakeClaude("They talked.")
    spending = Spending(store.ledger, Prices.load())
    told = settings(**options)
    context = Context(told, store, claude=claude, spending=spending)
    return Asker(chat, store, claude, context)
