"""What a message of Slack's says, as plain Markdown. Law: pure, total, and nothing is looked up.

What people compose comes twice: as `text` in mrkdwn, and exactly as a `rich_text` block, which is read where it is
there. Tables that they paste, messages that they forward and previews of links come as attachments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from adapters.slack import mrkdwn, rich_text
from adapters.slack.mrkdwn import NameOf, Words
from adapters.slack.rich_text import listed, text_of
from bot.markup.mention import addressed
from bot.ports import Attachment

Payload: TypeAlias = Mapping[str, Any]

MOST_STRANGERS = 20
"""Names that one message may have looked up; users.info takes 100 a minute for all of us."""

_SPECIAL = re.compile(r"([\\`*_~\[\]<>#|])")
_NAMED = re.compile(r"<(?:@|#|!subteam\^)([A-Z][A-Z0-9]{1,30})(?:\|([^<>]*))?>")
_NOTICE = re.compile(r"_(?!\s)(?:[^_]|(?<=\w)_(?=\w))+(?<!\s)_\Z|\*(?![\s*])[^*]+(?<!\s)\*\Z")
_OF_AN_ANSWER = frozenset({"markdown", "rich_text", "section", "header", "table", "image", "divider"})
_NO_PREVIEW = re.compile(r"\[no preview available\]", re.IGNORECASE)
_GONE = frozenset({"tombstone"})


def read(text: str, *, bot: str, name_of: NameOf) -> str:
    """A typed text without formatting of its own (a command's), and without the mention of the bot itself.

    `bot` is the bot's user id; `name_of` gives the name that is already known for an id, or "".
    """
    words = Words(bot, name_of, _labels(text))
    return addressed(mrkdwn.plain(text, words), words.name(bot))


def message(said: Payload, *, bot: str, name_of: NameOf) -> str:
    """All that a message says; the mention of the bot itself is taken off where it addresses the bot."""
    raw = said.get("text")
    raw = raw if isinstance(raw, str) else ""
    words = Words(bot, name_of, _labels(raw))
    parts = [_own_words(said, raw, words)]
    parts += [_attachment(one, words) for one in listed(said.get("attachments"))]
    text = "\n\n".join(part for part in parts if part.strip())
    return addressed(text, words.name(bot))


def ours(said: Payload, *, bot: str, name_of: NameOf) -> str:
    """Claude's words in a message of our own: without the notices and footers that stand below them.

    A notice is a last line in italics (see `SlackDialect.notice`); an answer that ends in such a line loses it. Buttons
    and the cards of a stream's tools are blocks of other kinds.
    """
    kept = [one for one in listed(said.get("blocks")) if text_of(one, "type") in _OF_AN_ANSWER]
    lines = message({**said, "blocks": kept, "attachments": None}, bot=bot, name_of=name_of).split("\n")
    while lines and (not lines[-1].strip() or _NOTICE.match(lines[-1].strip())):
        lines.pop()
    return "\n".join(lines)


def files(said: Payload) -> tuple[Attachment, ...]:
    """What is attached, also to the messages that it forwards; nothing that was deleted.

    `url` is "" where Slack tells no more than the id (Slack Connect: `files.info` has the rest).
    """
    found: dict[str, Attachment] = {}
    for one in (*listed(said.get("files")), *_forwarded_files(said)):
        id_ = text_of(one, "id")
        if not id_ or id_ in found or text_of(one, "mode") in _GONE:
            continue
        size = one.get("size")
        found[id_] = Attachment(
            id=id_,
            name=text_of(one, "name") or text_of(one, "title") or id_,
            mime=text_of(one, "mimetype"),
            size=size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else 0,
            url=text_of(one, "url_private_download") or text_of(one, "url_private"),
        )
    return tuple(found.values())


def mentions(text: str, user: str) -> bool:
    """Whether the raw text addresses this user."""
    return bool(user) and (f"<@{user}>" in text or f"<@{user}|" in text)


def strangers(said: Payload, name_of: NameOf) -> tuple[str, ...]:
    """The ids that a message names and nobody knows yet: people, channels, user groups."""
    raw = said.get("text")
    ids: dict[str, None] = {}
    for match in _NAMED.finditer(raw if isinstance(raw, str) else ""):
        if not match[2] and not name_of(match[1]):
            ids[match[1]] = None
        if len(ids) == MOST_STRANGERS:
            break
    return tuple(ids)


def inert(name: str) -> str:
    """A name as a piece of Markdown that is only itself: one line, no emphasis, no link, no mention."""
    return _SPECIAL.sub(r"\\\1", " ".join(name.split()).lstrip("@!"))


def _labels(raw: str) -> dict[str, str]:
    """The names that a text gives for its own ids; the blocks beside it have the ids alone."""
    return {match[1]: mrkdwn.clean(match[2]) for match in _NAMED.finditer(raw) if match[2]}


def _own_words(said: Payload, raw: str, words: Words) -> str:
    return rich_text.blocks(said.get("blocks"), words) or mrkdwn.markdown(raw, words)


def _attachment(one: Payload, words: Words) -> str:
    """A forwarded message, a preview or another app's card as a quote; a pasted table as a table."""
    if not text_of(one, "from_url") and not text_of(one, "author_name"):
        given = [block for block in listed(one.get("blocks")) if isinstance(block.get("rows"), list)]
        if given:
            return "\n\n".join(filter(None, (rich_text.table(block, words) for block in given)))
    title, address = text_of(one, "title"), text_of(one, "title_link")
    parts = [
        _author(one, words),
        mrkdwn.markdown(text_of(one, "pretext"), words).strip(),
        mrkdwn.link(address, title) if address and title else title,
        _body(one, words),
        *(_field(field, words) for field in listed(one.get("fields"))),
    ]
    text = "\n".join(filter(None, parts))
    return mrkdwn.quote(text) if text else ""


def _author(one: Payload, words: Words) -> str:
    author = text_of(one, "author_id")
    name = text_of(one, "author_name") or text_of(one, "author_subname")
    name = " ".join(name.split())[: mrkdwn.LONGEST_NAME] or (words.name(author) or author)
    if not name:
        return ""
    if one.get("is_msg_unfurl") is not True and one.get("is_share") is not True:
        return name
    channel = words.name(text_of(one, "channel_id"))
    return f"{name} wrote in #{channel}:" if channel else f"{name} wrote:"


def _body(one: Payload, words: Words) -> str:
    forwarded = [inner["message"] for inner in _messages_in(one)]
    said = "\n\n".join(filter(None, (rich_text.blocks(inner.get("blocks"), words) for inner in forwarded)))
    said = said or rich_text.blocks(one.get("blocks"), words)
    said = said or mrkdwn.markdown(text_of(one, "text"), words).strip()
    if said or text_of(one, "title"):
        return said
    fallback = text_of(one, "fallback")
    return "" if _NO_PREVIEW.match(fallback) else mrkdwn.plain(fallback, words).strip()


def _messages_in(one: Payload) -> Iterator[Payload]:
    for inner in listed(one.get("message_blocks")):
        if isinstance(inner.get("message"), Mapping):
            yield inner


def _field(field: Payload, words: Words) -> str:
    title, value = text_of(field, "title"), mrkdwn.markdown(text_of(field, "value"), words).strip()
    return f"{title}: {value}" if title and value else title or value


def _forwarded_files(said: Payload) -> Iterator[Payload]:
    for one in listed(said.get("attachments")):
        yield from listed(one.get("files"))
