"""A hundred conversations at once, a word in each: nothing of one is ever asked, shown, whispered or billed in another.

The words stand in what people say, in what was said before the bot came, in files and in what managers set for a room.
Claude answers with every such word that it was shown, so that what leaks is seen twice: in its requests, and in public.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import sentences
from bot.conversation.spending import dollars
from sandbox.claude.choice import Request
from sandbox.claude.script import Script
from sandbox.claude.usage import input_tokens
from sandbox.discord.state import User
from sandbox.record import Entry
from sandbox.slack.nouns import BOT_USER, Channel, Person
from sandbox.world import World
from tests.end_to_end.hands import Hands
from tests.end_to_end.stage import Bot, Chat

TALKS = 50  # on each platform
PEOPLE = 16
ROOMS = 8
GROWING_ROOMS = 2  # in the others answers come all at once
CANARY = re.compile(r"canary-([sd]\d\d)-[a-z]+")
ROLE = re.compile(r"role-([sd]\d)-canary")
TOKEN = re.compile(r"token-([sd]\d\d)-(\d)")
WHOLE = re.compile(r"whole-[sd]\d\d-\d-\d")
NAME = re.compile(r"wren(\d\d)", re.IGNORECASE)
# Input and output at a price of their own, caching at none: what somebody owes can be reckoned in one's head.
PRICES = '{"claude-sonnet-5-5": {"in": 2, "out": 10, "read": 2, "write": 2}}'
WITHIN = 90.0  # of the whole storm, on a machine whose cores are taken


# ------------------------------------------------------------------------------------------------ what is watched


class Watch:
    """The record by place and by marker, so that a hundred people can wait without reading all of it each time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: list[tuple[Callable[[], bool], asyncio.Event]] = []
        self._roots: dict[tuple[str, str], Hashable] = {}
        self.rooms: set[str] = set()  # Discord's: there a conversation is a chain of replies
        self.by_place: dict[Hashable, list[Entry]] = defaultdict(list)
        self.whole: dict[str, Entry] = {}
        world.record.listen(self._see)

    def place(self, entry: Entry) -> Hashable:
        """Where it stands: a thread, a chain of replies, a direct conversation."""
        channel, message = str(entry["channel"]), str(entry["message"])
        if entry.platform == "slack":
            return channel if channel.startswith("D") else (channel, str(entry["thread"] or message))
        if channel not in self.rooms:
            return channel
        return self._roots.get(("discord", entry["reply_to"]), message)

    def _see(self, entry: Entry) -> None:
        if entry.kind != "shown":
            return
        place = self._roots.setdefault((entry.platform, entry["message"]), self.place(entry))
        if entry["author"] == self._server(entry).bot_id and not entry["ephemeral"]:
            self.by_place[place].append(entry)
            if sentences.STOP not in entry["controls"]:
                for marker in WHOLE.findall(entry["text"]):
                    self.whole.setdefault(marker, entry)
        for condition, event in self._waiting:
            if condition():
                event.set()

    def _server(self, entry: Entry) -> Any:
        return self._world.slack if entry.platform == "slack" else self._world.discord

    def placed(self, entry: Entry) -> Hashable:
        return self._roots[entry.platform, entry["message"]]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        event = asyncio.Event()
        waiting = (condition, event)
        self._waiting.append(waiting)
        try:
            if not condition():
                async with asyncio.timeout(WITHIN):
                    await event.wait()
        except TimeoutError:
            raise TimeoutError(f"not seen: {what}") from None
        finally:
            self._waiting.remove(waiting)


# ------------------------------------------------------------------------------------------------ who talks


@dataclass
class House:
    """One platform with people and rooms enough."""

    chat: Chat
    people: list[str]
    rooms: list[str]

    @property
    def letter(self) -> str:
        return self.chat.name[0]


def slack(world: World) -> House:
    workspace = world.slack._workspace
    people = [f"U0WREN{n:02}" for n in range(PEOPLE)]
    for n, id_ in enumerate(people):
        workspace.people[id_] = Person(id_, f"Wren{n:02}")
        workspace.direct(id_)
    rooms = [f"C0ROOM{n}" for n in range(ROOMS)]
    for n, id_ in enumerate(rooms):
        members = {*people, "U0ADA", BOT_USER}
        workspace.channels[id_] = Channel(id_, f"room-{n}", "channel", members, 1_700_000_000)
    return House(Chat(world, "slack"), people, rooms)


def discord(world: World) -> House:
    state = world.discord.state
    people = [state.snowflake() for _ in range(PEOPLE)]
    for n, id_ in enumerate(people):
        state.users[id_] = User(id_, f"Wren{n:02}")
        state.open_dm(id_)
    return House(Chat(world, "discord"), people, [state.add_channel(f"room-{n}").id for n in range(ROOMS)])


