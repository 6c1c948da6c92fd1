"""May this be answered, and how? Law: every way of asking goes through here, and a refusal costs nothing.

The order: what the place and the person allow, then how often, then (once it is known what would be asked of Claude)
what it may cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot import sentences
from bot.claude.answer import Ask
from bot.conversation import preferences as prefs
from bot.conversation.channel import Channel
from bot.conversation.permissions import Asking, Refusal, Way, Why, may, may_control, may_manage
from bot.conversation.preferences import Preferences, Scope
from bot.conversation.rates import Rates
from bot.conversation.spending import OverLimit, Spending, dollars
from bot.ports import Control, Incoming, Person, Place, Standing
from bot.settings import Settings
from bot.store.ledger import Account
from bot.store.store import Store
from bot.translations import say, wait

log = logging.getLogger(__name__)

_WHY: dict[Why, str] = {
    "workspace": sentences.NOT_IN_THIS_WORKSPACE,
    "direct": sentences.NO_DIRECT_MESSAGES,
    "channel": sentences.NOT_IN_THIS_CHANNEL,
    "outsider": sentences.NOT_FOR_OUTSIDERS,
    "guest": sentences.NOT_FOR_GUESTS,
    "denied": sentences.NOT_FOR_YOU,
    "not_listed": sentences.NOT_FOR_YOU,
    "bot": sentences.NOT_FOR_YOU,
    "loop": sentences.NOT_FOR_YOU,
    "not_yours": sentences.NOT_YOURS_TO_STOP,
    "not_manager": sentences.SETTINGS_FOR_MANAGERS,
}
_SPENT = {
    "person": sentences.PERSON_SPENT,
    "channel": sentences.CHANNEL_SPENT,
    "workspace": sentences.WORKSPACE_SPENT,
}


_LOOK_UP = 2.0  # seconds for what a platform says of a person: words are to come within about a second
BEFORE_A_FORM = 1.0  # the same, where a form is to open within three seconds of a press


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one person in one place, and in which language they are told.

    known  whether the platform has said in time what the person is; if not, nothing of it counts as given
    """

    preferences: Preferences
    standing: Standing
    language: str
    known: bool = True


@dataclass(frozen=True, slots=True)
class Turned:
    """Not answered. `sentence` in the asker's language; "" where nobody is told.

    alone  it is about what this person may do, and is nobody else's business
    """

    sentence: str
    alone: bool = False


