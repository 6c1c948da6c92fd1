"""Who may stop and delete somebody's answer, and who may change the settings: people x deeds, on the wire, both platforms.

Whoever may, does it once; whoever may not is told so alone where the platform can do that, and nothing has changed. A
manager is one by the platform (Slack: admins, owners; Discord: Manage Server) or by a group that the environment lists;
who manages messages on Discord may stop and delete, and sets nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import pytest

from bot import sentences
from sandbox.claude.choice import Request
from sandbox.claude.script import Script
from sandbox.record import Entry
from sandbox.world import World
from tests.end_to_end.asking import Eyes, Manager
from tests.end_to_end.stage import Bot, Chat

Right: TypeAlias = Literal["stop", "delete", "set"]

BOTH: Final = ("slack", "discord")
MODERATES: Final = frozenset({"stop", "delete"})
MANAGES: Final = frozenset({"stop", "delete", "set"})
WORDS_A_SECOND: Final = 100.0  # characters: an answer that nobody stops grows for minutes


@dataclass(frozen=True)
class Who:
    """Somebody beside the asker. `slack`: fields of a person; `discord`: permissions; `group`: which one they are in."""

    may: frozenset[str] = frozenset()
    slack: dict[str, Any] = field(default_factory=dict)
    discord: tuple[str, ...] = ()
    group: Literal["", "listed", "other"] = ""
    on: tuple[str, ...] = BOTH


PEOPLE: dict[str, Who] = {
    "asker": Who(MODERATES),
    "somebody else": Who(),
    "in a listed group": Who(MANAGES, group="listed"),
    "in another group": Who(group="other"),
    "admin": Who(MANAGES, slack={"admin": True}, on=("slack",)),
    "owner": Who(MANAGES, slack={"owner": True}, on=("slack",)),
    "admin elsewhere": Who(slack={"admin": True, "stranger": True, "team": "T0ELSEWHERE"}, on=("slack",)),
    "elsewhere, in a listed group": Who(
        slack={"stranger": True, "team": "T0ELSEWHERE"}, group="listed", on=("slack",)
    ),
    "manages the server": Who(MANAGES, discord=("manage_guild",), on=("discord",)),
    "administrator": Who(MANAGES, discord=("administrator",), on=("discord",)),
    "manages messages": Who(MODERATES, discord=("manage_messages",), on=("discord",)),
    "manages channels": Who(discord=("manage_channels",), on=("discord",)),
}


@dataclass
class Post:
    """A channel with an asker, and the one who tries."""

    eyes: Eyes
    chat: Chat
    tag: str
    asker: str
    person: str
    channel: str

    @property
    def server(self) -> Any:
        return self.chat.server

    @property
    def hands(self) -> Manager:
        return Manager(self.chat, self.person, self.eyes)

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        return await self.eyes.until(self.chat.name, condition, f"{self.tag}: {what}")

    async def asked(self, words: str) -> tuple[str, Request]:
        """A question of the asker's: its id, and what Claude was asked."""
        said = f"{self.tag}: {words} ({self.eyes.now})"
        question = await self.server.say(self.asker, self.channel, f"{self.server.mention} {said}")
        request = await self.until(
            lambda: next((one for one in self.eyes.world.claude.requests if said in one.question), None),
            "asked",
        )
        return str(question), request

    def shows(self, label: str, question: str) -> Entry | None:
        """The last page of the answer, once it has this button."""
        pages = self.chat.pages(question)
        return pages[-1] if pages and label in pages[-1]["controls"] else None

    async def growing(self) -> tuple[str, Request, Entry]:
        question, request = await self.asked("at length?")
        return question, request, await self.until(lambda: self.shows(sentences.STOP, question), "growing")

    async def told(self, sentence: str, since: int) -> None:
        await self.hands.told(sentence, since=since)

    async def press(self, page: Entry, label: str) -> None:
        await self.server.press(self.person, page["channel"], page["message"], label)


# ---------------------------------------------------------------------------------------------------- the deeds

Try: TypeAlias = Callable[[Post, str, Entry], Awaitable[None]]


async def by_button(post: Post, _question: str, page: Entry) -> None:
    await post.press(page, sentences.STOP)


async def by_reaction(post: Post, _question: str, page: Entry) -> None:
    sign = "octagonal_sign" if post.chat.name == "slack" else "\N{OCTAGONAL SIGN}"
    await post.server.react(post.person, page["channel"], page["message"], sign)


async def by_word(post: Post, question: str, page: Entry) -> None:
    under = {"thread": question} if post.chat.name == "slack" else {"reply_to": page["message"]}
    await post.server.say(post.person, page["channel"], "stop", **under)


async def by_command(post: Post, _question: str, page: Entry) -> None:
    await post.hands.order(page["channel"], "stop")


def stopping(how: Try, *, answered: bool = True) -> Callable[[Post, bool], Awaitable[None]]:
    """`answered`: Discord, too, lets whoever is turned away be told alone."""

    async def deed(post: Post, may: bool) -> None:
        question, request, page = await post.growing()
        since = post.eyes.now
        await how(post, question, page)
        if may:
            await post.until(lambda: sentences.STOPPED in post.chat.text(question), "stopped")
            assert request.ended == "closed by client"
            return
        if answered or post.chat.name == "slack":
            await post.told(sentences.NOT_YOURS_TO_STOP, since)
        far = len(request.said) + 3 * WORDS_A_SECOND / 2
        world = post.eyes.world
        await world.record.wait(lambda _: len(request.said) > far or request.ended, within=20)
        assert not request.ended, "it was stopped"
        await post.server.press(post.asker, page["channel"], page["message"], sentences.STOP)
        await post.until(lambda: request.ended, "stopped by the asker")

    return deed


