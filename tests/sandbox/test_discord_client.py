"""The real discord.py against the sandbox's Discord, with no patch but its addresses."""

from __future__ import annotations

import asyncio
import io
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
from sandbox.discord.sessions import EVERYTHING, MESSAGE_CONTENT
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
            intents=intents, guild_ready_timeout=0.05, allowed_mentions=discord.AllowedMentions.none()
        )
        self.heard: asyncio.Queue[discord.Message] = asyncio.Queue()
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self.resumed = asyncio.Event()
        self.tree = app_commands.CommandTree(self)

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            self.heard.put_nowait(message)

    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        self.events.put_nowait(("edit", payload))

    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        self.events.put_nowait(("delete", payload))

    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        self.events.put_nowait(("reaction", payload))

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.events.put_nowait(("thread", thread))

    async def on_typing(self, _: Any, who: discord.Member, __: Any) -> None:
        self.events.put_nowait(("typing", who))

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """No five seconds between identifies: the sandbox counts them only when told to."""

    async def on_resumed(self) -> None:
        self.resumed.set()

    async def next(self) -> discord.Message:
        return await asyncio.wait_for(self.heard.get(), 5)

    async def happening(self, name: str) -> Any:
        while True:
            kind, payload = await asyncio.wait_for(self.events.get(), 5)
            if kind == name:
                return payload


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


def happened(what: str) -> Callable[[Record], list[Entry]]:
    """The interaction entries that say so."""
    return lambda record: record.entries("interaction", what=what)


def texts(server: DiscordServer) -> list[tuple[str, str]]:
    """What viewers saw of the bot, in order."""
    shown = server._record.entries("shown", "discord", author=server.bot_id)
    return [(entry["verb"], entry["text"]) for entry in shown]


# ---------------------------------------------------------------------------------------------- messages


async def test_client_logs_in_and_sees_the_guild(server: DiscordServer) -> None:
    """A client that knows only the addresses becomes ready and knows guild, channels and itself."""
    async with running(server) as bot:
        assert bot.user is not None
        assert str(bot.user.id) == server.bot_id
        guild = bot.get_guild(int(server.guild_id))
        assert guild is not None
        assert {"general", "random"} <= {channel.name for channel in guild.text_channels}
        assert guild.me.display_name == "claude"
        closed = next(channel for channel in guild.text_channels if channel.name == "announcements")
        assert not closed.permissions_for(guild.me).send_messages
        assert server.connections == 1
    await server._record.wait(lambda _: server.connections == 0)


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
        assert texts(server) == [("post", "Hel"), ("edit", "Hello!")]
        last = server.messages("general")[-1]
        assert (last["text"], last["reply_to"], last["edited"]) == ("Hello!", question, True)
        assert last["mentions"] == []
        # The bot's own edit comes back to it as an event, as Discord sends it.
        payload = await bot.happening("edit")
        assert payload.message.author == bot.user


async def test_a_direct_message_reaches_the_bot(server: DiscordServer) -> None:
    """The DM of a person with the bot: no guild, a channel of its own, answered there."""
    async with running(server) as bot:
        await server.say("Grace", server.direct("Grace"), "psst")
        heard = await bot.next()
        assert heard.guild is None
        assert isinstance(heard.channel, discord.DMChannel)
        await heard.channel.send("yes?")
        assert [one["text"] for one in server.messages(server.direct("Grace"))] == ["psst", "yes?"]


async def test_a_reply_says_whether_it_pings(server: DiscordServer) -> None:
    """A reply to the bot is in `mentions` only with the ping on, and brings what it answers."""
    async with running(server) as bot:
        await server.say("Ada", "general", f"{server.mention} one")
        answer = await (await bot.next()).reply("two")
        await server.say("Ada", "general", "three", reply_to=str(answer.id), ping_author=False)
        quiet = await bot.next()
        await server.say("Ada", "general", "four", reply_to=str(answer.id))
        loud = await bot.next()
        assert quiet.reference is not None
        assert isinstance(quiet.reference.resolved, discord.Message)
        assert quiet.reference.resolved.content == "two"
        assert (bot.user in quiet.mentions, bot.user in loud.mentions) == (False, True)
        assert quiet.type is discord.MessageType.reply


async def test_without_the_content_intent_only_what_concerns_the_bot_is_readable(
    server: DiscordServer,
) -> None:
    """Content is empty without the intent, but for mentions, DMs and the bot's own messages."""
    intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
    async with running(server, Bot(intents)) as bot:
        await server.say("Ada", "general", "among us")
        await server.say("Ada", "general", f"{server.mention} for you")
        await server.say("Ada", server.direct("Ada"), "in private")
        heard = [(await bot.next()).content for _ in range(3)]
        assert heard == ["", f"{server.mention} for you", "in private"]


