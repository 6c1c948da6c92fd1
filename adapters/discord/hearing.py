"""The Gateway's events as they arrive -> the core's events. Law: each is heard once, and acknowledged before anybody hears of it.

What a payload means is told by pure readers (`inbound`, `acts`); here is what depends on what was seen before: replays
after a RESUME, what a message said until now, forms that stand open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from adapters.discord import acts, inbound, reading
from adapters.discord.acts import Act
from adapters.discord.asides import Asides
from adapters.discord.calls import now
from adapters.discord.client import Handler
from adapters.discord.handles import Interaction
from adapters.discord.interactions import Interactions
from adapters.discord.seen import Seen
from adapters.discord.standing import Standings
from bot import sentences
from bot.ports import Control, Event, Pressed, Ref, Submitted
from bot.translations import say

Payload: TypeAlias = Mapping[str, Any]


class Hearing:
    """Everything that arrives, in order."""

    def __init__(self, seen: Seen, interactions: Interactions, asides: Asides, standings: Standings) -> None:
        self._seen = seen
        self._interactions = interactions
        self._asides = asides
        self._standings = standings
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._closed = False

    @property
    def handlers(self) -> Mapping[str, Handler]:
        return {
            "MESSAGE_CREATE": self._message,
            "MESSAGE_UPDATE": self._update,
            "MESSAGE_DELETE": self._deletion,
            "MESSAGE_DELETE_BULK": self._deletion,
            "MESSAGE_REACTION_ADD": self._reaction,
            "MESSAGE_REACTION_REMOVE": self._reaction_taken_off,
            "INTERACTION_CREATE": self._interaction,
        }

    async def events(self) -> AsyncIterator[Event]:
        while (event := await self._events.get()) is not None:
            yield event
        self._events.put_nowait(None)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._events.put_nowait(None)

    # ------------------------------------------------------------------------------------------------------ messages

    def _message(self, d: Payload) -> None:
        author, channel, message = d["author"], str(d["channel_id"]), str(d["id"])
        if author["id"] == self._seen.me:
            self._seen.made(Ref(channel, message), str(d.get("nonce") or ""))
            return
        self._seen.said(channel, message)
        self._seen.goes_on(channel, anew=False)
        self._name_all(d)
        if not d.get("webhook_id"):
            self._standings.note(d, author)
        incoming = inbound.said(d, self._seen.me, self._seen)
        if incoming is None or not self._seen.first(incoming.key):
            return
        if not incoming.bot:
            self._seen.printed(message, inbound.print_of(d))
            self._seen.asked(message)
        self._events.put_nowait(incoming)

    def _update(self, d: Payload) -> None:
        message = str(d["id"])
        edited = inbound.edited(
            d, self._seen.me, self._seen, before=self._seen.print_of(message), now=datetime.now(UTC)
        )
        if edited is None:
            return
        self._seen.printed(message, inbound.print_of(d))
        if self._seen.is_ours(self._seen.last_in(edited.message.channel)):
            # Where we have written since, that is the answer, and is what changes.
            self._seen.goes_on(edited.message.channel, anew=True)
        self._standings.note(d, d["author"])
        self._name_all(d)
        self._events.put_nowait(edited)

    def _deletion(self, d: Payload) -> None:
        for gone in inbound.deleted(d):
            self._events.put_nowait(gone)

    def _reaction(self, d: Payload) -> None:
        pressed = inbound.reacted(d, self._seen.me, self._seen)
        if pressed is None or not self._seen.first(_reaction_key(d)):
            return
        user = (d.get("member") or {}).get("user")
        if user:
            self._standings.note(d, user)
        self._seen.named(pressed.person.id, pressed.person.name)
        self._events.put_nowait(pressed)

    def _reaction_taken_off(self, d: Payload) -> None:
        self._seen.forget(_reaction_key(d))

    def _name_all(self, d: Payload) -> None:
        author = d["author"]
        self._seen.named(str(author["id"]), reading.display_name(author, d.get("member")))
        for person in d.get("mentions") or ():
            self._seen.named(str(person["id"]), reading.display_name(person, person.get("member")))

    # -------------------------------------------------------------------------------------------------- interactions

    def _interaction(self, d: Payload) -> None:
        if not self._seen.first(f"interaction:{d['id']}"):
            return
        act = acts.act(d, self._seen.me, self._seen)
        self._seen.named(act.person.id, act.person.name)
        user = (d.get("member") or {}).get("user") or d.get("user") or {}
        self._standings.note(d, user, locale=act.locale)
        if act.kind == "unknown":
            self._interactions.decline(act, say(act.locale, sentences.OLD_COMMAND))
            return
        interaction = self._interactions.take(act)
        if act.group is not None:
            _ = self._interactions.spawn(self._open_group(act, interaction), f"discord:group:{act.id}")
        elif act.picked is not None:
            self._picked(act, interaction)
        elif act.event is not None:
            if isinstance(act.event, Submitted) and act.opened:
                self._asides.forms.filled_in(act.opened, act.event.values)
            again = isinstance(act.event, Pressed) and act.event.control is Control.REGENERATE
            self._seen.goes_on(act.channel, anew=again)
            self._events.put_nowait(act.event)

    def _picked(self, act: Act, interaction: Interaction) -> None:
        assert act.picked is not None
        panel = self._asides.forms.get(act.picked.opened, now())
        if panel is None:
            _ = self._interactions.spawn(self._too_old(act, interaction), f"discord:old:{act.id}")
            return
        values = {act.picked.field: act.picked.values}
        self._asides.forms.filled_in(act.picked.opened, values)
        self._events.put_nowait(Submitted(act.key, panel.id, values, act.person, act.place, act.locale))

    async def _open_group(self, act: Act, interaction: Interaction) -> bool:
        assert act.group is not None
        opened, number = act.group
        return await self._asides.open_group(interaction, opened, number) or await self._too_old(
            act, interaction
        )

    async def _too_old(self, act: Act, interaction: Interaction) -> bool:
        return await self._asides.whisper(interaction.id, say(act.locale, sentences.FORM_TOO_OLD))


def _reaction_key(d: Payload) -> str:
    emoji = (d.get("emoji") or {}).get("name")
    return f"reaction:{d['message_id']}:{d['user_id']}:{emoji}"
