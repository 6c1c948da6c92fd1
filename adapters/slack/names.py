"""Display names, looked up once in a while. Law: nobody waits for a name; a name that cannot be had is "" for now."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.outcomes import Failure
from adapters.slack.web import ask

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0  # people rename themselves seldom; users.info is tier 4 (100 a minute)
ABSENT_SECONDS = 300.0  # a failed look-up is not tried again before, or before its Retry-After
REMEMBERED = 10_000
PATIENCE_SECONDS = 10.0


class Names:
    """User id -> display name."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()  # id -> name, good until
        self._asking: dict[str, asyncio.Task[str]] = {}

    def known(self, user: str) -> str:
        """The name if it has been looked up, however long ago; never waits."""
        return self._names.get(user, ("", 0.0))[0]

    async def get(self, user: str) -> str:
        """The name, looked up if need be; the same person is asked for once at a time."""
        name, until = self._names.get(user, ("", 0.0))
        if asyncio.get_running_loop().time() < until:
            return name
        task = self._asking.get(user)
        if task is None:
            task = self._asking[user] = asyncio.create_task(self._look_up(user), name="slack-name")
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        # One caller's cancellation is not the others', and closing is nobody's.
        await asyncio.wait([task])
        return "" if task.cancelled() else task.result()

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, user: str) -> str:
        loop = asyncio.get_running_loop()
        answer = await ask(self._client.users_info(user=user), within=PATIENCE_SECONDS)
        if isinstance(answer, Failure):
            log.info("a name could not be looked up", extra={"user": user, "code": answer.code})
            self._keep(user, self.known(user), loop.time() + (answer.retry_after or ABSENT_SECONDS))
        else:
            self._keep(user, _display_name(answer.get("user")), loop.time() + FRESH_SECONDS)
        return self.known(user)

    def _keep(self, user: str, name: str, until: float) -> None:
        self._names[user] = (name, until)
        self._names.move_to_end(user)
        if len(self._names) > REMEMBERED:
            self._names.popitem(last=False)


def _display_name(user: object) -> str:
    """What Slack shows beside a message: the display name, else the real name, else the handle."""
    if not isinstance(user, Mapping):
        return ""
    profile = user.get("profile")
    profile = profile if isinstance(profile, Mapping) else {}
    candidates = (
        profile.get("display_name"),
        profile.get("real_name"),
        user.get("real_name"),
        user.get("name"),
    )
    return next((name.strip() for name in candidates if isinstance(name, str) and name.strip()), "")
