"""markdown-it's inline parser, which here notes where in the text each markup stood. Law: its reading is not changed.

The engine keeps no positions of inline markup, and makes a token of every stretch of text. `_Inline` goes from one
character that may be markup to the next, asks the rules that begin with it, and notes the span of each success. Code,
escapes and delimiters, which are most of it, become marks without a token. Three rules are added: a bare address is
one thing (as in GFM and both clients), so is a footnote's mark, and so is a formula where the dialect asks for it.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline, image, link
from markdown_it.rules_inline.balance_pairs import processDelimiters
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from bot.markup.nouns import Inline, Mark, References

_Rule: TypeAlias = Callable[[StateInline, bool], bool]

# A bare address: what GFM and both clients take as one thing, so that `_` and `*` in it are no emphasis.
_ADDRESS = re.compile(r"://[^\s<>`|\]]*[^\s<>`|\].,:;!?\"'*_~]")
_SCHEME = re.compile(r"(?:https?|ftp)$", re.IGNORECASE)
# TeX between single dollars, told from `$5 and $10`: pandoc's rule, and one sign of TeX within.
_DOLLARS = re.compile(r"\$(?=[^\s$])((?:\\.|[^$\n\\`]){0,300}?(?:[^\s\\$]|\\.))\$(?!\d)")
_TEX = re.compile(r"[\\^_={}<>]|^[A-Za-z]$|^[A-Za-z]\s*[-+*/]")
_FOOTNOTE = re.compile(r"\[\^([^\s\[\]]+)\]")
_TICKS = re.compile(r"`+")
_ESCAPED = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")

# Nobody writes so many openers in one paragraph; to try each of them would take the square of their number.
_CROWD = {"[": 80, "!": 120, "<": 80, "$": 80, "\\": 240, "*": 240, "_": 240, "~": 160}
_SMALL = min(_CROWD.values())
_START = itemgetter(1)  # of a mark

# Each rule looks at the first character and gives up unless it is one of these.
_ASKED: dict[str, tuple[str, ...]] = {
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


class _Note(NamedTuple):
    """Tokens up to `tokens` were made from start..end; `inner` is where the last nested run (a label) ended."""

    tokens: int
    start: int
    end: int
    inner: int


class _State(StateInline):
    def __init__(self, src: str, md: MarkdownIt, references: References) -> None:
        super().__init__(src, md, {"references": references} if references else {}, [])
        self.notes: list[_Note] = []
        self.found: list[Mark] = []
        self.inner_end = 0
        self.pairs: dict[int, int] = {}  # a tilde delimiter's number -> where it stands
        self.odd: set[int] = set()  # those with a lone tilde in front
        self.bracket = src.rfind("]" if references else "](")  # no link's words end behind it
        self.crowded: dict[str, int] = {}
        if len(src) > _SMALL:
            # From where on openers are characters: what is in front of them is read as if they had not come.
            self.crowded = {
                char: _nth(src, char, most) for char, most in _CROWD.items() if src.count(char) > most
            }

    @cached_property
    def ticks(self) -> dict[int, list[int]]:
        """Where runs of backticks begin, by their length."""
        places: dict[int, list[int]] = {}
        for run in _TICKS.finditer(self.src):
            places.setdefault(run.end() - run.start(), []).append(run.start())
        return places


def _nth(src: str, char: str, number: int) -> int:
    """Where the character stands for the time after so many."""
    at = -1
    for _ in range(number + 1):
        at = src.find(char, at + 1)
    return at


class InlineRules(ParserInline):
    """The engine's rules for what stands in a line, and ours."""

    def __init__(self, html: bool, math: bool) -> None:
        super().__init__()
        self.ruler.enableOnly(
            ["text", "newline", "escape", "backticks", "strikethrough", "emphasis", "link", "image", "entity"]
            + (["autolink", "html_inline"] if html else [])
        )
        self.ruler.at("escape", _escape)
        self.ruler.at("backticks", _backticks)
        self.ruler.at("emphasis", _emphasis)
        self.ruler.at("strikethrough", _strikethrough)
        self.ruler.at("link", _bracketed(link))
        self.ruler.at("image", _bracketed(image))
        self.ruler.before("newline", "address", _address)
        self.ruler.before("link", "footnote", _footnote)
        if math:
            self.ruler.before("escape", "formula", _formula)
        active = dict(zip(self.ruler.get_active_rules(), self.ruler.getRules(""), strict=True))
        self.asked: dict[str, list[_Rule]] = {
            char: rules
            for char, names in _ASKED.items()
            if (rules := [active[name] for name in names if name in active])
        }
        self.stops = re.compile(
            "|".join(":(?=//)" if char == ":" else re.escape(char) for char in self.asked)
        )

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        """An image's words, which nobody here asks for."""
        del src, md, env
        return tokens

    def tokenize(self, state: StateInline) -> None:
        """As the engine's own loop, from one stop to the next."""
        assert isinstance(state, _State), "only paragraphs are read"
        asked, search, crowded = self.asked, self.stops.search, state.crowded
        end, tokens, src = state.posMax, state.tokens, state.src
        deepest = state.md.options["maxNesting"]
        while state.level < deepest and (stop := search(src, state.pos, end)):
            pos, count = stop.start(), len(tokens)
            char = src[pos]
            state.pos = pos
            if not crowded or pos < crowded.get(char, end):
                for rule in asked[char]:
                    if rule(state, False):
                        break
                else:
                    state.pos = pos + 1
            else:
                state.pos = pos + 1
            if len(tokens) > count:
                state.notes.append(_Note(len(tokens), pos, state.pos, state.inner_end))
        state.pos = state.inner_end = end

    def skipToken(self, state: StateInline) -> None:  # noqa: N802 (the engine's name)
        """As the engine's own, for the one character that is asked about."""
        pos = state.pos
        if pos in state.cache:
            state.pos = state.cache[pos]
            return
        if state.level >= state.md.options["maxNesting"]:
            state.pos = state.posMax
        else:
            stop = self.stops.search(state.src, pos)
            if stop is None or stop.start() > pos:
                # Up to the next stop there is text; a bracket ends it, for it is what the asker looks for.
                end = stop.start() if stop else len(state.src)
                bracket = state.src.find("]", pos, end)
                state.pos = max(pos + 1, bracket if bracket >= 0 else end)
            elif not self._skipped(state, state.src[pos]):
                state.pos = pos + 1
        state.cache[pos] = state.pos

    def _skipped(self, state: StateInline, char: str) -> bool:
        for rule in self.asked[char]:
            state.level += 1
            done = rule(state, True)
            state.level -= 1
            if done:
                return True
        return False


