"""What a message of Discord's says, as plain Markdown. Pure. Law: total, and nothing is looked up; what the payload and the
cache do not tell stays a word.

A message says more than its `content`: forwards, embeds, polls, stickers and the text of newer components stand beside
it. The payloads are read as they come, not through discord.py's models, whose constructors demand fields that we do not
need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

from adapters.discord.inert import HUSH
from adapters.discord.outbound import EPHEMERAL
from bot.markup.mention import US, addressed
from bot.ports import Attachment, Line, Person, Ref

Payload: TypeAlias = Mapping[str, Any]

SAID: Final = (0, 19)
"""Message types that somebody typed: default, reply. The others are announcements (pins, joins, thread starts)."""

TELLING: Final = (*SAID, 20, 23)
"""The same, and the answers to commands and to context menus."""

REPLY: Final = 19
THREAD_STARTER: Final = 21
_FORWARD: Final = 1

LOADING: Final = 1 << 7
"""The flag of a deferred answer that is still "thinking"."""

DEEPEST: Final = 6
"""Components in components; Discord allows two levels."""

TEXT_DISPLAY: Final = 10

_NOTICE: Final = "-# "
"""How `DiscordDialect.notice` begins; Claude's own words never do, there it is escaped."""

_MARKUP: Final = re.compile(
    r"(?P<code>```.*?```|``.+?``|`[^`\n]+`)"
    r"|<@!?(?P<person>\d{1,20})>"
    r"|<@&(?P<role>\d{1,20})>"
    r"|<#(?P<channel>\d{1,20})>"
    r"|<a?:(?P<emoji>\w{1,64}):\d{1,20}>"
    r"|</(?P<command>[^:<>\n]{1,120}):\d{1,20}>"
    r"|<id:(?P<guide>customize|browse|guide|linked-roles)(?::\d{1,20})?>"
    r"|<t:(?P<time>-?\d{1,17})(?::[tTdDfFRsS])?>",
    re.DOTALL,
)
"""Discord's own markup (reference: message formatting). Inside code it is not markup, so code is matched first."""

_GUIDES: Final = {
    "customize": "#Channels & Roles",
    "browse": "#Browse Channels",
    "guide": "#Server Guide",
    "linked-roles": "#Linked Roles",
}


class Cache(Protocol):
    """What the Gateway has already told us; never a call."""

    def is_thread(self, channel: str) -> bool: ...
    def channel_name(self, channel: str) -> str: ...
    def role_name(self, guild: str, role: str) -> str: ...
    def person_name(self, person: str) -> str: ...
    def is_ours(self, message: str) -> bool: ...


# ------------------------------------------------------------------------------------------------------ messages


def message(d: Payload, me: str, cache: Cache) -> str:
    """All that a message says; the mention of ourselves is taken off where it addresses us."""
    return addressed("\n\n".join(_parts(d, me, cache)), _own_name(d, me, cache))


def ours(d: Payload, me: str, cache: Cache) -> str:
    """Claude's words in a message of our own: without the notices and footers below them, and without what keeps
    mentions inert.
    """
    lines = readable(_text(d, "content").replace(HUSH, ""), d, me, cache).split("\n")
    while lines and (not lines[-1].strip() or lines[-1].startswith(_NOTICE)):
        lines.pop()
    return "\n".join(lines)


def line(d: object, me: str, cache: Cache, *, guild: str = "") -> Line | None:
    """One message as a line; None where it says nothing (an announcement, a status, a notice alone) or is none."""
    if not isinstance(d, Mapping):
        return None
    author = d.get("author")
    channel, id_ = _text(d, "channel_id"), _text(d, "id")
    if not isinstance(author, Mapping) or not channel or not id_:
        return None
    if _number(d, "type") not in TELLING or _number(d, "flags") & (EPHEMERAL | LOADING):
        return None
    told = d if d.get("guild_id") else {**d, "guild_id": guild}
    by_us = is_by(d, me)
    text = (ours if by_us else message)(told, me, cache)
    attached = files(d)
    if not text and not attached:
        return None
    person = Person(_text(author, "id"), display_name(author, d.get("member")))
    return Line(Ref(channel, id_), person, text, ours=by_us, files=attached)