async def test_a_privileged_intent_that_is_not_allowed_closes_with_4014(server: DiscordServer) -> None:
    """As when the toggle is off in the portal: discord.py raises, and the content is closed to REST too."""
    server.gateway.allowed_intents = EVERYTHING & ~MESSAGE_CONTENT
    async with Bot() as bot:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            await bot.start(server.bot_token)


async def test_deletions_changes_and_previews_reach_the_bot(server: DiscordServer) -> None:
    """MESSAGE_UPDATE with and without a change of the text; MESSAGE_DELETE with the ids."""
    async with running(server) as bot:
        question = await server.say("Ada", "general", "https://example.com/")
        heard = await bot.next()
        assert await server.unfurl("general", question)
        preview = await bot.happening("edit")
        assert (preview.message.edited_at, preview.message.content) == (None, heard.content)
        assert preview.message.embeds[0].title == "Example"
        await server.change("Ada", "general", question, "never mind")
        edit = await bot.happening("edit")
        assert edit.message.content == "never mind"
        assert edit.message.edited_at is not None
        await server.delete("Ada", "general", question)
        assert str((await bot.happening("delete")).message_id) == question


async def test_typing_reactions_and_threads_go_both_ways(server: DiscordServer) -> None:
    """A thread is a channel of its own; reactions and typing are seen by the other side."""
    async with running(server) as bot:
        question = await server.say("Ada", "general", "a long one")
        heard = await bot.next()
        await server.type("Ada", "general")
        assert (await bot.happening("typing")).display_name == "Ada"
        await server.react("Grace", "general", question, "🛑")
        assert str((await bot.happening("reaction")).emoji) == "🛑"
        await heard.add_reaction("👀")
        thread = await heard.create_thread(name="A long one", auto_archive_duration=1440)
        assert str(thread.id) == question
        async with thread.typing():
            await server._record.wait(lambda r: r.entries("status", channel=question, text="typing"))
            await thread.send("in here")
        view = server.messages("general")[-1]
        assert view["reactions"] == {"🛑": 1, "👀": 1}
        assert view["opened_thread"] == question
        assert [one["text"] for one in server.messages(question)] == ["in here"]
        assert server._record.entries("status", channel=question, text="")
        await server.say("Grace", question, "I see")
        assert isinstance((await bot.next()).channel, discord.Thread)


async def test_an_archived_thread_cannot_be_edited_in(server: DiscordServer) -> None:
    """50083 for edits; a new message opens it again unless it is locked."""
    async with running(server) as bot:
        await server.say("Ada", "general", "start")
        thread = await (await bot.next()).create_thread(name="x")
        message = await thread.send("one")
        await server.archive(str(thread.id))
        with pytest.raises(discord.HTTPException) as refused:
            await bot.get_partial_messageable(thread.id).get_partial_message(message.id).edit(content="two")
        assert refused.value.code == 50083
        await bot.get_partial_messageable(thread.id).send("three")
        await server.archive(str(thread.id), locked=True)
        with pytest.raises(discord.HTTPException) as locked:
            await bot.get_partial_messageable(thread.id).send("four")
        assert locked.value.code == 160005


async def test_files_go_in_and_out(server: DiscordServer) -> None:
    """Attachments by multipart, kept over an edit that lists them, and read back from the signed link."""
    async with running(server) as bot:
        await server.say("Ada", "general", "see here", files=[("notes.txt", "text/plain", b"words")])
        heard = await bot.next()
        assert await heard.attachments[0].read() == b"words"
        assert heard.attachments[0].content_type == "text/plain"
        sent = await heard.channel.send("two", files=[discord.File(io.BytesIO(b"# a"), "answer.md")])
        assert await sent.attachments[0].read() == b"# a"
        more = await sent.add_files(discord.File(io.BytesIO(b"# b"), "more.md"))
        assert [one.filename for one in more.attachments] == ["answer.md", "more.md"]
        kept = await more.edit(attachments=more.attachments[1:])
        assert [file["name"] for file in server.messages("general")[-1]["files"]] == ["more.md"]
        assert len(kept.attachments) == 1