# ------------------------------------------------------------------------------------------------ rules


def _found(state: StateInline, mark: Mark) -> None:
    assert isinstance(state, _State), "only paragraphs are read"
    state.found.append(mark)


def _bracketed(rule: _Rule) -> _Rule:
    """The rule, asked only where a bracket closes: it would look for one to the end, from each that opens."""

    def ask(state: StateInline, silent: bool) -> bool:
        assert isinstance(state, _State), "only paragraphs are read"
        return state.pos < state.bracket and rule(state, silent)

    return ask


def _escape(state: StateInline, silent: bool) -> bool:
    pos = state.pos
    if pos + 1 >= state.posMax:
        return False
    char = state.src[pos + 1]
    if not silent:
        if char == "\n":
            _found(state, Mark("break", pos, pos + 1))
        else:
            _found(state, Mark("escape", pos, pos + 2, char if char in _ESCAPED else "\\" + char))
    state.pos = pos + 2
    return True


def _backticks(state: StateInline, silent: bool) -> bool:
    """As the engine's own, which looks at each run up to the one that closes."""
    assert isinstance(state, _State), "only paragraphs are read"
    start, src, last = state.pos, state.src, state.posMax
    inner = start + 1
    while inner < last and src[inner] == "`":
        inner += 1
    length = inner - start
    closers = state.ticks.get(length, [])
    which = bisect_left(closers, inner)
    if which == len(closers) or closers[which] + length > last:
        state.pos = inner
        return True
    state.pos = closers[which] + length
    if not silent:
        content = src[inner : closers[which]].replace("\n", " ")
        if content[0] == content[-1] == " " and content.strip(" "):
            content = content[1:-1]
        state.found.append(Mark("code", start, state.pos, content))
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """One delimiter for each star; its "token" is where it stands, so that neighbours are neighbours."""
    if silent:
        return False
    start = state.pos
    marker = state.src[start]
    opens, closes, length = state.scanDelims(start, marker == "*")
    code = ord(marker)
    state.delimiters += [
        Delimiter(code, length, place, -1, opens, closes) for place in range(start, start + length)
    ]
    state.pos = start + length
    return True


