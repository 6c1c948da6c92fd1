"""Every way in which people can ask, by their own hands, and what they and others see of it. Law: a way does what a person
does at their client, and knows no rule.

A room is a channel with one asker, somebody else, and a manager of its own, so that many rooms can be tried side by side.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from bot import sentences
from bot.conversation.panel_fields import ASKED
from sandbox.claude.choice import Request
from sandbox.record import Entry
from sandbox.world import World
from tests.end_to_end.hands import TYPED, Hands
from tests.end_to_end.stage import Chat

T = TypeVar("T")
Where: TypeAlias = Literal["channel", "thread", "direct", "other's"]

WITHIN = 20.0  # seconds for one thing that is to be seen, on a machine whose cores are taken


class Eyes:
    """The record by channel and by person, so that many can wait at once without each reading all of it each time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shown: dict[Hashable, list[Entry]] = defaultdict(list)
        self._waiting: dict[Hashable, list[asyncio.Event]] = defaultdict(list)
        world.record.listen(self._see)

    @property
    def now(self) -> int:
        """A moment of the record."""
        return len(self.world.record)

    def _see(self, entry: Entry) -> None:
        keys: list[Hashable] = [entry.platform]
        if entry.kind == "shown":
            keys.append((entry.platform, entry["channel"]))
            if entry["ephemeral_for"]:
                keys.append((entry.platform, entry["ephemeral_for"]))
        elif entry.kind in ("view", "modal"):
            keys.append((entry.platform, entry["person"]))
        for key in keys[1:]:
            self.shown[key].append(entry)
        for key in keys:
            for event in self._waiting[key]:
                event.set()

    async def until(
        self, key: Hashable, condition: Callable[[], T | None], what: str, *, within: float = WITHIN
    ) -> T:
        """The first truthy answer; asked again after each entry of this key: a platform, a channel, a person."""
        event = asyncio.Event()
        self._waiting[key].append(event)
        try:
            async with asyncio.timeout(within):
                while not (answer := condition()):
                    event.clear()
                    await event.wait()
                return answer
        except TimeoutError:
            raise TimeoutError(f"not seen: {what}") from None
        finally:
            self._waiting[key].remove(event)


@dataclass(frozen=True)
class Manager(Hands):
    """Whoever sets a room up, in the forms; and whoever else has a form before them."""

    eyes: Eyes

    async def told(self, part: str, *, since: int, within: float = WITHIN) -> dict[str, Any]:
        return await self._alone(lambda entry: part in entry["text"], f"{part!r}", since, within)

    async def row(self, label: str, *, since: int) -> dict[str, Any]:
        return await self._alone(lambda entry: label in entry["controls"], f"the field {label!r}", since)

    async def _alone(
        self, fits: Callable[[Entry], bool], what: str, since: int, within: float = WITHIN
    ) -> dict[str, Any]:
        key = (self.chat.name, self.id)

        def found() -> dict[str, Any] | None:
            for entry in self.eyes.shown[key]:
                if entry.number >= since and entry.kind == "shown" and fits(entry):
                    return self.message(entry)
            return None

        return await self.eyes.until(key, found, f"{what}, by {self.id} alone", within=within)

    async def form(self, *, since: int, within: float = WITHIN) -> dict[str, str]:
        key = (self.chat.name, self.id)

        def opened() -> bool:
            return any(
                entry.number >= since and entry.kind != "shown" and entry.get("verb", "opened") == "opened"
                for entry in self.eyes.shown[key]
            )

        await self.eyes.until(key, opened, f"a form before {self.id}", within=within)
        return await Hands.form(self, since=since)

    async def change(self, channel: str, where: str, fields: dict[str, str | list[str]]) -> None:
        """Settings, each by the words that a person reads; people and groups as lists of ids."""
        opened = await self.open_settings(channel, where)
        if self.chat.name == "slack":
            await self.form(since=opened)
            since = self.now
            filled = {name: self._named(name, value) for name, value in fields.items()}
            await self.server.fill(self.id, self._view()["id"], filled)
            await self.told(sentences.SETTINGS_SAVED, since=since)
            return
        for name, value in fields.items():
            label = ASKED[name].label
            if ASKED[name].kind in TYPED:
                label = f"{label}…"  # a button, which opens the field with its group
                row = await self.row(label, since=opened)
                since = self.now
                await self.press(row, label)
                await self.form(since=since)
                since = self.now
                await self.send(**{name: str(value)})
            else:
                row = await self.row(label, since=opened)
                select = next(one for one in row["controls"] if one["label"] == label)
                offered = {one["label"]: one["value"] for one in select.get("options") or ()}
                chosen = value if isinstance(value, list) else [offered[f"{label}: {value}"]]
                since = self.now
                await self.server.select(self.id, row["channel"], row["id"], select["id"], *chosen)
            await self.told(sentences.SETTINGS_SAVED, since=since)

    def _named(self, name: str, value: str | list[str]) -> str | list[str]:
        """Slack offers groups by their handles, and people by themselves."""
        if isinstance(value, list) and ASKED[name].kind == "roles":
            return [f"@{self.server.groups[id_][0]}" for id_ in value]
        return value


