"""Commands, the words and buttons that do the same, and the forms. Law: what they answer is for the person who acted, and
nobody waits for a form that cannot open.
"""

from __future__ import annotations

import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bot import sentences
from bot.claude.models import Models
from bot.conversation import panel as forms
from bot.conversation import routing, usage
from bot.conversation.admission import BEFORE_A_FORM, Admission, account
from bot.conversation.channel import Channel
from bot.conversation.controls import COMMENT, FEEDBACK, Controls
from bot.conversation.permissions import Way
from bot.conversation.preferences import Scope
from bot.conversation.spending import Spending
from bot.ports import (
    Button,
    Chosen,
    Field,
    Group,
    Incoming,
    Line,
    Ordered,
    Panel,
    Person,
    Place,
    Submitted,
    Wanted,
)
from bot.store.store import Store
from bot.translations import say

log = logging.getLogger(__name__)

_ASK = "ask:"
_QUESTION = "question"
_SETTINGS = "settings:"
_FORGET = "forget:yes"
_MODES: dict[str, Scope] = {"channel": "channel", "workspace": "workspace"}
_OPEN_FORMS = 1_000  # questions that somebody has begun to type into a form
_LONGEST_QUESTION = 3_000  # what Slack and Discord take in one field
_LINES = 200  # of a thread, in which a message is looked for that a form is about


@dataclass(frozen=True, slots=True)
class _By:
    """Who acts, where, in which language."""

    person: Person
    place: Place
    locale: str


