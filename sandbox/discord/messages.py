"""What a message may be. Law: a body is judged whole before anything is applied, and every mistake is named.

Limits: docs resources/message (content 2,000; 10 embeds, 6,000 characters over all; nonce 25; Components V2 excludes
content, embeds, stickers and polls, and cannot be taken off) and reference (10 MiB a file, 10 files). Content is counted
in code points (Discord staff, api-docs issue 1315). Mentions: "Allowed Mentions Object"; those in code do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sandbox.discord.components import check_message, text_of
from sandbox.discord.errors import Form, Path, Refusal
from sandbox.discord.state import (
    EPHEMERAL,
    IS_COMPONENTS_V2,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    Json,
    Message,
    State,
)

CONTENT_MAX = 2000
NONCE_MAX = 25
FILES_MAX = 10
FILE_BYTES_MAX = 10 * 1024 * 1024
EMBEDS_MAX = 10
EMBEDS_TEXT_MAX = 6000

CODE = re.compile(r"(`{3,})[\s\S]*?\1|(`{1,2})[^`]+?\2")
USER = re.compile(r"<@!?(\d{1,20})>")
ROLE = re.compile(r"<@&(\d{1,20})>")
EVERYONE = re.compile(r"@(everyone|here)\b")


@dataclass(frozen=True, slots=True)
class File:
    """One part `files[n]` of a multipart body."""

    index: str
    filename: str
    content_type: str
    data: bytes


@dataclass(slots=True)
class Allowed:
    """Whom a message may ping. `users` and `roles` None: everyone that it names."""

    everyone: bool = True
    users: set[str] | None = None
    roles: set[str] | None = None
    replied_user: bool = True


@dataclass(slots=True)
class Draft:
    """A body that has been judged. `content`, `embeds`, `components`, `keep`: None where the body said nothing."""

    content: str | None = None
    embeds: list[Json] | None = None
    components: list[Json] | None = None
    keep: set[str] | None = None
    files: list[File] = field(default_factory=list)
    descriptions: dict[str, str] = field(default_factory=dict)
    flags: int | None = None
    nonce: str | int | None = None
    enforce_nonce: bool = False
    allowed: Allowed = field(default_factory=Allowed)
    reference: Json | None = None


def read(
    body: Json, files: list[File], *, webhook: bool = False, old: Message | None = None, at: Path = ()
) -> Draft:
    """Judge the body of a create (`old` None) or an edit. Raises Refusal with all that is wrong."""
    form = Form()
    draft = Draft(files=files)
    if body.get("content") is not None or "content" in body:
        # Discord takes white space off both ends; the length is counted before.
        draft.content = form.text(body["content"], (*at, "content"), most=CONTENT_MAX).strip()
    if "embeds" in body:
        draft.embeds = _embeds(form, body["embeds"], at)
    if body.get("flags") is not None:
        draft.flags = form.number(body["flags"], (*at, "flags"))
    v2 = bool((draft.flags or 0) & IS_COMPONENTS_V2) or (old is not None and old.has(IS_COMPONENTS_V2))
    if "components" in body:
        items = form.items(body["components"], (*at, "components"), most=40)
        nested = Form()
        draft.components = check_message(nested, items, v2=v2)
        for key, value in nested.errors.items():
            _graft(form, (*at, key), value)
    if v2:
        _no_legacy_fields(form, body, draft, old, at)
    if body.get("nonce") is not None:
        draft.nonce = _nonce(form, body["nonce"], at)
        draft.enforce_nonce = form.flag(body.get("enforce_nonce"), (*at, "enforce_nonce"))
    form.flag(body.get("tts"), (*at, "tts"))
    for index, sticker in enumerate(form.items(body.get("sticker_ids"), (*at, "sticker_ids"), most=3)):
        form.snowflake(sticker, (*at, "sticker_ids", index))
    draft.allowed = _allowed(form, body.get("allowed_mentions"), (*at, "allowed_mentions"), webhook=webhook)
    draft.reference = _reference(form, body.get("message_reference"), (*at, "message_reference"))
    _attachments(form, body, draft, old, at)
    form.refuse_if_wrong()
    return draft


def _graft(form: Form, path: Path, errors: Json) -> None:
    for key, value in errors.items():
        if key == "_errors":
            for error in value:
                form.wrong(path, error["code"], error["message"])
        else:
            _graft(form, (*path, key), value)


def _no_legacy_fields(form: Form, body: Json, draft: Draft, old: Message | None, at: Path) -> None:
    """With IS_COMPONENTS_V2 a message has components only; a message that becomes so must be emptied by the same call."""
    becomes = old is not None and not old.has(IS_COMPONENTS_V2)
    for name in ("content", "embeds", "sticker_ids", "poll"):
        left = old is not None and becomes and name not in body and bool(getattr(old, name, None))
        if body.get(name) or left:
            form.wrong(
                (*at, name),
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
    if old is None and not draft.components and not form.errors:
        raise Refusal(50006)


def _nonce(form: Form, value: object, at: Path) -> str | int | None:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        form.wrong((*at, "nonce"), "NONCE_TYPE_INVALID", "Nonce must be a string or an integer.")
        return None
    if len(str(value)) > NONCE_MAX:
        form.wrong((*at, "nonce"), "BASE_TYPE_MAX_LENGTH", f"Must be {NONCE_MAX} or fewer in length.")
        return None
    return value


def _embeds(form: Form, value: object, at: Path) -> list[Json]:
    embeds = form.items(value, (*at, "embeds"), most=EMBEDS_MAX)
    total = 0
    for index, raw in enumerate(embeds):
        path: Path = (*at, "embeds", index)
        embed = form.object(raw, path)
        total += len(form.text(embed.get("title"), (*path, "title"), most=256).strip())
        total += len(form.text(embed.get("description"), (*path, "description"), most=4096).strip())
        footer = form.object(embed.get("footer"), (*path, "footer"))
        total += len(form.text(footer.get("text"), (*path, "footer", "text"), most=2048).strip())
        author = form.object(embed.get("author"), (*path, "author"))
        total += len(form.text(author.get("name"), (*path, "author", "name"), most=256).strip())
        for number, raw_field in enumerate(form.items(embed.get("fields"), (*path, "fields"), most=25)):
            where: Path = (*path, "fields", number)
            one = form.object(raw_field, where)
            total += len(form.text(one.get("name"), (*where, "name"), least=1, most=256).strip())
            total += len(form.text(one.get("value"), (*where, "value"), least=1, most=1024).strip())
    if total > EMBEDS_TEXT_MAX:
        form.wrong(
            (*at, "embeds"),
            "MAX_EMBED_SIZE_EXCEEDED",
            f"Embed size exceeds maximum size of {EMBEDS_TEXT_MAX}",
        )
    return [{**embed, "type": "rich"} for embed in embeds if isinstance(embed, dict)]


def _allowed(form: Form, value: object, path: Path, *, webhook: bool) -> Allowed:
    if value is None:
        # Regular messages parse everything; interactions and webhooks users only.
        return Allowed() if not webhook else Allowed(everyone=False, roles=set())
    said = form.object(value, path)
    parse = form.items(said.get("parse"), (*path, "parse"), most=3)
    for index, one in enumerate(parse):
        if one not in ("users", "roles", "everyone"):
            form.wrong(
                (*path, "parse", index),
                "BASE_TYPE_CHOICES",
                "Value must be one of ('users', 'roles', 'everyone').",
            )
    allowed = Allowed(
        everyone="everyone" in parse,
        replied_user=form.flag(said.get("replied_user"), (*path, "replied_user")),
    )
    for name in ("users", "roles"):
        listed = form.items(said.get(name), (*path, name), most=100)
        ids = {form.snowflake(one, (*path, name, index)) for index, one in enumerate(listed)}
        if name in parse and ids:
            form.wrong(
                path,
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.',
            )
        setattr(allowed, name, None if name in parse else ids)
    return allowed


def _reference(form: Form, value: object, path: Path) -> Json | None:
    if value is None:
        return None
    said = form.object(value, path)
    kind = form.number(said.get("type"), (*path, "type"))
    if kind != 0:
        # Forwarding (1) exists on Discord; the sandbox's people have no use for it.
        form.wrong((*path, "type"), "BASE_TYPE_CHOICES", "Value must be one of (0,).")
    reference: Json = {"type": 0, "fail_if_not_exists": said.get("fail_if_not_exists") is not False}
    if said.get("message_id") is None:
        form.wrong((*path, "message_id"), "BASE_TYPE_REQUIRED", "This field is required")
    for name in ("message_id", "channel_id", "guild_id"):
        if said.get(name) is not None:
            reference[name] = form.snowflake(said[name], (*path, name))
    return reference


def _attachments(form: Form, body: Json, draft: Draft, old: Message | None, at: Path) -> None:
    if len(draft.files) > FILES_MAX:
        form.wrong((*at, "files"), "BASE_TYPE_MAX_LENGTH", f"Must be {FILES_MAX} or fewer in length.")
    if any(len(file.data) > FILE_BYTES_MAX for file in draft.files):
        raise Refusal(40005)
    if "attachments" not in body:
        return
    listed = form.items(body["attachments"], (*at, "attachments"), most=FILES_MAX)
    indexes = {file.index for file in draft.files}
    held = {attachment.id for attachment in old.attachments} if old is not None else set()
    draft.keep = set()
    for index, raw in enumerate(listed):
        path: Path = (*at, "attachments", index)
        one = form.object(raw, path)
        ident = form.snowflake(one.get("id", ""), (*path, "id"))
        if ident in indexes:
            draft.descriptions[ident] = form.text(one.get("description"), (*path, "description"), most=1024)
        elif ident in held:
            draft.keep.add(ident)
        elif ident:
            form.wrong((*path, "id"), "MESSAGE_ATTACHMENT_NOT_FOUND", f"Attachment {ident} was not found.")


def empty(message: Message) -> bool:
    return not (message.content or message.embeds or message.components or message.attachments)


def would_be_empty(message: Message, draft: Draft) -> bool:
    """Whether an edit would leave nothing of the message."""
    content = message.content if draft.content is None else draft.content
    embeds = message.embeds if draft.embeds is None else draft.embeds
    components = message.components if draft.components is None else draft.components
    kept = [one for one in message.attachments if draft.keep is None or one.id in draft.keep]
    return not (content or embeds or components or kept or draft.files)


def flags_for_new(flags: int | None, *, webhook: bool) -> int:
    """Only these can be set on a new message; others are ignored."""
    settable = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2 | (EPHEMERAL if webhook else 0)
    return (flags or 0) & settable


def flags_after_edit(old: int, flags: int | None) -> int:
    """SUPPRESS_EMBEDS follows the call; IS_COMPONENTS_V2 can be set and never taken off; the others stay."""
    if flags is None:
        return old
    kept = old & ~SUPPRESS_EMBEDS
    return kept | (flags & (SUPPRESS_EMBEDS | IS_COMPONENTS_V2))


def ping(
    state: State, message: Message, allowed: Allowed, *, replied_to: Message | None, may_everyone: bool
) -> None:
    """Set whom the message mentions: named in its visible text outside code, and allowed."""
    text = CODE.sub(" ", message.content + "\n" + text_of(message.components))
    users = [one for one in dict.fromkeys(USER.findall(text)) if one in state.users]
    if allowed.users is not None:
        users = [one for one in users if one in allowed.users]
    if replied_to is not None and allowed.replied_user and replied_to.author not in users:
        users.append(replied_to.author)
    roles = [one for one in dict.fromkeys(ROLE.findall(text)) if one in state.roles]
    if allowed.roles is not None:
        roles = [one for one in roles if one in allowed.roles]
    message.mentions, message.mention_roles = users, roles
    message.mention_everyone = bool(EVERYONE.search(text)) and allowed.everyone and may_everyone


def pings(message: Message) -> list[str]:
    """Whom it pings, as one list for the record: "everyone", "&role", user ids."""
    everyone = ["everyone"] if message.mention_everyone else []
    return [*everyone, *(f"&{role}" for role in message.mention_roles), *message.mentions]
