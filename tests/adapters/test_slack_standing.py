"""What people are, as Slack says, on the sandbox's Slack: nobody is given more than that."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.slack.payloads import Identity
from adapters.slack.standing import FRESH_SECONDS, REFUSED_SECONDS, Standings
from bot.conversation.admission import BEFORE_A_FORM
from bot.ports import Incoming, Person, Place, Standing
from tests.adapters.slack_stage import ADA, GENERAL, GRACE, LINUS, ROBOT, TEAM, Workspace

HERE = Place("slack", TEAM, GENERAL)


async def standing(slack: Workspace, person: str) -> Standing:
    return await slack.platform.standing(HERE, Person(person))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Standing(locale="en-US")),
        ({"admin": True}, Standing(manager=True, moderator=True, locale="en-US")),
        ({"owner": True}, Standing(manager=True, moderator=True, locale="en-US")),
        ({"guest": True}, Standing(guest=True, locale="en-US")),
        ({"stranger": True}, Standing(outsider=True, locale="en-US")),
        ({"team": "T0OTHER"}, Standing(outsider=True, locale="en-US")),
        # An admin elsewhere is none here.
        ({"team": "T0OTHER", "admin": True}, Standing(outsider=True, locale="en-US")),
        ({"locale": "pt-BR"}, Standing(locale="pt-BR")),
        ({"bot": True}, Standing(bot=True, locale="en-US")),
    ],
)
async def test_people_are_what_slack_says(
    slack: Workspace, changes: dict[str, Any], expected: Standing
) -> None:
    """Admins and owners manage; guests and other workspaces' people are told apart."""
    slack.server.set_person("U0MARGARET", **changes)
    assert await standing(slack, "U0MARGARET") == expected


async def test_user_groups_are_told(slack: Workspace) -> None:
    """All groups and their people come in one call."""
    assert (await standing(slack, ADA)).groups == {"S0EDITORS"}
    assert (await standing(slack, LINUS)).groups == frozenset()
    slack.server.groups["S0OPS"] = ("ops", [LINUS])
    assert len(slack.calls("usergroups.list")) == 1


async def test_bots_are_bots(slack: Workspace) -> None:
    assert (await standing(slack, ROBOT)).bot
    assert (await standing(slack, "USLACKBOT")).bot
    assert (await standing(slack, "B0PAGER")).bot  # an older integration has no user that could be looked up
    assert len(slack.calls("users.info")) == 1


async def test_each_person_is_looked_up_once(slack: Workspace) -> None:
    """Also when ten ask at once."""
    found = await asyncio.gather(*(standing(slack, ADA) for _ in range(10)))
    assert len(set(found)) == 1
    assert len(slack.calls("users.info")) == 1


async def test_an_outsider_is_known_from_what_an_event_says(slack: Workspace) -> None:
    """Slack Connect names the writer's team in the event: so also while nobody can be looked up."""
    slack.server.set_person(GRACE, team="T0OTHER")
    slack.server.faults.fault("users.info", status=500)
    await slack.server.say(GRACE, GENERAL, f"{slack.server.mention} hello")
    incoming = await slack.next(Incoming)
    assert (await slack.platform.standing(incoming.place, incoming.person)).outsider


