"""What each route of the sandbox's Discord does and refuses, beyond the writing of messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from sandbox.clock import Clock
from sandbox.discord.server import DiscordServer
from sandbox.discord.state import EVERYBODY
from sandbox.limits import Limits
from sandbox.record import Record
from tests.sandbox.discord_raw import Client, wrong


@pytest.fixture
async def server() -> AsyncIterator[DiscordServer]:
    clock = Clock()
    limits = Limits()
    limits.enforced = False
    server = DiscordServer(clock, limits, Record(clock))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client(server: DiscordServer) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(server, session)


async def test_who_and_where_can_be_asked(client: Client) -> None:
    """The bot, the application, the guild, its channels, roles and members, and the Gateway's address."""
    server, guild = client.server, f"/guilds/{client.server.guild_id}"
    ada = server.state.person("Ada").id
    asked: list[tuple[str, tuple[str, ...], object]] = [
        ("/users/@me", ("id",), server.bot_id),
        (f"/users/{ada}", ("global_name",), "Ada"),
        ("/oauth2/applications/@me", ("id",), server.application_id),
        ("/gateway", ("url",), server.gateway_url),
        ("/gateway/bot", ("session_start_limit", "max_concurrency"), 1),
        (guild, ("owner_id",), ada),
        (f"{guild}/members/{ada}", ("user", "id"), ada),
        (f"/channels/{client.general}", ("name",), "general"),
    ]
    for path, keys, expected in asked:
        found = (await client.call("GET", path)).json
        for key in keys:
            found = found[key]
        assert found == expected, path
    names = [one["name"] for one in (await client.call("GET", f"{guild}/channels")).json]
    assert names[:2] == ["general", "random"]
    roles = [one["name"] for one in (await client.call("GET", f"{guild}/roles")).json]
    assert roles == ["@everyone", "engineers", "moderators"]
    assert [one["id"] for one in (await client.call("GET", "/users/@me/guilds")).json] == [server.guild_id]
    assert (await client.call("GET", f"{guild}/members/1")).code == 10007


async def test_a_dm_is_opened_once(client: Client) -> None:
    """The same channel each time; nobody unknown, no bot."""
    ada = client.server.state.person("Ada").id
    opened = [await client.call("POST", "/users/@me/channels", {"recipient_id": ada}) for _ in range(2)]
    assert {one.json["id"] for one in opened} == {client.server.direct("Ada")}
    assert opened[0].json["recipients"][0]["id"] == ada
    assert (await client.call("POST", "/users/@me/channels", {"recipient_id": "1"})).code == 10013
    myself = {"recipient_id": client.server.bot_id}
    assert (await client.call("POST", "/users/@me/channels", myself)).code == 50007


async def test_the_bot_deletes_its_own_and_no_other(client: Client) -> None:
    """204 for its own; 50013 for others' without Manage Messages; 50003 in a DM; 10008 the second time."""
    own = (await client.post()).json["id"]
    said = await client.server.say("Ada", "general", "mine")
    direct = client.server.direct("Ada")
    private = await client.server.say("Ada", direct, "mine too")
    path = f"/channels/{client.general}/messages"
    assert (await client.call("DELETE", f"{path}/{own}")).status == 204
    assert (await client.call("DELETE", f"{path}/{own}")).code == 10008
    assert (await client.call("DELETE", f"{path}/{said}")).code == 50013
    assert (await client.call("DELETE", f"/channels/{direct}/messages/{private}")).code == 50003
    assert [entry["message"] for entry in client.server._record.entries("removed")] == [own]


async def test_with_manage_messages_it_may_more(client: Client) -> None:
    """Others' messages one by one and in bulk; their flags, not their words."""
    server = client.server
    server.state.bot_permissions |= 1 << 13
    said = [await server.say("Ada", "general", f"{index}") for index in range(3)]
    path = f"/channels/{client.general}/messages"
    assert (await client.call("PATCH", f"{path}/{said[0]}", {"flags": 4})).json["flags"] == 4
    assert (await client.call("PATCH", f"{path}/{said[0]}", {"content": "x"})).code == 50005
    assert (await client.call("DELETE", f"{path}/{said[0]}")).status == 204
    assert wrong(await client.call("POST", f"{path}/bulk-delete", {"messages": said[:1]}), "messages")
    assert (await client.call("POST", f"{path}/bulk-delete", {"messages": said[1:]})).status == 204
    assert server.messages("general") == []


