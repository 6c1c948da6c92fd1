"""Messages as they come, change and go. Law: whatever changes is told to the Gateway and to the record in one step.

Both the bot's calls and the people's verbs end here, so that nothing can be seen by one and not by the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

from sandbox.clock import Clock
from sandbox.discord import payloads
from sandbox.discord.components import controls_of, text_of
from sandbox.discord.gateway import Gateway
from sandbox.discord.messages import Allowed, Draft, flags_after_edit, ping, pings
from sandbox.discord.state import (
    EPHEMERAL,
    HAS_THREAD,
    LOADING,
    Attachment,
    Channel,
    Json,
    Message,
    State,
    User,
    iso,
)
from sandbox.record import Record


class Posts:
    """Applies what has been judged; nothing is refused here."""

    def __init__(
        self, clock: Clock, state: State, messages: payloads.Messages, gateway: Gateway, record: Record
    ) -> None:
        self._clock, self._state, self._messages = clock, state, messages
        self._gateway, self._record = gateway, record
        self._typing: dict[tuple[str, str], asyncio.Task[None]] = {}
        clock.declare("discord.typing", 10.0)

    def close(self) -> None:
        for timer in self._typing.values():
            timer.cancel()

    # ------------------------------------------------------------------ messages

    def blank(self, channel: Channel, author: User, *, type_: int = 0, flags: int = 0) -> Message:
        return Message(
            self._state.snowflake(),
            channel.id,
            author.id,
            "",
            self._clock.now(),
            iso(),
            type=type_,
            flags=flags,
        )

    def fill(
        self, message: Message, draft: Draft, *, replied_to: Message | None = None, may_everyone: bool = True
    ) -> None:
        """Put a new message's draft into it."""
        message.content = draft.content or ""
        message.embeds = draft.embeds or []
        message.components = draft.components or []
        message.nonce = draft.nonce
        message.attachments = self.files(draft)
        ping(self._state, message, draft.allowed, replied_to=replied_to, may_everyone=may_everyone)

    def files(self, draft: Draft) -> list[Attachment]:
        return [
            Attachment(
                self._state.snowflake(),
                file.filename,
                file.content_type,
                file.data,
                self._clock.now(),
                draft.descriptions.get(file.index, ""),
            )
            for file in draft.files
        ]

    def post(self, message: Message) -> None:
        """A new message appears."""
        channel = self._state.channels[message.channel]
        if channel.kind == "thread":
            channel.archived = False
            channel.members.add(message.author)
        channel.messages[message.id] = message
        self.stop_typing(channel, message.author)
        self._shown(message, "post")
        if not message.has(EPHEMERAL):
            body = self._messages.body(message, event=True)
            self._gateway.dispatch("MESSAGE_CREATE", body, channel=channel, ident=message.id)

    def edit(self, message: Message, draft: Draft, *, may_everyone: bool = True) -> None:
        """The author changes a message. Filling a loading message is not an edit that viewers are told of."""
        changes = any(one is not None for one in (draft.content, draft.embeds, draft.components, draft.keep))
        filling = message.has(LOADING)
        if draft.content is not None:
            message.content = draft.content
        if draft.embeds is not None:
            message.embeds = draft.embeds
        if draft.components is not None:
            message.components = draft.components
        if draft.keep is not None:
            message.attachments = [file for file in message.attachments if file.id in draft.keep]
        message.attachments = [*message.attachments, *self.files(draft)]
        message.flags = flags_after_edit(message.flags & ~LOADING, draft.flags)
        if draft.content is not None or draft.components is not None:
            target = message.reference and self._state.channels[message.channel].messages.get(
                message.reference["message_id"]
            )
            ping(self._state, message, draft.allowed, replied_to=target or None, may_everyone=may_everyone)
        if (changes or draft.files) and not filling:
            message.edited = iso()
        self.changed(message)

    def changed(self, message: Message, *, seen: bool = True) -> None:
        """A message looks different now. `seen` False: only something that viewers do not see changed."""
        channel = self._state.channels[message.channel]
        if seen:
            self._shown(message, "edit")
        if not message.has(EPHEMERAL):
            body = self._messages.body(message, event=True)
            self._gateway.dispatch("MESSAGE_UPDATE", body, channel=channel, ident=message.id)

    def remove(self, message: Message) -> None:
        channel = self._state.channels[message.channel]
        del channel.messages[message.id]
        self._record.add("removed", "discord", channel=channel.id, message=message.id)
        if not message.has(EPHEMERAL):
            body: Json = {"id": message.id, "channel_id": channel.id, **self._guild(channel)}
            self._gateway.dispatch("MESSAGE_DELETE", body, channel=channel, ident=message.id)

    def remove_many(self, channel: Channel, messages: Iterable[Message]) -> None:
        ids = [message.id for message in messages]
        for ident in ids:
            del channel.messages[ident]
            self._record.add("removed", "discord", channel=channel.id, message=ident)
        body: Json = {"ids": ids, "channel_id": channel.id, **self._guild(channel)}
        self._gateway.dispatch("MESSAGE_DELETE_BULK", body, channel=channel, ident=ids[0] if ids else "")

    def _shown(self, message: Message, verb: str) -> None:
        self._record.add(
            "shown",
            "discord",
            channel=message.channel,
            message=message.id,
            author=message.author,
            text=visible(message),
            thread="",
            verb=verb,
            controls=[control["label"] for control in controls_of(message.components)],
            ephemeral=message.has(EPHEMERAL),
            ephemeral_for=message.ephemeral_for,
            loading=message.has(LOADING),
            pings=pings(message),
            reply_to=message.reference["message_id"] if message.reference else "",
            files=[file.filename for file in message.attachments],
        )

    def _guild(self, channel: Channel) -> Json:
        return {} if channel.kind == "dm" else {"guild_id": self._state.guild_id}

    # ------------------------------------------------------------------ reactions, typing

    def react(self, message: Message, user: User, emoji: str) -> None:
        who = message.reactions.setdefault(emoji, [])
        if user.id in who:
            return
        who.append(user.id)
        channel = self._state.channels[message.channel]
        body: Json = {
            **self._reaction(message, channel, emoji),
            "user_id": user.id,
            "message_author_id": message.author,
            "burst": False,
            "type": 0,
        }
        if channel.kind != "dm":
            body["member"] = payloads.member(self._state, user, with_user=True)
        self._record.add(
            "reaction", "discord", channel=channel.id, message=message.id, emoji=emoji, user=user.id, on=True
        )
        self._gateway.dispatch("MESSAGE_REACTION_ADD", body, channel=channel, ident=message.id)

    def unreact(self, message: Message, user: User, emoji: str) -> None:
        who = message.reactions.get(emoji, [])
        if user.id not in who:
            return
        who.remove(user.id)
        if not who:
            del message.reactions[emoji]
        channel = self._state.channels[message.channel]
        body = {**self._reaction(message, channel, emoji), "user_id": user.id, "burst": False, "type": 0}
        self._record.add(
            "reaction", "discord", channel=channel.id, message=message.id, emoji=emoji, user=user.id, on=False
        )
        self._gateway.dispatch("MESSAGE_REACTION_REMOVE", body, channel=channel, ident=message.id)

    def clear_reactions(self, message: Message, emoji: str = "") -> None:
        channel = self._state.channels[message.channel]
        for name in [emoji] if emoji else list(message.reactions):
            message.reactions.pop(name, None)
            self._record.add(
                "reaction", "discord", channel=channel.id, message=message.id, emoji=name, user="", on=False
            )
        body: Json = {"channel_id": channel.id, "message_id": message.id, **self._guild(channel)}
        if emoji:
            body["emoji"] = payloads.emoji(emoji)
        event = "MESSAGE_REACTION_REMOVE_EMOJI" if emoji else "MESSAGE_REACTION_REMOVE_ALL"
        self._gateway.dispatch(event, body, channel=channel, ident=message.id)

    def _reaction(self, message: Message, channel: Channel, emoji: str) -> Json:
        return {
            "channel_id": channel.id,
            "message_id": message.id,
            "emoji": payloads.emoji(emoji),
            **self._guild(channel),
        }

    def typing(self, channel: Channel, user: User) -> None:
        """Somebody is seen typing for ten seconds, or until that user's message."""
        self._record.add("status", "discord", channel=channel.id, thread="", text="typing", user=user.id)
        body: Json = {
            "channel_id": channel.id,
            "user_id": user.id,
            "timestamp": int(time.time()),
            **self._guild(channel),
        }
        if channel.kind != "dm":
            body["member"] = payloads.member(self._state, user, with_user=True)
        self._gateway.dispatch("TYPING_START", body, channel=channel, ident=user.id)
        key = (channel.id, user.id)
        if key in self._typing:
            self._typing.pop(key).cancel()
        self._typing[key] = asyncio.create_task(self._lapse(channel, user.id))

    async def _lapse(self, channel: Channel, user: str) -> None:
        await self._clock.sleep(self._clock.duration("discord.typing"))
        self._typing.pop((channel.id, user), None)
        self._record.add("status", "discord", channel=channel.id, thread="", text="", user=user)

    def stop_typing(self, channel: Channel, user: str) -> None:
        timer = self._typing.pop((channel.id, user), None)
        if timer is not None:
            timer.cancel()
            self._record.add("status", "discord", channel=channel.id, thread="", text="", user=user)

    # ------------------------------------------------------------------ channels

    def start_thread(
        self,
        parent: Channel,
        owner: User,
        name: str,
        *,
        message: Message | None,
        private: bool = False,
        archive: int = 4320,
    ) -> Channel:
        """A thread on a message (its id is the message's), or without one."""
        state = self._state
        thread = state.add_channel(
            name,
            kind="thread",
            private=private,
            parent=parent.id,
            id_=message.id if message is not None else "",
        )
        thread.owner, thread.auto_archive = owner.id, archive
        thread.members.add(owner.id)
        if message is not None:
            message.thread = thread.id
            message.flags |= HAS_THREAD
        body = {**payloads.channel(state, thread), "newly_created": True}
        if owner.id == state.bot_id:
            body["member"] = payloads.thread_member(thread, owner.id)
        self._gateway.dispatch("THREAD_CREATE", body, channel=thread, ident=thread.id)
        self._record.add("channel", "discord", channel=thread.id, what="made", name=name, parent=parent.id)
        if message is not None:
            self.changed(message, seen=False)
        return thread

    def channel_changed(self, channel: Channel) -> None:
        event = "THREAD_UPDATE" if channel.kind == "thread" else "CHANNEL_UPDATE"
        self._gateway.dispatch(
            event, payloads.channel(self._state, channel), channel=channel, ident=channel.id
        )
        self._record.add("channel", "discord", channel=channel.id, what="changed", name=channel.name)

    def channel_made(self, channel: Channel) -> None:
        self._gateway.dispatch(
            "CHANNEL_CREATE", payloads.channel(self._state, channel), channel=channel, ident=channel.id
        )
        self._record.add("channel", "discord", channel=channel.id, what="made", name=channel.name)

    def channel_gone(self, channel: Channel) -> None:
        """Delete a channel, and the threads in it."""
        state = self._state
        for thread in [
            one for one in state.channels.values() if one.parent == channel.id and one.kind == "thread"
        ]:
            self.channel_gone(thread)
        body = payloads.channel(state, channel)
        if channel.kind == "thread":
            body = {key: body[key] for key in ("id", "guild_id", "parent_id", "type")}
        del state.channels[channel.id]
        event = "THREAD_DELETE" if channel.kind == "thread" else "CHANNEL_DELETE"
        self._gateway.dispatch(event, body, channel=channel, ident=channel.id)
        self._record.add("channel", "discord", channel=channel.id, what="removed", name=channel.name)


def visible(message: Message) -> str:
    """What a viewer's client is given to render: the content, or the text of its components."""
    return message.content or text_of(message.components)


def everybody() -> Allowed:
    """What a person's message may ping: whoever it names, and the author it replies to."""
    return Allowed()
