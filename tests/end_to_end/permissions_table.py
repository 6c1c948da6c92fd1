"""Ways of asking x rules: going through them. Law: a rule is set as people set it, in the forms or in the
environment, and each way is tried after it holds, from an answer that was there before.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot import sentences
from sandbox.claude.choice import Request
from sandbox.claude.script import Script
from sandbox.record import Entry
from sandbox.world import World
from tests.end_to_end.asking import WAYS, Eyes, Manager, Room, Way
from tests.end_to_end.permissions_rules import (
    DAY,
    LITTLE,
    MANY,
    RATES,
    RULES,
    Fields,
    Phase,
    Rule,
)
from tests.end_to_end.stage import Bot, Chat


@dataclass
class Cell:
    """One way under one rule, and the stretch of the record in which it was tried."""

    room: Room
    way: Way
    since: int
    asked: int
    at: float
    upto: int | None = None
    asked_upto: int | None = None
    until: float = 0.0

    @property
    def requests(self) -> list[Request]:
        return self.room.requests(self.asked, self.asked_upto)

    @property
    def seen(self) -> list[Entry]:
        return self.room.seen(self.since, self.upto)

    @property
    def forms(self) -> list[Entry]:
        """What was opened before the asker to be filled in."""
        return [
            entry
            for entry in self.room.eyes.shown[self.room.chat.name, self.room.asker]
            if entry.kind != "shown"
            and self.since <= entry.number
            and (self.upto is None or entry.number < self.upto)
        ]

    @property
    def beside(self) -> list[Entry]:
        """What else could be noticed: that somebody is thinking, or a thread that was opened."""
        room = self.room
        record, places = room.eyes.world.record, room.places
        return [
            entry
            for entry in (
                *record.entries("status", room.chat.name),
                *record.entries("channel", room.chat.name),
            )
            if self.since <= entry.number
            and (self.upto is None or entry.number < self.upto)
            and (
                entry.get("parent") == room.channel
                if entry.kind == "channel"
                else entry["channel"] in places and entry["text"]
            )
        ]


def expected(rule: Rule, way: Way) -> str:
    """The sentence that the asker is told; "" where there is none."""
    if rule.asker == "bot" or (way.silent and rule.says not in RATES):
        return ""
    return rule.says


def pattern(sentence: str, limit: str) -> re.Pattern[str]:
    known = re.escape(sentence).replace(r"\{limit\}", re.escape(f"${limit}"))
    return re.compile(known.replace(r"\{wait\}", "(?P<wait>.+)"))


def plain(entry: Entry) -> str:
    """What somebody reads, without the marks that set our own sentences apart."""
    return re.sub(r"^[\s_*>#-]+|[\s_*]+$", "", str(entry["text"]).replace("\\", ""))


# ------------------------------------------------------------------------------------------------ going through it


@dataclass
class Table:
    """One platform's part of the table, or a sample of it."""

    eyes: Eyes
    chat: Chat
    chosen: list[tuple[str, str]]
    rooms: dict[str, Room] = field(default_factory=dict)
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)

    def ways(self, name: str) -> list[str]:
        return [way for rule, way in self.chosen if rule == name]

    def named(self, *phases: Phase) -> list[str]:
        return [name for name, rule in RULES.items() if rule.phase in phases and self.ways(name)]

    # ------------------------------------------------------------------------------------------ its steps

    async def build(self) -> None:
        """People and channels, before the bot is there."""
        for number, name in enumerate(dict(self.chosen)):
            self.rooms[name] = await self._room(f"{self.chat.name[0]}{number:02}x", RULES[name])

    async def _room(self, tag: str, rule: Rule) -> Room:
        server = self.chat.server
        if self.chat.name == "slack":
            is_: dict[str, Any] = {rule.asker: True} if rule.asker else {}
            if rule.asker == "stranger":
                is_["team"] = "T0ELSEWHERE"
            asker, other = server.join(f"{tag}asker", **is_), server.join(f"{tag}other")
            manager = server.join(f"{tag}manager", admin=True)
            channel = await server.create_channel(tag, members=(asker, other, manager))
            group = f"S0{tag.upper()}"
            server.groups[group] = (tag, [asker])
        else:
            asker, other = server.join(f"{tag}asker", bot=rule.asker == "bot"), server.join(f"{tag}other")
            manager = server.join(f"{tag}manager", "manage_guild")
            channel = await server.create_channel(tag)
            group = server.state.add_role(tag, members=(asker,))
        return Room(self.eyes, self.chat, tag, asker, other, manager, channel, group)

    async def change(self, name: str, where: str, fields: Fields) -> None:
        room = self.rooms[name]
        if fields:
            await Manager(self.chat, room.manager, self.eyes).change(room.channel, where, fields)

    async def begin(self, name: str) -> None:
        """What stands in a room before its rule holds."""
        rule, room = RULES[name], self.rooms[name]
        await self.change(name, sentences.SETTINGS_CHANNEL, rule.before(room))
        await room.talk()
        for way in self.ways(name):
            where = WAYS[way].where
            # What is refused leaves everything as it was: one answer is enough for all ways of a place.
            same = next((told for other, told in room.first.items() if WAYS[other].where == where), None)
            if same is None or (not rule.says and WAYS[way].uses_up):
                same = await room.ask_first(where)
            room.first[way] = same
        if rule.says in RATES and all(WAYS[way].where == "other's" for way in room.first):
            await room.ask_first("channel")  # or else there is nothing to count

    async def rule(self, name: str) -> None:
        """From now on it holds. Nobody chats there any more but to ask: every word may be answered."""
        always: Fields = {"always_on": sentences.YES} if "always on" in self.ways(name) else {}
        await self.change(name, sentences.SETTINGS_CHANNEL, {**always, **RULES[name].here(self.rooms[name])})

    async def everywhere(self, fields: Fields) -> None:
        """For every channel; by the manager of any."""
        await self.change(next(iter(self.rooms)), sentences.SETTINGS_WORKSPACE, fields)

    async def ask(self, name: str) -> None:
        """By every way, one after the other."""
        rule, room = RULES[name], self.rooms[name]
        if rule.under_way:
            async with self._under_way(room, room.asker if rule.under_way == "asker's" else room.other):
                await self._ask(name)
                last = self.cells[name, self.ways(name)[-1]]
                last.upto, last.asked_upto = self.eyes.now, len(self.eyes.world.claude.requests)
            since, asked = self.eyes.now, len(self.eyes.world.claude.requests)
            await room.say(room.addressed("and now?"))
            await room.answered(asked, since)  # what was set aside is there again
        else:
            await self._ask(name)

    @asynccontextmanager
    async def _under_way(self, room: Room, person: str) -> AsyncIterator[None]:
        """An answer that does not end; the asker's in another channel, so that no conversation waits for it."""
        words, channel = f"{room.tag}: {UNDER_WAY}", room.channel
        if person == room.asker:
            more = {"members": (person,)} if room.slack else {}
            channel = await room.server.create_channel(f"{room.tag}b", **more)
        await room.server.say(person, channel, f"{room.server.mention} {words}")
        claude = self.eyes.world.claude
        request = await self.eyes.until(
            "claude", lambda: next((one for one in claude.requests if words in one.question), None), words
        )
        yield
        since = self.eyes.now
        await room.server.command(person, channel, "claude", "stop")
        await self.eyes.until("claude", lambda: request.ended, "stopped")
        shown = self.eyes.shown[self.chat.name, channel]
        await self.eyes.until(
            self.chat.name,
            lambda: any(one.number >= since and sentences.STOPPED in plain(one) for one in shown),
            "an answer that says so",
        )

    async def _ask(self, name: str) -> None:
        rule, room = RULES[name], self.rooms[name]
        before: Cell | None = None
        for way in self.ways(name):
            asked = len(self.eyes.world.claude.requests)
            cell = Cell(room, WAYS[way], self.eyes.now, asked, time.time())
            if before is not None:
                before.upto, before.asked_upto = cell.since, cell.asked
            self.cells[name, way] = before = cell
            await WAYS[way].do(room, room.first[way])
            await self._outcome(cell, rule)
            cell.until = time.time()

    async def _outcome(self, cell: Cell, rule: Rule) -> None:
        """Wait for what is to be seen; what does not come is for the judge to say."""
        says = expected(rule, cell.way)
        try:
            if not rule.says:
                await cell.room.answered(cell.asked, cell.since)
            elif says:
                sentence = pattern(says, rule.limit)
                await self.eyes.until(
                    self.chat.name,
                    lambda: any(sentence.search(plain(entry)) for entry in cell.seen),
                    says,
                )
        except TimeoutError:
            pass

    # ------------------------------------------------------------------------------------------ its phases

    async def with_forms(self) -> None:
        """What managers set, for one channel after the other and for all at once."""
        on_slack = self.chat.name == "slack"
        visitors: Fields = {"guests": sentences.YES, "outsiders": sentences.YES} if on_slack else {}
        await self.everywhere(visitors)
        # Whose minute is counted asks first when the others are done with that: a minute is soon over.
        late = [name for name in self.named("rooms") if RULES[name].says == sentences.TOO_MANY_REQUESTS]
        early = [name for name in self.rooms if name not in late]
        await gather(*(self.begin(name) for name in early))
        kept_out: Fields = dict.fromkeys(visitors, sentences.NO)
        for name in self.named("rooms"):
            kept_out |= RULES[name].everywhere(self.rooms[name])
        await self.everywhere(kept_out)
        await gather(*(self.rule(name) for name in early))
        await gather(*(self._tried(name, late=name in late) for name in self.named("rooms")))
        for name in self.named("everywhere"):
            fields = RULES[name].everywhere(self.rooms[name])
            await self.everywhere(fields)
            await self.ask(name)
            await self.everywhere({key: UNDONE[key] for key in fields})

    async def _tried(self, name: str, *, late: bool) -> None:
        if late:
            await self.begin(name)
            await self.rule(name)
        await self.ask(name)

    def environment(self) -> dict[str, str]:
        """What the person who runs the bot lays down."""
        denied, unlisted = (
            self.rooms[f"{kind} by the environment"].asker for kind in ("denied", "not listed")
        )
        listed = {room.asker for room in self.rooms.values()} - {unlisted}
        return {
            "INKSTREAM_DENIED_PEOPLE": denied,
            "INKSTREAM_ALLOWED_PEOPLE": ",".join(listed),
            "INKSTREAM_REQUESTS_A_MINUTE": str(MANY),
            "INKSTREAM_DOLLARS_PER_PERSON": LITTLE,
        }

    async def use_up(self, name: str) -> None:
        """As many questions as one may ask in a minute, in each place where they are counted."""
        room = self.rooms[name]
        told = self.eyes.shown[self.chat.name, room.asker]
        for place in (room.channel, room.direct):
            since = self.eyes.now

            def refused(since: int = since) -> bool:
                return len([one for one in told if one.number >= since and one["text"]]) >= MANY

            for _ in range(MANY):
                await room.server.command(room.asker, place, "ask", f"{room.tag}: again?")
            await self.eyes.until(self.chat.name, refused, "that all is used up")


