"""The answers that grow at this moment. Law: an answer is found by whatever people point at: its id, one of its messages,
the question, the place, the conversation; and is gone from here the moment it has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.ports import Incoming, Ref
from bot.reply.reply import Reply


@dataclass(frozen=True, slots=True, eq=False)
class Live:
    """A growing answer: who asked, in which conversation, and the reply itself."""

    incoming: Incoming
    conversation: int
    reply: Reply

    @property
    def id(self) -> str:
        return self.reply.subject.id


class LiveReplies:
    """All of them."""

    def __init__(self) -> None:
        self._by_id: dict[str, Live] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._by_id.values()))

    def add(self, live: Live) -> None:
        self._by_id[live.id] = live

    def remove(self, live: Live) -> None:
        self._by_id.pop(live.id, None)

    def by_id(self, reply: str) -> Live | None:
        return self._by_id.get(reply)

    def by_message(self, message: Ref) -> Live | None:
        """The one that a message of ours belongs to."""
        return next((live for live in self if message in live.reply.refs), None)

    def by_question(self, message: Ref) -> Live | None:
        """The one that answers this message."""
        return next((live for live in self if live.incoming.message == message), None)

    def in_conversation(self, conversation: int) -> Live | None:
        return next((live for live in self if live.conversation == conversation), None)

    def in_place(self, platform: str, workspace: str, channel: str, thread: str = "") -> list[Live]:
        """Those of a channel, or of one thread of it."""
        return [
            live
            for live in self
            for place in (live.reply.place,)
            if (place.platform, place.workspace, place.channel) == (platform, workspace, channel)
            and (not thread or thread in (place.thread, place.reply_to))
        ]
