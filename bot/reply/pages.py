"""Markdown so far -> pages that fit the platform. Law: a closed page never changes, and every page is well formed.

A `Document` is fed Claude's fragments and asked for its pages, once per frame. A cut is decided once, when the open
page overflows, from that page's text up to the overflow: neither the size of the fragments nor what came later
moves it. To make that true by construction the text is looked at only at checkpoints, which lie at places that the
text alone decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.ports import Dialect

_STEP = 120  # a checkpoint is the first line's end after so many characters ...
_STRIDE = 200  # ... or this many characters, whichever comes first: what a frame may hold back at most
_FENCE = re.compile(r"^((?:>[ ]?|[ ])*)(`{3,}|~{3,})([^\n]*)$")


@dataclass(frozen=True, slots=True)
class Page:
    """One message's text in the platform's dialect, and the span of the source that it shows."""

    text: str
    closed: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Fence:
    prefix: str
    mark: str
    info: str


def _fence_after(text: str, fence: _Fence | None) -> _Fence | None:
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if not found:
            continue
        if fence is None:
            if found[2][0] == "`" and "`" in found[3]:
                continue
            fence = _Fence(found[1], found[2], found[3])
        elif found[2].startswith(fence.mark) and not found[3].strip():
            fence = None
    return fence


class Document:
    """The whole answer: fed in fragments, shown in pages."""

    def __init__(self, dialect: Dialect, limit: int) -> None:
        self._dialect = dialect
        self._limit = limit
        self._parts: list[str] = []
        self._open = ""  # source of the open page
        self._pending: list[str] = []
        self._high = ""  # a high surrogate whose other half has not come
        self._start = 0  # where the open page begins in the source
        self._checked = 0  # checkpoints up to here (in the open page) are known to fit
        self._fence: _Fence | None = None  # the fence that the open page begins in
        self._closed: list[Page] = []
        self._ended = False
        self._notice = ""
        self.length = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def feed(self, fragment: str) -> None:
        """More of Claude's text."""
        if self._ended:
            raise ValueError("the document has ended: nothing can be added")
        if not fragment:
            return
        fragment = self._whole(self._high + fragment)
        self._parts.append(fragment)
        self._pending.append(fragment)
        self.length += len(fragment)

    def _whole(self, fragment: str, *, last: bool = False) -> str:
        self._high = ""
        if fragment.isascii() or not any("\ud800" <= char <= "\udfff" for char in fragment):
            return fragment
        if not last and "\ud800" <= fragment[-1] <= "\udbff":
            self._high, fragment = fragment[-1], fragment[:-1]
        return fragment.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def end(self, notice: str = "") -> None:
        """No more text. `notice`, one sentence of our own, stands after it."""
        if self._ended:
            return
        if self._high:
            self._high = ""
            self.feed("\ufffd")
        self._ended = True
        self._notice = notice

    def pages(self) -> Sequence[Page]:
        """The pages as they should look now: all but the last closed; after `end` all of them."""
        if self._pending:
            self._open += "".join(self._pending)
            self._pending.clear()
        self._advance()
        if not self._ended:
            return (*self._closed, *self._frame())
        if self._open or self._notice:
            self._finish()
        return tuple(self._closed)

    # ---------------------------------------------------------------------------------------------- cutting

    def _advance(self) -> None:
        while (point := self._next_checkpoint()) is not None:
            if self._measure(self._open[:point]) <= self._limit:
                self._checked = point
            else:
                self._cut(self._open[:point])

    def _next_checkpoint(self) -> int | None:
        low, high = self._checked + _STEP, self._checked + _STRIDE
        line = self._open.find("\n", low, high)
        if line >= 0:
            return line + 1
        return high if len(self._open) >= high else None

    def _measure(self, source: str) -> int:
        """What this text costs by itself: fences that are still open cost nothing until they are closed."""
        return self._dialect.cost(self._dialect.render(self._head() + source))

    def _head(self) -> str:
        return f"{self._fence.prefix}{self._fence.mark}{self._fence.info}\n" if self._fence else ""

    def _whole_page(self, source: str) -> str:
        """Rendered, with the fence closed that is open at its end."""
        fence = _fence_after(source, self._fence)
        tail = f"{'' if source.endswith(chr(10)) else chr(10)}{fence.prefix}{fence.mark}" if fence else ""
        return self._dialect.render((self._head() + source + tail).rstrip())

    def _fits(self, source: str) -> bool:
        return self._dialect.cost(self._whole_page(source)) <= self._limit

    def _cut(self, source: str) -> None:
        at = self._place_of_cut(source)
        text = self._whole_page(source[:at])
        if source[:at].strip():
            self._closed.append(Page(text, True, self._start, self._start + at))
        self._fence = _fence_after(source[:at], self._fence)
        self._start += at
        self._open = self._open[at:]
        self._checked = 0

    def _place_of_cut(self, source: str) -> int:
        for between, least in (("\n\n", 0.5), ("\n", 0.4), (". ", 0.4), (" ", 0.3), ("", 0)):
            at = len(source)
            while at > least * len(source):
                at = source.rfind(between, 0, at - 1) + len(between) if between else at - 1
                if at < max(1, least * len(source)):
                    break
                if self._fits(source[:at]):
                    return at
        return 1

    # ---------------------------------------------------------------------------------------------- showing

    def _frame(self) -> tuple[Page, ...]:
        at = len(self._open)
        while at > 0 and not self._fits(self._open[:at]):
            at -= 1
        shown = self._open[:at]
        if not shown.strip():
            return ()
        return (Page(self._whole_page(shown), False, self._start, self._start + at),)

    def _finish(self) -> None:
        while self._open and not self._fits(self._open):
            self._cut(self._open)
        if self._open.strip():
            self._closed.append(Page(self._whole_page(self._open), True, self._start, self.length))
        self._open = ""
        self._start = self.length
        if self._notice:
            sentence, self._notice = self._dialect.notice(self._notice), ""
            last = self._closed[-1] if self._closed else None
            both = f"{last.text}\n\n{sentence}" if last else ""
            if last and self._dialect.cost(both) <= self._limit:
                self._closed[-1] = Page(both, True, last.start, last.end)
            else:
                self._closed.append(Page(sentence, True, self.length, self.length))