class Orders:
    """One for the process. `ask` answers a question that came by way of a form."""

    def __init__(
        self,
        *,
        store: Store,
        admission: Admission,
        spending: Spending,
        controls: Controls,
        models: Models,
        ask: Callable[[Channel, Incoming, Way], Awaitable[None]],
    ) -> None:
        self._store = store
        self._admission = admission
        self._spending = spending
        self._controls = controls
        self._models = models
        self._ask = ask
        self._wanted: OrderedDict[str, Wanted] = OrderedDict()

    # ------------------------------------------------------------------------------------------ commands

    async def ordered(self, channel: Channel, ordered: Ordered) -> None:
        """`/claude <verb>`, or a message that is nothing but the word."""
        by = _By(ordered.person, ordered.place, ordered.locale)
        log.info("order.given", extra={"verb": ordered.verb if ordered.verb in _VERBS else "unknown"})
        match ordered.verb:
            case "stop":
                await self._stop(channel, by)
            case "new":
                await self._new(channel, by)
            case "usage":
                await self._usage(channel, by)
            case "settings":
                await self._settings(channel, by)
            case "forget":
                await self._forget(channel, by)
            case "help" | "":
                await self._help(channel, by)
            case _:
                language = await self._language(channel, by)
                text = f"{say(language, sentences.UNKNOWN_ORDER)}\n\n{say(language, sentences.HELP)}"
                await channel.explained(by.place, by.person, text)

    async def _language(self, channel: Channel, by: _By) -> str:
        terms = await self._admission.terms(channel, by.place, by.person, by.locale, within=BEFORE_A_FORM)
        return terms.language

    async def _help(self, channel: Channel, by: _By) -> None:
        await channel.explained(by.place, by.person, say(await self._language(channel, by), sentences.HELP))

    async def _stop(self, channel: Channel, by: _By) -> None:
        if not await self._controls.stop_here(channel, by.place, by.person, by.locale):
            language = await self._language(channel, by)
            await channel.answer(by.place, by.person, say(language, sentences.NOTHING_TO_STOP))
        elif by.place.route:
            # A command wants an answer; a word has one in the reply that ends.
            language = await self._language(channel, by)
            await channel.whisper(by.place, by.person, say(language, sentences.STOPPED_PRIVATELY))

    async def begin_anew(self, place: Place, scope: str) -> None:
        """What "new" does, but for saying so: what is asked there from now on knows nothing of what was said."""
        anchors = routing.anchors_of(place, scope)
        if anchors:
            await self._store.begin_anew(place, anchors)

    async def _new(self, channel: Channel, by: _By) -> None:
        language = await self._language(channel, by)
        await channel.answer(by.place, by.person, say(language, sentences.NEW_CONVERSATION))

    async def _usage(self, channel: Channel, by: _By) -> None:
        terms = await self._admission.terms(channel, by.place, by.person, by.locale)
        summary = await self._spending.summary(account(by.place, by.person))
        manages = self._admission.may_manage(terms) is None
        text = usage.told(summary, terms.preferences, manages=manages, language=terms.language)
        if by.place.private:
            await channel.explained(by.place, by.person, text)
        elif not await channel.whisper(by.place, by.person, text):
            # What somebody spends is nobody else's business.
            await channel.show(
                by.place, say(terms.language, sentences.USE_THE_COMMAND, command="/claude usage")
            )

    async def _forget(self, channel: Channel, by: _By) -> None:
        language = await self._language(channel, by)
        button = Button(_FORGET, say(language, sentences.FORGET_YES), "danger")
        if not await channel.whisper(
            by.place, by.person, say(language, sentences.FORGET_QUESTION), (button,)
        ):
            await channel.show(by.place, say(language, sentences.USE_THE_COMMAND, command="/claude forget"))

    # ------------------------------------------------------------------------------------------ settings

    async def _settings(self, channel: Channel, by: _By) -> None:
        terms = await self._admission.terms(channel, by.place, by.person, by.locale)
        turned = self._admission.may_manage(terms)
        if turned is not None:
            await channel.answer(by.place, by.person, turned.sentence)
            return
        language = terms.language
        buttons = [Button(f"{_SETTINGS}workspace", say(language, sentences.SETTINGS_WORKSPACE))]
        if not by.place.private:
            buttons.insert(
                0, Button(f"{_SETTINGS}channel", say(language, sentences.SETTINGS_CHANNEL), "primary")
            )
        if not await channel.whisper(by.place, by.person, say(language, sentences.SETTINGS_WHERE), buttons):
            await channel.show(by.place, say(language, sentences.USE_THE_COMMAND, command="/claude settings"))

    async def _open_settings(self, channel: Channel, by: _By, scope: Scope) -> None:
        terms = await self._admission.terms(channel, by.place, by.person, by.locale, within=BEFORE_A_FORM)
        turned = self._admission.may_manage(terms)
        if turned is not None:
            await channel.whisper(by.place, by.person, turned.sentence)
            return
        above, changes = await self._admission.level(by.place, scope)
        panel = forms.settings_panel(
            scope,
            above,
            changes,
            await self._models.offered(),
            channel=_settings_channel(by.place),
            language=terms.language,
            without=channel.platform.profile.without,
        )
        if not await channel.open(by.place, by.person, panel):
            await channel.whisper(by.place, by.person, say(terms.language, sentences.FORM_TOO_OLD))

    async def _change_settings(
        self, channel: Channel, by: _By, scope: Scope, where: str, submitted: Submitted
    ) -> None:
        terms = await self._admission.terms(channel, by.place, by.person, by.locale)
        turned = self._admission.may_manage(terms)
        if turned is not None:
            await channel.whisper(by.place, by.person, turned.sentence)
            return
        if where and where != _settings_channel(by.place):
            # A form is about the place in which it was opened, and so is what was looked up of the person.
            log.warning("form.elsewhere")
            await channel.whisper(by.place, by.person, say(terms.language, sentences.FORM_TOO_OLD))
            return
        changes, mistakes = forms.changed(submitted.values, scope, language=terms.language)
        if changes:
            await self._store.preferences.change(
                by.place.platform, by.place.workspace, where, changes, by=by.person.id
            )
            log.info("settings.changed", extra={"scope": scope, "fields": sorted(changes)})
        saved = sentences.SETTINGS_REST_SAVED if mistakes else sentences.SETTINGS_SAVED
        said = [say(terms.language, saved)] if changes or not mistakes else []
        holds = await self._admission.preferences(by.place)
        warnings = forms.warnings(holds, language=terms.language)
        await channel.whisper(by.place, by.person, "\n".join([*mistakes, *said, *warnings]))

    # ------------------------------------------------------------------------------------------ buttons, forms

    async def chosen(self, channel: Channel, chosen: Chosen) -> None:
        """A button that only this person saw."""
        by = _By(chosen.person, chosen.place, chosen.locale)
        if chosen.button == _FORGET:
            await self._controls.stop_all(by.person, by.place)
            await self._store.forget_person(by.place.platform, by.place.workspace or None, by.person.id)
            log.info("person.forgotten")
            language = await self._language(channel, by)
            await channel.whisper(by.place, by.person, say(language, sentences.FORGOTTEN))
        elif scope := _MODES.get(chosen.button.removeprefix(_SETTINGS)):
            await self._open_settings(channel, by, scope)
        else:
            log.warning("button.unknown")

    async def submitted(self, channel: Channel, submitted: Submitted) -> None:
        """A form that was sent off."""
        by = _By(submitted.person, submitted.place, submitted.locale)
        form = submitted.panel
        if form.startswith(_ASK):
            await self._asked_about(channel, by, submitted)
        elif form.startswith(FEEDBACK):
            comment = " ".join(submitted.values.get(COMMENT, ()))
            language = await self._language(channel, by)
            await self._controls.comment(
                channel, by.place, by.person, form.removeprefix(FEEDBACK), comment, language
            )
        elif target := forms.scope_of(form):
            await self._change_settings(channel, by, *target, submitted)
        else:
            log.warning("form.unknown")

    # ------------------------------------------------------------------------------------------ about a message

    async def wanted(self, channel: Channel, wanted: Wanted) -> None:
        """A message's menu: ask about it, or summarise its thread."""
        by = _By(wanted.person, wanted.place, wanted.locale)
        terms = await self._admission.terms(channel, by.place, by.person, by.locale, within=BEFORE_A_FORM)
        language = terms.language
        if wanted.what == "summarize":
            await self._ask(
                channel,
                self._question(
                    channel,
                    wanted,
                    by,
                    key=wanted.key,
                    text=say(language, sentences.SUMMARIZE_QUESTION),
                    says=say(
                        language, sentences.SUMMARY_OF_THREAD, name=await self._name(channel, by.person)
                    ),
                    shown="",
                ),
                "summary",
            )
            return
        turned = await self._admission.may_write(by.place, by.person, terms)
        if turned is not None:
            # Nobody writes a question into a form to be told then that they may not ask it.
            if turned.sentence:
                await channel.whisper(by.place, by.person, turned.sentence)
            return
        token = secrets.token_hex(8)
        self._wanted[token] = wanted
        while len(self._wanted) > _OPEN_FORMS:
            self._wanted.popitem(last=False)
        field = Field(
            _QUESTION,
            say(language, sentences.ASK_FIELD),
            "paragraph",
            required=True,
            limit=_LONGEST_QUESTION,
        )
        panel = Panel(
            f"{_ASK}{token}",
            say(language, sentences.ASK_TITLE),
            (Group("ask", "", (field,)),),
            say(language, sentences.ASK_SUBMIT),
            language=language,
            about=wanted.about,
        )
        if not await channel.open(wanted.place, wanted.person, panel):
            del self._wanted[token]
            await channel.whisper(wanted.place, wanted.person, say(language, sentences.FORM_TOO_OLD))

    async def _asked_about(self, channel: Channel, by: _By, submitted: Submitted) -> None:
        wanted = self._wanted.get(submitted.panel.removeprefix(_ASK)) or await self._recalled(
            channel, submitted
        )
        language = await self._language(channel, by)
        if wanted is None or wanted.person.id != by.person.id:
            await channel.whisper(by.place, by.person, say(language, sentences.FORM_TOO_OLD))
            return
        question = " ".join(submitted.values.get(_QUESTION, ()))
        name = await self._name(channel, by.person)
        author = wanted.about.person
        # The question names whose message it is about: to Claude an id would be nobody.
        named = replace(author, name=await self._name(channel, author))
        about = replace(
            wanted,
            about=replace(wanted.about, person=named),
            place=replace(wanted.place, route=by.place.route),
        )
        await self._ask(
            channel,
            self._question(
                channel,
                about,
                by,
                key=f"form:{submitted.panel}",  # sent off twice, it is still one question
                text=question,
                says=say(language, sentences.ASKS_ABOUT, name=name),
                shown=question,
            ),
            "shortcut",
        )

    async def _recalled(self, channel: Channel, submitted: Submitted) -> Wanted | None:
        """What a form was opened for, before a restart or very long ago: its message is looked up once more; where it
        cannot be had, the words that came back with the form do.
        """
        about = submitted.about
        # A form is about the place in which it was opened: nobody reads another channel by it.
        if about is None or about.message.channel != submitted.place.channel:
            return None
        found = next(
            (line for line in await self._around(channel, submitted, about) if line.message == about.message),
            about,
        )
        if not found.text.strip() and not found.files:
            return None
        log.info("form.recalled", extra={"looked_up": found is not about})
        return Wanted(
            key=submitted.key,
            what="ask",
            about=found,
            person=submitted.person,
            place=submitted.place,
            scope=submitted.scope,
            locale=submitted.locale,
        )

    async def _around(self, channel: Channel, submitted: Submitted, about: Line) -> Sequence[Line]:
        """What stands where a message stands, as if the message had been replied to."""
        asking = Incoming(
            key=submitted.key,
            person=submitted.person,
            text="",
            how="command",
            place=submitted.place,
            scope=submitted.scope,
            answers=about.message,
            threaded=True,
        )
        try:
            return await channel.platform.history(asking, limit=_LINES)
        except Exception:
            # An adapter's verbs do not raise; what came with the form is better than nothing.
            log.exception("history.failed", extra={"key": submitted.key})
            return ()

    def _question(
        self, channel: Channel, wanted: Wanted, by: _By, *, key: str, text: str, says: str, shown: str
    ) -> Incoming:
        """A question that nobody sees on the platform: it is shown in front of its answer."""
        dialect = channel.platform.profile.dialect
        return Incoming(
            key=key,
            person=by.person,
            text=text,
            how="command",
            place=wanted.place,
            scope=wanted.scope,
            announce=dialect.asks(shown, by=says),
            about=wanted.about if shown else None,
            threaded=True,
            locale=by.locale,
        )

    async def _name(self, channel: Channel, person: Person) -> str:
        return person.name or await channel.name(person) or person.id


def _settings_channel(place: Place) -> str:
    """The channel whose settings hold in a place."""
    return place.parent or place.channel


_VERBS = frozenset({"stop", "new", "usage", "settings", "forget", "help", ""})
