"""Posts and edits, and the two roads they can take. Law: one attempt each, and changing roads loses and doubles nothing.

A message goes by its channel with the bot's token, or by the webhook of a slash command while that command's token
lives (15 minutes). A command's first page fills in the "thinking" message; further pages are ordinary posts where the
bot can see the channel, and follow-ups where it cannot. Whatever was posted by a webhook can be edited through the
channel as well, so a `Ref` outlives the token and a restart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapters.discord import budgets, outbound
from adapters.discord.calls import Call, Calls, now, plain
from adapters.discord.handles import Interaction
from adapters.discord.interactions import Interactions, acknowledged
from adapters.discord.outcomes import NOT_FOUND, Expired, Unreferenced, ref_of
from adapters.discord.reading import LOADING, is_by
from adapters.discord.rest import Answer
from adapters.discord.seen import Recent, Seen
from bot.ports import Bucket, Content, Op, Outcome, Place, Ref, Refused, Rejected, Sent, Unavailable

KEY_LENGTH: Final = 25
"""Documented: a nonce has at most 25 characters."""

LOOK_BACK: Final = 100
"""Messages of the channel that `find` reads, the most that one call gives: what may have been said there since."""

MISSING_SECONDS: Final = 60.0
"""How long Discord may find no channel to post in, and give no code for that, before it is believed. What is gone has a code
(10003); routes that exist answer without one at times (discord-api-docs#6851), and are back soon."""

DELETE_SECONDS: Final = 10.0
"""How long a deletion is tried for."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """A post under way or lost, for finding it again by what it said."""

    channel: str
    text: str


class Writing:
    """Messages: posted, edited, deleted, found again, read.

    ping_asker  whether the first page of an answer notifies who asked, as a reply does
    """

    def __init__(self, calls: Calls, seen: Seen, interactions: Interactions, *, ping_asker: bool) -> None:
        self._calls = calls
        self._seen = seen
        self._interactions = interactions
        self._ping_asker = ping_asker
        self._old: Recent[str, None] = Recent()
        # The message of the newest page, by reply; by route, where the question is posted in front of the answer.
        self._newest: Recent[str, str] = Recent()
        self._tried: Recent[str, _Tried] = Recent(1000)
        self._claimed: Recent[str, None] = Recent()  # messages that a post of ours is known to have made
        self._no_arrow: Recent[str, None] = Recent()
        self._missing: Recent[str, tuple[float, float]] = Recent()  # channel -> since when, and when last

    # -------------------------------------------------------------------------------------------------------- budgets

    def buckets(self, op: Op, place: Place, ref: Ref | None, age: float) -> Sequence[Bucket]:
        known = self._calls.budgets
        interaction = self._interactions.answering(place, now())
        if op == "post" or ref is None:
            if interaction is not None and not interaction.original:
                return (known.route(budgets.WEBHOOK_ORIGINAL, interaction.id),)
            if interaction is not None and not interaction.visible:
                return (known.route(budgets.WEBHOOK_POST, interaction.id),)
            usual = budgets.POST if op == "post" else budgets.EDIT
            return (known.route(usual, place.channel), known.everywhere())
        if interaction is not None and ref.message in interaction.messages:
            return (known.route(_webhook_route(interaction, ref), interaction.id),)
        spent = (known.route(budgets.EDIT, ref.channel), known.everywhere())
        if age > budgets.OLD_SECONDS or ref.message in self._old:
            return (*spent, known.old(ref.channel))
        return spent

    # ---------------------------------------------------------------------------------------------------------- verbs

    async def post(self, place: Place, content: Content, key: str) -> Outcome:
        if len(key) > KEY_LENGTH:
            raise ValueError(f"a post's key has at most {KEY_LENGTH} characters, not {len(key)}")
        interaction = self._interactions.answering(place, now())
        if interaction is not None and interaction.state == "held":
            self._interactions.acknowledge(interaction, "thinking")
        if interaction is not None and (not interaction.original or key == interaction.key):
            return await self._fill_in(interaction, place, content, key)
        if interaction is not None and not interaction.visible:
            return await self._follow_up(interaction, place, content, key)
        posted = await self._post(place, content, key)
        if isinstance(posted, Sent):
            self._dismiss(place.route)
        return posted

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        interaction = self._interactions.answering(place, now())
        if interaction is None or ref.message not in interaction.messages:
            return await self._edit(ref, content)
        last = "@original" if ref.message == interaction.original else ref.message
        call = self._calls.webhook(
            interaction, "PATCH", f"/messages/{last}", _webhook_route(interaction, ref)
        )
        reading = await self._calls.perform(call, outbound.edit(content), ref=ref)
        if isinstance(reading, Expired):
            interaction.dead = True
            return await self._edit(ref, content, aside=True)
        return plain(reading)

    async def _fill_in(self, interaction: Interaction, place: Place, content: Content, key: str) -> Outcome:
        """A command's first page: the "thinking" message, filled in. Safe to repeat with the same key."""
        if not await acknowledged(interaction):
            interaction.dead = True
            return await self._post(place, content, key, aside=True)
        interaction.key = key
        call = self._calls.webhook(interaction, "PATCH", "/messages/@original", budgets.WEBHOOK_ORIGINAL)
        reading = await self._calls.perform(call, outbound.edit(content), channel=place.channel)
        if isinstance(reading, Expired):
            interaction.dead = True
            return await self._post(place, content, key, aside=True)
        if isinstance(reading, Sent):
            interaction.original = reading.ref.message
            interaction.messages.add(reading.ref.message)
            self._page(place, content, reading.ref)
            self._seen.made(reading.ref)
            self._claimed.put(reading.ref.message, None)
        return plain(reading)

    async def _follow_up(self, interaction: Interaction, place: Place, content: Content, key: str) -> Outcome:
        """A further page where the bot cannot see the channel. Webhooks know no nonce: a repeated call whose first
        answer was lost may show the page twice, and nothing can be asked about it.
        """
        call = self._calls.webhook(interaction, "POST", "", budgets.WEBHOOK_POST)
        reading = await self._calls.perform(call, outbound.edit(content), channel=place.channel)
        if isinstance(reading, Expired):
            interaction.dead = True
            return await self._post(place, content, key, aside=True)
        if isinstance(reading, Sent):
            interaction.messages.add(reading.ref.message)
            self._seen.made(reading.ref)
            self._claimed.put(reading.ref.message, None)
        return plain(reading)

    async def _post(self, place: Place, content: Content, key: str, *, aside: bool = False) -> Outcome:
        newest = self._newest.get(content.reply or place.route) or self._newest.get(place.route) or ""
        arrow = place.reply_to or newest
        if (
            place.channel in self._no_arrow
            or arrow in self._no_arrow
            or self._seen.last_in(place.channel) == newest != ""
        ):
            arrow = ""  # right under the page before it an arrow would be noise
        # A menu's answer replies to a message that somebody else may have written.
        asks = arrow != "" and not place.route and self._seen.is_question(arrow)
        ring = self._ping_asker and asks and not newest
        body = outbound.create(content, key=key, reply_to=arrow, channel=place.channel, ring=ring)
        self._tried.put(key, _Tried(place.channel, content.text))
        call = Call("POST", f"/channels/{place.channel}/messages", budgets.POST, place.channel)
        reading = await self._calls.perform(call, body, channel=place.channel, aside=aside)
        if isinstance(reading, Unreferenced):
            # Without Read Message History no message of the channel takes one; some take none anywhere.
            self._no_arrow.put(place.channel if reading.whole_channel else arrow, None)
            return Unavailable(reading.code, applied=False)
        if isinstance(reading, Sent):
            self._tried.drop(key)
            self._claimed.put(reading.ref.message, None)
            self._page(place, content, reading.ref)
            self._seen.made(reading.ref, key)
        return self._believed(place.channel, plain(reading))

    def _believed(self, channel: str, met: Outcome) -> Outcome:
        """A post is tried again while it may help, and not for ever: then somebody has to be told."""
        if isinstance(met, Sent):
            self._missing.drop(channel)
        if not isinstance(met, Unavailable) or met.code != NOT_FOUND:
            return met
        first, last = self._missing.get(channel) or (now(), now())
        if now() - last > MISSING_SECONDS:
            first = now()
        self._missing.put(channel, (first, now()))
        return Rejected(met.code) if now() - first >= MISSING_SECONDS else met

    def _page(self, place: Place, content: Content, ref: Ref) -> None:
        for name in filter(None, (content.reply, place.route)):
            self._newest.put(name, ref.message)
        if place.reply_to:
            self._seen.answered(place.reply_to, ref.message)

    async def _edit(self, ref: Ref, content: Content, *, aside: bool = False) -> Outcome:
        call = Call("PATCH", f"/channels/{ref.channel}/messages/{ref.message}", budgets.EDIT, ref.channel)
        reading = await self._calls.perform(call, outbound.edit(content), ref=ref, aside=aside)
        old = self._calls.budgets.old(ref.channel)
        if isinstance(reading, Refused) and reading.bucket == old.key and ref.message not in self._old:
            # Discord counts it as old, and whoever sent it did not know that: from now on it is known.
            self._old.put(ref.message, None)
            if not aside:
                self._calls.meter.refused(old, reading.retry_after)
        return plain(reading)

    # ----------------------------------------------------------------------------------------------------------- find

    async def find(self, place: Place, key: str) -> Ref | Unavailable | None:
        """The message that a post with this key made.

        Sure: our own MESSAGE_CREATE on the Gateway, which carries the nonce, and a command's first page, of which
        there is one. Nearly sure: the nonce on a message that is read back (Discord keeps it "for a while", and does
        not promise it there), or a message of ours with exactly the text that was posted and no other key.
        Not to be had: a follow-up where the bot cannot see the channel. Repeating the post is safe besides:
        `enforce_nonce` makes Discord answer with the first message if that is only minutes old.
        """
        seen = self._seen.by_nonce(key)
        if seen is not None:
            return seen
        interaction = self._interactions.known(place.route)
        if interaction is not None and interaction.key == key and not interaction.dead:
            return await self._find_original(interaction, place)
        if interaction is not None and not interaction.visible:
            return None
        path = f"/channels/{place.channel}/messages?limit={LOOK_BACK}"
        call = Call("GET", path, budgets.READ, place.channel)
        answer = await self._calls.aside(call)
        if answer is None or answer.failure or not isinstance(answer.body, list):
            if answer is not None and answer.status in (403, 404) and answer.body is not None:
                return None  # no history to read, or no channel: nothing can be found, and the nonce still guards
            return Unavailable(answer.label if answer is not None else "shut", applied=False)
        return self._among(answer.body, place, key)

    def _among(self, messages: Sequence[Any], place: Place, key: str) -> Ref | None:
        """The message of this key among the channel's newest."""
        ours = [
            message for message in messages if isinstance(message, dict) and is_by(message, self._seen.me)
        ]
        tried = self._tried.get(key)
        for message in ours:
            ref = ref_of(message, place.channel)
            if ref is None:
                continue
            nonce = message.get("nonce")
            if str(nonce) == key or (
                nonce is None and tried is not None and self._may_be(message, ref, tried)
            ):
                self._seen.made(ref, key)
                self._claimed.put(ref.message, None)
                return ref
        return None

    def _may_be(self, message: Mapping[str, Any], ref: Ref, tried: _Tried) -> bool:
        """Where Discord keeps no nonce: the same words, and no other post of ours. Two answers may begin alike."""
        by_webhook = message.get("webhook_id") or message.get("interaction_metadata")
        known = ref.message in self._claimed or self._seen.key_of(ref)
        return message.get("content") == tried.text and not by_webhook and not known

    async def _find_original(self, interaction: Interaction, place: Place) -> Ref | Unavailable | None:
        call = self._calls.webhook(interaction, "GET", "/messages/@original", budgets.WEBHOOK_ORIGINAL)
        answer = await self._calls.aside(call)
        if answer is None or answer.failure or answer.status >= 500 or answer.status == 429:
            return Unavailable(answer.label if answer is not None else "shut", applied=False)
        ref = ref_of(answer.body, place.channel) if answer.ok else None
        flags = answer.body.get("flags") if ref is not None else None
        if ref is None or (isinstance(flags, int) and flags & LOADING):
            return None
        interaction.original = ref.message
        interaction.messages.add(ref.message)
        self._seen.made(ref)
        self._claimed.put(ref.message, None)
        return ref

    async def delete(self, place: Place, ref: Ref) -> Outcome:
        """Take a message of ours away; one that a command made where the bot cannot see the channel, by its token."""
        interaction = self._interactions.answering(place, now())
        if interaction is not None and ref.message in interaction.messages and not interaction.visible:
            last = "@original" if ref.message == interaction.original else ref.message
            call = self._calls.webhook(interaction, "DELETE", f"/messages/{last}", budgets.WEBHOOK_DELETE)
            reading = await self._calls.insist(call, within=DELETE_SECONDS, ref=ref)
            if not isinstance(reading, Expired):
                return plain(reading)
            interaction.dead = True
        call = Call("DELETE", f"/channels/{ref.channel}/messages/{ref.message}", budgets.DELETE, ref.channel)
        return plain(await self._calls.insist(call, within=DELETE_SECONDS, ref=ref))

    def _dismiss(self, route: str) -> None:
        """An answer that was asked for by a menu or a form stands in the channel: "thinking" is over."""
        interaction = self._interactions.alive(route, now())
        if interaction is None or not interaction.answerable or interaction.filled:
            return
        if interaction.state == "held":
            self._interactions.acknowledge(interaction, "quiet")
        if interaction.state == "quiet":
            interaction.filled = True
            _ = self._interactions.spawn(self._take_back(interaction), f"discord:dismiss:{interaction.id}")

    async def _take_back(self, interaction: Interaction) -> bool:
        if not await acknowledged(interaction):
            return False
        call = self._calls.webhook(interaction, "DELETE", "/messages/@original", budgets.WEBHOOK_DELETE)
        answer = await self._calls.patiently(call, within=10.0)
        return answer is not None and answer.ok

    # --------------------------------------------------------------------------------------------- statuses, reading

    def shows_typing(self, place: Place) -> bool:
        """Typing lasts ten seconds, or until the next message (docs: trigger typing indicator): where the answer comes in
        a message that is there already nothing would end it. A command shows "thinking" by itself.
        """
        stands = self._seen.page_of(place.reply_to) or self._seen.is_anew(place.channel)
        return not stands and self._interactions.answering(place, now()) is None

    async def typing(self, place: Place) -> None:
        call = Call("POST", f"/channels/{place.channel}/typing", budgets.TYPING, place.channel)
        await self._calls.aside(call)

    async def read(self, channel: str, tail: str) -> Answer | None:
        """GET /channels/{channel}/messages{tail}: a list of messages, or one. None: its budget is closed at the moment."""
        route = f"{budgets.READ}/{{m}}" if tail.startswith("/") else budgets.READ
        return await self._calls.aside(Call("GET", f"/channels/{channel}/messages{tail}", route, channel))

    async def person(self, person: str) -> Mapping[str, Any] | None:
        """A user object, or None."""
        answer = await self._calls.aside(Call("GET", f"/users/{person}", budgets.OTHER, "users"))
        return answer.body if answer is not None and answer.ok and isinstance(answer.body, dict) else None


def _webhook_route(interaction: Interaction, ref: Ref) -> str:
    return budgets.WEBHOOK_ORIGINAL if ref.message == interaction.original else budgets.WEBHOOK_EDIT
