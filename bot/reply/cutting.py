"""The search for the place where a page that has overflowed is cut. Law: the page's text up to the overflow decides, alone.

`cuts` says where a reading can be cut; here the best of those places is found that leaves a page within its limit.
What a place costs is known only when the page is written up to it, so few places are tried, each once.
"""

from __future__ import annotations

import re

from bot.reply.cuts import IN_TEXT, PREFERENCES, Cut, Cuts, parts, renumbered
from bot.reply.sheet import Closing, Sheet, Unit

_LISTED = re.compile(r"(?:[ \t]| {0,3}(?:[-+*]|\d{1,9}[.)])[ \t]).*\S")
_WINDOW = 1_200  # characters at a page's end in which a cut is looked for first


class Cutting:
    """One page's search. `guess`: the place in its text where it should be full."""

    def __init__(self, sheet: Sheet, guess: int) -> None:
        self._sheet = sheet
        self._guess = guess
        self._tries: dict[tuple[int, str], str | None] = {}

    def find(self, point: int, before: int | None, *, closed: bool) -> Closing:
        """Where to close the page, which overflows before `point`. `before`: a place that it must not reach."""
        sheet = self._sheet
        held = len(sheet.lens.text) if closed else sheet.held_from(point)
        unit, done = sheet.unit_at(0.8), 0
        found, shift = self._cuts(unit, point, before, held)
        # Mostly a block ends near the page's end; what is before that is read again only where none does.
        near = 2 if self._one_list(sheet.unit_at(0.5), unit) else 1
        for part, most in ((0.8, near), (0.5, None), (0.0, None)):
            if (at := sheet.unit_at(part)) is not unit:
                unit, done = at, 0
                found, shift = self._cuts(unit, point, before, held)
            for ranks, least in PREFERENCES[done:most]:
                if least < min(part, 0.5):
                    break
                done += 1
                best = self._last_fitting(found, ranks, shift)
                if best is None:
                    continue
                cut, text = best
                if sheet.dialect.cost(text) >= least * sheet.limit or before == cut.at + shift:
                    return sheet.closing(renumbered(found.reading, cut, unit.number), shift, text)
        return self._hard_cut(point)

    def _one_list(self, first: Unit, last: Unit) -> bool:
        """Whether there is nothing but a list's lines in between, so that no block ends there."""
        *lines, rest = self._sheet.lens.text[first.start : max(first.start, last.start)].split("\n")
        return not rest and all(_LISTED.match(line) for line in lines)

    def _cuts(self, unit: Unit, point: int, before: int | None, held: int) -> tuple[Cuts, int]:
        """The places in the text from a unit on, and what leads from them to the page's text."""
        reading = self._sheet.read(unit, point)
        shift = unit.start - len(unit.context)
        floor = len(unit.context) + max(0, len(self._sheet.lens.head) - unit.start)
        end = len(reading.source) if before is None else before - shift + 1
        return Cuts(reading, floor, end, held - shift), shift

    def _last_fitting(self, found: Cuts, ranks: frozenset[int], shift: int) -> tuple[Cut, str] | None:
        """The last of the places of these ranks that leaves a page within its limit. It is mostly near the end."""
        best = self._last_fitting_of(found.of(ranks, _WINDOW), shift)
        if ranks & IN_TEXT and (best is None or best[0].at <= found.end - _WINDOW):
            best = self._last_fitting_of(found.of(ranks), shift)
        return best

    def _last_fitting_of(self, found: list[Cut], shift: int) -> tuple[Cut, str] | None:
        """Of these, from the last to the first: by steps that double from where it should be, then in between."""

        def fits(which: int) -> bool:
            return self._until(found[which].at + shift, found[which].closers) is not None

        guess = next((n for n, cut in enumerate(found) if cut.at + shift <= self._guess), len(found) - 1)
        low, high, step = 0, len(found), 1
        while low < high:
            if fits(guess):
                high, guess = guess, max(low, guess - step)
            else:
                low, guess = guess + 1, min(high - 1, guess + step)
            step *= 2
            if low < guess < high and high - low <= step:
                guess = (low + high) // 2
        for cut in found[low : low + 8]:  # cost is not quite monotone
            text = self._until(cut.at + shift, cut.closers)
            if text:
                return cut, text
        return None

    def _until(self, at: int, closers: str) -> str | None:
        """The page's text if it ended at this place of the lens's text, and `closers` stood there; None: too long."""
        if (at, closers) not in self._tries:
            text, countable = self._sheet.ended(at, closers)
            self._tries[at, closers] = text if countable and self._sheet.fits(text) else None
        return self._tries[at, closers]

    def _hard_cut(self, point: int) -> Closing:
        """Nothing can be cut as one would: the page ends where it is full. What it repeats goes, if that is too much."""
        text = self._sheet.lens.text
        floor = max(len(self._sheet.lens.head), point - len(text[:point].lstrip()))
        low, high = floor + 1, max(floor + 1, point - 1)
        probe, step = min(max(self._guess, low + 1), high), 8
        while low < high:
            if self._until(probe, "") is not None:
                low, probe = probe, probe + step
            else:
                high, probe = probe - 1, probe - step
            step *= 2
            if not low < probe <= high or high - low <= step:
                probe = (low + high + 1) // 2
        while low > floor + 1 and not parts(text, low):
            low -= 1
        page = self._until(low, "")
        if page:
            return self._sheet.closing(Cut(low, 0), 0, page)
        if self._sheet.lens.head:
            return Closing()
        if page is not None:  # tags and spaces, of which nothing is seen
            return Closing(skip=self._sheet.lens.to_source(low), midway=True)
        if floor > 0:  # indentation alone is more than a page: what it indents goes on without it
            return Closing(skip=self._sheet.lens.to_source(floor), midway=True)
        raise ValueError(f"a page of {self._sheet.limit} cannot hold a single character of this text")
