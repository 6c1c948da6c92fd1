"""Texts to try pages on: what people wrote, what specifications list, and what nobody would write.

Corpora that are not part of the repository are used where they lie, and the tests say so where they do not.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "corpora"
SCRIPTS = ROOT / "sandbox" / "claude" / "scripts"


def scripts() -> dict[str, str]:
    """The sandbox's scripted answers."""
    return {path.stem: path.read_text() for path in sorted(SCRIPTS.glob("*.md"))}


def answers() -> dict[str, str]:
    """Long answers that models gave; empty where the folder is absent."""
    path = SHARED / "answers.jsonl"
    if not path.exists():
        return {}
    return {f"answer {n}": json.loads(line)["text"] for n, line in enumerate(path.read_text().splitlines())}


def readmes() -> dict[str, str]:
    """The descriptions of the installed packages."""
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        text = str(package.metadata.json.get("description") or "")
        if text.strip():
            found[str(package.name)] = text.replace("\r\n", "\n")
    return dict(sorted(found.items()))


def specification() -> dict[str, str]:
    """CommonMark's examples, where a copy of them lies in the shared folder."""
    path = SHARED / "commonmark.json"
    if not path.exists():
        return {}
    return {f"example {each['example']}": each["markdown"] for each in json.loads(path.read_text())}


# What Markdown is made of. Random texts of these hit more of its corners than random characters do.
ATOMS = (
    "word", "a", "B.", "1", "42", "\n", "\n\n", " ", "  ", "    ", "\t", "*", "**", "***", "_", "__", "~~", "`", "``", "```",
    "```py\n", "````\n", "~~~\n", "[", "]", "](", ")", "(", "![", "[x](https://a.b/c)", "[x][y]", "[y]: /u\n", "<", ">", "<b>",
    "</b>", "<br>", "<https://a.b>", "<@U123>", "<!channel>", "@everyone", "<@123456789012345678>", "<#12>", "https://a.b/c_d_e",
    "> ", "> > ", "- ", "* ", "+ ", "1. ", "2) ", "10. ", "- [ ] ", "- [x] ", "# ", "## ", "#### ", "---", "===", "***\n", "|",
    "| a | b |\n", "|---|---|\n", "| 1 | 2 |\n", "\\", "\\*", "&amp;", "&lt;", "&#42;", "$x^2$", "$", "$$", "\\(", "\\)", "[^1]", "[^1]: ",
    "||", "-# ", ":smile:", "é", "日本語。", "👨‍👩‍👧", "🇩🇪", "e\u0301", "\u200d", "\u202e", "\0", "\r\n", "\r", "\x0b", "\ufeff",
    "Sentence one. ", "Sentence two! ", "discord.gg/abc", "<t:1:R>", "</ask:1>", "<!-- c -->", "<div>\n", "</div>\n",
)  # fmt: skip


def invented(seed: int, atoms: int = 40) -> str:
    """A text that nobody would write, always the same for a seed."""
    chance = random.Random(seed)
    favourites = chance.sample(ATOMS, 12)
    return "".join(chance.choice(favourites if chance.random() < 0.7 else ATOMS) for _ in range(atoms))


def mutated(text: str, seed: int) -> str:
    """A text with pieces cut out, doubled or replaced."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(text) + 1)
        end = min(len(text), at + chance.randint(0, 30))
        middle = chance.choice(
            ["", text[at:end] * 2, chance.choice(ATOMS), chance.choice(ATOMS) * chance.randint(1, 200)]
        )
        text = text[:at] + middle + text[end:]
    return text


def pathological() -> Iterator[tuple[str, str]]:
    """What makes parsers slow: deep nesting and long runs."""
    for name, piece in {
        "brackets": "[", "closing brackets": "]", "images": "![", "links": "[a](", "stars": "*a ", "mixed stars": "*a **b ", "ticks": "`a``b",
        "quotes": "> ", "quotes in lines": "> a\n> > b\n", "lists": "- ", "numbers": "1. ", "nested": " - a\n", "underscores": "_a_b", "entities": "&a",
        "angles": "<a ", "tildes": "~~a ", "bars": "| a ", "rows": "| a | b |\n|---|---|\n", "fences": "```\n", "hashes": "# ", "dollars": "$a ",
        "escapes": "\\", "parens": "\\(a", "references": "[a][b]", "definitions": "[a]: b\n", "html": "<div>\n", "ats": "@everyone ", "newlines": "\n",
        "spaces": " ", "nulls": "\0", "family": "👨‍👩‍👧", "flags": "🇩🇪", "marks": "e\u0301\u0302\u0303", "word": "x",
    }.items():  # fmt: skip
        yield name, piece * (12_000 // len(piece))