UNDER_WAY = "this takes long"
UNDONE: Fields = {"workspace_daily": "", "direct_messages": sentences.YES}


async def gather(*work: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(one)


async def _drained(bot: Bot) -> None:
    """Nothing of it comes later."""
    bot.signal(signal.SIGTERM)
    assert await bot.ended() == 0


def answer(asked: Request) -> Script:
    """No two answers are alike, and all offer to go on."""
    long = 3_600.0 if UNDER_WAY in asked.question else 0.0
    said = f"Answer {asked.number}."
    return Script.say(said, speed=10_000.0, first_text=long, stop_reason="max_tokens")


async def go_through(bot: Bot, table: Table) -> None:
    world, here = table.eyes.world, table.chat.name
    await table.build()
    await bot.start(INKSTREAM_GROWING="when_done")
    await table.with_forms()
    await _drained(bot)
    if rules := table.named("environment"):
        await bot.start(ready=True, **table.environment())
        await table.use_up("questions a minute by the environment")
        await gather(*(table.ask(name) for name in rules))
        await _drained(bot)
    if rules := table.named("house"):
        # Two ways to say the same.
        served = (
            {"INKSTREAM_DENIED_WORKSPACES": world.slack.team_id}
            if here == "slack"
            else {"INKSTREAM_WORKSPACES": world.discord.guild_id[::-1]}
        )
        await bot.start(ready=True, INKSTREAM_DIRECT_MESSAGES="off", **served)
        await gather(*(table.ask(name) for name in rules))
        await _drained(bot)


async def gone_through(platform: str, chosen: list[tuple[str, str]], folder: Path) -> Table:
    """The table, when the last bot has gone."""
    if DAY - time.time() % DAY < 120:
        pytest.skip("the day is about to end, and what was spent in it is forgotten then")
    async with World() as world:
        world.limits.enforced = False  # how often a platform lets it speak is tried elsewhere
        for limit in ("discord.messages.post", "discord.messages.patch"):
            world.limits.change(limit, rate=50.0, burst=50)
        world.clock.set_duration("claude.first_byte", 0.0)
        world.clock.set_duration("claude.first_text", 0.0)
        world.claude.respond = answer
        table = Table(Eyes(world), Chat(world, platform), chosen)
        other = "DISCORD" if platform == "slack" else "SLACK"
        environment = {key: value for key, value in world.environment().items() if not key.startswith(other)}
        bot = Bot(folder, environment)
        try:
            await go_through(bot, table)
        finally:
            await bot.stop()
        return table
