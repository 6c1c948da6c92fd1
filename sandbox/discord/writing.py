"""REST: messages. Law: permissions are judged before contents, and nothing is applied that is not whole.

Docs: resources/message (create, edit, delete, list).
"""

from __future__ import annotations

from sandbox.clock import Clock
from sandbox.discord import payloads
from sandbox.discord.buckets import DELETE, PATCH, POST, READ, Buckets
from sandbox.discord.errors import Form, Refusal
from sandbox.discord.gateway import Gateway
from sandbox.discord.lookup import Lookup
from sandbox.discord.messages import Draft, empty, flags_for_new, read, would_be_empty
from sandbox.discord.posts import Posts
from sandbox.discord.rest import Answer, Call, Route, TooFast
from sandbox.discord.state import EPHEMERAL, Channel, Json, Message, State


class Writing:
    """The handlers of .../messages."""

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
        self._find = Lookup(state)
        self._nonces: dict[str, tuple[str, str]] = {}
        clock.declare("discord.old_message", 3600.0)
        # docs: nonces are checked "in the past few minutes"
        clock.declare("discord.nonce", 300.0)

    def routes(self) -> list[Route]:
        message = "/channels/{c}/messages/{m}"
        return [
            Route("GET", "/channels/{c}/messages", self.history, READ),
            Route("POST", "/channels/{c}/messages", self.create, POST),
            Route("POST", "/channels/{c}/messages/bulk-delete", self.bulk_delete, DELETE),
            Route("GET", message, self.get_message, READ),
            Route("PATCH", message, self.edit, PATCH),
            Route("DELETE", message, self.delete, DELETE),
        ]

    def _body(self, channel: Channel, message: Message) -> Json:
        """A message as REST answers it: people's words only where the application may read them."""
        body = self._messages.body(message)
        if channel.kind == "dm" or self._gateway.sees_content:
            return body
        return payloads.without_content(body, self._state.bot_id)

    async def create(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        self._find.may_write(channel)
        if channel.locked and channel.archived:
            raise Refusal(160005)
        body = call.object
        if call.files and not self._state.may(channel, "attach_files"):
            raise Refusal(50013)
        draft = read(body, call.files)
        if draft.embeds and not self._state.may(channel, "embed_links"):
            raise Refusal(50013)
        again = self._repeated(draft)
        if again is not None:
            call.message = again.id
            return 200, self._body(self._state.channels[again.channel], again)
        replied_to = self._replied_to(channel, draft)
        message = self._posts.blank(
            channel,
            self._find.bot,
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

    def _repeated(self, draft: Draft) -> Message | None:
        """The message that the bot made with the same enforced nonce a moment ago (docs: by the same author)."""
        if draft.nonce is None or not draft.enforce_nonce:
            return None
        where, which = self._nonces.get(str(draft.nonce), ("", ""))
        channel = self._state.channels.get(where)
        found = channel.messages.get(which) if channel is not None else None
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

    async def get_message(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        if not self._state.may(channel, "read_message_history"):
            raise Refusal(50001)
        return 200, self._body(channel, self._find.message(call, channel))

    async def history(self, call: Call) -> Answer:
        """The newest first, as Discord lists them."""
        channel = self._find.channel(call)
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
            # As many on either side; an id is a time, and which are nearest in time is not asked.
            before = sum(int(one.id) < marks["around"] for one in every)
            chosen = every[max(0, before - limit // 2) :][:limit]
        elif "after" in marks:
            chosen = [one for one in every if int(one.id) > marks["after"]][:limit]
        else:
            chosen = [one for one in every if int(one.id) < marks.get("before", 1 << 64)][-limit:]
        return 200, [self._body(channel, one) for one in reversed(chosen)]

    async def edit(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        message = self._find.message(call, channel)
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
        channel = self._find.channel(call)
        message = self._find.message(call, channel)
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
        channel = self._find.channel(call, "manage_messages")
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
