"""The nouns that the core and the adapters share, and the Platform protocol. Law: this file does no I/O.

An adapter turns its platform's events into `Incoming` and the other `Event`s, and turns `post` and `edit` into
calls. What went wrong comes back as data (`Refused`, `Gone`, `Denied`, `Unavailable`, `Rejected`), never as an
exception: an exception that leaves an adapter's verb is a bug. What differs between platforms is data in
`Profile` and one pure `Dialect`; the core never asks which platform it talks to.

Seconds are `float`. Points in time are the running loop's clock (`loop.time()`), called `now` or `until`;
lengths are called `retry_after`, `within`, `age`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol, TypeAlias

from bot.files import Attachment as Attachment  # noqa: PLC0414 (adapters import their nouns from here alone)
from bot.files import File as File  # noqa: PLC0414 (the same)
from bot.files import Unread as Unread  # noqa: PLC0414 (the same)
from bot.markup import Mark as Mark  # noqa: PLC0414 (the same)
from bot.markup import Syntax as Syntax  # noqa: PLC0414 (the same)
from bot.panels import Button as Button  # noqa: PLC0414 (the same)
from bot.panels import Check as Check  # noqa: PLC0414 (the same)
from bot.panels import Field as Field  # noqa: PLC0414 (the same)
from bot.panels import Group as Group  # noqa: PLC0414 (the same)
from bot.panels import Option as Option  # noqa: PLC0414 (the same)
from bot.panels import Panel as Panel  # noqa: PLC0414 (the same)

# ---------------------------------------------------------------------------------------------------- people, places


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who writes. `name` is the display name, or "" while nobody has looked it up (see `Platform.name`)."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person is in a place, as the platform says.

    manager    may change the bot's settings (Slack: admin or owner; Discord: Manage Server)
    moderator  may stop and delete other people's replies (a manager; Discord: also Manage Messages)
    guest      Slack: a restricted account
    outsider   Slack Connect: somebody of another workspace
    bot        not a person
    groups     ids of the user groups (Slack) or roles (Discord) that they are in
    locale     the language of their client ("de", "pt-BR"); "" where the platform does not tell
    """

    manager: bool = False
    moderator: bool = False
    guest: bool = False
    outsider: bool = False
    bot: bool = False
    groups: frozenset[str] = frozenset()
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reply grows. Everything but `route` may be stored and restored.

    platform   "slack", "discord": the adapter's `Profile.name`
    workspace  Slack team id, Discord guild id; "" where there is none
    channel    the channel id that posts go to (a Discord thread is a channel of its own)
    thread     Slack: the ts of the thread's root; "" posts at top level
    reply_to   Discord: the message that the first page replies to; Slack: the question, after which all of the answer
               stands, and in a DM under which native streaming opens a thread; ""
    private    a conversation with one person (DM)
    parent     Discord: the channel that this thread belongs to, whose settings hold in it; ""
    route      the adapter's own short-lived handle (a Discord interaction token, a Slack trigger), by which it can
               answer the person alone and open a form: never logged, never stored
    """

    platform: str
    workspace: str
    channel: str
    thread: str = ""
    reply_to: str = ""
    private: bool = False
    route: str = field(default="", repr=False)
    parent: str = ""


@dataclass(frozen=True, slots=True)
class Ref:
    """One message on a platform: its channel id, and its ts (Slack) or snowflake (Discord)."""

    channel: str
    message: str


# ---------------------------------------------------------------------------------------------------- what is shown


class Control(StrEnum):
    """A button on a reply."""

    STOP = "stop"
    REGENERATE = "regenerate"
    CONTINUE = "continue"
    GOOD = "good"
    BAD = "bad"
    FILE = "file"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What is asked before a press counts that cannot be undone; `keep` stands on the button that does nothing."""

    question: str
    keep: str


@dataclass(frozen=True, slots=True)
class Content:
    """One message as it should look now.

    text      in the platform's dialect, every delimiter balanced, within `Profile.page_limit`; never empty
    controls  buttons under it
    reply     the id of the reply it belongs to (travels in button values)
    labels    what stands on the buttons, in the asker's language; where it is empty, the control's own name
    sure      what is asked before Delete counts, where the platform can ask
    ping      the id of the one person whom it notifies, by a mention in front of the text; nobody else ever
    settled   where a message may grow natively: so many leading characters of the text no later one will change.
              None: it had better be shown by edits
    closed    the text stays so; only buttons may still change
    stands    the message shows this text already, closed: it is edited for the sake of its buttons alone
    """

    text: str
    controls: tuple[Control, ...] = ()
    reply: str = ""
    labels: tuple[str, ...] = ()
    sure: Confirmation | None = None
    ping: str = ""
    settled: int | None = field(default=None, compare=False)
    closed: bool = field(default=False, compare=False)
    stands: bool = field(default=False, compare=False)


