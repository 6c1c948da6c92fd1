"""deploy/discord.md asks of Discord what the bot uses: held against the calls that a sandbox saw it make."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.ports import Deleted, Denied, File, Incoming, Outcome, Person, Ref, Sent, Wanted
from sandbox.discord.state import PERMISSIONS
from tests.adapters.discord_stage import Stage, content, staged

PAGE = (Path(__file__).parents[2] / "deploy" / "discord.md").read_text()

# What Discord asks of the caller (docs: resources/channel, resources/message, topics/threads; app commands).
IN_CHANNELS = {
    "POST /channels/{c}/messages": {
        "view_channel",
        "send_messages",
        "read_message_history",
    },  # with its arrow
    "PATCH /channels/{c}/messages/{m}": {"view_channel"},
    "GET /channels/{c}/messages": {"view_channel", "read_message_history"},
    "GET /channels/{c}/messages/{m}": {"view_channel", "read_message_history"},
    "DELETE /channels/{c}/messages/{m}": {"view_channel"},
    "POST /channels/{c}/messages/{m}/threads": {"view_channel", "create_public_threads"},
    "POST /channels/{c}/typing": {"view_channel", "send_messages"},
}
WITH_A_FILE = {"attach_files"}
IN_THREADS = {"send_messages_in_threads"}
WITHOUT_PERMISSION = {
    "GET /users/@me",
    "GET /users/{u}",
    "GET /guilds/{g}/members/{u}",
    "GET /oauth2/applications/@me",
    "GET /gateway/bot",
    "GET /applications/{a}/commands",
    "PUT /applications/{a}/commands",
    "POST /interactions/{i}/{t}/callback",
    "PATCH /webhooks/{a}/{t}/messages/@original",
    "DELETE /webhooks/{a}/{t}/messages/@original",
    "POST /webhooks/{a}/{t}",
}


def link() -> dict[str, str]:
    """The invitation's parameters."""
    [address] = re.findall(r"^https://discord\.com/oauth2/authorize\S+$", PAGE, re.MULTILINE)
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def bits(heading: str) -> int:
    """The bits in the table under a heading, together."""
    section = PAGE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return sum(1 << int(bit) for bit in re.findall(r"\| `1 << (\d+)` \|", section))


def names(permissions: int) -> set[str]:
    return {name for name, bit in PERMISSIONS.items() if permissions & bit}


async def live(stage: Stage) -> list[Outcome]:
    """Everything that the bot does in a server, once; what it met."""
    place = (await stage.ask()).place
    question = place.reply_to
    await stage.platform.status(place, "thinking")
    met: list[Outcome] = [await stage.platform.post(place, content("one"), key="k1")]
    if isinstance(met[0], Sent):
        met.append(await stage.platform.edit(place, met[0].ref, content("one two")))
        stage.server.gateway.lose("MESSAGE_CREATE")
        stage.server.faults.fault("POST /channels/{c}/messages", drop="after")
        lost = await stage.platform.post(place, content("lost"), key="k2")
        found = await stage.platform.find(place, "k2")
        met.append(Sent(found) if isinstance(found, Ref) else lost)

    thread = await stage.server.start_thread(stage.ada, stage.general, "a thread")
    await stage.server.say(stage.ada, thread, "and here?")
    overheard = await stage.next(Incoming)
    met.append(await stage.platform.post(overheard.place, content("one", reply="r2"), key="k3"))

    command = await stage.command()
    met.append(await stage.platform.post(command.place, content("one", reply="r3"), key="k4"))
    met.append(await stage.platform.post(command.place, content("two", reply="r3"), key="k5"))
    await stage.platform.whisper(command.place, command.person, "only you see this")

    met.append(await stage.platform.upload(place, File("answer.md", "text/markdown", b"# one"), ""))
    await stage.server.say(stage.linus, stage.general, "said before")
    await stage.server.say(stage.ada, stage.general, f"{stage.server.mention} and?", reply_to=question)
    follow_up = await stage.addressed()
    await stage.platform.history(follow_up, limit=10)
    assert follow_up.message is not None
    branch = await stage.platform.branch(follow_up.place, follow_up.message, "a thread")
    if branch is None:
        met.append(Denied("no thread"))
    else:
        posted = await stage.platform.post(branch, content("one", reply="r4"), key="k6")
        met.append(posted)
        if isinstance(posted, Sent):
            met.append(await stage.platform.delete(branch, posted.ref))
            await stage.next(Deleted)
    await stage.platform.standing(place, Person("1180000000000000099"))

    await stage.server.menu(stage.ada, stage.general, question, "Summarize thread")
    wanted = await stage.next(Wanted)
    met.append(await stage.platform.post(wanted.place, content("one", reply="r5"), key="k7"))
    return met


async def test_what_the_link_asks_for_is_enough() -> None:
    """With exactly these permissions nothing that the bot does is refused."""
    async with staged(connect=False) as stage:
        stage.server.state.bot_permissions = int(link()["permissions"])
        await stage.connect()
        met = await live(stage)
        assert all(isinstance(outcome, Sent) for outcome in met), met
        assert [entry.fields for entry in stage.record.entries("call") if entry["status"] in (401, 403)] == []


async def test_what_the_link_asks_for_is_used() -> None:
    """Each call that was seen is known, and their needs together are the link: no permission more."""
    async with staged() as stage:
        await live(stage)
        seen = {entry["method"] for entry in stage.record.entries("call")}
    assert seen <= {*IN_CHANNELS, *WITHOUT_PERMISSION}
    assert set(IN_CHANNELS) <= seen
    used = set().union(
        IN_THREADS, WITH_A_FILE, *(IN_CHANNELS[method] for method in seen if method in IN_CHANNELS)
    )
    assert names(int(link()["permissions"])) == used


@pytest.mark.parametrize("missing", sorted(names(int(link()["permissions"])) - {"view_channel"}))
async def test_without_any_one_of_them_something_is_refused(missing: str) -> None:
    """So none can be left out. (Without View Channels the bot hears nothing at all.)"""
    async with staged(connect=False) as stage:
        stage.server.state.bot_permissions = int(link()["permissions"]) & ~PERMISSIONS[missing]
        await stage.connect()
        await live(stage)
        refused = {entry["error"] for entry in stage.record.entries("call")}
        assert refused & {"50001", "50013", "160002"}


async def test_the_intents_on_the_page_are_those_that_are_asked_for() -> None:
    """The page, the portal and the IDENTIFY agree."""
    async with staged() as stage:
        [session] = stage.server.gateway.sessions.values()
    assert session.intents == bits("Gateway intents")


def test_the_page_explains_what_the_link_asks_for() -> None:
    """Every scope and permission has its row and its reason."""
    assert link()["scope"].split() == ["bot", "applications.commands"]
    assert bits("Permissions") == int(link()["permissions"])
    assert f"## Permissions: {link()['permissions']}\n" in PAGE
    assert link()["client_id"] == "APPLICATION_ID"