@dataclass(frozen=True)
class Told:
    """An answer that stands: where, under which question, and in which message."""

    channel: str
    question: str
    answer: str


@dataclass
class Room:
    """`tag` stands in everything that is said here, and nowhere else. `kept`: groups that the asker is in."""

    eyes: Eyes
    chat: Chat
    tag: str
    asker: str
    other: str
    manager: str
    channel: str
    group: str = ""
    chatter: str = ""  # what somebody else has said here, not to the bot
    thread: str = ""  # Discord: a thread under it
    first: dict[str, Told] = field(default_factory=dict)  # what was answered before, by the way that needs it

    @property
    def server(self) -> Any:
        return self.chat.server

    @property
    def slack(self) -> bool:
        return self.chat.name == "slack"

    @property
    def direct(self) -> str:
        return str(self.server.direct(self.asker))

    @property
    def places(self) -> set[str]:
        """Its channels: with the threads in it, which are channels of their own on Discord."""
        threads = [one["id"] for one in self.server.channels() if one.get("parent") == self.channel]
        return {self.channel, self.direct, *threads}

    @property
    def hands(self) -> Manager:
        return Manager(self.chat, self.asker, self.eyes)

    def addressed(self, words: str) -> str:
        return f"{self.server.mention} {self.tag}: {words}"

    async def say(self, words: str, channel: str = "", **more: str) -> str:
        return str(await self.server.say(self.asker, channel or self.channel, words, **more))

    # ------------------------------------------------------------------------------------------ what is seen

    def requests(self, since: int = 0, upto: int | None = None) -> list[Request]:
        """What Claude was asked of this room."""
        return [
            one
            for one in self.eyes.world.claude.requests[since:upto]
            if self.tag in str(one.body.get("messages"))
        ]

    def seen(self, since: int, upto: int | None = None) -> list[Entry]:
        """What the bot showed here, to anybody, in order."""
        return sorted(
            (
                entry
                for channel in self.places
                for entry in self.eyes.shown[self.chat.name, channel]
                if since <= entry.number
                and (upto is None or entry.number < upto)
                and entry["author"] not in (self.asker, self.other)
                and entry["ephemeral_for"] != self.manager
            ),
            key=lambda entry: entry.number,
        )

    async def answered(self, asked: int, since: int) -> Entry:
        """Wait until something of this room was asked and its answer stands; the message."""

        def whole() -> Entry | None:
            for request in self.requests(asked):
                if request.ended and request.said:
                    for entry in self.seen(since):
                        if request.said in entry["text"] and not entry["ephemeral"]:
                            return entry
            return None

        return await self.eyes.until(self.chat.name, whole, f"an answer in {self.tag}")

    # ------------------------------------------------------------------------------------------ before the rule

    async def talk(self) -> None:
        """Somebody says something that is not for the bot."""
        words = f"{self.tag}: the build is red."
        self.chatter = str(await self.server.say(self.other, self.channel, words))
        if not self.slack:
            self.thread = str(
                await self.server.start_thread(self.other, self.channel, self.tag, message=self.chatter)
            )

    async def ask_first(self, where: Where) -> Told:
        """A question with its answer, before any rule holds."""
        asked, since = len(self.eyes.world.claude.requests), self.eyes.now
        channel = {"thread": self.thread, "direct": self.direct}.get(where, self.channel)
        person = self.other if where == "other's" else self.asker
        question = await self.server.say(person, channel, self.addressed("first?"))
        entry = await self.answered(asked, since)
        return Told(entry["channel"], str(question), entry["message"])


# ---------------------------------------------------------------------------------------------------- the ways


async def mention(room: Room, _first: Told) -> None:
    await room.say(room.addressed("why?"))


async def mention_in_a_thread(room: Room, _first: Told) -> None:
    """Somebody else's, where nobody has asked yet."""
    if room.slack:
        await room.say(room.addressed("why?"), thread=room.chatter)
    else:
        await room.say(room.addressed("why?"), room.thread)


async def mention_under_an_answer(room: Room, first: Told) -> None:
    await room.say(room.addressed("and why?"), first.channel, **_under(room, first))


async def reply_to_an_answer(room: Room, first: Told) -> None:
    """Discord: whoever replies to the bot speaks to it."""
    await room.server.say(
        room.asker, first.channel, f"{room.tag}: and then?", reply_to=first.answer, ping_author=False
    )


