"""INTERACTION_CREATE -> what people did with commands, menus, buttons and forms. Pure. Law: the token is the adapter's alone.

An act carries the event for the core, where the payload alone tells it; a choice in a form that stands open, and the
button of one of its groups, mean something only to who remembers that form (see `panels`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from adapters.discord import panels, reading
from adapters.discord.handles import Kind
from adapters.discord.inbound import PLATFORM, THREADS, Places
from adapters.discord.outbound import chosen, control_of
from adapters.discord.panels import Picked, Submission
from adapters.discord.reading import Payload, display_name
from bot.ports import (
    Attachment,
    Chosen,
    Control,
    Incoming,
    Line,
    Ordered,
    Person,
    Place,
    Pressed,
    Ref,
    Submitted,
    Wanted,
)

COMMAND: Final = "ask"
QUESTION: Final = "question"
FILE: Final = "file"
ORDERS: Final = "claude"
ASK_ABOUT: Final = "Ask Claude about this"
SUMMARIZE: Final = "Summarize thread"

APPLICATION_COMMAND: Final = 2
COMPONENT: Final = 3
MODAL_SUBMIT: Final = 5

MESSAGE_MENU: Final = 3

ADMINISTRATOR: Final = 1 << 3
VIEW_CHANNEL: Final = 1 << 10
SEND_MESSAGES: Final = 1 << 11
SEND_IN_THREADS: Final = 1 << 38

Told: TypeAlias = Incoming | Pressed | Ordered | Wanted | Submitted | Chosen


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did, with what answering it needs.

    kind      how it is acknowledged (see `handles`)
    visible   whether the bot can post in the channel by itself
    event     for the core; None where the payload alone does not tell it
    picked    a choice in an open form
    group     the button of an open form's group: (short id, number)
    opened    the short id of the open form whose texts were submitted; ""
    """

    id: str
    token: str = field(repr=False)
    kind: Kind
    channel: str
    visible: bool
    person: Person
    place: Place
    locale: str
    event: Told | None = None
    picked: Picked | None = None
    group: tuple[str, int] | None = None
    opened: str = ""

    @property
    def key(self) -> str:
        return f"{PLATFORM}:interaction:{self.id}"


@dataclass(frozen=True, slots=True)
class _Read:
    """What every interaction's payload says."""

    d: Payload
    data: Payload
    me: str
    cache: Places
    id: str
    channel: str
    guild: str
    person: Person
    locale: str

    @property
    def key(self) -> str:
        return f"{PLATFORM}:interaction:{self.id}"

    @property
    def direct(self) -> bool:
        return _direct(self.d)

    @property
    def place(self) -> Place:
        return Place(
            PLATFORM, self.guild, self.channel, private=self.direct, route=self.id, parent=self.parent
        )

    @property
    def parent(self) -> str:
        """The channel that this thread is in."""
        told = (self.d.get("channel") or {}).get("parent_id")
        return str(told or self.cache.parent_of(self.channel)) if self.threaded else ""

    @property
    def threaded(self) -> bool:
        kind = (self.d.get("channel") or {}).get("type")
        return kind in THREADS or (bool(self.guild) and self.cache.is_thread(self.channel))

    @property
    def scope(self) -> str:
        """The conversation that stands here; at a channel's top level one of its own."""
        if self.threaded:
            return f"thread:{self.channel}"
        return f"direct:{self.channel}" if self.direct else f"message:{self.channel}:{self.id}"


def act(d: Payload, me: str, cache: Places) -> Act:
    """What an INTERACTION_CREATE means. Raises on a malformed payload."""
    member = d.get("member") or {}
    user = member.get("user") or d["user"]
    read = _Read(
        d=d,
        data=d.get("data") or {},
        me=me,
        cache=cache,
        id=str(d["id"]),
        channel=str(d.get("channel_id") or (d.get("channel") or {}).get("id") or ""),
        guild=str(d.get("guild_id") or ""),
        person=Person(str(user["id"]), display_name(user, d.get("member"))),
        locale=str(d.get("locale") or ""),
    )
    kind, event, picked, group, opened = _meaning(read)
    return Act(
        id=read.id,
        token=str(d["token"]),
        kind=kind,
        channel=read.channel,
        visible=_visible(d),
        person=read.person,
        place=read.place,
        locale=read.locale,
        event=event,
        picked=picked,
        group=group,
        opened=opened,
    )


def _meaning(read: _Read) -> tuple[Kind, Told | None, Picked | None, tuple[str, int] | None, str]:
    kind = read.d["type"]
    custom_id = str(read.data.get("custom_id") or "")
    if kind == APPLICATION_COMMAND:
        return (*_command(read), None, None, "")
    if kind == MODAL_SUBMIT:
        form = panels.sent(read.data)
        if form is None:
            return "unknown", None, None, None, ""
        return "submit", _submitted(read, form), None, None, form.opened
    if kind != COMPONENT:
        return "unknown", None, None, None, ""
    picked, group = panels.picked(read.data), panels.group_of(custom_id)
    if picked is not None:
        return "pick", None, picked, None, ""
    if group is not None:
        return "group", None, None, group, ""
    button = chosen(custom_id)
    if button is not None:
        made = Chosen(read.key, button, read.person, read.place, read.locale)
        return "choose", made, None, None, ""
    pressed = _pressed(read, custom_id)
    rated = pressed is not None and pressed.control in (Control.GOOD, Control.BAD)
    return "rate" if rated else "press", pressed, None, None, ""


