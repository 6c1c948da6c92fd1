"""What people, channels and user groups are called, looked up once in a while. Law: nobody waits for a name longer than
he says; a name that cannot be had is "" for now.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outcomes import DEFAULT_RETRY, REFUSED, Failure
from adapters.slack.payloads import Payload, part
from adapters.slack.web import Answer, ask

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0  # people rename themselves seldom; users.info is tier 4 (100 a minute)
ABSENT_SECONDS = 300.0  # a failed look-up is not tried again before, or before its Retry-After
REMEMBERED = 10_000
PATIENCE_SECONDS = 10.0
MOST_AT_ONCE = 50
"""Look-ups that one call of `learn` may begin: half of what users.info takes in a minute."""

GROUPS = "S*"  # all user groups come in one answer (usergroups.list)


class Names:
    """Id -> name: of a person (U, W), a channel (C, G), a user group (S)."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()  # id -> name, good until
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._quiet: dict[str, float] = {}  # the first letter of the ids -> until when their method refuses
        self._tell: Callable[[str, Payload], None] = lambda _id, _user: None

    def known(self, id_: str) -> str:
        """The name if it has been looked up, however long ago; never waits."""
        return self._names.get(id_, ("", 0.0))[0]

    def share(self, tell: Callable[[str, Payload], None]) -> None:
        """`tell(id, user)` hears all that Slack says of a person whose name was looked up: the call need not be made again."""
        self._tell = tell

    def introduce(self, id_: str, name: str) -> None:
        """A name that was told in passing."""
        if id_ and name:
            self._keep(id_, name, asyncio.get_running_loop().time() + FRESH_SECONDS)

    async def get(self, id_: str) -> str:
        """The name, looked up if need be; the same id is asked for once at a time."""
        task = self._task(id_)
        if task is not None:
            # One caller's cancellation is not the others', and closing is nobody's.
            await asyncio.wait([task])
        return self.known(id_)

    async def learn(self, ids: Iterable[str], *, within: float) -> None:
        """Look up those that are not known, for so many seconds; what comes later is there for the next message."""
        unknown = [id_ for id_ in dict.fromkeys(ids) if not self.known(id_)][:MOST_AT_ONCE]
        tasks = {task for task in map(self._task, unknown) if task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=within)

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _task(self, id_: str) -> asyncio.Task[None] | None:
        """The look-up under way or begun now; None where the name is fresh, or not to be had now."""
        now = asyncio.get_running_loop().time()
        if now < max(self._names.get(id_, ("", 0.0))[1], self._quiet.get(id_[:1], 0.0)):
            return None
        asked = GROUPS if id_.startswith("S") else id_
        task = self._asking.get(asked)
        if task is None:
            work = self._groups(id_) if asked == GROUPS else self._look_up(id_)
            task = self._asking[asked] = asyncio.create_task(work, name="slack-name")
            task.add_done_callback(lambda _: self._asking.pop(asked, None))
        return task

    async def _look_up(self, id_: str) -> None:
        now = asyncio.get_running_loop().time
        if id_.startswith(("C", "G")):
            answer = await ask(self._client.conversations_info(channel=id_), within=PATIENCE_SECONDS)
            name = _text(answer.get("channel"), "name") if not isinstance(answer, Failure) else ""
        else:
            answer = await ask(
                self._client.users_info(user=id_, include_locale=True), within=PATIENCE_SECONDS
            )
            name = display_name(answer.get("user")) if not isinstance(answer, Failure) else ""
            if not isinstance(answer, Failure):
                self._tell(id_, part(answer, "user"))
        if isinstance(answer, Failure):
            self._failed(id_, answer)
        else:
            self._keep(id_, name, now() + FRESH_SECONDS)

    async def _groups(self, id_: str) -> None:
        """All at once; for one that is not among them Slack is asked again later."""
        answer = await ask(self._client.usergroups_list(), within=PATIENCE_SECONDS)
        if isinstance(answer, Failure):
            self._failed(id_, answer)
            return
        now = asyncio.get_running_loop().time()
        self._quiet[id_[:1]] = now + ABSENT_SECONDS
        for group, handle in _groups_of(answer):
            self._keep(group, handle, now + FRESH_SECONDS)

    def _failed(self, id_: str, failed: Failure) -> None:
        now = asyncio.get_running_loop().time()
        wait = ABSENT_SECONDS if failed.retry_after is None else failed.retry_after
        if failed.status == 429 or failed.code in REFUSED:
            # Slack counts by method: whoever comes next would be refused as well.
            wait = DEFAULT_RETRY if failed.retry_after is None else failed.retry_after
            self._quiet[id_[:1]] = now + wait
        elif failed.code == "missing_scope":
            self._quiet[id_[:1]] = now + FRESH_SECONDS
        log.info("a name could not be looked up", extra={"id": id_, "code": failed.code})
        self._keep(id_, self.known(id_), now + wait)

    def _keep(self, id_: str, name: str, until: float) -> None:
        self._names[id_] = (name, until)
        self._names.move_to_end(id_)
        if len(self._names) > REMEMBERED:
            self._names.popitem(last=False)


def display_name(user: object) -> str:
    """What Slack shows beside a message: the display name, else the real name, else the handle."""
    if not isinstance(user, Mapping):
        return ""
    profile = user.get("profile")
    candidates = (
        _text(profile, "display_name"),
        _text(profile, "real_name"),
        _text(user, "real_name"),
        _text(user, "name"),
    )
    return next(filter(None, candidates), "")


def _groups_of(answer: Answer) -> list[tuple[str, str]]:
    groups = answer.get("usergroups")
    return [(_text(one, "id"), _text(one, "handle")) for one in (groups if isinstance(groups, list) else ())]


def _text(payload: Any, field: str) -> str:
    value = payload.get(field) if isinstance(payload, Mapping) else None
    return value.strip() if isinstance(value, str) else ""
