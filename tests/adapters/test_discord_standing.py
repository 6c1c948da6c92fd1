"""What people may do, from what came along with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from adapters.discord import standing
from adapters.discord.acts import ADMINISTRATOR
from adapters.discord.standing import MANAGE_GUILD, MANAGE_MESSAGES, permissions
from bot.conversation.admission import BEFORE_A_FORM
from bot.ports import Incoming, Ordered, Person, Place, Pressed, Sent, Standing
from tests.adapters.discord_stage import Stage, content, staged

MEMBER = "GET /guilds/{g}/members/{u}"


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as one:
        yield one


async def of(stage: Stage, person: str, place: Place) -> Standing:
    return await stage.platform.standing(place, Person(stage.server.state.person(person).id))


@pytest.mark.parametrize(
    ("person", "manager", "moderator"),
    [("Ada", True, True), ("Grace", False, True), ("Linus", False, False)],
    ids=["owner", "moderator", "anybody"],
)
@pytest.mark.parametrize("way", ["message", "command"])
async def test_who_writes_brings_their_standing_along(
    stage: Stage, person: str, *, manager: bool, moderator: bool, way: str
) -> None:
    """By roles in a message, worked out by Discord in a command; nobody is asked for."""
    if way == "message":
        await stage.server.say(person, stage.general, "hello")
        place = (await stage.next(Incoming)).place
    else:
        await stage.server.command(person, stage.general, "claude", "help")
        place = (await stage.next(Ordered)).place
    found = await of(stage, person, place)
    assert (found.manager, found.moderator, found.bot) == (manager, moderator, False)
    assert found.locale == "en-US"
    assert not stage.calls(MEMBER)


async def test_a_role_is_a_group(stage: Stage) -> None:
    """By which people are allowed and denied."""
    role = stage.server.state.add_role("early", members=("Linus",))
    await stage.server.say("Linus", stage.general, "hello")
    place = (await stage.next(Incoming)).place
    assert (await of(stage, "Linus", place)).groups == frozenset({role})


async def test_who_reacts_brings_their_roles_too(stage: Stage) -> None:
    """A stop by a moderator who has never said a word."""
    incoming = await stage.ask()
    ref = await stage.post(incoming.place)
    await stage.server.react("Grace", stage.general, ref.message, "🛑")
    pressed = await stage.next(Pressed)
    assert (await of(stage, "Grace", pressed.place)).moderator
    assert not stage.calls(MEMBER)


async def test_who_has_not_been_heard_of_is_asked_for_once(stage: Stage) -> None:
    """After a restart; then remembered for some minutes."""
    place = (await stage.ask()).place
    for _ in range(3):
        assert (await of(stage, "Grace", place)).moderator
    assert len(stage.calls(MEMBER)) == 1


async def test_what_was_heard_long_ago_is_asked_for_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Roles are taken away, too."""
    place = (await stage.ask()).place
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0.0)
    await of(stage, "Ada", place)
    assert len(stage.calls(MEMBER)) == 1


