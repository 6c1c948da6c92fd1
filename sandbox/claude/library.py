"""The scripted answers. Law: the same question gets the same answer, to the character.

The texts are in scripts/*.md, so that they can be read as what they are; a final newline is not part of them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.claude import prompt
from sandbox.claude.prompt import Wishes
from sandbox.claude.script import Block, Script, ServerTool, Text, Thinking, ToolUse

_FOLDER = Path(__file__).parent / "scripts"
LONG = 30_000  # characters of the long answer: three Slack pages, some sixteen Discord pages


@cache
def text(name: str) -> str:
    """The words of one file of scripts/."""
    return (_FOLDER / f"{name}.md").read_text(encoding="utf-8").removesuffix("\n")


@cache
def names() -> tuple[str, ...]:
    """What can stand after `#script:`."""
    files = {path.stem for path in _FOLDER.glob("*.md")}
    return tuple(sorted(files | {"long", "tools", "empty", "pairs", "default"}))


def choose(
    question: str, wishes: Wishes, *, turn: int = 0, tools: Sequence[Mapping[str, Any]] = ()
) -> Script:
    """The answer to a question. `turn`: how many tool results have come back since it was asked."""
    mistakes = list(wishes.mistakes)
    if wishes.script and wishes.script not in names():
        mistakes.append(f"no script is called {wishes.script!r}; there are {', '.join(names())}")
    if mistakes:
        script = Script.say("I could not read a word of your question: " + "; ".join(mistakes) + ".")
    elif wishes.chars is not None:
        script = Script.say(prose(wishes.chars)) if wishes.chars else Script()
    else:
        script = _named(wishes.script or "default", question, turn, tools)
    return replace(
        script,
        speed=wishes.speed,
        piece=wishes.piece or script.piece,
        write=wishes.write,
        first_byte=wishes.first_byte,
        first_text=wishes.first_text,
    )


def _named(name: str, question: str, turn: int, tools: Sequence[Mapping[str, Any]]) -> Script:
    if name == "default":
        return Script.say(default(question))
    if name == "long":
        return Script.say(long())
    if name == "empty":
        return Script()
    if name == "pairs":
        return Script.say(text("world"), pairs=True)
    if name == "tools":
        return _with_tools(question, turn, tools)
    if name == "search":
        return _with_search(question)
    if name == "thinking":
        return Script((Thinking(_THOUGHTS, seconds=3.0), Text(text("thinking"))))
    return Script.say(text(name))


# ---------------------------------------------------------------------------------------------------- the default answer


def default(question: str) -> str:
    """A few paragraphs, a list and a block of code that take up the question's own words."""
    plain = prompt.without(question)
    # Of a file that came along, what is in it is not what was asked.
    words = _FENCED.sub(" ", plain).split()
    quote = " ".join(words[:9]) + ("…" if len(words) > 9 else "")
    if not quote:
        quote = "(nothing yet)"
    heart = max((word.strip(".,;:!?\"'()") for word in words), key=len, default="") or "question"
    # The quote stands in a string of the code below, where a quotation mark or a newline would end it.
    literal = quote.replace("\\", "\\\\").replace('"', '\\"')
    opening = _OPENINGS[zlib.crc32(plain.encode()) % len(_OPENINGS)]
    return _DEFAULT.format(opening=opening, quote=quote, heart=heart, literal=literal)


_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_OPENINGS = (
    "A good thing to ask.",
    "Let us take that one step at a time.",
    "There is a short answer and a longer one; here are both.",
    "That has an answer, and a way of finding it, which is worth more.",
)
_DEFAULT = """\
{opening} You wrote: “{quote}”. The word that carries the weight in it is **{heart}**, so I begin there.

In short: whatever *{heart}* means to you, write it down in one sentence before you do anything about it. Most \
disagreements, and most bugs, turn out to be two people with two different sentences.

Then go on like this:

1. **Find the smallest case.** One example, worked out by hand, tells more than a page of theory. If it is boring, \
good: boring cases are the ones that you can check.
2. **Say what would prove you wrong.** A claim about {heart} that nothing could contradict is a wish.
3. **Change one thing at a time**, and note what you saw:
   - what you expected,
   - what happened,
   - and how sure you are.

The same idea in a few lines of code, so that it can be run:

```python
from dataclasses import dataclass


@dataclass(frozen=True)
class Attempt:
    expected: str
    seen: str

    @property
    def surprising(self) -> bool:
        return self.expected != self.seen


question = "{literal}"
attempts = [Attempt("an answer", "an answer"), Attempt("silence", "a second question")]
print(question, "->", sum(a.surprising for a in attempts), "surprise")
```

If none of the attempts is surprising, you are done; if all of them are, the sentence from the beginning was about \
something else. In between lies the useful part, and I am glad to go through it with you: tell me what you expected, \
and what you saw instead.\
"""

# ---------------------------------------------------------------------------------------------------- exact lengths

_SENTENCES = (
    "The tide comes in twice a day and asks nobody",
    "A bridge is a promise made to people who have not arrived yet",
    "What is repaired with care outlasts what was never broken",
    "Every map leaves something out, and says so in its legend",
    "The shortest way home is not always the quickest one",
    "Bread needs time, and there is no way to hurry it",
    "A clock that stands still is right twice, but nobody knows when",
    "Old tools fit the hand because the hand has changed",
    "Snow makes a street quiet by filling the gaps in its noise",
    "The first draft is for finding out what the second is about",
    "A garden is mostly patience with a fence around it",
    "Two people remember the same evening and are both right",
    "The ferry leaves on time when somebody waits for it",
)