# ---------------------------------------------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class Open:
    """What a message shows that grows natively, and takes nothing back: `shown` leading characters of the content.

    It wants to be closed by a content that is, and had better be left at `until`.
    """

    shown: int
    until: float


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform took it; `ref` is the message. `open`: where it grows natively; None: it shows the content whole."""

    ref: Ref
    open: Open | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A budget was overspent (HTTP 429). `bucket` is the refusing bucket's key, one of `Platform.buckets()`.

    Nothing was applied. `retry_after` in seconds from now.
    """

    retry_after: float
    bucket: str


@dataclass(frozen=True, slots=True)
class Gone:
    """Somebody deleted the message (or the channel): the reply is over, quietly."""

    code: str


@dataclass(frozen=True, slots=True)
class Denied:
    """The bot may not write here (not in the channel, permission lost, archived, token revoked)."""

    code: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer, or a server's fault (5xx, timeout, reset): worth trying again.

    `applied` says whether it may have happened all the same: only `False` makes repeating a post safe without
    `Platform.find`.
    """

    code: str
    applied: bool | None = None
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Rejected:
    """The platform will not take this content (too long, invalid blocks): sending the same again is useless."""

    code: str


@dataclass(frozen=True, slots=True)
class Full:
    """The message takes no more of a text that grows: close its page where it is settled, go on in a new message.

    Never an answer to a content that is closed.
    """

    code: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The message could not be brought to show this content, so the adapter has taken it back: post the page anew."""

    code: str


Outcome: TypeAlias = Sent | Refused | Gone | Denied | Unavailable | Rejected | Full | Withdrawn

# ---------------------------------------------------------------------------------------------------- budgets


@dataclass(frozen=True, slots=True)
class Rule:
    """How a platform counts one kind of call, as far as we know before it has told us.

    shape "bucket": `burst` tokens, refilled at `rate` per second, continuously.
    shape "window": `burst` calls per window of `burst / rate` seconds, the window opening at its first call.
    """

    rate: float
    burst: int
    shape: Literal["bucket", "window"]
    certainty: Literal["documented", "observed", "guessed"]
    source: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """One budget: `key` is unique over the platform ("T1:chat.update"), `rule` its assumed figures."""

    key: str
    rule: Rule


class Meter(Protocol):
    """What an adapter tells the budgets about calls that did not go through the outbox, and what headers said."""

    def spent(self, bucket: Bucket) -> None:
        """Somebody else (a status, a command's answer) has just spent one call of this bucket."""

    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None:
        """The platform's headers: `remaining` of `limit` calls are left, all are back in `reset_after` seconds."""

    def refused(self, bucket: Bucket, retry_after: float) -> None:
        """A call outside the outbox met a 429."""


Op: TypeAlias = Literal["post", "edit"]

# ---------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Line:
    """A message that stands on the platform: of a thread's history, or asked about. `ours`: the bot said it.

    `text` is plain Markdown; of our own messages it is Claude's words alone, without notices and footers.
    """

    message: Ref
    person: Person
    text: str
    ours: bool = False
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Incoming:
    """Somebody said something that may be for the bot.

    key          the identity of the message or command, the same for every delivery of it
    text         plain Markdown, the mention of the bot itself taken off; may be empty
    how          "mention": addressed in a channel; "direct": in a DM; "command": /ask;
                 "overheard": in a thread or reply chain, not addressed; answered only where the bot takes part
    place        where the answer grows
    scope        what a conversation is here: "thread:..." / "direct:..." / "message:..." (see conversation/routing)
    message      the message itself; None for a command
    answers      the message it replies to (Discord), None otherwise
    unseen       a command's question that the platform shows to nobody: how its asker is called there, at least by a
                 handle. The bot posts it first, in that name, and the answer grows in its thread. "" where it is seen
    announce     that post, in the platform's dialect and the asker's language: the core's, no adapter sets it
    files        what is attached to it
    about        another message that the question is about (a message shortcut, a reply to somebody else's message)
    threaded     it stands in an existing thread or reply chain, of which `Platform.history` can tell what came before
    bot          a bot wrote it: answered only where bots are listed
    locale       the language of the asker's client, where the event tells it; else ""
    """

    key: str
    person: Person
    text: str
    how: Literal["mention", "direct", "command", "overheard"]
    place: Place
    scope: str
    message: Ref | None = None
    answers: Ref | None = None
    unseen: str = ""
    announce: str = ""
    files: tuple[Attachment, ...] = ()
    about: Line | None = None
    threaded: bool = False
    bot: bool = False
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Pressed:
    """Somebody pressed a button on one of our messages, or reacted with the sign for it (then `reply` is "")."""

    control: Control
    reply: str
    person: Person
    place: Place
    message: Ref
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Ordered:
    """`/claude <verb> <argument>`. `verb` is one of settings, usage, new, stop, help, forget, or whatever was typed."""

    key: str
    verb: str
    argument: str
    person: Person
    place: Place
    scope: str
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message shortcut (Slack) or a message's context menu (Discord).

    "ask": "Ask Claude about this": a form for the question is opened with `Platform.open`.
    "summarize": "Summarize thread". `place` is where the answer grows: the message's thread, or a reply to it.
    """

    key: str
    what: Literal["ask", "summarize"]
    about: Line
    person: Person
    place: Place
    scope: str
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Submitted:
    """A form was sent off: its id, and what was filled in (each field that it had, as a tuple of values).

    about  the message that the form was about, as far as the platform can carry it: where it stands, and of its author
           and its words what there is room for
    scope  the conversation that the place belongs to, as in `Incoming`
    """

    key: str
    panel: str
    values: Mapping[str, tuple[str, ...]]
    person: Person
    place: Place
    locale: str = ""
    about: Line | None = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A button of `Platform.whisper` was pressed."""

    key: str
    button: str
    person: Person
    place: Place
    locale: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """A person changed the words of a message. Not: an unfurl, a thread's counter, an edit of our own."""

    message: Ref
    person: Person
    place: Place
    text: str
    files: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message disappeared: ours (its reply is over) or somebody's."""

    message: Ref


