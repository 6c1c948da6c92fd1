"""Which channel a call means, and whether the bot may be there. Law: the bot learns of a private channel only as a member."""

from __future__ import annotations

from sandbox.slack.arguments import Arguments, is_ts
from sandbox.slack.nouns import BOT_USER, Channel, Message
from sandbox.slack.refusals import SlackError
from sandbox.slack.workspace import Workspace


class Places:
    """Channels and messages as the bot may see them."""

    def __init__(self, workspace: Workspace, scopes: set[str]) -> None:
        self.workspace = workspace
        self._scopes = scopes

    def resolve(self, name: str) -> str:
        """A channel's id from what chat.postMessage takes: an id, "#general", "general", or a person's id (their DM)."""
        person = self.workspace.people.get(name)
        if person is not None and not person.bot:
            return self.workspace.direct(person.id).id
        if name in self.workspace.channels or not name:
            return name
        bare = name.removeprefix("#")
        return next((c.id for c in self.workspace.channels.values() if c.name and c.name == bare), name)

    def known(self, said: Arguments, name: str = "channel", *, by_name: bool = False) -> Channel:
        """A channel that the bot knows of. Raises channel_not_found."""
        given = said.text(name)
        channel = self.workspace.channels.get(self.resolve(given) if by_name else given)
        if channel is None or (channel.kind != "channel" and BOT_USER not in channel.members):
            raise SlackError("channel_not_found")
        return channel

    def writable(self, said: Arguments, *, by_name: bool = False) -> Channel:
        """A channel that the bot may post to. Raises channel_not_found, not_in_channel, is_archived."""
        channel = self.known(said, by_name=by_name)
        if channel.archived:
            raise SlackError("is_archived")
        if BOT_USER not in channel.members and "chat:write.public" not in self._scopes:
            raise SlackError("not_in_channel")
        return channel

    def readable(self, said: Arguments) -> Channel:
        """A channel whose messages the bot may read. Raises channel_not_found, not_in_channel, missing_scope."""
        channel = self.known(said)
        if BOT_USER not in channel.members:
            raise SlackError("not_in_channel")
        scope = {"channel": "channels", "private": "groups", "im": "im"}[channel.kind] + ":history"
        if scope not in self._scopes:
            raise SlackError("missing_scope", needed=scope, provided=",".join(sorted(self._scopes)))
        return channel

    def message(self, channel: Channel, ts: str) -> Message:
        """Raises message_not_found, also for what was deleted and for ephemeral messages."""
        message = channel.messages.get(ts)
        if message is None or message.subtype == "tombstone":
            raise SlackError("message_not_found")
        return message

    def thread(self, channel: Channel, said: Arguments) -> str:
        """The root's ts of `thread_ts`, "" where none is given. A reply's ts stands for its root.

        Raises invalid_thread_ts for what is no ts, thread_not_found for a message that is not there (undocumented
        for chat.postMessage; guessed).
        """
        given = said.text("thread_ts")
        if not given:
            return ""
        if not is_ts(given):
            raise SlackError("invalid_thread_ts")
        root = channel.messages.get(given)
        if root is None:
            raise SlackError("thread_not_found")
        return root.thread or root.ts
