"""The channel and the message that a path names. Law: what the bot may not see it is told so (50001), what it may see
and not do likewise (50013), and what does not exist is unknown (10003, 10008).
"""

from __future__ import annotations

from sandbox.discord.errors import Refusal
from sandbox.discord.rest import Call
from sandbox.discord.state import EPHEMERAL, Channel, Message, State, User


class Lookup:
    """Finds what a call is about, as far as the bot may know it."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def bot(self) -> User:
        return self._state.users[self._state.bot_id]

    def channel(self, call: Call, *permissions: str) -> Channel:
        """The channel of the path, if the bot may see it and holds these permissions there."""
        channel = self._state.channels.get(call.parts["c"])
        if channel is None:
            raise Refusal(10003)
        if not self._state.may(channel, "view_channel"):
            raise Refusal(50001)
        if not self._state.may(channel, *permissions):
            raise Refusal(50013)
        return channel

    def message(self, call: Call, channel: Channel) -> Message:
        found = channel.messages.get(call.parts["m"])
        # An ephemeral message exists for its webhook and its reader only.
        if found is None or found.has(EPHEMERAL):
            raise Refusal(10008)
        call.message = found.id
        return found

    def may_write(self, channel: Channel) -> None:
        """Refuse where the bot may not post."""
        needed = "send_messages_in_threads" if channel.kind == "thread" else "send_messages"
        if not self._state.may(channel, needed):
            raise Refusal(50013)
