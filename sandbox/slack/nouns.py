"""The nouns of a Slack workspace: people, files, streams, messages, channels. Law: they hold state and do nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sandbox.slack import sight
from sandbox.slack.blocks import Block

Kind: TypeAlias = Literal["channel", "private", "im"]
Event: TypeAlias = dict[str, Any]

TEAM = "T0SANDBOX"
APP = "A0SANDBOX"
BOT_USER = "U0CLAUDE"
BOT = "B0CLAUDE"
SLACKBOT = "USLACKBOT"
DOMAIN = "sandbox"


@dataclass(slots=True)
class Person:
    id: str
    name: str
    bot: bool = False
    bot_id: str = ""  # a bot's B... id
    admin: bool = False
    owner: bool = False
    guest: bool = False
    stranger: bool = False
    team: str = TEAM  # another one's: somebody who is here by Slack Connect
    locale: str = "en-US"

    @property
    def role(self) -> str:
        """What Slack's profile says beside the name; "" for a member."""
        if self.stranger or self.team != TEAM:
            return "outsider"
        return "guest" if self.guest else "owner" if self.owner else "admin" if self.admin else ""


@dataclass(slots=True)
class File:
    """A file of the workspace; `content` is None until it has been uploaded."""

    id: str
    name: str
    title: str
    mimetype: str
    length: int
    owner: str
    content: bytes | None = None
    shared: bool = False
    only_named: bool = False  # messages tell its id alone


@dataclass(slots=True)
class Stream:
    """A message that still streams: its mode is locked by its first content."""

    started: float
    recipient: str
    mode: Literal["", "text", "chunks"] = ""
    size: int = 0
    stopped_by: str = ""
    over: bool = False
    text: str = ""
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    plan: str = ""
    blocks: list[Block] = field(default_factory=list)

    @property
    def source(self) -> str:
        """What a viewer sees: the plan's title, the task cards, the text."""
        lines = [f"**{self.plan}**"] if self.plan else []
        marks = {"pending": "○", "in_progress": "◐", "complete": "●", "error": "✕"}
        lines += [f"{marks.get(str(t['status']), '○')} {t['title']}" for t in self.tasks.values()]
        return "\n".join([*lines, self.text]) if lines else self.text


@dataclass(slots=True)
class Message:
    ts: str
    channel: str
    author: str
    text: str
    at: float
    blocks: list[Block] | None = None
    attachments: list[dict[str, Any]] = field(default_factory=list)
    thread: str = ""  # the root's ts, "" for a message at the top level (and for a root)
    metadata: dict[str, Any] | None = None
    files: list[File] = field(default_factory=list)
    edited: tuple[str, str] | None = None  # who, when (a ts)
    ephemeral_for: str = ""
    subtype: str = ""
    username: str = ""
    broadcast: bool = False
    unfurls: bool = False  # Slack was allowed to add previews of its links
    client_msg_id: str = ""
    reactions: dict[str, list[str]] = field(default_factory=dict)
    stream: Stream | None = None

    @property
    def by_bot(self) -> bool:
        return self.author == BOT_USER

    @property
    def source(self) -> str:
        """The source of what a viewer sees."""
        if self.stream is not None:
            below = sight.seen("", self.stream.blocks) if self.stream.blocks else ""
            return "\n\n".join(part for part in (self.stream.source, below) if part)
        # What people write comes with a rich_text twin; the text is its fuller source.
        return sight.seen(self.text, self.blocks) if self.by_bot else self.text

    @property
    def markup(self) -> str:
        return "slack-markdown" if self.stream is not None else sight.markup(self.blocks)

    @property
    def controls(self) -> list[sight.Control]:
        return sight.controls(self.stream.blocks if self.stream is not None else self.blocks)


@dataclass(slots=True)
class Channel:
    id: str
    name: str
    kind: Kind
    members: set[str]
    created: int
    person: str = ""  # a DM: the person at the other end
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)  # in order of ts
    ephemeral: dict[str, Message] = field(default_factory=dict)
    statuses: dict[str, tuple[str, float]] = field(default_factory=dict)  # thread -> (text, until)

    @property
    def type(self) -> str:
        """`channel_type` of events."""
        return {"channel": "channel", "private": "group", "im": "im"}[self.kind]

    def replies(self, root: str) -> list[Message]:
        return [message for message in self.messages.values() if message.thread == root]
