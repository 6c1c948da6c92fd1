"""Interactions: slash commands, menus, buttons and modals, from the click to the token's end. Law: an interaction is
answered once, within its seconds, and its token dies on time.

Docs: interactions/receiving-and-responding. An interaction must be acknowledged within 3 s and its token lives 15
minutes; both are durations of the clock.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.discord import payloads
from sandbox.discord.errors import Refusal
from sandbox.discord.gateway import Gateway
from sandbox.discord.options import options_of, subcommands
from sandbox.discord.payloads import Messages
from sandbox.discord.state import Attachment, Channel, Json, Message, State, User
from sandbox.record import Record

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL_SUBMIT = 2, 3, 4, 5
CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
ATTACHMENT = 11
TYPES = {
    "string": 3,
    "integer": 4,
    "boolean": 5,
    "user": 6,
    "channel": 7,
    "role": 8,
    "number": 10,
    "attachment": 11,
}


@dataclass(slots=True)
class Interaction:
    """One thing that a person did with the bot, and what came of it.

    state: "waiting", "deferred" (a loading message stands there), "answered", "failed" (nobody answered in time)
    original: the message that @original is; "" where there is none (a modal)
    """

    id: str
    token: str
    type: int
    name: str
    person: str
    channel: str
    at: float
    message: str = ""
    state: str = "waiting"
    original: str = ""
    ephemeral: bool = False
    text: str = ""
    command_type: int = CHAT_INPUT
    made: set[str] = field(default_factory=set)
    choices: list[Json] | None = None
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Modal:
    """A form that somebody sees until it is submitted."""

    id: str
    interaction: str
    person: str
    channel: str
    message: str
    custom_id: str
    title: str
    fields: list[Json]


class Interactions:
    """All interactions, and the commands that the bot has registered."""

    def __init__(
        self, clock: Clock, state: State, messages: Messages, gateway: Gateway, record: Record
    ) -> None:
        self._clock, self._state, self._messages = clock, state, messages
        self._gateway, self._record = gateway, record
        self._by_id: dict[str, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}
        self._timers: set[asyncio.Task[None]] = set()
        self.modals: dict[str, Modal] = {}
        clock.declare("discord.interaction_ack", 3.0)
        clock.declare("discord.interaction_token", 900.0)

    def close(self) -> None:
        for timer in self._timers:
            timer.cancel()

    # ------------------------------------------------------------------ from people to the bot

    def create(
        self,
        kind: int,
        person: User,
        channel: Channel,
        data: Json,
        *,
        name: str = "",
        text: str = "",
        message: Message | None = None,
    ) -> Interaction:
        """Send an interaction to the bot and start its clock."""
        # Discord's tokens are long and opaque; in URLs they need no quoting.
        token = "aW50ZXJhY3Rpb246" + secrets.token_urlsafe(90)
        one = Interaction(
            id=self._state.snowflake(),
            token=token,
            type=kind,
            name=name,
            person=person.id,
            channel=channel.id,
            at=self._clock.now(),
            message=message.id if message else "",
            text=text,
            command_type=data.get("type", CHAT_INPUT) if kind == COMMAND else CHAT_INPUT,
        )
        self._by_id[one.id] = self._by_token[token] = one
        self._note(one, "sent")
        self._gateway.dispatch(
            "INTERACTION_CREATE",
            self._body(one, person, channel, data, message),
            channel=channel,
            ident=one.id,
        )
        timer = asyncio.create_task(self._expect(one))
        self._timers.add(timer)
        timer.add_done_callback(self._timers.discard)
        return one

    async def _expect(self, one: Interaction) -> None:
        """What the person sees when nobody answers: "The application did not respond"."""
        await self._clock.sleep(self._clock.duration("discord.interaction_ack"))
        if one.state == "waiting":
            one.state = "failed"
            self._note(one, "failed")
            one.done.set()

    def _note(self, one: Interaction, what: str, **more: Any) -> None:
        self._record.add(
            "interaction",
            "discord",
            interaction=one.id,
            what=what,
            type=one.type,
            name=one.name,
            person=one.person,
            channel=one.channel,
            **more,
        )

    def _body(
        self, one: Interaction, person: User, channel: Channel, data: Json, message: Message | None
    ) -> Json:
        state = self._state
        private = channel.kind == "dm"
        partial = payloads.channel(state, channel)
        if not private:
            partial = {
                **partial,
                "permissions": str(person.permissions),
                "app_permissions": str(state.held(channel)),
            }
        body: Json = {
            "id": one.id,
            "application_id": state.application_id,
            "type": one.type,
            "token": one.token,
            "version": 1,
            "channel": partial,
            "channel_id": channel.id,
            "data": data,
            "app_permissions": str(state.held(channel)),
            "locale": person.locale,
            "entitlements": [],
            "entitlement_sku_ids": [],
            "authorizing_integration_owners": {"0": "0" if private else state.guild_id},
            "context": 1 if private else 0,
            "attachment_size_limit": payloads.FILESIZE_LIMIT,
        }
        if private:
            body["user"] = payloads.user(person)
        else:
            body["guild_id"] = state.guild_id
            body["guild"] = {"id": state.guild_id, "locale": "en-US", "features": []}
            body["guild_locale"] = "en-US"
            body["member"] = payloads.interaction_member(state, person)
        if message is not None:
            body["message"] = self._messages.body(message)
        return body

    # ------------------------------------------------------------------ commands

    def offered(self, channel: Channel) -> list[Json]:
        """The commands that can be used in the channel; the guild's own first."""
        private = channel.kind == "dm"
        found = []
        for command in self._state.commands.values():
            contexts = command.get("contexts")
            if private and command.get("guild_id"):
                continue
            if contexts is not None and (1 if private else 0) not in contexts:
                continue
            if private and contexts is None and command.get("dm_permission") is False:
                continue
            found.append(command)
        return sorted(found, key=lambda command: "guild_id" not in command)

    def registered(self, name: str, kind: int, channel: Channel) -> Json:
        """The command a person may use there. Raises LookupError with a sentence where the bot has not registered it."""
        offered = self.offered(channel)
        for command in offered:
            if command["type"] == kind and command["name"] == name:
                return command
        known = ", ".join(sorted(command["name"] for command in offered)) or "none"
        where = "in DMs" if channel.kind == "dm" else f"in {channel.name}"
        raise LookupError(
            f"the bot has registered no command {name!r} that can be used {where}; registered: {known}"
        )

    def command(
        self, person: User, channel: Channel, name: str, text: str, files: Sequence[Attachment] = ()
    ) -> Interaction:
        """Use a slash command. `text` is what stands behind its name (see `options_of`); `files` fill in the options
        that take one, in order.
        """
        command = self.registered(name, CHAT_INPUT, channel)
        resolved: Json = {}
        data: Json = {"id": command["id"], "name": name, "type": CHAT_INPUT}
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        offered = command.get("options") or []
        options = options_of([one for one in offered if one["type"] != ATTACHMENT], text)
        takes = [one for one in offered if one["type"] == ATTACHMENT]
        if len(files) > len(takes):
            raise ValueError(f"/{name} takes {len(takes)} files, not {len(files)}")
        for option, file in zip(takes, files, strict=False):
            self._state.loose[file.id] = file
            options.append({"name": option["name"], "type": ATTACHMENT, "value": file.id})
            body = payloads.attachment(file, self._messages.file_url(channel.id, file))
            resolved.setdefault("attachments", {})[file.id] = {**body, "ephemeral": True}
        if options:
            data["options"] = options
            self._resolve(options, resolved)
        if resolved:
            data["resolved"] = resolved
        full = " ".join([name, *subcommands(options)])
        return self.create(COMMAND, person, channel, data, name=full, text=text)

    def menu(
        self,
        person: User,
        channel: Channel,
        name: str,
        *,
        message: Message | None = None,
        target: User | None = None,
    ) -> Interaction:
        """Use a context menu command on a message or on a person."""
        kind = MESSAGE_MENU if message is not None else USER_MENU
        command = self.registered(name, kind, channel)
        data: Json = {"id": command["id"], "name": name, "type": kind}
        if command.get("guild_id"):
            data["guild_id"] = command["guild_id"]
        if message is not None:
            data["target_id"] = message.id
            data["resolved"] = {"messages": {message.id: self._messages.body(message)}}
        elif target is not None:
            data["target_id"] = target.id
            data["resolved"] = {
                "users": {target.id: payloads.user(target)},
                "members": {target.id: payloads.member(self._state, target)},
            }
        return self.create(COMMAND, person, channel, data, name=name)

    def autocomplete(self, person: User, channel: Channel, name: str, option: str, typed: str) -> Interaction:
        """Type into an option that completes itself."""
        command = self.registered(name, CHAT_INPUT, channel)
        found = next((one for one in command.get("options") or [] if one["name"] == option), None)
        if found is None or not found.get("autocomplete"):
            raise LookupError(f"/{name} has no option {option!r} that completes itself")
        data: Json = {
            "id": command["id"],
            "name": name,
            "type": CHAT_INPUT,
            "options": [{"name": option, "type": found["type"], "value": typed, "focused": True}],
        }
        return self.create(AUTOCOMPLETE, person, channel, data, name=name)

    def _resolve(self, options: Sequence[Json], resolved: Json) -> None:
        state = self._state
        for option in options:
            self._resolve(option.get("options") or [], resolved)
            value = str(option.get("value", ""))
            if option["type"] in (6, 9) and value in state.users:
                resolved.setdefault("users", {})[value] = payloads.user(state.users[value])
                resolved.setdefault("members", {})[value] = payloads.member(state, state.users[value])
            elif option["type"] == 7 and value in state.channels:
                channel = state.channels[value]
                resolved.setdefault("channels", {})[value] = {
                    **payloads.channel(state, channel),
                    "permissions": str(state.held(channel)),
                }

    # ------------------------------------------------------------------ from the bot

    def claim(self, ident: str, token: str) -> Interaction:
        """The interaction that a callback answers; refused as Discord does when it is late, answered or unknown."""
        one = self._by_id.get(ident)
        if one is None or not secrets.compare_digest(one.token.encode(), token.encode()):
            raise Refusal(10062)
        if one.state in ("answered", "deferred"):
            raise Refusal(40060)
        late = self._clock.now() - one.at > self._clock.duration("discord.interaction_ack")
        if one.state == "failed" or late:
            raise Refusal(10062)
        return one

    def answered(self, one: Interaction, state: str, what: str, **more: Any) -> None:
        one.state = state
        one.done.set()
        self._record.add("acked", "discord", id=one.id, after=self._clock.now() - one.at)
        self._note(one, what, **more)

    def by_token(self, application: str, token: str) -> Interaction:
        """The interaction whose token a webhook call uses (10015, or 50027 once it has expired)."""
        one = self._by_token.get(token)
        if application != self._state.application_id:
            raise Refusal(10015)
        if one is None:
            raise Refusal(50027)
        if self._clock.now() - one.at > self._clock.duration("discord.interaction_token"):
            raise Refusal(50027)
        if one.state in ("waiting", "failed"):
            raise Refusal(10015)
        return one

    def about(self, token: str) -> tuple[str, str, str]:
        """(interaction, channel, original message) of a token, for the record: the token itself is a secret."""
        one = self._by_token.get(token)
        return (one.id, one.channel, one.original) if one is not None else ("unknown", "", "")

    def open_modal(self, one: Interaction, custom_id: str, title: str, fields: list[Json]) -> Modal:
        modal = Modal(
            self._state.snowflake(), one.id, one.person, one.channel, one.message, custom_id, title, fields
        )
        self.modals[modal.id] = modal
        self._record.add(
            "modal",
            "discord",
            modal=modal.id,
            person=one.person,
            channel=one.channel,
            title=title,
            fields=[field_["custom_id"] for field_ in fields],
        )
        return modal

    def close_modal(self, modal: Modal) -> None:
        del self.modals[modal.id]
        self._record.add("modal_closed", "discord", modal=modal.id, person=modal.person)

    def submit(self, modal: Modal, values: dict[str, str]) -> Interaction:
        """Send a form. Raises ValueError for a field that it does not have, or a value that its limits forbid."""
        known = {field_["custom_id"] for field_ in modal.fields}
        for name in values:
            if name not in known:
                raise ValueError(f"the form has no field {name!r}; it has {', '.join(sorted(known))}")
        rows = []
        for field_ in modal.fields:
            value = values.get(field_["custom_id"], field_.get("value") or "")
            least = field_.get("min_length") or (1 if field_.get("required", True) else 0)
            most = field_.get("max_length") or 4000
            if not least <= len(value) <= most:
                raise ValueError(
                    f"{field_['custom_id']!r} takes {least} to {most} characters, not {len(value)}"
                )
            held = {
                "type": field_["type"],
                "id": field_["row"] + 100,
                "custom_id": field_["custom_id"],
                "value": value,
            }
            row: Json = {"type": field_["in"], "id": field_["row"]}
            rows.append({**row, **({"component": held} if field_["in"] == 18 else {"components": [held]})})
        self.close_modal(modal)
        channel = self._state.channels[modal.channel]
        message = channel.messages.get(modal.message) if modal.message else None
        data: Json = {"custom_id": modal.custom_id, "components": rows}
        return self.create(
            MODAL_SUBMIT,
            self._state.users[modal.person],
            channel,
            data,
            name=modal.custom_id,
            message=message,
        )