class Admission:
    """One for the process."""

    def __init__(self, settings: Settings, store: Store, spending: Spending) -> None:
        self._defaults = prefs.defaults(settings)
        self._house = prefs.house(settings)
        self._store = store
        self._spending = spending
        self._rates = Rates()

    async def preferences(self, place: Place) -> Preferences:
        """What holds in a place."""
        workspace, channel = await self._changes(place)
        return prefs.resolve(self._defaults, workspace, channel)

    async def level(self, place: Place, scope: Scope) -> tuple[Preferences, Mapping[str, Any]]:
        """For a form: what holds above this level, and what is set on it."""
        workspace, channel = await self._changes(place)
        if scope == "workspace":
            return self._defaults, workspace
        return prefs.resolve(self._defaults, workspace, {}), channel

    async def _changes(self, place: Place) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return await self._store.preferences.changes(
            place.platform, place.workspace, place.parent or place.channel
        )

    async def terms(
        self,
        channel: Channel,
        place: Place,
        person: Person,
        locale: str = "",
        *,
        within: float = _LOOK_UP,
    ) -> Terms:
        """Looks up what the platform says of the person: remembered there, so that it costs a call now and then.

        `within`: seconds; what is not known then counts as not given.
        """
        preferences, standing = await asyncio.gather(
            self.preferences(place), self._standing(channel, place, person, within)
        )
        known, standing = standing is not None, standing or Standing()
        return Terms(preferences, standing, preferences.language or locale or standing.locale, known)

    async def _standing(
        self, channel: Channel, place: Place, person: Person, within: float
    ) -> Standing | None:
        """None: it could not be had in time."""
        try:
            async with asyncio.timeout(within):
                return await channel.platform.standing(place, person)
        except TimeoutError:
            log.warning("standing.slow", extra={"platform": place.platform, "seconds": within})
            return None
        except Exception:
            # An adapter's verbs do not raise; where one does, nothing is given.
            log.exception("standing.failed", extra={"platform": place.platform})
            return None

    def may_ask(
        self, incoming: Incoming, way: Way, terms: Terms, *, answers_to_bots: int = 0
    ) -> Turned | None:
        """None: go on."""
        if incoming.bot:
            terms = replace(terms, standing=replace(terms.standing, bot=True))
        asking = self._asking(incoming.place, incoming.person, way, terms, answers_to_bots)
        refusal = may(asking, terms.preferences, self._house)
        return self._turned(refusal, terms)

    async def may_write(self, place: Place, person: Person, terms: Terms) -> Turned | None:
        """Whether to open a form for a question; None: open it. All is asked again when it is sent off, and counted then:
        here nobody is turned away for what is not known yet.
        """
        if terms.known:
            asking = self._asking(place, person, "shortcut", terms, 0)
            refusal = may(asking, terms.preferences, self._house)
            if refusal is not None:
                return self._turned(refusal, terms)
        if seconds := self._rates.wait(
            _one(place, person), limit=terms.preferences.requests_a_minute, now=_now()
        ):
            return _too_many(terms, seconds)
        over = await self._spending.reached(account(place, person), terms.preferences)
        return Turned(_told(over, terms.language), alone=True) if over is not None else None

    def count(self, place: Place, person: Person, terms: Terms) -> Turned | None:
        """One more request of this person; None: go on."""
        limit = terms.preferences.requests_a_minute
        seconds = self._rates.ask(_one(place, person), limit=limit, now=_now())
        return _too_many(terms, seconds) if seconds else None

    async def reserve(self, incoming: Incoming, reply: str, ask: Ask, terms: Terms) -> Turned | None:
        """Set aside what the answer may cost; None: go on."""
        over = await self._spending.reserve(
            reply, account(incoming.place, incoming.person), ask, terms.preferences
        )
        return Turned(_told(over, terms.language), alone=True) if over is not None else None

    def may_control(
        self, control: Control, place: Place, person: Person, terms: Terms, *, asker: str
    ) -> Turned | None:
        """Whether this person may press this button; None: go on."""
        asking = self._asking(place, person, "command", terms, 0)
        refusal = may_control(control, asking, terms.preferences, asker=asker, house=self._house)
        if refusal is not None and refusal.why == "not_yours" and control is Control.DELETE:
            return Turned(say(terms.language, sentences.NOT_YOURS_TO_DELETE))
        return self._turned(refusal, terms)

    def may_manage(self, terms: Terms) -> Turned | None:
        """Whether this person may see and change settings; None: go on."""
        return self._turned(may_manage(terms.standing, self._house), terms)

    def _asking(self, place: Place, person: Person, way: Way, terms: Terms, answers_to_bots: int) -> Asking:
        return Asking(
            how=way,
            person=person.id,
            standing=terms.standing,
            workspace=place.workspace,
            private=place.private,
            answers_to_bots=answers_to_bots,
        )

    def _turned(self, refusal: Refusal | None, terms: Terms) -> Turned | None:
        if refusal is None:
            return None
        log.info("asking.refused", extra={"why": refusal.why})
        return Turned(say(terms.language, _WHY[refusal.why]) if refusal.aloud else "", alone=True)


def account(place: Place, person: Person) -> Account:
    """Who pays."""
    return Account(place.platform, place.workspace, place.parent or place.channel, person.id)


def _one(place: Place, person: Person) -> tuple[str, str, str]:
    """Whose minute it is."""
    return place.platform, place.workspace, person.id


def _now() -> float:
    return asyncio.get_running_loop().time()


def _too_many(terms: Terms, seconds: float) -> Turned:
    told = say(terms.language, sentences.TOO_MANY_REQUESTS, wait=wait(terms.language, seconds))
    return Turned(told, alone=True)


def _told(over: OverLimit, language: str) -> str:
    limit = dollars(over.limit)
    if over.reserved:
        return say(language, sentences.RESERVED, limit=limit)
    return say(language, _SPENT[over.whose], limit=limit, wait=wait(language, over.resets_in))
