"""REST: channels and threads. Law: a thread is a channel with a parent, and what it may do is the parent's to say.

Docs: resources/channel.
"""

from __future__ import annotations

from sandbox.discord import payloads
from sandbox.discord.buckets import CHANNEL, OTHER, THREADS, TYPING
from sandbox.discord.errors import Form, Refusal
from sandbox.discord.lookup import Lookup
from sandbox.discord.posts import Posts
from sandbox.discord.rest import Answer, Call, Route
from sandbox.discord.state import Channel, State

AUTO_ARCHIVE = (60, 1440, 4320, 10080)


class Channels:
    """The handlers of /channels but for what is written there."""

    def __init__(self, state: State, posts: Posts) -> None:
        self._state, self._posts, self._find = state, posts, Lookup(state)

    def routes(self) -> list[Route]:
        message = "/channels/{c}/messages/{m}"
        return [
            Route("GET", "/channels/{c}", self.get_channel, OTHER),
            Route("PATCH", "/channels/{c}", self.edit_channel, CHANNEL),
            Route("DELETE", "/channels/{c}", self.delete_channel, OTHER),
            Route("POST", "/channels/{c}/typing", self.typing, TYPING),
            Route("POST", message + "/threads", self.thread_from_message, THREADS),
            Route("POST", "/channels/{c}/threads", self.thread, THREADS),
            Route("PUT", "/channels/{c}/thread-members/@me", self.join, THREADS),
            Route("DELETE", "/channels/{c}/thread-members/@me", self.leave, THREADS),
        ]

    # ------------------------------------------------------------------ channels

    async def get_channel(self, call: Call) -> Answer:
        return 200, payloads.channel(self._state, self._find.channel(call))

    async def edit_channel(self, call: Call) -> Answer:
        channel = self._find.channel(call)
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
        channel = self._find.channel(call)
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
        channel = self._find.channel(call)
        self._find.may_write(channel)
        self._posts.typing(channel, self._find.bot)
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
        channel = self._find.channel(call)
        if channel.kind != "channel":
            raise Refusal(50024)
        if not self._state.may(channel, "create_public_threads"):
            raise Refusal(50013)
        message = self._find.message(call, channel)
        name, archive = self._thread_form(call)
        if message.thread:
            raise Refusal(160004)
        thread = self._posts.start_thread(channel, self._find.bot, name, message=message, archive=archive)
        return 201, payloads.channel(self._state, thread)

    async def thread(self, call: Call) -> Answer:
        channel = self._find.channel(call)
        if channel.kind != "channel":
            raise Refusal(50024)
        private = call.object.get("type", 12) == 12
        if not self._state.may(channel, "create_private_threads" if private else "create_public_threads"):
            raise Refusal(50013)
        name, archive = self._thread_form(call)
        thread = self._posts.start_thread(
            channel, self._find.bot, name, message=None, private=private, archive=archive
        )
        return 201, payloads.channel(self._state, thread)

    def _thread(self, call: Call) -> Channel:
        channel = self._find.channel(call)
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
