"""REST: answers to interactions, and the messages that an interaction's token can make and change.

Law: whether an answer is ephemeral is settled by the first call and never changes.
Docs: interactions/receiving-and-responding (callback, follow-ups; "directly after responding with a deferred message, a
follow-up functions as an edit of the original"), resources/webhook. No bot token is needed: the interaction's is the key.
"""

from __future__ import annotations

from typing import Any

from sandbox.discord import payloads
from sandbox.discord.buckets import WEBHOOK
from sandbox.discord.components import check_modal
from sandbox.discord.errors import Form, Refusal
from sandbox.discord.interactions import (
    AUTOCOMPLETE,
    CHAT_INPUT,
    COMMAND,
    COMPONENT,
    MODAL_SUBMIT,
    Interaction,
    Interactions,
)
from sandbox.discord.messages import empty, flags_for_new, read, would_be_empty
from sandbox.discord.posts import Posts
from sandbox.discord.rest import Answer, Call, Route
from sandbox.discord.state import EPHEMERAL, LOADING, Channel, Json, Message, Origin, State

PONG, SAY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, MODAL = 1, 4, 5, 6, 7, 8, 9


class Webhooks:
    """The handlers of /interactions and /webhooks."""

    def __init__(
        self, state: State, interactions: Interactions, posts: Posts, messages: payloads.Messages
    ) -> None:
        self._state, self._interactions = state, interactions
        self._posts, self._messages = posts, messages

    def routes(self) -> list[Route]:
        # docs: interaction endpoints are not bound to the global limit; the callback has no bucket that anybody saw
        hook = "/webhooks/{a}/{t}"
        original, other = hook + "/messages/@original", hook + "/messages/{m}"
        return [
            Route("POST", "/interactions/{i}/{t}/callback", self.callback, "", token=False, counted=False),
            Route("POST", hook, self.follow_up, WEBHOOK, token=False, counted=False),
            Route("GET", original, self.get, WEBHOOK, token=False, counted=False),
            Route("PATCH", original, self.edit, WEBHOOK, token=False, counted=False),
            Route("DELETE", original, self.delete, WEBHOOK, token=False, counted=False),
            Route("GET", other, self.get, WEBHOOK, token=False, counted=False),
            Route("PATCH", other, self.edit, WEBHOOK, token=False, counted=False),
            Route("DELETE", other, self.delete, WEBHOOK, token=False, counted=False),
        ]

    # ------------------------------------------------------------------ the callback

    async def callback(self, call: Call) -> Answer:
        one = self._interactions.claim(call.parts["i"], call.parts["t"])
        kind = self._kind(call.object, one)
        form = Form()
        data = form.object(call.object.get("data"), ("data",))
        form.refuse_if_wrong()
        message: Message | None = None
        shown: Message | None = None
        if kind == SAY:
            shown = message = self._answer(call, one, data)
        elif kind == DEFER:
            message = self._defer(one, data)
        elif kind == UPDATE:
            shown = message = self._update(call, one, data)
        elif kind == DEFER_UPDATE:
            one.original = one.message
            self._interactions.answered(one, "answered", "acknowledged")
        elif kind == CHOICES:
            one.choices = _choices(data)
            self._interactions.answered(one, "answered", "choices")
        elif kind == MODAL:
            fields = check_modal(data)
            self._interactions.answered(one, "answered", "modal")
            modal = self._interactions.open_modal(one, str(data["custom_id"]), str(data["title"]), fields)
            call.message = modal.id
        else:
            self._interactions.answered(one, "answered", "pong")
        if call.query.get("with_response", "").lower() not in ("1", "true"):
            return 204, None
        about: Json = {"id": one.id, "type": one.type}
        resource: Json = {"type": kind}
        if message is not None:
            call.message = message.id
            about["response_message_id"] = message.id
            about["response_message_loading"] = message.has(LOADING)
            about["response_message_ephemeral"] = message.has(EPHEMERAL)
        # docs: the message is there for SAY and UPDATE; Discord sends the loading one of a defer as well
        if shown is not None or message is not None:
            resource["message"] = self._body(shown or message)
        return 200, {"interaction": about, "resource": resource}

    @staticmethod
    def _kind(body: Json, one: Interaction) -> int:
        """The callback's type, if that type answers this kind of interaction."""
        form = Form()
        if body.get("type") is None:
            form.wrong(("type",), "BASE_TYPE_REQUIRED", "This field is required")
        kind = form.number(body.get("type"), ("type",))
        form.refuse_if_wrong()
        fitting = {
            COMMAND: (SAY, DEFER, MODAL),
            COMPONENT: (SAY, DEFER, DEFER_UPDATE, UPDATE, MODAL),
            AUTOCOMPLETE: (CHOICES,),
            MODAL_SUBMIT: (SAY, DEFER, *((DEFER_UPDATE, UPDATE) if one.message else ())),
        }[one.type]
        if kind not in fitting:
            choices = ", ".join(str(choice) for choice in fitting)
            form.wrong(("type",), "BASE_TYPE_CHOICES", f"Value must be one of ({choices}).")
        form.refuse_if_wrong()
        return kind

    def _channel(self, one: Interaction) -> Channel:
        channel = self._state.channels.get(one.channel)
        if channel is None:
            raise Refusal(10003)
        return channel

    def _new(self, one: Interaction, flags: int) -> Message:
        """A message of the bot that belongs to the interaction: type 20 or 23 for commands, a reply for buttons."""
        channel = self._channel(one)
        followed = bool(one.original)
        kind = 0
        if not followed and not one.message:
            kind = 20 if one.command_type == CHAT_INPUT else 23
        message = self._posts.blank(channel, self._state.users[self._state.bot_id], type_=kind, flags=flags)
        message.token = one.token
        if not followed:
            message.origin = Origin(one.id, one.type, one.name, one.person, one.text)
        target = one.original if followed else one.message
        found = channel.messages.get(target) if target else None
        if found is not None and not found.has(EPHEMERAL):
            message.type = 19
            guild = {} if channel.kind == "dm" else {"guild_id": self._state.guild_id}
            message.reference = {"type": 0, "channel_id": channel.id, "message_id": found.id, **guild}
        if flags & EPHEMERAL:
            message.ephemeral_for = one.person
        one.made.add(message.id)
        return message

    def _answer(self, call: Call, one: Interaction, data: Json) -> Message:
        draft = read(data, call.files, webhook=True, at=("data",))
        message = self._new(one, flags_for_new(draft.flags, webhook=True))
        self._posts.fill(message, draft)
        if empty(message):
            raise Refusal(50006)
        one.original, one.ephemeral = message.id, message.has(EPHEMERAL)
        self._interactions.answered(one, "answered", "answered", message=message.id)
        self._posts.post(message)
        return message

    def _defer(self, one: Interaction, data: Json) -> Message:
        form = Form()
        # docs: the only flag that a deferred answer may have is EPHEMERAL
        flags = form.number(data.get("flags"), ("data", "flags")) & EPHEMERAL
        form.refuse_if_wrong()
        message = self._new(one, flags | LOADING)
        one.original, one.ephemeral = message.id, bool(flags)
        self._interactions.answered(one, "deferred", "deferred", message=message.id)
        self._posts.post(message)
        return message

    def _update(self, call: Call, one: Interaction, data: Json) -> Message:
        message = self._channel(one).messages.get(one.message)
        if message is None:
            raise Refusal(10008)
        draft = read(data, call.files, webhook=True, old=message, at=("data",))
        if would_be_empty(message, draft):
            raise Refusal(50006)
        one.original = message.id
        self._interactions.answered(one, "answered", "updated", message=message.id)
        self._posts.edit(message, draft)
        return message

    def _body(self, message: Message | None) -> Json:
        return self._messages.body(message) if message is not None else {}

    # ------------------------------------------------------------------ the token's messages

    def _found(self, call: Call) -> tuple[Interaction, Message]:
        one = self._interactions.by_token(call.parts["a"], call.parts["t"])
        channel = self._channel(one)
        wanted = call.parts.get("m") or one.original
        message = channel.messages.get(wanted)
        if message is None or (wanted not in one.made and wanted != one.original):
            raise Refusal(10008)
        call.message = message.id
        return one, message

    async def get(self, call: Call) -> Answer:
        return 200, self._body(self._found(call)[1])

    async def edit(self, call: Call) -> Answer:
        one, message = self._found(call)
        if self._channel(one).archived:
            raise Refusal(50083)
        return self._edit(call, one, message)

    def _edit(self, call: Call, one: Interaction, message: Message) -> Answer:
        draft = read(call.object, call.files, webhook=True, old=message)
        if would_be_empty(message, draft):
            raise Refusal(50006)
        if one.state == "deferred" and message.id == one.original:
            one.state = "answered"
        self._posts.edit(message, draft)
        return 200, self._body(message)

    async def follow_up(self, call: Call) -> Answer:
        one = self._interactions.by_token(call.parts["a"], call.parts["t"])
        channel = self._channel(one)
        original = channel.messages.get(one.original) if one.original else None
        if one.state == "deferred" and original is not None:
            call.message = original.id
            return self._edit(call, one, original)
        draft = read(call.object, call.files, webhook=True)
        message = self._new(one, flags_for_new(draft.flags, webhook=True))
        self._posts.fill(message, draft)
        if empty(message):
            raise Refusal(50006)
        self._posts.post(message)
        call.message = message.id
        return 200, self._body(message)

    async def delete(self, call: Call) -> Answer:
        _, message = self._found(call)
        self._posts.remove(message)
        return 204, None


def _choices(data: Json) -> list[Json]:
    form = Form()
    listed = form.items(data.get("choices"), ("data", "choices"), most=25)
    choices: list[dict[str, Any]] = []
    for index, raw in enumerate(listed):
        choice = form.object(raw, ("data", "choices", index))
        form.text(choice.get("name"), ("data", "choices", index, "name"), least=1, most=100)
        choices.append(choice)
    form.refuse_if_wrong()
    return choices