def files(d: Payload) -> tuple[Attachment, ...]:
    """What is attached, also to the messages that it forwards."""
    found: dict[str, Attachment] = {}
    for one in (*_listed(d.get("attachments")), *_forwarded_files(d)):
        id_ = _text(one, "id")
        if id_ and id_ not in found:
            name = _text(one, "filename") or _text(one, "title") or id_
            mime = _text(one, "content_type").partition(";")[0]
            found[id_] = Attachment(id_, name, mime, max(0, _number(one, "size")), _text(one, "url"))
    return tuple(found.values())


def answers(d: Payload) -> Ref | None:
    """The message that this one replies to. A forward has a reference too, and answers nothing."""
    reference = d.get("message_reference")
    if _number(d, "type") != REPLY or not isinstance(reference, Mapping):
        return None
    where, which = _text(reference, "channel_id") or _text(d, "channel_id"), _text(reference, "message_id")
    return Ref(where, which) if where and which and _number(reference, "type") != _FORWARD else None


def is_by(d: object, person: str) -> bool:
    author = d.get("author") if isinstance(d, Mapping) else None
    return isinstance(author, Mapping) and author.get("id") == person


def display_name(user: Payload, member: object = None) -> str:
    """The name that others see: the server's nickname, the display name, the user name."""
    nick = _text(member, "nick") if isinstance(member, Mapping) else ""
    return nick or _text(user, "global_name") or _text(user, "username")


def _parts(d: Payload, me: str, cache: Cache) -> Iterator[str]:
    """What a message says, piece by piece, none of them empty."""
    pieces = [
        _marked(_text(d, "content"), d, me, cache).strip(),
        *(_forward(one, d, me, cache) for one in _listed(d.get("message_snapshots"))),
        *(_embed(one, d, me, cache) for one in _listed(d.get("embeds"))),
        _poll(d.get("poll")),
        *(f"(sticker: {name})" for one in _listed(d.get("sticker_items")) if (name := _text(one, "name"))),
        *(
            _marked(text, d, me, cache).strip()
            for text in _displayed(d.get("components"))
            if not is_by(d, me)
        ),
    ]
    return filter(None, pieces)


def _forward(snapshot: Payload, d: Payload, me: str, cache: Cache) -> str:
    """A forwarded message; Discord does not say whose it was."""
    inner = snapshot.get("message")
    if not isinstance(inner, Mapping):
        return ""
    told = {**inner, "guild_id": d.get("guild_id"), "message_snapshots": None}
    text = "\n\n".join(_parts(told, me, cache))
    return f"Forwarded message:\n{_quote(text)}" if text else ""


def _embed(embed: Payload, d: Payload, me: str, cache: Cache) -> str:
    """A link's preview, or another application's card, as a quote."""
    title, url = _marked(_text(embed, "title"), d, me, cache), _text(embed, "url")
    parts = [
        _inner(embed, "provider", "name"),
        _inner(embed, "author", "name"),
        f"[{title}]({url})" if title and url else title,
        _marked(_text(embed, "description"), d, me, cache),
        *(_field(one, d, me, cache) for one in _listed(embed.get("fields"))),
        _inner(embed, "footer", "text"),
    ]
    text = "\n".join(part.strip() for part in parts if part.strip())
    return _quote(text) if text else ""


def _field(field: Payload, d: Payload, me: str, cache: Cache) -> str:
    name, value = (_marked(_text(field, part), d, me, cache).strip() for part in ("name", "value"))
    # A name of one invisible character is how cards leave it out.
    return f"{name}: {value}" if name.strip(HUSH) and value else value or name.strip(HUSH)