async def test_history_has_its_bounds(client: Client) -> None:
    """before, after and around; 1 to 100; nothing without Read Message History."""
    ids = [await client.server.say("Ada", "general", f"{index}") for index in range(6)]
    path = f"/channels/{client.general}/messages"

    async def listed(query: str) -> list[str]:
        return [one["content"] for one in (await client.call("GET", f"{path}?{query}")).json]

    assert await listed("limit=2") == ["5", "4"]
    assert await listed(f"before={ids[2]}") == ["1", "0"]
    assert await listed(f"after={ids[3]}&limit=1") == ["4"]
    assert await listed(f"around={ids[3]}&limit=3") == ["4", "3", "2"]
    assert wrong(await client.call("GET", f"{path}?limit=101"), "limit") == "NUMBER_TYPE_MAX"
    assert wrong(await client.call("GET", f"{path}?before=x"), "before") == "NUMBER_TYPE_COERCE"
    await client.server.revoke("general", "read_message_history")
    assert await listed("limit=2") == []
    assert (await client.call("GET", f"{path}/{ids[0]}")).code == 50001


async def test_reactions_are_put_and_taken(client: Client) -> None:
    """Mine; others' only with Manage Messages; who reacted; what is no emoji is 10014."""
    server = client.server
    said = await server.say("Ada", "general", "nice")
    path = f"/channels/{client.general}/messages/{said}/reactions"
    thumb = f"{path}/%F0%9F%91%8D"
    assert (await client.call("PUT", f"{thumb}/@me")).status == 204
    assert (await client.call("PUT", f"{path}/nonsense/@me")).code == 10014
    await server.react("Ada", "general", said, "👍")
    ada = server.state.person("Ada").id
    assert [one["id"] for one in (await client.call("GET", thumb)).json] == [server.bot_id, ada]
    assert (await client.call("DELETE", f"{thumb}/@me")).status == 204
    assert (await client.call("DELETE", f"{thumb}/{ada}")).code == 50013
    assert (await client.call("DELETE", path)).code == 50013
    server.state.bot_permissions |= 1 << 13
    assert (await client.call("DELETE", f"{thumb}/{ada}")).status == 204
    await server.react("Grace", "general", said, "👍")
    await server.react("Grace", "general", said, "🛑")
    await server.unreact("Grace", "general", said, "🛑")
    assert (await client.call("DELETE", thumb)).status == 204
    assert (await client.call("DELETE", path)).status == 204
    assert server.messages("general")[0]["reactions"] == {}
    await server.revoke("general", "add_reactions")
    assert (await client.call("PUT", f"{thumb}/@me")).code == 50013


async def test_threads_open_where_they_may(client: Client) -> None:
    """One on a message, not in threads or DMs, with a name; the bot may change its own."""
    server = client.server
    said = await server.say("Ada", "general", "long")
    path = f"/channels/{client.general}/messages/{said}/threads"
    assert wrong(await client.call("POST", path, {}), "name") == "BASE_TYPE_REQUIRED"
    odd = {"name": "t", "auto_archive_duration": 5}
    assert wrong(await client.call("POST", path, odd), "auto_archive_duration") == "BASE_TYPE_CHOICES"
    made = await client.call("POST", path, {"name": "t"})
    assert (made.status, made.json["id"], made.json["type"]) == (201, said, 11)
    assert (await client.call("POST", path, {"name": "t"})).code == 160004
    assert (await client.call("POST", f"/channels/{said}/threads", {"name": "t"})).code == 50024
    direct = client.server.direct("Ada")
    assert (await client.call("POST", f"/channels/{direct}/threads", {"name": "t"})).code == 50024
    active = (await client.call("GET", f"/guilds/{server.guild_id}/threads/active")).json
    assert ([one["id"] for one in active["threads"]], len(active["members"])) == ([said], 1)
    for method in ("DELETE", "PUT"):
        assert (await client.call(method, f"/channels/{said}/thread-members/@me")).status == 204
    renamed = await client.call("PATCH", f"/channels/{said}", {"name": "better", "archived": True})
    assert renamed.json["thread_metadata"]["archived"] is True
    assert (await client.call("PATCH", f"/channels/{said}", {"name": "x"})).code == 50083
    assert (await client.call("PATCH", f"/channels/{said}", {"archived": False})).json["name"] == "better"
    await server.revoke("general", "create_public_threads")
    other = await server.say("Ada", "general", "more")
    refused = await client.call("POST", f"/channels/{client.general}/messages/{other}/threads", {"name": "t"})
    assert refused.code == 50013
    public = await client.call("POST", f"/channels/{client.general}/threads", {"name": "t", "type": 11})
    assert public.code == 50013