Event: TypeAlias = Incoming | Pressed | Ordered | Wanted | Submitted | Chosen | Edited | Deleted

# ---------------------------------------------------------------------------------------------------- the platform


class Dialect(Protocol):
    """What a platform makes of Markdown. Pure."""

    @property
    def syntax(self) -> Syntax:
        """Which Markdown its reader understands, as data."""

    def render(self, source: str, marks: Sequence[Mark], start: int, end: int) -> str:
        """source[start:end] in this platform's text. `marks` lie within it, sorted. Mentions in it are inert."""

    def cost(self, text: str) -> int:
        """What rendered text counts against `Profile.page_limit`, in the platform's own unit."""

    def notice(self, sentence: str) -> str:
        """One of our own sentences (stopped, interrupted, an error), as it stands apart from Claude's words."""

    def asks(self, question: str, *, by: str) -> str:
        """A question that the platform does not show, as a message of ours. `by`: "Ada asks:" with the name filled in.

        Nobody is pinged; a long question is shortened.
        """


@dataclass(frozen=True, slots=True)
class Profile:
    """What the core must know of a platform, as data."""

    name: str
    page_limit: int
    dialect: Dialect
    status_seconds: float  # a status lapses after this; refreshed before the first text
    without: frozenset[str] = frozenset()  # settings that mean nothing here (names of `Preferences`)


@dataclass(frozen=True, slots=True)
class Health:
    """`ready` for /readyz, and one sentence for each thing that is missing."""

    ready: bool
    notes: tuple[str, ...] = ()


class Platform(Protocol):
    """One platform. No verb raises for what the platform answers; each returns an outcome.

    `post` and `edit` make one attempt each, bounded by the caller's timeout, and never sleep or retry inside.
    """

    @property
    def profile(self) -> Profile: ...

    async def connect(self, meter: Meter) -> None:
        """Check the token, learn who we are, start receiving. Raises `ConnectError` with a sentence."""

    async def close(self) -> None:
        """Stop receiving and close every connection. Idempotent."""

    def events(self) -> AsyncIterator[Event]:
        """What people do. An event has been acknowledged, or is acknowledged at once; handling it may take long."""

    def buckets(self, op: Op, place: Place, ref: Ref | None, *, age: float = 0.0) -> Sequence[Bucket]:
        """The budgets that this call will spend one of, each. `age`: seconds since the message was posted."""

    async def post(self, place: Place, content: Content, *, key: str) -> Outcome:
        """A new message. `key` (at most 25 characters) marks it, so that `find` can tell whether it exists."""

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome: ...

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        """The message that a `post` with this key made, after its answer was lost.

        None: there is none, or we may not read there. Unavailable: nobody knows yet; nothing is posted before it is.
        """

    async def status(self, place: Place, text: str) -> None:
        """Cosmetic: "thinking" before the first text ("" clears it). Never fails, never spends the edit budget."""

    async def name(self, person: Person) -> str:
        """The person's display name; "" if it cannot be had."""

    async def standing(self, place: Place, person: Person) -> Standing:
        """What they are here; remembered for some minutes. What cannot be found out counts as not given."""

    async def whisper(self, place: Place, person: Person, text: str, buttons: Sequence[Button] = ()) -> bool:
        """Say something to one person alone, by `place.route` where it lives. `text` is plain Markdown of ours.

        False: there is no way (Discord without an interaction).
        """

    async def open(self, place: Place, person: Person, panel: Panel) -> bool:
        """Show a form to the person who has just acted (`place.route`, good for three seconds). False: too late."""

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        """Take one of our own messages away. `Gone` counts as done."""

    async def upload(self, place: Place, file: File, text: str) -> Outcome:
        """A file of ours in the place, with one line of text."""

    async def download(self, attachment: Attachment, *, limit: int) -> File | Unread:
        """Fetch a file of at most `limit` bytes from the platform's own hosts alone."""

    async def history(self, incoming: Incoming, *, limit: int) -> Sequence[Line]:
        """What stands in its thread or reply chain before it, oldest first, at most `limit` of the newest."""

    async def branch(self, place: Place, message: Ref, name: str) -> Place | None:
        """A thread of its own under the message (Discord), named so. None: the platform has no need of it, or refuses."""

    def health(self) -> Health: ...


class ConnectError(Exception):
    """A platform will not have us; the message is a sentence for the person who runs the bot."""