def _poll(poll: object) -> str:
    """The question and the answers, with the votes as far as they are told."""
    if not isinstance(poll, Mapping):
        return ""
    results = poll.get("results")
    counts = _listed(results.get("answer_counts")) if isinstance(results, Mapping) else ()
    votes = {_number(one, "id"): _number(one, "count") for one in counts}
    lines = [f"Poll: {_inner(poll, 'question', 'text')}".strip()]
    for one in _listed(poll.get("answers")):
        media = one.get("poll_media")
        emoji = _inner(media, "emoji", "name") if isinstance(media, Mapping) else ""
        text = " ".join(filter(None, (emoji, _inner(one, "poll_media", "text"))))
        number = _number(one, "answer_id")
        lines.append(f"- {text}" + (f" ({_votes(votes[number])})" if number in votes else ""))
    return "\n".join(lines)


def _votes(count: int) -> str:
    return "1 vote" if count == 1 else f"{min(max(count, 0), 10**9)} votes"


def _displayed(components: object, depth: int = 0) -> Iterator[str]:
    """The texts of components of the second version, which stand where `content` is empty."""
    for one in _listed(components):
        if _number(one, "type") == TEXT_DISPLAY:
            yield _text(one, "content")
        elif depth < DEEPEST:
            yield from _displayed(one.get("components"), depth + 1)


def _forwarded_files(d: Payload) -> Iterator[Payload]:
    for snapshot in _listed(d.get("message_snapshots")):
        inner = snapshot.get("message")
        if isinstance(inner, Mapping):
            yield from _listed(inner.get("attachments"))


def _quote(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


# ------------------------------------------------------------------------------------------------------ the text


def readable(content: str, d: Payload, me: str, cache: Cache) -> str:
    """`content` as plain Markdown: names instead of ids, the mention of ourselves taken off where it addresses us."""
    return addressed(_marked(content, d, me, cache), _own_name(d, me, cache))


def _marked(content: str, d: Payload, me: str, cache: Cache) -> str:
    """The same with the sign for ourselves still in it."""
    guild = _text(d, "guild_id")
    names = _names(d)

    def replace(match: re.Match[str]) -> str:
        kind, value = match.lastgroup, match.group(match.lastgroup or 0)
        if kind == "person":
            if value == me:
                return US
            return "@" + _one_line(names.get(value) or cache.person_name(value) or "someone")
        if kind == "role":
            return "@" + _one_line(cache.role_name(guild, value) or "role")
        if kind == "channel":
            return "#" + _one_line(cache.channel_name(value) or "channel")
        if kind == "emoji":
            return f":{value}:"
        if kind == "command":
            return f"/{value}"
        if kind == "guide":
            return _GUIDES[value]
        if kind == "time":
            return _time(int(value)) or match.group(0)
        return match.group(0)

    return _MARKUP.sub(replace, content.replace(US, ""))


def _own_name(d: Payload, me: str, cache: Cache) -> str:
    return _one_line(_names(d).get(me) or cache.person_name(me))


def _names(d: Payload) -> dict[str, str]:
    return {
        _text(one, "id"): _one_line(display_name(one, one.get("member")))
        for one in _listed(d.get("mentions"))
    }


def _one_line(name: str) -> str:
    return " ".join(name.replace(US, "").split())[:100]


def _time(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):
        return ""


# ------------------------------------------------------------------------------------------------------ payloads


def _listed(value: object) -> Iterator[Payload]:
    for item in value if isinstance(value, list) else ():
        if isinstance(item, Mapping):
            yield item


def _text(payload: Payload, field: str) -> str:
    value = payload.get(field)
    return value if isinstance(value, str) else ""


def _inner(payload: Payload, field: str, inner: str) -> str:
    """One line out of an object within."""
    value = payload.get(field)
    return " ".join(_text(value, inner).replace(US, "").split()) if isinstance(value, Mapping) else ""


def _number(payload: Payload, field: str) -> int:
    value = payload.get(field)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
