"""markdown-it's inline parser, which here also notes where in the text each markup stood. Law: its reading is not changed.

The engine keeps no positions of inline markup. `_Inline` runs its rules as it does and notes the span of each
success. Three rules are added in front: a bare address is one thing (as in GFM and both clients), so is a footnote's
mark, and so is a formula where the dialect asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from bot.markup.nouns import Inline, Mark, References
from bot.markup.structure import Structure

# A bare address: what GFM and both clients take as one thing, so that `_` and `*` in it are no emphasis.
_ADDRESS = re.compile(r"://[^\s<>`|\]]*[^\s<>`|\].,:;!?\"'*_~]")
_SCHEME = re.compile(r"(?:https?|ftp)$", re.IGNORECASE)
# TeX between single dollars, told from `$5 and $10`: pandoc's rule, and one sign of TeX within.
_DOLLARS = re.compile(r"\$(?=[^\s$])((?:\\.|[^$\n\\`]){0,300}?(?:[^\s\\$]|\\.))\$(?!\d)")
_TEX = re.compile(r"[\\^_={}<>]|^[A-Za-z]$|^[A-Za-z]\s*[-+*/]")
_FOOTNOTE = re.compile(r"\[\^([^\s\[\]]+)\]")


# Nobody writes so many openers in one paragraph; to try each of them would take the square of their number.
_CROWD = {"[": 120, "!": 240, "<": 120, "$": 120, "\\": 240, "*": 480, "_": 480, "~": 480}


class _Note(NamedTuple):
    """Tokens up to `tokens` were made from start..end; `inner` is where the last nested run (a label) ended."""

    tokens: int
    start: int
    end: int
    inner: int


class _State(StateInline):
    def __init__(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> None:
        super().__init__(src, md, env, tokens)
        self.notes: list[_Note] = []
        self.found: list[Mark] = []
        self.inner_end = 0
        # From where on openers are characters: what is in front of them is read as if they had not come.
        self.crowded = {
            char: _nth(src, char, most) for char, most in _CROWD.items() if src.count(char) > most
        }


def _nth(src: str, char: str, number: int) -> int:
    """Where the character stands for the time after so many."""
    at = -1
    for _ in range(number + 1):
        at = src.find(char, at + 1)
    return at


# Each rule of the engine looks at the first character and gives up unless it is one of these.
_ASKED: dict[str, tuple[str, ...]] = {
    "\n": ("newline",),
    "\\": ("formula", "escape"),
    "`": ("backticks",),
    "~": ("strikethrough",),
    "*": ("emphasis",),
    "_": ("emphasis",),
    "[": ("footnote", "link"),
    "!": ("image",),
    "<": ("autolink", "html_inline"),
    "&": ("entity",),
    ":": ("address",),
    "$": ("formula",),
}
_MARKUP = re.compile(r"[\\`~*_\[!<&$]|://")


class _Inline(ParserInline):
    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, list[Callable[[StateInline, bool], bool]]] = {}

    def index(self) -> None:
        """Sort the active rules by the character that they begin with."""
        active = dict(zip(self.ruler.get_active_rules(), self.ruler.getRules(""), strict=True))
        self.asked = {char: [active[n] for n in names if n in active] for char, names in _ASKED.items()}
        self.text = [active["text"]]

    def tokenize(self, state: StateInline) -> None:
        """As the engine's own loop, noting each success; only the rules that can succeed are asked."""
        asked, text = self.asked, self.text
        crowded = state.crowded if isinstance(state, _State) else {}
        end, tokens, src = state.posMax, state.tokens, state.src
        nesting = state.md.options["maxNesting"]
        notes = state.notes if isinstance(state, _State) else []
        while state.pos < end:
            pos, count, ok = state.pos, len(tokens), False
            if state.level < nesting:
                char = src[pos]
                rules = text if crowded and pos >= crowded.get(char, end) else asked.get(char, text)
                for rule in rules:
                    ok = rule(state, False)
                    if ok:
                        break
            if not ok:
                state.append_pending(src[pos])
                state.pos += 1
            elif len(tokens) > count and isinstance(state, _State):
                notes.append(_Note(len(tokens), pos, state.pos, state.inner_end))
        if isinstance(state, _State):
            state.inner_end = end
        if state.pending:
            state.pushPending()


def _found(state: StateInline, mark: Mark) -> None:
    if isinstance(state, _State):
        state.found.append(mark)


def _address(state: StateInline, silent: bool) -> bool:
    src, pos = state.src, state.pos
    if src[pos] != ":" or state.linkLevel > 0 or not src.startswith("://", pos):
        return False
    scheme = _SCHEME.search(src, max(0, pos - 5), pos)
    found = _ADDRESS.match(src, pos, state.posMax) if scheme else None
    if scheme is None or found is None or src[max(0, scheme.start() - 1) : scheme.start()].isalnum():
        return False
    end = found.end()
    while src[end - 1] == ")" and src.count(")", pos, end) > src.count("(", pos, end):
        end -= 1
    if not silent:
        state.append_pending(src[pos:end])
        _found(state, Mark("url", scheme.start(), end))
    state.pos = end
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    src, pos, last = state.src, state.pos, state.posMax
    if src[pos] not in "\\$":
        return False
    level = 0
    if src.startswith(("\\(", "\\[", "$$"), pos):
        opening = src[pos : pos + 2]
        level = int(opening != "\\(")
        close = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}[opening]
        end = src.find(close, pos + 2, last)
        tex = src[pos + 2 : end]
        if (
            end < 0
            or not tex.strip()
            or "`" in tex
            or opening in tex
            or (opening != "$$" and not _TEX.search(tex.strip()))
        ):
            return False
        end += 2
    elif (found := _DOLLARS.match(src, pos, last)) and _TEX.search(found[1]):
        end, tex = found.end(), found[1]
    else:
        return False
    if not silent:
        state.append_pending(src[pos:end])
        _found(state, Mark("formula", pos, end, tex.strip(), level))
    state.pos = end
    return True


