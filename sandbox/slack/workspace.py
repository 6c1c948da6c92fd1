"""One Slack workspace: its people, channels and messages. Law: whatever changes what a viewer sees goes through here.

Each verb changes the state, writes the record, and announces the event that Slack would send; the Web API and the
people of the sandbox use the same verbs. A message's `ts` grows strictly, and is its identity in its channel.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Any

from sandbox.clock import Clock
from sandbox.record import Record
from sandbox.slack.nouns import (
    APP,
    BOT,
    BOT_USER,
    DOMAIN,
    SLACKBOT,
    TEAM,
    Channel,
    Event,
    File,
    Message,
    Person,
)
from sandbox.slack.refusals import MisusedError, SlackError
from sandbox.slack.wording import pings, rich_text


class Workspace:
    """The state of the sandbox's only workspace; `announce` is called with each event that Slack would send."""

    def __init__(self, clock: Clock, record: Record) -> None:
        self.clock = clock
        self.record = record
        self.url = ""
        self.announce: Callable[[Event, Channel | None], None] = lambda _event, _channel: None
        self.files: dict[str, File] = {}
        self.background: set[asyncio.Task[None]] = set()
        self._epoch = time.time() - clock.now()
        self._last = 0
        self.people: dict[str, Person] = {
            person.id: person
            for person in (
                Person("U0ADA", "Ada", admin=True),
                Person("U0GRACE", "Grace"),
                Person("U0LINUS", "Linus", locale="de-DE"),
                Person("U0MARGARET", "Margaret"),
                Person(BOT_USER, "claude", bot=True, bot_id=BOT),
                Person("U0ROBOT", "robo", bot=True, bot_id="B0ROBOT"),
                Person("U0DOROTHY", "Dorothy", guest=True),
                # Of another company, by Slack Connect.
                Person("U0KATHERINE", "Katherine", stranger=True, team="T0ELSEWHERE"),
            )
        }
        visitors = {person.id for person in self.people.values() if person.guest or person.stranger}
        everyone = self.people.keys() - visitors
        strangers = everyone - {BOT_USER}
        created = int(self._epoch)
        self.channels: dict[str, Channel] = {
            channel.id: channel
            for channel in (
                Channel("C0GENERAL", "general", "channel", set(self.people), created),
                Channel("C0RANDOM", "random", "channel", set(everyone), created),
                Channel("C0LOBBY", "public-no-bot", "channel", set(strangers), created),
                Channel("G0COUNCIL", "private-with-bot", "private", set(everyone), created),
                Channel("G0SECRET", "private-no-bot", "private", set(strangers), created),
                Channel("C0ARCHIVE", "archived", "channel", set(everyone), created, archived=True),
            )
        }
        for person in self.people.values():
            if not person.bot:
                self._open(person.id, created)

    # ------------------------------------------------------------------------------------------------ looking up

    def _open(self, person: str, created: int) -> Channel:
        number = person.removeprefix("U")
        channel = Channel(f"D{number}", "", "im", {person, BOT_USER}, created, person=person)
        return self.channels.setdefault(channel.id, channel)

    def join(self, name: str, **what: Any) -> Person:
        """Somebody new; `what`: fields of Person. A member of no channel yet but of their DM with the bot."""
        person = Person(f"U0{name.upper()}", name, **what)
        if not name.isalnum() or person.id in self.people:
            raise MisusedError(f"nobody new can be called {name!r}")
        if person.bot and not person.bot_id:
            person.bot_id = f"B0{name.upper()}"
        self.people[person.id] = person
        if not person.bot:
            self.direct(person.id)
        return person

    def create(self, name: str, members: Collection[str]) -> Channel:
        """A public channel with these people and the bot in it."""
        id_ = "C0" + "".join(sign for sign in name.upper() if sign.isalnum())
        if id_ in self.channels or not set(members) <= self.people.keys():
            raise MisusedError(f"a new channel has a new name and known people, not {name!r} with {members}")
        made = int(self._epoch + self.clock.now())
        channel = self.channels[id_] = Channel(id_, name, "channel", {*members, BOT_USER}, made)
        return channel

    def direct(self, person: str) -> Channel:
        """The DM between a person and the bot."""
        return self._open(person, int(self._epoch + self.clock.now()))

    def next_ts(self) -> str:
        now = int((self._epoch + self.clock.now()) * 1e6)
        self._last = max(now, self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def file_json(self, file: File) -> dict[str, Any]:
        kind = file.name.rpartition(".")[2].lower() if "." in file.name else "text"
        address = f"{self.url}/files-pri/{TEAM}-{file.id}"
        return {
            "id": file.id,
            "created": int(self._epoch + self.clock.now()),
            "name": file.name,
            "title": file.title or file.name,
            "mimetype": file.mimetype,
            "filetype": kind,
            "pretty_type": kind.upper(),
            "user": file.owner,
            "size": file.length,
            "mode": "hosted",
            "is_external": False,
            "is_public": False,
            "url_private": f"{address}/{file.name}",
            "url_private_download": f"{address}/download/{file.name}",
            "permalink": f"https://{DOMAIN}.slack.com/files/{file.owner}/{file.id}/{file.name}",
        }

    def named_json(self, file: File) -> dict[str, Any]:
        """What a message tells of a file whose access has to be checked."""
        return {"id": file.id, "mode": "file_access", "file_access": "check_file_info", "created": 0}

    def message_json(self, message: Message, *, metadata: bool = False) -> dict[str, Any]:
        """A message as the Web API and the events give it."""
        body: dict[str, Any] = {
            "type": "message",
            "user": message.author,
            "ts": message.ts,
            "text": message.text,
        }
        if message.subtype:
            body["subtype"] = message.subtype
        author = self.people.get(message.author)
        if author is not None and author.bot:
            profile = self.bot_profile(author)
            body |= {"bot_id": author.bot_id, "app_id": profile["app_id"], "bot_profile": profile}
            if message.username:
                body["username"] = message.username
        if message.client_msg_id:
            body["client_msg_id"] = message.client_msg_id
        body["team"] = author.team if author is not None else TEAM
        if author is not None and author.team != TEAM:
            body |= {"user_team": author.team, "source_team": author.team}
        if message.stream is not None:
            body["text"] = message.stream.source
            body["blocks"] = [{"type": "markdown", "text": message.stream.source}, *message.stream.blocks]
            if not message.stream.over:
                body["streaming_state"] = "in_progress"
        elif message.blocks:
            body["blocks"] = message.blocks
        if message.attachments:
            body["attachments"] = message.attachments
        if message.files:
            body["files"] = [
                self.named_json(file) if file.only_named else self.file_json(file) for file in message.files
            ]
            body["upload"] = False
        if message.edited:
            body["edited"] = {"user": message.edited[0], "ts": message.edited[1]}
        if message.reactions:
            body["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)}
                for name, users in message.reactions.items()
            ]
        if metadata and message.metadata:
            body["metadata"] = message.metadata
        return body | self._thread_json(message)

    def _thread_json(self, message: Message) -> dict[str, Any]:
        channel = self.channels[message.channel]
        if message.thread:
            root = channel.messages.get(message.thread)
            parent = {"parent_user_id": root.author} if root is not None else {}
            return {"thread_ts": message.thread, **parent}
        replies = channel.replies(message.ts)
        if not replies:
            return {}
        users = list(dict.fromkeys(reply.author for reply in replies))
        return {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
            "reply_users": users,
            "is_locked": False,
            "subscribed": False,
        }

    def bot_profile(self, bot: Person) -> dict[str, Any]:
        return {
            "id": bot.bot_id,
            "app_id": APP if bot.id == BOT_USER else bot.bot_id.replace("B", "A", 1),
            "user_id": bot.id,
            "name": bot.name,
            "team_id": TEAM,
            "deleted": False,
        }

    def is_member(self, channel: Channel) -> bool:
        return BOT_USER in channel.members

    def visible(self, channel: Channel) -> Iterator[Message]:
        """Every message that somebody sees there, ephemeral ones too, in order."""
        yield from sorted((*channel.messages.values(), *channel.ephemeral.values()), key=lambda m: m.ts)

    # ------------------------------------------------------------------------------------------------ changing

    def post(self, channel: Channel, author: str, text: str, **more: Any) -> Message:
        """A new message, seen by everybody in the channel. `more`: fields of Message."""
        message = Message(self.next_ts(), channel.id, author, text, self.clock.now(), **more)
        if not self.people[author].bot:
            message.blocks = rich_text(text, secrets.token_hex(3)) if text else None
            message.client_msg_id = message.client_msg_id or _uuid()
        channel.messages[message.ts] = message
        if message.by_bot and (message.stream is None or message.stream.source):
            self.clear_status(channel, message.thread or message.ts)
        self._shown(message, "post")
        self._announce_message(channel, message)
        return message

    def whisper(self, channel: Channel, person: str, text: str, **more: Any) -> Message:
        """An ephemeral message: only `person` sees it, no event tells of it."""
        more.setdefault("author", BOT_USER)
        message = Message(
            ts=self.next_ts(),
            channel=channel.id,
            text=text,
            at=self.clock.now(),
            ephemeral_for=person,
            **more,
        )
        channel.ephemeral[message.ts] = message
        self._shown(message, "post")
        return message

    def edit(self, channel: Channel, message: Message, *, by: str, mark: bool, **changes: Any) -> None:
        """Change a message; `mark` puts "(edited)" beside it, with `by`: a person's id, or a bot's B... id.

        Announced as message_changed.
        """
        before = self.message_json(message)
        for name, value in changes.items():
            setattr(message, name, value)
        if mark:
            message.edited = (by, self.next_ts())
        self._shown(message, "edit")
        if not message.ephemeral_for:
            self.announce_change(channel, message, before)

    def append(self, message: Message) -> None:
        """A stream has grown."""
        self.clear_status(self.channels[message.channel], message.thread)
        self._shown(message, "append")

    def remove(self, channel: Channel, message: Message) -> None:
        """Delete a message. A root with replies leaves a tombstone, as on Slack."""
        if message.ephemeral_for:
            channel.ephemeral.pop(message.ts, None)
            self.record.add("removed", "slack", channel=channel.id, message=message.ts)
            return
        before = self.message_json(message)
        if channel.replies(message.ts):
            message.text, message.blocks, message.subtype = "This message was deleted.", None, "tombstone"
            message.author, message.stream, message.files, message.reactions = SLACKBOT, None, [], {}
            message.edited = None
        else:
            channel.messages.pop(message.ts, None)
        self.record.add("removed", "slack", channel=channel.id, message=message.ts)
        event = {
            "type": "message",
            "subtype": "message_deleted",
            "previous_message": before,
            "channel": channel.id,
            "hidden": True,
            "deleted_ts": message.ts,
            "event_ts": self.next_ts(),
            "channel_type": channel.type,
        }
        self.announce(event | {"ts": event["event_ts"]}, channel)

    def react(
        self, channel: Channel, message: Message, person: str, name: str, *, remove: bool = False
    ) -> None:
        """Raises SlackError("already_reacted" or "no_reaction")."""
        users = message.reactions.setdefault(name, [])
        if (person in users) is not remove:
            if not users:
                del message.reactions[name]
            raise SlackError("no_reaction" if remove else "already_reacted")
        if remove:
            users.remove(person)
            if not users:
                del message.reactions[name]
        else:
            users.append(person)
        verb = "unreacted" if remove else "reacted"
        self.record.add(verb, "slack", channel=channel.id, message=message.ts, author=person, name=name)
        event = {
            "type": "reaction_removed" if remove else "reaction_added",
            "user": person,
            "reaction": name,
            "item_user": message.author,
            "item": {"type": "message", "channel": channel.id, "ts": message.ts},
            "event_ts": self.next_ts(),
        }
        self.announce(event, channel)

    # ------------------------------------------------------------------------------------------------ status

    def set_status(self, channel: Channel, thread: str, text: str) -> None:
        """Shown to viewers under the thread until a post, "" or the timeout takes it away."""
        if not text:
            self.clear_status(channel, thread)
            return
        lasts = self.clock.duration("slack.status")
        until = self.clock.now() + lasts
        channel.statuses[thread] = (text, until)
        self.record.add("status", "slack", channel=channel.id, thread=thread, text=text)
        self.spawn(self._lapse(channel, thread, until, lasts))

    async def _lapse(self, channel: Channel, thread: str, until: float, lasts: float) -> None:
        await self.clock.sleep(lasts)
        if channel.statuses.get(thread, ("", 0.0))[1] == until:
            self.clear_status(channel, thread)

    def clear_status(self, channel: Channel, thread: str) -> None:
        if channel.statuses.pop(thread, None) is not None:
            self.record.add("status", "slack", channel=channel.id, thread=thread, text="")

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside; cancelled when the server stops."""
        task = asyncio.get_running_loop().create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    # ------------------------------------------------------------------------------------------------ telling

    def announce_change(self, channel: Channel, message: Message, before: dict[str, Any]) -> None:
        """message_changed, as Slack sends it for edits, unfurls and thread counters alike."""
        ts = self.next_ts()
        event = {
            "type": "message",
            "subtype": "message_changed",
            "message": self.message_json(message),
            "previous_message": before,
            "channel": channel.id,
            "hidden": True,
            "ts": ts,
            "event_ts": ts,
            "channel_type": channel.type,
        }
        self.announce(event, channel)

    def _announce_message(self, channel: Channel, message: Message) -> None:
        body = self.message_json(message)
        event = body | {"channel": channel.id, "event_ts": message.ts, "channel_type": channel.type}
        if message.files and not message.subtype:
            event["subtype"] = "file_share"
        if message.broadcast:
            event["subtype"] = "thread_broadcast"
        self.announce(event, channel)

    def _shown(self, message: Message, verb: str) -> None:
        self.record.add(
            "shown",
            "slack",
            channel=message.channel,
            message=message.ts,
            author=message.author,
            text=message.source,
            thread=message.thread,
            verb=verb,
            controls=[control.label for control in message.controls],
            ephemeral=bool(message.ephemeral_for),
            ephemeral_for=message.ephemeral_for,
            markup=message.markup,
            edited=message.edited is not None,
            files=[file.name for file in message.files],
            pings=pings(message.source) if message.by_bot else [],
            unfurls=message.unfurls and "://" in message.source,
        )


def _uuid() -> str:
    token = secrets.token_hex(16)
    return f"{token[:8]}-{token[8:12]}-{token[12:16]}-{token[16:20]}-{token[20:]}"
