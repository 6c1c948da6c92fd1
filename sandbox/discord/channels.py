"""REST: channels, messages, reactions and threads. Law: permissions are judged before contents.

Docs: resources/channel, message. What the bot may not see it is told so (50001), what it may see and not do
likewise (50013), and what does not exist is unknown (10003, 10008).
"""

from __future__ import annotations

import re

from sandbox.clock import Clock
from sandbox.discord import payloads
from sandbox.discord.buckets import (
    CHANNEL,
    DELETE,
    OTHER,
    PATCH,
    POST,
    REACTIONS,
    READ,
    THREADS,
    TYPING,
    Buckets,
)
from sandbox.discord.errors import Form, Refusal
from sandbox.discord.gateway import Gateway
from sandbox.discord.messages import Draft, empty, flags_for_new, read
from sandbox.discord.posts import Posts
from sandbox.discord.rest import Answer, Call, Route, TooFast
from sandbox.discord.state import EPHEMERAL, Channel, Json, Message, State, User

AUTO_ARCHIVE = (60, 1440, 4320, 10080)
EMOJI = re.compile(r"[^\w\s:/]|[0-9#*]\ufe0f?\u20e3|\w{2,32}:\d{1,20}", re.UNICODE)


class Channels:
    """The handlers of /channels."""

    def __init__(
        self,
        clock: Clock,
        state: State,
        buckets: Buckets,
        gateway: Gateway,
        posts: Posts,
        messages: payloads.Messages,
    ) -> None:
        self._clock, self._state, self._buckets = clock, state, buckets
        self._gateway, self._posts, self._messages = gateway, posts, messages
        self._nonces: dict[str, tuple[str, str]] = {}
        clock.declare("discord.old_message", 3600.0)
        # docs: nonces are checked "in the past few minutes"
        clock.declare("discord.nonce", 300.0)

    def routes(self) -> list[Route]:
        message = "/channels/{c}/messages/{m}"
        emoji = message + "/reactions/{e}"
        return [
            Route("GET", "/channels/{c}", self.get_channel, OTHER),
            Route("PATCH", "/channels/{c}", self.edit_channel, CHANNEL),
            Route("DELETE", "/channels/{c}", self.delete_channel, OTHER),
            Route("POST", "/channels/{c}/typing", self.typing, TYPING),
            Route("GET", "/channels/{c}/messages", self.history, READ),
            Route("POST", "/channels/{c}/messages", self.create, POST),
            Route("POST", "/channels/{c}/messages/bulk-delete", self.bulk_delete, DELETE),
            Route("GET", message, self.get_message, READ),
            Route("PATCH", message, self.edit, PATCH),
            Route("DELETE", message, self.delete, DELETE),
            Route("POST", message + "/threads", self.thread_from_message, THREADS),
            Route("POST", "/channels/{c}/threads", self.thread, THREADS),
            Route("PUT", "/channels/{c}/thread-members/@me", self.join, THREADS),
            Route("DELETE", "/channels/{c}/thread-members/@me", self.leave, THREADS),
            Route("PUT", emoji + "/@me", self.react, REACTIONS),
            Route("DELETE", emoji + "/@me", self.unreact, REACTIONS),
            Route("DELETE", emoji + "/{u}", self.unreact, REACTIONS),
            Route("GET", emoji, self.reactions, READ),
            Route("DELETE", emoji, self.clear_reactions, REACTIONS),
            Route("DELETE", message + "/reactions", self.clear_reactions, REACTIONS),
        ]

    # ------------------------------------------------------------------ channels

    def _channel(self, call: Call, *permissions: str) -> Channel:
        """The channel of the path, if the bot may see it and holds these permissions there."""
        channel = self._state.channels.get(call.parts["c"])
        if channel is None:
            raise Refusal(10003)
        if not self._state.may(channel, "view_channel"):
            raise Refusal(50001)
        if not self._state.may(channel, *permissions):
            raise Refusal(50013)
        return channel

    async def get_channel(self, call: Call) -> Answer:
        return 200, payloads.channel(self._state, self._channel(call))

    async def edit_channel(self, call: Call) -> Answer:
        channel = self._channel(call)
        if channel.kind == "dm":
            raise Refusal(50003)
        own = channel.kind == "thread" and channel.owner == self._state.bot_id
        if not own and not self._state.may(
            channel, "manage_threads" if channel.kind == "thread" else "manage_channels"
        ):
            raise Refusal(50013)
        form, body = Form(), call.object
        if channel.archived and body.get("archived") is not False:
            raise Refusal(50083)
        if body.get("name") is not None:
            name = form.text(body["name"], ("name",), least=1, most=100)
        else:
            name = channel.name
        topic = (
            form.text(body["topic"], ("topic",), most=1024)
            if body.get("topic") is not None
            else channel.topic
        )
        archive = form.number(
            body.get("auto_archive_duration"), ("auto_archive_duration",), default=channel.auto_archive
        )
        _auto_archive(form, archive)
        form.refuse_if_wrong()
        channel.name, channel.topic, channel.auto_archive = name, topic, archive
        if channel.kind == "thread":
            if body.get("archived") is not None:
                channel.archived = bool(body["archived"])
            if body.get("locked") is not None:
                channel.locked = bool(body["locked"])
        self._posts.channel_changed(channel)
        return 200, payloads.channel(self._state, channel)

    async def delete_channel(self, call: Call) -> Answer:
        channel = self._channel(call)
        if channel.kind != "dm":
            if not self._state.may(
                channel, "manage_threads" if channel.kind == "thread" else "manage_channels"
            ):
                raise Refusal(50013)
            body = payloads.channel(self._state, channel)
            self._posts.channel_gone(channel)
            return 200, body
        return 200, payloads.channel(self._state, channel)

    async def typing(self, call: Call) -> Answer:
        channel = self._channel(call)
        self._may_write(channel)
        self._posts.typing(channel, self._bot)
        return 204, None

    @property
    def _bot(self) -> User:
        return self._state.users[self._state.bot_id]

    def _may_write(self, channel: Channel) -> None:
        needed = "send_messages_in_threads" if channel.kind == "thread" else "send_messages"
        if not self._state.may(channel, needed):
            raise Refusal(50013)

    # ------------------------------------------------------------------ messages

    def _body(self, channel: Channel, message: Message) -> Json:
        """A message as REST answers it: people's words only where the application may read them."""
        body = self._messages.body(message)
        if channel.kind == "dm" or self._gateway.sees_content:
            return body
        return payloads.without_content(body, self._state.bot_id)

    async def create(self, call: Call) -> Answer:
        channel = self._channel(call)
        self._may_write(channel)
        if channel.locked and channel.archived:
            raise Refusal(160005)
        body = call.object
        if call.files and not self._state.may(channel, "attach_files"):
            raise Refusal(50013)
        draft = read(body, call.files)
        if draft.embeds and not self._state.may(channel, "embed_links"):
            raise Refusal(50013)
        again = self._repeated(channel, draft)
        if again is not None:
            call.message = again.id
            return 200, self._body(channel, again)
        replied_to = self._replied_to(channel, draft)
        message = self._posts.blank(
            channel,
            self._bot,
            type_=19 if replied_to is not None else 0,
            flags=flags_for_new(draft.flags, webhook=False),
        )
        if replied_to is not None:
            message.reference = self._referring(channel, replied_to)
        may_everyone = self._state.may(channel, "mention_everyone")
        self._posts.fill(message, draft, replied_to=replied_to, may_everyone=may_everyone)
        if empty(message) and not body.get("poll") and not body.get("sticker_ids"):
            raise Refusal(50006)
        self._posts.post(message)
        if draft.nonce is not None:
            self._nonces[str(draft.nonce)] = (channel.id, message.id)
        call.message = message.id
        return 200, self._body(channel, message)

    def _repeated(self, channel: Channel, draft: Draft) -> Message | None:
        """The message that this author made with the same enforced nonce a moment ago."""
        if draft.nonce is None or not draft.enforce_nonce:
            return None
        where, which = self._nonces.get(str(draft.nonce), ("", ""))
        if where != channel.id:
            return None
        found = channel.messages.get(which)
        if found is None or self._clock.now() - found.at > self._clock.duration("discord.nonce"):
            return None
        return found

    def _referring(self, channel: Channel, target: Message) -> Json:
        guild = {} if channel.kind == "dm" else {"guild_id": self._state.guild_id}
        return {"type": 0, "channel_id": channel.id, "message_id": target.id, **guild}

    def _replied_to(self, channel: Channel, draft: Draft) -> Message | None:
        reference = draft.reference
        if reference is None:
            return None
        if reference.get("channel_id", channel.id) != channel.id:
            raise Refusal(
                50035,
                errors={
                    "message_reference": {
                        "_errors": [
                            {
                                "code": "MESSAGE_REFERENCE_CHANNEL_MISMATCH",
                                "message": "Cannot reply to a message in a different channel",
                            }
                        ]
                    }
                },
            )
        if not self._state.may(channel, "read_message_history"):
            raise Refusal(160002)
        target = channel.messages.get(reference.get("message_id", ""))
        code, text = "", ""
        if target is None or target.has(EPHEMERAL):
            target = None
            if reference["fail_if_not_exists"]:
                code, text = "REPLIES_UNKNOWN_MESSAGE", "Unknown message"
        elif target.type not in (0, 19, 20, 23):
            code, text = "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", "Cannot reply to a system message"
        if code:
            raise Refusal(50035, errors={"message_reference": {"_errors": [{"code": code, "message": text}]}})
        return target

    def _message(self, call: Call, channel: Channel) -> Message:
        found = channel.messages.get(call.parts["m"])
        # An ephemeral message exists for its webhook and its reader only.
        if found is None or found.has(EPHEMERAL):
            raise Refusal(10008)
        call.message = found.id
        return found

    async def get_message(self, call: Call) -> Answer:
        channel = self._channel(call)
        if not self._state.may(channel, "read_message_history"):
            raise Refusal(50001)
        return 200, self._body(channel, self._message(call, channel))

    async def history(self, call: Call) -> Answer:
        """The newest first, as Discord lists them."""
        channel = self._channel(call)
        form = Form()
        limit = form.number(call.query.get("limit"), ("limit",), default=50)
        if not 1 <= limit <= 100:
            form.wrong(("limit",), "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
        marks = {
            name: int(form.snowflake(call.query[name], (name,)) or 0)
            for name in ("before", "after", "around")
            if name in call.query
        }
        form.refuse_if_wrong()
        if not self._state.may(channel, "read_message_history"):
            return 200, []
        every = [one for one in channel.messages.values() if not one.has(EPHEMERAL)]
        if "around" in marks:
            every.sort(key=lambda one: abs(int(one.id) - marks["around"]))
            chosen = sorted(every[:limit], key=lambda one: int(one.id))
        elif "after" in marks:
            chosen = [one for one in every if int(one.id) > marks["after"]][:limit]
        else:
            chosen = [one for one in every if int(one.id) < marks.get("before", 1 << 64)][-limit:]
        return 200, [self._body(channel, one) for one in reversed(chosen)]

    async def edit(self, call: Call) -> Answer:
        channel = self._channel(call)
        message = self._message(call, channel)
        body = call.object
        if channel.archived:
            raise Refusal(50083)
        if message.author != self._state.bot_id:
            if set(body) == {"flags"} and self._state.may(channel, "manage_messages"):
                draft = read(body, [], old=message)
                self._posts.edit(message, draft)
                return 200, self._body(channel, message)
            raise Refusal(50005)
        if message.type not in (0, 19, 20, 23):
            raise Refusal(50021)
        if self._clock.now() - message.at > self._clock.duration("discord.old_message"):
            ruling = self._buckets.old_edit(channel.id, dict(call.headers))
            if ruling.refused_by:
                raise TooFast(ruling)
        draft = read(body, call.files, old=message)
        if would_be_empty(message, draft):
            raise Refusal(50006)
        self._posts.edit(message, draft, may_everyone=self._state.may(channel, "mention_everyone"))
        return 200, self._body(channel, message)

    async def delete(self, call: Call) -> Answer:
        channel = self._channel(call)
        message = self._message(call, channel)
        if message.author != self._state.bot_id:
            if channel.kind == "dm":
                raise Refusal(50003)
            if not self._state.may(channel, "manage_messages"):
                raise Refusal(50013)
        if channel.archived:
            raise Refusal(50083)
        self._posts.remove(message)
        return 204, None

    async def bulk_delete(self, call: Call) -> Answer:
        channel = self._channel(call, "manage_messages")
        if channel.kind == "dm":
            raise Refusal(50003)
        form = Form()
        listed = form.items(call.object.get("messages"), ("messages",), most=100)
        ids = [form.snowflake(one, ("messages", index)) for index, one in enumerate(listed)]
        if len(ids) < 2:
            form.wrong(("messages",), "BASE_TYPE_BAD_LENGTH", "Must be between 2 and 100 in length.")
        form.refuse_if_wrong()
        self._posts.remove_many(
            channel, [channel.messages[one] for one in dict.fromkeys(ids) if one in channel.messages]
        )
        return 204, None

    # ------------------------------------------------------------------ reactions

    def _emoji(self, call: Call) -> str:
        name = call.parts["e"]
        if not EMOJI.search(name) or len(name) > 64:
            raise Refusal(10014)
        return name

    async def react(self, call: Call) -> Answer:
        channel = self._channel(call, "read_message_history")
        message, emoji = self._message(call, channel), self._emoji(call)
        if emoji not in message.reactions and not self._state.may(channel, "add_reactions"):
            raise Refusal(50013)
        if channel.archived:
            raise Refusal(50083)
        self._posts.react(message, self._bot, emoji)
        return 204, None

    async def unreact(self, call: Call) -> Answer:
        channel = self._channel(call)
        message, emoji = self._message(call, channel), self._emoji(call)
        who = self._state.users.get(call.parts.get("u", self._state.bot_id))
        if who is None:
            raise Refusal(10013)
        if who.id != self._state.bot_id and not self._state.may(channel, "manage_messages"):
            raise Refusal(50013)
        self._posts.unreact(message, who, emoji)
        return 204, None

    async def reactions(self, call: Call) -> Answer:
        channel = self._channel(call)
        message, emoji = self._message(call, channel), self._emoji(call)
        return 200, [payloads.user(self._state.users[one]) for one in message.reactions.get(emoji, [])]

    async def clear_reactions(self, call: Call) -> Answer:
        channel = self._channel(call)
        if channel.kind == "dm":
            raise Refusal(50003)
        if not self._state.may(channel, "manage_messages"):
            raise Refusal(50013)
        message = self._message(call, channel)
        self._posts.clear_reactions(message, self._emoji(call) if "e" in call.parts else "")
        return 204, None

    # ------------------------------------------------------------------ threads

    def _thread_form(self, call: Call) -> tuple[str, int]:
        form, body = Form(), call.object
        name = form.text(body.get("name"), ("name",), least=1, most=100)
        archive = form.number(body.get("auto_archive_duration"), ("auto_archive_duration",), default=4320)
        _auto_archive(form, archive)
        form.refuse_if_wrong()
        return name, archive

    async def thread_from_message(self, call: Call) -> Answer:
        channel = self._channel(call)
        if channel.kind != "channel":
            raise Refusal(50024)
        if not self._state.may(channel, "create_public_threads"):
            raise Refusal(50013)
        message = self._message(call, channel)
        name, archive = self._thread_form(call)
        if message.thread:
            raise Refusal(160004)
        thread = self._posts.start_thread(channel, self._bot, name, message=message, archive=archive)
        return 201, payloads.channel(self._state, thread)

    async def thread(self, call: Call) -> Answer:
        channel = self._channel(call)
        if channel.kind != "channel":
            raise Refusal(50024)
        private = call.object.get("type", 12) == 12
        if not self._state.may(channel, "create_private_threads" if private else "create_public_threads"):
            raise Refusal(50013)
        name, archive = self._thread_form(call)
        thread = self._posts.start_thread(
            channel, self._bot, name, message=None, private=private, archive=archive
        )
        return 201, payloads.channel(self._state, thread)

    def _thread(self, call: Call) -> Channel:
        channel = self._channel(call)
        if channel.kind != "thread":
            raise Refusal(50024)
        if channel.archived:
            raise Refusal(50083)
        return channel

    async def join(self, call: Call) -> Answer:
        self._thread(call).members.add(self._state.bot_id)
        return 204, None

    async def leave(self, call: Call) -> Answer:
        self._thread(call).members.discard(self._state.bot_id)
        return 204, None


def _auto_archive(form: Form, minutes: int) -> None:
    if minutes not in AUTO_ARCHIVE:
        form.wrong(
            ("auto_archive_duration",), "BASE_TYPE_CHOICES", "Value must be one of (60, 1440, 4320, 10080)."
        )


def would_be_empty(message: Message, draft: Draft) -> bool:
    """Whether an edit would leave nothing of the message."""
    content = message.content if draft.content is None else draft.content
    embeds = message.embeds if draft.embeds is None else draft.embeds
    components = message.components if draft.components is None else draft.components
    kept = [one for one in message.attachments if draft.keep is None or one.id in draft.keep]
    return not (content or embeds or components or kept or draft.files)
