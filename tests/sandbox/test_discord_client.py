"""The real discord.py against the sandbox's Discord, with no patch but its addresses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket

from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.limits import Limits
from sandbox.record import Entry, Record

INTENTS = discord.Intents(
    guilds=True,
    guild_messages=True,
    dm_messages=True,
    message_content=True,
    guild_reactions=True,
    guild_typing=True,
)


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    clock = Clock()
    server = DiscordServer(clock, Limits(), Record(clock))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture(autouse=True)
def addresses(server: DiscordServer) -> Iterator[None]:
    """discord.py's three addresses, restored afterwards."""

    before = discord.http.Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, discord.Asset.BASE
    discord.http.Route.BASE = server.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    discord.Asset.BASE = server.cdn_url
    yield
    discord.http.Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY, discord.Asset.BASE = before


class Bot(discord.Client):
    """A client that keeps what it heard."""

    def __init__(self, intents: discord.Intents = INTENTS) -> None:
        super().__init__(
            intents=intents, guild_ready_timeout=0.1, allowed_mentions=discord.AllowedMentions.none()
        )
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.resumed = asyncio.Event()
        self.tree = app_commands.CommandTree(self)

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.put_nowait(message)

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def next(self) -> discord.Message:
        return await asyncio.wait_for(self.heard.get(), 5)


@asynccontextmanager
async def running(server: DiscordServer, bot: Bot | None = None) -> AsyncIterator[Bot]:
    bot = bot or Bot()
    async with bot:
        task = asyncio.create_task(bot.start(server.bot_token))
        ready = asyncio.create_task(bot.wait_until_ready())
        done, _ = await asyncio.wait({task, ready}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            ready.cancel()
            await task
        assert ready in done
        yield bot
        await bot.close()
        await task


def shown(**fields: Any) -> Callable[[Record], Entry | None]:
    return lambda record: next(iter(record.entries("shown", "discord", **fields)), None)


async def test_client_logs_in_and_sees_the_guild(server: DiscordServer) -> None:
    """A client that knows only the addresses becomes ready and knows guild, channels and itself."""
    async with running(server) as bot:
        assert bot.user is not None
        assert str(bot.user.id) == server.bot_id
        guild = bot.get_guild(int(server.guild_id))
        assert guild is not None
        assert {"general", "random"} <= {channel.name for channel in guild.text_channels}
        assert guild.me.display_name == "claude"
        assert bot.intents.message_content


async def test_a_wrong_token_is_refused(server: DiscordServer) -> None:
    """401 at login, as discord.py expects it of Discord."""
    async with Bot() as bot:
        with pytest.raises(discord.LoginFailure):
            await bot.start("wrong")


async def test_a_mention_is_answered_by_a_message_that_grows(server: DiscordServer) -> None:
    """say -> MESSAGE_CREATE -> POST -> PATCH, and the viewer sees each step."""
    async with running(server) as bot:
        question = await server.say("Ada", "general", f"{server.mention} hello")
        heard = await bot.next()
        assert str(heard.id) == question
        assert heard.content == f"{server.mention} hello"
        assert bot.user in heard.mentions
        assert heard.author.display_name == "Ada"
        reply = await heard.reply("Hel", mention_author=False)
        await reply.edit(content="Hello!")
        assert [
            (one["text"], one["verb"]) for one in server._record.entries("shown", author=server.bot_id)
        ] == [
            ("Hel", "post"),
            ("Hello!", "edit"),
        ]
        last = server.messages("general")[-1]
        assert (last["text"], last["reply_to"], last["edited"]) == ("Hello!", question, True)
        assert last["mentions"] == []
