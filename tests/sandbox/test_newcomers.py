"""People, bots and channels that are added to a sandbox: clients meet them as they meet those who were always there."""

from __future__ import annotations

import pytest

from sandbox.discord.state import PERMISSIONS
from sandbox.slack.refusals import MisusedError
from sandbox.world import World


async def test_somebody_new_on_slack_is_what_they_were_said_to_be() -> None:
    world = World()
    guest = world.slack.join("Visitor", guest=True)
    outsider = world.slack.join("Elsewhere", stranger=True, team="T0ELSEWHERE")
    robot = world.slack.join("Robot2", bot=True)
    roles = {one["id"]: (one["role"], one["bot"]) for one in world.slack.people()}
    assert roles[guest] == ("guest", False)
    assert roles[outsider] == ("outsider", False)
    assert roles[robot] == ("", True)
    with pytest.raises(MisusedError):
        world.slack.join("Visitor")


async def test_a_new_channel_on_slack_has_its_people_and_the_bot_in_it() -> None:
    world = World()
    person = world.slack.join("Visitor")
    channel = await world.slack.create_channel("visits", members=(person,))
    [made] = [one for one in world.slack.channels() if one["id"] == channel]
    assert made["members"] == sorted((person, world.slack.bot_id))
    assert made["member"]
    await world.slack.say(person, channel, "Hello.")
    with pytest.raises(MisusedError):
        await world.slack.say("U0ADA", channel, "I am not in here.")
    with pytest.raises(MisusedError):
        await world.slack.create_channel("visits")
    with pytest.raises(MisusedError):
        await world.slack.create_channel("others", members=("U0NOBODY",))


async def test_somebody_new_on_discord_may_do_what_they_were_given() -> None:
    world = World()
    plain, manager = world.discord.join("Visitor"), world.discord.join("Keeper", "manage_guild")
    robot = world.discord.join("Robot2", bot=True)
    roles = {one["id"]: (one["role"], one["bot"]) for one in world.discord.people()}
    assert roles[plain] == ("", False)
    assert roles[manager] == ("manager", False)
    assert roles[robot] == ("", True)
    state = world.discord.state
    assert state.users[manager].permissions & PERMISSIONS["manage_guild"]
    [role] = state.roles_of(manager)
    assert state.role_permissions[role] == PERMISSIONS["manage_guild"], "by a role, as everything on Discord"
    assert state.roles_of(plain) == []
    assert [
        one["person"] for one in world.discord.channels() if one["id"] == world.discord.direct(plain)
    ] == [plain]


async def test_an_outsiders_press_names_the_workspace_that_they_are_of() -> None:
    """Slack Connect: what somebody of another company does carries their own team beside ours."""
    world = World()
    outsider = world.slack.join("Elsewhere", stranger=True, team="T0ELSEWHERE")
    who = world.slack._verbs._who(outsider)
    assert who["user"]["team_id"] == "T0ELSEWHERE"
    assert who["team"]["id"] == world.slack.team_id