async def follow_up(room: Room, first: Told) -> None:
    """In a thread where it has answered, without a word to it."""
    more = {"thread": first.question} if room.slack else {}
    await room.say(f"{room.tag}: and then?", first.channel, **more)


async def chat_in_an_always_on_channel(room: Room, _first: Told) -> None:
    await room.say(f"{room.tag}: does anybody know?")


async def command(room: Room, first: Told) -> None:
    await room.server.command(room.asker, first.channel, "ask", f"{room.tag}: why?")


async def menu(room: Room, _first: Told) -> None:
    await _menu(room, room.channel, room.chatter)


async def summary(room: Room, _first: Told) -> None:
    await room.hands.menu(room.channel, room.chatter, "Summarize thread")


async def edit(room: Room, first: Told) -> None:
    words = room.addressed("first, in other words?")
    await room.server.change(room.asker, first.channel, first.question, words)


async def regenerate(room: Room, first: Told) -> None:
    await room.server.press(room.asker, first.channel, first.answer, sentences.REGENERATE)


async def go_on(room: Room, first: Told) -> None:
    await room.server.press(room.asker, first.channel, first.answer, sentences.CONTINUE)


async def direct(room: Room, first: Told) -> None:
    await room.say(f"{room.tag}: why?", first.channel)


async def direct_menu(room: Room, first: Told) -> None:
    await _menu(room, first.channel, first.answer)


async def direct_summary(room: Room, first: Told) -> None:
    await room.hands.menu(first.channel, first.answer, "Summarize thread")


async def direct_thread(room: Room, first: Told) -> None:
    """Slack: in a thread of the conversation. Discord: a reply."""
    await room.say(f"{room.tag}: and then?", first.channel, **_under(room, first))


def _under(room: Room, first: Told) -> dict[str, str]:
    return {"thread": first.question} if room.slack else {"reply_to": first.answer}


async def _menu(room: Room, channel: str, message: str) -> None:
    """The form is filled in where one opens; in its place there may be a sentence."""
    since, key = room.eyes.now, (room.chat.name, room.asker)
    await room.hands.menu(channel, message, "Ask Claude about this")

    def met() -> Entry | None:
        return next((entry for entry in room.eyes.shown[key] if entry.number >= since), None)

    if (await room.eyes.until(key, met, f"a form or a sentence before {room.asker}")).kind != "shown":
        await room.hands.form(since=since)
        await room.hands.send(question=f"{room.tag}: what broke?")


@dataclass(frozen=True)
class Way:
    """One way of asking.

    on       the platforms that have it
    where    the answer that it starts from: in a channel, in a thread of its own (Discord), in a direct conversation;
             or one that somebody else has asked for
    silent   the bot is not spoken to: whom it does not answer is told nothing
    uses_up  an answer that is asked for anew so is no longer what it was
    pressed  by something that can be answered privately, on Discord too
    bots     another bot can ask so
    """

    do: Callable[[Room, Told], Awaitable[None]]
    on: Sequence[str] = ("slack", "discord")
    where: Where = "channel"
    silent: bool = False
    uses_up: bool = False
    pressed: bool = False
    bots: bool = False


WAYS: dict[str, Way] = {
    "mention": Way(mention, bots=True),
    "mention in a thread": Way(mention_in_a_thread, bots=True),
    "mention under an answer": Way(mention_under_an_answer, bots=True),
    "reply": Way(reply_to_an_answer, on=("discord",)),
    "follow-up": Way(follow_up, on=("slack",), silent=True),
    "follow-up in a thread": Way(follow_up, on=("discord",), where="thread", silent=True),
    "always on": Way(chat_in_an_always_on_channel, silent=True),
    "command": Way(command, pressed=True),
    "menu": Way(menu, pressed=True),
    "summary": Way(summary, pressed=True),
    "edit": Way(edit, uses_up=True),
    "regenerate": Way(regenerate, uses_up=True, pressed=True),
    "continue": Way(go_on, uses_up=True, pressed=True),
    "regenerate another's": Way(regenerate, where="other's", uses_up=True, pressed=True),
    "continue another's": Way(go_on, where="other's", uses_up=True, pressed=True),
    "direct": Way(direct, where="direct"),
    "direct thread": Way(direct_thread, where="direct"),
    "direct command": Way(command, where="direct", pressed=True),
    "direct menu": Way(direct_menu, where="direct", pressed=True),
    "direct summary": Way(direct_summary, where="direct", pressed=True),
    "direct edit": Way(edit, uses_up=True, where="direct"),
    "direct regenerate": Way(regenerate, uses_up=True, where="direct", pressed=True),
    "direct continue": Way(go_on, uses_up=True, where="direct", pressed=True),
}
