"""State as Discord's JSON objects. Law: a payload has what the documentation promises, so that no client misses a key.

Objects: docs resources/user, guild, channel, message, topics/permissions.
"""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from sandbox.discord.state import (
    EVERYBODY,
    PERMISSIONS,
    Attachment,
    Channel,
    Json,
    Message,
    State,
    User,
)

FILESIZE_LIMIT = 10 * 1024 * 1024


def user(one: User) -> Json:
    return {
        "id": one.id,
        "username": one.handle,
        "discriminator": "0000" if one.bot else "0",
        "global_name": None if one.bot else one.name,
        "avatar": None,
        "banner": None,
        "accent_color": None,
        "bot": one.bot,
        "system": False,
        "public_flags": 0,
        "flags": 0,
        "avatar_decoration_data": None,
        "primary_guild": None,
    }


def member(state: State, one: User, *, with_user: bool = False) -> Json:
    body: Json = {
        "nick": None,
        "avatar": None,
        "banner": None,
        "roles": state.roles_of(one.id),
        "joined_at": state.made,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }
    if with_user:
        body["user"] = user(one)
    return body


def role(ident: str, name: str, *, position: int, permissions: int) -> Json:
    return {
        "id": ident,
        "name": name,
        "description": None,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": position,
        "permissions": str(permissions),
        "managed": False,
        "mentionable": True,
        "flags": 0,
    }


def roles(state: State) -> list[Json]:
    return [
        role(state.guild_id, "@everyone", position=0, permissions=state.bot_permissions),
        *(
            role(ident, name, position=place, permissions=state.role_permissions.get(ident, 0))
            for place, (ident, name) in enumerate(state.roles.items(), start=1)
        ),
    ]


def channel(state: State, one: Channel) -> Json:
    last = next(reversed(one.messages), None)
    if one.kind == "dm":
        person = state.users[one.person]
        return {"id": one.id, "type": 1, "last_message_id": last, "flags": 0, "recipients": [user(person)]}
    body: Json = {
        "id": one.id,
        "type": one.type,
        "guild_id": state.guild_id,
        "name": one.name,
        "parent_id": one.parent or None,
        "last_message_id": last,
        "rate_limit_per_user": 0,
        "flags": 0,
    }
    if one.kind == "thread":
        return {
            **body,
            "owner_id": one.owner,
            "message_count": len(one.messages),
            "total_message_sent": len(one.messages),
            "member_count": len(one.members),
            "thread_metadata": {
                "archived": one.archived,
                "auto_archive_duration": one.auto_archive,
                "archive_timestamp": one.made,
                "locked": one.locked,
                "create_timestamp": one.made,
                **({"invitable": True} if one.private else {}),
            },
        }
    overwrites = (
        [{"id": state.bot_id, "type": 1, "allow": "0", "deny": str(one.denied)}] if one.denied else []
    )
    if one.private:
        overwrites.append(
            {"id": state.guild_id, "type": 0, "allow": "0", "deny": str(PERMISSIONS["view_channel"])}
        )
    return {
        **body,
        "position": one.position,
        "permission_overwrites": overwrites,
        "topic": one.topic,
        "nsfw": False,
        "last_pin_timestamp": None,
    }


def thread_member(one: Channel, who: str) -> Json:
    return {"id": one.id, "user_id": who, "join_timestamp": one.made, "flags": 0}