async def test_a_persons_thread_is_a_channel_that_the_bot_hears_of(client: Client) -> None:
    """Opened on a message or without one; locked it takes nothing."""
    server = client.server
    said = await server.say("Ada", "general", "long")
    thread = await server.start_thread("Ada", "general", "about it", message=said)
    assert thread == said
    free = await server.start_thread("Ada", "general", "free")
    assert {one["id"] for one in server.channels() if one["kind"] == "thread"} == {thread, free}
    with pytest.raises(ValueError, match="has a thread already"):
        await server.start_thread("Ada", "general", "again", message=said)
    await server.archive(thread, locked=True)
    with pytest.raises(PermissionError, match="locked"):
        await server.say("Ada", thread, "hello?")
    await server.unarchive(thread)
    await server.say("Ada", "general", "hello", thread=thread)
    assert [one["text"] for one in server.messages(thread)] == ["hello"]
    await server.delete_channel("general")
    assert not [one for one in server.channels() if one["kind"] == "thread"]


async def test_channels_are_the_managers(client: Client) -> None:
    """Name, topic and deletion need Manage Channels; a DM has neither."""
    path = f"/channels/{client.general}"
    assert (await client.call("PATCH", path, {"name": "x"})).code == 50013
    assert (await client.call("DELETE", path)).code == 50013
    assert (await client.call("PATCH", f"/channels/{client.server.direct('Ada')}", {})).code == 50003
    client.server.state.bot_permissions |= 1 << 4
    assert (await client.call("PATCH", path, {"topic": "talk"})).json["topic"] == "talk"
    assert (await client.call("DELETE", path)).status == 200
    assert (await client.call("GET", path)).code == 10003


async def test_commands_one_by_one(client: Client) -> None:
    """Made, read, changed and removed; the guild's own beside the global ones."""
    root = f"/applications/{client.server.application_id}"
    body = {"name": "ask", "description": "Ask"}
    made = await client.call("POST", f"{root}/commands", body)
    assert made.status == 201
    assert (await client.call("POST", f"{root}/commands", body)).status == 200
    path = f"{root}/commands/{made.json['id']}"
    assert (await client.call("PATCH", path, {"description": "Anew"})).json["description"] == "Anew"
    assert (await client.call("GET", path)).json["version"] != made.json["version"]
    own = await client.call("POST", f"{root}/guilds/{client.server.guild_id}/commands", body)
    assert own.json["guild_id"] == client.server.guild_id
    assert (await client.call("GET", f"{root}/guilds/1/commands")).code == 50001
    assert (await client.call("DELETE", path)).status == 204
    assert (await client.call("GET", path)).code == 10063


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"name": "Ask"}, ("name",), "APPLICATION_COMMAND_INVALID_NAME"),
        ({"name": "x" * 33}, ("name",), "BASE_TYPE_BAD_LENGTH"),
        ({"description": ""}, ("description",), "BASE_TYPE_REQUIRED"),
        ({"type": 9}, ("type",), "BASE_TYPE_CHOICES"),
        ({"type": 3}, ("description",), "APPLICATION_COMMANDS_CONTEXT_MENU_DESCRIPTION_NOT_ALLOWED"),
        (
            {"options": [{"type": 3, "name": "a", "description": "d"}] * 2},
            ("options", "1", "name"),
            "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
        ),
        (
            {
                "options": [
                    {"type": 3, "name": "a", "description": "d"},
                    {"type": 3, "name": "b", "description": "d", "required": True},
                ]
            },
            ("options", "1"),
            "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
        ),
    ],
)
async def test_commands_have_their_rules(
    client: Client, change: dict[str, Any], path: tuple[str, ...], code: str
) -> None:
    """Names, descriptions, options in order."""
    body = {"name": "ask", "description": "Ask", **change}
    answer = await client.call("POST", f"/applications/{client.server.application_id}/commands", body)
    assert wrong(answer, *path) == code