async def test_old_roles_are_told_in_time_while_discord_hangs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core waits for two seconds, and takes a role of which it hears nothing for none: also one that is denied."""
    role = stage.server.state.add_role("early", members=("Ada",))
    place = (await stage.ask()).place
    monkeypatch.setattr(standing, "FRESH_SECONDS", 0.0)
    stage.server.faults.fault(MEMBER, times=99, delay=20.0)
    async with asyncio.timeout(BEFORE_A_FORM):
        assert role in (await of(stage, "Ada", place)).groups


async def test_what_cannot_be_found_out_counts_as_not_given(stage: Stage) -> None:
    """Somebody who left the server; a server that does not answer."""
    place = (await stage.ask()).place
    gone = await stage.platform.standing(place, Person("123456789"))
    assert gone == Standing(locale="en-US")
    stage.server.faults.fault(MEMBER, times=99, status=403)
    assert await of(stage, "Grace", place) == Standing(locale="en-US")


async def test_another_bot_is_known_as_one(stage: Stage) -> None:
    """Bots are answered only where they are listed."""
    bot = await stage.server.invite_bot("Echo")
    await stage.server.say(bot, stage.general, f"{stage.server.mention} hello")
    incoming = await stage.next(Incoming)
    assert incoming.bot
    assert (await of(stage, "Echo", incoming.place)).bot


async def test_in_a_direct_conversation_nobody_manages_anything(stage: Stage) -> None:
    """There is no server whose settings they could be."""
    await stage.server.say(stage.ada, stage.direct, "hello")
    place = (await stage.next(Incoming)).place
    assert await of(stage, "Ada", place) == Standing()


async def test_a_commands_language_is_remembered(stage: Stage) -> None:
    """Discord tells it with interactions alone."""
    ada = stage.server.state.users[stage.ada]
    stage.server.state.users[stage.ada] = replace(ada, locale="de")
    order = await _help(stage)
    assert order.locale == "de"
    asked = await stage.ask()
    assert (await of(stage, "Ada", asked.place)).locale == "de"


async def _help(stage: Stage) -> Ordered:
    await stage.server.command(stage.ada, stage.general, "claude", "help")
    return await stage.next(Ordered)


async def test_a_button_under_an_answer_brings_it_as_well(stage: Stage) -> None:
    """Delete by a moderator."""
    incoming = await stage.ask()
    posted = await stage.platform.post(incoming.place, content("one", stop=True), key="k1")
    assert isinstance(posted, Sent)
    await stage.server.press("Grace", stage.general, posted.ref.message, "Stop")
    assert (await of(stage, "Grace", (await stage.next(Pressed)).place)).moderator
    assert not stage.calls(MEMBER)


# ------------------------------------------------------------------------------------------- the sum of roles, as a table

G, R1, R2, ME = "1", "11", "12", "100"


@pytest.mark.parametrize(
    ("roles", "overwrites", "owner", "expected"),
    [
        ({G: 0}, {}, ME, ADMINISTRATOR),
        ({G: 0, R1: ADMINISTRATOR}, {R1: (0, ADMINISTRATOR)}, "", ADMINISTRATOR),
        ({G: MANAGE_MESSAGES}, {}, "", MANAGE_MESSAGES),
        ({G: 0, R1: MANAGE_GUILD, R2: MANAGE_MESSAGES}, {}, "", MANAGE_GUILD | MANAGE_MESSAGES),
        ({G: MANAGE_MESSAGES}, {G: (0, MANAGE_MESSAGES)}, "", 0),
        ({G: 0, R1: 0}, {R1: (MANAGE_MESSAGES, 0)}, "", MANAGE_MESSAGES),
        ({G: 0, R1: 0}, {G: (0, MANAGE_MESSAGES), R1: (MANAGE_MESSAGES, 0)}, "", MANAGE_MESSAGES),
        ({G: 0, R1: 0, R2: 0}, {R1: (0, MANAGE_MESSAGES), R2: (MANAGE_MESSAGES, 0)}, "", MANAGE_MESSAGES),
        ({G: 0, R1: 0}, {R1: (MANAGE_MESSAGES, 0), ME: (0, MANAGE_MESSAGES)}, "", 0),
        ({G: 0}, {R1: (MANAGE_MESSAGES, 0), "101": (MANAGE_MESSAGES, 0)}, "", 0),
    ],
    ids=[
        "owner",
        "administrator, whatever the channel says",
        "everyone",
        "roles together",
        "denied to everyone here",
        "allowed to a role here",
        "a role before everyone",
        "among roles allowed counts",
        "the person before the roles",
        "others' overwrites",
    ],
)
def test_permissions_add_up_as_documented(
    roles: dict[str, int], overwrites: dict[str, tuple[int, int]], owner: str, expected: int
) -> None:
    """Docs: topics/permissions."""
    assert permissions(guild=G, person=ME, owner=owner, roles=roles, overwrites=overwrites) == expected
