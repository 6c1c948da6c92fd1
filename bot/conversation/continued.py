"""An answer that was gone on with. Law: its words stand as they stood; only the buttons go whose work is done below it.

Continue is pressed once, and what then is to be regenerated is what came of it: the older answer keeps what concerns it
alone. No edit of its message is due by then, so this takes one: the buttons ride on the text that stands there. What
that is, is remembered of the answers that this process has shown; of those from before a restart it is rendered anew
from the first page on, for the store knows the words, but not where they were cut.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.conversation.admission import Terms
from bot.conversation.channel import Channel
from bot.conversation.journal import StoreJournal
from bot.ports import Content, Control, Place, Ref
from bot.reply.buttons import controls_after, label, sure
from bot.reply.messages import Document, Page
from bot.reply.pages import Document as Rendered
from bot.reply.reply import Reply
from bot.reply.view import View
from bot.store.nouns import Answered
from bot.store.store import Store

log = logging.getLogger(__name__)

_LEFT: Final = (Control.FILE, Control.DELETE)
_REMEMBERED: Final = 1_000  # answers that broke off; of a page of at most some ten thousand characters each
_PATIENCE: Final = 30.0  # seconds; after that the buttons stay


@dataclass(frozen=True, slots=True)
class _Standing:
    """A document of one page, which stands as it is. (What a view shows, and its page in one.)"""

    text: str
    closed: bool = True
    start: int = 0
    settled: int = 0

    @property
    def end(self) -> int:
        return len(self.text)

    @property
    def length(self) -> int:
        return len(self.text)

    def pages(self) -> Sequence[Page]:
        return (self,)

    def seal(self) -> None:
        """It is closed."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What has to be shown once more: the messages with what they show now, and what stands on their buttons."""

    document: Document
    refs: tuple[Ref, ...]
    contents: tuple[Content, ...]
    label: Callable[[Control], str]


class Continued:
    """One for the process."""

    def __init__(self, store: Store, journal: StoreJournal) -> None:
        self._store = store
        self._journal = journal
        self._last: OrderedDict[str, tuple[Ref, Content]] = OrderedDict()  # by reply
        self._views: dict[str, View] = {}  # by reply: buttons that are about to go

    async def begins(self, reply: str) -> None:
        """An answer is to be shown, perhaps in the messages of an older one: an edit of those that is still under way
        must not come behind it.
        """
        self._last.pop(reply, None)
        view = self._views.get(reply)
        if view is not None:
            await view.settled()

    def ended(self, reply: Reply) -> None:
        """It stands as it will: worth remembering where it can be gone on with."""
        last = reply.last
        if last is None or Control.CONTINUE not in last[1].controls:
            return
        self._last[reply.subject.id] = last
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    async def gone_on(self, channel: Channel, message: Ref, terms: Terms) -> None:
        """The answer whose last page this message is was gone on with."""
        known = await self._store.reply_of_message(message, platform=channel.platform.profile.name)
        answered = await self._store.reply(known) if known else None
        if answered is None or answered.turn != "partial" or answered.reply in self._views:
            return  # forgotten, had anew meanwhile, or under way
        language = terms.preferences.language or answered.locale or terms.language
        shown = self._shown(channel, answered, language)
        if shown is None:
            log.info("buttons.stay", extra={"reply": answered.reply, "pages": len(answered.refs)})
            return
        above = answered.refs[: len(answered.refs) - len(shown.refs)]

        def changed(refs: tuple[Ref, ...], place: Place) -> None:
            # Only where the platform would not have it changed, and it was taken back.
            self._journal.posted(answered.reply, above + refs, place)

        view = channel.outbox.open(
            answered.place,
            answered.reply,
            shown.document,
            refs=shown.refs,
            shown=shown.contents,
            on_changed=changed,
            label=shown.label,
            sure=sure(language),
        )
        self._views[answered.reply] = view
        try:
            view.finish(_LEFT)
            async with asyncio.timeout(_PATIENCE):
                settled = await view.settled()
            log.info("buttons.gone", extra={"reply": answered.reply, "outcome": settled.kind})
        except TimeoutError:
            log.warning("buttons.stay", extra={"reply": answered.reply, "seconds": _PATIENCE})
        finally:
            view.abandon()
            del self._views[answered.reply]
            self._last.pop(answered.reply, None)

    def _shown(self, channel: Channel, answered: Answered, language: str) -> _Shown | None:
        """None: nobody knows what stands there."""
        last = self._last.get(answered.reply)
        if last is not None and last[0] in answered.refs[-1:]:
            ref, content = last
            labels = dict(zip(content.controls, content.labels, strict=False))
            return _Shown(
                _Standing(content.text),
                (ref,),
                (content,),
                lambda control: labels.get(control) or label(language, control),
            )
        if not answered.refs:
            return None
        profile = channel.platform.profile
        document = Rendered(profile.dialect, profile.page_limit)
        document.feed(answered.text)
        document.end(answered.notice, short=True)
        pages = [page.text for page in document.pages() if page.text.strip()]
        if len(pages) != len(answered.refs):
            return None  # it was cut by other rules: what stands is worth more than what stands under it
        offered = ((),) * (len(pages) - 1) + (controls_after("partial", answered.text),)
        contents = tuple(
            Content(text, under, answered.reply, closed=True)
            for text, under in zip(pages, offered, strict=True)
        )
        return _Shown(document, answered.refs, contents, lambda control: label(language, control))