@dataclass
class Talk:
    """One conversation. `asker` begins it, `other` joins in, but for direct messages."""

    house: House
    watch: Watch
    number: int
    place: Hashable = None
    channel: str = ""  # where its questions are typed
    room: int | None = None
    last: str = ""  # the newest message of the bot's
    root: str = ""
    payers: dict[str, str] = field(default_factory=dict)  # marker -> who pays for that answer
    expected: dict[str, set[str]] = field(default_factory=dict)  # marker -> words that Claude must have seen
    words: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.id = f"{self.house.letter}{self.number:02}"
        self.kind = ("direct", "thread", "joined", "command", "changed")[self.number % 5]
        self.change = ("stop", "edit", "regenerate", "edit late")[self.number // 5 % 4]
        asker = self.number // 5 if self.kind == "direct" else self.number % PEOPLE
        self.numbers = {asker} if self.kind == "direct" else {asker, (asker + 1 + self.number % 7) % PEOPLE}
        self.asker = self.house.people[asker]
        [self.other] = {self.house.people[n] for n in self.numbers} - {self.asker} or {self.asker}
        if self.kind != "direct":
            self.room = self.number % (GROWING_ROOMS if self.kind == "changed" else ROOMS)
            self.channel = self.house.rooms[self.room]
        else:
            self.channel = self.server.direct(self.asker)

    @property
    def server(self) -> Any:
        return self.house.chat.server

    @property
    def slack(self) -> bool:
        return self.house.chat.name == "slack"

    def word(self, what: str) -> str:
        word = f"canary-{self.id}-{what}"
        self.words.add(word)
        return word

    def question(self, turn: int, what: str) -> str:
        """Words that nobody else has, and by which the answer is found."""
        return f"Question token-{self.id}-{turn}: remember {self.word(what)}."

    def owes(self, turn: int, person: str, *, time: int = 1) -> str:
        marker = f"whole-{self.id}-{turn}-{time}"
        self.payers[marker] = person
        self.expected[marker] = set(self.words)
        return marker

    async def say(self, person: str, text: str, *, files: bool = False) -> str:
        """In the conversation, once it has begun: in its thread, or as a reply to its last answer."""
        more: dict[str, Any] = {}
        if files:
            # The same name everywhere.
            data = f"The file says {self.word('file')}.".encode()
            more["files"] = [("notes.txt", data) if self.slack else ("notes.txt", "text/plain", data)]
        if self.kind != "direct":
            if self.slack:
                more["thread"] = self.root
            elif self.kind != "joined":
                more["reply_to"] = self.last
        return str(await self.server.say(person, self.channel, text, **more))

    async def answered(self, marker: str) -> Entry:
        await self.watch.until(lambda: marker in self.watch.whole, marker)
        entry = self.watch.whole[marker]
        self.last = entry["message"]
        return entry

    # ------------------------------------------------------------------------------------------ its course

    async def run(self) -> None:
        await self.begin()
        if self.kind == "changed":
            await getattr(self, self.change.partition(" ")[0])()
        else:
            await self.answered(f"whole-{self.id}-1-1")
        if self.place is None:  # a command: the question is shown by the bot
            self.place = self.watch.placed(self.watch.whole[f"whole-{self.id}-1-1"])
            self.root = self.place[1] if isinstance(self.place, tuple) else ""
        if self.number % 7 == 0:
            await self.server.command(
                self.asker, self.channel if not self.threaded else self.parent, "claude", "usage"
            )
        await self.say(self.other, self.question(2, "second"), files=self.number % 4 == 1)
        await self.answered(self.owes(2, self.other))

    @property
    def threaded(self) -> bool:
        return self.kind == "joined" and not self.slack

    @property
    def parent(self) -> str:
        return self.house.rooms[self.room] if self.room is not None else self.channel

    async def begin(self) -> None:
        asked = self.question(1, "first")
        mention = f"{self.server.mention} {asked}"
        if self.kind == "command":
            self.owes(1, self.asker)
            await self.server.command(self.asker, self.channel, "ask", asked)
            return
        files = self.number % 3 == 0
        if self.kind == "direct":
            self.place = self.channel
            await self.say(self.asker, asked, files=files)
        elif self.kind == "joined":
            await self._before()
            await self.say(self.asker, mention, files=files)
        else:
            self.root = await self.say(self.asker, mention, files=files)
            self.place = (self.channel, self.root) if self.slack else self.root
        self.owes(1, self.asker)

    async def _before(self) -> None:
        """People have talked in a thread before anybody asks the bot there."""
        self.root = str(await self.server.say(self.other, self.channel, "Let us talk here."))
        if self.slack:
            self.place = (self.channel, self.root)
        else:
            self.channel = await self.server.start_thread(self.other, self.channel, "Talk", message=self.root)
            self.place = self.channel
        await self.say(self.other, f"Said before: {self.word('before')}.")
        await self.say(self.asker, f"And then: {self.word('then')}.")

    async def _growing(self) -> str:
        """Wait until some of the answer is seen; its message."""

        def seen() -> bool:
            return any(sentences.STOP in one["controls"] for one in self.watch.by_place[self.place])

        await self.watch.until(seen, f"{self.id} growing")
        self.last = self.watch.by_place[self.place][-1]["message"]
        return self.last

    async def stop(self) -> None:
        message = await self._growing()
        await self.server.press(self.asker, self.channel, message, sentences.STOP)

        def stopped() -> bool:
            return any(sentences.STOPPED in one["text"] for one in self.watch.by_place[self.place])

        await self.watch.until(stopped, f"{self.id} stopped")

    async def edit(self) -> None:
        if self.change == "edit late":
            await self.answered(f"whole-{self.id}-1-1")
        else:
            await self._growing()
        text = f"{self.server.mention} {self.question(3, 'edited')}"
        marker = self.owes(3, self.asker)
        self.expected[marker] -= {f"canary-{self.id}-first"}  # its words are others now
        await self.server.change(self.asker, self.channel, self.root, text)
        await self.answered(marker)
        self.words.discard(f"canary-{self.id}-first")

    async def regenerate(self) -> None:
        await self.answered(f"whole-{self.id}-1-1")
        marker = self.owes(1, self.other, time=2)
        await self.server.press(self.other, self.channel, self.last, sentences.REGENERATE)
        await self.answered(marker)


# ------------------------------------------------------------------------------------------------ what Claude says


class Echo:
    """Claude: says all the words that it was shown, and which question this answers, for the how manieth time."""

    def __init__(self, talks: dict[str, Talk]) -> None:
        self._talks = talks
        self._times: Counter[str] = Counter()
        self.markers: dict[int, str] = {}  # request -> what it was

    def __call__(self, request: Request) -> Script | None:
        tokens = TOKEN.findall(request.question)
        if not tokens:
            return None
        talk, turn = tokens[-1]
        self._times[f"{talk}-{turn}"] += 1
        marker = f"whole-{talk}-{turn}-{self._times[f'{talk}-{turn}']}"
        self.markers[request.number] = marker
        body = json.dumps(request.body)
        shown = sorted({one[0] for one in re.finditer(f"{CANARY.pattern}|{ROLE.pattern}", body)})
        # Some begin late, some early, some are long in coming: the same in each run.
        changed = self._talks[talk]
        long = changed.kind == "changed" and turn == "1" and changed.change in ("stop", "edit")
        filler = "And so on. " * (400 if long else 12)
        text = f"I was shown {', '.join(shown)}. {filler}{marker}"
        # Its first words may wait for many others: posts in one channel are a second apart, and whole answers go first.
        return Script.say(text, speed=100.0 if long else 1_500.0, first_byte=(request.number * 7 % 10) / 10)


# ------------------------------------------------------------------------------------------------ the test


@pytest.mark.long
async def test_a_hundred_conversations_at_once_never_see_each_other(
    own_world: World, own_bot: Bot, tmp_path: Path
) -> None:
    """Fault 19: over threads, people, direct messages, files, settings and spending, publicly and privately."""
    world, watch = own_world, Watch(own_world)
    houses = [slack(world), discord(world)]
    watch.rooms = set(houses[1].rooms)
    await own_bot.start(INKSTREAM_GROWING="when_done", INKSTREAM_BRANCHING="never", INKSTREAM_PRICES=PRICES)
    await asyncio.gather(*(furnished(house) for house in houses))
    talks = {talk.id: talk for house in houses for talk in (Talk(house, watch, n) for n in range(TALKS))}
    world.claude.respond = echo = Echo(talks)
    await asyncio.gather(*(talk.run() for talk in talks.values()))
    asked(world, talks, echo)
    seen(world, watch, talks)
    told = {house.letter: await usages(house) for house in houses}
    own_bot.signal(signal.SIGTERM)
    assert await own_bot.ended() == 0
    billed(world, talks, echo, told, tmp_path / "inkstream.sqlite3")
    assert "Traceback" not in own_bot.said()


async def furnished(house: House) -> None:
    """A manager gives each room a role, and lets answers grow in some."""
    ada = Hands(house.chat, house.chat.person())
    for n, room in enumerate(house.rooms):
        growing = {"growing": sentences.GROWING_YES} if n < GROWING_ROOMS else {}
        await ada.set(room, persona=f"You are role-{house.letter}{n}-canary.", **growing)


def asked(world: World, talks: dict[str, Talk], echo: Echo) -> None:
    """Every request holds the words of its own conversation and room alone, and those that it should hold."""
    assert set(echo.markers.values()) == {marker for talk in talks.values() for marker in talk.payers}
    assert len(echo.markers) == len(world.claude.requests)
    for request in world.claude.requests:
        marker = echo.markers[request.number]
        talk, body = talks[marker.split("-")[1]], json.dumps(request.body)
        assert {found[1] for found in CANARY.finditer(body)} == {talk.id}, marker
        roles = set() if talk.room is None else {f"{talk.house.letter}{talk.room}"}
        assert set(ROLE.findall(body)) == roles, marker
        assert {int(number) for number in NAME.findall(body)} <= talk.numbers, marker
        shown = {found[0] for found in CANARY.finditer(body)}
        assert talk.expected[marker] <= shown, (marker, "what belongs there is there")


def seen(world: World, watch: Watch, talks: dict[str, Talk]) -> None:
    """What everybody sees in a place is of its conversation; what one person sees alone is of none."""
    places = {talk.place: talk for talk in talks.values()}
    assert len(places) == len(talks)
    partly = set()
    for place, entries in watch.by_place.items():
        for entry in entries:
            words = {found[1] for found in CANARY.finditer(entry["text"])}
            roles = set(ROLE.findall(entry["text"]))
            if words or roles:
                talk = places[place]
                assert words <= {talk.id}, entry
                assert roles <= (set() if talk.room is None else {f"{talk.house.letter}{talk.room}"}), entry
                if "I was shown" in entry["text"] and not WHOLE.search(entry["text"]):
                    partly.add(talk.room)
    assert partly == set(range(GROWING_ROOMS)), "answers grow where that was set, and nowhere else"
    for entry in world.record.entries("shown"):
        if entry["ephemeral"]:
            assert not CANARY.search(entry["text"]), entry
            assert not ROLE.search(entry["text"]), entry


async def usages(house: House) -> dict[str, str]:
    """What each person is told, alone, of what they have spent; asked in the first room."""
    told = {}
    for person in house.people:
        hands = Hands(house.chat, person)
        since = hands.now
        await hands.order(house.rooms[0], "usage")
        told[person] = str((await hands.told(sentences.USAGE_YOU, since=since))["text"])
    return told


def billed(
    world: World, talks: dict[str, Talk], echo: Echo, told: dict[str, dict[str, str]], database: Path
) -> None:
    """Each person in each channel owes what Claude reported for their own questions there, and is told so."""
    answers: Counter[tuple[str, str, str]] = Counter()
    tokens_in: Counter[tuple[str, str, str]] = Counter()
    least: Counter[tuple[str, str, str]] = Counter()
    most: Counter[tuple[str, str, str]] = Counter()
    for request in world.claude.requests:
        talk = talks[echo.markers[request.number].split("-")[1]]
        account = (talk.house.chat.name, talk.parent, talk.payers[echo.markers[request.number]])
        answers[account] += 1
        tokens_in[account] += input_tokens(request.body)
        said = max(1, -(-len(request.said) // 4))
        whole = request.ended == "end_turn"
        # What was stopped Claude never counted for us; its words are, at the most that they can be.
        least[account] += said if whole else 1
        most[account] += said if whole else len(request.said.encode()) // 3 + 1
    with sqlite3.connect(database) as store:
        assert store.execute("select count(*) from reservations").fetchone() == (0,)
        rows = store.execute(
            "select platform, channel, person, workspace, sum(replies),"
            " sum(tokens_in + cache_read + cache_written), sum(tokens_out), sum(micros)"
            " from ledger group by 1, 2, 3, 4"
        ).fetchall()
    assert {row[:3] for row in rows} == set(answers)
    owed: Counter[tuple[str, str]] = Counter()
    given: Counter[tuple[str, str]] = Counter()
    for platform, channel, person, workspace, replies, sent, got, micros in rows:
        account = (platform, channel, person)
        assert (replies, sent) == (answers[account], tokens_in[account]), account
        assert least[account] <= got <= most[account], account
        assert micros == 2 * sent + 10 * got, account
        if workspace:  # a direct message on Discord belongs to no server
            owed[platform[0], person] += micros
            given[platform[0], person] += replies
    for letter, people in told.items():
        for person, text in people.items():
            assert f"You: {dollars(owed[letter, person])} today ({given[letter, person]} answers)" in text
            assert text.count("$") == 2, "nobody else's"
