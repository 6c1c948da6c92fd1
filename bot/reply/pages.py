"""Markdown so far -> pages that fit the platform. Law: a closed page never changes, and every frame is well formed.

A `Document` is fed Claude's fragments and asked for its pages, once per frame. A cut is decided once, when the open
page overflows, from that page's text up to the overflow: neither the size of the fragments nor later text moves it.
That is true by construction, because the open page advances over its text only in steps whose ends the text alone
decides (`OpenPage.advance`); a frame looks at what lies beyond the last step and changes nothing.

Should the reading fail, the open page goes on as plain text (`plainly`): nobody loses an answer to a fault of ours.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from traceback import extract_tb
from typing import Any

from bot.ports import Dialect
from bot.reply.growth import OpenPage
from bot.reply.plainly import Kept, PlainPage
from bot.reply.sheet import Closing, Frame

log = logging.getLogger(__name__)

_JOIN = 256  # fragments are kept joined by so many, so that a string's own weight does not count


@dataclass(frozen=True, slots=True)
class Page:
    """One message's text in the platform's dialect, and the span of the source that it shows.

    text    balanced, within the limit, never empty
    closed  it will not change any more
    start, end  the spans of the pages tile the source; an open page's `end` leaves out what is held back
    settled  the text begins with so many characters in every later frame of this page, and when it is closed, unless
             the page overflows and is cut before them
    """

    text: str
    closed: bool
    start: int
    end: int
    settled: int = 0


class Document:
    """The whole answer: fed in fragments, shown in pages."""

    def __init__(self, dialect: Dialect, limit: int) -> None:
        self._dialect = dialect
        self._limit = limit
        self._chunks: list[str] = []  # the whole source
        self._fresh: list[str] = []  # fragments that are not yet in _chunks
        self._unread: list[str] = []  # chunks that the open page has not seen
        self._high = ""  # a high surrogate whose other half has not come
        self._start = 0  # where the open page's text begins in the source
        self._definitions: dict[str, Any] = {}
        self._page: OpenPage | PlainPage = OpenPage(dialect, limit, Closing(), {})
        self._begin = Closing()  # how the open page began
        self._frame: Frame | None = None  # the last one of the open page
        self._plain = False  # whether it goes on as plain text
        self._fell = False  # whether a page's reading has failed
        self._closed: list[Page] = []
        self._ended = self._over = False  # no more text comes; all of it is closed
        self._short = False
        self._notice = ""
        self.length = 0

    @property
    def text(self) -> str:
        """The whole source."""
        self._settle()
        return "".join(self._chunks)

    def feed(self, fragment: str) -> None:
        """More of Claude's text. A surrogate pair that came in two halves is joined; a lone half becomes U+FFFD."""
        if self._ended:
            raise ValueError("the document has ended: nothing can be added")
        fragment = self._joined(self._high + fragment)
        if not fragment:
            return
        self.length += len(fragment)
        self._fresh.append(fragment)
        if len(self._fresh) >= _JOIN:
            self._settle()

    def end(self, notice: str = "", *, short: bool = False) -> None:
        """No more text. `notice`, one sentence of our own, stands after it; on a page of its own if need be.

        `short`: the text was cut short, so that emphasis and code that it leaves open are closed.
        """
        if self._ended:
            return
        if self._high:
            self._high = ""
            self.feed("\ufffd")
        self._ended = True
        self._short = short
        self._notice = notice

    def pages(self) -> Sequence[Page]:
        """The pages as they should look now: all but the last closed; after `end` all of them.

        Empty while there is nothing to show. The work is proportional to the open page.
        """
        self._settle()
        while True:
            try:
                return self._now()
            except Exception as fault:  # noqa: BLE001 (whatever it is, it must not cost a person the answer)
                self._fall(fault)

    def seal(self) -> None:
        """Close the open page at the end of what its last frame called settled; the answer goes on on a new page.

        The closed text is those characters, and what closes a fence that is open there. Nothing happens where nothing
        is settled. For streams that a platform ends before the page is full.
        """
        closed = len(self._closed)
        while not self._ended and len(self._closed) == closed:
            try:
                if (cut := self._page.seal()) is None:
                    return
                self._close(cut)
            except Exception as fault:  # noqa: BLE001 (as above)
                self._fall(fault)

    # ---------------------------------------------------------------------------------------------- inside

    def _now(self) -> Sequence[Page]:
        if self._over:
            return tuple(self._closed)
        if self._unread:
            unread = "".join(self._unread)
            self._unread.clear()
            self._page.grow(unread)
        while cut := self._page.advance(last=self._ended, short=self._short):
            self._close(cut)
        if self._ended:
            self._finish()
            return tuple(self._closed)
        frame = self._page.frame()
        if frame is None:
            return tuple(self._closed)
        self._frame = frame
        end = self._start + frame.shown
        return (*self._closed, Page(frame.text, False, self._start, end, frame.certain))

    def _fall(self, fault: Exception) -> None:
        """The reading has failed: the open page is plain text from here on, and the next page is read again."""
        if self._plain:
            raise fault
        source = "".join(self._chunks)[self._start :]
        if not self._fell:
            self._fell = True
            place = extract_tb(fault.__traceback__)[-1]
            where = f"{PurePath(place.filename).name}:{place.lineno}"
            log.error(
                "pages.plain",
                extra={"error": type(fault).__name__, "where": where, "characters": len(source)},
            )
        frame = self._frame
        kept = Kept(frame.text[: frame.certain], frame.sure) if frame and frame.sure else Kept()
        self._unread.clear()
        self._plain = True
        self._page = PlainPage(self._dialect, self._limit, self._begin, kept, source)

    def _joined(self, fragment: str) -> str:
        self._high = ""
        if fragment.isascii():
            return fragment
        if "\ud800" <= fragment[-1] <= "\udbff":
            self._high, fragment = fragment[-1], fragment[:-1]
        try:
            fragment.encode()
        except UnicodeEncodeError:
            return fragment.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return fragment

    def _settle(self) -> None:
        if self._fresh:
            chunk = "".join(self._fresh)
            self._fresh.clear()
            self._chunks.append(chunk)
            self._unread.append(chunk)

    def _close(self, cut: Closing) -> None:
        if cut.text:
            self._closed.append(_closed(cut.text, self._start, self._start + cut.end))
            self._start += cut.end
        # From here on the next page is the open one, whatever fails.
        self._begin, self._frame, self._plain = cut, None, False
        source = self._page.rest(cut)
        self._definitions.update(cut.definitions)
        self._page = OpenPage(self._dialect, self._limit, cut, self._definitions)
        self._page.grow(source)

    def _finish(self) -> None:
        """After the end: the open page closes as it is, then the notice. All of it or, if something fails, nothing."""
        whole, pages = self._page.whole(short=self._short), list(self._closed)
        if whole:
            pages.append(_closed(whole, self._start, self.length))
        elif pages and self._start < self.length:
            pages[-1] = _closed(pages[-1].text, pages[-1].start, self.length)
        if self._notice:
            sentence = self._dialect.notice(self._notice)
            both = f"{whole}\n\n{sentence}"
            if whole and self._dialect.cost(both) <= self._limit:
                pages[-1] = _closed(both, pages[-1].start, self.length)
            else:
                pages.append(_closed(sentence, self.length, self.length))
        self._closed, self._over = pages, True


def _closed(text: str, start: int, end: int) -> Page:
    return Page(text, True, start, end, len(text))