async def test_history_is_newest_first_and_pages(server: DiscordServer) -> None:
    """`channel.history` sees what people said, in order, over several pages of one request each."""
    async with running(server) as bot:
        ids = [await server.say("Ada", "random", f"number {index}") for index in range(120)]
        channel = bot.get_channel(int(server.state.channel("random").id))
        assert isinstance(channel, discord.TextChannel)
        texts = [one.content async for one in channel.history(limit=None, oldest_first=True)]
        assert texts == [f"number {index}" for index in range(120)]
        after = [one.content async for one in channel.history(limit=2, after=discord.Object(int(ids[10])))]
        assert after == ["number 11", "number 12"]


async def test_permissions_are_refused_as_discord_refuses_them(server: DiscordServer) -> None:
    """50013 where it may not write, 50001 where it may not look, 10003 where nothing is, 50005 for others' words."""
    async with running(server) as bot:
        question = await server.say("Ada", "general", "mine")

        async def code(channel: str, text: str = "x") -> int:
            with pytest.raises(discord.HTTPException) as refused:
                await bot.get_partial_messageable(int(channel)).send(text)
            return refused.value.code

        channels = {one["name"]: one["id"] for one in server.channels() if one["kind"] == "channel"}
        assert await code(channels["announcements"]) == 50013
        assert await code(channels["staff"]) == 50001
        assert await code("1") == 10003
        with pytest.raises(discord.Forbidden) as others:
            await (
                bot.get_partial_messageable(int(channels["general"]))
                .get_partial_message(int(question))
                .edit(content="yours")
            )
        assert others.value.code == 50005
        await server.revoke("general", "send_messages")
        assert await code(channels["general"]) == 50013
        await server.grant("general", "send_messages")
        await bot.get_partial_messageable(int(channels["general"])).send("again")
        await server.delete_channel("general")
        assert await code(channels["general"]) == 10003


# ---------------------------------------------------------------------------------------------- the Gateway


async def test_a_cut_connection_resumes_and_replays(server: DiscordServer) -> None:
    """What was said while the client was away comes by RESUME, once and in order."""
    async with running(server) as bot:
        await server.disconnect(None)
        await server.say("Ada", "general", "first")
        await server.say("Ada", "general", "second")
        assert [(await bot.next()).content for _ in range(2)] == ["first", "second"]
        await asyncio.wait_for(bot.resumed.wait(), 5)
        assert len(server._record.entries("event", event="READY")) == 1


@pytest.mark.parametrize("code", [1000, 1001, 4000, 4008])
async def test_a_close_that_allows_it_is_resumed(server: DiscordServer, code: int) -> None:
    """The server's own 1000 does not end the session either."""
    async with running(server) as bot:
        await server.disconnect(code)
        await server.say("Ada", "general", "still there?")
        assert (await bot.next()).content == "still there?"
        assert server._record.entries("event", event="RESUMED")


async def test_op_7_makes_the_client_resume(server: DiscordServer) -> None:
    """Discord asks its clients to reconnect before a restart."""
    async with running(server) as bot:
        server.gateway.reconnect()
        await asyncio.wait_for(bot.resumed.wait(), 5)
        await server.say("Ada", "general", "after")
        assert (await bot.next()).content == "after"


async def test_a_late_resume_is_an_invalid_session(server: DiscordServer) -> None:
    """Op 9: the client identifies anew, and what happened meanwhile is lost."""
    async with running(server) as bot:
        await server.disconnect(None)
        server.gateway.forget()
        await server._record.wait(lambda r: len(r.entries("event", event="READY")) == 2, within=15)
        await server.say("Ada", "general", "anew")
        assert (await bot.next()).content == "anew"


async def test_events_can_come_twice_out_of_order_or_never(server: DiscordServer) -> None:
    """What bots must live with, on demand."""
    async with running(server) as bot:
        server.gateway.twice("MESSAGE_CREATE")
        await server.say("Ada", "general", "one")
        assert [(await bot.next()).content for _ in range(2)] == ["one", "one"]
        server.gateway.reverse("MESSAGE_CREATE", count=2)
        await server.say("Ada", "general", "two")
        await server.say("Ada", "general", "three")
        assert [(await bot.next()).content for _ in range(2)] == ["three", "two"]
        server.gateway.lose("MESSAGE_CREATE")
        await server.say("Ada", "general", "four")
        await server.say("Ada", "general", "five")
        assert (await bot.next()).content == "five"


