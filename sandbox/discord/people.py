"""What people do in the sandbox's Discord. Law: a person can do here what Discord's client would let him do, no more.

Persons and channels are named by id or by name. What Discord's client would not offer (a command that is not
registered, a button that is not there, somebody else's message) raises with a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.clock import Clock
from sandbox.discord import payloads
from sandbox.discord.components import BUTTON, SELECTS, controls_of, walk
from sandbox.discord.gateway import Gateway
from sandbox.discord.interactions import COMPONENT, Interactions
from sandbox.discord.messages import CONTENT_MAX, Allowed, ping
from sandbox.discord.posts import Posts, visible
from sandbox.discord.state import (
    EPHEMERAL,
    LOADING,
    MODERATOR,
    OWNER,
    PERMISSIONS,
    SUPPRESS_EMBEDS,
    Attachment,
    Channel,
    Json,
    Message,
    State,
    User,
    iso,
    permission,
)
from sandbox.record import Record


class People:
    """The verbs and the views of the people; `DiscordServer` inherits them."""

    _clock: Clock
    _record: Record
    state: State
    gateway: Gateway
    interactions: Interactions
    posts: Posts
    bodies: payloads.Messages
    mention: str  # how a message addresses the bot

    # ------------------------------------------------------------------ views

    def people(self) -> list[dict[str, Any]]:
        """`role`: "owner", "manager" (Manage Server), "moderator" (Manage Messages) or ""."""
        return [
            {"id": one.id, "name": one.name, "bot": one.bot, "role": _role(one)}
            for one in self.state.users.values()
        ]

    def roles(self) -> list[dict[str, Any]]:
        return [{"id": ident, "name": name} for ident, name in self.state.roles.items()]

    def channels(self) -> list[dict[str, Any]]:
        return [
            {
                "id": one.id,
                "name": one.name,
                "kind": one.kind,
                "private": one.private,
                "person": one.person,
                "parent": one.parent,
                "archived": one.archived,
            }
            for one in self.state.channels.values()
        ]

    def direct(self, person: str) -> str:
        """The DM of a person with the bot."""
        return self.state.open_dm(self.state.person(person).id).id

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """What stands in the channel now, oldest first, each as a viewer sees it."""
        return [self._view(one) for one in self.state.channel(channel).messages.values()]

    def _view(self, one: Message) -> dict[str, Any]:
        origin = one.origin
        return {
            "id": one.id,
            "author": one.author,
            "author_name": self.state.users[one.author].name,
            "text": visible(one),
            "markup": "discord",
            "thread": "",
            "reply_to": one.reference["message_id"] if one.reference else "",
            "controls": controls_of(one.components),
            "ephemeral_for": one.ephemeral_for,
            "edited": one.edited is not None,
            "at": one.at,
            "loading": one.has(LOADING),
            "command": {"person": origin.user, "name": origin.name, "text": origin.text}
            if origin is not None and origin.name
            else None,
            "reactions": {name: len(who) for name, who in one.reactions.items()},
            "reacted": {name: list(who) for name, who in one.reactions.items()},
            "opened_thread": one.thread,
            "files": [
                {
                    "id": file.id,
                    "name": file.filename,
                    "url": self.bodies.file_url(one.channel, file),
                    "size": len(file.data),
                    "type": file.content_type,
                }
                for file in one.attachments
            ],
            "embeds": [] if one.has(SUPPRESS_EMBEDS) else list(one.embeds),
            "mentions": list(one.mentions),
        }

    def file(self, file: str) -> bytes:
        """The bytes of a file in some message. Raises KeyError."""
        for channel in self.state.channels.values():
            for message in channel.messages.values():
                for one in message.attachments:
                    if one.id == file:
                        return one.data
        raise KeyError(file)

    # ------------------------------------------------------------------ messages

    def _enter(self, person: User, channel: Channel) -> None:
        if channel.kind == "dm" and channel.person != person.id and not person.bot:
            raise PermissionError(f"this is not {person.name}'s DM")

    async def say(
        self,
        person: str,
        channel: str,
        text: str,
        *,
        thread: str = "",
        reply_to: str = "",
        ping_author: bool = True,
        files: Sequence[tuple[str, str, bytes]] = (),
    ) -> str:
        """Type a message and send it; its id. `files`: (name, content type, data).

        `reply_to` answers a message, with its author pinged or not; `thread` (a thread's id) is the same as naming the
        thread as the channel.
        """
        who, where = self.state.person(person), self.state.channel(thread or channel)
        self._enter(who, where)
        if where.locked and where.archived:
            raise PermissionError("this thread is locked")
        if len(text) > CONTENT_MAX:
            raise ValueError(f"Discord's client sends at most {CONTENT_MAX} characters, not {len(text)}")
        if not text.strip() and not files:
            raise ValueError("Discord's client sends no empty message")
        target = self.state.message(where.id, reply_to) if reply_to else None
        message = self.posts.blank(where, who, type_=19 if target else 0)
        message.content = text.strip()
        if target is not None:
            guild = {} if where.kind == "dm" else {"guild_id": self.state.guild_id}
            message.reference = {"type": 0, "channel_id": where.id, "message_id": target.id, **guild}
        message.attachments = self._attachments(files)
        ping(
            self.state,
            message,
            Allowed(replied_user=ping_author),
            replied_to=target,
            may_everyone=bool(who.permissions & PERMISSIONS["mention_everyone"]),
        )
        self.posts.post(message)
        return message.id

    def _attachments(self, files: Sequence[tuple[str, str, bytes]]) -> list[Attachment]:
        return [
            Attachment(self.state.snowflake(), name, kind, data, self._clock.now())
            for name, kind, data in files
        ]

    def _own_or_moderate(self, person: User, message: Message) -> None:
        channel = self.state.channels[message.channel]
        moderates = person.permissions & PERMISSIONS["manage_messages"] and channel.kind != "dm"
        if message.author != person.id and not moderates:
            raise PermissionError(
                f"{person.name} may delete only own messages here; moderators are "
                + ", ".join(
                    one.name for one in self.state.users.values() if one.permissions & MODERATOR == MODERATOR
                )
            )

    async def delete(self, person: str, channel: str, message: str) -> None:
        """Delete one's own message, or, as a moderator of the guild (Ada, Grace), anybody's."""
        found = self.state.message(channel, message)
        self._own_or_moderate(self.state.person(person), found)
        self.posts.remove(found)

    async def change(self, person: str, channel: str, message: str, text: str) -> None:
        """Edit one's own message."""
        who, found = self.state.person(person), self.state.message(channel, message)
        if found.author != who.id:
            raise PermissionError(f"{who.name} may edit only own messages")
        found.content, found.edited = text.strip(), iso()
        target = (
            self.state.channels[found.channel].messages.get(found.reference["message_id"])
            if found.reference
            else None
        )
        may_everyone = bool(who.permissions & PERMISSIONS["mention_everyone"])
        ping(self.state, found, Allowed(), replied_to=target, may_everyone=may_everyone)
        self.posts.changed(found)

    async def unfurl(
        self, channel: str, message: str, *, url: str = "https://example.com/", title: str = "Example"
    ) -> bool:
        """Discord adds a link's preview: a MESSAGE_UPDATE without a change of the text. False: previews are suppressed."""
        found = self.state.message(channel, message)
        if found.has(SUPPRESS_EMBEDS):
            return False
        found.embeds = [*found.embeds, {"type": "link", "url": url, "title": title}]
        self.posts.changed(found)
        return True

    async def react(self, person: str, channel: str, message: str, emoji: str) -> None:
        self.posts.react(self.state.message(channel, message), self.state.person(person), emoji)

    async def unreact(self, person: str, channel: str, message: str, emoji: str) -> None:
        self.posts.unreact(self.state.message(channel, message), self.state.person(person), emoji)

    async def type(self, person: str, channel: str) -> None:
        """Be seen typing."""
        self.posts.typing(self.state.channel(channel), self.state.person(person))

    def join(self, name: str, *permissions: str, bot: bool = False) -> str:
        """Somebody new, with a role that has these permissions ("manage_guild"), or another app's bot; the id."""
        who = User(self.state.snowflake(), name, bot=bot)
        self.state.users[who.id] = who
        if permissions:
            held = 0
            for one in permissions:
                held |= permission(one)
            self.state.add_role(f"{name} may", held, members=(who.id,))
        if not bot:
            self.state.open_dm(who.id)
        return who.id

    async def invite_bot(self, name: str) -> str:
        """Another application's bot joins the guild; its id. It can `say` what a person can."""
        return self.join(name, bot=True)

    # ------------------------------------------------------------------ channels and threads

    async def start_thread(self, person: str, channel: str, name: str, *, message: str = "") -> str:
        """Open a thread, on a message or without one; its id, which is a channel's."""
        where = self.state.channel(channel)
        if where.kind != "channel":
            raise ValueError("threads start in a guild's channels only")
        found = self.state.message(channel, message) if message else None
        if found is not None and found.thread:
            raise ValueError("this message has a thread already")
        return self.posts.start_thread(where, self.state.person(person), name, message=found).id

    async def archive(self, thread: str, *, locked: bool = False) -> None:
        """Close a thread: nothing in it can be edited until somebody writes there (locked: until it is opened)."""
        channel = self.state.channel(thread)
        if channel.kind != "thread":
            raise ValueError(f"{channel.name} is no thread")
        channel.archived, channel.locked = True, locked
        self.posts.channel_changed(channel)

    async def unarchive(self, thread: str) -> None:
        channel = self.state.channel(thread)
        channel.archived = channel.locked = False
        self.posts.channel_changed(channel)

    async def create_channel(self, name: str, *, private: bool = False) -> str:
        channel = self.state.add_channel(name, private=private)
        self.posts.channel_made(channel)
        return channel.id

    async def delete_channel(self, channel: str) -> None:
        self.posts.channel_gone(self.state.channel(channel))

    async def revoke(self, channel: str, *permissions: str) -> None:
        """Take permissions from the bot in a channel, by name ("send_messages", "view_channel")."""
        where = self.state.channel(channel)
        for name in permissions:
            where.denied |= permission(name)
        self.posts.channel_changed(where)

    async def grant(self, channel: str, *permissions: str) -> None:
        """Give them back."""
        where = self.state.channel(channel)
        for name in permissions:
            where.denied &= ~permission(name)
        self.posts.channel_changed(where)

    # ------------------------------------------------------------------ interactions

    def commands(self, channel: str) -> list[dict[str, Any]]:
        """What Discord's client offers there: {"name", "kind" ("slash", "person", "message"), "description", "options"}."""
        where = self.state.channel(channel)
        kinds = {1: "slash", 2: "person", 3: "message"}
        return [
            {
                "name": one["name"],
                "kind": kinds[one["type"]],
                "description": one["description"],
                "options": one.get("options") or [],
            }
            for one in self.interactions.offered(where)
        ]

    async def command(
        self,
        person: str,
        channel: str,
        name: str,
        text: str,
        files: Sequence[tuple[str, str, bytes]] = (),
    ) -> str:
        """Use a slash command the bot has registered; the interaction's id. `files`: (name, content type, data), for the
        options that take one.

        The record has what happens: `interaction` entries with this id (sent, deferred, answered, failed ...), and the
        `shown` entries of the message that they name.
        """
        who, where = self.state.person(person), self.state.channel(channel)
        self._enter(who, where)
        attached = self._attachments(files)
        return self.interactions.command(who, where, name.removeprefix("/"), text, attached).id

    async def menu(self, person: str, channel: str, message: str, name: str) -> str:
        """Use a context menu command on a message; the interaction's id."""
        who, where = self.state.person(person), self.state.channel(channel)
        return self.interactions.menu(who, where, name, message=self.state.message(channel, message)).id

    async def menu_on_person(self, person: str, channel: str, target: str, name: str) -> str:
        """Use a context menu command on a person; the interaction's id."""
        who, where = self.state.person(person), self.state.channel(channel)
        return self.interactions.menu(who, where, name, target=self.state.person(target)).id

    async def complete(self, person: str, channel: str, name: str, option: str, typed: str) -> list[Json]:
        """Type into an option that completes itself: the choices that the bot offers; none where it does not answer."""
        who, where = self.state.person(person), self.state.channel(channel)
        one = self.interactions.autocomplete(who, where, name.removeprefix("/"), option, typed)
        await one.done.wait()
        return one.choices or []

    async def press(self, person: str, channel: str, message: str, control: str) -> None:
        """Press a button, by its custom_id or its label."""
        await self._use(person, channel, message, control, None)

    async def select(self, person: str, channel: str, message: str, control: str, *values: str) -> None:
        """Choose in a select, by its custom_id or its placeholder."""
        await self._use(person, channel, message, control, list(values))

    async def _use(
        self, person: str, channel: str, message: str, control: str, values: list[str] | None
    ) -> None:
        who, where, found = (
            self.state.person(person),
            self.state.channel(channel),
            self.state.message(channel, message),
        )
        self._enter(who, where)
        if found.has(EPHEMERAL) and found.ephemeral_for != who.id:
            raise PermissionError(f"{who.name} does not see this message")
        wanted = (BUTTON,) if values is None else SELECTS
        component = next(
            (
                one
                for one in walk(found.components)
                if one.get("type") in wanted
                and control in (one.get("custom_id"), one.get("label"), one.get("placeholder"))
            ),
            None,
        )
        if component is None:
            known = ", ".join(repr(one["label"]) for one in controls_of(found.components)) or "none"
            raise LookupError(f"there is no control {control!r} under this message; there are {known}")
        if component.get("disabled"):
            raise PermissionError(f"the control {control!r} is disabled")
        if component.get("style") == 5:
            return  # a link opens in the browser; the bot never hears of it
        data: Json = {
            "custom_id": component["custom_id"],
            "component_type": component["type"],
            "id": component.get("id", 1),
        }
        if values is not None:
            data["values"] = values
        self.interactions.create(COMPONENT, who, where, data, name="", message=found)

    async def submit(self, person: str, values: dict[str, str], *, modal: str = "") -> str:
        """Fill in and send the form that the person sees (the newest, or the one named); the interaction's id."""
        who = self.state.person(person)
        open_ = [
            one for one in self.interactions.modals.values() if one.person == who.id and modal in ("", one.id)
        ]
        if not open_:
            raise LookupError(f"{who.name} sees no form")
        return self.interactions.submit(open_[-1], values).id

    def modals(self, person: str) -> list[dict[str, Any]]:
        """The forms that a person sees: {"id", "title", "custom_id", "fields"}."""
        who = self.state.person(person)
        return [
            {"id": one.id, "title": one.title, "custom_id": one.custom_id, "fields": one.fields}
            for one in self.interactions.modals.values()
            if one.person == who.id
        ]

    async def dismiss(self, person: str, modal: str) -> None:
        """Close a form without sending it: the bot never hears of it."""
        found = self.interactions.modals.get(modal)
        if found is None or found.person != self.state.person(person).id:
            raise LookupError(f"{person} sees no form {modal!r}")
        self.interactions.close_modal(found)


def _role(user: User) -> str:
    if user.permissions == OWNER:
        return "owner"
    for name, bit in (("manager", "manage_guild"), ("moderator", "manage_messages")):
        if user.permissions & PERMISSIONS[bit]:
            return name
    return ""
