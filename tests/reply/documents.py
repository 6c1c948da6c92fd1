"""Texts to try pages on: what people wrote, what specifications list, and what nobody would write.

Corpora that are not part of the repository are used where they lie, and the tests say so where they do not.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import re
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "corpora"
SCRIPTS = ROOT / "sandbox" / "claude" / "scripts"
_SPECIFICATIONS = ("/tests/spec/commonmark.txt", "/tests/spec/gfm.txt")
_EXAMPLE = re.compile(r"^`{32} example[^\n]*\n(.*?)^\.\n", re.MULTILINE | re.DOTALL)
# Where systems keep what packages say of themselves; this Python's own packages are found in any case.
_USUAL = (
    sysconfig.get_path("purelib", vars={"base": sys.base_prefix}),
    "/usr/lib/python3/dist-packages",
    "/usr/lib/node_modules",
    "/usr/local/lib/node_modules",
    "/usr/share/doc",
)


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
    """The descriptions of the installed packages, and what else is installed and written in Markdown.

    READMES, a list of folders as in PATH, says where else to look; without it the usual places are searched.
    """
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        found[str(package.name)] = str(package.metadata.json.get("description") or "")
    for folder in _folders():
        for path in sorted(folder.rglob("*.md")):
            found[str(path)] = path.read_text(errors="replace") if path.is_file() else ""
        for path in sorted(folder.rglob("*.dist-info/METADATA")):
            found[path.parent.name] = path.read_text(errors="replace").partition("\n\n")[2]
    texts = {
        name: text.replace("\r\n", "\n") for name, text in sorted(found.items()) if len(text.strip()) > 200
    }
    return {name: text for text, name in {text: name for name, text in texts.items()}.items()}


def _folders() -> Iterator[Path]:
    given = os.environ.get("READMES")
    places = given.split(os.pathsep) if given is not None else _USUAL
    return (Path(place) for place in places if place and Path(place).is_dir())


def specification() -> dict[str, str]:
    """The examples of CommonMark and of GitHub's flavour, out of an archive that `make properties` fetches.

    The specifications are under a licence that is not this repository's, so no copy of them is part of it.
    """
    found: dict[str, str] = {}
    for archive in sorted((ROOT / ".corpora").glob("*.tar.gz")):
        with tarfile.open(archive) as files:
            for member in files:
                if member.name.endswith(_SPECIFICATIONS) and (file := files.extractfile(member)) is not None:
                    text = file.read().decode()
                    for number, example in enumerate(_EXAMPLE.findall(text), 1):
                        found[f"{Path(member.name).stem} {number}"] = example.replace("→", "\t")
    return found


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