def _footnote(state: StateInline, silent: bool) -> bool:
    found = _FOOTNOTE.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "[" else None
    if found is None:
        return False
    if not silent:
        defines = (state.pos == 0 or state.src[state.pos - 1] == "\n") and state.src[found.end() :][:1] == ":"
        end = found.end() + defines
        state.append_pending(state.src[state.pos : end])
        _found(state, Mark("footnote", state.pos, end, found[1], int(defines)))
        state.pos = end
    else:
        state.pos = found.end()
    return True


@cache
def engine(html: bool, math: bool) -> MarkdownIt:
    """The parser. `html`: `<` may begin HTML or an autolink; `math`: formulas are read."""
    options: Any = {"html": html, "inline_definitions": True}
    md = MarkdownIt("commonmark", options).enable(["table", "strikethrough"])
    inline = _Inline()
    inline.ruler.enableOnly(
        ["text", "newline", "escape", "backticks", "strikethrough", "emphasis", "link", "image", "entity"]
        + (["autolink", "html_inline"] if html else [])
    )
    # Joining text tokens would blur which of them were delimiters; nothing here reads their text.
    inline.ruler2.enableOnly(["balance_pairs", "strikethrough", "emphasis"])
    inline.add_terminator_char("$")
    inline.ruler.before("newline", "address", _address)
    inline.ruler.before("link", "footnote", _footnote)
    if math:
        inline.ruler.before("escape", "formula", _formula)
    inline.index()
    md.inline = inline
    # An address is shown as it was written; whether it is a safe one the platform judges again.
    md.normalizeLink = str  # type: ignore[method-assign, assignment] # the engine's documented hook
    md.block = Structure(md.block)
    return md


# ------------------------------------------------------------------------------------------------ marks

_DELIMITERS: dict[str, tuple[str, str]] = {
    "strong_open": ("strong", "open"),
    "strong_close": ("strong", "close"),
    "em_open": ("em", "open"),
    "em_close": ("em", "close"),
    "s_open": ("strike", "open"),
    "s_close": ("strike", "close"),
}


def inline_marks(text: str, md: MarkdownIt, references: References) -> Inline:
    """The inline markup in a paragraph's text, and the openers that nothing has closed, as (position, delimiter)."""
    if not _MARKUP.search(text):
        return [], []
    state = _State(text, md, {"references": references}, [])
    md.inline.tokenize(state)
    for rule in md.inline.ruler2.getRules(""):
        rule(state)
    marks = state.found
    places: dict[int, int] = {}
    for count, start, end, inner in state.notes:
        token = state.tokens[count - 1]
        if (mark := _simple(token, text, start, end)) is not None:
            marks.append(mark)
        elif token.type == "link_close" and token.info == "auto":
            marks.append(Mark("autolink", start, end, text[start + 1 : end - 1]))
        elif token.type == "link_close":
            opened = next(
                t for t in reversed(state.tokens[:count]) if t.type == "link_open" and t.level == token.level
            )
            given = int(not text.startswith("](", inner))
            marks.append(Mark("link", start, start + 1))
            marks.append(Mark("target", inner, end, str(opened.attrs["href"]), given))
        elif text[start] in "*_~":
            step = 2 if text[start] == "~" else 1
            place = end
            index = count
            while place > start and index > 0:
                place -= step if place - step >= start else 1
                index -= 1
                places[index] = place
    marks.extend(_delimiters(state.tokens, places))
    marks.sort(key=lambda mark: mark.start)
    levels = [state.delimiters, *(m["delimiters"] for m in state.tokens_meta if m and "delimiters" in m)]
    loose = [
        (places[d.token], chr(d.marker) * (2 if d.marker == 0x7E else 1))
        for delimiters in levels
        for d in delimiters
        if d.open
        and d.end < 0
        and d.token in places
        and state.tokens[d.token].type == "text"
        and state.tokens[d.token].content
    ]
    return marks, sorted(loose)


def _delimiters(tokens: list[Token], places: dict[int, int]) -> list[Mark]:
    """One mark for each delimiter that was matched; the outer half of `**` is an emptied token beside the inner."""
    marks: list[Mark] = []
    order = sorted(places)
    for at, index in enumerate(order):
        token, place = tokens[index], places[index]
        kind = _DELIMITERS.get(token.type)
        if kind is None:
            continue
        start, end = place, place + (2 if kind[0] == "strike" else 1)
        if kind == ("strong", "open") and at > 0:
            start = place - 1
        elif kind == ("strong", "close"):
            end = place + 2
        marks.append(Mark(kind[0], start, end, kind[1]))
    return marks


def _simple(token: Token, text: str, start: int, end: int) -> Mark | None:
    """The mark of a markup that is one token."""
    kind = token.type
    if kind == "code_inline":
        return Mark("code", start, end, token.content)
    if kind == "text_special":
        return Mark(token.info, start, end, token.content)
    if kind == "html_inline":
        return Mark("html", start, end, token.content)
    if kind == "image":
        return Mark("image", start, end, f"{token.content}\n{token.attrs['src']}")
    if kind == "hardbreak" and text[start] == "\\":  # two spaces before a line's end are not seen
        return Mark("break", start, start + 1)
    return None
