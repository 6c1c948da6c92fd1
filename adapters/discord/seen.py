"""What the Gateway has told us in passing, so that nobody need be asked. Law: bounded, and lost without harm at a restart."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Generic, TypeVar

import discord

from bot.ports import Ref

K = TypeVar("K")
V = TypeVar("V")

KEPT: Final = 10_000
"""Entries of each kind: some days of a busy server, at most a few MiB."""


class Recent(Generic[K, V]):
    """A mapping that forgets its oldest entries."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        return self._entries.get(key)

    def put(self, key: K, value: V) -> None:
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._kept:
            self._entries.popitem(last=False)

    def drop(self, key: K) -> None:
        self._entries.pop(key, None)


class Seen:
    """Names, our own messages, and events already handed on."""

    def __init__(self) -> None:
        self.client: discord.Client | None = None
        self._names: Recent[str, str] = Recent()
        self.me = ""
        self._ours: Recent[str, str] = Recent()
        self._nonces: Recent[str, Ref] = Recent()
        self._events: Recent[str, None] = Recent()
        self._last: Recent[str, str] = Recent()
        self._questions: Recent[str, None] = Recent()
        self._prints: Recent[str, tuple[str, str]] = Recent()
        self._pages: Recent[str, str] = Recent()  # question -> the newest page of its answer
        self._anew: Recent[str, None] = Recent()  # channels where the answer that comes next is there already

    def first(self, key: str) -> bool:
        """False for an event that was seen before: a RESUME replays what it is not sure of."""
        if key in self._events:
            return False
        self._events.put(key, None)
        return True

    def forget(self, key: str) -> None:
        """What happened may happen again: a reaction that was taken off."""
        self._events.drop(key)

    def asked(self, message: str) -> None:
        """A person's message that we may answer."""
        self._questions.put(message, None)

    def is_question(self, message: str) -> bool:
        return message in self._questions

    def answered(self, question: str, page: str) -> None:
        """A page of this message's answer exists."""
        self._pages.put(question, page)

    def page_of(self, question: str) -> str:
        """The newest page of a message's answer; "" where there is none that we know of."""
        return self._pages.get(question) or ""

    def goes_on(self, channel: str, *, anew: bool) -> None:
        """What somebody has just done here is answered in a new message, or (`anew`) in those of an older answer."""
        if anew:
            self._anew.put(channel, None)
        else:
            self._anew.drop(channel)

    def is_anew(self, channel: str) -> bool:
        return channel in self._anew

    def printed(self, message: str, print_: tuple[str, str]) -> None:
        """What a message says now, as a fingerprint (see `inbound.print_of`)."""
        self._prints.put(message, print_)

    def print_of(self, message: str) -> tuple[str, str] | None:
        return self._prints.get(message)

    def made(self, ref: Ref, nonce: str = "") -> None:
        """One of our messages exists."""
        self.said(ref.channel, ref.message)
        self._ours.put(ref.message, nonce or self._ours.get(ref.message) or "")
        if nonce:
            self._nonces.put(nonce, ref)

    def said(self, channel: str, message: str) -> None:
        """Somebody has written in this channel."""
        known = self._last.get(channel) or "0"
        # Snowflakes are in order of time; an answer and its event may come in any.
        if not (known.isdigit() and message.isdigit()) or int(message) > int(known):
            self._last.put(channel, message)

    def last_in(self, channel: str) -> str:
        """The newest message that we know of in this channel."""
        return self._last.get(channel) or ""

    def key_of(self, ref: Ref) -> str:
        """The key that one of our messages was posted with; "" where it is not known."""
        return self._ours.get(ref.message) or ""

    def by_nonce(self, nonce: str) -> Ref | None:
        return self._nonces.get(nonce)

    def is_ours(self, message: str) -> bool:
        return message in self._ours

    def named(self, person: str, name: str) -> None:
        if name:
            self._names.put(person, name)

    def person_name(self, person: str) -> str:
        return self._names.get(person) or ""

    def is_thread(self, channel: str) -> bool:
        return isinstance(self._channel(channel), discord.Thread)

    def channel_name(self, channel: str) -> str:
        return str(getattr(self._channel(channel), "name", None) or "")

    def parent_of(self, thread: str) -> str:
        """The channel that a thread is in; "" where it is not known."""
        return str(getattr(self._channel(thread), "parent_id", None) or "")

    def role_name(self, guild: str, role: str) -> str:
        if self.client is None or not guild.isdigit() or not role.isdigit():
            return ""
        known = self.client.get_guild(int(guild))
        found = known.get_role(int(role)) if known is not None else None
        # "@everyone" is a role whose name begins with the sign.
        return found.name.removeprefix("@") if found is not None else ""

    def _channel(self, channel: str) -> object:
        return (
            self.client.get_channel(int(channel)) if self.client is not None and channel.isdigit() else None
        )