async def test_a_sharded_client_is_served_too(server: DiscordServer) -> None:
    """Two shards: the guild on its own, DMs on shard 0, every event once."""

    class Sharded(discord.AutoShardedClient):
        heard: asyncio.Queue[str]

        async def on_message(self, message: discord.Message) -> None:
            self.heard.put_nowait(message.content)

        async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
            """No pause between shards: the sandbox counts identifies only when told to."""

    bot = Sharded(intents=INTENTS, guild_ready_timeout=0.05, shard_count=2)
    bot.heard = asyncio.Queue()
    async with bot:
        task = asyncio.create_task(bot.start(server.bot_token))
        await asyncio.wait_for(bot.wait_until_ready(), 10)
        await server.say("Ada", "general", "in the guild")
        await server.say("Ada", server.direct("Ada"), "in private")
        assert {await asyncio.wait_for(bot.heard.get(), 5) for _ in range(2)} == {
            "in the guild",
            "in private",
        }
        await bot.close()
        await task
        assert bot.heard.empty()


# ---------------------------------------------------------------------------------------------- interactions


async def test_a_slash_command_is_deferred_and_grows(server: DiscordServer) -> None:
    """Thinking is seen as loading; filling it is no edit; what follows is."""
    async with running(server) as bot:

        @bot.tree.command(description="Ask")
        async def ask(interaction: discord.Interaction, question: str) -> None:
            await interaction.response.defer(thinking=True)
            await interaction.edit_original_response(content=f"on {question}")
            await interaction.edit_original_response(content=f"on {question}: 42")
            await interaction.followup.send("and more")

        with pytest.raises(LookupError, match="registered no command 'ask'"):
            await server.command("Ada", "general", "ask", "life")
        await bot.tree.sync()
        used = await server.command("Ada", "general", "/ask", "life")
        await server._record.wait(lambda r: r.entries("shown", text="and more"))
        views = server.messages("general")
        assert [one["text"] for one in views] == ["on life: 42", "and more"]
        assert views[0]["command"] == {"person": server.state.person("Ada").id, "name": "ask", "text": "life"}
        assert [
            (e["loading"], e["text"]) for e in server._record.entries("shown", message=views[0]["id"])
        ] == [
            (True, ""),
            (False, "on life"),
            (False, "on life: 42"),
        ]
        assert [e["what"] for e in server._record.entries("interaction", interaction=used)] == [
            "sent",
            "deferred",
        ]
        assert server._record.entries("acked", id=used)
        with pytest.raises(ValueError, match="'question' is required"):
            await server.command("Ada", "general", "ask", "")


async def test_an_ephemeral_answer_is_for_one_person_only(server: DiscordServer) -> None:
    """Nobody else sees it, the Gateway does not tell of it, and the channel's own routes do not know it."""
    async with running(server) as bot:

        @bot.tree.command(description="Help")
        async def help_me(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("only you", ephemeral=True)

        await bot.tree.sync()
        await server.command("Linus", "general", "help_me", "")
        await server._record.wait(happened("answered"))
        view = server.messages("general")[-1]
        assert view["ephemeral_for"] == server.state.person("Linus").id
        assert not server._record.entries("event", event="MESSAGE_CREATE")
        channel = bot.get_partial_messageable(int(server.state.channel("general").id))
        with pytest.raises(discord.NotFound):
            await channel.get_partial_message(int(view["id"])).edit(content="all of you")


async def test_buttons_are_pressed_and_answered(server: DiscordServer) -> None:
    """A press brings the message; type 7 changes it in place; a disabled button cannot be pressed."""
    async with running(server) as bot:

        class Stop(discord.ui.View):
            @discord.ui.button(label="Stop", custom_id="stop:1", style=discord.ButtonStyle.danger)
            async def stop_it(
                self, interaction: discord.Interaction, button: discord.ui.Button[Stop]
            ) -> None:
                button.disabled = True
                await interaction.response.edit_message(content="stopped", view=self)

        await server.say("Ada", "general", f"{server.mention} go")
        heard = await bot.next()
        message = await heard.reply("going", view=Stop(timeout=None))
        assert server.messages("general")[-1]["controls"] == [
            {"id": "stop:1", "label": "Stop", "style": "danger", "disabled": False}
        ]
        with pytest.raises(LookupError, match="there are 'Stop'"):
            await server.press("Ada", "general", str(message.id), "go on")
        await server.press("Ada", "general", str(message.id), "stop:1")
        await server._record.wait(lambda r: r.entries("shown", text="stopped"))
        with pytest.raises(PermissionError, match="disabled"):
            await server.press("Ada", "general", str(message.id), "stop:1")


async def test_a_context_menu_opens_a_form_and_its_values_come_back(server: DiscordServer) -> None:
    """Message menu -> modal -> submit -> answer."""
    async with running(server) as bot:

        class Question(discord.ui.Modal, title="Ask Claude"):
            about: discord.Message
            words = discord.ui.TextInput["Question"](label="Question", custom_id="words", max_length=20)

            async def on_submit(self, interaction: discord.Interaction) -> None:
                await interaction.response.send_message(f"{self.words.value} about {self.about.content}")

        @bot.tree.context_menu(name="Ask Claude about this")
        async def ask_about(interaction: discord.Interaction, message: discord.Message) -> None:
            form = Question()
            form.about = message
            await interaction.response.send_modal(form)

        await bot.tree.sync()
        said = await server.say("Ada", "general", "the sky is green")
        await server.menu("Grace", "general", said, "Ask Claude about this")
        await server._record.wait(lambda r: r.entries("modal"))
        form = server.modals("Grace")[0]
        assert (form["title"], [one["custom_id"] for one in form["fields"]]) == ("Ask Claude", ["words"])
        with pytest.raises(ValueError, match="1 to 20 characters"):
            await server.submit("Grace", {"words": "x" * 21})
        await server.submit("Grace", {"words": "True?"})
        await server._record.wait(lambda r: r.entries("shown", text="True? about the sky is green"))
        assert server.modals("Grace") == []


async def test_options_fill_themselves_and_are_typed(server: DiscordServer) -> None:
    """Autocomplete offers choices; named options and subcommands arrive with their types."""
    async with running(server) as bot:
        got: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        group = app_commands.Group(name="set", description="Settings")

        @group.command(description="Model")
        async def model(interaction: discord.Interaction, name: str, tokens: int = 1) -> None:
            got.put_nowait((name, tokens))
            await interaction.response.send_message("done", ephemeral=True)

        @app_commands.command(description="Pick")
        async def pick(interaction: discord.Interaction, name: str) -> None:
            await interaction.response.send_message(name)

        @pick.autocomplete("name")
        async def names(_: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=f"{typed}-5", value="x")]

        bot.tree.add_command(group)
        bot.tree.add_command(pick)
        await bot.tree.sync()
        await server.command("Ada", "general", "set", "model name:opus 5 tokens:9")
        assert await asyncio.wait_for(got.get(), 5) == ("opus 5", 9)
        with pytest.raises(ValueError, match="goes on with one of model"):
            await server.command("Ada", "general", "set", "colour red")
        offered = await asyncio.wait_for(server.complete("Ada", "general", "pick", "name", "opus"), 5)
        assert [one["name"] for one in offered] == ["opus-5"]