def _strikethrough(state: StateInline, silent: bool) -> bool:
    if silent:
        return False
    start = state.pos
    opens, closes, length = state.scanDelims(start, True)
    if length < 2:
        return False
    assert isinstance(state, _State), "only paragraphs are read"
    first = start + length % 2
    if first > start:
        state.odd.add(first)
    for number in range(length // 2):
        state.pairs[first + number] = first + 2 * number
        state.delimiters.append(Delimiter(0x7E, 0, first + number, -1, opens, closes))
    state.pos = start + length
    return True


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
        _found(state, Mark("footnote", state.pos, end, found[1], int(defines)))
        state.pos = end
    else:
        state.pos = found.end()
    return True


# ------------------------------------------------------------------------------------------------ marks


def inline_marks(text: str, md: MarkdownIt, references: References) -> Inline:
    """The inline markup in a paragraph's text, and the openers that nothing has closed, as (position, delimiter)."""
    rules = md.inline
    assert isinstance(rules, InlineRules), "the engine is ours"
    if not rules.stops.search(text):
        return [], []
    state = _State(text, md, references)
    rules.tokenize(state)
    marks = state.found
    for count, start, end, inner in state.notes:
        marks.extend(_noted(state.tokens, count, text, start, end, inner))
    loose: list[tuple[int, str]] = []
    for delimiters in _levels(state):
        processDelimiters(state, delimiters)
        marks.extend(_delimited(delimiters))
        marks.extend(_struck(delimiters, state))
        loose += [
            (d.token, chr(d.marker)) if d.marker != 0x7E else (state.pairs[d.token], "~~")
            for d in delimiters
            if d.open and d.end < 0
        ]
    marks.sort(key=_START)
    loose.sort()
    return marks, loose


def _levels(state: _State) -> Iterable[list[Delimiter]]:
    """The delimiters of the text, and of each link's."""
    if state.delimiters:
        yield state.delimiters
    for meta in state.tokens_meta:
        if meta and meta.get("delimiters"):
            yield meta["delimiters"]


def _struck(delimiters: Sequence[Delimiter], state: _State) -> Iterable[Mark]:
    """The engine lets a lone tilde in front of closing ones stand behind them."""
    opened = [d for d in delimiters if d.marker == 0x7E and d.end >= 0]
    closing = {delimiters[d.end].token for d in opened} if opened else set()
    for opener in opened:
        start = state.pairs[opener.token]
        yield Mark("strike", start, start + 2, "open")
        token = first = delimiters[opener.end].token
        while first not in state.odd and first - 1 in closing:
            first -= 1
        start = state.pairs[token] - (first in state.odd)
        yield Mark("strike", start, start + 2, "close")


def _delimited(delimiters: Sequence[Delimiter]) -> Iterable[Mark]:
    """The marks of matched delimiters, as the engine makes tags of them: two and two are bold."""
    at = len(delimiters) - 1
    while at >= 0:
        opener = delimiters[at]
        at -= 1
        if opener.end < 0 or opener.marker == 0x7E:
            continue
        closer = delimiters[opener.end]
        outer = delimiters[at] if at >= 0 else None
        if (
            outer is not None
            and outer.end == opener.end + 1
            and outer.marker == opener.marker
            and outer.token == opener.token - 1
            and delimiters[opener.end + 1].token == closer.token + 1
        ):
            yield Mark("strong", outer.token, opener.token + 1, "open")
            yield Mark("strong", closer.token, closer.token + 2, "close")
            at -= 1
        else:
            yield Mark("em", opener.token, opener.token + 1, "open")
            yield Mark("em", closer.token, closer.token + 1, "close")


def _noted(
    tokens: Sequence[Token], count: int, text: str, start: int, end: int, inner: int
) -> Iterable[Mark]:
    """The marks of a markup that the engine made tokens of."""
    token = tokens[count - 1]
    if token.type == "text_special":
        yield Mark(token.info, start, end, token.content)
    elif token.type == "html_inline":
        yield Mark("html", start, end, token.content)
    elif token.type == "image":
        yield Mark("image", start, end, f"{token.content}\n{token.attrs['src']}")
    elif token.type == "link_close" and token.info == "auto":
        yield Mark("autolink", start, end, text[start + 1 : end - 1])
    elif token.type == "link_close":
        opened = next(t for t in reversed(tokens[:count]) if t.type == "link_open" and t.level == token.level)
        yield Mark("link", start, start + 1)
        yield Mark("target", inner, end, str(opened.attrs["href"]), int(not text.startswith("](", inner)))
