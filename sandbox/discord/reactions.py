"""REST: reactions. Law: an emoji that is none is refused (10014) before anybody's permissions are.

Docs: resources/message (Create Reaction and what follows it).
"""

from __future__ import annotations

import re

from sandbox.discord import payloads
from sandbox.discord.buckets import REACTIONS, READ
from sandbox.discord.errors import Refusal
from sandbox.discord.lookup import Lookup
from sandbox.discord.posts import Posts
from sandbox.discord.rest import Answer, Call, Route
from sandbox.discord.state import State

EMOJI = re.compile(r"[^\w\s:/]|[0-9#*]\ufe0f?\u20e3|\w{2,32}:\d{1,20}", re.UNICODE)


class Reactions:
    """The handlers of .../reactions."""

    def __init__(self, state: State, posts: Posts) -> None:
        self._state, self._posts, self._find = state, posts, Lookup(state)

    def routes(self) -> list[Route]:
        message = "/channels/{c}/messages/{m}"
        emoji = message + "/reactions/{e}"
        return [
            Route("PUT", emoji + "/@me", self.react, REACTIONS),
            Route("DELETE", emoji + "/@me", self.unreact, REACTIONS),
            Route("DELETE", emoji + "/{u}", self.unreact, REACTIONS),
            Route("GET", emoji, self.reactions, READ),
            Route("DELETE", emoji, self.clear_reactions, REACTIONS),
            Route("DELETE", message + "/reactions", self.clear_reactions, REACTIONS),
        ]

    def _emoji(self, call: Call) -> str:
        name = call.parts["e"]
        if not EMOJI.search(name) or len(name) > 64:
            raise Refusal(10014)
        return name

    async def react(self, call: Call) -> Answer:
        channel = self._find.channel(call, "read_message_history")
        message, emoji = self._find.message(call, channel), self._emoji(call)
        if emoji not in message.reactions and not self._state.may(channel, "add_reactions"):
            raise Refusal(50013)
        if channel.archived:
            raise Refusal(50083)
        self._posts.react(message, self._find.bot, emoji)
        return 204, None

    async def unreact(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        message, emoji = self._find.message(call, channel), self._emoji(call)
        who = self._state.users.get(call.parts.get("u", self._state.bot_id))
        if who is None:
            raise Refusal(10013)
        if who.id != self._state.bot_id and not self._state.may(channel, "manage_messages"):
            raise Refusal(50013)
        self._posts.unreact(message, who, emoji)
        return 204, None

    async def reactions(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        message, emoji = self._find.message(call, channel), self._emoji(call)
        return 200, [payloads.user(self._state.users[one]) for one in message.reactions.get(emoji, [])]

    async def clear_reactions(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        if channel.kind == "dm":
            raise Refusal(50003)
        if not self._state.may(channel, "manage_messages"):
            raise Refusal(50013)
        message = self._find.message(call, channel)
        self._posts.clear_reactions(message, self._emoji(call) if "e" in call.parts else "")
        return 204, None
