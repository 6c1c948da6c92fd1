"""What people are in the workspace. Law: nobody is given more than Slack says now; what cannot be found out is not given,
and one question is asked once at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.names import display_name
from adapters.slack.outcomes import DEFAULT_RETRY, Failure
from adapters.slack.payloads import SLACKBOT, Identity, Payload, part, text
from adapters.slack.web import ask
from bot.ports import Option, Standing

log = logging.getLogger(__name__)

V = TypeVar("V")

FRESH_SECONDS = (
    600.0  # somebody who is made an admin waits for ten minutes at most; so does who no longer is one
)
ABSENT_SECONDS = 30.0  # after a failure that did not say how long
REFUSED_SECONDS = 3_600.0  # a missing scope: somebody has to install the app again
REMEMBERED = 10_000
PATIENCE_SECONDS = 5.0
# What the core waits for is 2 s, and whatever is not told by then counts as not given: a guest would be none, and one of a
# denied group in no group. So what was known before is told in time, and what comes later is there for the next question.
WAIT_SECONDS = 1.8
KNOWN_WAIT_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class UserGroup:
    id: str
    handle: str
    people: frozenset[str]


class Standings:
    """`introduce(id, name)` is told what people and groups are called: Slack says it in the same answers."""

    def __init__(self, client: AsyncWebClient, introduce: Callable[[str, str], None]) -> None:
        self._client = client
        self._introduce = introduce
        self._me = Identity("", "")
        self._known: OrderedDict[str, tuple[Standing | None, float]] = (
            OrderedDict()
        )  # user -> what, good until
        self._foreign: OrderedDict[str, None] = (
            OrderedDict()
        )  # users whom an event called another workspace's
        self._groups: tuple[UserGroup, ...] | None = None
        self._groups_until = 0.0
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._complained: set[str] = set()

    def introduce(self, me: Identity) -> None:
        """Who we are; to be said before anybody is asked about."""
        self._me = me

    async def of(self, user: str) -> Standing:
        """Remembered for ten minutes; while Slack does not answer, or not soon, what it said before."""
        if user == SLACKBOT or user.startswith("B"):  # an integration that has no user, only a bot id
            return Standing(bot=True)
        before = self._known.get(user, (None, 0.0))[0]
        asked = {
            task: told
            for task, told in (
                (self._task(user), before is not None),
                (self._task(""), self._groups is not None),
            )
            if task is not None
        }
        if asked:
            # One caller's cancellation is not the others', and closing is nobody's.
            await asyncio.wait(asked, timeout=KNOWN_WAIT_SECONDS if all(asked.values()) else WAIT_SECONDS)
        standing = self._known.get(user, (None, 0.0))[0] or Standing()
        groups = frozenset(group.id for group in self._groups or () if user in group.people)
        return replace(standing, outsider=standing.outsider or user in self._foreign, groups=groups)

    async def offered(self, *, within: float) -> list[Option]:
        """The workspace's user groups, to choose from; what is known of them after so many seconds."""
        if (task := self._task("")) is not None:
            await asyncio.wait([task], timeout=within)
        return [Option(group.id, f"@{group.handle or group.id}") for group in self._groups or ()]

    def noticed(self, user: str, *teams: str) -> None:
        """The teams that an event names as somebody's own. Slack Connect: another one's than ours."""
        named = {team for team in teams if team}
        if user and named and not named & {self._me.team, self._me.enterprise}:
            _keep(self._foreign, user, None)

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, user: str) -> asyncio.Task[None] | None:
        """The look-up of the person, or ("") of the user groups; None where what is known is fresh."""
        until = self._known.get(user, (None, 0.0))[1] if user else self._groups_until
        if asyncio.get_running_loop().time() < until:
            return None
        task = self._asking.get(user)
        if task is None:
            work = self._look_up(user) if user else self._list()
            task = self._asking[user] = asyncio.create_task(work, name="slack-standing")
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        return task

    async def _look_up(self, user: str) -> None:
        answer = await ask(self._client.users_info(user=user, include_locale=True), within=PATIENCE_SECONDS)
        if isinstance(answer, Failure):
            before = self._known.get(user, (None, 0.0))[0]
            _keep(self._known, user, (before, self._later(answer, "users.info")))
            return
        self._introduce(user, display_name(answer.get("user")))
        self.learned(user, part(answer, "user"))

    def learned(self, user: str, told: Payload) -> None:
        """What Slack has just said of somebody, whoever asked it."""
        _keep(self._known, user, (self._read(told), asyncio.get_running_loop().time() + FRESH_SECONDS))

    def _read(self, user: Payload) -> Standing:
        manager = any(user.get(flag) is True for flag in ("is_admin", "is_owner", "is_primary_owner"))
        outsider = user.get("is_stranger") is True or not self._at_home(user)
        return Standing(
            # An admin elsewhere is none here.
            manager=manager and not outsider,
            moderator=manager and not outsider,
            guest=user.get("is_restricted") is True or user.get("is_ultra_restricted") is True,
            outsider=outsider,
            bot=user.get("is_bot") is True or user.get("is_workflow_bot") is True,
            locale=text(user, "locale"),
        )

    def _at_home(self, user: Payload) -> bool:
        """Of our workspace, or of another one in the same organisation (Enterprise Grid)."""
        team, grid = text(user, "team_id"), part(user, "enterprise_user")
        if not team or team in (self._me.team, self._me.enterprise):
            return True
        teams = grid.get("teams")
        same = bool(self._me.enterprise) and text(grid, "enterprise_id") == self._me.enterprise
        return same or (isinstance(teams, list) and self._me.team in teams)

    async def _list(self) -> None:
        """All groups and their people come in one answer."""
        answer = await ask(self._client.usergroups_list(include_users=True), within=PATIENCE_SECONDS)
        if isinstance(answer, Failure):
            self._groups_until = self._later(answer, "usergroups.list")
            return
        listed = answer.get("usergroups")
        self._groups = tuple(
            UserGroup(text(one, "id"), text(one, "handle"), _ids(one.get("users")))
            for one in (listed if isinstance(listed, list) else ())
            if isinstance(one, Mapping) and text(one, "id")
        )
        for group in self._groups:
            self._introduce(group.id, group.handle)
        self._groups_until = asyncio.get_running_loop().time() + FRESH_SECONDS

    def _later(self, failed: Failure, method: str) -> float:
        """When to ask again."""
        wait = ABSENT_SECONDS if failed.retry_after is None else failed.retry_after
        if failed.status == 429 and failed.retry_after is None:
            wait = DEFAULT_RETRY
        elif failed.code == "missing_scope":
            wait = REFUSED_SECONDS
        if f"{method} {failed.code}" not in self._complained:
            self._complained.add(f"{method} {failed.code}")
            log.warning("what people are could not be asked", extra={"method": method, "code": failed.code})
        return asyncio.get_running_loop().time() + wait


def _ids(value: object) -> frozenset[str]:
    return frozenset(id_ for id_ in (value if isinstance(value, list) else ()) if isinstance(id_, str))


def _keep(table: OrderedDict[str, V], key: str, value: V) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > REMEMBERED:
        table.popitem(last=False)