def _command(read: _Read) -> tuple[Kind, Told | None]:
    name = read.data.get("name")
    if read.data.get("type") == MESSAGE_MENU and name in (ASK_ABOUT, SUMMARIZE):
        wanted = _wanted(read)
        return ("want" if name == ASK_ABOUT else "summarize"), wanted
    if name == COMMAND:
        return "ask", _asked(read)
    if name == ORDERS:
        return "order", _ordered(read)
    return "unknown", None


def _asked(read: _Read) -> Incoming:
    options = _options(read.data)
    return Incoming(
        key=read.key,
        person=read.person,
        text=reading.readable(
            str(options.get(QUESTION) or ""), _names(read.data, read.guild), read.me, read.cache
        ),
        how="command",
        place=read.place,
        scope=f"message:{read.channel}:{read.id}",
        files=_attached(read.data, options),
        locale=read.locale,
    )


def _ordered(read: _Read) -> Ordered:
    """`/claude forget` is about oneself wherever it is typed: as "forget me", which other platforms spell out."""
    options = read.data.get("options") or ()
    chosen_: Payload = next((one for one in options if one.get("type") == 1), {})
    verb = str(chosen_.get("name") or "")
    said = " ".join(str(value) for value in _options(chosen_).values())
    argument = said or ("me" if verb == "forget" else "")
    return Ordered(read.key, verb, argument, read.person, read.place, read.scope, read.locale)


def _wanted(read: _Read) -> Wanted:
    target = str(read.data["target_id"])
    message = read.data["resolved"]["messages"][target]
    channel = str(message.get("channel_id") or read.channel)
    told = {**message, "channel_id": channel}
    about = reading.line(told, read.me, read.cache, guild=read.guild)
    if about is None:
        author = message.get("author") or {}
        who = Person(str(author.get("id") or ""), display_name(author))
        about = Line(Ref(channel, target), who, "", ours=reading.is_by(message, read.me))
    place = replace(read.place, channel=channel, reply_to="" if read.direct else target)
    scope = read.scope
    thread = message.get("thread")
    if isinstance(thread, Mapping) and thread.get("id"):
        # The message has a thread of its own: what is said about it belongs there.
        place = replace(place, channel=str(thread["id"]), reply_to="", parent=channel)
        scope = f"thread:{thread['id']}"
    return Wanted(
        key=read.key,
        what="ask" if read.data["name"] == ASK_ABOUT else "summarize",
        about=about,
        person=read.person,
        place=place,
        scope=scope,
        locale=read.locale,
    )


def _submitted(read: _Read, form: Submission) -> Submitted:
    """A form about a message is answered where the message is; of its words a custom id has no room."""
    place, about = read.place, None
    if form.about:
        about = Line(Ref(read.channel, form.about), Person(""), "")
        place = replace(place, reply_to="" if read.direct else form.about)
    return Submitted(
        key=read.key,
        panel=form.panel,
        values=form.values,
        person=read.person,
        place=place,
        locale=read.locale,
        about=about,
        scope=read.scope,
    )


def _pressed(read: _Read, custom_id: str) -> Pressed | None:
    button = control_of(custom_id)
    if button is None:
        return None
    message = read.d["message"]
    return Pressed(
        control=button[0],
        reply=button[1],
        person=read.person,
        place=read.place,
        message=Ref(str(message.get("channel_id") or read.channel), str(message["id"])),
        locale=read.locale,
    )


# ------------------------------------------------------------------------------------------------------ details


def _options(data: Payload) -> dict[str, Any]:
    return {str(one.get("name")): one.get("value") for one in data.get("options") or ()}


def _names(data: Payload, guild: str) -> dict[str, Any]:
    """The people whom a command's text names, as a message would tell them."""
    resolved = data.get("resolved") or {}
    members = resolved.get("members") or {}
    people = (resolved.get("users") or {}).items()
    return {"guild_id": guild, "mentions": [{**user, "member": members.get(id_)} for id_, user in people]}


def _attached(data: Payload, options: Mapping[str, Any]) -> tuple[Attachment, ...]:
    held = (data.get("resolved") or {}).get("attachments") or {}
    found = held.get(str(options.get(FILE) or ""))
    return reading.files({"attachments": [found]}) if found else ()


def _direct(d: Payload) -> bool:
    """A conversation with us alone: interaction context BOT_DM; without a context, no guild."""
    context = d.get("context")
    return bool(context == 1) if context is not None else not d.get("guild_id")


def _visible(d: Payload) -> bool:
    """Can we post in the channel by ourselves, or only through the interaction? In a direct message with us always;
    in a guild if we are installed in it ("0" among the integration's owners) and `app_permissions` has it.
    """
    if _direct(d):
        return True
    owners = d.get("authorizing_integration_owners")
    if not d.get("guild_id") or (owners and "0" not in owners):
        return False
    try:
        permissions = int(d["app_permissions"])
    except (KeyError, ValueError):
        return True  # nothing is said against it; a refusal would be told
    channel = d.get("channel") or {}
    sends = SEND_IN_THREADS if channel.get("type") in THREADS else SEND_MESSAGES
    needed = VIEW_CHANNEL | sends
    return bool(permissions & ADMINISTRATOR) or permissions & needed == needed