async def test_an_interaction_unanswered_in_time_is_over(server: DiscordServer) -> None:
    """Three seconds (a duration of the clock), then 10062; the person sees that nobody answered."""
    server._clock.set_duration("discord.interaction_ack", 0.05)
    async with running(server) as bot:
        codes: asyncio.Queue[int] = asyncio.Queue()

        @bot.tree.command(description="Late")
        async def late(interaction: discord.Interaction) -> None:
            await server._record.wait(happened("failed"))
            try:
                await interaction.response.defer()
            except discord.NotFound as gone:
                codes.put_nowait(gone.code)

        await bot.tree.sync()
        await server.command("Ada", "general", "late", "")
        assert await asyncio.wait_for(codes.get(), 5) == 10062
        assert server.messages("general") == []


async def test_a_token_dies_and_the_channel_goes_on(server: DiscordServer) -> None:
    """After its minutes the token is refused with 50027 (401); the message can still be edited through the channel."""
    async with running(server) as bot:
        codes: asyncio.Queue[int] = asyncio.Queue()

        @bot.tree.command(description="Long")
        async def long(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("begun")
            message = await interaction.original_response()
            server._clock.set_duration("discord.interaction_token", 0.0)
            try:
                await interaction.edit_original_response(content="too late")
            except discord.HTTPException as refused:
                codes.put_nowait(refused.code)
            await (
                bot.get_partial_messageable(message.channel.id)
                .get_partial_message(message.id)
                .edit(content="on")
            )

        await bot.tree.sync()
        await server.command("Ada", "general", "long", "")
        assert await asyncio.wait_for(codes.get(), 5) == 50027
        await server._record.wait(lambda r: r.entries("shown", text="on"))


async def test_components_v2_are_shown_and_cannot_be_taken_off(server: DiscordServer) -> None:
    """A layout's text is what a viewer sees; legacy content is refused from then on."""
    async with running(server) as bot:
        await server.say("Ada", "general", f"{server.mention} go")
        heard = await bot.next()
        view = discord.ui.LayoutView()
        view.add_item(discord.ui.TextDisplay("# Title"))
        message = await heard.channel.send(view=view)
        assert server.messages("general")[-1]["text"] == "# Title"
        with pytest.raises(discord.HTTPException) as refused:
            await message.edit(content="plain", view=None)
        assert refused.value.code == 50035