async def deletes(post: Post, may: bool) -> None:
    question, _ = await post.asked("briefly?")
    page = await post.until(lambda: post.shows(sentences.DELETE, question), "whole")
    since = post.eyes.now
    await post.press(page, sentences.DELETE)
    if may:
        await post.until(lambda: not post.chat.pages(question), "deleted")
    else:
        await post.told(sentences.NOT_YOURS_TO_DELETE, since)
        assert post.chat.pages(question)[-1]["text"] == page["text"]


async def sets(post: Post, may: bool) -> None:
    since = post.eyes.now
    await post.hands.order(post.channel, "settings")
    if not may:
        await post.told(sentences.SETTINGS_FOR_MANAGERS, since)
        return
    asked = await post.hands.told(sentences.SETTINGS_WHERE, since=since)
    since = post.eyes.now
    await post.hands.press(asked, sentences.SETTINGS_CHANNEL)
    if post.chat.name == "slack":
        await post.hands.form(since=since)
    else:
        await post.hands.row("Model", since=since)


@dataclass(frozen=True)
class Deed:
    do: Callable[[Post, bool], Awaitable[None]]
    right: Right


DEEDS: dict[str, Deed] = {
    "stop": Deed(stopping(by_button), "stop"),
    "stop by reaction": Deed(stopping(by_reaction, answered=False), "stop"),
    "stop by word": Deed(stopping(by_word, answered=False), "stop"),
    "stop by command": Deed(stopping(by_command), "stop"),
    "delete": Deed(deletes, "delete"),
    "settings": Deed(sets, "set"),
}
# What is tried each time; the rest is in the proofs.
SOME_DEEDS: Final = ("stop", "delete", "settings")
SOME_PEOPLE: Final = (
    "somebody else",
    "in a listed group",
    "in another group",
    "admin elsewhere",
    "manages messages",
    "manages channels",
)

# ---------------------------------------------------------------------------------------------------- going through it


def answer(asked: Request) -> Script:
    if "briefly" in asked.question:
        return Script.say(f"Answer {asked.number}.", speed=10_000.0)
    return Script.say(f"Answer {asked.number}: " + "it is as it is, " * 2_000, speed=WORDS_A_SECOND)


async def posts(eyes: Eyes, chat: Chat, chosen: Collection[str]) -> tuple[dict[str, Post], str]:
    """A channel for each, before the bot is there; and the id of the group that the environment is to list."""
    server, made, groups = chat.server, {}, {"listed": "", "other": ""}
    members: dict[str, list[str]] = {"listed": [], "other": []}
    for number, (name, who) in enumerate(PEOPLE.items()):
        if chat.name not in who.on or name not in chosen:
            continue
        tag = f"{chat.name[0]}{number:02}y"
        fields: Any = who.slack if chat.name == "slack" else {}
        permissions = who.discord if chat.name == "discord" else ()
        asker, person = server.join(f"{tag}asker"), server.join(f"{tag}tries", *permissions, **fields)
        person = asker if name == "asker" else person
        within = {"members": (asker, person)} if chat.name == "slack" else {}
        channel = await server.create_channel(tag, **within)
        if who.group:
            members[who.group].append(person)
        made[name] = Post(eyes, chat, tag, asker, person, channel)
    for name, people in members.items():
        if chat.name == "slack":
            groups[name] = f"S0{name.upper()}"
            server.groups[groups[name]] = (name, people)
        else:
            groups[name] = server.state.add_role(name, members=people)
    return made, groups["listed"]


async def tried(post: Post, who: Who, deeds: Collection[str]) -> dict[str, str]:
    """What went otherwise than it should, by the deed."""
    wrong = {}
    for name in deeds:
        deed = DEEDS[name]
        try:
            await deed.do(post, deed.right in who.may)
        except (AssertionError, TimeoutError, LookupError) as error:
            wrong[name] = repr(error)
    return wrong


async def gone_through(
    platform: str, folder: Path, people: Collection[str], deeds: Collection[str]
) -> dict[str, dict[str, str]]:
    async with World() as world:
        world.limits.enforced = False  # how often a platform lets it speak is tried elsewhere
        for limit in ("discord.messages.post", "discord.messages.patch"):
            world.limits.change(limit, rate=50.0, burst=50)
        world.claude.respond = answer
        eyes, chat = Eyes(world), Chat(world, platform)
        made, listed = await posts(eyes, chat, people)
        other = "DISCORD" if platform == "slack" else "SLACK"
        environment = {key: value for key, value in world.environment().items() if not key.startswith(other)}
        bot = Bot(folder, environment)
        try:
            # Guests and people from elsewhere may ask here: what they may press is another matter.
            await bot.start(INKSTREAM_MANAGER_GROUPS=listed, INKSTREAM_OUTSIDERS="on")
            found = await asyncio.gather(*(tried(post, PEOPLE[name], deeds) for name, post in made.items()))
        finally:
            await bot.stop()
        return {name: wrong for name, wrong in zip(made, found, strict=True) if wrong}


@pytest.mark.parametrize("platform", BOTH)
async def test_only_who_may_stops_deletes_and_sets(platform: str, tmp_path: Path) -> None:
    """By the buttons and the command."""
    assert await gone_through(platform, tmp_path, SOME_PEOPLE, SOME_DEEDS) == {}


@pytest.mark.long
@pytest.mark.parametrize("platform", BOTH)
async def test_no_way_of_stopping_goes_around_it(platform: str, tmp_path: Path) -> None:
    """Everybody, by the reaction, the word and the command, too."""
    assert await gone_through(platform, tmp_path, PEOPLE, DEEDS) == {}
