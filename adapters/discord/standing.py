"""What a person may do in a place. Law: from what came along with their messages and clicks; asked for only where nothing did.

An interaction brings its sender's permissions in the channel, worked out by Discord. A message and a reaction bring the
sender's roles, and the Gateway keeps the guild's roles, owner and overwrites current (no member is ever listed).
Permissions: docs topics/permissions (everyone and roles together; Administrator and owner everything; then the
channel's overwrites: everyone's, the roles', the person's).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import discord

from adapters.discord import budgets
from adapters.discord.acts import ADMINISTRATOR
from adapters.discord.calls import Call, Calls, now
from adapters.discord.seen import Recent, Seen
from bot.ports import Person, Place, Standing

_log = logging.getLogger(__name__)

MANAGE_GUILD: Final = 1 << 5
MANAGE_MESSAGES: Final = 1 << 13

FRESH_SECONDS: Final = 600.0
"""How long somebody's roles are believed; each message and click of theirs brings them anew."""

ASK_SECONDS: Final = 1.8
KNOWN_ASK_SECONDS: Final = 0.8
"""How long somebody is asked for of whom nothing is known, or whose roles are no longer fresh. The core waits for 2 s, and
takes what is not told by then for not given: then old roles tell more than none."""


@dataclass(frozen=True, slots=True)
class _Member:
    roles: frozenset[str]
    bot: bool
    at: float


class Standings:
    """Bounded; lost with a restart without harm."""

    def __init__(self, calls: Calls, seen: Seen) -> None:
        self._calls = calls
        self._seen = seen
        self._members: Recent[tuple[str, str], _Member] = Recent()
        self._held: Recent[tuple[str, str], tuple[int, float]] = Recent()
        self._locales: Recent[str, str] = Recent()
        self._bots: Recent[str, None] = Recent()

    def note(self, d: Mapping[str, Any], user: Mapping[str, Any], *, locale: str = "") -> None:
        """A payload of somebody's: its `member`, where it stands, and who they are."""
        person, guild = str(user["id"]), str(d.get("guild_id") or "")
        if user.get("bot"):
            self._bots.put(person, None)
        if locale:
            self._locales.put(person, locale)
        member = d.get("member")
        if not guild or not isinstance(member, Mapping):
            return
        self._put(guild, person, member, bot=bool(user.get("bot")))
        permissions = member.get("permissions")
        if permissions is not None and str(permissions).isdecimal():
            self._held.put((str(d.get("channel_id") or ""), person), (int(permissions), now()))

    def _put(self, guild: str, person: str, member: Mapping[str, Any], *, bot: bool) -> _Member:
        listed = member.get("roles")
        roles = frozenset(str(role) for role in listed) if isinstance(listed, list) else frozenset()
        made = _Member(roles, bot, now())
        self._members.put((guild, person), made)
        return made

    async def of(self, place: Place, person: Person) -> Standing:
        guild = self._guild(place.workspace)
        locale = self._locales.get(person.id) or (str(guild.preferred_locale) if guild is not None else "")
        plain = Standing(bot=person.id in self._bots, locale=locale)
        if not place.workspace:
            return plain
        member = self._members.get((place.workspace, person.id))
        if member is None or now() - member.at > FRESH_SECONDS:
            within = ASK_SECONDS if member is None else KNOWN_ASK_SECONDS
            member = await self._asked(place.workspace, person.id, within) or member
        if member is None:
            return plain
        permissions = self._permissions(place, person.id, member, guild)
        every = bool(permissions & ADMINISTRATOR)
        manager = every or bool(permissions & MANAGE_GUILD)
        moderator = manager or bool(permissions & MANAGE_MESSAGES)
        return replace(plain, manager=manager, moderator=moderator, bot=member.bot, groups=member.roles)

    def _permissions(self, place: Place, person: str, member: _Member, guild: discord.Guild | None) -> int:
        held = self._held.get((place.channel, person))
        if held is not None and now() - held[1] <= FRESH_SECONDS:
            return held[0]
        if guild is None:
            return 0
        channel = guild.get_channel_or_thread(int(place.channel)) if place.channel.isdigit() else None
        where = channel.parent if isinstance(channel, discord.Thread) else channel
        roles = {str(role.id): role.permissions.value for role in guild.roles}
        return permissions(
            guild=place.workspace,
            person=person,
            owner=str(guild.owner_id or ""),
            roles={id_: bits for id_, bits in roles.items() if id_ in member.roles or id_ == place.workspace},
            overwrites={
                str(target.id): (allow.value, deny.value)
                for target, overwrite in (where.overwrites if where is not None else {}).items()
                for allow, deny in (overwrite.pair(),)
            },
        )

    def _guild(self, guild: str) -> discord.Guild | None:
        client = self._seen.client
        return client.get_guild(int(guild)) if client is not None and guild.isdigit() else None

    async def _asked(self, guild: str, person: str, within: float) -> _Member | None:
        """One call, for somebody who has not been heard of for a while."""
        call = Call("GET", f"/guilds/{guild}/members/{person}", budgets.MEMBER, guild)
        try:
            async with asyncio.timeout(within):
                answer = await self._calls.patiently(call, within=within)
        except TimeoutError:
            answer = None
        if answer is None or not answer.ok or not isinstance(answer.body, dict):
            _log.info(
                "a member could not be asked for: %s", answer.label if answer is not None else "no answer"
            )
            return None
        user = answer.body.get("user")
        return self._put(guild, person, answer.body, bot=isinstance(user, dict) and bool(user.get("bot")))


def permissions(
    *,
    guild: str,
    person: str,
    owner: str,
    roles: Mapping[str, int],
    overwrites: Mapping[str, tuple[int, int]],
) -> int:
    """The bits that a person holds in a channel (docs: topics/permissions, pseudocode).

    roles       id -> bits of everyone (whose id is the guild's) and of the person's own
    overwrites  id of a role or person -> (allowed, denied) in the channel
    """
    if person == owner:
        return ADMINISTRATOR
    bits = _together(roles.values())
    if bits & ADMINISTRATOR:
        return bits
    layers = (
        [overwrites[guild]] if guild in overwrites else [],
        [overwrites[role] for role in roles if role in overwrites and role != guild],
        [overwrites[person]] if person in overwrites else [],
    )
    for layer in layers:
        bits = bits & ~_together(deny for _, deny in layer) | _together(allow for allow, _ in layer)
    return bits


def _together(bits: Iterable[int]) -> int:
    found = 0
    for one in bits:
        found |= one
    return found
