"""A thread of its own for an answer. Law: a thread is an offer; where it cannot be had, the answer stays where it is.

A thread is a channel with post and edit budgets of its own, so a question in a busy channel is better answered there. It
is named once: renaming is limited to two in ten minutes (reference, channel PATCH).
"""

from __future__ import annotations

import logging
from typing import Final

from adapters.discord import budgets
from adapters.discord.calls import Call, Calls
from adapters.discord.seen import Seen
from bot.ports import Place, Ref

_log = logging.getLogger(__name__)

NAME: Final = 100
"""Documented: a thread's name has 1 to 100 characters."""

ALREADY: Final = 160004
"""A thread was made for this message before; its id is the message's (docs: start thread from message)."""

BRANCH_SECONDS: Final = 5.0


class Threads:
    def __init__(self, calls: Calls, seen: Seen) -> None:
        self._calls = calls
        self._seen = seen

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        """The thread under the message. None in direct conversations, within threads, and where Discord refuses."""
        if place.private or not place.workspace or self._seen.is_thread(message.channel):
            return None
        path = f"/channels/{message.channel}/messages/{message.message}/threads"
        call = Call("POST", path, budgets.BRANCH, message.channel)
        answer = await self._calls.patiently(call, {"name": _name(name)}, within=BRANCH_SECONDS)
        made = ""
        if answer is not None and answer.ok and isinstance(answer.body, dict):
            made = str(answer.body.get("id") or "")
        elif answer is not None and answer.code == ALREADY:
            made = message.message
        if not made:
            _log.info("no thread was opened: %s", answer.label if answer is not None else "refused")
            return None
        return Place(place.platform, place.workspace, made, route=place.route, parent=message.channel)


def _name(name: str) -> str:
    line = " ".join(name.split())
    return (line if len(line) <= NAME else line[: NAME - 1].rstrip() + "…") or "Claude"