def guild(state: State, *, gateway: bool) -> Json:
    body: Json = {
        "id": state.guild_id,
        "name": state.guild_name,
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "owner_id": state.owner.id,
        "region": None,
        "afk_channel_id": None,
        "afk_timeout": 300,
        "widget_enabled": False,
        "verification_level": 1,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": roles(state),
        "emojis": [],
        "features": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "max_members": 500_000,
        "vanity_url_code": None,
        "description": None,
        "banner": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "public_updates_channel_id": None,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "safety_alerts_channel_id": None,
        "incidents_data": None,
        "stickers": [],
    }
    if not gateway:
        return body
    everyone = list(state.users.values())
    return {
        **body,
        "joined_at": state.made,
        "large": False,
        "unavailable": False,
        "member_count": len(everyone),
        "members": [member(state, one, with_user=True) for one in everyone],
        "channels": [channel(state, one) for one in state.channels.values() if one.kind == "channel"],
        "threads": [
            channel(state, one)
            for one in state.channels.values()
            if one.kind == "thread" and not one.archived and state.may(one, "view_channel")
        ],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment(one: Attachment, url: str) -> Json:
    kind = one.content_type or mimetypes.guess_type(one.filename)[0] or "application/octet-stream"
    body: Json = {
        "id": one.id,
        "filename": one.filename,
        "size": len(one.data),
        "url": url,
        "proxy_url": url,
        "content_type": kind,
    }
    if one.description:
        body["description"] = one.description
    return body


def emoji(name: str) -> Json:
    """A reaction's key ("👍" or "name:id") as a partial emoji."""
    text, _, ident = name.partition(":")
    return {"id": ident or None, "name": text}


class Messages:
    """Message objects; `cdn` is the address that files are served from."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.cdn = ""

    def file_url(self, channel: str, one: Attachment) -> str:
        # Signed links as Discord's: `ex` is when they end (wall clock, hex), here a day after.
        made = (int(one.id) >> 22) // 1000 + 1_420_070_400
        query = f"ex={made + 86_400:x}&is={made:x}&hm={int(one.id):064x}"
        return f"{self.cdn}/attachments/{channel}/{one.id}/{quote(one.filename)}?{query}"

    def body(self, one: Message, *, event: bool = False, nested: bool = False) -> Json:
        """The message object. `event`: as in gateway events, with `guild_id` and `member`."""
        state = self._state
        where = state.channels[one.channel]
        author = state.users[one.author]
        in_guild = where.kind != "dm"
        body: Json = {
            "id": one.id,
            "channel_id": one.channel,
            "type": one.type,
            "content": one.content,
            "author": user(author),
            "timestamp": one.sent,
            "edited_timestamp": one.edited,
            "tts": False,
            "mention_everyone": one.mention_everyone,
            "mentions": [self._mention(name, member_too=event and in_guild) for name in one.mentions],
            "mention_roles": list(one.mention_roles),
            "attachments": [attachment(file, self.file_url(one.channel, file)) for file in one.attachments],
            "embeds": [] if one.has(1 << 2) else list(one.embeds),
            "pinned": False,
            "flags": one.flags,
            "components": list(one.components),
        }
        if one.nonce is not None:
            body["nonce"] = one.nonce
        if one.reactions:
            body["reactions"] = [
                {
                    "count": len(who),
                    "count_details": {"burst": 0, "normal": len(who)},
                    "me": state.bot_id in who,
                    "me_burst": False,
                    "emoji": emoji(name),
                    "burst_colors": [],
                }
                for name, who in one.reactions.items()
            ]
        if one.token:
            body["webhook_id"] = state.application_id
            body["application_id"] = state.application_id
        if one.origin is not None:
            body["interaction_metadata"] = {
                "id": one.origin.interaction,
                "type": one.origin.type,
                "user": user(state.users[one.origin.user]),
                "authorizing_integration_owners": {"0": state.guild_id if in_guild else "0"},
                "name": one.origin.name,
            }
        if one.reference is not None:
            body["message_reference"] = {
                key: value for key, value in one.reference.items() if key != "fail_if_not_exists"
            }
            if not nested:
                target = state.channels[one.channel].messages.get(one.reference["message_id"])
                body["referenced_message"] = None if target is None else self.body(target, nested=True)
        if one.thread and one.thread in state.channels:
            body["thread"] = channel(state, state.channels[one.thread])
        if event and in_guild:
            body["guild_id"] = state.guild_id
            if not one.token:
                body["member"] = member(state, author)
        return body

    def _mention(self, name: str, *, member_too: bool) -> Json:
        one = self._state.users[name]
        return {**user(one), **({"member": member(self._state, one)} if member_too else {})}


def without_content(body: Json, bot_id: str) -> Json:
    """The message as a client sees it that lacks the message content intent (docs: events/gateway).

    Exceptions: the app's own messages and those that mention it. DMs are the caller's to know.
    """
    body = dict(body)
    own = body["author"]["id"] == bot_id
    if not own and all(one["id"] != bot_id for one in body["mentions"]):
        body.update(content="", embeds=[], attachments=[], components=[])
    if body.get("referenced_message"):
        body["referenced_message"] = without_content(body["referenced_message"], bot_id)
    return body


def interaction_member(state: State, one: User) -> Json:
    return {**member(state, one, with_user=True), "permissions": str(one.permissions or EVERYBODY)}