def prose(characters: int) -> str:
    """Plain prose of exactly that many characters; sentences are numbered, so that a gap or a repeat is seen."""
    if characters <= 0:
        return ""
    said: list[str] = []
    length = 0
    for number, sentence in enumerate(_endless(), start=1):
        break_ = "" if not said else "\n\n" if number % 6 == 1 else " "
        said.append(f"{break_}{number}: {sentence}.")
        length += len(said[-1])
        if length >= characters:
            break
    words = "".join(said)[:characters]
    # The last character is never a space or a newline, which a platform would trim from the end of a message.
    return words[:-1] + "." if words[-1].isspace() else words


def _endless() -> Iterator[str]:
    while True:
        yield from _SENTENCES


@cache
def long() -> str:
    """Sections of every kind until 30,000 characters are full."""
    kinds = (_paragraphs, _list, _table, _code)
    parts = [
        "# A long answer\n\nIt has many numbered sections, so that one can see whether each of them arrived."
    ]
    section = 0
    while sum(map(len, parts)) + 2 * len(parts) < LONG:
        section += 1
        parts.append(f"## Section {section}\n\n{kinds[section % len(kinds)](section)}")
    whole = "\n\n".join(parts)
    ending = f"\n\nThat was all of it: {section} sections."
    # The last section may be cut in the middle of anything, so it is replaced by prose of the missing length.
    start = whole.rindex(f"## Section {section}\n\n") + len(f"## Section {section}\n\n")
    while (missing := LONG - len(ending) - start) < 40:
        section -= 1
        heading = f"## Section {section}\n\n"
        start = whole.rindex(heading) + len(heading)
        ending = f"\n\nThat was all of it: {section} sections."
    return whole[:start] + prose(missing) + ending


def _paragraphs(section: int) -> str:
    return prose(700 + 37 * (section % 5))


def _list(section: int) -> str:
    rows = [
        f"{row}. **Point {section}.{row}**: {_SENTENCES[(section * 3 + row) % len(_SENTENCES)].lower()}."
        for row in range(1, 9)
    ]
    rows.insert(4, "   - with a remark below it,\n   - and a second one.")
    return "\n".join(rows)


def _table(section: int) -> str:
    head = "| Row | Word | Square | Remark |\n| ---: | :--- | ---: | --- |\n"
    return head + "\n".join(
        f"| {section}.{row} | {_SENTENCES[row % len(_SENTENCES)].split()[1]} | {(section * row) ** 2} | `r{row}` of *{section}* |"
        for row in range(1, 11)
    )


def _code(section: int) -> str:
    lines = "\n".join(
        f"    total += step_{row}(values, limit={section * row})  # {_SENTENCES[row % len(_SENTENCES)].lower()}"
        for row in range(1, 13)
    )
    return (
        f"This is what part {section} looks like as a program:\n\n"
        f"```python\ndef part_{section}(values: list[int]) -> int:\n    total = 0\n{lines}\n    return total\n```\n\n"
        f"It returns `0` for an empty list, which part {section + 1} relies on."
    )


# ---------------------------------------------------------------------------------------------------- tools and thinking

_THOUGHTS = (
    "The question is about the hundredth day of a calendar that starts on a Monday. A week has seven days, so I "
    "divide: ninety-nine days after the first is fourteen weeks and one day. That would be a Tuesday. But two "
    "holidays were taken out, so every later day moves on by two. Tuesday, Wednesday, Thursday. I should show the "
    "steps, not only the result."
)


def _with_tools(question: str, turn: int, tools: Sequence[Mapping[str, Any]]) -> Script:
    """First a sentence and a call of the first tool on offer, then, with its result, the answer."""
    if turn:
        return Script.say(f"The tool has answered, so now I can too.\n\n{default(question)}")
    offered = [tool for tool in tools if "input_schema" in tool]
    name = str(offered[0].get("name", "")) if offered else "get_weather"
    schema = offered[0]["input_schema"] if offered else {"properties": {"city": {"type": "string"}}}
    call = ToolUse(name, _fill(schema, prompt.without(question)))
    return Script((Text("Let me look that up."), call), stop_reason="tool_use")


def _fill(schema: Any, words: str) -> dict[str, Any]:
    """Values that a tool's schema accepts."""
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    return {name: _value(kind, words) for name, kind in properties.items() if isinstance(kind, Mapping)}


def _value(kind: Mapping[str, Any], words: str) -> Any:
    if kind.get("enum"):
        return kind["enum"][0]
    match kind.get("type"):
        case "integer" | "number":
            return kind.get("minimum", 3)
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return _fill(kind, words)
        case _:
            return " ".join(words.split()[:6]) or "Lisbon"


def _with_search(question: str) -> Script:
    query = " ".join(prompt.without(question).split()[:8]) or "tallest lighthouse"
    page = {
        "type": "web_search_result",
        "title": "Lighthouses of the world",
        "url": "https://lighthouses.example/tallest",
        "encrypted_content": "Eo8BCioIARgBIiQ2ZTk",
        "page_age": "March 3, 2026",
    }
    citation = {
        "type": "web_search_result_location",
        "cited_text": "The Jeddah light, 133 m, is the tallest that is still in service.",
        "url": page["url"],
        "title": page["title"],
        "encrypted_index": "Eo8BCioIARgBIiQ3",
    }
    blocks: tuple[Block, ...] = (
        Text("I will search for that. "),
        ServerTool("web_search", {"query": query}, results=(page,), seconds=2.0),
        Text(text("search"), citations=(citation,)),
    )
    return Script(blocks)
