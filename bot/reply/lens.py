"""An open page's source as the parser sees it: with what the page repeats in front, and unindented. Law: spans survive.

A page that begins within a list goes on at the list's indentation, which at the start of a message would be read as
code. So the indentation is taken off each line, as long as the lines have it. `to_source` leads back.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_ITEM = re.compile(r"\d{1,9}[.)][ \t]")
_MARK = 12  # characters that tell whether a line begins with an item's number


class Lens:
    """head + the source without its first `skip` characters and without `dedent` columns of indentation.

    midway: the source begins within a line, whose indentation is on another page.
    """

    def __init__(self, head: str = "", skip: int = 0, dedent: int = 0, *, midway: bool = False) -> None:
        self.head = head
        self.source = ""
        self.text = head
        self._skip = skip
        self._dedent = self._columns = dedent
        self._raw = ""  # source that is not in `text` yet: spaces whose line may turn out to be indented less
        self._line_start = not midway  # whether `_raw` begins a line
        # Where in `text` the indentation ceased to be taken off; None while it has not.
        self._undented: int | None = None if dedent else 0
        self._seen = 0  # source up to here is in `text` or was dropped
        self._breaks = [(len(head), 0)]  # (position in text, position in source), where they part

    def feed(self, chunk: str) -> None:
        """More source. Line ends become newlines, one character for one."""
        self.source += chunk
        self._raw += chunk
        self._take(last=False)

    def finish(self) -> None:
        """No more source: what was waiting is text."""
        self._take(last=True)

    def dedent_at(self, at: int) -> int:
        """How many columns are taken off the lines around this place of the text."""
        return self._columns if self._undented is None or at <= self._undented else 0

    def to_source(self, at: int) -> int:
        """The place in the source of a place in the text."""
        if at <= len(self.head):
            return 0
        which = max(0, bisect_right(self._breaks, (at, -1)) - 1)
        text, source = self._breaks[which]
        # Right behind something inserted the next stretch begins; right before something dropped this one ends.
        ends = self._breaks[which + 1][1] if which + 1 < len(self._breaks) else self._seen
        return min(source + at - text, ends)

    def _take(self, *, last: bool) -> None:
        raw = self._raw
        if not last and raw.endswith("\r"):
            raw = raw[:-1]  # half of a line's end, perhaps
        kept = self._raw[len(raw) :]
        raw = raw.replace("\r\n", " \n").replace("\r", "\n").replace("\0", "\ufffd") if raw else raw
        if self._skip and raw:
            gone = min(self._skip, len(raw))
            self._skip -= gone
            raw = raw[gone:]
            self._drop(gone)
        if self._dedent and raw:
            raw = self._unindent(raw, last=last)
        else:
            self._show(raw)
            raw = ""
        self._raw = raw + kept

    def _show(self, piece: str) -> None:
        self.text += piece
        self._seen += len(piece)

    def _drop(self, count: int) -> None:
        if count:
            self._seen += count
            self._breaks.append((len(self.text), self._seen))

    def _insert(self, text: str) -> None:
        self.text += text
        self._breaks.append((len(self.text), self._seen))

    def _unindent(self, raw: str, *, last: bool) -> str:
        """Show the lines that are there; return what has to wait."""
        at = 0
        while at < len(raw) and self._dedent:
            if self._line_start:
                columns, end = 0, at
                while end < len(raw) and columns < self._dedent and raw[end] in " \t":
                    columns += 4 - columns % 4 if raw[end] == "\t" else 1
                    end += 1
                if end == len(raw) and not last:
                    return raw[at:]
                if columns < self._dedent and end < len(raw) and raw[end] != "\n":
                    if not last and len(raw) - end < _MARK and "\n" not in raw[end:]:
                        return raw[at:]
                    # A line that is indented less: the container has ended.
                    self._dedent, self._undented = 0, len(self.text)
                    if _ITEM.match(raw, end) and not self.text.endswith("\n\n"):
                        self._insert("\n")  # a number other than 1 begins no list right under a paragraph
                    break
                self._drop(end - at)
                at = end
                self._line_start = False
            line = raw.find("\n", at)
            stop = len(raw) if line < 0 else line + 1
            self._show(raw[at:stop])
            self._line_start = line >= 0
            at = stop
        self._show(raw[at:])
        return ""
