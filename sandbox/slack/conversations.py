"""conversations.*, users.*, bots.info, usergroups.*: what the bot can look up. Law: pages follow each other without a
gap or a repeat, in Slack's order (history newest first, replies oldest first).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sandbox.slack.arguments import Arguments, is_ts
from sandbox.slack.nouns import BOT, BOT_USER, TEAM, Channel, Message, Person
from sandbox.slack.places import Places
from sandbox.slack.refusals import SlackError
from sandbox.slack.web_api import Handler

T = TypeVar("T")


class Conversations:
    """Channels, their messages and their people."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._workspace = places.workspace
        self.groups: dict[str, tuple[str, list[str]]] = {"S0EDITORS": ("editors", ["U0ADA", "U0GRACE"])}

    def handlers(self) -> dict[str, Handler]:
        return {
            "conversations.replies": self.replies,
            "conversations.history": self.history,
            "conversations.info": self.info,
            "conversations.list": self.listing,
            "conversations.members": self.members,
            "conversations.open": self.open,
            "conversations.join": self.join,
            "users.conversations": self.joined,
            "users.info": self.person,
            "users.list": self.people,
            "bots.info": self.bot,
            "usergroups.list": self.usergroups,
            "usergroups.users.list": self.usergroup,
        }

    async def replies(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.readable(said)
        root = channel.messages.get(said.text("ts"))
        if root is None:
            raise SlackError("thread_not_found")
        chosen = self._between(channel.replies(root.ts), said)
        page, cursor = _page([root, *chosen], said, most=1_000, usual=1_000, key=_when)
        return self._messages(page, cursor, said)

    async def history(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.readable(said)
        top = [message for message in channel.messages.values() if not message.thread or message.broadcast]
        page, cursor = _page(self._between(top, said)[::-1], said, most=999, usual=100, key=_when)
        return self._messages(page, cursor, said) | {"pin_count": 0}

    def _between(self, messages: Sequence[Message], said: Arguments) -> list[Message]:
        oldest, latest = said.text("oldest", "0"), said.text("latest", "") or "9999999999.999999"
        for name, value in (("oldest", oldest), ("latest", latest)):
            if not (is_ts(value) or value.isdigit()):
                raise SlackError(f"invalid_ts_{name}")
        low, high, inclusive = _moment(oldest), _moment(latest), said.flag("inclusive")
        return [
            message
            for message in messages
            if low < _moment(message.ts) < high or (inclusive and _moment(message.ts) in (low, high))
        ]

    def _messages(self, page: Sequence[Message], cursor: str, said: Arguments) -> dict[str, Any]:
        marked = said.flag("include_all_metadata")
        body: dict[str, Any] = {
            "messages": [self._workspace.message_json(message, metadata=marked) for message in page],
            "has_more": bool(cursor),
        }
        return body | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})

    # ------------------------------------------------------------------------------------------------ channels

    def _channel_json(self, channel: Channel) -> dict[str, Any]:
        if channel.kind == "im":
            return {
                "id": channel.id,
                "created": channel.created,
                "is_im": True,
                "is_archived": False,
                "is_org_shared": False,
                "context_team_id": TEAM,
                "user": channel.person,
                "is_open": True,
            }
        return {
            "id": channel.id,
            "name": channel.name,
            "name_normalized": channel.name,
            "created": channel.created,
            "creator": "U0ADA",
            "is_channel": channel.kind == "channel",
            "is_group": channel.kind == "private",
            "is_im": False,
            "is_mpim": False,
            "is_private": channel.kind == "private",
            "is_archived": channel.archived,
            "is_general": channel.name == "general",
            "is_member": BOT_USER in channel.members,
            "is_shared": False,
            "is_ext_shared": False,
            "is_org_shared": False,
            "context_team_id": TEAM,
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
        }

    async def info(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.known(said)
        body = self._channel_json(channel)
        if said.flag("include_num_members"):
            body["num_members"] = len(channel.members)
        if said.flag("include_locale"):
            body["locale"] = "en-US"
        return {"channel": body}

    async def listing(self, said: Arguments) -> dict[str, Any]:
        return self._channels(said, joined=False)

    async def joined(self, said: Arguments) -> dict[str, Any]:
        return self._channels(said, joined=True)

    def _channels(self, said: Arguments, *, joined: bool) -> dict[str, Any]:
        kinds = {"public_channel": "channel", "private_channel": "private", "im": "im", "mpim": ""}
        types = [kind.strip() for kind in said.text("types", "public_channel").split(",")]
        if any(kind not in kinds for kind in types):
            raise SlackError("invalid_types")
        wanted = {kinds[kind] for kind in types}
        chosen = [
            channel
            for channel in self._workspace.channels.values()
            if channel.kind in wanted
            and (BOT_USER in channel.members or (channel.kind == "channel" and not joined))
            and not (channel.archived and said.flag("exclude_archived"))
        ]
        page, cursor = _page(chosen, said, most=1_000, usual=100)
        return {"channels": list(map(self._channel_json, page)), "response_metadata": {"next_cursor": cursor}}

    async def members(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.known(said)
        page, cursor = _page(sorted(channel.members), said, most=1_000, usual=100)
        return {"members": list(page), "response_metadata": {"next_cursor": cursor}}

    async def open(self, said: Arguments) -> dict[str, Any]:
        if said.text("channel"):
            channel = self._places.known(said)
            if channel.kind != "im":
                raise SlackError("method_not_supported_for_channel_type")
        else:
            users = [user.strip() for user in said.text("users").split(",") if user.strip()]
            if not users:
                raise SlackError("users_list_not_supplied")
            if len(users) > 1:
                raise SlackError("invalid_user_combination")
            person = self._workspace.people.get(users[0])
            if person is None or person.bot:
                raise SlackError("user_not_found")
            channel = self._workspace.direct(person.id)
        body = self._channel_json(channel) if said.flag("return_im") else {"id": channel.id}
        return {"no_op": True, "already_open": True, "channel": body}

    async def join(self, said: Arguments) -> dict[str, Any]:
        channel = self._places.known(said)
        if channel.kind != "channel":
            raise SlackError("method_not_supported_for_channel_type")
        if channel.archived:
            raise SlackError("is_archived")
        channel.members.add(BOT_USER)
        return {"channel": self._channel_json(channel)}

    # ------------------------------------------------------------------------------------------------ people

    def _person_json(self, person: Person, *, locale: bool) -> dict[str, Any]:
        profile: dict[str, Any] = {
            "real_name": person.name,
            "real_name_normalized": person.name,
            "display_name": person.name,
            "display_name_normalized": person.name,
            "team": person.team,
        }
        if person.bot:
            profile |= {"bot_id": person.bot_id, "always_active": True}
        body = {
            "id": person.id,
            "team_id": person.team,
            "name": person.name.lower(),
            "deleted": False,
            "real_name": person.name,
            "tz": "Europe/London",
            "profile": profile,
            "is_admin": person.admin,
            "is_owner": person.owner,
            "is_primary_owner": False,
            "is_stranger": person.stranger,
            "is_restricted": person.guest,
            "is_ultra_restricted": False,
            "is_bot": person.bot,
            "is_app_user": False,
            "updated": 1_700_000_000,
        }
        return body | ({"locale": person.locale} if locale else {})

    async def person(self, said: Arguments) -> dict[str, Any]:
        person = self._workspace.people.get(said.text("user"))
        if person is None:
            raise SlackError("user_not_found")
        return {"user": self._person_json(person, locale=said.flag("include_locale"))}

    async def people(self, said: Arguments) -> dict[str, Any]:
        page, cursor = _page(list(self._workspace.people.values()), said, most=1_000, usual=200)
        members = [self._person_json(person, locale=said.flag("include_locale")) for person in page]
        return {"members": members, "response_metadata": {"next_cursor": cursor}}

    async def bot(self, said: Arguments) -> dict[str, Any]:
        wanted = said.text("bot") or BOT
        bot = next((one for one in self._workspace.people.values() if one.bot_id == wanted), None)
        if bot is None:
            raise SlackError("bot_not_found")
        profile = self._workspace.bot_profile(bot)
        return {"bot": {key: profile[key] for key in ("id", "app_id", "user_id", "name", "deleted")}}

    async def usergroups(self, said: Arguments) -> dict[str, Any]:
        groups = []
        for group, (handle, users) in self.groups.items():
            body: dict[str, Any] = {
                "id": group,
                "team_id": TEAM,
                "is_usergroup": True,
                "name": handle,
                "handle": handle,
            }
            if said.flag("include_users"):
                body["users"] = list(users)
            if said.flag("include_count"):
                body["user_count"] = len(users)
            groups.append(body)
        return {"usergroups": groups}

    async def usergroup(self, said: Arguments) -> dict[str, Any]:
        group = self.groups.get(said.text("usergroup"))
        if group is None:
            raise SlackError("no_such_subteam")
        return {"users": list(group[1])}


def _when(message: Message) -> int:
    return _moment(message.ts)


def _moment(ts: str) -> int:
    whole, _, fraction = ts.partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or "0")


def _page(
    items: Sequence[T], said: Arguments, *, most: int, usual: int, key: Callable[[T], int] | None = None
) -> tuple[Sequence[T], str]:
    """(the page that `cursor` and `limit` ask for, the next cursor or "").

    With a `key` the cursor names the item that comes next, so that what is posted or deleted between two pages shifts
    nothing; without, its place. Raises invalid_cursor, invalid_limit.
    """
    limit = said.number("limit", usual)
    if limit < 0:
        raise SlackError("invalid_limit")
    limit = min(limit or usual, most)
    start, cursor = 0, said.text("cursor")
    if cursor:
        try:
            name, _, number = base64.b64decode(cursor, validate=True).decode("ascii").partition(":")
            start = int(number[:20])
        except (binascii.Error, ValueError):
            raise SlackError("invalid_cursor") from None
        if name != ("next_ts" if key else "next"):
            raise SlackError("invalid_cursor")
        if key is not None:
            start = _place(list(map(key, items)), start)
    end = start + limit
    if end >= len(items):
        return items[start:], ""
    following = f"next_ts:{key(items[end])}" if key is not None else f"next:{end}"
    return items[start:end], base64.b64encode(following.encode()).decode()


def _place(keys: Sequence[int], wanted: int) -> int:
    """Where the item named by a cursor stands now, or the one behind it if it has gone."""
    falling = len(keys) > 1 and keys[0] > keys[-1]
    for place, key in enumerate(keys):
        if key <= wanted if falling else key >= wanted:
            return place
    return len(keys)
