"""The guild, its people, channels and messages. Law: nothing in here talks; every id is newer than the one before it.

Snowflakes carry the wall clock, as Discord's do, so that a client that reads the time out of an id gets a true one;
ages and expiries are counted on the sandbox's clock (`at`).
"""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

EPOCH_MS = 1_420_070_400_000  # the first second of 2015 (docs: reference, "Snowflakes")

Json: TypeAlias = dict[str, Any]

# Permission bits that the sandbox asks for (docs: topics/permissions).
PERMISSIONS = {
    "administrator": 1 << 3,
    "manage_channels": 1 << 4,
    "manage_guild": 1 << 5,
    "add_reactions": 1 << 6,
    "view_channel": 1 << 10,
    "send_messages": 1 << 11,
    "manage_messages": 1 << 13,
    "embed_links": 1 << 14,
    "attach_files": 1 << 15,
    "read_message_history": 1 << 16,
    "mention_everyone": 1 << 17,
    "use_external_emojis": 1 << 18,
    "use_application_commands": 1 << 31,
    "manage_threads": 1 << 34,
    "create_public_threads": 1 << 35,
    "create_private_threads": 1 << 36,
    "send_messages_in_threads": 1 << 38,
}
EVERYBODY = sum(
    PERMISSIONS[name]
    for name in (
        "add_reactions",
        "view_channel",
        "send_messages",
        "embed_links",
        "attach_files",
        "read_message_history",
        "mention_everyone",
        "use_external_emojis",
        "use_application_commands",
        "create_public_threads",
        "send_messages_in_threads",
    )
)
MODERATOR = EVERYBODY | PERMISSIONS["manage_messages"] | PERMISSIONS["manage_threads"]
OWNER = sum(PERMISSIONS.values())

# Message flags (docs: resources/message).
SUPPRESS_EMBEDS = 1 << 2
HAS_THREAD = 1 << 5
EPHEMERAL = 1 << 6
LOADING = 1 << 7
SUPPRESS_NOTIFICATIONS = 1 << 12
IS_COMPONENTS_V2 = 1 << 15

Kind: TypeAlias = Literal["channel", "thread", "dm"]


def permission(name: str) -> int:
    """The bit of a permission. Raises LookupError with a sentence."""
    if name not in PERMISSIONS:
        raise LookupError(f"no permission is called {name!r}; there are {', '.join(PERMISSIONS)}")
    return PERMISSIONS[name]


def iso(moment: datetime | None = None) -> str:
    return (moment or datetime.now(UTC)).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class User:
    """Somebody, or the bot. `permissions` in the guild as a bit set; `name` is what the clients show."""

    id: str
    name: str
    bot: bool = False
    permissions: int = EVERYBODY
    locale: str = "en-US"

    @property
    def handle(self) -> str:
        return self.name.lower()


@dataclass(slots=True)
class Attachment:
    id: str
    filename: str
    content_type: str
    data: bytes
    at: float
    description: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """The interaction that a message answers: who used what."""

    interaction: str
    type: int
    name: str
    user: str
    text: str = ""


@dataclass(slots=True)
class Message:
    """One message as Discord keeps it. `mentions`: users whom it pings or highlights (not merely names)."""

    id: str
    channel: str
    author: str
    content: str
    at: float
    sent: str
    type: int = 0
    flags: int = 0
    edited: str | None = None
    nonce: str | int | None = None
    mentions: list[str] = field(default_factory=list)
    mention_roles: list[str] = field(default_factory=list)
    mention_everyone: bool = False
    embeds: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    reference: Json | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    thread: str = ""
    origin: Origin | None = None
    token: str = (
        ""  # the interaction token it was made with: only that token may change it through the webhook
    )
    ephemeral_for: str = ""

    def has(self, flag: int) -> bool:
        return bool(self.flags & flag)


@dataclass(slots=True)
class Channel:
    """A guild's text channel, a thread in one, or a DM of `person` with the bot."""

    id: str
    name: str
    kind: Kind
    person: str = ""
    private: bool = False
    parent: str = ""
    owner: str = ""
    topic: str | None = None
    denied: int = 0  # permission bits that the bot lacks here
    position: int = 0
    made: str = field(default_factory=iso)
    archived: bool = False
    locked: bool = False
    auto_archive: int = 4320
    messages: dict[str, Message] = field(default_factory=dict)
    members: set[str] = field(default_factory=set)

    @property
    def type(self) -> int:
        """Channel types (docs: resources/channel): 0 text, 1 DM, 11 public thread, 12 private thread."""
        if self.kind == "thread":
            return 12 if self.private else 11
        return 1 if self.kind == "dm" else 0