async def test_too_many_commands_are_refused(client: Client) -> None:
    """15 message commands, not 16."""
    path = f"/applications/{client.server.application_id}/commands"
    menus = [{"name": f"Menu {index}", "type": 3} for index in range(16)]
    assert (await client.call("PUT", path, menus)).code == 30032
    assert len((await client.call("PUT", path, menus[:15])).json) == 15


async def test_people_say_only_what_the_client_lets_them(client: Client) -> None:
    """No empty or overlong message, no foreign edit; unknown names get a sentence."""
    server = client.server
    with pytest.raises(ValueError, match="at most 2000"):
        await server.say("Ada", "general", "x" * 2001)
    with pytest.raises(ValueError, match="no empty message"):
        await server.say("Ada", "general", "  ")
    with pytest.raises(LookupError, match="nobody is called 'Bob'"):
        await server.say("Bob", "general", "hi")
    with pytest.raises(LookupError, match="no channel is called 'none'"):
        await server.say("Ada", "none", "hi")
    with pytest.raises(LookupError, match="no permission is called 'fly'"):
        await server.revoke("general", "fly")
    with pytest.raises(LookupError, match="no limit is called 'x'"):
        server.buckets.hide("x", rate=1, burst=1)
    said = await server.say("Ada", "general", "mine")
    with pytest.raises(PermissionError, match="only own messages"):
        await server.change("Grace", "general", said, "yours")
    with pytest.raises(LookupError, match="there are none"):
        await server.press("Ada", "general", said, "stop")


async def test_a_select_sends_its_values(client: Client) -> None:
    """Chosen by custom_id; the interaction carries the values."""
    server = client.server
    options = [{"label": "Opus", "value": "o"}, {"label": "Sonnet", "value": "s"}]
    select = {"type": 3, "custom_id": "model", "placeholder": "Model", "options": options}
    made = await client.post("pick", components=[{"type": 1, "components": [select]}])
    control = server.messages("general")[0]["controls"][0]
    assert (control["style"], [one["label"] for one in control["options"]]) == ("select", ["Opus", "Sonnet"])
    await server.select("Ada", "general", made.json["id"], "model", "s")
    assert server._record.entries("interaction", what="sent")[0]["type"] == 3


async def test_an_avatar_can_be_had(client: Client) -> None:
    """A picture for everybody, so that pages show no broken one."""
    async with client.session.get(f"{client.server.cdn_url}/embed/avatars/0.png") as answer:
        assert answer.content_type == "image/png"
        assert (await answer.read()).startswith(b"\x89PNG")


async def test_a_file_behind_a_command_stands_at_its_link(client: Client) -> None:
    """It belongs to no message, and the command takes no more of them than it has options for."""
    server = client.server
    command = {
        "name": "ask",
        "description": "Ask",
        "options": [
            {"type": 3, "name": "question", "description": "What?", "required": True},
            {"type": 11, "name": "file", "description": "Which?"},
        ],
    }
    path = f"/applications/{server.application_id}/commands"
    assert (await client.call("POST", path, command)).status == 201
    await server.command("Ada", "general", "ask", "why?", files=[("a.txt", "text/plain", b"hello")])
    [held] = server.state.loose.values()
    async with client.session.get(server.bodies.file_url(client.general, held)) as answer:
        assert (answer.status, await answer.read()) == (200, b"hello")
    with pytest.raises(ValueError, match="takes 1 files"):
        await server.command("Ada", "general", "ask", "why?", files=[("a", "", b""), ("b", "", b"")])


async def test_a_role_is_its_members_and_allows_them_what_it_says(client: Client) -> None:
    """Grace moderates by a role, so that whoever adds up roles comes to the same."""
    guild = f"/guilds/{client.server.guild_id}"
    roles = {one["name"]: one for one in (await client.call("GET", f"{guild}/roles")).json}
    grace = client.server.state.person("Grace")
    member = (await client.call("GET", f"{guild}/members/{grace.id}")).json
    assert member["roles"] == [roles["moderators"]["id"]]
    everyone = EVERYBODY | int(roles["moderators"]["permissions"])
    assert everyone == grace.permissions


async def test_another_bot_says_what_a_person_can(client: Client) -> None:
    """And is told from a person."""
    bot = await client.server.invite_bot("Echo")
    message = await client.server.say(bot, "general", "beep")
    body = (await client.call("GET", f"/channels/{client.general}/messages/{message}")).json
    assert (body["author"]["bot"], body["author"]["username"]) == (True, "echo")
