"""Posts and edits, and the two roads they can take. Law: one attempt each, and changing roads loses and doubles nothing.

A message goes by its channel with the bot's token, or by the webhook of a slash command while that command's token
lives (15 minutes). A command's first page fills in the "thinking" message; further pages are ordinary posts where the
bot can see the channel, and follow-ups where it cannot. Whatever was posted by a webhook can be edited through the
channel as well, so a `Ref` outlives the token and a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from adapters.discord import budgets, outbound
from adapters.discord.budgets import Budgets
from adapters.discord.interactions import Interaction, Interactions
from adapters.discord.outcomes import (
    EDGE_CAP_SECONDS,
    EDGE_SECONDS,
    Blocked,
    Expired,
    Keys,
    Unreferenced,
    read,
    ref_of,
    retry_after_of,
)
from adapters.discord.rest import Answer, Rest
from adapters.discord.seen import Recent, Seen
from bot.ports import Bucket, Content, Denied, Meter, Op, Outcome, Place, Ref, Refused, Sent, Unavailable

_log = logging.getLogger(__name__)

KEY_LENGTH: Final = 25
"""Documented: a nonce has at most 25 characters."""

LOOK_BACK: Final = 100
"""Messages of the channel that `find` reads, the most that one call gives: what may have been said there since."""

LOADING: Final = 1 << 7
"""The flag of a deferred answer that is still "thinking"."""

Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]
Met: TypeAlias = Outcome | Expired | Unreferenced


@dataclass(frozen=True, slots=True)
class Call:
    """One call, with the route and major parameter that its budget hangs on."""

    method: Method
    path: str
    route: str
    major: str
    bot: bool = True


@dataclass(frozen=True, slots=True)
class _Tried:
    """A post under way or lost, for finding it again by what it said."""

    channel: str
    text: str


class Writing:
    """Every call about messages.

    meter        who is told about budgets; nobody before `connect`
    application  the application's id, known after the login; interactions come later
    """

    def __init__(self, rest: Rest, seen: Seen, interactions: Interactions) -> None:
        self.meter: Meter = _Nobody()
        self.application = ""
        self._rest = rest
        self._seen = seen
        self._interactions = interactions
        self.budgets = Budgets()
        self._shut_until = float("-inf")
        self._blocks = 0
        self._flying: Counter[tuple[str, str]] = Counter()
        self._old: Recent[str, None] = Recent()
        self._newest: Recent[str, str] = Recent()  # reply -> the message of its newest page
        self._tried: Recent[str, _Tried] = Recent(1000)
        self._claimed: Recent[str, None] = Recent()  # messages that a post of ours is known to have made
        self._quiet: Recent[str, float] = Recent(1000)
        self._no_arrow: Recent[str, None] = Recent()

    # -------------------------------------------------------------------------------------------------------- budgets

    def buckets(self, op: Op, place: Place, ref: Ref | None, age: float) -> Sequence[Bucket]:
        interaction = self._interactions.of(place.route, _now())
        if op == "post" or ref is None:
            if interaction is not None and not interaction.original:
                return (self.budgets.route(budgets.WEBHOOK_ORIGINAL, interaction.id),)
            if interaction is not None and not interaction.visible:
                return (self.budgets.route(budgets.WEBHOOK_POST, interaction.id),)
            return (self.budgets.route(budgets.POST, place.channel), self.budgets.everywhere())
        if interaction is not None and ref.message in interaction.messages:
            return (self.budgets.route(_webhook_route(interaction, ref), interaction.id),)
        usual = (self.budgets.route(budgets.EDIT, ref.channel), self.budgets.everywhere())
        if age > budgets.OLD_SECONDS or ref.message in self._old:
            return (*usual, self.budgets.old(ref.channel))
        return usual

    # ---------------------------------------------------------------------------------------------------------- verbs

    async def post(self, place: Place, content: Content, key: str) -> Outcome:
        if len(key) > KEY_LENGTH:
            raise ValueError(f"a post's key has at most {KEY_LENGTH} characters, not {len(key)}")
        interaction = self._interactions.of(place.route, _now())
        if interaction is not None and (not interaction.original or key == interaction.key):
            return await self._fill_in(interaction, place, content, key)
        if interaction is not None and not interaction.visible:
            return await self._follow_up(interaction, place, content, key)
        return await self._post(place, content, key)

    async def edit(self, place: Place, ref: Ref, content: Content) -> Outcome:
        interaction = self._interactions.of(place.route, _now())
        if interaction is None or ref.message not in interaction.messages:
            return await self._edit(ref, content)
        last = "@original" if ref.message == interaction.original else ref.message
        call = self._webhook(interaction, "PATCH", f"/messages/{last}", _webhook_route(interaction, ref))
        reading = await self._perform(call, outbound.edit(content), ref=ref)
        if isinstance(reading, Expired):
            interaction.dead = True
            return await self._edit(ref, content, aside=True)
        return _plain(reading)

    async def _fill_in(self, interaction: Interaction, place: Place, content: Content, key: str) -> Outcome:
        """A command's first page: the "thinking" message, filled in. Safe to repeat with the same key."""
        if not await _acknowledged(interaction):
            interaction.dead = True
            return await self._post(place, content, key, aside=True)
        interaction.key = key
        call = self._webhook(interaction, "PATCH", "/messages/@original", budgets.WEBHOOK_ORIGINAL)
        reading = await self._perform(call, outbound.edit(content), channel=place.channel)
        if isinstance(reading, Expired):
            interaction.dead = True
            return await self._post(place, content, key, aside=True)
        if isinstance(reading, Sent):
            interaction.original = reading.ref.message
            interaction.messages.add(reading.ref.message)
            self._newest.put(content.reply, reading.ref.message)
            self._seen.made(reading.ref)
            self._claimed.put(reading.ref.message, None)
        return _plain(reading)

    async def _follow_up(self, interaction: Interaction, place: Place, content: Content, key: str) -> Outcome:
        """A further page where the bot cannot see the channel. Webhooks know no nonce: a repeated call whose first
        answer was lost may show the page twice, and nothing can be asked about it.
        """
        call = self._webhook(interaction, "POST", "", budgets.WEBHOOK_POST)
        reading = await self._perform(call, outbound.edit(content), channel=place.channel)
        if isinstance(reading, Expired):
            interaction.dead = True
            return await self._post(place, content, key, aside=True)
        if isinstance(reading, Sent):
            interaction.messages.add(reading.ref.message)
            self._seen.made(reading.ref)
            self._claimed.put(reading.ref.message, None)
        return _plain(reading)

    async def _post(self, place: Place, content: Content, key: str, *, aside: bool = False) -> Outcome:
        newest = (self._newest.get(content.reply) if content.reply else None) or ""
        arrow = place.reply_to or newest
        if place.channel in self._no_arrow or self._seen.last_in(place.channel) == newest != "":
            arrow = ""  # right under the page before it an arrow would be noise
        body = outbound.create(content, key=key, reply_to=arrow, channel=place.channel)
        self._tried.put(key, _Tried(place.channel, content.text))
        call = Call("POST", f"/channels/{place.channel}/messages", budgets.POST, place.channel)
        reading = await self._perform(call, body, channel=place.channel, aside=aside)
        if isinstance(reading, Unreferenced):
            self._no_arrow.put(place.channel, None)
            return Unavailable(reading.code, applied=False)
        if isinstance(reading, Sent):
            self._tried.drop(key)
            self._claimed.put(reading.ref.message, None)
            if content.reply:
                self._newest.put(content.reply, reading.ref.message)
            self._seen.made(reading.ref, key)
        return _plain(reading)

    async def _edit(self, ref: Ref, content: Content, *, aside: bool = False) -> Outcome:
        call = Call("PATCH", f"/channels/{ref.channel}/messages/{ref.message}", budgets.EDIT, ref.channel)
        reading = await self._perform(call, outbound.edit(content), ref=ref, aside=aside)
        old = self.budgets.old(ref.channel)
        if isinstance(reading, Refused) and reading.bucket == old.key and ref.message not in self._old:
            # Discord counts it as old, and whoever sent it did not know that: from now on it is known.
            self._old.put(ref.message, None)
            self.meter.refused(old, reading.retry_after)
        return _plain(reading)

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
        answer = await self._aside(call)
        if answer is None or answer.failure or not isinstance(answer.body, list):
            if answer is not None and answer.status in (403, 404):
                return None  # no history to read, or no channel: nothing can be found, and the nonce still guards
            return Unavailable(answer.label if answer is not None else "shut", applied=False)
        return self._among(answer.body, place, key)

    def _among(self, messages: Sequence[Any], place: Place, key: str) -> Ref | None:
        """The message of this key among the channel's newest."""
        ours = [
            message
            for message in messages
            if isinstance(message, dict) and (message.get("author") or {}).get("id") == self._seen.me
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
        call = self._webhook(interaction, "GET", "/messages/@original", budgets.WEBHOOK_ORIGINAL)
        answer = await self._aside(call)
        if answer is None or answer.failure or answer.status >= 500 or answer.status == 429:
            return Unavailable(answer.label if answer is not None else "shut", applied=False)
        ref = ref_of(answer.body, place.channel) if answer.ok else None
        if ref is None or int(answer.body.get("flags") or 0) & LOADING:
            return None
        interaction.original = ref.message
        interaction.messages.add(ref.message)
        self._seen.made(ref)
        self._claimed.put(ref.message, None)
        return ref

    # ------------------------------------------------------------------------------------------------ statuses, asides

    async def typing(self, place: Place) -> None:
        """Typing lasts ten seconds (docs: trigger typing indicator). A command shows "thinking" by itself."""
        if self._interactions.of(place.route, _now()) is not None:
            return
        call = Call("POST", f"/channels/{place.channel}/typing", budgets.TYPING, place.channel)
        await self._aside(call)

    async def whisper(self, route: str, sentence: str) -> bool:
        """One sentence that only the asker sees. A "thinking" that was never filled in is taken away first: while it
        stands, Discord would fill it with the sentence, for everybody (observed).
        """
        interaction = self._interactions.of(route, _now())
        if interaction is None or not await _acknowledged(interaction):
            return False
        if not interaction.original:
            await self._aside(
                self._webhook(interaction, "DELETE", "/messages/@original", budgets.WEBHOOK_ORIGINAL)
            )
            interaction.dead = True
        call = self._webhook(interaction, "POST", "", budgets.WEBHOOK_POST)
        answer = await self._aside(call, outbound.whisper(sentence))
        return answer is not None and answer.ok

    async def read(self, channel: str, tail: str) -> Answer | None:
        """GET /channels/{channel}/messages{tail}: a list of messages, or one. None: its budget is closed at the moment."""
        route = f"{budgets.READ}/{{m}}" if tail.startswith("/") else budgets.READ
        return await self._aside(Call("GET", f"/channels/{channel}/messages{tail}", route, channel))

    async def person(self, person: str) -> Mapping[str, Any] | None:
        """A user object, or None."""
        answer = await self._aside(Call("GET", f"/users/{person}", budgets.OTHER, "users"))
        return answer.body if answer is not None and answer.ok and isinstance(answer.body, dict) else None

    def overheard(self, route: str, major: str, status: int, headers: Mapping[str, str]) -> None:
        """A call that discord.py made, and what Discord said to it."""
        self.meter.spent(self.budgets.everywhere())
        told = self.budgets.learn(route, headers)
        bucket = self.budgets.route(route, major)
        if told is not None:
            self.meter.told(bucket, limit=told.limit, remaining=told.remaining, reset_after=told.reset_after)
        if status == 429:
            everywhere = headers.get("X-RateLimit-Scope") == "global" or "X-RateLimit-Global" in headers
            wait = retry_after_of(Answer(status=status, headers=headers)) or 1.0
            self.meter.refused(self.budgets.everywhere() if everywhere else bucket, wait)

    async def _aside(self, call: Call, body: Mapping[str, Any] | None = None) -> Answer | None:
        """A call outside the outbox: counted, and left out while its budget is refused. None: it was left out."""
        quiet_until = self._quiet.get(self.budgets.route(call.route, call.major).key) or 0.0
        if _now() < max(self._shut_until, quiet_until):
            return None
        self._spend(call)
        answer = await self._made(call, body)
        if answer.status == 429:
            reading = self._read(call, answer, None, call.major)
            if isinstance(reading, Refused):
                bucket = self.budgets.route(
                    call.route, call.major
                )  # by the hash that this answer may have told
                self._quiet.put(bucket.key, _now() + reading.retry_after)
                known = self.budgets.everywhere()
                self.meter.refused(known if reading.bucket == known.key else bucket, reading.retry_after)
        return answer

    # ------------------------------------------------------------------------------------------------------- one call

    async def _perform(
        self,
        call: Call,
        body: Mapping[str, Any],
        *,
        ref: Ref | None = None,
        channel: str = "",
        aside: bool = False,
    ) -> Met:
        """One attempt. `aside`: its budget was not booked by the outbox, which booked the other road's."""
        left = self._shut_until - _now()
        if left > 0:
            return Refused(left, self.budgets.route(call.route, call.major).key)
        if aside:
            self._spend(call)
        reading = self._read(call, await self._made(call, body), ref, channel)
        if aside and isinstance(reading, Refused):
            self.meter.refused(self.budgets.route(call.route, call.major), reading.retry_after)
        return reading

    async def _made(self, call: Call, body: Mapping[str, Any] | None) -> Answer:
        """The call, and what its headers tell."""
        counted = (call.route, call.major)
        self._flying[counted] += 1
        try:
            answer = await self._rest.call(call.method, call.path, body, bot=call.bot)
            self._hear(call, answer)
        finally:
            self._flying[counted] -= 1
            if not self._flying[counted]:
                del self._flying[counted]
        return answer

    def _read(self, call: Call, answer: Answer, ref: Ref | None, channel: str) -> Met:
        route = self.budgets.route(call.route, call.major).key
        keys = Keys(
            route,
            everywhere=self.budgets.everywhere().key if call.bot else "",
            old=self.budgets.old(call.major).key if call.route == budgets.EDIT else "",
        )
        reading = read(answer, keys, ref=ref, channel=channel)
        if not isinstance(reading, Blocked):
            if not answer.failure:
                self._blocks = 0
            return reading
        wait = reading.retry_after or min(EDGE_CAP_SECONDS, EDGE_SECONDS * 2.0 ** min(self._blocks, 10))
        self._blocks += 1
        self._shut_until = _now() + wait
        self.meter.refused(self.budgets.everywhere(), wait)
        _log.warning("shut out at Discord's edge (%s) for %.0f s", answer.label, wait)
        return Refused(wait, route)

    def _hear(self, call: Call, answer: Answer) -> None:
        before = self.budgets.route(call.route, call.major).key
        told = self.budgets.learn(call.route, answer.headers)
        bucket = self.budgets.route(call.route, call.major)
        if told is not None:
            self.meter.told(bucket, limit=told.limit, remaining=told.remaining, reset_after=told.reset_after)
        if bucket.key == before:
            return
        # This route spends another's budget, as we now know. Calls under way were booked elsewhere: they count here.
        for (route, major), flying in self._flying.items():
            if route == call.route:
                others = flying - 1 if major == call.major else flying
                for _ in range(others):
                    self.meter.spent(self.budgets.route(route, major))

    def _spend(self, call: Call) -> None:
        self.meter.spent(self.budgets.route(call.route, call.major))
        if call.bot:
            self.meter.spent(self.budgets.everywhere())

    def _webhook(self, interaction: Interaction, method: Method, tail: str, route: str) -> Call:
        path = f"/webhooks/{self.application}/{interaction.token}{tail}"
        return Call(method, path, route, interaction.id, bot=False)


class _Nobody:
    """A meter before there is one."""

    def spent(self, bucket: Bucket) -> None: ...
    def told(self, bucket: Bucket, *, limit: int, remaining: int, reset_after: float) -> None: ...
    def refused(self, bucket: Bucket, retry_after: float) -> None: ...


def _plain(reading: Met) -> Outcome:
    """The outcomes that only one road knows, where the other met them: the bot has no way there."""
    if isinstance(reading, Expired | Unreferenced):
        return Denied(reading.code)
    return reading


def _webhook_route(interaction: Interaction, ref: Ref) -> str:
    return budgets.WEBHOOK_ORIGINAL if ref.message == interaction.original else budgets.WEBHOOK_EDIT


async def _acknowledged(interaction: Interaction) -> bool:
    """Wait for the acknowledgement, which goes on if the waiting is given up."""
    return interaction.acknowledged is not None and await asyncio.shield(interaction.acknowledged)


def _now() -> float:
    return asyncio.get_running_loop().time()