@dataclass(slots=True)
class State:
    """Everything that exists. Looking up what does not exist answers None; the callers know which error that is."""

    guild_id: str
    application_id: str
    bot_id: str
    bot_name: str = "claude"
    guild_name: str = "Inkwell"
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    dms: dict[str, str] = field(default_factory=dict)
    commands: dict[str, Json] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)  # id -> name; all of them mentionable
    role_permissions: dict[str, int] = field(default_factory=dict)  # id -> bits, beyond those of everybody
    role_members: dict[str, set[str]] = field(default_factory=dict)  # id -> users
    loose: dict[str, Attachment] = field(default_factory=dict)  # files of commands, which no message has
    bot_permissions: int = EVERYBODY
    made: str = field(default_factory=iso)
    _last: int = 0

    def snowflake(self) -> str:
        now = (int(time.time() * 1000) - EPOCH_MS) << 22
        self._last = max(now, self._last + 1)
        return str(self._last)

    def populate(self) -> None:
        """The people and channels that a fresh sandbox has."""
        self.users[self.bot_id] = User(self.bot_id, self.bot_name, bot=True)
        for name, permissions in (
            ("Ada", OWNER),
            ("Grace", MODERATOR),
            ("Linus", EVERYBODY),
            ("Margaret", EVERYBODY),
        ):
            person = User(self.snowflake(), name, permissions=permissions)
            self.users[person.id] = person
        self.add_role("engineers")
        # What the people may do is what their roles allow; the owner needs none.
        self.add_role("moderators", MODERATOR & ~EVERYBODY, members=("Grace",))
        self.add_channel("general")
        self.add_channel("random")
        # The bot may read here and not write.
        self.add_channel("announcements", denied=PERMISSIONS["send_messages"])
        # The bot is not in here at all.
        self.add_channel("staff", private=True, denied=PERMISSIONS["view_channel"])
        for person in [user for user in self.users.values() if not user.bot]:
            self.open_dm(person.id)

    def add_role(self, name: str, permissions: int = 0, *, members: Sequence[str] = ()) -> str:
        """A role of these people (by id or name), who may do what it allows; its id. Clients hear of it when they connect."""
        ident = self.snowflake()
        self.roles[ident], self.role_permissions[ident] = name, permissions
        people = [self.person(one) for one in members]
        self.role_members[ident] = {one.id for one in people}
        for one in people:
            self.users[one.id] = replace(one, permissions=one.permissions | permissions)
        return ident

    def roles_of(self, person: str) -> list[str]:
        return [role for role, members in self.role_members.items() if person in members]

    def add_channel(
        self,
        name: str,
        *,
        kind: Kind = "channel",
        private: bool = False,
        denied: int = 0,
        parent: str = "",
        id_: str = "",
    ) -> Channel:
        channel = Channel(id_ or self.snowflake(), name, kind, private=private, denied=denied, parent=parent)
        channel.position = len(self.channels)
        self.channels[channel.id] = channel
        return channel

    def open_dm(self, person: str) -> Channel:
        """The DM of a person with the bot, made when it is first asked for."""
        if person not in self.dms:
            channel = self.add_channel(self.users[person].name, kind="dm")
            channel.person, channel.private = person, True
            self.dms[person] = channel.id
        return self.channels[self.dms[person]]

    @property
    def owner(self) -> User:
        return next(user for user in self.users.values() if user.permissions == OWNER)

    def person(self, name_or_id: str) -> User:
        """A person by id or by name. Raises LookupError with a sentence."""
        found = self.users.get(name_or_id) or next(
            (user for user in self.users.values() if user.name == name_or_id), None
        )
        if found is None:
            known = ", ".join(user.name for user in self.users.values())
            raise LookupError(f"nobody is called {name_or_id!r} here; there are {known}")
        return found

    def channel(self, name_or_id: str) -> Channel:
        """A channel by id or by name. Raises LookupError with a sentence."""
        found = self.channels.get(name_or_id) or next(
            (one for one in self.channels.values() if one.name == name_or_id and one.kind != "dm"), None
        )
        if found is None:
            known = ", ".join(channel.name for channel in self.channels.values())
            raise LookupError(f"no channel is called {name_or_id!r} here; there are {known}")
        return found

    def message(self, channel: str, message: str) -> Message:
        """A message. Raises LookupError with a sentence."""
        found = self.channel(channel).messages.get(message)
        if found is None:
            raise LookupError(f"there is no message {message!r} in {self.channel(channel).name}")
        return found

    def root(self, channel: Channel) -> Channel:
        """The channel whose permissions count: a thread's parent, otherwise the channel itself."""
        return self.channels.get(channel.parent, channel) if channel.parent else channel

    def may(self, channel: Channel, *names: str) -> bool:
        """Whether the bot has all these permissions in the channel. In its DMs it may do everything that exists there."""
        if channel.kind == "dm":
            return True
        held = self.bot_permissions & ~self.root(channel).denied & ~channel.denied
        return all(held & PERMISSIONS[name] for name in names)

    def held(self, channel: Channel) -> int:
        """The bot's permissions there as a bit set."""
        if channel.kind == "dm":
            # docs: receiving-and-responding, the note on app_permissions
            return sum(
                PERMISSIONS[name]
                for name in ("attach_files", "embed_links", "mention_everyone", "use_external_emojis")
            )
        return self.bot_permissions & ~self.root(channel).denied & ~channel.denied


def bot_token(bot_id: str) -> str:
    """A token of Discord's form: the first part is the bot's id, which some libraries read out of it."""
    return f"{base64.b64encode(bot_id.encode()).decode().rstrip('=')}.Sandbx.not-a-real-token-of-anybody"