@pytest.mark.parametrize(
    "fault", [{"error": "missing_scope"}, {"status": 429}, {"status": 500}, {"status": 502, "body": "<html>"}]
)
async def test_what_cannot_be_found_out_is_not_given(
    slack: Workspace, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody manages by an error; it is said once, and not asked again at once."""
    slack.server.faults.fault("users.info", times=9, **fault)
    slack.server.faults.fault("usergroups.list", times=9, **fault)
    for _ in range(3):
        assert await standing(slack, ADA) == Standing()
    assert await standing(slack, GRACE) == Standing()
    assert [len(slack.calls(method)) for method in ("users.info", "usergroups.list")] == [2, 1]
    said = [record for record in caplog.records if record.name == "adapters.slack.standing"]
    assert len(said) == 2


# ---------------------------------------------------------------------------------------------------- over time


def nobody(_id: str, _name: str) -> None:
    """Who is not interested in names."""


async def test_what_people_are_called_is_told_along(slack: Workspace) -> None:
    """One answer of Slack's says both; it is not asked twice."""
    await standing(slack, ADA)
    assert await slack.platform.name(Person(ADA)) == "Ada"
    assert len(slack.calls("users.info")) == 1


async def test_what_people_are_is_told_along_with_their_name(slack: Workspace) -> None:
    """The first question of each person costs one look-up: ten at once had ten refused where a burst of ten is granted."""
    slack.server.set_person(GRACE, guest=True)
    assert await slack.platform.name(Person(GRACE)) == "Grace"
    assert (await standing(slack, GRACE)).guest
    assert len(slack.calls("users.info")) == 1


class Directory:
    """users.info and usergroups.list as the SDK's client has them."""

    def __init__(self) -> None:
        self.user: dict[str, Any] = {"id": "U1", "team_id": "T1"}
        self.failing = ""
        self.calls = 0
        self.takes = {"users": 0.0, "groups": 0.0}

    async def users_info(self, **_: Any) -> Any:
        self.calls += 1
        await asyncio.sleep(self.takes["users"])
        return Answer({"ok": True, "user": self.user}, self.failing)

    async def usergroups_list(self, **_: Any) -> Any:
        await asyncio.sleep(self.takes["groups"])
        return Answer({"ok": True, "usergroups": [{"id": "S1", "users": ["U1", None]}, "odd", {"id": 7}]}, "")


class Answer:
    status_code = 200

    def __init__(self, data: dict[str, Any], failing: str) -> None:
        if failing:
            raise TimeoutError
        self.data = data


@pytest.mark.looptime
async def test_a_standing_is_fresh_for_ten_minutes_and_kept_while_slack_is_away() -> None:
    """Who has just become an admin waits for that; who is one is not locked out by an incident."""
    directory = Directory()
    standings = Standings(directory, nobody)  # type: ignore[arg-type]  # two of its methods
    standings.introduce(Identity("T1", "UBOT"))
    assert not (await standings.of("U1")).manager
    directory.user["is_admin"] = True
    await asyncio.sleep(FRESH_SECONDS - 1)
    assert not (await standings.of("U1")).manager
    await asyncio.sleep(1)
    assert (await standings.of("U1")).manager
    assert (await standings.of("U1")).groups == {"S1"}
    directory.failing = "yes"
    await asyncio.sleep(FRESH_SECONDS)
    assert (await standings.of("U1")).manager
    assert directory.calls == 3
    directory.failing = ""
    directory.user["is_admin"] = False
    await asyncio.sleep(REFUSED_SECONDS)
    assert not (await standings.of("U1")).manager


@pytest.mark.looptime
async def test_what_was_known_is_told_in_time_while_slack_hangs() -> None:
    """The core waits for two seconds, and takes a guest of whom it hears nothing for none."""
    directory = Directory()
    directory.user["is_restricted"] = True
    standings = Standings(directory, nobody)  # type: ignore[arg-type]  # two of its methods
    standings.introduce(Identity("T1", "UBOT"))
    await standings.of("U1")
    directory.takes = {"users": 60.0, "groups": 60.0}
    for _ in range(3):
        await asyncio.sleep(FRESH_SECONDS)
        async with asyncio.timeout(BEFORE_A_FORM):
            found = await standings.of("U1")
        assert (found.guest, found.groups) == (True, frozenset({"S1"}))
    await standings.close()


@pytest.mark.looptime
@pytest.mark.parametrize("hangs", ["users", "groups"])
async def test_one_half_that_hangs_does_not_hide_the_other(hangs: str) -> None:
    """Of somebody who was never heard of before."""
    directory = Directory()
    directory.user["is_restricted"] = True
    directory.takes[hangs] = 60.0
    standings = Standings(directory, nobody)  # type: ignore[arg-type]  # two of its methods
    standings.introduce(Identity("T1", "UBOT"))
    async with asyncio.timeout(2.0):
        found = await standings.of("U1")
    assert (found.guest, sorted(found.groups)) == ((False, ["S1"]) if hangs == "users" else (True, []))
    await standings.close()


@pytest.mark.looptime
async def test_an_answer_that_comes_late_is_there_for_the_next_question() -> None:
    directory = Directory()
    directory.user["is_admin"] = True
    directory.takes["users"] = 3.0
    standings = Standings(directory, nobody)  # type: ignore[arg-type]  # two of its methods
    standings.introduce(Identity("T1", "UBOT"))
    assert not (await standings.of("U1")).manager
    await asyncio.sleep(2.0)
    assert (await standings.of("U1")).manager
    assert directory.calls == 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("user", "outsider"),
    [
        ({"team_id": "T1"}, False),
        ({}, False),
        ({"team_id": "E1"}, False),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E1"}}, False),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E2", "teams": ["T1"]}}, False),
        ({"team_id": "T2", "enterprise_user": {"enterprise_id": "E2", "teams": ["T2"]}}, True),
        ({"team_id": "T2"}, True),
        ({"team_id": "T1", "is_stranger": True}, True),
    ],
)
async def test_an_organisation_is_one_house(user: dict[str, Any], outsider: bool) -> None:
    """Enterprise Grid: another workspace of the same organisation is not outside."""
    directory = Directory()
    directory.user = user
    standings = Standings(directory, nobody)  # type: ignore[arg-type]  # two of its methods
    standings.introduce(Identity("T1", "UBOT", enterprise="E1"))
    assert (await standings.of("U1")).outsider is outsider
    standings.noticed("U1", "", "")
    standings.noticed("U1", "E1")
    assert (await standings.of("U1")).outsider is outsider
    standings.noticed("U1", "T9")
    assert (await standings.of("U1")).outsider
