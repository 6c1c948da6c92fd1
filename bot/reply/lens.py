"""An open page's source as the parser sees it: with what the page repeats in front, and unindented. Law: spans survive.

A page that begins within a list goes on at the list's indentation, which at the start of a message would be read as
code. So the indentation is taken off each line, as long as the lines have it. `to_source` leads back.
"""

from __future__ import annotations

from bisect import bisect_right


class Lens:
    """head + the source without its first `skip` characters and without `dedent` columns of indentation."""

    def __init__(self, head: str, skip: int, dedent: int) -> None:
        self.head = head
        self.source = ""
        self.text = head
        self._skip = skip
        self._dedent = dedent
        self._raw = ""  # source that is not in `text` yet: spaces whose line may turn out to be indented less
        self._line_start = (
            False  # whether `_raw` begins a line; a page begins behind its first line's indentation
        )
        self._first = True
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

    def to_source(self, at: int) -> int:
        """The place in the source of a place in the text."""
        if at <= len(self.head):
            return 0
        which = max(0, bisect_right(self._breaks, (at, -1)) - 1)
        text, source = self._breaks[which]
        return source + at - text

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

    def _unindent(self, raw: str, *, last: bool) -> str:
        """Show the lines that are there; return what has to wait."""
        if self._first:
            self._first = False
            self._line_start = True
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
                    self._dedent = 0  # a line that is indented less: the container has ended
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
